"""One video out of clips, speech and words: pictures timed to the narration, cross-fades, subtitles burned in and as a track.

The picture is drawn frame by frame in one thread and encoded in another, in the planes of the encoder (I420): blending is
linear there as well, and half as much to move. Equal input gives equal bytes. The result is H.264 and AAC in MP4: tagged
BT.709, constant frame rate, index first, sound and picture ending together.
"""

import math
import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from jobs.generate import audio, lettering
from jobs.generate.lettering import Overlay
from jobs.generate.mp4 import written
from jobs.generate.narrator import Cue, Speech

Frames = NDArray[np.uint8]
Picture = NDArray[np.uint8]
"""RGB [H, W, 3]."""
Planes = NDArray[np.uint8]
"""I420, BT.709 limited range: [H * 3 / 2, W]."""

SUBTITLE_SIZE, SUBTITLE_WIDTH, SUBTITLE_LINES = 0.062, {"9:16": 0.88, "1:1": 0.88, "16:9": 0.8}, 3
"""Shares of the short side and of the width."""
SUBTITLE_BOTTOM = {"9:16": 0.86, "1:1": 0.93, "16:9": 0.92}
"""Lower edge of the words, as a share of the height: below it the buttons of portrait players lie."""
HOLD_S = 0.25
"""Longest gap between two subtitles that the first one fills."""
CROSSFADE_S, CROSSFADE_SHARE = 0.45, 0.3
"""Length of a cross-fade, and at most this share of the shorter shot."""
SLOWEST = 2.0
"""A clip that is too short for its shot is slowed down by at most this, then played back and forth."""
ZOOM = (1.02, 1.13)
"""A still picture is shown at these magnifications, first and last; every second one the other way round."""
CANVAS_PLAY = 1.15
SAME_SHAPE = 0.03
"""Shapes that differ by no more are stretched."""
BLUR_SHARE, BLUR_LIGHT = 1 / 24, 0.6


@dataclass(frozen=True)
class Scene:
    """What is seen in one shot: frames [T, H, W, 3] at a rate; one frame is a still picture."""

    frames: Frames
    fps: float


@dataclass(frozen=True)
class Canvas:
    """The picture that is made.

    Attributes:
        aspect: 9:16, 16:9 or 1:1.
        short_side_px: Short side; both sides are even.
        fps: Frames a second.
        fill: What fills the frame where a clip has another shape.
        font: Path of a font, empty for the one in the repository.
    """

    aspect: str
    short_side_px: int
    fps: int
    fill: Literal["blur", "crop"] = "blur"
    font: str = ""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels: exactly the aspect, since the short side is a multiple of 18 on the way there."""
        short = self.short_side_px // 18 * 18 if self.aspect != "1:1" else self.short_side_px // 2 * 2
        long = short * 16 // 9
        return {"9:16": (short, long), "16:9": (long, short), "1:1": (short, short)}[self.aspect]


class Look(Protocol):
    """A shot as a function of time."""

    def at(self, t_s: float) -> Planes:
        """The picture `t_s` seconds after the shot began; a little before and after it too. Not to be written to."""


def compose(
    scenes: Sequence[Scene], speech: Speech, canvas: Canvas, *, label: Overlay | None = None, loudness_lufs: float = -16.0,
    music: str = "", metadata: Mapping[str, str] | None = None, lang: str = "zh",
) -> bytes:
    """Make the MP4.

    Args:
        scenes: One for each shot of the speech.
        speech: The narration; its shots and cues time everything.
        canvas: Size, rate and fill.
        label: Laid over every frame, last.
        loudness_lufs: Of the sound.
        music: Path of a music bed, or empty.
        metadata: Tags of the container.
        lang: BCP 47, for the tracks.

    Raises:
        ValueError: no scene for a shot, or one without frames.
    """
    if len(scenes) != len(speech.shots) - 1 or not all(len(s.frames) for s in scenes):
        raise ValueError(f"{len(scenes)} scenes for {len(speech.shots) - 1} shots, each with frames")
    speech = replace(speech, cues=held(speech.cues))
    count = math.ceil(speech.duration_s * canvas.fps - 1e-6)
    with ThreadPoolExecutor(1) as beside:
        sound = beside.submit(audio.finish, speech.sound, speech.rate, count / canvas.fps, loudness_lufs, music)
        pictures = _ahead(_frames(draw(scenes, speech, canvas, count, label), canvas.fps))
        return written(pictures, sound, speech.cues, canvas.size, canvas.fps, metadata or {}, lang)


def draw(
    scenes: Sequence[Scene], speech: Speech, canvas: Canvas, count: int, label: Overlay | None = None
) -> Iterator[Planes]:
    """All frames in order, in one buffer: each is over when the next is asked for."""
    import cv2

    ends = speech.shots
    lengths = [end - start for start, end in pairwise(ends)]
    looks = [look(scene, canvas, lengths[i], i) for i, scene in enumerate(scenes)]
    fades = [min(CROSSFADE_S, CROSSFADE_SHARE * min(pair)) for pair in pairwise(lengths)]
    words = [lettering.stamp(subtitle(cue.text, canvas)) for cue in speech.cues]
    mark = lettering.stamp(label) if label is not None else None
    width, height = canvas.size
    frame = np.empty((height * 3 // 2, width), np.uint8)
    shot = 0
    for n in range(count):
        t_s = n / canvas.fps
        while shot < len(fades) and t_s >= ends[shot + 1] + fades[shot] / 2:
            shot += 1
        if shot < len(fades) and t_s > ends[shot + 1] - fades[shot] / 2:
            share = (t_s - ends[shot + 1]) / fades[shot] + 0.5
            old, new = looks[shot].at(t_s - ends[shot]), looks[shot + 1].at(t_s - ends[shot + 1])
            cv2.addWeighted(old, 1 - share, new, share, 0, frame)
        else:
            np.copyto(frame, looks[shot].at(t_s - ends[shot]))
        for cue, stamp in zip(speech.cues, words, strict=True):
            if cue.start_s <= t_s < cue.end_s:
                lettering.laid(stamp, frame)
        if mark is not None:
            lettering.laid(mark, frame)
        yield frame


# ---- pictures


def look(scene: Scene, canvas: Canvas, seconds: float, index: int) -> Look:
    """A clip as it moves, or a still picture under a moving camera."""
    return Still(scene.frames[0], canvas, seconds, index) if len(scene.frames) == 1 else Moving(scene, canvas, seconds)


class Moving:
    """A clip stretched to its shot: slowed down a little, then back and forth; frames in between are blended."""

    def __init__(self, scene: Scene, canvas: Canvas, seconds: float) -> None:
        self._last = len(scene.frames) - 1
        native_s = self._last / scene.fps
        self._rate = scene.fps / min(max(1.0, seconds / native_s), SLOWEST)
        self._fitted = lru_cache(maxsize=3)(lambda i: planes(fitted(scene.frames[i], canvas.size, canvas.fill)))
        self._blended: Planes | None = None

    def at(self, t_s: float) -> Planes:
        """See Look."""
        import cv2

        place = abs(t_s * self._rate) % (2 * self._last)
        place = 2 * self._last - place if place > self._last else place
        first, share = int(place), place - int(place)
        if share < 1 / 64:
            return self._fitted(first)
        pair = self._fitted(first), self._fitted(min(first + 1, self._last))
        self._blended = cv2.addWeighted(pair[0], 1 - share, pair[1], share, 0, self._blended)
        assert self._blended is not None
        return self._blended


class Still:
    """A picture under a camera that slowly moves in, or out."""

    def __init__(self, picture: Picture, canvas: Canvas, seconds: float, index: int) -> None:
        self._size, self._seconds, self._index = canvas.size, seconds, index
        large = (round(canvas.size[0] * CANVAS_PLAY / 4) * 4, round(canvas.size[1] * CANVAS_PLAY / 4) * 4)
        self._canvas = split(planes(fitted(picture, large, canvas.fill)))
        self._frame = np.empty((canvas.size[1] * 3 // 2, canvas.size[0]), np.uint8)

    def at(self, t_s: float) -> Planes:
        """See Look."""
        import cv2

        way = min(1.2, max(-0.2, t_s / self._seconds))
        near, far = ZOOM if self._index % 2 == 0 else ZOOM[::-1]
        share = 1 / (near + (far - near) * way)  # of the canvas that is seen
        pan = min(1.0, max(0.0, 0.5 + 0.5 * (way - 0.5) * (1 if self._index % 4 < 2 else -1)))
        for source, target in zip(self._canvas, split(self._frame), strict=True):
            (large_h, large_w), (height, width) = source.shape, target.shape
            matrix = np.array([[large_w * share / width, 0, large_w * (1 - share) * pan],
                               [0, large_h * share / height, large_h * (1 - share) / 2]], np.float64)
            cv2.warpAffine(source, matrix, (width, height), target, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                           borderMode=cv2.BORDER_REPLICATE)
        return self._frame


def planes(picture: Picture) -> Planes:
    """RGB of even sides as the encoder takes it."""
    import av

    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
    return np.asarray(frame.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG").to_ndarray())


def split(whole: Planes) -> tuple[Planes, Planes, Planes]:
    """Views of luma and the two chroma planes."""
    width, height = whole.shape[1], whole.shape[0] * 2 // 3
    flat, luma, chroma = whole.reshape(-1), width * height, width * height // 4
    half = (height // 2, width // 2)
    return (flat[:luma].reshape(height, width), flat[luma:luma + chroma].reshape(half), flat[luma + chroma:].reshape(half))


def fitted(picture: Picture, size: tuple[int, int], fill: str) -> Picture:
    """A picture in a frame of another shape: cropped to cover it, or whole on a blurred and darkened enlargement of itself."""
    import cv2

    width, height = size
    h, w = picture.shape[:2]
    if abs((w / h) / (width / height) - 1) <= SAME_SHAPE:
        return np.asarray(_resized(picture, width, height))
    cover = max(width / w, height / h)
    if fill == "crop":
        return _centre(_resized(picture, math.ceil(w * cover), math.ceil(h * cover)), width, height)
    small = (max(2, width // 8), max(2, height // 8))
    scale = max(small[0] / w, small[1] / h)
    ground = _centre(_resized(picture, math.ceil(w * scale), math.ceil(h * scale)), *small)
    ground = cv2.GaussianBlur(ground, (0, 0), max(small) * BLUR_SHARE)
    ground = cv2.resize(cv2.convertScaleAbs(ground, alpha=BLUR_LIGHT), size, interpolation=cv2.INTER_CUBIC)
    inside = min(width / w, height / h)
    sharp = _resized(picture, round(w * inside), round(h * inside))
    top, left = (height - sharp.shape[0]) // 2, (width - sharp.shape[1]) // 2
    ground[top:top + sharp.shape[0], left:left + sharp.shape[1]] = sharp
    return np.asarray(ground)


def _resized(picture: Picture, width: int, height: int) -> Picture:
    import cv2

    way = cv2.INTER_AREA if width < picture.shape[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (width, height), interpolation=way))


def _centre(picture: Picture, width: int, height: int) -> Picture:
    top, left = (picture.shape[0] - height) // 2, (picture.shape[1] - width) // 2
    return np.ascontiguousarray(picture[top:top + height, left:left + width])


# ---- words


def subtitle(text: str, canvas: Canvas) -> Overlay:
    """The words of a cue in the safe area; they shrink where they would need more than SUBTITLE_LINES lines."""
    width, height = canvas.size
    size_px = round(min(width, height) * SUBTITLE_SIZE)
    while True:
        lines = lettering.wrap(shown(text), width * SUBTITLE_WIDTH[canvas.aspect], size_px, canvas.font)
        if len(lines) <= SUBTITLE_LINES or size_px <= 14:
            break
        size_px = round(size_px * 0.9)
    overlay = lettering.drawn(lines, size_px, canvas.font)
    high, wide = overlay.rgb.shape[:2]
    return replace(overlay, x=(width - wide) // 2, y=round(height * SUBTITLE_BOTTOM[canvas.aspect]) - high)


def held(cues: Sequence[Cue]) -> tuple[Cue, ...]:
    """The cues, each until the next where that follows within HOLD_S: words that vanish for a frame or two flicker."""
    ends = [after.start_s if after.start_s - cue.end_s < HOLD_S else cue.end_s for cue, after in pairwise(cues)]
    return (*(replace(cue, end_s=end) for cue, end in zip(cues, ends, strict=False)), *cues[-1:])


def shown(text: str) -> str:
    """A cue as it is read: without the comma or full stop that ends it."""
    return text.strip().rstrip("，。、；：,.;:")


# ---- the line to the encoder


def _frames(pictures: Iterator[Planes], fps: int) -> Iterator[Any]:
    """Frames for the encoder, each with its own copy of the planes."""
    import av

    for n, picture in enumerate(pictures):
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts, frame.time_base = n, Fraction(1, fps)
        yield frame


def _ahead(pictures: Iterator[Any], room: int = 8) -> Iterator[Any]:
    """Draw in another thread, a few pictures ahead of the encoder."""
    ready: queue.Queue[Any] = queue.Queue(room)
    stop = threading.Event()

    def put(item: Any) -> bool:
        while not stop.is_set():
            try:
                ready.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            for picture in pictures:
                if not put(picture):
                    return
            put(None)
        except BaseException as error:
            put(error)

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        worker.join()

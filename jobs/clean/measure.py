"""The one decode pass: every column of `clips` that is not text, for a video, a picture or a sound.

A source is opened once and demuxed once, forward; every frame is decoded at most once, by one thread. Each frame is reduced
to its signals (`jobs.media.planes`); twice a second one is scaled, once, and all measurements of pictures derive from that;
sound is cut into blocks that the measurements of sound hear. Shots and clips are made of the stored numbers afterwards.

`measure_source` runs the pass in the sandbox; `measure_file` is what runs there.
"""

import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from jobs.clean import shots
from jobs.clean.measures import (
    MONO_BLOCK,
    MONO_BLOCK_S,
    MONO_RATE_HZ,
    NATIVE_BLOCK_S,
    Floats,
    Hearer,
    Measurement,
    Picture,
    Pixels,
    Span,
    measurements,
)
from jobs.media import child, sandbox
from jobs.media.faults import (
    EmptyFile,
    MissingFile,
    NoMedia,
    NotRegularFile,
    PartlyUndecodable,
    Playlist,
    TooManyFrames,
    TooManyPixels,
    Undecodable,
    UnknownFormat,
    Unreadable,
)
from jobs.media.planes import SIGNALS, THUMB, Grid, plane_array
from jobs.media.probe import (
    HDR_TRANSFERS,
    HEAD_BYTES,
    Kind,
    NotRegular,
    container_seconds,
    depth,
    has_alpha,
    open_media,
    origin_s,
    picture_stream,
    regular,
    sniff,
    sound_stream,
)
from schemas.settings import Measure

PAIR_S = 0.1
"""Least distance of the second picture that motion is measured with."""
JPEG_QUALITY = 85
RAW = 160
"""Candidates of stored frames that wait unencoded, the latest ones: most are never stored, and 160 take some 20 MB."""
PROMISED = frozenset({"mp4", "mov", "3gp", "m4a", "webm", "matroska", "avi", "wav", "flac"})
"""Containers whose stated length is binding: much less decoded than promised means that the file is cut off."""
HONEST_S = 86_400.0
"""Longer lengths are nonsense in a header, not a promise."""
GATHER_S = 2.0
"""Sound that is worked on at a time."""
LAST_S = 5.0
"""Longest stated duration of a last frame that is believed."""
GAP_S = 5.0
"""Gaps in the times of sound up to this length are filled with silence."""


@dataclass(frozen=True)
class Measured:
    """What the pass made of one source.

    Attributes:
        modality: Of the content: a video container with sound alone is `audio`.
        clips: One dict per clip with the columns of `clips` from start_s to audio_fingerprint.
        damage: Share of packets and frames that could not be decoded, 0..1.
        duration_s: Length that was decoded.
        frames: Frames decoded.
    """

    modality: str
    clips: list[dict[str, Any]]
    damage: float
    duration_s: float
    frames: int


def measure_source(path: str | os.PathLike[str], modality: str, settings: Measure) -> Measured:
    """Measure one source in the sandbox of this process.

    Args:
        path: A local file.
        modality: What the source is said to be; what it is decides its content.
        settings: The section `measure` of the recipe.

    Raises:
        MediaFault: one of its subclasses, each with its reason code and a sentence of detail.
    """
    limits = sandbox.Limits(settings.min_limit_s, settings.seconds_per_second, settings.max_memory_mb)
    arguments = {"path": os.fspath(path), "modality": modality, "settings": settings.model_dump()}
    return Measured(**sandbox.call("jobs.clean.measure:measure_file", arguments, limits))


def measure_file(path: str, modality: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """`measure_source` without the sandbox, on plain values."""
    import cv2

    cv2.setNumThreads(1)
    options = Measure.model_validate(settings)
    try:
        with regular(path) as file:
            return asdict(_measure(file, options))
    except NotRegular:
        raise NotRegularFile(f"{path} is a pipe, socket, device or folder") from None
    except FileNotFoundError:
        raise MissingFile(f"{path} is not there") from None
    except PermissionError as error:
        raise Unreadable(f"{path}: {error.strerror}") from None


def warm() -> None:
    """Load and compile everything that a confined process could not load or compile later."""
    from jobs.clean.measures.speech import detector
    from jobs.media.picture import open_picture, rgb

    measurements()
    detector()
    del open_picture, rgb
    _warm_pass()


def _measure(file: BinaryIO, settings: Measure) -> Measured:
    head = file.read(HEAD_BYTES)
    file.seek(0)
    kind = sniff(head)
    if not head:
        raise EmptyFile
    if kind.modality == "playlist":
        raise Playlist(f"a {kind.container} playlist; the files it names are not opened")
    if kind.modality in ("unknown", "text"):
        raise UnknownFormat(f"the content is {'text' if kind.modality == 'text' else 'of no known format'}")
    return _measure_container(file, kind, settings) if kind.demuxer else _measure_pictures(file, settings)


def _measure_pictures(file: BinaryIO, settings: Measure) -> Measured:
    """A still picture, or an animation that FFmpeg does not read."""
    from jobs.media import picture

    image = picture.open_picture(file, settings.max_pixels)
    moving = picture.frames(image) > 1
    seen = Seen(settings)
    facts = {
        "rotation_deg": 0,
        "sar": 1.0,
        "bit_depth": picture.bits(image),
        "hdr": False,
        "alpha": picture.stored_alpha(image),
        "video_codec": (image.format or "").lower(),
    }
    end_s = 0.0
    if not moving:
        pixels = picture.rgb(image)
        seen.see(_frame(pixels), 0.0)
    else:
        for start, seconds, pixels in picture.pictures(image, settings.max_frames):
            seen.see(_frame(pixels), start)
            end_s = start + seconds
            child.progress(end_s)
    facts |= {"width": pixels.shape[1], "height": pixels.shape[0], "interlaced": False}
    return _finish("video" if moving else "image", seen, None, end_s, facts, settings, 0.0)


def _frame(pixels: Pixels) -> Any:
    import av

    return av.VideoFrame.from_ndarray(pixels, format="rgb24")


def _measure_container(file: BinaryIO, kind: Kind, settings: Measure) -> Measured:
    import av

    try:
        container = open_media(file, kind)
    except av.error.FFmpegError as error:
        raise Undecodable(f"the {kind.container} header is broken: {error.strerror}") from None
    with container as opened:
        return _Pass(opened, kind, settings).run()


class _Pass:
    """Demuxes one container and hands frames and sound to those who measure."""

    def __init__(self, container: Any, kind: Kind, settings: Measure) -> None:
        self.container, self.kind, self.settings = container, kind, settings
        self.video: Any = picture_stream(container)
        self.audio: Any = sound_stream(container)
        if self.video is None and self.audio is None:
            raise NoMedia(f"a {kind.container} container without a picture or sound stream")
        self.origin = origin_s(container)
        self.seen = Seen(settings)
        self.heard: Heard | None = None
        self.facts: dict[str, Any] = {}
        self.bad_frames = self.good_frames = self.bad_sound = self.good_sound = self.interlaced = 0
        self.last_t = self.first_t = math.nan
        self.last_duration = 0
        self.step_s = 1 / 25
        self.tick_s, self.sound_tick_s = (
            float(s.time_base) if s is not None and s.time_base else 0.0 for s in (self.video, self.audio)
        )
        if self.video is not None:
            self._prepare_video()

    def _prepare_video(self) -> None:
        stream, context, settings = self.video, self.video.codec_context, self.settings
        stream.thread_type, context.thread_count = "NONE", 1
        context.options = {**(context.options or {}), "max_pixels": str(settings.max_pixels)}
        if context.width * context.height > settings.max_pixels:
            raise TooManyPixels(f"{context.width} x {context.height} pixels; the limit is {settings.max_pixels}")
        if stream.frames > settings.max_frames:
            raise TooManyFrames(f"{stream.frames} frames stated; the limit is {settings.max_frames}")
        rate = stream.average_rate or stream.guessed_rate
        if rate and 0 < rate <= 1000:
            self.step_s = float(1 / rate)

    def run(self) -> Measured:
        import av
        from av.stream import Discard

        wanted = [s for s in (self.video, self.audio) if s is not None]
        for stream in self.container.streams:
            if all(stream.index != s.index for s in wanted):
                stream.discard = Discard.all
        broke_off = ""
        packets = self.container.demux(*wanted)
        while True:
            try:
                packet = next(packets, None)
            except av.error.FFmpegError as error:
                broke_off = error.strerror or str(error)
                break
            except IndexError:  # PyAV flushes streams that came up on the way and that it does not know, after those it knows.
                break
            if packet is None:
                break
            self._take(packet)
        return self._end(broke_off)

    def _take(self, packet: Any) -> None:
        import av

        picture = self.video is not None and packet.stream_index == self.video.index
        if not picture and (self.audio is None or packet.stream_index != self.audio.index):
            return  # Some containers announce further streams on the way.
        try:
            frames = packet.decode()
        except av.error.FFmpegError as error:
            if getattr(error, "errno", 0) == 12:
                raise MemoryError from None
            if picture:
                self.bad_frames += 1
            else:
                self.bad_sound += 1
            return
        for frame in frames:
            if isinstance(frame, av.VideoFrame) != picture:  # A broken container may turn a track into one of another kind.
                self.bad_frames, self.bad_sound = self.bad_frames + picture, self.bad_sound + (not picture)
            elif picture:
                self._see(frame)
            else:
                self._hear(frame)

    def _see(self, frame: Any) -> None:
        pts = frame.pts
        t = pts * self.tick_s - self.origin if pts is not None else math.nan
        if self.good_frames == 0:
            self._first(frame)
            t = t if math.isfinite(t) else 0.0
            self.first_t = t
        elif not t > self.last_t:
            t = self.last_t + self.step_s if not math.isfinite(t) else self.last_t + 1e-3
        self.last_t = t
        self.last_duration = frame.duration
        self.good_frames += 1
        if self.good_frames > self.settings.max_frames:
            raise TooManyFrames(f"more than {self.settings.max_frames} frames")
        if frame.is_corrupt:
            self.bad_frames += 1
        if frame.interlaced_frame:
            self.interlaced += 1
        self.seen.see(frame, t)
        if self.good_frames % 16 == 0:
            child.progress(t - self.first_t)

    def _first(self, frame: Any) -> None:
        rotation = round(-frame.rotation / 90) * 90 % 360
        ratio = self.video.sample_aspect_ratio
        sar = float(ratio) if ratio and 0.05 < ratio < 20 else 1.0
        width, height = max(1, round(frame.width * sar)), frame.height
        if rotation in (90, 270):
            width, height = height, width
        self.facts |= {
            "rotation_deg": rotation, "sar": sar, "width": width, "height": height, "bit_depth": depth(frame.format),
            "hdr": int(frame.color_trc) in HDR_TRANSFERS, "alpha": has_alpha(self.video),
            "video_codec": self.video.codec_context.codec.canonical_name,
        }
        self.seen.shape(sar, rotation, int(frame.colorspace))

    def _hear(self, frame: Any) -> None:
        if self.heard is None:
            context = self.audio.codec_context
            if frame.sample_rate <= 0 or not frame.layout.nb_channels:
                self.bad_sound += 1
                return
            self.heard = Heard(frame.sample_rate, frame.layout.nb_channels)
            self.facts |= {"audio_codec": context.codec.canonical_name, "sample_rate_hz": frame.sample_rate,
                           "channels": frame.layout.nb_channels}
        self.good_sound += 1
        pts = frame.pts
        self.heard.hear(frame, pts * self.sound_tick_s - self.origin if pts is not None else None)
        if self.video is None and self.good_sound % 64 == 0:
            child.progress(self.heard.seconds)

    def _end(self, broke_off: str) -> Measured:
        settings = self.settings
        damage = self.bad_frames / max(self.bad_frames + self.good_frames, 1)
        sound_damage = self.bad_sound / max(self.bad_sound + self.good_sound, 1)
        heard = self.heard
        if heard is not None:
            heard.finish()
        if heard is not None and (heard.seconds <= 0 or (sound_damage > settings.max_damage and self.video is not None)):
            heard = None
        if self.good_frames == 0 and heard is None:
            raise Undecodable(
                f"no frame could be decoded ({broke_off or f'{self.bad_frames + self.bad_sound} packets failed'})"
            )
        if self.good_frames == 0 and self.video is not None:
            if self.bad_frames > 0:
                raise Undecodable(f"none of {self.bad_frames} packets of the picture could be decoded")
            self.video = None
        if self.video is None:
            damage = sound_damage
        if damage > settings.max_damage:
            raise PartlyUndecodable(
                f"{damage:.0%} of the {'picture' if self.video is not None else 'sound'} could not be decoded"
            )
        if self.video is not None:
            self.facts["interlaced"] = self.interlaced > 0.5 * self.good_frames
        end_s = self.last_t + self._last_gap() if self.video is not None else 0.0
        self._keep_promise(end_s, heard, broke_off)
        return _finish("video" if self.video is not None else "audio", self.seen, heard, end_s, self.facts, settings, damage)

    def _last_gap(self) -> float:
        """How long the last frame is shown: as it says, up to LAST_S, else as long as frames usually are."""
        stated = (self.last_duration or 0) * self.tick_s
        if 0 < stated <= LAST_S:
            return stated
        return self.seen.usual_gap_s() or min(self.step_s, 1.0)

    def _keep_promise(self, end_s: float, heard: "Heard | None", broke_off: str) -> None:
        """Refuse a file of which much less could be decoded than its header binds itself to."""
        got = max(end_s - (self.first_t if self.video is not None else 0.0), heard.seconds if heard is not None else 0.0)
        stated = container_seconds(self.container)
        frames = self.video.frames if self.video is not None else 0
        share = 1.0
        if self.kind.container in PROMISED and stated is not None and stated < HONEST_S and stated > 0.5:
            share = min(share, got / stated)
        if frames > 10 and not self._edited(frames):
            share = min(share, (self.good_frames + self.bad_frames) / frames)
        if share < 1 - self.settings.max_damage:
            raise PartlyUndecodable(f"only {share:.0%} of what the header promises is there"
                                    + (f" ({broke_off})" if broke_off else ""))

    def _edited(self, frames: int) -> bool:
        """An edit list may show fewer frames than are stored."""
        stream = self.video
        if not stream.duration or not stream.time_base or stream.average_rate is None:
            return True
        return bool(float(stream.duration * stream.time_base) * float(stream.average_rate) < 0.9 * frames)


class Seen:
    """Everything kept of the pictures: signals and a thumb per frame, numbers per sampled picture, candidates to store."""

    def __init__(self, settings: Measure) -> None:
        import av

        self.settings = settings
        self.grid = Grid()
        self.times: list[float] = []
        self.signals = np.zeros((256, len(SIGNALS)), np.float32)
        self.thumbs = np.zeros((256, THUMB), np.uint8)
        self.measures = [m for m in measurements().values() if m.look is not None or m.compare is not None]
        self.rows: dict[str, list[tuple[float, ...]]] = {m.name: [] for m in self.measures}
        self.sample_times: list[float] = []
        self.candidates: list[_Candidate] = []
        self.shot_from = self.encoded = 0
        self.due = -math.inf
        self.content = 0.0
        self.open: Picture | None = None
        self.sar, self.rotation, self.matrix = 1.0, 0, 2
        self.shrink, self.shrink_later = av.video.reformatter.VideoReformatter(), av.video.reformatter.VideoReformatter()

    def shape(self, sar: float, rotation: int, colorspace: int) -> None:
        """Display facts, known from the first frame."""
        self.sar, self.rotation, self.matrix = sar, rotation, colorspace

    def see(self, frame: Any, t: float) -> None:
        """The next frame."""
        index = len(self.times)
        if index == len(self.signals):
            self.signals = np.concatenate([self.signals, np.zeros_like(self.signals)])
            self.thumbs = np.concatenate([self.thumbs, np.zeros_like(self.thumbs)])
        content = self.grid.reduce(frame, self.signals[index], self.thumbs[index])
        self.times.append(t)
        jump = content > shots.FLOOR and content > shots.RATIO * self.content + 1
        self.content = content
        if self.open is not None and (jump or t - self.open.t_s >= PAIR_S - 1e-6):
            self._pair(None if jump else frame, t)
        if jump:
            self._new_shot(t)
        if t >= self.due:
            self._sample(frame, t)
            step = 1 / self.settings.samples_per_second
            self.due = t + step if self.due == -math.inf else self.due + step * max(1, math.ceil((t - self.due) / step + 1e-9))

    def usual_gap_s(self) -> float | None:
        """Median interval between frames."""
        return float(np.median(np.diff(self.times[-5000:]))) if len(self.times) > 1 else None

    def _sample(self, frame: Any, t: float) -> None:
        picture = self._picture(frame, t)
        if self.open is not None:
            self._pair(None, t)
        in_shot = len(self.candidates) - self.shot_from
        for m in self.measures:
            if m.look is not None:
                self.rows[m.name].append(tuple(m.look(picture)) if in_shot % m.every == 0 else (math.nan,) * m.width)
        self.sample_times.append(t)
        self.candidates.append(_Candidate(t, picture))
        if len(self.candidates) - self.shot_from >= 4 * RAW:
            self._thin()
            self.shot_from = len(self.candidates)
        self.open = picture

    def _pair(self, frame: Any | None, t: float) -> None:
        """Finish the open sample with its later picture, or without one."""
        picture = self.open
        self.open = None
        assert picture is not None
        later = None
        if frame is not None:
            height, width = picture.half.shape
            small = self.shrink_later.reformat(
                frame, width=width, height=height, format="gray", interpolation="AREA", threads=1, dst_color_range="JPEG"
            )
            later = np.ascontiguousarray(plane_array(small, 0, 8))
        for m in self.measures:
            if m.compare is not None:
                self.rows[m.name].append((math.nan,) * m.width if later is None
                                         else tuple(m.compare(picture, later, t - picture.t_s)))

    def _picture(self, frame: Any, t: float) -> Picture:
        import cv2

        width, height = _small_size(frame.width * self.sar, frame.height, self.settings.short_side_px)
        small = self.shrink.reformat(frame, width=width, height=height, format="yuvj420p", interpolation="AREA", threads=1,
                                     dst_color_range="JPEG")
        y, u, v = (np.ascontiguousarray(plane_array(small, i, 8)) for i in range(3))
        half = cv2.resize(y, (max(1, width // 2), max(1, height // 2)), interpolation=cv2.INTER_AREA)
        layout = self.grid.lay(frame)
        plane = plane_array(frame, 0, layout.bits) if layout.direct else None
        return Picture(t, y, u, v, half, plane, layout.bits, layout.full)

    def _new_shot(self, t: float) -> None:
        """A jump: keep few pictures of what is probably a whole shot, and look soon at what follows."""
        self._thin()
        self.shot_from = len(self.candidates)
        self.due = min(self.due, t + 0.2)

    def _thin(self) -> None:
        shot = self.candidates[self.shot_from:]
        if not shot:
            return
        most = max(4 * self.settings.stored_frames, math.ceil(shot[-1].t_s - shot[0].t_s))
        if len(shot) > most:
            picks = np.unique(np.linspace(0, len(shot) - 1, most).round().astype(int))
            shot = [shot[i] for i in picks]
        self.candidates[self.shot_from:] = shot
        for candidate in self.candidates[self.encoded:max(self.encoded, len(self.candidates) - RAW)]:
            candidate.encode(self)
            self.encoded += 1

    def finish(self) -> None:
        """No more frames."""
        if self.open is not None:
            self._pair(None, self.open.t_s)
        self._thin()


class _Candidate:
    """A picture that may be stored; encoded when it is, or when too many wait."""

    def __init__(self, t_s: float, picture: Picture) -> None:
        self.t_s = t_s
        self.picture: Picture | None = Picture(t_s, picture.y, picture.u, picture.v, picture.half)
        self.jpeg = b""

    def encode(self, seen: Seen) -> bytes:
        if self.picture is not None:
            self.jpeg = _jpeg(self.picture, seen.rotation, seen.matrix)
            self.picture = None
        return self.jpeg


_MATRICES = {
    601: ((1.0, 0.0, 1.402), (1.0, -0.344136, -0.714136), (1.0, 1.772, 0.0)),
    709: ((1.0, 0.0, 1.5748), (1.0, -0.187324, -0.468124), (1.0, 1.8556, 0.0)),
    2020: ((1.0, 0.0, 1.4746), (1.0, -0.164553, -0.571353), (1.0, 1.8814, 0.0)),
}
"""Full range YCbCr to RGB by ITU recommendation; columns Y, Cb, Cr."""


def _jpeg(picture: Picture, rotation: int, colorspace: int) -> bytes:
    import cv2

    height, width = picture.y.shape
    matrix = _MATRICES[709 if colorspace == 1 else 2020 if colorspace in (9, 10) else 601]
    chroma = [cv2.resize(p, (width, height), interpolation=cv2.INTER_LINEAR) for p in (picture.u, picture.v)]
    rows = np.array([[*row, -128 * (row[1] + row[2])] for row in reversed(matrix)])
    bgr = cv2.transform(cv2.merge([picture.y, *chroma]), rows)
    turn = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}.get(rotation)
    if turn is not None:
        bgr = cv2.rotate(bgr, turn)
    return bytes(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1])


def _small_size(width: float, height: float, short_px: int) -> tuple[int, int]:
    """Even size with the short side at `short_px`, or as it is when smaller; never longer than 16 short sides."""
    scale = min(1.0, short_px / max(min(width, height), 1.0))
    most = 16 * short_px
    return (max(2, min(round(width * scale / 2) * 2, most)), max(2, min(round(height * scale / 2) * 2, most)))


class Heard:
    """Everything kept of the sound: numbers per block."""

    def __init__(self, rate_hz: int, channels: int) -> None:
        self.rate, self.channels = rate_hz, channels
        self.measures = [m for m in measurements().values() if m.hear is not None]
        self.rows: dict[str, list[Any]] = {m.name: [] for m in self.measures}
        self.native: list[tuple[Measurement, Hearer]] = []
        self.mono: list[tuple[Measurement, Hearer]] = []
        for m in self.measures:
            assert m.hear is not None
            (self.native if m.ear == "native" else self.mono).append((m, m.hear(rate_hz, channels)))
        self.start_s: float | None = None
        self.samples = 0
        self.blocks = 0
        self.pending = np.zeros((channels, 0), np.float32)
        self.mono_pending = np.zeros(0, np.float32)
        self.gathered: list[NDArray[np.float32]] = []
        self.waiting = 0
        self._resample: Any = None

    @property
    def seconds(self) -> float:
        """Length heard."""
        return self.samples / self.rate

    def hear(self, frame: Any, t: float | None) -> None:
        """The next frame of sound. Frames are gathered: a thousand samples at a time would cost more in calls than in work."""
        if self.start_s is None:
            self.start_s = t or 0.0
        elif t is not None:
            gap = t - self.start_s - self.seconds
            if 0.05 < gap <= GAP_S:
                self._gather(np.zeros((self.channels, round(gap * self.rate)), np.float32))
        if frame.sample_rate == self.rate:
            self._gather(_float_sound(frame, self.channels))

    def finish(self) -> None:
        """No more sound: what is left makes a last, shorter block if it is at least half of one."""
        self._feed()
        if self.pending.shape[1] * 2 >= self.rate * NATIVE_BLOCK_S:
            self._native_block(self.pending)
        rest = np.concatenate([self.mono_pending, *(out.to_ndarray()[0] for out in self._mono(None))])
        blocks = (rest.size + MONO_BLOCK // 2) // MONO_BLOCK
        self._mono_blocks(np.concatenate([rest, np.zeros(MONO_BLOCK, np.float32)])[:blocks * MONO_BLOCK])
        self.pending, self.mono_pending = self.pending[:, :0], self.mono_pending[:0]

    def _gather(self, sound: NDArray[np.float32]) -> None:
        self.gathered.append(sound)
        self.samples += sound.shape[1]
        self.waiting += sound.shape[1]
        if self.waiting >= GATHER_S * self.rate:
            self._feed()

    def _feed(self) -> None:
        sound = np.concatenate([self.pending, *self.gathered], axis=1)
        fresh = sound[:, self.pending.shape[1]:]
        if not np.isfinite(fresh).all():
            np.nan_to_num(fresh, copy=False, posinf=1.0, neginf=-1.0)
        self.gathered, self.waiting = [], 0
        at = 0
        while True:
            size = round((self.blocks + 1) * self.rate * NATIVE_BLOCK_S) - round(self.blocks * self.rate * NATIVE_BLOCK_S)
            if sound.shape[1] - at < size:
                break
            self._native_block(sound[:, at:at + size])
            at += size
        self.pending = sound[:, at:]
        if fresh.shape[1]:
            mono = fresh[:1] if self.channels == 1 else (fresh[:1] + fresh[1:2]) * np.float32(0.5)
            line = np.concatenate([self.mono_pending, *(out.to_ndarray()[0] for out in self._mono(mono))])
            whole = line.size // MONO_BLOCK * MONO_BLOCK
            self._mono_blocks(line[:whole])
            self.mono_pending = line[whole:]

    def _native_block(self, block: NDArray[np.float32]) -> None:
        self.blocks += 1
        block = np.ascontiguousarray(block)
        for m, hearer in self.native:
            self.rows[m.name].append(hearer(block))

    def _mono(self, sound: NDArray[np.float32] | None) -> list[Any]:
        """Frames at 16 kHz; None for what the resampler still holds."""
        import av

        if self._resample is None:
            self._resample = av.AudioResampler(format="flt", layout="mono", rate=MONO_RATE_HZ)
        if sound is None:
            return list(self._resample.resample(None)) if self.samples else []
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound), format="flt", layout="mono")
        frame.sample_rate = self.rate
        return list(self._resample.resample(frame))

    def _mono_blocks(self, line: NDArray[np.float32]) -> None:
        if line.size:
            blocks = np.ascontiguousarray(line.reshape(-1, MONO_BLOCK))
            for m, hearer in self.mono:
                self.rows[m.name].extend(hearer(blocks))

    def between(self, arrays: Mapping[str, Floats], start_s: float, end_s: float) -> dict[str, Floats]:
        """Rows of the blocks whose middle lies in the span."""
        first = self.start_s or 0.0
        cut = {}
        for m in self.measures:
            block_s = NATIVE_BLOCK_S if m.ear == "native" else MONO_BLOCK_S
            low, high = (
                min(max(math.ceil((t - first) / block_s - 0.5 - 1e-6), 0), len(arrays[m.name])) for t in (start_s, end_s)
            )
            cut[m.name] = arrays[m.name][low:high]
        return cut


def _float_sound(frame: Any, channels: int) -> NDArray[np.float32]:
    """Samples as [channels, n] in -1..1."""
    name = frame.format.name
    kind = _SOUND_TYPES.get(name.removesuffix("p"))
    if kind is None or len(frame.planes) != (channels if name.endswith("p") else 1):
        return np.zeros((channels, frame.samples), np.float32)
    count = frame.samples if name.endswith("p") else frame.samples * channels
    parts = [np.frombuffer(plane, kind, count=count) for plane in frame.planes]
    data = np.stack(parts) if name.endswith("p") else parts[0].reshape(-1, channels).T
    if kind is np.float32:
        return data
    if kind is np.uint8:
        return (data.astype(np.float32) - np.float32(128)) / np.float32(128)
    values: NDArray[np.float32] = data.astype(np.float32)
    return values if kind is np.float64 else values * np.float32(-1.0 / float(np.iinfo(kind).min))


_SOUND_TYPES: Mapping[str, Any] = {
    "u8": np.uint8,
    "s16": np.int16,
    "s32": np.int32,
    "s64": np.int64,
    "flt": np.float32,
    "dbl": np.float64,
}


def _finish(modality: str, seen: Seen, heard: Heard | None, end_s: float, facts: dict[str, Any], settings: Measure,
            damage: float) -> Measured:
    """Shots, spans, and a row for each."""
    seen.finish()
    ledger = _Ledger(seen, heard, facts, settings)
    if modality == "image":
        return Measured("image", [ledger.clip(0.0, 0.0)], damage, 0.0, 1)
    if modality == "audio":
        assert heard is not None
        start = heard.start_s or 0.0
        parts = shots.equal_parts(start, start + heard.seconds, settings.max_clip_s)
        return Measured("audio", [ledger.clip(a, b) for a, b in parts], damage, heard.seconds, 0)
    found = shots.transitions(ledger.times, ledger.signals, ledger.thumbs, settings.shot_threshold)
    parts = shots.spans(ledger.times, end_s, found, settings.min_clip_s, settings.max_clip_s, settings.trim_s)
    return Measured("video", [ledger.clip(a, b) for a, b in parts], damage, end_s - float(ledger.times[0]), len(ledger.times))


class _Ledger:
    """All numbers of a source, from which a clip takes those of its span."""

    def __init__(self, seen: Seen, heard: Heard | None, facts: dict[str, Any], settings: Measure) -> None:
        self.seen, self.heard, self.settings = seen, heard, settings
        count = len(seen.times)
        self.times = np.array(seen.times, np.float64)
        self.signals, self.thumbs = seen.signals[:count], seen.thumbs[:count]
        self.named = {name: self.signals[:, i] for i, name in enumerate(SIGNALS)}
        self.named["cut"] = shots.scores(self.times, self.signals).astype(np.float32)
        self.sample_times = np.array(seen.sample_times, np.float64)
        self.rows = {m.name: np.array(seen.rows[m.name], np.float64).reshape(-1, m.width) for m in seen.measures}
        self.sounds = (
            {m.name: np.array(heard.rows[m.name], np.float64).reshape(-1, m.width) for m in heard.measures} if heard else {}
        )
        skew = None
        if heard is not None and count > 1:
            skew = heard.seconds - (float(self.times[-1] - self.times[0]) + (seen.usual_gap_s() or 0.0))
        self.form = {name: facts.get(name) for name in (
            "width", "height", "rotation_deg", "sar", "bit_depth", "hdr", "interlaced", "alpha", "video_codec")}
        sound = {name: facts.get(name) for name in ("audio_codec", "sample_rate_hz", "channels")} if heard else {}
        self.form |= {
            "has_audio": False,
            "av_skew_s": skew,
            **dict.fromkeys(("audio_codec", "sample_rate_hz", "channels")),
            **sound,
        }
        self.facts = {**facts, "shot_threshold": settings.shot_threshold}

    def clip(self, start_s: float, end_s: float) -> dict[str, Any]:
        """The row of one clip."""
        still = end_s <= start_s
        low, high = (0, len(self.times)) if still else np.searchsorted(self.times, (start_s - 1e-9, end_s - 1e-9))
        first, last = (
            (0, len(self.sample_times)) if still else np.searchsorted(self.sample_times, (start_s - 1e-9, end_s - 1e-9))
        )
        sounds = self.heard.between(self.sounds, start_s, end_s) if self.heard is not None else {}
        has_sound = any(len(rows) for rows in sounds.values())
        span = Span(
            start_s, end_s, self.times[low:high], {name: values[low:high] for name, values in self.named.items()},
            self.sample_times[first:last],
            {m.name: self.rows[m.name][first:last] for m in self.seen.measures if m.look is not None},
            {m.name: self.rows[m.name][first:last] for m in self.seen.measures if m.compare is not None},
            sounds, has_sound, self.facts)
        start_s, end_s = max(start_s, 0.0), max(end_s, 0.0)  # a container's start is rounded to microseconds, frames are not
        row: dict[str, Any] = {
            "start_s": start_s,
            "end_s": end_s,
            "duration_s": end_s - start_s,
            **self.form,
            "has_audio": has_sound,
            "frames": self._stored(start_s, end_s if not still else math.inf),
        }
        for m in measurements().values():
            there = {"picture": span.frame_t.size > 0, "sound": has_sound, "both": span.frame_t.size > 0 and has_sound}[m.needs]
            row |= m.reduce(span) if there else dict.fromkeys(m.columns)
        return row

    def _stored(self, start_s: float, end_s: float) -> list[dict[str, Any]] | None:
        """The candidates nearest to the middles of equal parts of the span."""
        inside = [c for c in self.seen.candidates if start_s - 1e-9 <= c.t_s < end_s]
        if not inside:
            return None
        count = min(self.settings.stored_frames, len(inside))
        until = end_s if math.isfinite(end_s) else start_s
        middles = [start_s + (until - start_s) * (i + 0.5) / count for i in range(count)]
        times = np.array([c.t_s for c in inside])
        picks = sorted({int(np.abs(times - t).argmin()) for t in middles})
        return [{"t_s": inside[i].t_s, "jpeg": inside[i].encode(self.seen)} for i in picks]


def _warm_pass() -> None:
    """One small video through everything, so that libraries load what they load late."""
    import io

    from jobs.media.encode import encode_audio, encode_video

    ramp = np.linspace(0, 255, 96 * 128 * 3).astype(np.uint8).reshape(96, 128, 3)
    tone = (0.5 * np.sin(np.arange(16_000) / 8)).astype(np.float32)
    video = encode_video([np.roll(ramp, i, axis=1) for i in range(12)], 10, audio=(tone, 16_000))
    for data in (video, encode_audio(tone, 16_000)):
        _measure(io.BytesIO(data), Measure())



"""The one decode pass: every column of `clips` that is not text, for a video, a picture or a sound.

A source is opened once and demuxed once, forward; every frame is decoded at most once, by one thread. Each frame is reduced
to its signals (`jobs.media.planes`); twice a second one is scaled, once, and all measurements of pictures derive from that;
sound is cut into blocks that the measurements of sound hear. Shots and clips are made of the stored numbers afterwards.

`measure_source` runs the pass in the sandbox; `measure_file` is what runs there.
"""

import gc
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from jobs.clean import shots
from jobs.clean.heard import Heard
from jobs.clean.ledger import Ledger
from jobs.clean.measures import Pixels, measurements
from jobs.clean.seen import Seen
from jobs.media import child, sandbox
from jobs.media.faults import (
    BrokenClock,
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
    turn,
)
from schemas.settings import Measure

PROMISED = frozenset({"mp4", "mov", "3gp", "m4a", "webm", "matroska", "avi", "wav", "flac"})
"""Containers whose stated length is binding: much less decoded than promised means that the file is cut off."""
HONEST_S = 86_400.0
"""Longer lengths are nonsense in a header, not a promise."""
ANIMATIONS = frozenset({"gif", "apng"})
"""Containers of which one frame is a picture, not a short video."""
BACK_S = 0.5
"""A frame that is stamped so much earlier than those before it is out of place: its time would be that of another one."""
LAST_S = 5.0
"""Longest stated duration of a last frame that is believed."""


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
            return vars(_measure(file, options))
    except NotRegular:
        raise NotRegularFile(f"{path} is a pipe, socket, device or folder") from None
    except FileNotFoundError:
        raise MissingFile(f"{path} is not there") from None
    except PermissionError as error:
        raise Unreadable(f"{path}: {error.strerror}") from None


def warm() -> None:
    """Load and compile everything that a confined process could not load or compile later."""
    from jobs.media.picture import open_picture, rgb
    from jobs.media.voice import weights

    measurements()
    weights()
    del open_picture, rgb
    _warm_pass()
    gc.freeze()  # a collection during a pass has nothing to find in what was loaded for all of them


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
            raise NoMedia(f"there is no picture and no sound in the {kind.container} container")
        self.origin = origin_s(container)
        self.seen = Seen(settings)
        self.heard: Heard | None = None
        self.facts: dict[str, Any] = {}
        self.bad_frames = self.good_frames = self.bad_sound = self.good_sound = self.interlaced = self.behind = 0
        self.last_t = self.first_t = math.nan
        self.last_duration, self.astray = 0, False
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

        index = packet.stream.index  # That of the packet itself is 0 for the last, empty one of every stream.
        picture = self.video is not None and index == self.video.index
        if not picture and (self.audio is None or index != self.audio.index):
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
        elif t < self.last_t - (0.0 if self.astray else BACK_S):
            self.behind, self.astray = self.behind + 1, True
            return
        elif not t > self.last_t:
            t = self.last_t + self.step_s if not math.isfinite(t) else self.last_t + 1e-3
        self.last_t, self.astray = t, False
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
        rotation, mirrored = turn(frame)
        ratio = self.video.sample_aspect_ratio
        sar = float(ratio) if ratio and 0.05 < ratio < 20 else 1.0
        width, height = max(1, round(frame.width * sar)), frame.height
        if rotation in (90, 270):
            width, height = height, width
        self.facts |= {
            "rotation_deg": rotation, "mirrored": mirrored, "sar": sar, "width": width, "height": height, "bit_depth": depth(frame.format),
            "hdr": int(frame.color_trc) in HDR_TRANSFERS, "alpha": has_alpha(self.video),
            "video_codec": self.video.codec_context.codec.canonical_name,
        }
        self.seen.shape(sar, rotation, mirrored, int(frame.colorspace))

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
            failed = self.bad_frames + self.bad_sound
            raise Undecodable(f"no frame could be decoded ({broke_off or (f'{failed} packets failed' if failed else 'it holds none')})")
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
        if self.behind > settings.max_damage * (self.good_frames + self.behind):
            raise BrokenClock(f"{self.behind} of {self.good_frames + self.behind} frames are stamped earlier than those before: the"
                              " clock starts anew on the way, as in recordings that were joined; remux it with one clock")
        if self.video is not None:
            self.facts["interlaced"] = self.interlaced > 0.5 * self.good_frames
        if self.good_frames == 1 and self.kind.container in ANIMATIONS and heard is None:
            return _finish("image", self.seen, None, 0.0, self.facts, settings, damage)
        end_s = self.last_t + self._last_gap() if self.video is not None else 0.0
        self._keep_promise(end_s, heard, broke_off)
        return _finish("video" if self.video is not None else "audio", self.seen, heard, end_s, self.facts, settings, damage)

    def _last_gap(self) -> float:
        """How long the last frame is shown: as it says, up to LAST_S, else as long as frames usually are."""
        stated = (self.last_duration or 0) * self.tick_s
        if 0 < stated <= LAST_S:
            return stated
        return self.seen.usual_gap_s() or min(self.step_s, 1.0)

    def _keep_promise(self, end_s: float, heard: Heard | None, broke_off: str) -> None:
        """Refuse a file of which much less could be decoded than its header binds itself to."""
        got = max(end_s, (heard.start_s or 0.0) + heard.seconds if heard is not None else 0.0)
        if self.kind.demuxer == "matroska":  # It states where it ends; the others say how long they are.
            got += max(self.origin, 0.0)
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


def _finish(modality: str, seen: Seen, heard: Heard | None, end_s: float, facts: dict[str, Any], settings: Measure,
            damage: float) -> Measured:
    """Shots, spans, and a row for each."""
    seen.finish()
    ledger = Ledger(seen, heard, facts, settings)
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


def _warm_pass() -> None:
    """One small video through everything, so that libraries load what they load late."""
    import io

    from jobs.media.encode import encode_audio, encode_video

    ramp = np.linspace(0, 255, 96 * 128 * 3).astype(np.uint8).reshape(96, 128, 3)
    tone = (0.5 * np.sin(np.arange(16_000) / 8)).astype(np.float32)
    video = encode_video([np.roll(ramp, i, axis=1) for i in range(12)], 10, audio=(tone, 16_000))
    for data in (video, encode_audio(tone, 16_000)):
        _measure(io.BytesIO(data), Measure())



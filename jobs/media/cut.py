"""Cuts a clip out of its source: exactly, with sound in step from zero, and re-encoding as little as possible.

`smart` copies the groups of pictures that lie wholly inside the span and encodes the frames before and after them, in one H.264
track; where the source does not allow that, it says `encode`. Times are those of `clips`: presentation time from the start of
the container, so they hold for variable frame rates and edit lists. Runs in the sandbox.
"""

import io
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from jobs.media import avc, child, sandbox
from jobs.media.encode import add_h264, encode_audio, open_mp4, x264_params
from jobs.media.faults import MissingFile, NoMedia, NotRegularFile, Uncuttable, Undecodable, Unreadable
from jobs.media.probe import (
    HDR_TRANSFERS,
    HEAD_BYTES,
    Kind,
    NotRegular,
    open_media,
    origin_s,
    picture_stream,
    regular,
    sniff,
    sound_stream,
    turn,
)

Mode = Literal["smart", "copy", "encode", "range"]
EPSILON_S = 1e-6
BEFORE_S = 1.0
"""How far before the span reading begins, so that sound stored before its picture is found."""
TICKS = 90_000
"""Time base of what is written."""
WHOLE_CODECS = frozenset({"h264", "vp8", "vp9", "av1", "hevc"})
MP4_CODECS = frozenset({"h264", "hevc", "av1", "vp9"})
SOUND_RATES = frozenset({96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000})
"""Rates that AAC knows; others become 48000."""


@dataclass(frozen=True)
class Cut:
    """A clip cut out.

    Attributes:
        video: The clip with its sound; None for sources of sound alone and for `range`.
        audio: Its sound alone, M4A; None where there is none.
        media_type: IANA type of `video`.
        audio_type: IANA type of `audio`.
        cut: What was done: whole, smart, copy, encode or range.
        start_s: Where the media really start in the source, seconds.
    """

    video: bytes | None
    audio: bytes | None
    media_type: str | None
    audio_type: str | None
    cut: str
    start_s: float


def cut_clip(source: str | os.PathLike[str], start_s: float, end_s: float, mode: Mode = "smart", crf: int = 20,
             limits: sandbox.Limits | None = None) -> Cut:
    """Cut one clip in the sandbox of this process.

    Args:
        source: A local video or sound file.
        start_s: Start, seconds as in `clips`.
        end_s: End, exclusive.
        mode: `smart` and `encode` are exact; `copy` starts at the keyframe before; `range` cuts nothing.
        crf: x264 quality of what is encoded.
        limits: What the child may use; by default four CPU minutes.

    Raises:
        MediaFault: with reason `uncuttable` where the span holds nothing; other subclasses as in decoding.
        ValueError: an empty span or an unknown mode.
    """
    if not end_s > start_s:
        raise ValueError(f"the span {start_s} to {end_s} is empty")
    if mode not in ("smart", "copy", "encode", "range"):
        raise ValueError(f"there is no way to cut called {mode!r}; there are smart, copy, encode and range")
    if mode == "range":
        return Cut(None, None, None, None, "range", start_s)
    arguments = {"path": os.fspath(source), "start_s": start_s, "end_s": end_s, "mode": mode, "crf": crf}
    return Cut(**sandbox.call("jobs.media.cut:cut_file", arguments, limits or sandbox.Limits(cpu_s=240)))


def cut_file(path: str, start_s: float, end_s: float, mode: str, crf: int) -> dict[str, Any]:
    """`cut_clip` without the sandbox, on plain values."""
    try:
        with regular(path) as file:
            kind = sniff(file.read(HEAD_BYTES))
            file.seek(0)
            if not kind.demuxer and kind.modality not in ("video", "image"):
                raise Undecodable(f"{kind.container or 'unknown'} content holds no spans to cut")
            if not kind.demuxer:
                return asdict(_animation(file, _Job(start_s, end_s, mode, crf)))
            with open_media(file, kind) as container:
                return asdict(_cut(container, file, kind, _Job(start_s, end_s, mode, crf)))
    except NotRegular:
        raise NotRegularFile(f"{path} is a pipe, socket, device or folder") from None
    except FileNotFoundError:
        raise MissingFile(f"{path} is not there") from None
    except PermissionError as error:
        raise Unreadable(f"{path}: {error.strerror}") from None


@dataclass(frozen=True)
class _Job:
    start_s: float
    end_s: float
    mode: str
    crf: int

    def holds(self, t: float) -> bool:
        return self.start_s - EPSILON_S <= t < self.end_s - EPSILON_S


@dataclass(frozen=True)
class _Window:
    """Packets round a span.

    Attributes:
        video: Picture packets in decoding order from a keyframe at or before the span, to the first beyond its end.
        audio: Sound packets round it.
        times: Presentation times of the picture packets, seconds; NaN where unknown.
        at_start: Nothing of the stream lies before the window. at_end: nothing of it lies behind.
    """

    video: tuple[Any, ...]
    audio: tuple[Any, ...]
    times: NDArray[np.float64]
    at_start: bool
    at_end: bool


def _cut(container: Any, file: Any, kind: Kind, job: _Job) -> Cut:
    video, audio = picture_stream(container), sound_stream(container)
    if video is None and audio is None:
        raise NoMedia(f"a {kind.container} container without a picture or sound stream")
    for stream in (s for s in (video, audio) if s is not None):
        stream.codec_context.thread_count = 1
    if video is not None:
        video.thread_type = "NONE"
    origin = origin_s(container)
    window = _read(container, video, audio, origin, job)
    if video is None:
        sound = sound_of(window.audio, origin, job.start_s, job.end_s)
        if sound is None:
            raise Uncuttable(f"no sound between {job.start_s:.3f} and {job.end_s:.3f} s")
        return Cut(None, encode_audio(*sound), None, "audio/mp4", "encode", job.start_s)
    inside = [t for t in window.times if job.holds(t)]
    first = min(inside, default=job.start_s)
    if _is_whole(window, video, kind, job):
        sound = sound_of(window.audio, origin, first, job.end_s)
        file.seek(0)
        return Cut(
            file.read(),
            encode_audio(*sound) if sound else None,
            "video/webm" if kind.container == "webm" else "video/mp4",
            "audio/mp4" if sound else None,
            "whole",
            first,
        )
    if job.mode == "copy" and video.codec_context.codec.canonical_name in MP4_CODECS:
        done = _copied(window, video, job)
    else:
        done = (_smart(window, video, origin, job) if job.mode == "smart" else None) or _encoded(
            _frames(window, 0, len(window.video), job, origin), float(video.sample_aspect_ratio or 1), job)
    sound = sound_of(window.audio, origin, done.start_s, job.end_s)
    m4a = encode_audio(*sound) if sound is not None else None
    return Cut(_muxed(done, m4a), m4a, "video/mp4", "audio/mp4" if m4a else None, done.how, done.start_s)


def _animation(file: Any, job: _Job) -> Cut:
    """The pictures of the span, encoded: an animation has no packets to copy, and no sound."""
    import av

    from jobs.media import picture

    shown = picture.pictures(picture.open_picture(file), sys.maxsize)
    spanned = ((t, av.VideoFrame.from_ndarray(pixels, format="rgb24")) for t, _, pixels in shown if job.holds(t))
    done = _encoded(spanned, 1.0, job)
    return Cut(_muxed(done, None), None, "video/mp4", None, done.how, done.start_s)


def _read(container: Any, video: Any, audio: Any, origin: float, job: _Job) -> _Window:
    """The packets of the window: sought to, checked, and read from the start of the file when seeking went wrong."""
    lead = video or audio
    for back_s in (BEFORE_S, 15.0, None):
        target = job.start_s - back_s if back_s is not None else -1.0
        if target > 0:
            container.seek(int((target + origin) / lead.time_base), stream=lead, backward=True)
        else:
            container.seek(0 if lead.start_time is None else min(lead.start_time, 0), stream=lead, backward=True)
        window = _window(container, video, audio, origin, job, at_start=target <= 0)
        if video is None or target <= 0 or _starts_in_time(window, job):
            return window
    return window


def _starts_in_time(window: _Window, job: _Job) -> bool:
    keys = [t for p, t in zip(window.video, window.times, strict=True) if p.is_keyframe]
    return bool(keys) and keys[0] <= job.start_s + EPSILON_S


def _window(container: Any, video: Any, audio: Any, origin: float, job: _Job, at_start: bool) -> _Window:
    pictures: list[Any] = []
    sounds: list[Any] = []
    picture_over = video is None
    sound_over = audio is None
    at_end = True
    for packet in container.demux(*(s for s in (video, audio) if s is not None)):
        if packet.size == 0 or (packet.pts is None and packet.dts is None):
            continue
        of_video = video is not None and packet.stream.index == video.index
        if not of_video and (audio is None or packet.stream.index != audio.index):
            continue
        order = packet.dts if packet.dts is not None else packet.pts
        t = float(order * packet.time_base) - origin
        if of_video:
            if not pictures and not packet.is_keyframe:
                continue
            pictures.append(packet)
            if t >= job.end_s:
                picture_over = True
        elif t < job.end_s:
            sounds.append(packet)
        else:
            sound_over = True
        if (picture_over and sound_over) or t >= job.end_s + 10:
            at_end = False
            break
    times = np.array([float(p.pts * p.time_base) - origin if p.pts is not None else np.nan for p in pictures])
    if at_end and times.size:
        at_end = not bool((times >= job.end_s - EPSILON_S).any())
    return _Window(tuple(pictures), tuple(sounds), times, at_start, at_end)


def _is_whole(window: _Window, video: Any, kind: Kind, job: _Job) -> bool:
    """Whether the span holds every picture of a source that can go out as it is."""
    return bool(window.at_start and window.at_end and window.times.size and kind.container in ("mp4", "webm")
                and video.codec_context.codec.canonical_name in WHOLE_CODECS
                and np.nanmin(window.times) >= job.start_s - EPSILON_S)


@dataclass(frozen=True)
class _Track:
    """A picture track ready to be written: packets in decoding order with presentation ticks, from zero."""

    how: str
    start_s: float
    template: Any
    extradata: bytes | None
    parts: tuple[tuple[bytes, int, bool], ...]
    """Data, presentation time in ticks, keyframe."""
    end_ticks: int


def _copied(window: _Window, video: Any, job: _Job) -> _Track:
    """Packets as they are from the keyframe at or before the start."""
    first = max(
        (i for i, p in enumerate(window.video) if p.is_keyframe and window.times[i] <= job.start_s + EPSILON_S), default=0
    )
    chosen = [i for i in range(first, len(window.video)) if not np.isnan(window.times[i])]
    end = next((i for i in chosen if window.video[i].dts is not None and i > first
                and float(window.video[i].dts * window.video[i].time_base) - _origin_of(window, i) >= job.end_s), None)
    chosen = [i for i in chosen if end is None or i < end]
    if not chosen:
        raise Uncuttable(f"no picture between {job.start_s:.3f} and {job.end_s:.3f} s")
    start = float(window.times[first])
    parts = tuple((bytes(window.video[i]), round((window.times[i] - start) * TICKS), bool(window.video[i].is_keyframe))
                  for i in chosen if window.times[i] >= start - EPSILON_S)
    return _Track("copy", start, video, None, parts, round((job.end_s - start) * TICKS))


def _origin_of(window: _Window, i: int) -> float:
    packet = window.video[i]
    return float(packet.pts * packet.time_base) - float(window.times[i])


def _smart(window: _Window, video: Any, origin: float, job: _Job) -> _Track | None:
    """Both ends encoded, what lies between copied; None where that is not possible."""
    context = video.codec_context
    if context.codec.canonical_name != "h264" or context.pix_fmt not in ("yuv420p", "yuvj420p") or not context.extradata:
        return None
    if context.width % 2 or context.height % 2 or np.isnan(window.times).any():
        return None
    try:
        sets = avc.parameter_sets(context.extradata)
        cleaned = [_clean(bytes(p), sets) for p in window.video]
        number = avc.free_number(sets)
    except avc.AvcError:
        return None
    if any(c is None for c in cleaned):
        return None
    entries = [i for i, c in enumerate(cleaned) if c is not None and c[1]]
    inner = [i for i in entries if window.times[i] >= job.start_s - EPSILON_S]
    last = max((i for i in inner if window.times[i] <= job.end_s + EPSILON_S), default=None)
    if not inner or last is None:
        return None
    if window.at_end:
        last = len(window.video)
    elif last == inner[0]:
        return None
    if any(not _covers(window.times, cut) for cut in (inner[0], last) if cut < len(window.video)):
        return None
    head = list(_frames(window, 0, inner[0], job, origin))
    tail = list(_frames(window, last, len(window.video), job, origin)) if last < len(window.video) else []
    copied = list(range(inner[0], last))
    start = min([t for t, _ in head] + [float(window.times[i]) for i in copied])
    parts: list[tuple[bytes, int, bool]] = []
    ours: avc.ParameterSets | None = None
    for frames in (head, None, tail):
        if frames is None:
            parts += [(cleaned[i][0], round((window.times[i] - start) * TICKS), i in entries) for i in copied]  # type: ignore[index]
        elif frames:
            ours, encoded, _ = _encode_frames(frames, video, start, job.crf, number)
            parts += encoded
    extradata = avc.avcc(sets, *([ours] if ours is not None else []))
    return _Track("smart", start, video, extradata, tuple(parts), round((job.end_s - start) * TICKS))


def _covers(times: NDArray[np.float64], cut: int) -> bool:
    """Whether the packet at `cut` parts the presentation order: all before it are shown before, all behind it behind."""
    return cut == 0 or bool(times[:cut].max() < times[cut:].min() + EPSILON_S and times[cut] <= times[cut:].min() + EPSILON_S)


def _clean(data: bytes, sets: avc.ParameterSets) -> tuple[bytes, bool] | None:
    """A packet with four-byte lengths and without parameter sets, and whether it is an IDR; None when sets in it are others."""
    found = avc.units(data, sets.length_size)
    for unit in found:
        if (avc.unit_type(unit) == avc.SPS and unit not in sets.sps) or (
            avc.unit_type(unit) == avc.PPS and unit not in sets.pps
        ):
            return None
    kept = [unit for unit in found if avc.unit_type(unit) not in (avc.SPS, avc.PPS, avc.DELIMITER)]
    return avc.join(kept), any(avc.unit_type(unit) == avc.IDR for unit in kept)


def _frames(window: _Window, low: int, high: int, job: _Job, origin: float) -> Iterator[tuple[float, Any]]:
    """Decoded frames of the span out of packets low..high, with their times; the decoder starts anew."""
    if low >= high or high == 0:
        return
    import av

    context = window.video[low].stream.codec_context
    context.flush_buffers()
    last_t = -np.inf
    for i in range(low, high + 1):
        try:
            decoded = context.decode(window.video[i] if i < high else None)
        except av.error.EOFError:
            break
        except av.error.FFmpegError:
            continue
        for frame in decoded:
            if frame.pts is None or not isinstance(frame, av.VideoFrame):
                continue
            t = float(frame.pts * (frame.time_base or window.video[low].time_base)) - origin
            if job.holds(t) and t > last_t:
                last_t = t
                child.progress(t - job.start_s)
                yield t, frame
    context.flush_buffers()


def _encoded(frames: Iterator[tuple[float, Any]], sar: float, job: _Job) -> _Track:
    """Every frame of the span encoded, upright, with square pixels."""
    first = next(frames, None)
    if first is None:
        raise Uncuttable(f"no picture could be decoded between {job.start_s:.3f} and {job.end_s:.3f} s")
    start = first[0]

    def upright() -> Iterator[tuple[float, Any]]:
        yield start, _upright(first[1], sar)
        for t, frame in frames:
            yield t, _upright(frame, sar)

    sets, parts, template = _encode_frames(upright(), None, start, job.crf, None)
    return _Track("encode", start, template, avc.avcc(sets), tuple(parts), round((job.end_s - start) * TICKS))


def _upright(frame: Any, sar: float) -> Any:
    """The frame as it is shown: turned by its display matrix, pixels square (they have the ratio `sar`), sides even."""
    import av

    wide = frame.width * sar if 0.05 < sar < 20 else frame.width
    width, height = max(2, round(wide / 2) * 2), max(2, frame.height // 2 * 2)
    shaped = frame.reformat(width=width, height=height, format="yuv420p", dst_color_range="MPEG",
                            interpolation="BICUBIC", threads=1) if (width, height) != (frame.width, frame.height) \
        or frame.format.name != "yuv420p" or int(frame.color_range) == 2 else frame
    degrees, mirrored = turn(frame)
    if degrees == 0 and not mirrored:
        return shaped
    planes = [_plane(shaped, i)[:, ::-1 if mirrored else 1] for i in range(3)]
    turned = [np.ascontiguousarray(np.rot90(p, -degrees // 90)) for p in planes]
    out = av.VideoFrame(turned[0].shape[1], turned[0].shape[0], "yuv420p")
    for plane, values in zip(out.planes, turned, strict=True):
        padded = np.zeros((values.shape[0], plane.line_size), np.uint8)
        padded[:, :values.shape[1]] = values
        plane.update(padded.tobytes())
    out.colorspace = shaped.colorspace
    return out


def _plane(frame: Any, index: int) -> NDArray[np.uint8]:
    plane = frame.planes[index]
    values = np.frombuffer(plane, np.uint8)[:plane.line_size * plane.height].reshape(plane.height, plane.line_size)
    return values[:, :plane.width]


def _encode_frames(frames: Sequence[tuple[float, Any]] | Iterator[tuple[float, Any]], like: Any, start: float, crf: int,
                   number: int | None) -> tuple[avc.ParameterSets, list[tuple[bytes, int, bool]], Any]:
    """Frames as H.264 units with four-byte lengths, their parameter sets, and the stream that describes them.

    `like` is a stream whose pixel format, range and shape must be kept; `number` that of the parameter sets.
    """
    import av

    source = iter(frames)
    t, frame = next(source)
    scratch = av.open(io.BytesIO(), "w", format="mp4")
    options = {} if number is None else {"x264-params": x264_params(**{"sps-id": number})}
    stream = add_h264(scratch, frame.width, frame.height, Fraction(30), crf, **options)
    context = stream.codec_context
    context.time_base = Fraction(1, TICKS)
    context.colorspace = int(frame.colorspace)
    if like is not None:
        context.pix_fmt = like.codec_context.pix_fmt
        context.color_range = int(frame.color_range)
        if like.sample_aspect_ratio:
            context.sample_aspect_ratio = like.sample_aspect_ratio
    if int(frame.color_trc) not in HDR_TRANSFERS:
        context.color_trc, context.color_primaries = int(frame.color_trc), int(frame.color_primaries)
    context.flags |= av.codec.context.Flags.global_header
    scratch.start_encoding()
    sets = avc.parameter_sets(context.extradata)
    parts: list[tuple[bytes, int, bool]] = []

    def take(packets: Any) -> None:
        for packet in packets:
            kept = [u for u in avc.units(bytes(packet), 0) if avc.unit_type(u) not in (avc.SPS, avc.PPS, avc.DELIMITER)]
            parts.append((avc.join(kept), round(packet.pts * packet.time_base * TICKS), bool(packet.is_keyframe)))

    while frame is not None:
        ready = frame if frame.format.name == context.pix_fmt else frame.reformat(format=context.pix_fmt)
        ready.pts, ready.time_base, ready.pict_type = round((t - start) * TICKS), Fraction(1, TICKS), 0
        take(context.encode(ready))
        t, frame = next(source, (0.0, None))
    take(context.encode(None))
    return sets, parts, stream


def _muxed(track: _Track, m4a: bytes | None) -> bytes:
    """The MP4 of a picture track and the packets of an M4A."""
    import av

    target = io.BytesIO()
    order = sorted(ticks for _, ticks, _ in track.parts)
    after = dict(zip(order, [*order[1:], track.end_ticks], strict=True))
    delay = max(order[i] - ticks for i, (_, ticks, _) in enumerate(track.parts))
    with open_mp4(target, video_track_timescale=str(TICKS)) as out:
        picture = _add_track(out, track)
        sound_in = av.open(io.BytesIO(m4a)) if m4a is not None else None
        sound = out.add_stream_from_template(sound_in.streams.audio[0]) if sound_in is not None else None
        packets = []
        for i, (data, ticks, key) in enumerate(track.parts):
            packet = av.Packet(data)
            packet.stream, packet.time_base, packet.is_keyframe = picture, Fraction(1, TICKS), key
            packet.pts, packet.dts = ticks, order[i] - delay
            packet.duration = max(after[ticks] - ticks, 1)
            packets.append(packet)
        if sound_in is not None:
            for packet in sound_in.demux(audio=0):
                if packet.size:
                    packet.stream = sound
                    packets.append(packet)
        for packet in sorted(packets, key=lambda p: float(p.dts * p.time_base)):
            out.mux(packet)
        if sound_in is not None:
            sound_in.close()
    return target.getvalue()


def _add_track(out: Any, track: _Track) -> Any:
    picture = out.add_stream_from_template(track.template, opaque=True)
    if track.extradata is not None:
        picture.codec_context.extradata = track.extradata
    picture.time_base = Fraction(1, TICKS)
    return picture


def sound_of(packets: Sequence[Any], origin: float, start_s: float, end_s: float,
             mono_hz: int | None = None) -> tuple[NDArray[np.float32], int] | None:
    """Samples of the span, mono or stereo, exactly from its start, padded with silence where there is none, and their rate; None
    without any. With `mono_hz` mixed to one channel at that rate."""
    import av

    if not packets:
        return None
    context = packets[0].stream.codec_context
    context.flush_buffers()
    rate = mono_hz or (context.sample_rate if context.sample_rate in SOUND_RATES else 48_000)
    layout = "mono" if mono_hz or context.channels == 1 else "stereo"
    resampler = av.AudioResampler(format="fltp", layout=layout, rate=rate)
    total = max(1, round((end_s - start_s) * rate))
    samples = np.zeros((1 if layout == "mono" else 2, total), np.float32)
    heard = False
    at: int | None = None
    for packet in [*packets, None]:
        try:
            decoded = context.decode(packet)
        except av.error.FFmpegError:
            continue
        for frame in decoded:
            if not isinstance(frame, av.AudioFrame):
                continue
            if frame.pts is not None and frame.time_base is not None:
                t = float(frame.pts * frame.time_base) - origin
                expected = round((t - start_s) * rate)
                if at is None or abs(expected - at) > 0.05 * rate:
                    at = expected
            elif at is None:
                continue
            for out in resampler.resample(frame):
                values = out.to_ndarray()
                low, high = max(at, 0), min(at + values.shape[1], total)
                if high > low:
                    samples[:, low:high] = values[:, low - at:high - at]
                    heard = True
                at += values.shape[1]
    if not heard:
        return None
    return np.ascontiguousarray(samples.clip(-1, 1).T), rate


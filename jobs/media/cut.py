"""Cuts a clip out of its source: exactly, with sound in step from zero, and re-encoding as little as possible.

`smart` copies the groups of pictures that lie wholly inside the span and encodes the frames before and after them, in one H.264
track; where the source does not allow that, it says `encode`. Times are those of `clips`: presentation time from the start of
the container, so they hold for variable frame rates and edit lists. Runs in the sandbox.
"""

import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from jobs.media import child, sandbox
from jobs.media.bare import bare
from jobs.media.encode import encode_audio
from jobs.media.faults import MissingFile, NoMedia, NotRegularFile, Uncuttable, Undecodable, Unreadable
from jobs.media.probe import CLOCKLESS, NotRegular, open_media, origin_s, picture_stream, rate, regular, sound_stream
from jobs.media.smart import smart
from jobs.media.sniff import HEAD_BYTES, Kind, sniff
from jobs.media.sound import sound_of
from jobs.media.track import TICKS, Track, encoded, muxed
from jobs.media.window import EPSILON_S, Span, Window, copyable, frames, read

Mode = Literal["smart", "copy", "encode", "range"]
WHOLE_CODECS = frozenset({"h264", "vp8", "vp9", "av1", "hevc"})
MP4_CODECS = frozenset({"h264", "hevc", "av1", "vp9"})


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
                return asdict(_animation(file, Span(start_s, end_s, mode, crf)))
            with open_media(file, kind) as container:
                return asdict(_cut(container, file, kind, Span(start_s, end_s, mode, crf)))
    except NotRegular:
        raise NotRegularFile(f"{path} is a pipe, socket, device or folder") from None
    except FileNotFoundError:
        raise MissingFile(f"{path} is not there") from None
    except PermissionError as error:
        raise Unreadable(f"{path}: {error.strerror}") from None


def _cut(container: Any, file: Any, kind: Kind, span: Span) -> Cut:
    video, audio = picture_stream(container), sound_stream(container)
    if video is None and audio is None:
        raise NoMedia(f"a {kind.container} container without a picture or sound stream")
    for stream in (s for s in (video, audio) if s is not None):
        stream.codec_context.thread_count = 1
    if video is not None:
        video.thread_type = "NONE"
    if video is not None and kind.demuxer in CLOCKLESS:
        done = encoded(_without_clock(container, video, kind, span), float(video.sample_aspect_ratio or 1), span)
        return Cut(muxed(done, None), None, "video/mp4", None, done.how, done.start_s)
    origin = origin_s(container)
    window = read(container, video, audio, origin, span)
    if video is None:
        sound = sound_of(window.audio, origin, span.start_s, span.end_s)
        if sound is None:
            raise Uncuttable(f"no sound between {span.start_s:.3f} and {span.end_s:.3f} s")
        return Cut(None, encode_audio(*sound), None, "audio/mp4", "encode", span.start_s)
    inside = [t for t in window.times if span.holds(t)]
    first = min(inside, default=span.start_s)
    whole = _is_whole(window, video, kind, span)
    if whole and bare(container, file, kind):
        sound = sound_of(window.audio, origin, first, span.end_s)
        file.seek(0)
        return Cut(
            file.read(),
            encode_audio(*sound) if sound else None,
            "video/webm" if kind.container == "webm" else "video/mp4",
            "audio/mp4" if sound else None,
            "whole",
            first,
        )
    if (whole or (span.mode == "copy" and copyable(window))) and video.codec_context.codec.canonical_name in MP4_CODECS:
        done = _copied(window, video, span)
    else:
        done = (smart(window, video, origin, span) if span.mode == "smart" else None) or encoded(
            frames(window, 0, len(window.video), span, origin), float(video.sample_aspect_ratio or 1), span)
    sound = sound_of(window.audio, origin, done.start_s, span.end_s)
    m4a = encode_audio(*sound) if sound is not None else None
    return Cut(muxed(done, m4a), m4a, "video/mp4", "audio/mp4" if m4a else None, done.how, done.start_s)


def _without_clock(container: Any, video: Any, kind: Kind, span: Span) -> Iterator[tuple[float, Any]]:
    """The frames of the span of a bare stream, which is read from its start, with the times that `jobs.clean.reading` gives them."""
    import av

    step, t = 1 / (rate(video, kind) or 25.0), 0.0
    for packet in container.demux(video):
        try:
            decoded = packet.decode()
        except av.error.FFmpegError as error:
            child.heed(error)
            continue
        for frame in decoded:
            if span.holds(t):
                child.progress(t - span.start_s)
                yield t, frame
            t += step


def _animation(file: Any, span: Span) -> Cut:
    """The pictures of the span, encoded: an animation has no packets to copy, and no sound."""
    import av

    from jobs.media import picture

    shown = picture.pictures(picture.open_picture(file), sys.maxsize)
    spanned = ((t, av.VideoFrame.from_ndarray(pixels, format="rgb24")) for t, _, pixels in shown if span.holds(t))
    done = encoded(spanned, 1.0, span)
    return Cut(muxed(done, None), None, "video/mp4", None, done.how, done.start_s)


def _is_whole(window: Window, video: Any, kind: Kind, span: Span) -> bool:
    """Whether the span holds every picture of a source that can go out as it is, none that edits hide among them."""
    return bool(window.at_start and window.at_end and window.times.size and kind.container in ("mp4", "webm")
                and video.codec_context.codec.canonical_name in WHOLE_CODECS
                and np.nanmin(window.times) >= span.start_s - EPSILON_S and copyable(window))


def _copied(window: Window, video: Any, span: Span) -> Track:
    """Packets as they are from the keyframe at or before the start."""
    first = max(
        (i for i, p in enumerate(window.video) if p.is_keyframe and window.times[i] <= span.start_s + EPSILON_S), default=0
    )
    chosen = [i for i in range(first, len(window.video)) if not np.isnan(window.times[i])]
    end = next((i for i in chosen if window.video[i].dts is not None and i > first
                and float(window.video[i].dts * window.video[i].time_base) - _origin_of(window, i) >= span.end_s), None)
    chosen = [i for i in chosen if end is None or i < end]
    if not chosen:
        raise Uncuttable(f"no picture between {span.start_s:.3f} and {span.end_s:.3f} s")
    start = float(window.times[first])
    parts = tuple((bytes(window.video[i]), round((window.times[i] - start) * TICKS), bool(window.video[i].is_keyframe))
                  for i in chosen if window.times[i] >= start - EPSILON_S)
    return Track("copy", start, video, None, parts, round((span.end_s - start) * TICKS))


def _origin_of(window: Window, i: int) -> float:
    packet = window.video[i]
    return float(packet.pts * packet.time_base) - float(window.times[i])

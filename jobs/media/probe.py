"""What the header of a file says, without decoding a frame.

`probe` opens the container through a demuxer that was chosen by `jobs.media.sniff`, so that no file can make FFmpeg follow a playlist
or open another file. It parses untrusted bytes: call it through `jobs.media.sandbox`, in the pass itself it runs inside the child anyway.
"""

import errno
import io
import math
import os
import re
import stat
import struct
from collections.abc import Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, BinaryIO, cast

from jobs.media.sniff import Kind, Modality, beginning, sniffed


@dataclass(frozen=True)
class Probe:
    """Header facts; none of them is trusted by the pass.

    Attributes:
        container: Format name.
        duration_s: As the container says; None when it does not.
        width: Coded pixels.
        fps: Mean rate as the container says.
        sar: Sample aspect ratio. (The rotation is known from the first frame only: `clips` has it.)
    """

    modality: Modality
    container: str
    duration_s: float | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    video_codec: str | None = None
    audio_codec: str | None = None
    sar: float | None = None
    pix_fmt: str | None = None
    bit_depth: int | None = None
    hdr: bool = False
    alpha: bool = False
    sample_rate_hz: int | None = None
    channels: int | None = None


@contextmanager
def regular(path: str | os.PathLike[str]) -> Any:
    """The file opened for reading; OSError when it is no regular file (a FIFO never blocks, a device is never read)."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise NotRegular(f"{os.fspath(path)} is not a regular file")
    with io.FileIO(handle, "r") as raw:
        yield raw


class NotRegular(OSError):
    """A pipe, socket, device or folder where a file was expected."""


OPTIONS = MappingProxyType({
    "protocol_whitelist": "none",
    "enable_drefs": "0",
    "ignore_editlist": "0",
    "scan_all_pmts": "0",
})
"""Demuxer options: no demuxer may open anything by name. Our own reader hands over the bytes."""
PROBE_BYTES = 5_000_000


def open_media(file: BinaryIO, kind: Kind) -> AbstractContextManager[Any]:
    """The container, read by exactly the demuxer that `kind` names, or by that of the sound behind a tag that was too long for `sniff`;
    closes with the block.

    Raises:
        av.error.FFmpegError: the demuxer refuses the bytes.
        ValueError: `kind` has no demuxer.
    """
    import av

    if not kind.demuxer:
        raise ValueError(f"{kind.container or 'an unknown format'} is not read by a demuxer")
    file, kind = _behind_tags(file, kind)
    opened: AbstractContextManager[Any] = av.open(
        file, format=kind.demuxer, container_options=dict(OPTIONS), buffer_size=1 << 17, metadata_errors="replace",
        options={"probesize": str(PROBE_BYTES)})
    return opened


def _behind_tags(file: BinaryIO, kind: Kind) -> tuple[BinaryIO, Kind]:
    """The sound behind ID3 tags, and what it is. Where that is MP3, or nothing that is known, FFmpeg reads the tags too."""
    start = beginning(file)
    if not start:
        return file, kind
    behind = sniffed(file)
    if behind.demuxer == "mp3":
        return file, kind
    return cast(BinaryIO, _From(file, start)), behind


class _From(io.RawIOBase):
    """A file without what lies before `start`: not every demuxer reads on behind an ID3 tag."""

    def __init__(self, file: BinaryIO, start: int) -> None:
        self.file, self.start = file, start
        file.seek(start)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self.file.seek(offset + self.start if whence == io.SEEK_SET else offset, whence) - self.start

    def readinto(self, buffer: Any) -> int:
        data = self.file.read(len(buffer))
        buffer[:len(data)] = data
        return len(data)


def broken(file: BinaryIO, kind: Kind, error: Any) -> str:
    """What is wrong with a header that a demuxer refused, in words that name the way out where there is one."""
    if kind.demuxer == "mov" and not _indexed(file):
        return f"the {kind.container} has no index (moov), as a recording or a download that was not finished"
    if error.errno == errno.EIO:  # of the demuxer, which was to read on; errors of the disk come as themselves
        return f"the {kind.container} ends within its header"
    return f"the {kind.container} header is broken: {error.strerror}"


def _indexed(file: BinaryIO) -> bool:
    """Whether an MP4 has a box that says where its frames are."""
    size = file.seek(0, os.SEEK_END)
    at = 0
    for _ in range(MOST_BOXES):
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            return False
        if head[4:8] in (b"moov", b"moof"):
            return True
        length = int.from_bytes(head[:4], "big")
        length = int.from_bytes(head[8:16], "big") if length == 1 else length or size
        at += max(length, 8)
    return True


MOST_BOXES = 1000
"""Boxes of an MP4 that are looked at."""


def picture_stream(container: Any) -> Any | None:
    """The picture stream a player would show: one that moves, the default one, or the largest; cover art is none, nor is one frame beside
    sound, which is cover art that is not flagged."""
    heard = sound_stream(container) is not None
    streams = [s for s in container.streams.video if not _attached(s) and s.codec_context is not None and not (heard and _of_one_frame(s))]
    if not streams:
        return None
    return max(streams, key=lambda s: (s.frames != 1, _default(s), s.codec_context.width * s.codec_context.height, -s.index))


def without_decoder(container: Any) -> bool:
    """Whether there is a picture and nothing that decodes it."""
    streams = [s for s in container.streams.video if not _attached(s)]
    return bool(streams) and all(s.codec_context is None for s in streams)


def sound_stream(container: Any) -> Any | None:
    """The sound stream a player would play: the default one or the one with most channels."""
    streams = [s for s in container.streams.audio if s.codec_context is not None]
    if not streams:
        return None
    return max(streams, key=lambda s: (_default(s), s.codec_context.channels, -s.index))


def _attached(stream: Any) -> bool:
    from av.stream import Disposition

    return bool(stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image))


def _of_one_frame(stream: Any) -> bool:
    """Whether the container says so; of a fragmented MP4 `frames` counts the first fragment alone."""
    return bool(stream.frames == 1 and len(stream.index_entries) == 1)


def _default(stream: Any) -> bool:
    from av.stream import Disposition

    return bool(stream.disposition & Disposition.default)


CLOCKLESS = frozenset({"h264", "hevc"})
"""Demuxers of bare streams, whose frames bear no times: they follow each other at `rate`."""


def rate(stream: Any, kind: Kind) -> float | None:
    """Frames a second of a stream of pictures, as it says; of a bare one what stands in the stream itself, for its demuxer makes one up."""
    known = (stream.guessed_rate or stream.average_rate) if kind.demuxer in CLOCKLESS else (stream.average_rate or stream.guessed_rate)
    return float(known) if known else None


ANIMATIONS = frozenset({"gif"})
"""Containers of FFmpeg of which one frame is a picture, not a short video, and of which a frame may state a few pixels of millions that are shown."""
ANIMATION_PIXELS, ANIMATION_PIXELS_A_BYTE = 5_000_000_000, 20_000
"""What an animation may show in all, by any size, and for every byte of it: some ten CPU seconds, and a cursor that blinks on a large
screen. (Those that move have 1 to 500 pixels a byte; a bomb has 400,000.)"""


def animation_frames(width: int, height: int, size_bytes: int) -> int:
    """Most frames that an animation of this size is decoded for."""
    return int(max(ANIMATION_PIXELS, ANIMATION_PIXELS_A_BYTE * size_bytes) // max(width * height, 1))


def origin_s(container: Any) -> float:
    """Presentation time zero of a container in its own timestamps, seconds: where its earliest stream starts.

    All times of clips are relative to it, as those of `ffmpeg -ss` are.
    """
    return 0.0 if container.start_time is None else container.start_time / 1_000_000


def container_seconds(container: Any) -> float | None:
    """Length as the container states it, seconds."""
    return container.duration / 1_000_000 if container.duration and container.duration > 0 else None


def promised_seconds(container: Any, chosen: Sequence[Any]) -> float | None:
    """Length that the container states of these streams: its own is that of its longest track, which may be another one, such as subtitles or a
    commentary. Where nothing is said of each a track may be half as long as another."""
    whole = container_seconds(container)
    if whole is None or len(container.streams) == len(chosen):
        return whole
    each = [_track_seconds(stream) for stream in chosen]
    return whole / 2 if None in each else min(whole, max(length for length in each if length is not None))


TAGGED_LENGTH = re.compile(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)")


def _track_seconds(stream: Any) -> float | None:
    """When a track ends, as its header or, in Matroska, a tag of it says."""
    if stream.duration and stream.time_base:
        return float((stream.duration + max(stream.start_time or 0, 0)) * stream.time_base)
    told = next((value for name, value in stream.metadata.items() if name.upper().startswith("DURATION")), "")
    found = TAGGED_LENGTH.match(told)
    return int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3]) if found else None


def probe(file: BinaryIO) -> Probe:
    """Header facts of an open media file that stands at its beginning.

    Raises:
        OSError: it cannot be read.
        ValueError: not a picture, sound or video that is understood.
        av.error.FFmpegError: the header is broken.
    """
    kind = sniffed(file)
    if kind.modality in ("unknown", "text", "playlist"):
        raise ValueError(f"{kind.container or 'unknown'} content ({kind.modality}) has no media header")
    if not kind.demuxer:
        return _probe_picture(file, kind)
    with open_media(file, kind) as container:
        return describe(container, kind)


def describe(container: Any, kind: Kind) -> Probe:
    """Header facts of an open container."""
    picture, sound = picture_stream(container), sound_stream(container)
    seen = picture is not None or without_decoder(container)
    facts: dict[str, Any] = {"modality": "video" if seen else "audio" if sound is not None else "unknown"}
    duration = container_seconds(container)
    if picture is not None:
        context = picture.codec_context
        ratio = picture.sample_aspect_ratio
        facts |= {
            "width": context.width, "height": context.height, "fps": rate(picture, kind),
            "video_codec": context.codec.canonical_name, "pix_fmt": context.pix_fmt, "sar": float(ratio) if ratio else None,
            "bit_depth": depth(context.format), "hdr": context.color_trc in HDR_TRANSFERS,
            "alpha": has_alpha(picture),
        }
    if sound is not None:
        context = sound.codec_context
        facts |= {"audio_codec": context.codec.canonical_name, "sample_rate_hz": context.sample_rate, "channels": context.channels}
    return Probe(container=kind.container, duration_s=duration, **facts)


HDR_TRANSFERS = frozenset({16, 18})
"""Transfer characteristics of ITU-T H.273: 16 is PQ (SMPTE ST 2084), 18 is HLG (ARIB STD-B67)."""


def depth(format: Any) -> int | None:
    """Bits of the deepest component of a pixel format."""
    return max((c.bits for c in format.components), default=None) if format is not None else None


def turn(frame: Any) -> tuple[int, bool]:
    """How a player shows a frame, by its display matrix: clockwise degrees, a multiple of 90, and whether it is mirrored left to
    right before it is turned."""
    from av.sidedata.sidedata import Type

    matrix = frame.side_data.get(Type.DISPLAYMATRIX)
    if matrix is None:
        return 0, False
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(matrix)[:36])
    mirrored = a * d - b * c < 0
    a, b = (-a, -b) if mirrored else (a, b)
    return (90 * round(math.atan2(b, a) / (math.pi / 2)) % 360 if a or b else 0), mirrored


def has_alpha(stream: Any) -> bool:
    """Alpha in the pixel format, or beside it as VP8 and VP9 in WebM carry it."""
    format = stream.codec_context.format
    in_format = format is not None and any(c.is_alpha for c in format.components)
    return in_format or stream.metadata.get("alpha_mode") == "1"


def _probe_picture(file: BinaryIO, kind: Kind) -> Probe:
    from jobs.media import picture

    with picture.open_picture(file) as image:
        frames = picture.frames(image)
        return Probe(
            modality="video" if frames > 1 else "image",
            container=kind.container, width=image.width, height=image.height, video_codec=(image.format or "").lower(),
            pix_fmt=image.mode, alpha="A" in image.getbands() or "transparency" in image.info)

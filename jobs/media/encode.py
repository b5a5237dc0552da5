"""Frames and sound into an MP4 whose bytes depend on nothing but them: H.264 (x264, one thread) with AAC, index first.

The renderer of the demo, the generators and the clip cutter write their videos here. Equal input gives equal bytes with one
build of the codecs: one thread, no encoder tags, no dates.
"""

import io
from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Samples = NDArray[np.float32]

MP4 = {"movflags": "+faststart", "fflags": "+bitexact"}
"""Muxer options: the index in front, no version tags."""
AAC_BIT_RATE = 128_000


def encode_video(
    frames: Pixels | Iterable[Pixels],
    fps: float | Fraction,
    crf: int = 20,
    audio: tuple[Samples, int] | None = None,
    preset: str = "veryfast",
) -> bytes:
    """An MP4 of RGB frames.

    Args:
        frames: [T, H, W, 3] or any iterable of [H, W, 3], uint8 RGB; odd sides lose their last row or column (4:2:0).
        fps: frames a second.
        crf: x264 constant rate factor, 0 (lossless) to 51.
        audio: float32 samples in -1..1, [N] or [N, channels], and their rate in Hz.
        preset: x264 preset.

    Raises:
        ValueError: no frames, or frames that are smaller than 2 x 2 or of other shapes.
    """
    source = iter(frames)
    first = next(source, None)
    if first is None:
        raise ValueError("encode_video got no frames")
    if first.ndim != 3 or first.shape[2] != 3 or min(first.shape[:2]) < 2:
        raise ValueError(f"encode_video wants frames [H, W, 3] of at least 2 x 2 pixels, got {first.shape}")
    rate = Fraction(fps).limit_denominator(1001 * 240)
    target = io.BytesIO()
    with open_mp4(target) as container:
        video = add_h264(container, first.shape[1] // 2 * 2, first.shape[0] // 2 * 2, rate, crf, preset)
        sound = add_aac(container, audio[1], channel_count(audio[0])) if audio is not None else None
        for packet in _interleaved(_picture_packets(video, first, source), _sound_packets(sound, audio)):
            container.mux(packet)
    return target.getvalue()


def encode_audio(samples: Samples, rate: int, bit_rate: int = AAC_BIT_RATE) -> bytes:
    """An M4A (AAC) of float32 samples in -1..1, [N] or [N, channels]."""
    target = io.BytesIO()
    with open_mp4(target, "ipod") as container:
        stream = add_aac(container, rate, channel_count(samples), bit_rate)
        for packet in _sound_packets(stream, (samples, rate)):
            container.mux(packet)
    return target.getvalue()


class _Reread(io.RawIOBase):
    """A second reading position in a buffer that is being written: what moving the index to the front asks for."""

    def __init__(self, buffer: io.BytesIO) -> None:
        self.buffer, self.at = buffer, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self.at = offset + (0, self.at, self.buffer.getbuffer().nbytes)[whence]
        return self.at

    def tell(self) -> int:
        return self.at

    def read(self, size: int = -1) -> bytes:
        writing = self.buffer.tell()
        self.buffer.seek(self.at)
        data = self.buffer.read(size)
        self.buffer.seek(writing)
        self.at += len(data)
        return data


def open_mp4(target: io.BytesIO, format: str = "mp4", **options: str) -> Any:
    """A container to write to, with its index in front when it is closed."""
    return av.open(target, "w", format=format, options={**MP4, **options}, io_open=lambda url, flags, more: _Reread(target))


def x264_params(**more: int | str) -> str:
    """Options that make equal input give equal bytes.

    The AVX-512 code of x264's macroblock tree reads memory that nobody wrote (3 to 4 different results in 6 runs at sizes
    that are no multiple of 32; none with AVX2), so it is kept from using it.
    """
    options: dict[str, int | str] = {"threads": 1, "lookahead-threads": 1, "sliced-threads": 0}
    if _has_avx512():
        options["asm"] = "avx2"
    return ":".join(f"{name}={value}" for name, value in {**options, **more}.items())


@cache
def _has_avx512() -> bool:
    try:
        return " avx512" in Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False


def add_h264(container: Any, width: int, height: int, rate: Fraction, crf: int, preset: str = "veryfast",
             **options: str) -> Any:
    """A deterministic one-thread x264 stream, yuv420p BT.709 limited range."""
    stream = container.add_stream("libx264", rate=rate, options={
        "crf": str(crf), "preset": preset, "x264-params": x264_params(), **options})
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    context = stream.codec_context
    context.thread_count = 1
    context.flags |= av.codec.context.Flags.bitexact
    context.colorspace, context.color_range, context.color_primaries, context.color_trc = 1, 1, 1, 1
    return stream


def add_aac(container: Any, rate: int, channels: int, bit_rate: int = AAC_BIT_RATE) -> Any:
    """A deterministic AAC stream."""
    stream = container.add_stream("aac", rate=rate, layout="mono" if channels == 1 else "stereo")
    stream.bit_rate = bit_rate
    stream.codec_context.flags |= av.codec.context.Flags.bitexact
    return stream


def channel_count(samples: Samples) -> int:
    """1 or 2; more are refused, since a layout cannot be guessed."""
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    if channels not in (1, 2):
        raise ValueError(f"sound must have one or two channels, got {channels}")
    return channels


def _picture_packets(stream: Any, first: Pixels, rest: Iterator[Pixels]) -> Iterator[Any]:
    height, width = stream.height, stream.width
    shape = first.shape
    index = 0
    pixels: Pixels | None = first
    while pixels is not None:
        if pixels.shape != shape:
            raise ValueError(f"frame {index} has shape {pixels.shape}, the first had {shape}")
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels[:height, :width]), format="rgb24")
        frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
        frame.pts, frame.time_base = index, 1 / Fraction(stream.codec_context.framerate)
        yield from stream.encode(frame)
        index += 1
        pixels = next(rest, None)
    yield from stream.encode(None)


def _sound_packets(stream: Any, audio: tuple[Samples, int] | None) -> Iterator[Any]:
    if stream is None or audio is None:
        return
    samples, rate = audio
    planar = np.ascontiguousarray(np.atleast_2d(samples.T if samples.ndim == 2 else samples), dtype=np.float32)
    layout = "mono" if planar.shape[0] == 1 else "stereo"
    step = 1024
    for start in range(0, planar.shape[1], step):
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(planar[:, start:start + step]), format="fltp", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        yield from stream.encode(frame)
    yield from stream.encode(None)


def _interleaved(*streams: Iterator[Any]) -> Iterator[Any]:
    """Packets of all streams in the order of their decoding times, each stream read only as far as needed."""
    heads = [(stream, packet) for stream in streams if (packet := next(stream, None)) is not None]
    while heads:
        at = min(range(len(heads)), key=lambda i: float((heads[i][1].dts or 0) * heads[i][1].time_base))
        stream, packet = heads[at]
        yield packet
        following = next(stream, None)
        if following is None:
            del heads[at]
        else:
            heads[at] = (stream, following)

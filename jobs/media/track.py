"""A picture track ready to be written: its packets, copied or encoded, and the MP4 that holds it with its sound."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.media import avc
from jobs.media.encode import add_h264, open_mp4, x264_params
from jobs.media.faults import Uncuttable
from jobs.media.probe import HDR_TRANSFERS, turn
from jobs.media.window import Span

TICKS = 90_000
"""Time base of what is written."""


Part = tuple[bytes, int, bool]
"""Data, presentation time in ticks, keyframe."""


@dataclass(frozen=True)
class Track:
    """A picture track ready to be written: packets in decoding order with presentation ticks, from zero."""

    how: str
    start_s: float
    template: Any
    extradata: bytes | None
    parts: tuple[Part, ...]
    end_ticks: int


PLAIN, DEEP = "yuv420p", "yuv420p10le"
"""Pixels of what is encoded; those of HDR have ten bits, since with eight its light would break into steps, and mapped to less it would be another picture."""


def encoded(frames: Iterator[tuple[float, Any]], sar: float, span: Span) -> Track:
    """Every frame of the span encoded, upright, with square pixels."""
    first = next(frames, None)
    if first is None:
        raise Uncuttable(f"no picture could be decoded between {span.start_s:.3f} and {span.end_s:.3f} s")
    start = first[0]
    turned = turn(first[1])  # once: a frame that was asked for its side data holds itself, and its memory with it
    pixels = DEEP if int(first[1].color_trc) in HDR_TRANSFERS else PLAIN

    def upright() -> Iterator[tuple[float, Any]]:
        yield start, _upright(first[1], sar, turned, pixels)
        for t, frame in frames:
            yield t, _upright(frame, sar, turned, pixels)

    sets, parts, template = encode_frames(upright(), None, start, span.crf, None)
    return Track("encode", start, template, avc.avcc(sets, bits=10 if pixels == DEEP else 8), tuple(parts), round((span.end_s - start) * TICKS))


def _upright(frame: Any, sar: float, turned: tuple[int, bool], pixels: str) -> Any:
    """The frame as it is shown: turned by so many degrees and mirrored, pixels square (they have the ratio `sar`), sides even, and of RGB in the
    colours of ITU-R BT.709."""
    import av

    wide = frame.width * sar if 0.05 < sar < 20 else frame.width
    width, height = max(2, round(wide / 2) * 2), max(2, frame.height // 2 * 2)
    colours = {"dst_colorspace": "ITU709"} if frame.format.is_rgb or frame.format.has_palette else {}
    shaped = frame.reformat(width=width, height=height, format=pixels, dst_color_range="MPEG",
                            interpolation="BICUBIC", threads=1, **colours) if (width, height) != (frame.width, frame.height) \
        or frame.format.name != pixels or int(frame.color_range) == 2 else frame
    degrees, mirrored = turned
    if degrees == 0 and not mirrored:
        return shaped
    planes = [_plane(shaped, i)[:, ::-1 if mirrored else 1] for i in range(3)]
    shown = [np.ascontiguousarray(np.rot90(p, -degrees // 90)) for p in planes]
    out = av.VideoFrame(shown[0].shape[1], shown[0].shape[0], pixels)
    for plane, values in zip(out.planes, shown, strict=True):
        padded = np.zeros((values.shape[0], plane.line_size // values.itemsize), values.dtype)
        padded[:, :values.shape[1]] = values
        plane.update(padded.tobytes())
    out.colorspace, out.color_trc, out.color_primaries = shaped.colorspace, shaped.color_trc, shaped.color_primaries
    return out


def _plane(frame: Any, index: int) -> NDArray[Any]:
    plane = frame.planes[index]
    kind = np.dtype(np.uint16 if frame.format.name == DEEP else np.uint8)
    line = plane.line_size // kind.itemsize
    values = np.frombuffer(plane, kind)[:line * plane.height].reshape(plane.height, line)
    return values[:, :plane.width]


def encode_frames(frames: Sequence[tuple[float, Any]] | Iterator[tuple[float, Any]], like: Any, start: float, crf: int,
                   number: int | None) -> tuple[avc.ParameterSets, list[Part], Any]:
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
    context.colorspace, context.color_trc, context.color_primaries = int(frame.colorspace), int(frame.color_trc), int(frame.color_primaries)
    context.pix_fmt = frame.format.name if like is None else like.codec_context.pix_fmt
    if like is not None:
        context.color_range = int(frame.color_range)
        if like.sample_aspect_ratio:
            context.sample_aspect_ratio = like.sample_aspect_ratio
    context.flags |= av.codec.context.Flags.global_header
    scratch.start_encoding()
    sets = avc.parameter_sets(context.extradata)
    parts: list[Part] = []

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


def muxed(track: Track, m4a: bytes | None) -> bytes:
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


def _add_track(out: Any, track: Track) -> Any:
    picture = out.add_stream_from_template(track.template, opaque=True)
    if track.extradata is not None:
        picture.codec_context.extradata = track.extradata
    picture.time_base = Fraction(1, TICKS)
    return picture

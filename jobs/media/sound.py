"""The sound of a span as samples: for a cut, and as one channel for models that listen. Runs in the sandbox."""

import os
from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.media import child, sandbox
from jobs.media.faults import NoMedia, Undecodable
from jobs.media.probe import open_media, origin_s, regular, sound_stream
from jobs.media.sniff import HEAD_BYTES, sniff
from jobs.media.window import BEFORE_S, packets

SOUND_RATES = frozenset({96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000})
"""Rates that AAC knows; others become 48000."""
SETTLING_S = 0.3
"""Of sound behind a seek, in which every frame sets the clock: where a seek leads into the middle of a packet, as in MPEG-PS, the first frame that decodes
bears the time of one before it."""


def listen(path: str | os.PathLike[str], start_s: float, end_s: float, rate_hz: int) -> NDArray[np.float32]:
    """Samples of a span, -1..1, mixed to one channel: [round((end_s - start_s) * rate_hz)], silence where there is none.

    Args:
        path: A local video or sound file.
        start_s: Start in the source's presentation time, seconds as in `clips`.
        end_s: End, exclusive.
        rate_hz: Samples per second of the result.

    Raises:
        MediaFault: there is no sound in the span, or it cannot be decoded.
    """
    arguments = {"path": os.fspath(path), "start_s": start_s, "end_s": end_s, "rate_hz": rate_hz}
    limits = sandbox.Limits(cpu_s=60 + (end_s - start_s))
    return np.asarray(sandbox.call("jobs.media.sound:listen_file", arguments, limits), np.float32)


def listen_file(path: str, start_s: float, end_s: float, rate_hz: int) -> NDArray[np.float32]:
    """`listen` without the sandbox."""
    with regular(path) as file:
        kind = sniff(file.read(HEAD_BYTES))
        file.seek(0)
        if not kind.demuxer:
            raise Undecodable(f"{kind.container or 'unknown'} content has no sound")
        with open_media(file, kind) as container:
            found = _heard(container, start_s, end_s, rate_hz)
    if found is None:
        raise NoMedia(f"no sound between {start_s:.3f} and {end_s:.3f} s")
    return found


def _heard(container: Any, start_s: float, end_s: float, rate_hz: int) -> NDArray[np.float32] | None:
    stream, origin = sound_stream(container), origin_s(container)
    if stream is None:
        return None
    stream.codec_context.thread_count = 1
    if start_s > BEFORE_S:
        container.seek(int((start_s - BEFORE_S + origin) / stream.time_base), stream=stream, backward=True)
    timed = (p for p in packets(container, stream) if p.pts is not None)
    wanted = list(takewhile(lambda p: float(p.pts * p.time_base) - origin < end_s, timed))
    made = sound_of(wanted, origin, start_s, end_s, mono_hz=rate_hz)
    return made[0][:, 0] if made else None


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
    resamplers: dict[tuple[str, str, int], Callable[[Any], list[Any]]] = {}
    """By what comes in: a broadcast changes its channels on the way."""
    total = max(1, round((end_s - start_s) * rate))
    samples = np.zeros((1 if layout == "mono" else 2, total), np.float32)
    heard = False
    at: int | None = None
    made = 0
    for packet in [*packets, None]:
        try:
            decoded = context.decode(packet)
        except av.error.FFmpegError as error:
            child.heed(error)
            continue
        for frame in decoded:
            if not isinstance(frame, av.AudioFrame):
                continue
            if frame.pts is not None and frame.time_base is not None:
                t = float(frame.pts * frame.time_base) - origin
                expected = round((t - start_s) * rate)
                step = max(0.005, 0.5 * frame.samples / max(frame.sample_rate, 1)) if made < SETTLING_S * rate else 0.05
                if at is None or abs(expected - at) > step * rate:
                    at = expected
            elif at is None:
                continue
            form = frame.format.name, frame.layout.name, frame.sample_rate
            if form not in resamplers:
                resamplers[form] = _resampling(frame, layout, rate)
            for out in resamplers[form](frame):
                values = out.to_ndarray()
                low, high = max(at, 0), min(at + values.shape[1], total)
                if high > low:
                    samples[:, low:high] = values[:, low - at:high - at]
                    heard = True
                at += values.shape[1]
                made += values.shape[1]
    if not heard:
        return None
    np.nan_to_num(samples, copy=False, nan=0.0, posinf=1.0, neginf=-1.0)
    return np.ascontiguousarray(samples.clip(-1, 1).T), rate


def _resampling(first: Any, layout: str, rate: int) -> Callable[[Any], list[Any]]:
    """What brings frames like this one to a layout and a rate. Of channels that FFmpeg cannot mix, nine without names or ambisonics, one is
    made before: of ambisonics the first, which hears all around, of others the mean."""
    import av

    resampler = av.AudioResampler(format="fltp", layout=layout, rate=rate)
    try:
        av.AudioResampler(format="fltp", layout=layout, rate=rate).resample(first)
    except av.error.ArgumentError:
        kept = 1 if first.layout.channels[0].name.startswith("AMBI") else first.layout.nb_channels
        plain = av.AudioResampler(format="flt", layout=first.layout.name, rate=first.sample_rate)
    else:
        return lambda frame: list(resampler.resample(frame))

    def mixed(frame: Any) -> list[Any]:
        made: list[Any] = []
        for out in plain.resample(frame):
            line = out.to_ndarray().reshape(out.samples, -1)[:, :kept].mean(axis=1, dtype=np.float32)
            one = av.AudioFrame.from_ndarray(line[None], format="fltp", layout="mono")
            one.sample_rate = out.sample_rate
            made += resampler.resample(one)
        return made

    return mixed

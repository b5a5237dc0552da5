"""The sound of a span as one channel of samples, for models that listen. Runs in the sandbox."""

import os
from itertools import takewhile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.media import sandbox
from jobs.media.cut import BEFORE_S, sound_of
from jobs.media.faults import NoMedia, Undecodable
from jobs.media.probe import HEAD_BYTES, open_media, origin_s, regular, sniff, sound_stream


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
    timed = (p for p in container.demux(stream) if p.size and p.pts is not None)
    packets = list(takewhile(lambda p: float(p.pts * p.time_base) - origin < end_s, timed))
    made = sound_of(packets, origin, start_s, end_s, mono_hz=rate_hz)
    return made[0][:, 0] if made else None

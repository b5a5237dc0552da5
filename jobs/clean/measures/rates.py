"""Frame rate.

frame_count: frames decoded inside the span. fps: frame_count over the length of the span. vfr: more than 5 % of the
intervals between frames differ from their median by more than 20 %. Null for single pictures (fps, vfr). Version 1.
Source: FFmpeg's average rate of a stream and its `vfrdet`, which counts intervals that differ from the one before; here of the span alone.
Frames are those that FFmpeg decodes, fps within 1 % of theirs.
"""

from typing import Any

import numpy as np

from jobs.clean.measures import Measurement, Span


def reduce(span: Span) -> dict[str, Any]:
    count, seconds = int(span.frame_t.size), span.end_s - span.start_s
    gaps = np.diff(span.frame_t)
    usual = float(np.median(gaps)) if gaps.size else 0.0
    varies = bool((np.abs(gaps - usual) > 0.2 * usual).mean() > 0.05) if gaps.size > 1 else False
    return {"frame_count": count, "fps": count / seconds if seconds > 0 else None, "vfr": varies if count > 1 else None}


MEASURE = Measurement("rates", 1, ("frame_count", "fps", "vfr"), reduce)

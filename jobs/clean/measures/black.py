"""Black frames.

black_share: share of frames of which at least 98 % of the cells are darker than 10 % of the range.
Version 1. Source: FFmpeg blackdetect, picture_black_ratio_th 0.98 and pixel_black_th 0.10, on the cells of `jobs.media.planes`;
within 0.02 of it where pictures are black or not.
"""

from typing import Any

from jobs.clean.measures import Measurement, Span

RATIO = 0.98


def reduce(span: Span) -> dict[str, Any]:
    return {"black_share": float((span.signals["dark"] >= RATIO).mean())}


MEASURE = Measurement("black", 1, ("black_share",), reduce)

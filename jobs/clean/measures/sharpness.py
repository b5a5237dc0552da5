"""Sharpness.

sharpness: variance of the Laplacian (kernel 0 1 0 / 1 -4 1 / 0 1 0) of luma with the short side at 224 pixels; the upper
quartile over the sampled pictures, so that one shaken moment does not condemn a clip.
Version 1. Source: Pech-Pacheco 2000, as OpenCV's `Laplacian(...).var()`, which is the same on the same picture; within
20 % of it over two frames a second that FFmpeg scaled so (`flags=area`), for a shot is also looked at soon after it begins; OpenCV's INTER_AREA
leaves up to a quarter less. The size is part of the number.
"""

from typing import Any

import numpy as np

from jobs.clean.measures import Measurement, Picture, Span
from jobs.media.kernel import kernel


def look(picture: Picture) -> tuple[float]:
    return (variance(picture.y),)


@kernel("float64(Array(uint8, 2, 'C', readonly=True))")
def variance(y: Any) -> float:
    """Variance of the Laplacian; borders are mirrored without repeating the edge, as OpenCV does."""
    height, width = y.shape
    total, squares = 0, 0
    for row in range(height):
        above = row - 1 if row > 0 else min(1, height - 1)
        below = row + 1 if row < height - 1 else max(height - 2, 0)
        for column in range(1, width - 1):
            value: Any = np.int32(y[above, column]) + np.int32(y[below, column]) + np.int32(y[row, column - 1]) \
                + np.int32(y[row, column + 1]) - 4 * np.int32(y[row, column])
            total += value
            squares += value * value
        for column in (0, width - 1):
            left = column - 1 if column > 0 else min(1, width - 1)
            right = column + 1 if column < width - 1 else max(width - 2, 0)
            value = np.int32(y[above, column]) + np.int32(y[below, column]) + np.int32(y[row, left]) \
                + np.int32(y[row, right]) - 4 * np.int32(y[row, column])
            total += value
            squares += value * value
    count = height * width
    centre = total / count
    return float(squares / count - centre * centre)


def reduce(span: Span) -> dict[str, Any]:
    values = span.pictures["sharpness"][:, 0]
    return {"sharpness": float(np.percentile(values, 75)) if values.size else None}


MEASURE = Measurement("sharpness", 1, ("sharpness",), reduce, width=1, look=look)

"""Coding blocks.

blockiness: mean luma step across the borders of 8 x 8 blocks over the mean step elsewhere, of the picture as decoded (not
scaled): |step| at columns 8k over |step| at all other columns on every eighth row, and the same with rows and columns
exchanged; the mean of both, mean over samples. 1 means no grid. Null below 32 pixels and where there is no plane of luma.
Version 1. Source: the blocking term of Wang, Sheikh and Bovik 2002 (no-reference JPEG quality), as a ratio.
"""

from typing import Any

import numpy as np

from jobs.clean.measures import Measurement, Picture, Span, mean
from jobs.media.kernel import kernel


def _body(plane: Any) -> tuple[float, float, int, int]:
    height, width = plane.shape
    border: Any = 0
    inside: Any = 0
    borders, insides = 0, 0
    for y in range(4, height, 8):
        for x in range(1, width):
            step: Any = abs(np.int32(plane[y, x]) - np.int32(plane[y, x - 1]))
            if x & 7 == 0:
                border += step
                borders += 1
            else:
                inside += step
                insides += 1
    for y in range(8, height, 8):
        for x in range(4, width, 8):
            border += abs(np.int32(plane[y, x]) - np.int32(plane[y - 1, x]))
            borders += 1
            inside += abs(np.int32(plane[y - 4, x]) - np.int32(plane[y - 5, x]))
            insides += 1
    return float(border), float(inside), borders, insides


_NUMBERS = "Tuple((float64, float64, int64, int64))"
_steps8 = kernel(f"{_NUMBERS}(Array(uint8, 2, 'A', readonly=True))")(_body)
_steps16 = kernel(f"{_NUMBERS}(Array(uint16, 2, 'A', readonly=True))")(_body)


def look(picture: Picture) -> tuple[float]:
    plane = picture.plane
    if plane is None or min(plane.shape) < 32:
        return (np.nan,)
    border, inside, borders, insides = (_steps16 if plane.dtype == np.uint16 else _steps8)(plane)
    flat = 0.05 * (1 << (picture.plane_bits - 8))
    return ((border / borders + flat) / (inside / insides + flat),)


def reduce(span: Span) -> dict[str, Any]:
    return {"blockiness": mean(span.pictures["blockiness"][:, 0])}


MEASURE = Measurement("blockiness", 1, ("blockiness",), reduce, width=1, look=look, every=2, native=True)

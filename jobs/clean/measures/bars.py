"""Letterbox and pillarbox.

letterbox_share: rows of constant dark bars above and below over the height; pillarbox_share: columns left and right over the
width. A row is bar when its mean luma is at most 24 and its standard deviation at most 6 (full range, short side 224) in
every sampled picture that has brighter rows and brighter columns; bars count only when both sides have one of at least 2 %.
Null when no picture has. Version 2. Source: FFmpeg cropdetect (limit 24).
"""

from typing import Any

import numpy as np

from jobs.clean.measures import Measurement, Picture, Span
from jobs.media.kernel import kernel

MEAN, SPREAD, LEAST = 24.0, 6.0, 0.02


def look(picture: Picture) -> tuple[float, float, float, float]:
    height, width = picture.y.shape
    top, bottom = _bars(picture.lines.row, picture.lines.row_square, width)
    left, right = _bars(picture.lines.column, picture.lines.column_square, height)
    if top >= height or left >= width:
        return (np.nan,) * 4
    return top / height, bottom / height, left / width, right / width


@kernel("UniTuple(int64, 2)(float64[::1], float64[::1], int64)")
def _bars(sums: Any, squares: Any, pixels: int) -> tuple[int, int]:
    """Lines of bar at both ends of one direction, from the sums of lines of so many pixels; all of them where none is brighter."""
    count = sums.size
    found = [count, count]
    for end in range(2):
        for i in range(count):
            line = i if end == 0 else count - 1 - i
            mean = sums[line] / pixels
            if mean > MEAN or squares[line] / pixels - mean * mean > SPREAD * SPREAD:
                found[end] = i
                break
    if (sums <= MEAN * pixels).all():
        return count, count
    return found[0], found[1]


def reduce(span: Span) -> dict[str, Any]:
    rows = span.pictures["bars"]
    rows = rows[np.isfinite(rows[:, 0])]
    if rows.size == 0:
        return {"letterbox_share": None, "pillarbox_share": None}
    top, bottom, left, right = rows.min(axis=0)
    return {"letterbox_share": float(top + bottom) if min(top, bottom) >= LEAST else 0.0,
            "pillarbox_share": float(left + right) if min(left, right) >= LEAST else 0.0}


MEASURE = Measurement("bars", 2, ("letterbox_share", "pillarbox_share"), reduce, width=4, look=look, every=2)

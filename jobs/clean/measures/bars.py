"""Letterbox and pillarbox.

letterbox_share: rows of constant dark bars above and below over the height; pillarbox_share: columns left and right over the
width. A row is bar when its mean luma is at most 24 and its standard deviation at most 6 (full range, short side 224) in
every sampled picture that is not black altogether; bars count only when both sides have one of at least 2 %. Null when every
picture is black. Version 1. Source: FFmpeg cropdetect (limit 24).
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from jobs.clean.measures import Measurement, Picture, Pixels, Span

MEAN, SPREAD, LEAST = 24.0, 6.0, 0.02


def look(picture: Picture) -> tuple[float, float, float, float]:
    top, bottom = _bars(picture.y, 1)
    if top >= picture.y.shape[0]:
        return (np.nan,) * 4
    left, right = _bars(picture.y, 0)
    height, width = picture.y.shape
    return top / height, bottom / height, left / width, right / width


def _bars(y: Pixels, axis: int) -> tuple[int, int]:
    """Lines of bar at both ends of one direction."""
    means = cv2.reduce(y, axis, cv2.REDUCE_AVG, dtype=cv2.CV_32F).ravel()
    outside = np.flatnonzero(means > MEAN)
    if outside.size == 0:
        return len(means), len(means)
    first = _flat(y if axis else y.T, range(int(outside[0])))
    last = _flat(y if axis else y.T, range(len(means) - 1, int(outside[-1]), -1))
    return first, last


def _flat(lines: NDArray[np.uint8], order: range) -> int:
    """How many lines in a row are flat."""
    if len(order) == 0:
        return 0
    picked = lines[order.start:order.stop:order.step] if order.step > 0 else lines[order.stop + 1:order.start + 1][::-1]
    rough = np.flatnonzero(picked.std(axis=1) > SPREAD)
    return int(rough[0]) if rough.size else len(order)


def reduce(span: Span) -> dict[str, Any]:
    rows = span.pictures["bars"]
    rows = rows[np.isfinite(rows[:, 0])]
    if rows.size == 0:
        return {"letterbox_share": None, "pillarbox_share": None}
    top, bottom, left, right = rows.min(axis=0)
    return {"letterbox_share": float(top + bottom) if min(top, bottom) >= LEAST else 0.0,
            "pillarbox_share": float(left + right) if min(left, right) >= LEAST else 0.0}


MEASURE = Measurement("bars", 1, ("letterbox_share", "pillarbox_share"), reduce, width=4, look=look)

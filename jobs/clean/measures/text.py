"""Area covered by text, an estimate without reading it.

text_area_share: strokes are where the morphological gradient (3 x 3) of luma is strong; strokes are joined sideways into lines
(closing 13 x 3), and a component counts when it is shaped like a line of text (8 to 40 pixels... of a short side of 224: 5
to 48 high, wider than 1.5 times its height, at least a third filled, with many changes of direction along it). Share of the
picture that the boxes of these components cover; mean over samples. Version 1. Source: the gradient and closing recipe
common for scene text; no model.
"""

from typing import Any

import cv2
import numpy as np

from jobs.clean.measures import Measurement, Picture, Span, mean

_STROKE = np.ones((3, 3), np.uint8)
_LINE = np.ones((1, 9), np.uint8)
LEAST_GRADIENT = 60
CROSSINGS = 0.12
"""Stroke edges per pixel along the middle of a line of text, at least."""


def look(picture: Picture) -> tuple[float]:
    y = picture.y
    gradient = cv2.morphologyEx(y, cv2.MORPH_GRADIENT, _STROKE)
    strokes = (gradient >= LEAST_GRADIENT).astype(np.uint8)
    joined = cv2.morphologyEx(strokes, cv2.MORPH_CLOSE, _LINE)
    count, _, boxes, _ = cv2.connectedComponentsWithStats(joined, connectivity=4)
    area = 0
    for left, top, width, height, filled in boxes[1:count]:
        if 5 <= height <= 48 and width >= 1.5 * height and filled >= 0.45 * width * height and \
                _crossings(y[top:top + height, left:left + width]) >= CROSSINGS:
            area += width * height
    return (area / y.size,)


def _crossings(box: Any) -> float:
    """Changes between dark and bright per pixel, along the three middle lines of a box."""
    height = box.shape[0]
    lines = box[[height // 3, height // 2, 2 * height // 3]].astype(np.int16)
    low, high = lines.min(), lines.max()
    bright = lines > (int(low) + int(high)) // 2
    return float(np.count_nonzero(bright[:, 1:] != bright[:, :-1]) / max(bright.size, 1))


def reduce(span: Span) -> dict[str, Any]:
    return {"text_area_share": mean(span.pictures["text"][:, 0])}


MEASURE = Measurement("text", 1, ("text_area_share",), reduce, width=1, look=look, every=4)

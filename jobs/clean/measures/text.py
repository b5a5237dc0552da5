"""Area covered by text, an estimate without reading it.

text_area_share: strokes are what is thin and stands out, brighter or darker, by at least 55 of luma (white and black top-hat, 5 x 5);
strokes of one kind are joined sideways into lines (closing 9 x 1), and a component counts when it is shaped like a line of text (of a
short side of 224: 5 to 48 high, wider than 1.5 times its height, at least 0.4 filled, with many changes of direction along it). Share
of the picture that the boxes of these components cover; mean over samples. Two lines of subtitles have up to 0.09, photographs and
frames without text up to 0.08, a page and a picture covered by captions 0.2 and more. Version 3. Source: top-hat and closing, common for text in
scenes (Chen, Bourlard and Thiran 2001 have the same order of steps); no model.
"""

from typing import Any

import cv2
import numpy as np

from jobs.clean.measures import Measurement, Picture, Span, mean

_STROKE = np.ones((5, 5), np.uint8)
_LINE = np.ones((1, 9), np.uint8)
LEAST_HEIGHT = 55
"""By how much a stroke is brighter or darker than what surrounds it: edges of things have no other side within 5 pixels."""
LEAST_STROKES = 0.003
"""Share of the picture that strokes cover, at least: a short subtitle has 0.01."""
FILLED = 0.4
CROSSINGS = 0.12
"""Stroke edges per pixel along the middle of a line of text, at least."""


def look(picture: Picture) -> tuple[float]:
    y, covered = picture.y, None
    for polarity in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT):
        strokes = (cv2.morphologyEx(y, polarity, _STROKE) >= LEAST_HEIGHT).view(np.uint8)
        if cv2.countNonZero(strokes) < LEAST_STROKES * y.size:
            continue
        joined = cv2.morphologyEx(strokes, cv2.MORPH_CLOSE, _LINE)
        count, _, boxes, _ = cv2.connectedComponentsWithStats(joined, connectivity=4)
        for left, top, width, height, filled in boxes[1:count]:
            if 5 <= height <= 48 and width >= 1.5 * height and filled >= FILLED * width * height and \
                    _crossings(y[top:top + height, left:left + width]) >= CROSSINGS:
                covered = np.zeros(y.shape, np.bool_) if covered is None else covered
                covered[top:top + height, left:left + width] = True
    return (float(covered.mean()) if covered is not None else 0.0,)


def _crossings(box: Any) -> float:
    """Changes between dark and bright per pixel, along the three middle lines of a box."""
    height = box.shape[0]
    lines = box[[height // 3, height // 2, 2 * height // 3]].astype(np.int16)
    low, high = lines.min(), lines.max()
    bright = lines > (int(low) + int(high)) // 2
    return float(np.count_nonzero(bright[:, 1:] != bright[:, :-1]) / max(bright.size, 1))


def reduce(span: Span) -> dict[str, Any]:
    return {"text_area_share": mean(span.pictures["text"][:, 0])}


MEASURE = Measurement("text", 3, ("text_area_share",), reduce, width=1, look=look, every=4)

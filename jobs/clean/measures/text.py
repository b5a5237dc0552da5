"""Area covered by text, an estimate without reading it.

text_area_share: strokes are what is thin and stands out, brighter or darker, by at least 55 of luma (white and black top-hat, 5 x 5);
strokes of one kind are joined sideways into lines (closing 9 x 1), and a component counts when it is shaped like a line of text (of a
short side of 224: 5 to 48 high, wider than 1.5 times its height, at least 0.4 filled, with many changes of direction along it). Share
of the picture that the boxes of these components cover; mean over samples. Two lines of subtitles have up to 0.09, full ones over a busy picture 0.145, photographs and
frames without text up to 0.08, a page and a picture covered by captions 0.2 and more. Chinese is set in columns too: where strokes cover 0.15
of the picture and lines less than 0.12, it is looked at a second time lying on its side, and counts as that from 0.35 of the picture (pages of columns 0.42 and
more, photographs up to 0.08, windows of drawn towers up to 0.19). Version 5. Source: top-hat and closing, common for text in
scenes (Chen, Bourlard and Thiran 2001 have the same order of steps); no model.
"""

from typing import Any

import cv2
import numpy as np

from jobs.clean.measures import Measurement, Picture, Span, mean
from jobs.media.kernel import kernel

_STROKE = np.ones((5, 5), np.uint8)
LEAST_HEIGHT = 55
"""By how much a stroke is brighter or darker than what surrounds it: edges of things have no other side within 5 pixels."""
LEAST_STROKES = 0.003
"""Share of the picture that strokes cover, at least: a short subtitle has 0.01."""
JOIN = 4
"""Half the width of the closing: strokes with up to twice as many pixels between them are joined, and up to as many to the border."""
COLUMNS, ANY_COLUMNS, COLUMN_SHARE = 0.15, 0.12, 0.35
"""Share of strokes from which a picture with less text in lines than this may hold columns of it; and what columns of it cover, at least."""
FILLED = 0.4
CROSSINGS = 0.12
"""Stroke edges per pixel along the middle of a line of text, at least."""


def look(picture: Picture) -> tuple[float]:
    y = picture.y
    hats = [cv2.morphologyEx(y, polarity, _STROKE) for polarity in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT)]
    area = _area(y, hats)
    if area < ANY_COLUMNS and sum(cv2.countNonZero(cv2.compare(hat, LEAST_HEIGHT, cv2.CMP_GE)) for hat in hats) >= COLUMNS * y.size:
        columns = _area(cv2.transpose(y), [cv2.transpose(hat) for hat in hats])
        area = columns if columns >= COLUMN_SHARE else area
    return (area,)


def _area(y: Any, hats: Any) -> float:
    covered = np.zeros(y.shape, np.uint8)
    found = [_cover(y, hat, covered) for hat in hats]
    return cv2.countNonZero(covered) / y.size if any(found) else 0.0


@kernel(None)
def _root(runs: Any, run: Any) -> Any:
    while runs[run, 3] != run:
        runs[run, 3] = runs[runs[run, 3], 3]
        run = runs[run, 3]
    return run


@kernel(None)
def _crossings(box: Any) -> Any:
    """Changes between dark and bright per pixel, along the three middle lines of a box."""
    height, width = box.shape
    rows = (height // 3, height // 2, 2 * height // 3)
    low, high = 255, 0
    for row in rows:
        for column in range(width):
            low, high = min(low, box[row, column]), max(high, box[row, column])
    middle, changes = (low + high) // 2, 0
    for row in rows:
        for column in range(1, width):
            changes += (box[row, column] > middle) != (box[row, column - 1] > middle)
    return changes / (3 * width)


@kernel("boolean(Array(uint8, 2, 'C', readonly=True), Array(uint8, 2, 'C', readonly=True), uint8[:, ::1])")
def _cover(y: Any, hat: Any, covered: Any) -> Any:
    """Set `covered` where lines of text are, of which `hat` are the strokes; whether there are any.

    A joined row of strokes is a run; runs that touch across rows (4-connected) are one component, by union and find.
    """
    height, width = hat.shape
    per_row = np.zeros(height, np.int64)
    for row in range(height):
        strokes = np.int32(0)
        for column in range(width):
            strokes += np.int32(hat[row, column] >= LEAST_HEIGHT)
        per_row[row] = strokes
    if per_row.sum() < LEAST_STROKES * y.size:
        return False
    runs = np.zeros((per_row.sum(), 4), np.int32)  # row, first and last column, the run it belongs to
    count, above, above_end = 0, 0, 0
    for row in range(height):
        here = count
        if per_row[row]:
            first, last = -1, 0
            for column in range(width):
                if hat[row, column] >= LEAST_HEIGHT:
                    if first < 0:
                        first = column if column > JOIN else 0
                    elif column - last > 2 * JOIN + 1:
                        runs[count] = row, first, last, count
                        count, first = count + 1, column
                    last = column
            runs[count] = row, first, last if last < width - 1 - JOIN else width - 1, count
            count += 1
        at = here
        while above < above_end and at < count:
            if runs[above, 1] <= runs[at, 2] and runs[at, 1] <= runs[above, 2]:
                a, b = _root(runs, above), _root(runs, at)
                runs[max(a, b), 3] = min(a, b)
            if runs[above, 2] < runs[at, 2]:
                above += 1
            else:
                at += 1
        above, above_end = here, count
    boxes = np.zeros((count, 5), np.int32)  # left, top, right, bottom, filled
    for run in range(count):
        box = boxes[_root(runs, run)]
        row, first, last = runs[run, 0], runs[run, 1], runs[run, 2]
        if box[4] == 0:
            box[:4] = first, row, last, row
        box[0], box[2], box[3] = min(box[0], first), max(box[2], last), row
        box[4] += last - first + 1
    found = False
    for left, top, right, bottom, filled in boxes:
        tall, wide = bottom - top + 1, right - left + 1
        if filled and 5 <= tall <= 48 and wide >= 1.5 * tall and filled >= FILLED * wide * tall and \
                _crossings(y[top:bottom + 1, left:right + 1]) >= CROSSINGS:
            covered[top:bottom + 1, left:right + 1] = 1
            found = True
    return found


def reduce(span: Span) -> dict[str, Any]:
    return {"text_area_share": mean(span.pictures["text"][:, 0])}


MEASURE = Measurement("text", 5, ("text_area_share",), reduce, width=1, look=look, every=4)

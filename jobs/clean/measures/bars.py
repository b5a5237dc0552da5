"""Letterbox and pillarbox.

letterbox_share: rows of bars above and below over the height; pillarbox_share: columns of bars left and right over the width, as a player
shows it (of luma with the short side at 224). Bars are found in two ways, and the greater share counts.

Dark: a row is bar when its mean luma is at most 24 and its standard deviation at most 6 in every picture that has brighter rows and
brighter columns; bars count only when both sides have one of at least 2 %, and when at one of them the picture begins with a step
over half of the row or more in a quarter of the pictures. All such steps lie within 1.5 % of the way of their median but for one in five, and the middle
80 % within 0.6 % of each other where the other two sides are dark and have no such step: what has its edge now here and now there is a thing before
black, as a product that turns, and there are no bars of any kind. A night sky has no such edge, light that fades towards the sides steps
by half as much and more beside it, and the frame of a door, which is out of focus, has half of its step and more farther in. Source: FFmpeg cropdetect (limit 24).

Of any shade, a blurred copy of the picture among them: two lines equally far from both ends, 3 % to 45 % of the way, at which 0.6 of
the picture or more steps by at least 8 so, with next to no detail outside of both (at most 0.35 of that inside, at least 1.2 is allowed);
where one side is flat and the other is of the same shade at its outer edge, three times that inside (a subtitle may stand there). In the same
place in 60 % of the pictures. Where both are flat and of one shade 0.5 of the picture will do, for grey bars step less beside what is grey. Dark ones are within
0.02 of cropdetect. Blurred copies step in 0.67 to 0.95 of the line, bars of one shade in 0.56 and more, a spot of light in 0.34 at most.

Null when no picture has a bright row and column. Version 8.
"""

from typing import Any

import cv2
import numpy as np

from jobs.clean.measures import Measurement, Picture, Span
from jobs.media.kernel import kernel

MEAN, SPREAD, LEAST = 24.0, 6.0, 0.02
STEP, ACROSS, ACROSS_ANY, ALIKE = 8, 0.5, 0.6, 12
"""Of luma across the edge of a bar, and share of the line that has it: of dark and flat bars and of others; how much both sides may differ."""
HARD, MOVING, STAYS = 0.25, 0.2, 0.006
"""Share of the pictures that begin with an edge, at least; share of those where it is elsewhere, at most; and how far it is from the place of one
to that of another where the picture would have black on all four sides."""
NEAREST, FARTHEST, SMOOTH, FLAT, LETTERS, OFTEN, SAME = 0.03, 0.45, 0.35, 1.2, 3.0, 0.6, 0.015
"""Where the edges of bars of any shade are, detail outside against inside where it is smooth and where letters may stand, and in how
many pictures they are in the same place."""


def look(picture: Picture) -> tuple[float, ...]:
    height, width = picture.y.shape
    top, bottom = _bars(picture.lines.row, picture.lines.row_square, width)
    left, right = _bars(picture.lines.column, picture.lines.column_square, height)
    if top >= height or left >= width:
        return (np.nan,) * 8
    hard_rows, rows = _framed(picture.y, top, bottom)
    hard_columns, columns = _framed(cv2.transpose(picture.y), left, right)
    return top / height, bottom / height, left / width, right / width, hard_rows, hard_columns, rows / height, columns / width


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


@kernel(None)
def _step(y: Any, line: int, inward: int) -> Any:
    """Share of a line from which luma steps to the third line inward, there already half as much as to the ninth, and not half as much to the
    third outward."""
    last = y.shape[0] - 1
    one, other, steps = y[line], y[line + 3 * inward], np.int32(0)
    outer, inner = y[min(max(line - 3 * inward, 0), last)], y[min(max(line + 9 * inward, 0), last)]
    for k in range(0, one.size, 2):
        here = np.int32(one[k])
        step = abs(here - np.int32(other[k]))
        steps += np.int32(step >= STEP and step >= 2 * abs(here - np.int32(outer[k])) and 2 * step >= abs(here - np.int32(inner[k])))
    return 2 * steps / (y.shape[1] + 1)


@kernel("UniTuple(float64, 2)(Array(uint8, 2, 'C', readonly=True), int64, int64)")
def _framed(y: Any, first: int, last: int) -> Any:
    """At which ends the picture begins with an edge, so many lines from them, as the sum of 1 and 2; and lines of bars of any shade at both."""
    lines, pixels = y.shape
    hard = 0
    for end in range(2):
        found = last if end else first
        for b in range(max(2, found - 3), min(found + 2, lines - 4)):
            if hard & (1 << end) == 0 and found and _step(y, lines + 1 - b if end else b - 2, -1 if end else 1) >= ACROSS:
                hard |= 1 << end
    best, place = 0.0, 0
    for b in range(max(3, int(NEAREST * lines)), int(FARTHEST * lines)):
        one = _step(y, b - 2, 1)
        if one < ACROSS or one <= best:
            continue
        other = 0.0
        for near in range(b - 1, b + 2):
            other = max(other, _step(y, lines + 1 - near, -1))
        if min(one, other) >= ACROSS and min(one, other) > best:
            best, place = min(one, other), b
    if place == 0:
        return float(hard), 0.0
    detail = np.zeros(3)
    for part in range(3):
        low, high = ((1, place - 1), (place + 1, lines - place - 1), (lines - place + 2, lines))[part]
        total: Any = 0
        for i in range(low, high):
            here, above_it = y[i], y[i - 1]
            for k in range(1, pixels):
                total += abs(np.int32(here[k]) - np.int32(above_it[k])) + abs(np.int32(here[k]) - np.int32(here[k - 1]))
        detail[part] = total / max((high - low) * (pixels - 1), 1)
    above, inside, below = detail
    level: Any = 0
    for k in range(pixels):
        level += np.int32(y[0, k]) - np.int32(y[lines - 1, k])
    smooth = max(SMOOTH * inside, FLAT)
    alike = abs(level) <= ALIKE * pixels
    letters = min(above, below) <= FLAT and max(above, below) <= LETTERS * inside and alike
    framed = max(above, below) <= FLAT and alike if best < ACROSS_ANY else max(above, below) <= smooth or letters
    return float(hard), 2.0 * place if framed else 0.0


def reduce(span: Span) -> dict[str, Any]:
    seen = span.pictures["bars"]
    seen = seen[np.isfinite(seen[:, 0])]
    if seen.size == 0:
        return {"letterbox_share": None, "pillarbox_share": None}
    down, across = seen[:, (0, 1, 4, 6)], seen[:, (2, 3, 5, 7)]
    rows, columns = _share(down, across), _share(across, down)
    if span.facts.get("rotation_deg", 0) in (90, 270):
        rows, columns = columns, rows
    return {"letterbox_share": rows, "pillarbox_share": columns}


def _share(rows: Any, across: Any) -> float:
    """Share of bars at both ends of one direction, from the numbers of the pictures in it and in the other one."""
    least, hard = rows[:, :2].min(axis=0), _hard(rows)
    if any(_moves(rows[hard[:, end], end], _alone(across)) for end in range(2)):
        return 0.0
    dark = float(least.sum()) if least.min() >= LEAST and hard.any(axis=1).mean() >= HARD else 0.0
    framed = rows[rows[:, 3] > 0, 3]
    usual = float(np.median(framed)) if framed.size else 0.0
    agree = np.abs(rows[:, 3] - usual) <= SAME
    return max(dark, usual if agree.mean() >= OFTEN else 0.0)


def _hard(rows: Any) -> Any:
    """At which ends each picture begins with an edge."""
    return rows[:, 2:3].astype(int) & (1, 2) > 0


def _alone(across: Any) -> bool:
    """Whether it is dark at both ends of the other direction too, without the edge of a picture."""
    return bool(across[:, :2].min() >= LEAST and _hard(across).any(axis=1).mean() < HARD)


def _moves(edges: Any, alone: bool) -> bool:
    """Whether these places of edges are those of a thing."""
    if edges.size == 0:
        return False
    if alone and float(np.ptp(np.percentile(edges, (10, 90)))) > STAYS:
        return True
    return bool((np.abs(edges - np.median(edges)) > SAME).mean() > MOVING)


MEASURE = Measurement("bars", 8, ("letterbox_share", "pillarbox_share"), reduce, width=8, look=look, every=2)

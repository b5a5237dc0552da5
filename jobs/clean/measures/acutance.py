"""Acutance: how abrupt the most abrupt edges are.

acutance: 99.95th percentile of the absolute Laplacian (kernel 0 1 0 / 1 -4 1 / 0 1 0) of luma with the short side at 224
pixels, over the range of luma between its 1st and 99th percentile, both inside a frame of 14 % (22 % below): subtitles, logos and
bars are as sharp before a blurred picture. The upper quartile over the sampled pictures. An edge of the full contrast has 1,
footage and photographs in focus 0.33 and more (80 files); behind a Gaussian of 0.7 % of the short side the median of them has 0.14, of
1 % 0.08. A drawing of one shape counts as sharp, which the variance of the Laplacian cannot tell from a blur. Null where
the range is below 20: there is no edge to look at but those of quantisation.

A blur in one direction leaves the edges along it sharp. Slopes are therefore also told apart by where they face, in four directions of 45
degrees: of those that face one way, the 99.98th percentile of the second difference that way over the range. A direction is blurred where
it is soft though its slopes rise by a fifth of the range over 8 pixels (of 0.2 % of the picture), and one beside it is soft too, which is
what tells a blur from a horizon, a fence or flames: acutance is at most twice the greater of the two, the second halved, where that is
at most half as much as another direction has. Every other row is looked at. Measured on frames and photographs: `tests/bench/faults.md`.
Version 3. Source: edge width as the sign of blur (Marziliano 2002), by the height of the second derivative in place of a search along every edge.
"""

import math
from typing import Any

import numpy as np

from jobs.clean.measures import Measurement, Picture, Span
from jobs.media.kernel import kernel

LEAST_RANGE = 20
LEFT, TOP, BOTTOM = 0.14, 0.14, 0.22
"""Shares of the picture that are not looked at: on the left and on the right, above, below."""
EDGES = 0.0005
"""Share of the picture that its most abrupt edges are: 45 pixels of 224 x 398."""

FACING, RISE, RISING, REACH, SLOPE = 0.0002, 0.2, 0.002, 4, 5
"""Share of the picture that the most abrupt slopes of one direction are; how much of the range slopes rise, on what share of the picture;
over how many pixels to either side (3 on the diagonal); and the part of that rise, as a divisor, that the three pixels in the middle have at least."""
BESIDE, DIRECTED, OTHERS = 0.5, 2.0, 0.5


def _reach(histogram: Any, upto: float) -> int:
    """The least value that at least `upto` of the counted do not exceed."""
    total = 0
    for value in range(histogram.size):
        total += histogram[value]
        if total >= upto:
            return value
    return int(histogram.size) - 1


_place = kernel("int64(int64[::1], float64)")(_reach)


def look(picture: Picture) -> tuple[float]:
    height, width = picture.y.shape
    left, top, bottom = int(LEFT * width), int(TOP * height), int(BOTTOM * height)
    return (acutance(picture.y[top:height - bottom, left:width - left]),)


def _body(y: Any) -> float:
    height, width = y.shape
    if height < 3 or width < 3:
        return np.nan
    luma, steps = np.zeros(256, np.int64), np.zeros(1021, np.int64)
    for row in range(1, height - 1):
        for column in range(1, width - 1):
            here = np.int32(y[row, column])
            value = np.int32(y[row - 1, column]) + np.int32(y[row + 1, column]) + np.int32(y[row, column - 1]) \
                + np.int32(y[row, column + 1]) - 4 * here
            luma[here] += 1
            steps[abs(value)] += 1
    count = (height - 2) * (width - 2)
    low = _place(luma, 0.01 * count)
    high = _place(luma, 0.99 * count)
    if high - low < LEAST_RANGE:
        return np.nan
    return float(min(_place(steps, (1.0 - EDGES) * count) / (high - low), _directed(y, np.int32(high - low))))


@kernel("float64(Array(uint8, 2, 'A', readonly=True), int32)")
def _directed(y: Any, spread: Any) -> float:
    """What a direction that is soft leaves, see the module; infinite where none is."""
    height, width = y.shape
    steps, rises = np.zeros((4, 512), np.int64), np.zeros((4, 256), np.int64)
    above, here, below = np.empty(width, np.int32), np.empty(width, np.int32), np.empty(width, np.int32)
    steep, places, least_slope = np.empty(width, np.uint8), np.empty(width, np.int64), math.ceil(RISE * spread / SLOPE)
    for row in range(REACH, height - REACH, 2):
        for column in range(width):
            above[column], here[column], below[column] = y[row - 1, column], y[row, column], y[row + 1, column]
        for column in range(1, width - 1):  # what is flat, most of a picture, is told many at a time
            steep[column] = abs(here[column + 1] - here[column - 1]) + abs(below[column] - above[column]) >= least_slope
        found = 0
        for column in range(REACH, width - REACH):
            places[found] = column
            found += steep[column]
        for column in places[:found]:
            x, z = here[column + 1] - here[column - 1], below[column] - above[column]
            a, b = below[column + 1] - above[column - 1], above[column + 1] - below[column - 1]
            x, z = 2 * x + a + b, 2 * z + a - b  # Sobel
            if 1000 * abs(z) <= 414 * abs(x):
                facing, down, right, far = 0, 0, 1, REACH
            elif 1000 * abs(x) <= 414 * abs(z):
                facing, down, right, far = 2, 1, 0, REACH
            elif (x > 0) == (z > 0):
                facing, down, right, far = 1, 1, 1, REACH - 1
            else:
                facing, down, right, far = 3, -1, 1, REACH - 1
            one, other = np.int32(y[row + down, column + right]), np.int32(y[row - down, column - right])
            slope = abs(one - other)
            if slope >= least_slope:
                steps[facing, abs(one + other - 2 * here[column])] += 1
                rise = abs(np.int32(y[row + far * down, column + far * right]) - np.int32(y[row - far * down, column - far * right]))
                rises[facing, min(rise, SLOPE * slope)] += 1
    count, soft = max(height - 2 * REACH + 1, 0) // 2 * max(width - 2 * REACH, 0), np.full(4, np.inf)
    for facing in range(4):
        if rises[facing].sum() - RISING * count >= 0 and _place(rises[facing], rises[facing].sum() - RISING * count) >= RISE * spread:
            soft[facing] = _place(steps[facing], steps[facing].sum() - FACING * count) / spread
    sharpest, least = 0.0, np.inf
    for facing in range(4):
        if soft[facing] < np.inf:
            sharpest = max(sharpest, soft[facing])
            least = min(least, max(soft[facing], BESIDE * min(soft[facing - 1], soft[(facing + 1) % 4])))
    return DIRECTED * least if least <= OTHERS * sharpest else np.inf


acutance = kernel("float64(Array(uint8, 2, 'A', readonly=True))")(_body)
"""Of a picture of luma, see the module; NaN where there is no range or the picture is smaller than 3 x 3."""


def reduce(span: Span) -> dict[str, Any]:
    values = span.pictures["acutance"][:, 0]
    values = values[np.isfinite(values)]
    return {"acutance": float(np.percentile(values, 75)) if values.size else None}


MEASURE = Measurement("acutance", 3, ("acutance",), reduce, width=1, look=look, every=2)

"""Acutance: how abrupt the most abrupt edges are.

acutance: 99.95th percentile of the absolute Laplacian (kernel 0 1 0 / 1 -4 1 / 0 1 0) of luma with the short side at 224
pixels, over the range of luma between its 1st and 99th percentile, or two thirds of that between the 0.1th and 99.9th where that is more (a
small thing before a plain ground lies beyond the former, and its edges count), both inside a frame of 14 % (22 % below): subtitles, logos and
bars are as sharp before a blurred picture. The upper quartile over the sampled pictures. An edge of the full contrast has 1,
footage and photographs in focus 0.33 and more (80 files); behind a Gaussian of 0.7 % of the short side the median of them has 0.14, of
1 % 0.08. A drawing of one shape counts as sharp, which the variance of the Laplacian cannot tell from a blur. What coding leaves of a picture
without an edge is taken off, 4, as the root of the difference of squares. It tells in flat pictures: with a tenth of the contrast, 68 files
behind a Gaussian of 1 % and JPEG of quality 85 were called blurred in 0.70 before and in all after, at 0.15 of it in 0.86 and 0.98; of those in focus 0.02 at most. Null where
the range between the 0.1th and 99.9th percentile is below 20: there is no edge to look at but those of quantisation. Of 62 pictures whose contrast was
reduced so that the middle 98 % have a range of 18, none was called blurred, and 31 and 40 of them behind a Gaussian of 1 and 2 % (JPEG of quality 90).

A blur in one direction leaves the edges along it sharp. Slopes are therefore also told apart by where they face, in four directions of 45
degrees: of those that face one way, the 99.98th percentile of the second difference that way over the range. A direction is blurred where
it is soft though its slopes rise by a fifth of the range over 8 pixels (of 0.2 % of the picture), and one beside it is soft too, which is
what tells a blur from a horizon, a fence or flames: acutance is at most twice the greater of the two, the second halved, where that is
at most half as much as another direction has. Every other row is looked at. Measured on frames and photographs: `tests/bench/faults.md`.
Version 5. Source: edge width as the sign of blur (Marziliano 2002), by the height of the second derivative in place of a search along every edge.
"""

import math
from typing import Any

import numpy as np

from jobs.clean.measures import Measurement, Picture, Span
from jobs.media.kernel import kernel

LEAST_RANGE, CODED = 20, 4
LEFT, TOP, BOTTOM = 0.14, 0.14, 0.22
"""Shares of the picture that are not looked at: on the left and on the right, above, below."""
FEW, FEWEST, BEYOND = 0.01, 0.001, 2 / 3
"""Shares of the picture that are beyond its range at either end, and what of the range without the fewest counts."""
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


def _body(picture: Any) -> float:
    height, width = picture.shape
    if height < 3 or width < 3:
        return np.nan
    y, luma, steps = picture.copy(), np.zeros(256, np.int64), np.zeros(1021, np.int64)
    for row in range(1, height - 1):
        for column in range(1, width - 1):
            here = np.int32(y[row, column])
            value = np.int32(y[row - 1, column]) + np.int32(y[row + 1, column]) + np.int32(y[row, column - 1]) \
                + np.int32(y[row, column + 1]) - 4 * here
            luma[here] += 1
            steps[abs(value)] += 1
    count = (height - 2) * (width - 2)
    low, high = _place(luma, FEW * count), _place(luma, (1.0 - FEW) * count)
    least, most = _place(luma, FEWEST * count), _place(luma, (1.0 - FEWEST) * count)
    if most - least < LEAST_RANGE:
        return np.nan
    spread = max(high - low, round(BEYOND * (most - least)))
    edge = _place(steps, (1.0 - EDGES) * count)
    return float(min(math.sqrt(max(edge * edge - CODED * CODED, 0)) / spread, _directed(y, np.int32(spread))))


@kernel("float64(uint8[:, ::1], int32)")
def _directed(y: Any, spread: Any) -> float:
    """What a direction that is soft leaves, see the module; infinite where none is."""
    height, width = y.shape
    steps, rises = np.zeros((4, 512), np.int64), np.zeros((4, 256), np.int64)
    luma, inner, least_slope = y.astype(np.int32), max(width - 2 * REACH, 0), np.int32(math.ceil(RISE * spread / SLOPE))
    faces, bends, climbs = np.empty(inner, np.int32), np.empty(inner, np.int32), np.empty(inner, np.int32)
    counted, places = np.empty(inner, np.uint8), np.empty(inner, np.int64)
    near, far = REACH - 1, REACH + 1  # where the lines begin of what is one pixel to the left and to the right
    for row in range(REACH, height - REACH, 2):
        above, line, below = luma[row - 1], luma[row], luma[row + 1]
        here, left, right, up, down = line[REACH:], line[near:], line[far:], above[REACH:], below[REACH:]
        up_left, up_right, down_left, down_right = above[near:], above[far:], below[near:], below[far:]
        first, last, top, bottom = line[:inner], line[2 * REACH:], luma[row - REACH, REACH:], luma[row + REACH, REACH:]
        fell, fall = luma[row - REACH + 1, 1:], luma[row + REACH - 1, 2 * REACH - 1:]
        rose, rise = luma[row + REACH - 1, 1:], luma[row - REACH + 1, 2 * REACH - 1:]
        for k in range(inner):  # many at a time: all four directions, of which one is taken
            x, z = np.int32(right[k] - left[k]), np.int32(down[k] - up[k])
            a, b = np.int32(down_right[k] - up_left[k]), np.int32(up_right[k] - down_left[k])
            across, along = np.int32(2 * x + a + b), np.int32(2 * z + a - b)  # Sobel
            wide, tall = np.int32(abs(across)), np.int32(abs(along))
            sideways = np.int32(np.int32(1000 * tall) <= np.int32(414 * wide))
            upright = np.int32((np.int32(1000 * wide) <= np.int32(414 * tall)) & (sideways == 0))
            other = np.int32((across > 0) != (along > 0))
            falling, rising = np.int32((1 - sideways - upright) * (1 - other)), np.int32((1 - sideways - upright) * other)
            slope = np.int32(sideways * np.int32(abs(x)) + falling * np.int32(abs(a)) + upright * np.int32(abs(z)) + rising * np.int32(abs(b)))
            both = np.int32(sideways * (right[k] + left[k]) + falling * (down_right[k] + up_left[k]) + upright * (down[k] + up[k])
                            + rising * (up_right[k] + down_left[k]))
            climb = np.int32(sideways * (last[k] - first[k]) + falling * (fall[k] - fell[k]) + upright * (bottom[k] - top[k])
                             + rising * (rise[k] - rose[k]))
            faces[k], bends[k] = falling + 2 * upright + 3 * rising, np.int32(abs(np.int32(both - 2 * here[k])))
            climbs[k] = min(np.int32(abs(climb)), np.int32(SLOPE * slope))
            counted[k] = np.int32(slope >= least_slope) & np.int32(np.int32(np.int32(abs(x)) + np.int32(abs(z))) >= least_slope)
        found = 0
        for k in range(inner):
            places[found] = k
            found += counted[k]
        for k in places[:found]:
            steps[faces[k], bends[k]] += 1
            rises[faces[k], climbs[k]] += 1
    count, soft = max(height - 2 * REACH + 1, 0) // 2 * inner, np.full(4, np.inf)
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


MEASURE = Measurement("acutance", 5, ("acutance",), reduce, width=1, look=look, every=2)

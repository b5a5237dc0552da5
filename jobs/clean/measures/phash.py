"""Perceptual hashes.

phashes: three a sampled picture, each of 64 bits: luma 32 x 32 (area mean), DCT-II, the 8 x 8 lowest coefficients with the first
set to 0, bit i is 1 where coefficient i (row by row, most significant first) exceeds their median. phash_times_s: when each was
taken, so every time three times; of the picture as a player shows it. Version 5. Source: the pHash of Zauner 2010 with the median of all 64.

The first has black bars cut off, so that a letterboxed copy hashes alike. The second is of the whole picture with its brightest
and its darkest twentieth clipped: a logo or a subtitle, on the bars too, weighs little in it; it is 0 where nothing but those
twentieths tells the picture from a flat one. The third is of the middle of the first, nine tenths
of either side: what a crop leaves, so that it hashes like the first of the copy.
"""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.clean.measures import Measurement, Picture, Pixels, Span
from jobs.media.kernel import kernel

SIDE, LOW, DARK = 32, 8, 40
CLIPPED, FLAT = SIDE * SIDE // 20, 4
"""Pixels of the small picture clipped at either end, and levels between these ends below which it is flat."""
ROUNDING = 1e-6
"""Coefficients this near to their median do not exceed it."""
VIEWS, MIDDLE = 3, 0.9
"""Hashes of a picture, and the share of either side that is its middle."""


def look(picture: Picture) -> list[float]:
    return [float(half) for h in hashes(picture.upright) for half in (h >> 32, h & 0xFFFFFFFF)]


def hashes(luma: Pixels) -> tuple[int, int, int]:
    """The VIEWS hashes of one luma picture."""
    first, whole, middle = _hashes(np.ascontiguousarray(luma), MIDDLE, _waves(SIDE))
    return int(first), int(whole), int(middle)


def hash_of(small: Any) -> int:
    """The 64 bits of a small square picture."""
    return int(_hash_of(np.ascontiguousarray(small, np.float32), _waves(len(small))))


def inside(luma: Pixels) -> tuple[int, int, int, int]:
    """Top, left, height and width of a picture inside dark bars; of the whole where less than a third would be left."""
    top, bottom, left, right = _inside(np.ascontiguousarray(luma))
    return top, left, bottom - top, right - left


@cache
def _waves(side: int) -> NDArray[np.float64]:
    """The LOW lowest cosines of the DCT-II of so many values, a row each."""
    rows: NDArray[np.float64] = np.cos(np.pi * np.outer(np.arange(LOW), 2 * np.arange(side) + 1) / (2 * side)) * np.sqrt(2 / side)
    rows[0] *= np.sqrt(0.5)
    return rows


@kernel(None)
def _area(luma: Any) -> Any:
    """The picture in SIDE x SIDE area means, rounded to whole numbers."""
    height, width = luma.shape
    out, line = np.zeros((SIDE, SIDE), np.float32), np.zeros(width, np.float32)
    for i in range(SIDE):
        low, high = i * height / SIDE, (i + 1) * height / SIDE
        line[:] = 0
        for row in range(int(low), min(int(np.ceil(high)), height)):
            share = np.float32(min(high, row + 1.0) - max(low, float(row)))
            for k in range(width):
                line[k] += share * np.float32(luma[row, k])
        for k in range(SIDE):
            left, right = k * width / SIDE, (k + 1) * width / SIDE
            total = 0.0
            for column in range(int(left), min(int(np.ceil(right)), width)):
                total += (min(right, column + 1.0) - max(left, float(column))) * line[column]
            out[i, k] = np.rint(total / ((high - low) * (right - left)))
    return out


@kernel("UniTuple(int64, 4)(Array(uint8, 2, 'C', readonly=True))")
def _inside(luma: Any) -> Any:
    """First and last + 1 of the rows and of the columns that have a pixel above DARK; of all where these are less than a third."""
    height, width = luma.shape
    column = np.zeros(width, np.uint8)
    top, bottom, rows = height, 0, 0
    for i in range(height):
        greatest = np.uint8(0)
        for k in range(width):
            greatest = max(greatest, luma[i, k])
            column[k] = max(column[k], luma[i, k])
        if greatest > DARK:
            top, bottom, rows = min(top, i), i + 1, rows + 1
    left, right, columns = width, 0, 0
    for k in range(width):
        if column[k] > DARK:
            left, right, columns = min(left, k), k + 1, columns + 1
    if rows < height / 3 or columns < width / 3:
        return 0, height, 0, width
    return top, bottom, left, right


@kernel("uint64(Array(float32, 2, 'C', readonly=True), Array(float64, 2, 'C', readonly=True))")
def _hash_of(small: Any, waves: Any) -> Any:
    """The 64 bits of a small picture; all 0 of a flat one, whatever its coefficients are rounded to."""
    side = waves.shape[1]
    low, line = np.zeros(LOW * LOW), np.zeros(side)
    for i in range(LOW):
        line[:] = 0
        for row in range(side):
            wave, values = waves[i, row], small[row]
            for k in range(side):
                line[k] += wave * values[k]
        for j in range(LOW):
            total = 0.0
            for k in range(side):
                total += waves[j, k] * line[k]
            low[i * LOW + j] = total
    low[0] = 0.0
    order = np.sort(low)
    middle, bits = (order[LOW * LOW // 2 - 1] + order[LOW * LOW // 2]) / 2, np.uint64(0)
    for value in low:
        bits = (bits << np.uint64(1)) | np.uint64(value > middle + ROUNDING)
    return bits


@kernel(None)
def _twentieths(small: Any) -> Any:
    """The values of a picture of whole numbers that CLIPPED pixels are below and above, at most."""
    counts = np.zeros(256, np.int32)
    for value in small.ravel():
        counts[int(value)] += 1
    low, high, darker, brighter = 0, 255, counts[0], counts[255]
    while darker <= CLIPPED:
        low += 1
        darker += counts[low]
    while brighter <= CLIPPED:
        high -= 1
        brighter += counts[high]
    return np.float32(low), np.float32(high)


@kernel("UniTuple(uint64, 3)(Array(uint8, 2, 'C', readonly=True), float64, Array(float64, 2, 'C', readonly=True))")
def _hashes(luma: Any, middle: float, waves: Any) -> Any:
    """Of the picture inside dark bars, of the whole clipped, of the middle."""
    height, width = luma.shape
    top, bottom, left, right = _inside(luma)
    whole = _area(luma)
    barred = bottom - top < height or right - left < width
    first = _hash_of(_area(luma[top:bottom, left:right]) if barred else whole, waves)
    y, x = np.rint((bottom - top) * (1 - middle) / 2), np.rint((right - left) * (1 - middle) / 2)
    third = _hash_of(_area(luma[top + int(y):bottom - int(y), left + int(x):right - int(x)]), waves)
    low, high = _twentieths(whole)
    if high - low < FLAT:
        return first, np.uint64(0), third
    return first, _hash_of(np.minimum(np.maximum(whole, low), high), waves), third


def reduce(span: Span) -> dict[str, Any]:
    rows = span.pictures["phash"]
    return {
        "phashes": [(int(high) << 32) | int(low) for row in rows for high, low in row.reshape(VIEWS, 2)],
        "phash_times_s": [float(t) for t in span.picture_t for _ in range(VIEWS)],
    }


MEASURE = Measurement("phash", 5, ("phashes", "phash_times_s"), reduce, width=2 * VIEWS, look=look)

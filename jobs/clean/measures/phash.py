"""Perceptual hashes.

phashes: three a sampled picture, each of 64 bits: luma 32 x 32 (area mean), DCT-II, the 8 x 8 lowest coefficients with the first
set to 0, bit i is 1 where coefficient i (row by row, most significant first) exceeds their median. phash_times_s: when each was
taken, so every time three times; of the picture as a player shows it. Version 5. Source: the pHash of Zauner 2010 with the median of all 64.

The first has black bars cut off, so that a letterboxed copy hashes alike. The second is of the whole picture with its brightest
and its darkest twentieth clipped: a logo or a subtitle, on the bars too, weighs little in it; it is 0 where nothing but those
twentieths tells the picture from a flat one. The third is of the middle of the first, nine tenths
of either side: what a crop leaves, so that it hashes like the first of the copy.
"""

from typing import Any

import cv2
import numpy as np

from jobs.clean.measures import Measurement, Picture, Pixels, Span
from jobs.media.kernel import kernel

SIDE, DARK = 32, 40
CLIPPED, FLAT = SIDE * SIDE // 20, 4
"""Pixels of the small picture clipped at either end, and levels between these ends below which it is flat."""
VIEWS, MIDDLE = 3, 0.9
"""Hashes of a picture, and the share of either side that is its middle."""


def look(picture: Picture) -> list[float]:
    return [float(half) for h in hashes(picture.upright) for half in (h >> 32, h & 0xFFFFFFFF)]


def hashes(luma: Pixels) -> tuple[int, int, int]:
    """The VIEWS hashes of one luma picture."""
    top, left, height, width = inside(luma)
    y, x = (round(side * (1 - MIDDLE) / 2) for side in (height, width))
    found = [np.ascontiguousarray(luma[top + y:top + height - y, left + x:left + width - x]) for y, x in ((0, 0), (y, x))]
    return hash_of(_area(found[0])), _whole(luma), hash_of(_area(found[1]))


def _whole(luma: Pixels) -> int:
    small = _area(np.ascontiguousarray(luma))
    order = np.sort(small, axis=None)
    low, high = order[CLIPPED], order[-1 - CLIPPED]
    return 0 if high - low < FLAT else hash_of(np.clip(small, low, high))


def hash_of(small: Any) -> int:
    """The 64 bits of a small float picture."""
    low = np.ascontiguousarray(cv2.dct(small)[:8, :8]).ravel()
    low[0] = 0
    order = np.sort(low)
    return int.from_bytes(np.packbits(low > (order[31] + order[32]) / 2).tobytes(), "big")


@kernel("float32[:, ::1](Array(uint8, 2, 'C', readonly=True))")
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


def inside(luma: Pixels) -> tuple[int, int, int, int]:
    """Top, left, height and width of a picture inside dark bars; of the whole where less than a third would be left."""
    top, bottom, left, right, rows, columns = _inside(np.ascontiguousarray(luma))
    if rows < luma.shape[0] / 3 or columns < luma.shape[1] / 3:
        return 0, 0, luma.shape[0], luma.shape[1]
    return top, left, bottom - top, right - left


@kernel("UniTuple(int64, 6)(Array(uint8, 2, 'C', readonly=True))")
def _inside(luma: Any) -> Any:
    """First and last + 1 of the rows and of the columns that have a pixel above DARK, and how many they are."""
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
    return top, bottom, left, right, rows, columns


def reduce(span: Span) -> dict[str, Any]:
    rows = span.pictures["phash"]
    return {
        "phashes": [(int(high) << 32) | int(low) for row in rows for high, low in row.reshape(VIEWS, 2)],
        "phash_times_s": [float(t) for t in span.picture_t for _ in range(VIEWS)],
    }


MEASURE = Measurement("phash", 5, ("phashes", "phash_times_s"), reduce, width=2 * VIEWS, look=look)

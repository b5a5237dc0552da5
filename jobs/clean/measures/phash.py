"""Perceptual hashes.

phashes: per sampled picture 64 bits: luma 32 x 32 (area mean), DCT-II, the 8 x 8 lowest coefficients with the first set to
0, bit i is 1 where coefficient i (row by row, most significant first) exceeds their median. phash_times_s: when each was taken.
Version 1. Source: the pHash of Zauner 2010 with the median of all 64. Black bars are cut off first, so that a letterboxed
copy hashes alike.
"""

from typing import Any

import cv2
import numpy as np

from jobs.clean.measures import Measurement, Picture, Pixels, Span

_HALF = float(1 << 32)


def look(picture: Picture) -> tuple[float, float]:
    value = phash(picture.half)
    return float(value >> 32), float(value & 0xFFFFFFFF)


def phash(luma: Pixels) -> int:
    """The 64 bits of one luma picture."""
    small = cv2.resize(without_bars(luma), (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(small)[:8, :8].copy()
    low[0, 0] = 0
    return int.from_bytes(np.packbits(low > np.median(low)).tobytes(), "big")


def without_bars(luma: Pixels) -> Pixels:
    """The part of a picture inside dark bars; the whole of it where less than a third would be left."""
    rows = np.flatnonzero(cv2.reduce(luma, 1, cv2.REDUCE_MAX).ravel() > 40)
    columns = np.flatnonzero(cv2.reduce(luma, 0, cv2.REDUCE_MAX).ravel() > 40)
    if rows.size < luma.shape[0] / 3 or columns.size < luma.shape[1] / 3:
        return luma
    return luma[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]


def reduce(span: Span) -> dict[str, Any]:
    rows = span.pictures["phash"]
    return {
        "phashes": [(int(high) << 32) | int(low) for high, low in rows],
        "phash_times_s": [float(t) for t in span.picture_t],
    }


MEASURE = Measurement("phash", 1, ("phashes", "phash_times_s"), reduce, width=2, look=look)

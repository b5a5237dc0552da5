"""Sound that is the same: sequences of 32-bit fingerprint words, found by single words, compared at their best shift.

A fingerprint has two words a block, of low and of high sound. Search: a word other than 0 (silence) is filed under each of the
four choices of three of its bytes; words in one bucket that differ in up to `WORD_BITS` bits are a hit. Proof: the shift at which
the low or the high words of the overlap agree in the most bits; unrelated sound agrees in about half of them.
"""

import numba as nb
import numpy as np
from numpy.typing import NDArray

from jobs.clean.measures.fingerprint import RANGES_HZ

WORD_BITS = 4
"""Bits of 32 by which two words that start a comparison may differ."""
AGREEMENT = 0.66
"""Share of equal bits from which two sounds are the same. Measured on 18 recordings: re-encodes of one sound reach 0.68 to 0.99,
two different sounds at most 0.59 at their best shift."""
LEAST_OVERLAP = 0.6
"""Share of the shorter sound that must lie within the overlap."""
LEAST_WORDS = 16
"""Shorter fingerprints, about two seconds, prove nothing; nor does an overlap with fewer blocks in which both are heard."""
LEAST_HEARD = 0.5
"""Share of the heard blocks of the sound with fewer of them that must be heard in both."""
LEAST_KINDS = 8
"""A fingerprint of fewer distinct words is silence or a steady tone and proves nothing."""
RANGES = len(RANGES_HZ)
KEEP_BYTES = np.array([0x00FFFFFF, 0xFF00FFFF, 0xFFFF00FF, 0xFFFFFF00], np.uint64)


def telling(words: NDArray[np.uint32]) -> bool:
    """Whether a fingerprint can prove anything."""
    return len(words) >= RANGES * LEAST_WORDS and len(np.unique(words)) >= LEAST_KINDS


def buckets(words: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """[words, 4] buckets, each naming its choice of bytes."""
    choice = (np.arange(4, dtype=np.uint64) + np.uint64(1)) << np.uint64(40)
    return np.asarray((words.astype(np.uint64)[:, None] & KEEP_BYTES | choice) * np.uint64(0x9E3779B97F4A7C15))


@nb.njit(cache=True, nogil=True)
def _agree(a, b, least, heard):  # type: ignore[no-untyped-def]
    best, shift = 0.0, 0
    for s in range(least - len(b), len(a) - least + 1):
        first, last = max(0, s), min(len(a), len(b) + s)
        wrong, both = 0, 0
        for i in range(first, last):
            if a[i] == 0 or b[i - s] == 0:
                continue
            both += 1
            x = a[i] ^ b[i - s]
            x = x - ((x >> np.uint32(1)) & np.uint32(0x55555555))
            x = (x & np.uint32(0x33333333)) + ((x >> np.uint32(2)) & np.uint32(0x33333333))
            x = (x + (x >> np.uint32(4))) & np.uint32(0x0F0F0F0F)
            wrong += int(np.uint32(x * np.uint32(0x01010101)) >> np.uint32(24))
        if both < heard:
            continue
        score = 1 - wrong / (32 * both)
        if score > best or (score == best and abs(s) < abs(shift)):
            best, shift = score, s
    return best, shift


def align(a: NDArray[np.uint32], b: NDArray[np.uint32]) -> tuple[float, int]:
    """Share of equal bits at the best shift with enough overlap, and that shift in blocks: place in `a` minus place in `b`."""
    best = 0.0, 0
    for i in range(RANGES):
        x, y = np.ascontiguousarray(a[i::RANGES]), np.ascontiguousarray(b[i::RANGES])
        least = max(LEAST_WORDS, int(np.ceil(LEAST_OVERLAP * min(len(x), len(y)))))
        heard = max(LEAST_WORDS, int(np.ceil(LEAST_HEARD * min(np.count_nonzero(x), np.count_nonzero(y)))))
        if min(len(x), len(y)) >= least:
            score, shift = _agree(x, y, least, heard)
            best = max(best, (float(score), int(shift)), key=lambda found: found[0])
    return best

"""Sound that is the same: sequences of 32-bit fingerprint words, found by single blocks, compared at their best shift.

A block has two words, of what rises and of what falls (`jobs.clean.measures.fingerprint`). Search: a word with enough bits is filed under each of
the four choices of three of its bytes; words in one bucket that differ in up to `WORD_BITS` bits are a hit. Tones set few bits, and a narrow band
sets them in one half of the words: so halves with few bits are filed together with those of a block a little later, under each choice of three of
the four. Proof: correlation of the two sounds, whose bands rise, fall or neither, at the shift where it is greatest; that of different sound is
about 0 (`tests/bench/dedup_sound.md`).
"""

import numba as nb
import numpy as np
from numpy.typing import NDArray

from jobs.clean.measures.fingerprint import PLANES
from jobs.dedup import graph
from jobs.dedup.perceptual import bits_set, runs_of

WORD_BITS, WORD_LEAST = 2, 5
"""Bits of 32 by which two words that start a comparison may differ, and that must be set in each."""
LATER, FEW, LEAST_SET = (2, 4), 10, 4
"""Blocks between the two whose halves are filed together; bits set in all four of these at most, and in the three that are kept at least."""
WHOLE, LAG = 16, 4
"""Rows up to which a bucket gives all its pairs; partners of a row in a larger one."""
KEYS = 2
"""Raised when the same words are filed in other buckets."""
AGREEMENT = 0.38
"""Correlation from which two sounds are the same. Of copies by 19 transforms of sounds drawn, spoken and recorded one in 100 is missed, by this or
by the search; of some 9,000 pairs of different ones none was above 0.33, but two sweeps at one speed, which are one sound later on."""
LEAST_OVERLAP = 0.6
"""Share of the shorter sound that must lie within the overlap."""
LEAST_BLOCKS, LEAST_BITS = 8, 64
"""An overlap of fewer blocks, about a second, or with fewer bits set in either sound proves nothing."""
LEAST_HEARD = 0.5
"""Share of the bits of the sound with fewer of them that must lie within the overlap."""
LEAST_KINDS = 8
"""A fingerprint of fewer distinct words is a steady noise or a beep and proves nothing."""
_BYTES = np.array([0x00FFFFFF, 0xFF00FFFF, 0xFFFF00FF, 0xFFFFFF00], np.uint64)
_HALVES = np.array([0x0000FFFF, 0xFFFF0000], np.uint64)
_MIX = np.uint64(0x9E3779B97F4A7C15)


def telling(words: NDArray[np.uint32]) -> bool:
    """Whether a fingerprint can prove anything."""
    return (len(words) >= PLANES * LEAST_BLOCKS and int(np.bitwise_count(words).sum()) >= LEAST_BITS
            and len(np.unique(words[words > 0])) >= LEAST_KINDS)


def keys(words: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """[n, 2] buckets of a fingerprint and what is compared within them, each once."""
    rise, fall = _blocks(words)
    return np.unique(np.concatenate([*(_of_words(w, plane) for plane, w in enumerate((rise, fall))),
                                     *(_of_halves(rise & half, fall & half, later) for half in _HALVES for later in LATER)]), axis=0)


def _blocks(words: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """[2, blocks] what rises and what falls; the half of a block at the end of a list that was cut is left out."""
    return np.ascontiguousarray(words[:len(words) // PLANES * PLANES].reshape(-1, PLANES).T.astype(np.uint64))


def _of_words(words: NDArray[np.uint64], plane: int) -> NDArray[np.uint64]:
    words = np.unique(words[np.bitwise_count(words) >= WORD_LEAST])
    choice = (np.arange(4, dtype=np.uint64) + np.uint64(1 + 4 * plane)) << np.uint64(40)
    return np.stack([((words[:, None] & _BYTES | choice) * _MIX).ravel(), np.repeat(words, 4)], axis=1)


def _of_halves(rise: NDArray[np.uint64], fall: NDArray[np.uint64], later: int) -> NDArray[np.uint64]:
    four = np.stack([rise[:-later], fall[:-later], rise[later:], fall[later:]])
    bits = np.bitwise_count(four).astype(np.int64)
    found = []
    for left in range(4):
        kept = [i for i in range(4) if i != left]
        now, then = (bits[[i for i in kept if i // 2 == at]].sum(axis=0) for at in range(2))
        some = (bits.sum(axis=0) <= FEW) & (now + then >= LEAST_SET) & (now > 0) & (then > 0)
        key = np.full(int(some.sum()), 4 * later + left, np.uint64)
        for i in kept:
            key = (key ^ four[i, some]) * _MIX
            key ^= key >> np.uint64(29)
        found.append(np.stack([key, key], axis=1))
    return np.concatenate(found)


@nb.njit(cache=True, nogil=True)
def _meet(bucket, value, node, bits, whole, lag, known):  # type: ignore[no-untyped-def]
    """Rows sorted by bucket, value, node."""
    total, runs = 0, np.empty(len(bucket) + 1, np.int64)
    for turn in range(2):
        x, y = np.empty(total * turn, np.int64), np.empty(total * turn, np.int64)
        p, start = 0, 0
        while start < len(bucket):
            end, count = runs_of(bucket, value, start, runs)
            great = end - start > whole
            for r in range(count):
                for i in range(runs[r], runs[r + 1]):  # with those of its own value before it
                    first = max(runs[r], i - lag) if great else runs[r]
                    for k in range(first - 1, i):
                        j = k if k >= first else runs[r]
                        if (k >= first or first > runs[r]) and node[j] != node[i] and max(node[i], node[j]) >= known:
                            if turn:
                                x[p], y[p] = j, i
                            p += 1
                for s in range(r):  # with those of near values
                    if bits_set(value[runs[r]] ^ value[runs[s]]) > bits:
                        continue
                    for i in range(runs[r], runs[r] + 1 if great else runs[r + 1]):
                        for j in range(runs[s], runs[s] + 1 if great else runs[s + 1]):
                            if node[j] != node[i] and max(node[i], node[j]) >= known:
                                if turn:
                                    x[p], y[p] = j, i
                                p += 1
            start = end
        total = p
    return x, y


def meet(bucket: NDArray[np.uint64], node: NDArray[np.int64], value: NDArray[np.uint64], known: int = 0) -> graph.Pairs:
    """Pairs of nodes with near values in one bucket, lesser node first, each once, none of two below `known`.

    All such pairs of a small bucket; in a large one, of a jingle that thousands hold, every node with the least node of its value and with `LAG`
    before it, and the least nodes of near values with one another.
    """
    order = np.lexsort((node, value, bucket))
    node = node[order]
    x, y = (node[at] for at in _meet(bucket[order], value[order], node, WORD_BITS, WHOLE, LAG, known))
    return graph.unique(np.minimum(x, y), np.maximum(x, y))


@nb.njit(cache=True, nogil=True)
def _alike(x, y, first, last, shift):  # type: ignore[no-untyped-def]
    """Bands of `x` that do as those of `y`, less those that do the contrary; blocks of 64 bits, rising ones above falling ones."""
    found = 0
    for i in range(first, last):
        z = y[i - shift]
        found += bits_set(x[i] & z) - bits_set(x[i] & ((z >> np.uint64(32)) | (z << np.uint64(32))))
    return found


@nb.njit(cache=True, nogil=True)
def _correlation(a, b, least, heard):  # type: ignore[no-untyped-def]
    """The greatest, and its shift in half blocks."""
    set_a, set_b = np.zeros(len(a) + 1, np.int64), np.zeros(len(b) + 1, np.int64)
    for i in range(len(a)):
        set_a[i + 1] = set_a[i] + bits_set(a[i])
    for i in range(len(b)):
        set_b[i + 1] = set_b[i] + bits_set(b[i])
    steady = np.sqrt(max(0.0, _alike(a, a, 1, len(a), 1) / max(1, set_a[-1])) * max(0.0, _alike(b, b, 1, len(b), 1) / max(1, set_b[-1])))
    best, shift, before = 0.0, 0, np.nan
    for s in range(least - len(b), len(a) - least + 1):
        first, last = max(0, s), min(len(a), len(b) + s)
        x, y = set_a[last] - set_a[first], set_b[last - s] - set_b[first - s]
        if min(x, y) < heard:
            before = np.nan
            continue
        score = _alike(a, b, first, last, s) / np.sqrt(float(x) * float(y))
        for found, at in ((score, 2 * s), ((before + score) / np.sqrt(2 * (1 + steady)), 2 * s - 1)):
            if found > best or (found == best and abs(at) < abs(shift)):
                best, shift = found, at
        before = score
    return min(best, 1.0), shift


def align(a: NDArray[np.uint32], b: NDArray[np.uint32]) -> tuple[float, float]:
    """Correlation at the best shift with enough overlap, 0 if none has any, and that shift in blocks: place in `a` minus place in `b`.

    Halfway between two shifts it is that with the mean of the blocks before and after, whose length follows from how much each sound is like
    itself a block later.
    """
    x, y = (rise << np.uint64(32) | fall for rise, fall in (_blocks(a), _blocks(b)))
    least = max(LEAST_BLOCKS, int(np.ceil(LEAST_OVERLAP * min(len(x), len(y)))))
    if min(len(x), len(y)) < least:
        return 0.0, 0.0
    heard = max(LEAST_BITS, int(np.ceil(LEAST_HEARD * min(int(np.bitwise_count(z).sum()) for z in (x, y)))))
    score, shift = _correlation(x, y, least, heard)
    return float(score), shift / 2

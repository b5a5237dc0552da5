"""Pictures and videos that look alike: 64-bit perceptual hashes of the samples of a clip, found by blocks, aligned in time.

Search: a hash is cut into 8 blocks of 8 bits and filed under all 28 pairs of blocks. Two hashes that differ in up to 6 bits
always meet (7: 98 %, 8: 93 %, each frame of a clip being another chance), and only hashes in one bucket are compared.
Proof: the shift in time at which the most samples of the shorter clip find a partner within `hamming` bits; the clips are
the same if that is at least `phash_share` of them. A sequence proves more than a picture: where the partners are at least
`LOOKS` different pictures, `LOOSE` further bits are allowed, which is what a crop, a logo or samples taken a quarter of a
second apart need. Among 446,150 pairs of unrelated pictures 1 in 1,000 is within 18 bits, 1 in 100,000 within 8.
A sample says nothing if its picture is flat.

A clip has several sequences of hashes (`views`): of its pictures inside their bars, of the whole pictures with extremes
clipped, which a logo or subtitle on the bars leaves as they were, and of their middles, which a crop leaves. Two clips are the
same if one view of both is, or the middle of one and the inside of the other.
"""

from collections.abc import Sequence
from itertools import combinations

import numba as nb
import numpy as np
from numpy.typing import NDArray

from jobs.clean.measures.phash import VIEWS

View = tuple[NDArray[np.uint64], NDArray[np.float64]]
"""Hashes and their times."""
COMPARED = ((0, 0), (1, 1), (2, 0), (0, 2))
"""Views of two clips that are held against each other."""
BLOCK_PAIRS = np.array(list(combinations(range(8), 2)), np.uint64)
"""The pairs of 8-bit blocks under which a hash is filed."""
LEAST_BITS = 16
"""A hash with fewer set or unset bits than this is of a flat picture: the median of its DCT is tied."""
LEAST_CONTRAST = 4.0
"""Mean spatial standard deviation of luma (0..255) below which a clip is black or flat and proves nothing."""
LOOSE, LOOKS, APART = 10, 3, 4
"""Further bits allowed where so many partners differ from one another by more than `APART` bits."""
LOOSE_MOST, LOOSE_MEAN = 0.9, (14.0, 12.0)
"""Bits by which such partners differ on average, at most, where that share of the samples has one, and where fewer have. Drawings of
sky over ground agreed by 16 bits on average in all of their samples, and by 12.3 in six sevenths of them."""
DOUBTFUL = 16
"""Further bits up to which two clips are worth a look at their stored frames."""
ANCHOR = 4
"""Further bits within which hashes of one bucket make a candidate; at least one sample must be that close."""
NEIGHBOURS = 4096
"""Values of a bucket that each is held against: in a greater one, of some 5 million clips on, those next to it in the order of its bits, turned
so that the block before the pair comes first. So there hashes meet that agree in three blocks, and nothing is joined quadratically."""
SLACK_S = 0.3
"""Samples whose times differ by up to this after the shift are partners: at two samples a second the nearest is 0.25 s away."""


def telling(hashes: NDArray[np.uint64], contrast: float | None) -> NDArray[np.bool_]:
    """Which hashes are of a picture with something in it; `contrast` is the clip's luma_std."""
    if contrast is not None and contrast < LEAST_CONTRAST:
        return np.zeros(len(hashes), bool)
    bits = np.bitwise_count(hashes)
    return np.asarray((bits >= LEAST_BITS) & (bits <= 64 - LEAST_BITS))


def views(hashes: NDArray[np.uint64], times: NDArray[np.float64], contrast: float | None) -> tuple[View, ...]:
    """The telling hashes of a clip and their times, view by view; samples come in order, those of one time are views of it."""
    if len(times) != len(hashes):
        times = np.zeros(len(hashes))
        which = np.zeros(len(hashes), np.int64)
    else:
        new = np.flatnonzero(np.diff(times, prepend=np.nan))
        which = np.arange(len(hashes)) - np.repeat(new, np.diff(new, append=len(hashes)))
    good = telling(hashes, contrast)
    return tuple((hashes[chosen], times[chosen]) for chosen in (good & (which == i) for i in range(VIEWS)))


def turned(hashes: NDArray[np.uint64]) -> list[NDArray[np.uint64]]:
    """The hashes of the same pictures mirrored and turned by quarters, eight in all, the given ones first.

    To mirror a picture changes the sign of every other coefficient, to transpose it exchanges rows and columns; the median is
    close to 0, so the bits change likewise: on 35 photographs the median difference to the true hash was 4 bits.
    """
    odd_columns, odd_rows = np.uint64(0x5555555555555555), np.uint64(0x00FF00FF00FF00FF)
    square = np.unpackbits(hashes.astype(">u8").view(np.uint8)).reshape(-1, 8, 8)
    across = np.packbits(square.transpose(0, 2, 1).reshape(-1, 64), axis=1).view(">u8")[:, 0].astype(np.uint64)
    return [h ^ flip for h in (hashes, across) for flip in (np.uint64(0), odd_columns, odd_rows, odd_columns ^ odd_rows)]


def buckets(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """[hashes, 28] buckets, each naming its pair of blocks."""
    left, right = BLOCK_PAIRS[:, 0] * np.uint64(8), BLOCK_PAIRS[:, 1] * np.uint64(8)
    byte = np.uint64(255)
    high, low = hashes[:, None] >> left & byte, hashes[:, None] >> right & byte
    key = (np.arange(len(BLOCK_PAIRS), dtype=np.uint64) + np.uint64(1)) << np.uint64(16) | high << np.uint64(8) | low
    return np.asarray(key * np.uint64(0x9E3779B97F4A7C15))


def rotated(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """[hashes, 28] the hashes as they are compared in the bucket of each pair of blocks, whose bits come last where a bucket is great:
    turned alike, hashes differ in as many bits as before."""
    by = np.uint64(64) - BLOCK_PAIRS[:, 0] * np.uint64(8)
    by[BLOCK_PAIRS[:, 0] == 0] = 0
    return np.asarray(hashes[:, None] << by | hashes[:, None] >> (np.uint64(64) - by) % np.uint64(64))


@nb.njit(inline="always")
def bits_set(x):  # type: ignore[no-untyped-def]
    """Bits set in 64."""
    x = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((x * np.uint64(0x0101010101010101)) >> np.uint64(56))


@nb.njit(inline="always")
def runs_of(bucket, value, start, runs):  # type: ignore[no-untyped-def]
    """Where the bucket ends that begins at `start`, and how many values it holds; where each of them begins, and that end, go to `runs`."""
    end, count = start, 0
    while end < len(bucket) and bucket[end] == bucket[start]:
        if end == start or value[end] != value[end - 1]:
            runs[count] = end
            count += 1
        end += 1
    runs[count] = end
    return end, count


@nb.njit(cache=True, nogil=True)
def _near(bucket, value, node, most, known, neighbours):  # type: ignore[no-untyped-def]
    """Rows sorted by bucket, value, node. Every node with the least node of each near value of its bucket."""
    total = 0
    src, dst = np.empty(0, np.int64), np.empty(0, np.int64)
    runs = np.empty(len(bucket) + 1, np.int64)
    for turn in range(2):
        p, start = 0, 0
        while start < len(bucket):
            end, count = runs_of(bucket, value, start, runs)
            for r in range(count):
                old = node[runs[r + 1] - 1] < known
                for s in range(r, min(count, r + neighbours + 1)):
                    if (old and node[runs[s + 1] - 1] < known) or bits_set(value[runs[r]] ^ value[runs[s]]) > most:
                        continue
                    for i in range(runs[s], runs[s + 1]):
                        if node[i] != node[runs[r]] and max(node[i], node[runs[r]]) >= known:
                            if turn:
                                src[p], dst[p] = min(node[i], node[runs[r]]), max(node[i], node[runs[r]])
                            p += 1
                    if r == s:
                        continue
                    for i in range(runs[r], runs[r + 1]):
                        if node[i] != node[runs[s]] and max(node[i], node[runs[s]]) >= known:
                            if turn:
                                src[p], dst[p] = min(node[i], node[runs[s]]), max(node[i], node[runs[s]])
                            p += 1
            start = end
        if not turn:
            total = p
            src, dst = np.empty(total, np.int64), np.empty(total, np.int64)
    return src, dst


def near(bucket: NDArray[np.uint64], value: NDArray[np.uint64], node: NDArray[np.int64], most: int, known: int = 0,
         ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of nodes with hashes in one bucket that differ in at most `most` bits, lesser node first, none of two below `known`; pairs may repeat.

    Many nodes with one hash (a title card) give each a pair with the least of them, not all pairs.
    """
    order = np.lexsort((node, value, bucket))
    found = _near(bucket[order], value[order], node[order], most, known, NEIGHBOURS)
    return found[0], found[1]


@nb.njit(cache=True, nogil=True)
def _align(a, a_s, b, b_s, most, slack):  # type: ignore[no-untyped-def]
    """Share of the hashes of `a` that have a partner in `b` at the best shift, and that shift (time in a minus time in b)."""
    best, best_bits, shift = 0, 0, np.nan
    tried = np.empty(len(a) * len(b), np.float64)
    count = 0
    for i in range(len(a)):
        for j in range(len(b)):
            if bits_set(a[i] ^ b[j]) <= most:
                tried[count] = a_s[i] - b_s[j]
                count += 1
    shifts = np.unique(np.round(tried[:count] / slack)) * slack
    order = np.argsort(np.abs(shifts))
    for s in shifts[order]:
        found, total, bits = 0, 0.0, 0
        for i in range(len(a)):
            nearest, of, apart = slack + 1e-9, 0.0, 0
            for j in range(len(b)):
                off = abs(a_s[i] - b_s[j] - s)
                if off < nearest and bits_set(a[i] ^ b[j]) <= most:
                    nearest, of, apart = off, a_s[i] - b_s[j], bits_set(a[i] ^ b[j])
            if nearest <= slack:
                found += 1
                total += of
                bits += apart
        if found > best or (found == best and found > 0 and bits < best_bits):
            best, best_bits, shift = found, bits, total / found
    return best / max(1, len(a)), shift


@nb.njit(cache=True, nogil=True)
def _partners(a, a_s, b, b_s, shift, most, apart, slack):  # type: ignore[no-untyped-def]
    """How many different pictures of `a` have a partner in `b` at a shift, and by how many bits partners differ on average."""
    seen = np.empty(len(a), np.uint64)
    count, partners, total = 0, 0, 0.0
    for i in range(len(a)):
        nearest = most + 1
        for j in range(len(b)):
            if abs(a_s[i] - b_s[j] - shift) <= 1.5 * slack:
                nearest = min(nearest, bits_set(a[i] ^ b[j]))
        if nearest > most:
            continue
        partners, total = partners + 1, total + nearest
        new = True
        for k in range(count):
            new &= bits_set(a[i] ^ seen[k]) > apart
        if new:
            seen[count] = a[i]
            count += 1
    return count, total / max(partners, 1)


def same(a: NDArray[np.uint64], a_s: NDArray[np.float64], b: NDArray[np.uint64], b_s: NDArray[np.float64], hamming: int,
         least: float) -> tuple[float, float]:
    """Compare two clips as `align` does, with more bits allowed where the evidence is of several different pictures.

    Returns:
        Share and shift; a share below `least` is no proof.
    """
    share, shift = align(a, a_s, b, b_s, hamming)
    if share >= least:
        return share, shift
    loose, loose_shift = align(a, a_s, b, b_s, hamming + LOOSE)
    if loose < least:
        return share, shift
    looks, apart = _partners(a, a_s, b, b_s, loose_shift, hamming + LOOSE, APART, SLACK_S)
    close = apart <= LOOSE_MEAN[loose < LOOSE_MOST]
    return (loose, loose_shift) if looks >= LOOKS and close else (share, shift)


def alike(a: Sequence[View], b: Sequence[View], hamming: int, least: float, *, turns: bool = False) -> tuple[float, float]:
    """Compare two clips by `same`, view by view until one proves it; with `turns` the pictures of `a` also mirrored and turned.

    Returns:
        Share and shift of that view, or of the best one.
    """
    best = 0.0, float("nan")
    for i, j in COMPARED:
        (x, x_s), (y, y_s) = a[i], b[j]
        for z in turned(x) if turns else [x]:
            found = same(z, x_s, y, y_s, hamming, least)
            if found[0] >= least:
                return found
            best = max(best, found, key=lambda f: f[0])
    return best


def perhaps(a: Sequence[View], b: Sequence[View], hamming: int, least: float, *, turns: bool = False) -> float:
    """The shift at which so many samples agree by `DOUBTFUL` further bits; NaN if they do not. No proof, but worth a look."""
    for i, j in COMPARED[:2]:
        (x, x_s), (y, y_s) = a[i], b[j]
        for z in turned(x) if turns else [x]:
            share, shift = align(z, x_s, y, y_s, hamming + DOUBTFUL)
            if share >= least:
                return shift
    return float("nan")


def align(a: NDArray[np.uint64], a_s: NDArray[np.float64], b: NDArray[np.uint64], b_s: NDArray[np.float64], most: int,
          ) -> tuple[float, float]:
    """Compare two clips by their telling hashes and the times of these.

    Returns:
        Share of the hashes of the clip with fewer of them that find a partner in the other at the best shift, 0..1; and the
        shift in seconds, time in `a` minus time in `b` (NaN if nothing matches). Of equally good shifts the one of the closest partners,
        of these the least one.
    """
    if not (len(a) and len(b)):
        return 0.0, float("nan")
    if len(a) <= len(b):
        share, shift = _align(a, a_s, b, b_s, most, SLACK_S)
        return float(share), float(shift)
    share, shift = _align(b, b_s, a, a_s, most, SLACK_S)
    return float(share), -float(shift)

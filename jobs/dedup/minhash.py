"""Texts as sets of shingles, and their MinHash signatures: whole Arrow columns at a time, bit for bit those of datasketch.

A word is a run of letters and digits; an ideograph or kana, or a letter of a script that is written without spaces, is a word of its
own; marks belong to the word that they follow, what nobody sees (`INVISIBLE`, joiners, marks of direction) is not there, and everything
else divides words.
A shingle is `n` words in a row, hashed to 32 bits; a shorter text is one shingle, an empty one has none. Letters are
compared after NFKC and lower-casing, so neither full-width forms, ligatures nor case tell two texts apart.

Signatures follow datasketch's `affine32` scheme (fmix32 of MurmurHash3, then `a*h + b mod 2^32`, `a` odd), whose
permutations are taken from datasketch itself.
"""

import unicodedata
from functools import cache
from typing import Any, NamedTuple

import numba as nb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

U32, U64 = np.uint32, np.uint64
BASE, MIX = U64(0x9E3779B97F4A7C15), U64(0x9FB21C651E98DF25)
EMPTY = U32(0xFFFFFFFF)
"""Every word of the signature of an empty set, as in datasketch."""
SEED = 1
"""datasketch's default seed of the permutations."""
TOKENISER = 2
"""Raised when the same text would get other shingles; stored beside every index."""

IDEOGRAPHS = ((0x3040, 0x3100), (0x31F0, 0x3200), (0x3400, 0x4DC0), (0x4E00, 0xA000), (0xF900, 0xFB00), (0x20000, 0x32000))
"""Code points that are words of their own: kana and Han, compatibility forms and extensions included."""
UNSPACED = ((0x0E00, 0x0F00), (0x1000, 0x10A0), (0x1780, 0x1800), (0x1950, 0x19E0), (0x1A20, 0x1AB0), (0xA9E0, 0xAA00), (0xAA60, 0xAAE0))
"""Likewise letters of scripts that put no space between words, of which only a dictionary tells where these end (line breaking class SA of
Unicode): Thai, Lao, Burmese, Khmer, Tai Le, New Tai Lue, Tai Tham, Tai Viet."""
INVISIBLE = ((0x180B, 0x1810), (0xFE00, 0xFE10), (0xE0000, 0xE1000))
"""Code points that are not seen, besides those of format (category Cf): selectors of variants and tags."""


class Shingles(NamedTuple):
    """Shingles of a column of texts.

    Attributes:
        hashes: All shingles, text after text; repeated ones are not removed.
        offsets: Where each text begins; one more than texts.
        words: Words per text.
        keys: 128 bits over the words of each text, two columns; equal for texts that differ in case, punctuation or space only.
    """

    hashes: NDArray[np.uint32]
    offsets: NDArray[np.int64]
    words: NDArray[np.int64]
    keys: NDArray[np.uint64]


@cache
def classes() -> NDArray[np.uint8]:
    """Per code point: 0 divides words, 1 belongs to a word, 2 is a word of its own, 3 is a mark on what is before it, 4 is not there."""
    table = np.zeros(0x110000, np.uint8)
    kinds = {"L": 1, "N": 1, "M": 3, "Cf": 4}
    named = (unicodedata.category(chr(i)) for i in range(0x30000))
    table[:0x30000] = np.fromiter((kinds.get(name, kinds.get(name[0], 0)) for name in named), np.uint8, 0x30000)
    for low, high in (*IDEOGRAPHS, *UNSPACED):
        table[low:high][(table[low:high] == 1) | (high > 0x30000)] = 2
    for low, high in INVISIBLE:
        table[low:high] = 4
    return table


@cache
def settled() -> NDArray[np.bool_]:
    """Per code point: normalising to NFKC cannot change the words of a text made of such characters only."""
    table = np.zeros(0x110000, bool)
    kinds = classes()
    for i in range(0x30000):
        char = chr(i)
        if 0xD800 <= i < 0xE000 or unicodedata.combining(char) or unicodedata.category(char)[0] == "M" or 0x1160 <= i < 0x1200:
            continue
        form = unicodedata.normalize("NFKC", char)
        table[i] = form == char or (not kinds[i] and all(not kinds[ord(c)] for c in form))
    return table


@nb.njit(inline="always")
def _fmix64(h):  # type: ignore[no-untyped-def]
    h = (h ^ (h >> U64(33))) * U64(0xFF51AFD7ED558CCD)
    h = (h ^ (h >> U64(33))) * U64(0xC4CEB9FE1A85EC53)
    return h ^ (h >> U64(33))


@nb.njit(inline="always")
def _fmix32(h):  # type: ignore[no-untyped-def]
    h = U32((h ^ (h >> U32(16))) * U32(0x85EBCA6B))
    h = U32((h ^ (h >> U32(13))) * U32(0xC2B2AE35))
    return U32(h ^ (h >> U32(16)))


@nb.njit(inline="always")
def _decode(data, i):  # type: ignore[no-untyped-def]
    c = U32(data[i])
    if c < 0x80:
        return c, 1
    if c < 0xE0:
        return (c & U32(31)) << U32(6) | U32(data[i + 1]) & U32(63), 2
    if c < 0xF0:
        return (c & U32(15)) << U32(12) | (U32(data[i + 1]) & U32(63)) << U32(6) | U32(data[i + 2]) & U32(63), 3
    return ((c & U32(7)) << U32(18) | (U32(data[i + 1]) & U32(63)) << U32(12) | (U32(data[i + 2]) & U32(63)) << U32(6)
            | U32(data[i + 3]) & U32(63)), 4


@nb.njit(cache=True, nogil=True)
def _unsettled(data, offsets, table):  # type: ignore[no-untyped-def]
    found = np.zeros(len(offsets) - 1, np.bool_)
    for d in range(len(offsets) - 1):
        i = offsets[d]
        while i < offsets[d + 1]:
            if data[i] < 0x80:
                i += 1
                continue
            c, size = _decode(data, i)
            if not table[c]:
                found[d] = True
                break
            i += size
    return found


@nb.njit(cache=True, nogil=True)
def _shingle(data, offsets, kinds, n):  # type: ignore[no-untyped-def]
    texts = len(offsets) - 1
    out, at = np.empty(offsets[-1] - offsets[0] + texts, U32), np.zeros(texts + 1, np.int64)
    words, keys = np.zeros(texts, np.int64), np.zeros((texts, 2), U64)
    ring, p = np.empty(16, U64), 0
    for d in range(texts):
        i, end, count, word, inside = offsets[d], offsets[d + 1], 0, U64(0), np.uint8(0)  # the class of what began the word
        key, check = U64(0), U64(0)
        while i <= end:
            c, kind = U32(0), np.uint8(0)  # one virtual divider ends the text
            if i < end:
                c, size = _decode(data, i)
                kind = kinds[c]
                i += size
            else:
                i += 1
            if kind == 4:
                continue
            if inside and (kind == 3 or (kind == 1 and inside == 1)):
                word = (word + U64(c)) * BASE
                continue
            if inside:
                token = _fmix64(word)
                ring[count % 16] = token
                count += 1
                key = key * MIX + token
                check = (check ^ token) * BASE
                check ^= check >> U64(29)
                if count >= n:
                    h = U64(0)
                    for j in range(count - n, count):
                        h = h * MIX + ring[j % 16]
                    out[p] = U32(_fmix64(h) >> U64(32))
                    p += 1
            inside = kind if kind <= 2 else np.uint8(0)
            if inside:
                word = (U64(c) + U64(1)) * BASE
        if 0 < count < n:
            h = U64(count)
            for j in range(count):
                h = h * MIX + ring[j]
            out[p] = U32(_fmix64(h) >> U64(32))
            p += 1
        at[d + 1], words[d] = p, count
        keys[d, 0], keys[d, 1] = _fmix64(key + U64(count)), _fmix64(check ^ U64(count))
    return out[:p].copy(), at, words, keys


@nb.njit(cache=True, nogil=True)
def _sign(hashes, offsets, a, b):  # type: ignore[no-untyped-def]
    out = np.full((len(offsets) - 1, len(a)), EMPTY, U32)
    for d in range(len(offsets) - 1):
        row = out[d]
        for i in range(offsets[d], offsets[d + 1]):
            x = _fmix32(hashes[i])
            for k in range(len(a)):
                row[k] = min(row[k], U32(a[k] * x + b[k]))
    return out


@nb.njit(cache=True, nogil=True)
def _bands(signatures, bands, rows):  # type: ignore[no-untyped-def]
    out = np.empty((len(signatures), bands), U64)
    for d in range(len(signatures)):
        for j in range(bands):
            h = U64(j + 1) * BASE
            for k in range(j * rows, j * rows + rows):
                h = (h ^ U64(signatures[d, k])) * U64(0xFF51AFD7ED558CCD)
                h ^= h >> U64(32)
            out[d, j] = _fmix64(h)
    return out


@nb.njit(cache=True, nogil=True)
def _sets(hashes, offsets):  # type: ignore[no-untyped-def]
    out, at, p = np.empty(len(hashes), U32), np.zeros(len(offsets), np.int64), 0
    for d in range(len(offsets) - 1):
        part = np.sort(hashes[offsets[d]:offsets[d + 1]])
        for i in range(len(part)):
            if i == 0 or part[i] != part[i - 1]:
                out[p] = part[i]
                p += 1
        at[d + 1] = p
    return out[:p].copy(), at


@nb.njit(cache=True, nogil=True)
def _jaccard(sets, at, x, y):  # type: ignore[no-untyped-def]
    out = np.empty(len(x), np.float64)
    for q in range(len(x)):
        i, i_end, j, j_end = at[x[q]], at[x[q] + 1], at[y[q]], at[y[q] + 1]
        total, common = i_end - i + j_end - j, 0
        while i < i_end and j < j_end:
            u, v = sets[i], sets[j]
            common += u == v
            i += u <= v
            j += v <= u
        out[q] = common / max(1, total - common)
    return out


def normal(texts: pa.Array) -> pa.Array:
    """A column of texts as it is compared: nulls empty, NFKC, lower case."""
    texts = texts.cast(pa.large_string()).fill_null("")
    odd = _unsettled(*_buffers(texts), settled())
    if odd.any():
        mask = pa.array(odd)
        texts = pc.replace_with_mask(texts, mask, pc.utf8_normalize(texts.filter(mask), "NFKC"))
    return pc.utf8_lower(texts)


def shingles(texts: pa.Array, n: int) -> Shingles:
    """Shingles of `n` words of a column of texts (string or large_string, nulls allowed).

    Raises:
        ValueError: n is not in 1..8.
    """
    if not 1 <= n <= 8:
        raise ValueError(f"a shingle has 1 to 8 words, not {n}")
    data, offsets = _buffers(normal(texts))
    return Shingles(*_shingle(data, offsets, classes(), n))


def _buffers(texts: pa.Array) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    _, offsets, data = texts.buffers()
    if not len(texts):
        return np.empty(0, np.uint8), np.zeros(1, np.int64)
    starts = np.frombuffer(offsets, np.int64)[texts.offset:texts.offset + len(texts) + 1]
    return (np.empty(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)), starts


@cache
def permutations(count: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """datasketch's multipliers and addends for that many permutations."""
    from datasketch import MinHash

    a, b = MinHash(count, seed=SEED, scheme="affine32").permutations
    return np.ascontiguousarray(a, U32), np.ascontiguousarray(b, U32)


def signatures(hashes: NDArray[np.uint32], offsets: NDArray[np.int64], count: int) -> NDArray[np.uint32]:
    """Signatures of sets of 32-bit hashes, [sets, count]; equal to `MinHash(count, scheme="affine32")` fed the same hashes."""
    return np.asarray(_sign(hashes, offsets, *permutations(count)), U32)


@cache
def banding(threshold: float, count: int, recall_weight: float) -> tuple[int, int]:
    """Bands and rows by datasketch's optimiser, false negatives weighted by `recall_weight`; two bands where it would take but one."""
    from datasketch import MinHashLSH

    try:
        lsh = MinHashLSH(threshold=threshold, num_perm=count, weights=(1 - recall_weight, recall_weight))
    except ValueError:  # it refuses a single band, its answer to a threshold or precision near 1
        return 2, count // 2
    return int(lsh.b), int(lsh.r)


def bands(signed: NDArray[np.uint32], count: int, rows: int) -> NDArray[np.uint64]:
    """One 64-bit hash per band, [sets, count]; the band's number is in the hash, so bands never meet one another."""
    return np.asarray(_bands(signed, count, rows), U64)


def sets(hashes: NDArray[np.uint32], offsets: NDArray[np.int64]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """The same sets, each sorted and without repeats."""
    return _sets(hashes, offsets)  # type: ignore[no-any-return]


def jaccard(hashes: NDArray[np.uint32], offsets: NDArray[np.int64], x: NDArray[np.int64], y: NDArray[np.int64],
            ) -> NDArray[np.float64]:
    """True Jaccard similarity of the sets x[i] and y[i] (as `sets` gives them); 0 for two empty sets."""
    return np.asarray(_jaccard(hashes, offsets, x, y), np.float64)


def to_datasketch(signature: NDArray[np.uint32]) -> Any:
    """A row of `signatures` as a datasketch MinHash."""
    from datasketch import MinHash

    return MinHash(seed=SEED, hashvalues=signature, permutations=permutations(len(signature)), scheme="affine32")


def from_datasketch(sketch: Any) -> NDArray[np.uint32]:
    """The signature held by a datasketch MinHash or LeanMinHash.

    Raises:
        ValueError: it was made with another scheme or seed and cannot be compared.
    """
    if (sketch.scheme, sketch.seed) != ("affine32", SEED):
        raise ValueError(f"a MinHash of scheme {sketch.scheme!r} and seed {sketch.seed} cannot be compared with "
                         f"scheme 'affine32' and seed {SEED}; make it again with those")
    return np.asarray(sketch.hashvalues, U32)

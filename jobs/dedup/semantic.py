"""Clips that show the same: unit vectors of an embedding whose cosine is at least a threshold.

Up to `EXACT` vectors all are compared with all, block by block. More are cut into cells round centroids, as many as twice the root
of their number, so that neither comparing with centroids nor comparing within cells grows with its square. A vector goes into the
`NEAREST` cells closest to it: a pair is missed only where the two have none of these in common (`tests/bench/dedup_semantic.md`).
A vector with many alike (a title card) is paired with `FIRST` of those of other sources before it, the first ones: what it goes for is
among them, since the first of all stays.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from jobs.dedup import graph
from jobs.errors import Terminal

EXACT = 20_000
"""Vectors up to which all pairs are compared: 3 CPU seconds at a width of 512."""
HERE = 100_000
"""Vectors up to which to send them through a shuffle would cost more than to search them in one process."""
NEAREST, FIRST, SAMPLE, ROUNDS, SEED = 4, 128, 64, 8, 1
"""Cells of a vector; partners of a vector; vectors a centroid is learnt from; rounds and seed of k-means."""
BLOCK = 1024
ROUNDING = 1e-4
"""Cosines of single precision are this close to the true ones; what is near the threshold is worked out again."""

Vectors = NDArray[np.float32]


def cells(count: int) -> int:
    """How many cells so many vectors are cut into."""
    return 1 if count <= EXACT else int(np.ceil(2 * np.sqrt(count)))


def matrix(column: pa.ChunkedArray, ids: Sequence[object] | NDArray[Any]) -> tuple[NDArray[np.float16], NDArray[np.int64]]:
    """The vectors of a list column as a matrix, and the rows that have one.

    Args:
        column: Lists of floats; null where there is nothing to embed.
        ids: Names of the rows, for the error.

    Raises:
        Terminal: one is of another width than the others, has a NaN or infinity, or is all zeros; the message names it.
    """
    some = np.flatnonzero(np.asarray(column.is_valid()))
    lists = pa.concat_arrays([pa.array([], column.type), *column.drop_null().chunks])
    if not len(some):
        return np.zeros((0, 0), np.float16), some
    offsets = np.asarray(lists.offsets)
    widths = np.diff(offsets)
    values, counts = np.unique(widths, return_counts=True)
    width = int(values[np.argmax(counts)])
    if len(wrong := np.flatnonzero((widths != width) | (widths == 0))):
        raise _refused(ids[some[wrong[0]]], f"{widths[wrong[0]]} numbers wide where others have {width}", len(wrong))
    found = np.asarray(lists.values.to_numpy(zero_copy_only=False)[offsets[0]:offsets[-1]], np.float16).reshape(-1, width)
    zero = (found == 0).all(axis=1)
    if len(wrong := np.flatnonzero(~np.isfinite(found).all(axis=1) | zero)):
        raise _refused(ids[some[wrong[0]]], "all zeros" if zero[wrong[0]] else "not finite (NaN or infinity)", len(wrong))
    return found, some


def unit(vectors: NDArray[np.float16]) -> Vectors:
    """Vectors scaled to length 1."""
    found = vectors.astype(np.float32)
    found /= np.sqrt(np.einsum("ij,ij->i", found, found))[:, None]
    return found


def _refused(name: object, what: str, count: int) -> Terminal:
    more = f", and so are {count - 1} others" if count > 1 else ""
    return Terminal(f"the embedding of clip {name} is {what}{more}; label again with a sound model "
                    "(label.clip_model), or leave `semantic` out of dedup.methods")


def learn(sample: Vectors, count: int) -> Vectors:
    """Centroids of so many cells by spherical k-means over a sample: [cells, width]."""
    rng = np.random.default_rng(SEED)
    k = min(count, len(sample))
    centres = sample[np.sort(rng.choice(len(sample), k, replace=False))]
    for _ in range(ROUNDS):
        of = np.concatenate([np.argmax(block @ centres.T, axis=1) for block in _blocks(sample)])
        order = np.argsort(of, kind="stable")
        filled, first = np.unique(of[order], return_index=True)
        sums = np.add.reduceat(sample[order], first, axis=0)
        centres = centres.copy()
        centres[filled] = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)
    return centres


def nearest(vectors: Vectors, centres: Vectors) -> NDArray[np.int64]:
    """The cells of each vector, [vectors, NEAREST]; all in one without centres."""
    if len(centres) <= NEAREST:
        return np.zeros((len(vectors), 1), np.int64)
    found = [np.argpartition(block @ centres.T, -NEAREST, axis=1)[:, -NEAREST:] for block in _blocks(vectors)]
    return np.concatenate([np.empty((0, NEAREST), np.int64), *found])


def _blocks(vectors: Vectors) -> list[Vectors]:
    return [vectors[i:i + 4 * BLOCK] for i in range(0, len(vectors), 4 * BLOCK)]


def pairs(vectors: Vectors, node: NDArray[np.int64], source: NDArray[np.int64], threshold: float, known: int = 0,
          ) -> tuple[graph.Pairs, NDArray[np.float64]]:
    """Pairs of nodes of two sources whose vectors of length 1 have at least this cosine, lesser node first, and the cosines.

    Args:
        vectors: [n, width].
        node: Their nodes, each once.
        source: Codes, equal for nodes of one source.
        threshold: Least cosine.
        known: Nodes below it are not compared with one another.
    """
    order = np.argsort(node, kind="stable")
    vectors, node, source = vectors[order], node[order], source[order]
    left, right = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for first in range(int(np.searchsorted(node, known)), len(vectors), BLOCK):
        block = vectors[first:first + BLOCK]
        taken = np.zeros(len(block), np.int64)
        for start in range(0, first + len(block), 4 * BLOCK):
            others = vectors[start:min(start + 4 * BLOCK, first + len(block))]
            row, column = np.divmod(np.flatnonzero(block @ others.T >= threshold - ROUNDING), len(others))
            before = (start + column < first + row) & (source[start + column] != source[first + row])
            row, column = row[before], column[before]
            place = np.arange(len(row)) - np.searchsorted(row, row) + taken[row]
            row, column = row[place < FIRST], column[place < FIRST]
            taken += np.bincount(row, minlength=len(block))
            left.append(start + column)
            right.append(first + row)
    x, y = np.concatenate(left), np.concatenate(right)
    cosine = np.concatenate([np.empty(0), *(np.einsum("ij,ij->i", vectors[x[i:i + 4 * BLOCK]], vectors[y[i:i + 4 * BLOCK]], dtype=np.float64)
                                            for i in range(0, len(x), 4 * BLOCK))])
    holds = cosine >= threshold
    return (node[x[holds]], node[y[holds]]), np.minimum(cosine[holds], 1.0)

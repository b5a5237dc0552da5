"""From buckets to candidate pairs, and from pairs to components.

Nodes are places in the keep order (`jobs.dedup.keeper`): the lesser of two nodes is the one that would stay.
"""

from collections.abc import Callable

import numba as nb
import numpy as np
from numpy.typing import NDArray

WHOLE = 128
"""Buckets of up to so many nodes give all their pairs. Equal texts are one node, so a larger one is a family of templates."""
LAG = 8
"""In larger ones every node meets the least node and its next neighbours in the order: linear, however hot a bucket is."""

Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]
Components = Callable[[NDArray[np.int64], NDArray[np.int64]], Pairs]


@nb.njit(cache=True, nogil=True)
def _shared(bucket, bits):  # type: ignore[no-untyped-def]
    """Which rows may share their bucket with another: a sieve of two bits a slot, no row lost."""
    once, twice = np.zeros(1 << bits, np.bool_), np.zeros(1 << bits, np.bool_)
    shift = np.uint64(64 - bits)
    for i in range(len(bucket)):
        slot = (bucket[i] * np.uint64(0x9E3779B97F4A7C15)) >> shift
        twice[slot] |= once[slot]
        once[slot] = True
    keep = np.zeros(len(bucket), np.bool_)
    for i in range(len(bucket)):
        keep[i] = twice[(bucket[i] * np.uint64(0x9E3779B97F4A7C15)) >> shift]
    return keep


@nb.njit(cache=True, nogil=True)
def _pairs(bucket, node, whole, lag):  # type: ignore[no-untyped-def]
    total, start = 0, 0
    for turn in range(2):
        src, dst = np.empty(total, np.int64), np.empty(total, np.int64)
        p, start = 0, 0
        while start < len(bucket):
            end = start + 1
            while end < len(bucket) and bucket[end] == bucket[start]:
                end += 1
            reach = end - start if end - start <= whole else lag
            for i in range(start + 1, end):
                first = max(start, i - reach)
                for j in range(first, i):
                    if turn and node[j] != node[i]:
                        src[p], dst[p] = node[j], node[i]
                    p += node[j] != node[i]
                if first > start:
                    if turn and node[start] != node[i]:
                        src[p], dst[p] = node[start], node[i]
                    p += node[start] != node[i]
            start = end
        total = p
    return src, dst


def linked(bucket: NDArray[np.uint64], node: NDArray[np.int64], whole: int = WHOLE, lag: int = LAG) -> Pairs:
    """Candidate pairs of nodes that share a bucket, lesser node first, each once, sorted.

    All pairs of a small bucket; of a large one every node with the least node and with its `lag` predecessors.
    """
    bits = min(28, max(10, int(2 * len(bucket)).bit_length()))
    keep = _shared(bucket, bits)
    bucket, node = bucket[keep], node[keep]
    order = np.lexsort((node, bucket))
    return unique(*_pairs(bucket[order], node[order], whole, lag))


def unique(src: NDArray[np.int64], dst: NDArray[np.int64]) -> Pairs:
    """Pairs sorted, each once."""
    order = np.lexsort((dst, src))
    src, dst = src[order], dst[order]
    new = np.ones(len(src), bool)
    new[1:] = (src[1:] != src[:-1]) | (dst[1:] != dst[:-1])
    return src[new], dst[new]


def components(src: NDArray[np.int64], dst: NDArray[np.int64]) -> Pairs:
    """Nodes of the pairs in order, and the least node of the component of each."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    nodes, at = np.unique(np.concatenate([src, dst]), return_inverse=True)
    n, m = len(nodes), len(src)
    if not n:
        return nodes, nodes
    count, label = connected_components(coo_matrix((np.ones(m, np.int8), (at[:m], at[m:])), (n, n)), directed=False)
    least = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(least, label, nodes)
    return nodes, least[label]


def shares(src: NDArray[np.int64], dst: NDArray[np.int64], most: int, parts: Components = components,
           ) -> tuple[NDArray[np.int64], Pairs]:
    """Cut pairs into shares of about `most` for verification, so that few nodes are needed in several of them.

    Pairs of one component stay together where it is smaller than a share; a giant component is cut as well.

    Returns:
        The share of every pair, and (node, share) for every node that a share needs, sorted.
    """
    nodes, label = parts(src, dst)
    order = np.lexsort((dst, src, label[np.searchsorted(nodes, src)]))
    share = np.empty(len(src), np.int64)
    share[order] = np.arange(len(src)) // most
    return share, unique(np.concatenate([src, dst]), np.concatenate([share, share]))

"""From buckets to candidate pairs, and from pairs to components.

Nodes are places in the keep order (`jobs.dedup.keeper`): the lesser of two nodes is the one that would stay.
"""

from collections.abc import Callable

import numba as nb
import numpy as np
from numpy.typing import NDArray

WHOLE = 128
"""Buckets of up to so many nodes give all their pairs. Equal texts are one node, so a larger one is a family of templates."""
LAG = 4
"""In larger ones every node meets the least node and its next neighbours in the order: linear, however hot a bucket is."""

Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]
Components = Callable[[NDArray[np.int64], NDArray[np.int64]], Pairs]


@nb.njit(cache=True, nogil=True)
def _grouped(bucket, node, bits):  # type: ignore[no-untyped-def]
    """Rows by bucket and node, equal buckets side by side: a counting sort by hash. Most rows that are alone are left out."""
    mix, shift, alone = np.uint64(0x9E3779B97F4A7C15), np.uint64(64 - bits), np.uint32(0xFFFFFFFF)
    at = np.zeros(1 << bits, np.uint32)  # rows of a slot, then where its next one goes, then its end
    for i in range(len(bucket)):
        at[(bucket[i] * mix) >> shift] += np.uint32(1)
    total = 0
    for slot in range(len(at)):
        count = at[slot]
        at[slot] = total if count > 1 else alone
        total += count if count > 1 else 0
    buckets, nodes = np.empty(total, np.uint64), np.empty(total, np.int64)
    for i in range(len(bucket)):
        slot = (bucket[i] * mix) >> shift
        p = at[slot]
        if p != alone:
            buckets[p], nodes[p] = bucket[i], node[i]
            at[slot] = p + np.uint32(1)
    start = 0
    for slot in range(len(at)):
        if at[slot] == alone:
            continue
        end = at[slot]
        if end - start > 32:
            order = np.argsort(nodes[start:end])
            order = order[np.argsort(buckets[start:end][order], kind="mergesort")]
            buckets[start:end], nodes[start:end] = buckets[start:end][order], nodes[start:end][order]
        else:
            for i in range(start + 1, end):
                b, n, j = buckets[i], nodes[i], i - 1
                while j >= start and (buckets[j] > b or (buckets[j] == b and nodes[j] > n)):
                    buckets[j + 1], nodes[j + 1] = buckets[j], nodes[j]
                    j -= 1
                buckets[j + 1], nodes[j + 1] = b, n
        start = end
    return buckets, nodes


@nb.njit(cache=True, nogil=True)
def _pairs(bucket, node, whole, lag, known):  # type: ignore[no-untyped-def]
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
                if node[i] < known:
                    continue
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


def linked(bucket: NDArray[np.uint64], node: NDArray[np.int64], whole: int = WHOLE, lag: int = LAG, known: int = 0) -> Pairs:
    """Candidate pairs of nodes that share a bucket, lesser node first, each once, sorted; none of two nodes below `known`.

    All pairs of a small bucket; of a large one every node with the least node and with its `lag` predecessors.
    """
    bits = min(26, max(10, len(bucket).bit_length()))
    return unique(*_pairs(*_grouped(bucket, node, bits), whole, lag, known))


@nb.njit(cache=True, nogil=True)
def _among(values, wanted):  # type: ignore[no-untyped-def]
    out, j = np.zeros(len(values), np.bool_), 0
    for i in range(len(values)):
        while j < len(wanted) and wanted[j] < values[i]:
            j += 1
        out[i] = j < len(wanted) and wanted[j] == values[i]
    return out


def among(values: NDArray[np.uint64], wanted: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which of some ascending values are among others, also ascending."""
    return np.asarray(_among(values, wanted), bool)


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

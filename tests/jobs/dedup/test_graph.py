"""Pairs of buckets against all pairs, components against networkx."""

from collections import defaultdict
from itertools import combinations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.dedup import graph


def pairs(found):
    return list(zip(found[0].tolist(), found[1].tolist(), strict=True))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 30)), max_size=120))
def test_small_buckets_give_all_pairs_and_large_ones_a_star_with_neighbours(rows):
    bucket = np.array([b for b, _ in rows], np.uint64)
    node = np.array([n for _, n in rows], np.int64)
    members = defaultdict(list)
    for b, n in rows:
        members[b].append(n)
    wanted = set()
    for nodes in members.values():
        nodes.sort()
        for i, j in combinations(range(len(nodes)), 2):
            if nodes[i] != nodes[j] and (len(nodes) <= 6 or i == 0 or j - i <= 2):
                wanted.add((nodes[i], nodes[j]))
    assert pairs(graph.linked(bucket, node, whole=6, lag=2)) == sorted(wanted)


def test_a_hot_bucket_stays_linear():
    n = 50_000
    src, _ = graph.linked(np.zeros(n, np.uint64), np.arange(n))
    assert n - 1 <= len(src) <= (graph.LAG + 1) * n


GRAPHS = {
    "chain": nx.path_graph(3000),
    "star": nx.star_graph(3000),
    "clique": nx.complete_graph(60),
    "random": nx.gnm_random_graph(4000, 3000, seed=1),
    "none": nx.Graph(),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_components_are_those_of_networkx(name):
    shuffled = np.random.default_rng(3).permutation(10_000)
    edges = shuffled[np.array(GRAPHS[name].edges, np.int64).reshape(-1, 2)]
    nodes, least = graph.components(edges[:, 0], edges[:, 1])
    wanted = {int(n): int(min(c)) for c in nx.connected_components(nx.Graph(edges.tolist())) for n in c}
    assert dict(zip(nodes.tolist(), least.tolist(), strict=True)) == wanted


@pytest.mark.parametrize("most", [1, 7, 1000])
def test_shares_hold_every_pair_once_and_every_node_they_need(most):
    edges = np.array(nx.gnm_random_graph(300, 280, seed=2).edges, np.int64)
    share, (node, of) = graph.shares(edges[:, 0], edges[:, 1], most)
    assert np.bincount(share).max() <= most
    need = {(int(n), int(s)) for e, s in zip(edges, share, strict=True) for n in e}
    assert set(zip(node.tolist(), of.tolist(), strict=True)) == need

"""Components on Spark against networkx."""

import networkx as nx
import numpy as np
import pytest

from jobs.dedup.job import components_on_spark
from jobs.spark import session
from schemas.loading import load

GRAPHS = {
    "chain": nx.path_graph(500),
    "star": nx.star_graph(500),
    "clique": nx.complete_graph(40),
    "random": nx.gnm_random_graph(2000, 1500, seed=1),
    "many at once": nx.disjoint_union_all([
        *(nx.gnm_random_graph(120, edges, seed=seed) for seed, edges in enumerate((40, 60, 80, 110, 200))),
        nx.barbell_graph(20, 1), nx.barbell_graph(12, 30), nx.ring_of_cliques(9, 5), nx.random_labeled_tree(200, seed=2), nx.full_rary_tree(3, 120),
        nx.barabasi_albert_graph(200, 1, seed=3), nx.grid_2d_graph(12, 12), nx.cycle_graph(101)]),
}


@pytest.mark.spark
@pytest.mark.parametrize("name", GRAPHS)
def test_components_on_spark_are_those_of_networkx(name):
    shuffled = np.random.default_rng(3).permutation(10_000)
    edges = shuffled[np.array(GRAPHS[name].edges, np.int64)]
    found = components_on_spark(session(load(["runtime.master=local[2]"]).runtime), edges[:, 0], edges[:, 1])
    wanted = {int(n): int(min(c)) for c in nx.connected_components(nx.Graph(edges.tolist())) for n in c}
    assert dict(zip(found[0].tolist(), found[1].tolist(), strict=True)) == wanted

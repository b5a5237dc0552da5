"""Components on Spark against networkx."""

import networkx as nx
import numpy as np
import pytest

from jobs.dedup.job import components_on_spark
from jobs.spark import session
from schemas.settings import load

GRAPHS = {
    "chain": nx.path_graph(500),
    "star": nx.star_graph(500),
    "clique": nx.complete_graph(40),
    "random": nx.gnm_random_graph(2000, 1500, seed=1),
}


@pytest.mark.spark
@pytest.mark.parametrize("name", GRAPHS)
def test_components_on_spark_are_those_of_networkx(name):
    shuffled = np.random.default_rng(3).permutation(10_000)
    edges = shuffled[np.array(GRAPHS[name].edges, np.int64)]
    found = components_on_spark(session(load(["runtime.master=local[2]"]).runtime), edges[:, 0], edges[:, 1])
    wanted = {int(n): int(min(c)) for c in nx.connected_components(nx.Graph(edges.tolist())) for n in c}
    assert dict(zip(found[0].tolist(), found[1].tolist(), strict=True)) == wanted

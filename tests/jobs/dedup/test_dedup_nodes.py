"""Where nodes are read, against a plain reading: each from its own part or slice, once for every share that asks for it."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.dedup import index, passes
from jobs.dedup.nodes import Nodes


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_every_node_is_read_where_it_is_once_for_each_share(data):
    there = [data.draw(st.lists(st.booleans(), max_size=5)) for _ in range(data.draw(st.integers(0, 4)))]
    earlier = tuple(index.Standing("", "r", f"part{i}", pa.table({"clip_id": ["x"] * len(of)}), np.flatnonzero(of), 0, {}, 1)
                    for i, of in enumerate(there))
    pieces = [SimpleNamespace(name=f"slice{i}", rows=data.draw(st.integers(0, 4))) for i in range(3)]
    place = np.array(data.draw(st.permutations(range(sum(p.rows for p in pieces)))), np.int64)
    codes = np.zeros(0, np.int32)
    nodes = Nodes(pa.table({}), codes, codes, (), place, SimpleNamespace(slices=lambda: pieces), earlier)
    homes = [(part.name, int(entry)) for part in earlier for entry in part.taking_part]
    rows = [(p.name, row) for p in pieces for row in range(p.rows)]
    homes += [rows[at] for at in place]
    asked = data.draw(st.lists(st.tuples(st.integers(0, len(homes) - 1), st.integers(0, 2)), unique=True)) if homes else []
    asked_nodes, shares = np.array(asked, np.int64).reshape(-1, 2).T
    found = []
    for cut in nodes.cuts(asked_nodes, shares):
        name, at = (cut.slice.name, cut.rows_) if isinstance(cut, passes.Cut) else (cut.name, cut.entries)
        assert isinstance(cut, index.Known) or (np.diff(at) >= 0).all()
        found += [(node, share, name, row) for node, share, row in zip(cut.nodes.tolist(), cut.shares.tolist(), at.tolist(), strict=True)]
    assert sorted(found) == sorted((node, share, *homes[node]) for node, share in asked)

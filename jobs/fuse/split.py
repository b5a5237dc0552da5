"""Train or validation, decided so that nothing leaks: whatever shares a source, a source's bytes or a duplicate goes the same way."""

import hashlib
from collections.abc import Iterable

import numpy as np
import pyarrow as pa
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

TRAIN, VALIDATION = "train", "validation"


def groups(clips: pa.Table, duplicates: pa.Table) -> dict[str, str]:
    """The group of every source: the least source id of all that it is connected with.

    Args:
        clips: clip_id, source_id, source_sha256 of all clips, rejected ones too: they may be what connects two sources.
        duplicates: loser_id, keeper_id. A keeper of an earlier release, which is no clip of ours, connects its losers.
    """
    if not clips.num_rows:
        return {}
    names = [*(f"s{s}" for s in clips["source_id"].to_pylist())]
    bytes_ = [f"b{s}" for s in clips["source_sha256"].to_pylist()]
    of = dict(zip(clips["clip_id"].to_pylist(), names, strict=True))
    edges = list(zip(names, bytes_, strict=True))
    edges += [
        (of.get(a, f"c{a}"), of.get(b, f"c{b}"))
        for a, b in zip(duplicates["loser_id"].to_pylist(), duplicates["keeper_id"].to_pylist(), strict=True)
    ]
    nodes, flat = np.unique(np.array([n for edge in edges for n in edge], dtype=object).astype(str), return_inverse=True)
    pairs = flat.reshape(-1, 2)
    graph = coo_array((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(len(nodes), len(nodes)))
    _, component = connected_components(graph, directed=False)
    least: dict[int, str] = {}
    for name, number in zip(nodes, component, strict=True):  # nodes are sorted: the first source of a component is its least
        if name.startswith("s"):
            least.setdefault(int(number), name[1:])
    return {str(name[1:]): least[int(number)] for name, number in zip(nodes, component, strict=True) if name.startswith("s")}


def side(group: str, validation_share: float) -> str:
    """The split of a group: the hash of its name alone decides, so that it stays where it is as the corpus grows."""
    draw = int.from_bytes(hashlib.sha256(f"split/{group}".encode()).digest()[:8]) / 2**64
    return VALIDATION if draw < validation_share else TRAIN


def sides(group_of: dict[str, str], sources: Iterable[str], validation_share: float) -> dict[str, str]:
    """The split of every source."""
    return {source: side(group_of[source], validation_share) for source in sources}

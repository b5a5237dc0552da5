"""Cuts a table of clips into tasks that depend on the table alone, and finds what a standing version of labels already says."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.lake import Slice, Version

TASK_CLIPS = 64
"""Clips per task, more where one row group holds more: some tens of seconds of a ViT-B/32 on one core."""


@dataclass(frozen=True)
class Bundle:
    """Neighbouring row groups that one task reads, and the ids of their rows in order."""

    slices: tuple[Slice, ...]
    ids: tuple[str, ...]


def bundles(version: Version, ids: Sequence[str], least: int = TASK_CLIPS) -> list[Bundle]:
    """The whole table in bundles of at least `least` rows (the last may have fewer), in order.

    Args:
        version: The table.
        ids: The key of all its rows in order.
        least: Rows per bundle.
    """
    made: list[Bundle] = []
    held: list[Slice] = []
    start = end = 0
    for piece in version.slices():
        held.append(piece)
        end += piece.rows
        if end - start >= least:
            made.append(Bundle(tuple(held), tuple(ids[start:end])))
            held, start = [], end
    if held:
        made.append(Bundle(tuple(held), tuple(ids[start:end])))
    return made


class Holders:
    """Which row groups of a long table hold rows of an id; built from the id column alone."""

    def __init__(self, version: Version, column: str) -> None:
        self._slices = version.slices()
        ids: list[pa.Array] = []
        where: list[np.ndarray] = []
        for i, piece in enumerate(self._slices):
            unique = pc.unique(piece.read([column])[column].combine_chunks())
            ids.append(unique)
            where.append(np.full(len(unique), i))
        self._ids = pa.concat_arrays(ids) if ids else pa.array([], pa.string())
        self._where = np.concatenate(where) if where else np.zeros(0, int)

    def of(self, ids: Iterable[str]) -> tuple[Slice, ...]:
        """The row groups that hold any of these ids, in order."""
        hit = np.asarray(pc.is_in(self._ids, value_set=pa.array(list(ids), pa.string())))
        return tuple(self._slices[i] for i in np.unique(self._where[hit]))


def unchanged(now: pa.Table, before: pa.Table) -> frozenset[str]:
    """Ids of `clip_id` whose every other column is the same in both tables."""
    at = pc.index_in(now["clip_id"], value_set=before["clip_id"].combine_chunks())
    mine, theirs = now.filter(pc.is_valid(at)), before.take(at.drop_null())
    same = pa.chunked_array([pa.array(np.ones(len(mine), bool))])
    for name in now.schema.names:
        a, b = mine[name], theirs[name]
        equal = pc.or_(pc.fill_null(pc.equal(a, b), False), pc.and_(pc.is_null(a), pc.is_null(b)))
        same = pc.and_(same, equal)
    return frozenset(mine.filter(same)["clip_id"].to_pylist())


def same_measuring(now: Mapping[str, object], before: Mapping[str, object]) -> bool:
    """Whether two versions of `clips` were measured by the same code with the same settings, so that equal ids have equal frames."""

    def measuring(manifest: Mapping[str, object]) -> dict[str, object]:
        parents = manifest.get("parents")
        outside = {name: fact for name, fact in parents.items() if "@" not in name} if isinstance(parents, Mapping) else {}
        return {"outside": outside} | {key: manifest.get(key) for key in ("job", "code", "recipe", "schema_version")}

    return measuring(now) == measuring(before)

"""Cuts a table of clips into tasks that depend on the table alone, and finds what a standing version of labels already says."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.lake import Slice
from jobs.rows import large, whole

LEAST_CLIPS, MOST_CLIPS, TASKS = 64, 1024, 256
"""The whole table in TASKS tasks, of so many clips each: some tens of seconds of a ViT-B/32 on one core, and at most some 150 MB of frames. A
row group is never cut."""


def bundles(slices: Sequence[Slice]) -> Iterator[tuple[int, int]]:
    """Numbers of the first row and after the last one of neighbouring row groups that one task reads (the last may have fewer rows)."""
    least = max(LEAST_CLIPS, min(MOST_CLIPS, sum(piece.rows for piece in slices) // TASKS))
    start = end = 0
    for piece in slices:
        end += piece.rows
        if end - start >= least:
            yield start, end
            start = end
    if start < end:
        yield start, end


def unchanged(now: pa.Table, before: pa.Table) -> pa.ChunkedArray:
    """Ids of `clip_id` whose every other column is the same in both tables."""
    now, before = large(now), large(before)
    at = pc.index_in(now["clip_id"], value_set=whole(before["clip_id"]))
    mine, theirs = now.filter(pc.is_valid(at)), before.take(at.drop_null())
    same = pa.chunked_array([pa.array(np.ones(len(mine), bool))])
    for name in now.schema.names:
        a, b = mine[name], theirs[name]
        equal = pc.or_(pc.fill_null(pc.equal(a, b), False), pc.and_(pc.is_null(a), pc.is_null(b)))
        same = pc.and_(same, equal)
    return mine.filter(same)["clip_id"]


def same_measuring(now: Mapping[str, object], before: Mapping[str, object]) -> bool:
    """Whether two versions of `clips` were measured by the same code with the same settings, so that equal ids have equal frames."""

    def measuring(manifest: Mapping[str, object]) -> dict[str, object]:
        parents = manifest.get("parents")
        outside = {name: fact for name, fact in parents.items() if "@" not in name} if isinstance(parents, Mapping) else {}
        return {"outside": outside} | {key: manifest.get(key) for key in ("job", "code", "recipe", "schema_version")}

    return measuring(now) == measuring(before)

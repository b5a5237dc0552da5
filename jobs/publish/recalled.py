"""Prompts whose sources were taken down since they were drawn: while their videos were made, or waited for a person's word."""

import pyarrow as pa
import pyarrow.compute as pc

from jobs.fuse.tombstones import tombstones
from jobs.lake import Lake, Version
from schemas import CLIPS, SAMPLES, SOURCES, Table


def recalled(lake: Lake, prompts: Version) -> frozenset[str]:
    """Ids of the prompts that were drawn from samples of such sources, and of those that an erasure emptied."""
    stones = tombstones(lake)
    if not stones.facts:
        return frozenset()
    rows = prompts.read(["prompt_id", "sample_ids", "shots"]).to_pylist()
    samples = _made_from(prompts, SAMPLES)
    clips, sources = (_made_from(samples, table) if samples else None for table in (CLIPS, SOURCES))
    gone: set[str] = set()
    if clips is not None and sources is not None:
        of_these = pa.array(sorted(stones.ids(sources)), pa.string())
        wanted = pa.array(sorted({name for row in rows for name in row["sample_ids"]}), pa.string())
        found = clips.each(lambda part: part.filter(
            pc.and_(pc.is_in(part["source_id"], value_set=of_these), pc.is_in(part["clip_id"], value_set=wanted)))["clip_id"].to_pylist(),
            ["clip_id", "source_id"])
        gone = {name for part in found for name in part}
    return frozenset(row["prompt_id"] for row in rows if not row["shots"] or gone.intersection(row["sample_ids"]))


def _made_from(version: Version, table: Table) -> Version | None:
    made = (version.lake.version(table, fingerprint) for name, fingerprint in version.manifest["parents"].items() if name.startswith(f"{table.name}@"))
    return next(made, None)

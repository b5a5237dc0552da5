"""Erasure: what a person may be recognised by leaves every version of every table, and nothing is made again.

Rows stay with their ids, spans, measurements and reasons, so that counts, funnels and fingerprints hold; the columns that a
table calls `personal` are emptied in the rows of the source, of its clips, and of the prompts, generations and publications that
quote them, and in what is said of any of these where it was rejected.
Manifests get the new facts of their files. What an interrupted run left is removed: it will do its work from the start.

What stays, and why: the tombstone (id, sha256 and address of the source), without which the same work would come back with the
next collect; the address where it is that of the tombstone and nothing else tells that the row is meant; measurements (length,
loudness, luma, counts), which name nobody; generated clips and published videos, which the report of the takedown lists.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from jobs.fuse.tombstones import Tombstones
from jobs.lake import MANIFEST, Lake, Version, with_nulls
from schemas import CLIPS, GENERATIONS, LABELS, PROMPTS, PUBLICATIONS, REJECTS, SAMPLES, SOURCES, TABLES, Table
from schemas.table import ERASED

WORK, FUSE = "_work", "fuse"

Mask = NDArray[np.bool_]
Whose = Callable[[pa.Table], Mask]


def erase(lake: Lake, sources: Collection[str], stones: Tombstones) -> dict[str, int]:
    """Empty what is personal of some sources.

    Args:
        lake: Held by the caller.
        sources: Their ids.
        stones: All tombstones; a row of `sources` keeps its address where nothing else would hold it.

    Returns:
        How many rows were emptied, by table.
    """
    _unfinished(lake)
    of_sources = _named("source_id", sources)
    clips = {name for version in versions(lake, CLIPS)
             for found in version.each(lambda part: part.filter(of_sources(part))["clip_id"].to_pylist(), ["clip_id", "source_id"]) for name in found}
    prompts = {row["prompt_id"] for v in versions(lake, PROMPTS) for row in v.read(["prompt_id", "sample_ids"]).to_pylist()
               if clips & set(row["sample_ids"])}
    generations = {row["generation_id"] for v in versions(lake, GENERATIONS) for row in v.read(["generation_id", "prompt_id"]).to_pylist()
                   if row["prompt_id"] in prompts}
    dropped = _named("sample_id", {*sources, *clips, *prompts, *generations})
    count = {}
    for table, columns, whose in (
        (SOURCES, ["source_id"], of_sources),
        (CLIPS, ["source_id"], of_sources),
        (REJECTS, ["source_id", "sample_id"], lambda rows: of_sources(rows) | dropped(rows)),
        (LABELS, ["clip_id"], _named("clip_id", clips)),
        (PROMPTS, ["prompt_id"], _named("prompt_id", prompts)),
        (GENERATIONS, ["prompt_id"], _named("prompt_id", prompts)),
        (PUBLICATIONS, ["prompt_id"], _named("prompt_id", prompts)),
    ):
        count[table.name] = sum(_emptied(lake, version, columns, whose, stones) for version in versions(lake, table))
    return count


def versions(lake: Lake, table: Table) -> Iterator[Version]:
    """All versions of a table that stand."""
    yield from (v for name in lake.names(table.name) if (v := lake.version(table, name)) is not None)


def shards(lake: Lake, sources: Collection[str], keep: str | None) -> list[str]:
    """Remove every shard of another version of `samples` that holds one of these sources."""
    removed = []
    for version in versions(lake, SAMPLES):
        for path in version.files() if version.fingerprint != keep else ():
            if lake.fs.exists(path):
                with lake.parquet(path) as file:
                    held = file.read(columns=["source_id"])
                if _named("source_id", sources)(held).any():
                    lake.fs.rm(path)
                    removed.append(f"{SAMPLES.name}/{version.fingerprint}/{path.rsplit('/', 1)[1]}")
    return removed


def _named(column: str, ids: Collection[str]) -> Whose:
    wanted = pa.array(sorted(ids), pa.string())
    return lambda rows: np.asarray(pc.is_in(rows[column], value_set=wanted), bool)


def _unfinished(lake: Lake) -> None:
    """Remove notes, staged frames and parts of runs that were interrupted."""
    lake.remove(WORK)
    for table in TABLES:
        for name in _begun(lake, table):
            lake.remove(table.name, name)


def unfinished_samples(lake: Lake, released: Collection[str]) -> None:
    """Remove what interrupted runs of fuse left, which hold media: tombstones bear identity, so that none of them will go on after one more.

    Args:
        released: Fingerprints of releases, which no interrupted run has, whatever became of their manifests.
    """
    for name in set(_begun(lake, SAMPLES)) - {*released}:
        lake.remove(WORK, f"{FUSE}-{name}")
        lake.remove(SAMPLES.name, name)
        if lake.version(REJECTS, name) is None:
            lake.remove(REJECTS.name, name)


def _begun(lake: Lake, table: Table) -> list[str]:
    """Folders of versions that do not stand."""
    return [name for name in lake.names(table.name)
            if lake.read_json(table.name, name, MANIFEST) is None and lake.fs.isdir(lake.path(table.name, name))]


def _emptied(lake: Lake, version: Version, columns: list[str], whose: Whose, stones: Tombstones) -> int:
    """Write the files of one version again that hold such rows, row group by row group; how many rows there were."""
    files, rows = [], 0
    for file, path in zip(version.manifest["files"], version.files(), strict=True):
        if lake.fs.exists(path):
            with lake.parquet(path) as parquet:
                if count := int(whose(parquet.read(columns=columns)).sum()):
                    rows += count
                    file = lake.write_groups(version.table, version.fingerprint, file["path"], _groups(parquet, version.table, whose, stones))
        files.append(file)
    if rows:
        manifest: Mapping[str, Any] = {**version.manifest, "files": files}
        lake.write_json(manifest, version.table.name, version.fingerprint, MANIFEST)
    return rows


def _groups(parquet: pq.ParquetFile, table: Table, whose: Whose, stones: Tombstones) -> Iterator[pa.Table]:
    for i in range(parquet.num_row_groups):
        rows = with_nulls(parquet.read_row_group(i), table.schema)
        mine = whose(rows)
        for name in table.personal if mine.any() else ():
            field = table.schema.field(name)
            gone = mine & ~_needed(rows, stones) if name == "uri" else mine
            rows = rows.set_column(table.schema.get_field_index(name), field, _without(rows[name], field, gone))
        yield table.conform(rows)


def _needed(rows: pa.Table, stones: Tombstones) -> Mask:
    """Rows that only their address ties to a tombstone."""
    facts = rows.select(["source_id", "sha256", "uri"]).to_pylist()
    return np.array([not stones.hold({**row, "uri": ERASED}) for row in facts], bool)


def _without(column: pa.ChunkedArray, field: pa.Field, gone: Mask) -> pa.Array:
    """A column in which some rows are null, or empty where they may not be."""
    empty = None if field.nullable else ERASED if pa.types.is_string(field.type) else []
    values = pa.concat_arrays([pa.array([], field.type), *column.chunks, pa.array([empty], field.type)])
    at = np.where(gone, len(values) - 1, np.arange(len(values) - 1))
    return values.take(pa.array(at))

"""Why a clip is gone, or what went for it: its cluster side by side.

Keys are read, not tables: see `rows_of`. `duplicates` lies in the order of its losers, so a clip that went is found by statistics; its
cluster, the facts of its clips and where they came from cost one pass over the column of `cluster_id`, `clip_id` and `source_id` each, whatever lies
beside them: of two million clips in row groups of a thousand two CPU seconds in all (`tests/bench/dedup_explain.py`).
"""

from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.errors import Terminal
from jobs.lake import Lake, Version
from schemas import CLIPS, DUPLICATES, REJECTS, SOURCES

WORDS = 2000
"""Characters of a text that are told."""
SHOWN = ("clip_id", "source_id", "modality", "start_s", "end_s", "width", "height", "fps", "sharpness", "licence", "title",
         "caption")


@dataclass(frozen=True)
class Explanation:
    """A clip in its duplicate cluster.

    Attributes:
        clip_id: The clip asked for.
        verdict: One sentence.
        cluster_id: None where the clip resembles no other.
        keepers: Clips of the cluster that stay, facts of each (`SHOWN`, and the first characters of a text).
        losers: Rows of `duplicates` of the cluster, with the facts of the loser under `loser`, and `op` and `threshold` of its reject.
    """

    clip_id: str
    verdict: str
    cluster_id: str | None
    keepers: tuple[Mapping[str, Any], ...]
    losers: tuple[Mapping[str, Any], ...]


def explain(lake: Lake, clip_id: str) -> Explanation:
    """The cluster of a clip in the current version of `duplicates`.

    Raises:
        Terminal: dedup has not run yet, or it has seen no such clip.
    """
    fingerprint = lake.current("dedup")
    duplicates = lake.version(DUPLICATES, fingerprint) if fingerprint else None
    if duplicates is None:
        raise Terminal(f"{lake.root}: there are no duplicates yet; run `reelmill run dedup` first")
    clips = _clips_of(lake, duplicates)
    own = rows_of(duplicates, ("loser_id", "keeper_id"), {clip_id})
    if not own:
        facts = _facts(clips, {clip_id})
        if clip_id not in facts:
            raise Terminal(f"{lake.root}: dedup has seen no clip {clip_id!r}; ids are whole, as the tables print them")
        return Explanation(clip_id, f"{clip_id} resembles no other clip", None, (facts[clip_id],), ())
    cluster = own[0]["cluster_id"]
    losers = sorted(rows_of(duplicates, ("cluster_id",), {cluster}), key=lambda row: str(row["loser_id"]))
    keepers = sorted({row["keeper_id"] for row in losers})
    facts = _facts(clips, {*keepers, *(row["loser_id"] for row in losers)})
    uris = _uris(clips, {f["source_id"] for f in facts.values()})
    facts = {clip: {"clip_id": clip, "uri": uris.get(f["source_id"]), **f} for clip, f in facts.items()}
    why = _thresholds(lake, duplicates, {row["loser_id"] for row in losers})
    return Explanation(
        clip_id, _verdict(clip_id, losers), cluster, tuple(facts.get(k, {"clip_id": k}) for k in keepers),
        tuple(row | why.get(row["loser_id"], {}) | {"loser": facts.get(row["loser_id"], {"clip_id": row["loser_id"]})} for row in losers))


def frames(lake: Lake, clips: Collection[str]) -> dict[str, list[dict[str, Any]]]:
    """Stored frames (t_s, jpeg) of some clips that dedup has seen, by id."""
    fingerprint = lake.current("dedup")
    duplicates = lake.version(DUPLICATES, fingerprint) if fingerprint else None
    seen = _clips_of(lake, duplicates) if duplicates else None
    return {row["clip_id"]: row["frames"] or [] for row in rows_of(seen, ("clip_id",), clips, ("clip_id", "frames"))}


def rows_of(version: Version | None, keys: Sequence[str], ids: Collection[str], columns: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Rows that have one of those ids in one of the columns `keys`.

    Of row groups whose statistics rule that out nothing is read, which is all but one or two where the table lies in the order of the key
    (losers in `duplicates` and `rejects`); of the others the keys, and the rest only of those that hold such a row. One row group is in memory.
    """
    found: list[dict[str, Any]] = []
    wanted = sorted(ids)
    if version is None or not wanted:
        return found
    for path in version.files():
        with version.lake.parquet(path) as file:
            place = {file.schema.column(i).path: i for i in range(len(file.schema))}
            for group in range(file.metadata.num_row_groups):
                may = [name for name in keys if _may_hold(file.metadata.row_group(group).column(place[name]).statistics, wanted)]
                if not may:
                    continue
                held = file.read_row_group(group, may)
                mine = np.logical_or.reduce([np.asarray(pc.is_in(held[name], value_set=pa.array(wanted))) for name in may])
                if mine.any():
                    found += file.read_row_group(group, list(columns) if columns else None).filter(pa.array(mine)).to_pylist()
    return found


def _may_hold(statistics: Any, wanted: Sequence[str]) -> bool:
    """Whether one of some ids, ascending, may be in a column chunk."""
    if statistics is None or not statistics.has_min_max:
        return True
    at = bisect_left(wanted, statistics.min)
    return at < len(wanted) and bool(wanted[at] <= statistics.max)


def _thresholds(lake: Lake, duplicates: Version, losers: Collection[str]) -> dict[str, dict[str, Any]]:
    """op and threshold that each loser was judged by."""
    rejects = lake.version(REJECTS, duplicates.fingerprint)
    return {row["sample_id"]: {"op": row["op"], "threshold": row["threshold"]}
            for row in rows_of(rejects, ("sample_id",), losers, ("sample_id", "stage", "op", "threshold")) if row["stage"] == "dedup"}


def _verdict(clip_id: str, losers: list[dict[str, Any]]) -> str:
    mine = next((row for row in losers if row["loser_id"] == clip_id), None)
    if mine is None:
        return f"{clip_id} stays; {sum(row['keeper_id'] == clip_id for row in losers)} clips went for it"
    where = f" of release {mine['matched_in']}" if mine["matched_in"] else ""
    at = f", {mine['offset_s']:+.2f} s against it" if mine["offset_s"] is not None else ""
    return (f"{clip_id} went for {mine['keeper_id']}{where}: {mine['method']} {mine['score']:.4g}{at} "
            f"(evidence: {mine['evidence']})")


def _clips_of(lake: Lake, duplicates: Version) -> Version | None:
    parents: Mapping[str, str] = duplicates.manifest["parents"]
    name = next((fp for parent, fp in parents.items() if parent.startswith(f"{CLIPS.name}@")), None)
    return lake.version(CLIPS, name) if name else None


def _uris(clips: Version | None, ids: Collection[str]) -> dict[str, str]:
    """Where the sources of some clips came from."""
    parents: Mapping[str, str] = clips.manifest["parents"] if clips else {}
    name = next((fp for parent, fp in parents.items() if parent.startswith(f"{SOURCES.name}@")), None)
    sources = clips.lake.version(SOURCES, name) if clips and name else None
    return {row["source_id"]: row["uri"] for row in rows_of(sources, ("source_id",), ids, ("source_id", "uri"))}


def _facts(clips: Version | None, ids: Collection[str]) -> dict[str, dict[str, Any]]:
    """Facts of some clips."""
    return {row["clip_id"]: {name: row[name] for name in SHOWN} | {"text": (row["text"] or "")[:WORDS] or None}
            for row in rows_of(clips, ("clip_id",), ids, (*SHOWN, "text"))}

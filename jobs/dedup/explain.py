"""Why a clip is gone, or what went for it: its cluster side by side."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from jobs.errors import Terminal
from jobs.lake import Lake, Version
from schemas import CLIPS, DUPLICATES, SOURCES

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
        losers: Rows of `duplicates` of the cluster, with the facts of the loser under `loser`.
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
    rows = duplicates.read()
    own = rows.filter(pc.or_(pc.equal(rows["loser_id"], clip_id), pc.equal(rows["keeper_id"], clip_id)))
    if not own.num_rows:
        facts = _facts(clips, {clip_id})
        if clip_id not in facts:
            raise Terminal(f"{lake.root}: dedup has seen no clip {clip_id!r}; ids are whole, as the tables print them")
        return Explanation(clip_id, f"{clip_id} resembles no other clip", None, (facts[clip_id],), ())
    cluster = own["cluster_id"][0].as_py()
    losers = rows.filter(pc.equal(rows["cluster_id"], cluster)).sort_by("loser_id").to_pylist()
    keepers = sorted({row["keeper_id"] for row in losers})
    facts = _facts(clips, {*keepers, *(row["loser_id"] for row in losers)})
    uris = _uris(clips, {f["source_id"] for f in facts.values()})
    facts = {clip: {"clip_id": clip, "uri": uris.get(f["source_id"]), **f} for clip, f in facts.items()}
    return Explanation(
        clip_id, _verdict(clip_id, losers), cluster, tuple(facts.get(k, {"clip_id": k}) for k in keepers),
        tuple(row | {"loser": facts.get(row["loser_id"], {"clip_id": row["loser_id"]})} for row in losers))


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


def _uris(clips: Version | None, ids: set[str]) -> dict[str, str]:
    """Where the sources of some clips came from."""
    parents: Mapping[str, str] = clips.manifest["parents"] if clips else {}
    name = next((fp for parent, fp in parents.items() if parent.startswith(f"{SOURCES.name}@")), None)
    sources = clips.lake.version(SOURCES, name) if clips and name else None
    if sources is None:
        return {}
    rows = sources.read(["source_id", "uri"])
    rows = rows.filter(pc.is_in(rows["source_id"], value_set=pa.array(sorted(ids), pa.string())))
    return dict(zip(rows["source_id"].to_pylist(), rows["uri"].to_pylist(), strict=True))


def _facts(clips: Version | None, ids: set[str]) -> dict[str, dict[str, Any]]:
    """Facts of some clips, found piece by piece so that no more than one piece is in memory."""
    found: dict[str, dict[str, Any]] = {}
    for piece in clips.slices() if clips else ():
        names = piece.read(["clip_id"])["clip_id"]
        rows = [i for i, name in enumerate(names.to_pylist()) if name in ids]
        if rows:
            for row in piece.read([*SHOWN, "text"]).take(rows).to_pylist():
                found[row["clip_id"]] = {name: row[name] for name in SHOWN} | {"text": (row["text"] or "")[:400] or None}
        if len(found) == len(ids):
            break
    return found

"""`reelmill explain ID`: the story of one source, clip or sample: what it is, why it was dropped, and whom it resembles.

A clip that has duplicates is shown beside them: what stays, what went for it, and by which proof; with `--html` also on a page
with their stored frames.
"""

import argparse
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from jobs.cli.common import as_stored, json_word, lake_of, nonempty, note, one_line, page_to_write, settings_words, show, table
from jobs.errors import Terminal
from jobs.lake import Lake, Version
from jobs.state import current
from schemas import SOURCES, TABLES
from schemas.reasons import REASONS

LOOKED_AT = {
    "sources": (("source_id", "rel_path", "uri"), ("source_id", "uri", "modality", "title", "caption", "licence", "error")),
    "clips": (("clip_id", "source_id"), ("clip_id", "source_id", "modality", "start_s", "end_s", "width", "height")),
    "rejects": (("sample_id", "source_id"), ("sample_id", "stage", "check", "value", "op", "threshold", "reason", "decisive", "detail")),
    "duplicates": (("loser_id", "keeper_id", "cluster_id"), ("loser_id", "keeper_id", "method", "score", "offset_s", "evidence")),
    "labels": (("clip_id",), ("clip_id", "labeler", "key", "score", "text")),
    "samples": (("sample_id", "source_id"), ("sample_id", "split", "caption", "cut", "similarity")),
    "prompts": (("prompt_id",), ("prompt_id", "text", "origin", "sample_ids")),
    "generations": (("generation_id", "prompt_id"), ("generation_id", "prompt_id", "shot", "attempt", "verdict", "model", "seed")),
    "publications": (("publication_id", "prompt_id"), ("publication_id", "title", "uri", "c2pa")),
}
"""Table -> (columns that may hold the id, columns that are shown)."""
SHOWN = 5
"""Keepers, and losers, of a cluster that are shown side by side."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Words of the command."""
    parser.add_argument("id", type=as_stored, metavar="ID", help="a source, clip, sample, prompt, generation or publication id, or a source by its path or address")
    parser.add_argument("--html", type=nonempty, metavar="FILE", help="also write a page with the stored frames, facts and words of its duplicates side by side")
    settings_words(parser)
    json_word(parser)


def main(args: argparse.Namespace) -> int:
    """Tell it."""
    lake, page = lake_of(args), page_to_write(args.html) if args.html else None
    found = story(lake, args.id)
    earlier = {} if found else earlier_story(lake, args.id)
    if not found and not earlier:
        raise Terminal(f"no table of this lake knows {args.id!r}; {_nearest(lake, args.id)}")
    if earlier:
        note(f"what stands now does not know {args.id!r}; this is of earlier versions")
        found = earlier
    clusters = clusters_of(lake, found)
    lines = [f"{name}: " + ", ".join(f"{k}={one_line(v)}" for k, v in (row | meaning(row)).items() if v is not None) for name, rows in found.items() for row in rows]
    for cluster in clusters:
        lines += ["", str(cluster["verdict"]), side_by_side(cluster["keepers"], cluster["losers"], {r["clip_id"] for r in found.get("clips", ())})]
    if page:
        lines += ["", str(write_page(lake, args.id, clusters, page))]
    show({**found, "clusters": clusters} if clusters else found, args.as_json, "\n".join(lines))
    return 0


def meaning(row: Mapping[str, Any]) -> dict[str, str]:
    """What the reason of a row of `rejects` says, in English and Chinese."""
    return {"reason": f"{row['reason']} ({'; '.join(REASONS[row['reason']])})"} if row.get("reason") in REASONS else {}


def clusters_of(lake: Lake, found: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """The duplicate clusters of the clips of a story, each once: cluster_id, verdict, keepers, losers."""
    from dataclasses import asdict

    from jobs.dedup.explain import explain

    named = {row[side] for row in found.get("duplicates", ()) for side in ("loser_id", "keeper_id")}
    clips = [row["clip_id"] for row in found.get("clips", ()) if row["clip_id"] in named]
    told = {e.cluster_id: asdict(e) for e in (explain(lake, clip_id) for clip_id in reversed(clips)) if e.cluster_id}
    return [told[cluster] for cluster in sorted(told)]


def write_page(lake: Lake, id_: str, clusters: Sequence[Mapping[str, Any]], out: Path) -> Path:
    """Write clusters as a page, what was asked for first in each, whole or not at all."""
    from jobs.dedup.explain import frames
    from quality.cluster import PAIRS, page

    ordered: list[Mapping[str, Any]] = [{**c, "losers": sorted(c["losers"], key=lambda row: id_ not in (row["loser_id"], row["loser"].get("source_id")))} for c in clusters]
    shown = {row[side] for c in ordered for row in c["losers"][:PAIRS] for side in ("loser_id", "keeper_id")}
    out.parent.mkdir(parents=True, exist_ok=True)
    passing = out.with_name(f"{out.name}.{os.getpid()}.tmp")
    passing.write_text(page(id_, ordered, frames(lake, shown)), encoding="utf-8", errors="replace")
    os.replace(passing, out)
    return out


def side_by_side(keepers: Sequence[Mapping[str, Any]], losers: Sequence[Mapping[str, Any]], asked: Collection[str] = ()) -> str:
    """Keepers and losers as columns, the clip that was asked for first of its kind, their facts as rows; facts that nobody has are left
    out, and so is all beyond `SHOWN`, with its number."""
    losers = sorted(losers, key=lambda x: x["loser_id"] not in asked)
    kept = sorted(keepers, key=lambda k: k["clip_id"] not in {*asked, *(x["keeper_id"] for x in losers if x["loser_id"] in asked)})[:SHOWN]
    columns = [("stays", k) for k in kept] + [(f"went: {x['method']} {x['score']:.3g}", x["loser"]) for x in losers[:SHOWN]]
    names = dict.fromkeys(n for _, facts in columns for n in facts if facts[n] is not None)
    rows = [(n, *(_short(facts.get(n), end=n == "uri") for _, facts in columns)) for n in names]
    more = len(keepers) + len(losers) - len(columns)
    return table(rows, ("", *(head for head, _ in columns))) + (f"\n… and {more:,} more clips of this cluster (all of them with --json)" if more else "")


def _short(value: object, *, end: bool = False) -> str:
    text = "" if value is None else f"{value:.6g}" if isinstance(value, float) else " ".join(str(value).split())
    return text if len(text) <= 40 else "…" + text[-39:] if end else text[:39] + "…"


def story(lake: Lake, id_: str) -> dict[str, list[dict[str, Any]]]:
    """Rows that name an id, or what came of a source or is in the cluster of a clip of that id, by table."""
    return _told([(name, version) for name, _, version in current(lake)], id_)


def earlier_story(lake: Lake, id_: str) -> dict[str, list[dict[str, Any]]]:
    """Likewise of every version that ever stood, of each table the last one that knows it: `generate` makes a version of a video's tables
    each time, and a file may be gone from the folder by now."""
    from jobs.fuse.erase import versions

    every = ((table.name, v) for table in TABLES for v in sorted(versions(lake, table), key=lambda v: str(v.manifest.get("finished")), reverse=True))
    return _told(((name, v) for name, v in every if v.whole()), id_, once=True)


def _told(tables: Iterable[tuple[str, Version]], id_: str, *, once: bool = False) -> dict[str, list[dict[str, Any]]]:
    from jobs.dedup.explain import rows_of

    found: dict[str, list[dict[str, Any]]] = {}
    ids = {id_, os.path.realpath(id_)} if id_ and "://" not in id_ else {id_}
    for name, version in tables:
        if name not in LOOKED_AT or (once and name in found):
            continue
        keys, shown = LOOKED_AT[name]
        hits = (rows_of(version, (key,), ids, shown) for key in keys)
        if hit := next((rows for rows in hits if rows), None):
            found.setdefault(name, []).extend({column: row.get(column) for column in shown} for row in hit)
            if name in ("sources", "clips"):
                ids |= {row["source_id" if name == "sources" else "clip_id"] for row in hit}
    return found


def _nearest(lake: Lake, name: str) -> str:
    """What to ask instead: paths of sources that end with the name; or that it was taken down."""
    from jobs.fuse.tombstones import buried

    if any(name and name in (stone["source_id"], stone["uri"]) for stone in buried(lake)):
        return "it was taken down and erased"
    version = next((v for table, _, v in current(lake) if table == SOURCES.name), None)
    paths = version.read(["rel_path"])["rel_path"] if version and name else pa.chunked_array([], pa.string())
    ends = paths.filter(pc.ends_with(paths, f"/{name.split('/')[-1]}")).slice(0, SHOWN).to_pylist()
    if ends:
        return f"below the source folder there is {', '.join(map(repr, sorted(ends)))}"
    return "give a whole id, as the tables print it, or a path below the source folder"

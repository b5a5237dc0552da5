"""`reelmill explain ID`: the story of one source, clip or sample: what it is, why it was dropped, and whom it resembles."""

import argparse
from typing import Any

import pyarrow.compute as pc

from jobs.cli.common import json_word, lake_of, settings_words, show
from jobs.errors import Terminal
from jobs.lake import Lake
from jobs.state import current

LOOKED_AT = {
    "sources": (("source_id",), ("source_id", "uri", "modality", "title", "caption", "licence", "error")),
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


def arguments(parser: argparse.ArgumentParser) -> None:
    """Words of the command."""
    parser.add_argument("id", metavar="ID", help="a source, clip, sample, prompt, generation or publication id")
    settings_words(parser)
    json_word(parser)


def main(args: argparse.Namespace) -> int:
    """Tell it."""
    found = story(lake_of(args), args.id)
    if not found:
        raise Terminal(f"no table of this lake knows the id {args.id!r}; ids are whole, as the tables print them")
    lines = [f"{table}: " + ", ".join(f"{k}={v}" for k, v in row.items() if v is not None) for table, rows in found.items() for row in rows]
    show(found, args.as_json, "\n".join(lines))
    return 0


def story(lake: Lake, id_: str) -> dict[str, list[dict[str, Any]]]:
    """Rows that name an id or one of the clips of its duplicate cluster, by table."""
    found: dict[str, list[dict[str, Any]]] = {}
    ids = {id_}
    for table, _, version in current(lake):
        if table not in LOOKED_AT:
            continue
        keys, shown = LOOKED_AT[table]
        rows = version.read(sorted({*keys, *shown}))
        hit = rows.slice(0, 0)
        for key in keys:
            hit = rows.filter(pc.is_in(rows[key], value_set=pc.cast(list(ids), rows[key].type))) if not hit.num_rows else hit
        if hit.num_rows:
            found.setdefault(table, []).extend(hit.select(list(shown)).to_pylist())
        if table == "clips":
            ids |= set(hit["clip_id"].to_pylist())
    return found

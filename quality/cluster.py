"""A page of duplicate clusters for a person to judge: every loser beside its keeper, with their stored frames, facts and words.

One file that opens offline, asks for nothing and runs no script. Everything that came from media or manifests is escaped, pictures
are embedded as checked JPEGs, and a content security policy forbids whatever else a value could try.
"""

import re
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path
from typing import Any

from markupsafe import Markup

from quality.exhibits import jpeg

PAIRS, FRAMES = 40, 6
"""Losers of a cluster and frames of a clip that are shown."""
WORDS = ("title", "caption", "text")
"""Facts that are compared word by word."""
PIECE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|\w+|\s+|.", re.DOTALL)

Side = list[tuple[str, bool]]
"""Pieces of a text and whether the other side lacks them."""


def page(title: str, clusters: Sequence[Mapping[str, Any]], frames: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """The page.

    Args:
        title: What was asked for.
        clusters: As `jobs.dedup.explain.Explanation` tells them: cluster_id, verdict, keepers, losers.
        frames: Stored frames (t_s, jpeg) of the clips by id.
    """
    css = Markup((Path(__file__).parent / "report.css").read_text(encoding="utf-8"))
    return str(_template().render(title=title, css=css, clusters=[
        {"cluster_id": c["cluster_id"], "verdict": c["verdict"], "more": max(0, len(c["losers"]) - PAIRS),
         "pairs": [_pair(loser, c["keepers"], frames) for loser in c["losers"][:PAIRS]]} for c in clusters]))


@cache
def _template() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    pages = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return pages.get_template("cluster.html")


def _pair(row: Mapping[str, Any], keepers: Sequence[Mapping[str, Any]], frames: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    kept = next((k for k in keepers if k["clip_id"] == row["keeper_id"]), {"clip_id": row["keeper_id"]})
    sides = row["loser"], kept
    names = dict.fromkeys(n for side in sides for n in side if side[n] is not None)
    return {
        **{name: row.get(name) for name in ("method", "score", "threshold", "op", "offset_s", "matched_in")},
        "chain": _chain(row["evidence"] or ""), "frames": [_strip(frames.get(side["clip_id"], ())) for side in sides],
        "rows": [_row(name, *(side.get(name) for side in sides)) for name in names],
    }


def _strip(frames: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """At most FRAMES of them, evenly."""
    count = min(FRAMES, len(frames))
    chosen = [frames[round(i * (len(frames) - 1) / max(1, count - 1))] for i in range(count)]
    return [{"t_s": f["t_s"], "picture": uri} for f in chosen if (uri := jpeg(f["jpeg"]))]


def _chain(evidence: str) -> list[dict[str, str]]:
    """`a -method score- b`: clips and what ties them."""
    steps = re.split(r" -(\w+ [\d.e+-]+)- ", evidence)
    return [{"clip": step, "method": ""} if i % 2 == 0 else {"clip": "", "method": step} for i, step in enumerate(steps)]


def _row(name: str, one: object, two: object) -> dict[str, Any]:
    sides = [(_said(one), False)], [(_said(two), False)]
    if name in WORDS and one and two:
        sides = _compared(str(one), str(two))
    return {"name": name, "sides": sides, "differs": name not in ("clip_id", "source_id", "uri", *WORDS) and one != two}


def _said(value: object) -> str:
    return "–" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def _compared(one: str, two: str) -> tuple[Side, Side]:
    a, b = PIECE.findall(one), PIECE.findall(two)
    left: Side = []
    right: Side = []
    for kind, i, j, k, m in SequenceMatcher(None, [p.casefold() for p in a], [p.casefold() for p in b], autojunk=False).get_opcodes():
        left += [("".join(a[i:j]), kind != "equal")] if j > i else []
        right += [("".join(b[k:m]), kind != "equal")] if m > k else []
    return left, right

"""`reelmill calibrate`: thresholds from a person's keep/drop marks, or from a wished yield."""

import argparse
import csv
import io
import json
import math
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.cli.common import json_word, lake_of, nonempty, settings_of, settings_words, show, table
from jobs.collect import tables
from jobs.errors import Terminal
from jobs.state import judged_by, table_version

if TYPE_CHECKING:
    from jobs.clean.calibrate import Proposal, Rate

WORDS = {
    "keep": True,
    "kept": True,
    "1": True,
    "true": True,
    "yes": True,
    "drop": False,
    "dropped": False,
    "0": False,
    "false": False,
    "no": False,
}

CELL_CHARS = 1 << 17
"""Longest cell of a table of marks."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Words of the command."""
    parser.add_argument("--table", default="clips", choices=("clips",))
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--labels", type=nonempty, metavar="FILE", help="CSV, JSONL or a JSON list with clip_id and mark: keep or drop")
    how.add_argument("--quantile", type=float, metavar="YIELD", help="share of clips that each limit alone should keep")
    parser.add_argument("--min-precision", type=float, default=0.9, help="least share of rightly dropped clips (default 0.9)")
    settings_words(parser)
    json_word(parser)


def main(args: argparse.Namespace) -> int:
    """Print a proposal for every limit, beside what the lake was judged by or, where these are given, the thresholds of the words."""
    from jobs.clean.calibrate import calibrate, overrides, quantiles

    lake, policy = lake_of(args), settings_of(args).recipe.policy
    given = bool(policy.model_fields_set)
    clips, policy = table_version(lake, "clips"), policy if given else judged_by(lake)
    try:
        found = (
            quantiles(clips, args.quantile, policy)
            if args.labels is None
            else calibrate(clips, read_marks(Path(args.labels)), policy, min_precision=args.min_precision)
        )
    except ValueError as error:
        raise Terminal(str(error)) from None
    facts = [_facts(p) for p in found]
    head = ("policy.filters", "measured", "op", "as given" if given else "in force", "proposed", "precision", "recall", "dropped")
    proposed, base = overrides(found), policy.model_dump(mode="json", exclude_defaults=True)
    ways = "".join(f" \\\n  --set policy.filters.{name}.{field}={json.dumps(value)}" for name, fields in proposed.items() for field, value in fields.items())
    under = _given(args) + (f" --set {shlex.quote(json.dumps({'policy': base}, ensure_ascii=False))}" if base and not given else "")
    filters = policy.filters | {name: policy.filters.get(name, {}) | fields for name, fields in proposed.items()}
    few = sum(p.proposed is None and p.dropped.of < 1 / max(1 - args.quantile, 1e-9) for p in found) if args.labels is None and args.quantile < 1 else 0
    told = (f"\n\nof {few} limits there are too few clips to tell {args.quantile:g} by: {math.ceil(1 / (1 - args.quantile) - 1e-9)} are needed" if few else "") if args.labels is None else "\n\nprecision and recall on these marks; others will do a little worse, mark some to see"
    text = table([_row(p) for p in found], head) + told + (f"\n\nto see what they would do, all or some:\n  reelmill whatif --lake {shlex.quote(lake.root)}{under}{ways}" if ways else "")
    show({"proposals": facts, "settings": {"policy": base | {"filters": filters}}}, args.as_json, text)
    return 0


def _given(args: argparse.Namespace) -> str:
    """The settings that were given here: limits are proposed under these."""
    words = [*(["--settings", args.settings] if args.settings else []), *(word for value in args.sets for word in ("--set", value))]
    return "".join(f" {shlex.quote(word)}" for word in words)


def read_marks(path: Path) -> Mapping[str, bool]:
    """Clip id -> whether a person would keep it.

    Raises:
        Terminal: the file cannot be read, or a mark is neither keep nor drop; names the line.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Terminal(f"{path}: cannot be read ({error}); give a CSV, JSONL or JSON list with clip_id and mark") from None
    if (text := tables.decode(data)) is None:
        raise Terminal(f"{path}: cannot be read as text (neither UTF-8, UTF-16 nor GB18030); give a CSV, JSONL or JSON list with clip_id and mark")
    marks: dict[str, bool] = {}
    for place, given in _rows(path, text):
        row = {tables.column(name): value for name, value in given.items() if name is not None}
        word = str(row.get("mark", row.get("keep", row.get("label", "")))).strip().lower()
        clip = row.get("clip_id")
        clip = clip.strip() if isinstance(clip, str) else clip
        if not isinstance(clip, str) or not clip or word not in WORDS:
            raise Terminal(f"{path}, {place}: wants clip_id and a mark keep or drop, has {dict(row)!r:.120}")
        if marks.setdefault(clip, WORDS[word]) != WORDS[word]:
            raise Terminal(f"{path}, {place}: clip {clip} is marked keep and drop; leave one of both")
    return marks


def _rows(path: Path, text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Rows of CSV, of JSONL or of a JSON list, each with its place in the file."""
    if not text.lstrip().startswith(("{", "[")):
        names = text.partition("\n")[0]
        csv.field_size_limit(CELL_CHARS)  # one of the process, which others set as well
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",\t;", key=names.count))
        try:
            yield from ((f"line {reader.line_num}", row) for row in reader)
        except csv.Error as error:
            raise Terminal(f"{path}, line {reader.line_num + 1}: {error}; give a CSV with clip_id and mark") from None
        return
    whole = text.lstrip().startswith("[")
    for number, line in enumerate([text] if whole else text.splitlines(), 1):
        try:
            made = json.loads(line) if line.strip() else []
        except json.JSONDecodeError as error:
            raise Terminal(f"{path}, line {number + error.lineno - 1}: {error.msg} at column {error.colno}") from None
        except (RecursionError, ValueError):  # nested without end, or a number of thousands of digits
            raise Terminal(f"{path}, line {number}: no marks but JSON of another kind; wants objects with clip_id and mark") from None
        for place, row in enumerate(made if isinstance(made, list) else [made], 1):
            where = f"entry {place}" if whole else f"line {number}"
            if not isinstance(row, dict):
                raise Terminal(f"{path}, {where}: wants an object with clip_id and mark, has {row!r:.120}")
            yield where, row


def _facts(proposal: "Proposal") -> dict[str, object]:
    rates = {"precision": proposal.precision, "recall": proposal.recall, "dropped": proposal.dropped}
    return {
        "check": proposal.check,
        "field": proposal.field,
        "measured": proposal.measured,
        "op": proposal.op,
        "current": proposal.current,
        "proposed": proposal.proposed,
        **{n: None if r is None else {"value": r.value, "interval": r.interval} for n, r in rates.items()},
    }


def _row(proposal: "Proposal") -> tuple[str, ...]:
    def rate(r: "Rate | None") -> str:
        if r is None or r.value is None:
            return ""
        low, high = r.interval
        return f"{r.value:.2f} ({low:.2f}-{high:.2f})"

    def number(value: float | None) -> str:
        return "" if value is None else f"{value:.4g}"

    return (
        f"{proposal.check}.{proposal.field}",
        proposal.measured,
        proposal.op,
        number(proposal.current),
        number(proposal.proposed),
        rate(proposal.precision),
        rate(proposal.recall),
        rate(proposal.dropped),
    )

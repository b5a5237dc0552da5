"""`reelmill list`: the current version of every table; with --jobs or --settings-names, what there is to run and to set."""

import argparse
import json

from jobs.cli.common import json_word, lake_of, settings_of, settings_words, show, table
from jobs.job import ORDER, job
from jobs.state import current


def arguments(parser: argparse.ArgumentParser) -> None:
    """Words of the command."""
    parser.add_argument("--jobs", action="store_true", help="list the jobs with what they read and write")
    parser.add_argument("--settings-names", "--all-settings", action="store_true", dest="names", help="list every setting and its value, the thresholds of the filters among them")
    settings_words(parser)
    json_word(parser)


def main(args: argparse.Namespace) -> int:
    """Print the list."""
    if args.jobs:
        rows = [(n, " ".join(t.name for t in job(n).reads), " ".join(t.name for t in job(n).writes), job(n).code) for n in ORDER]
        facts = [{"job": n, "reads": r.split(), "writes": w.split(), "code": c} for n, r, w, c in rows]
        show({"jobs": facts}, args.as_json, table(rows, ("job", "reads", "writes", "code")))
        return 0
    if args.names:
        from jobs.clean.policy import thresholds

        settings = settings_of(args)
        names = _leaves(settings.model_dump(mode="json"))
        of_filters = {f"recipe.policy.filters.{name}": value for name, value in thresholds(settings.recipe.policy).items()}
        names = {n: v for name, value in names.items() for n, v in
                 (of_filters if name.startswith("recipe.policy.filters") else {name: value}).items()}
        show(names, args.as_json, table([(n, json.dumps(v, ensure_ascii=False)) for n, v in names.items()], ("setting", "value")))
        return 0
    found = [
        {"table": name, "version": v.fingerprint, "path": v.path, "rows": v.rows, "job": by.job, "stale": by.stale}
        for name, by, v in current(lake_of(args))
    ]
    show(
        {"tables": found},
        args.as_json,
        table(
            [(f["table"], f["version"], f["rows"], f["job"], "stale" if f["stale"] else "", f["path"]) for f in found],
            ("table", "version", "rows", "made by", "", "path"),
        ),
    )
    return 0


def _leaves(tree: dict[str, object], prefix: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in tree.items():
        found |= _leaves(value, f"{prefix}{name}.") if isinstance(value, dict) and value else {prefix + name: value}
    return found

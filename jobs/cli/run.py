"""`reelmill run JOB`: one job, or the jobs of one stage; what the DAGs call, and the same by hand."""

import argparse
from typing import Any

from jobs.cli.build import line
from jobs.cli.common import json_word, note, settings_of, settings_words, show
from jobs.errors import Terminal
from jobs.job import ORDER, STAGES
from jobs.lake import Lake
from jobs.run import Outcome, execute
from schemas.settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    """Words of the command."""
    parser.add_argument("job", metavar="JOB", help=f"one of {', '.join(ORDER)}, or the stage {', '.join(STAGES)}")
    parser.add_argument("--only", metavar="LABELER", help="label: run these labelers alone (comma-separated)")
    parser.add_argument("--source", action="append", metavar="SOURCE", help="collect: a folder or file (repeatable)")
    settings_words(parser)
    json_word(parser)


def main(args: argparse.Namespace) -> int:
    """Run it."""
    if args.job not in ORDER and args.job not in STAGES:
        raise Terminal(f"there is no job {args.job!r}; the jobs are {', '.join(ORDER)}")
    if args.only is not None and args.job != "label":
        raise Terminal(f"--only belongs to `reelmill run label`, not to {args.job!r}")
    if args.source and args.job != "collect":
        raise Terminal(f"--source belongs to `reelmill run collect`; {args.job!r} reads what was collected")
    only = None if args.only is None else [name for part in args.only.split(",") if (name := part.strip())]
    if only == []:
        raise Terminal("--only names no labeler; leave it out to run all whose models are at hand")
    settings = settings_of(args, runtime__sources=args.source, label__labelers=only)
    facts = []
    for name in STAGES.get(args.job, (args.job,)):
        outcome, release = _run(name, settings)
        if not args.as_json:
            note(line(outcome))
        facts.append(
            {
                "job": name,
                "fingerprint": outcome.fingerprint,
                "stood": outcome.stood,
                "in": outcome.seen,
                "kept": outcome.kept,
                "rejected": dict(outcome.rejected),
                **release,
            }
        )
    if args.as_json:
        show(facts if len(facts) > 1 else facts[0], True, "")
    return 0


def _run(name: str, settings: Settings) -> tuple[Outcome, dict[str, Any]]:
    """Run one job; of fuse also what it released, while no other command can make other samples."""
    if name != "fuse":
        return execute(name, settings), {}
    from jobs.state import release_of

    with Lake(settings.runtime.lake).lock("`reelmill run fuse`"):
        return execute(name, settings), {"release": release_of(settings)}

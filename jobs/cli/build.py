"""`reelmill build SOURCE…`: every job of the corpus in order, a gate after each table, and the release."""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from jobs.cli.common import json_word, note, settings_of, settings_words, show
from jobs.job import CORPUS
from jobs.label.labeler import cast
from jobs.lake import Lake
from jobs.run import Outcome, execute
from jobs.state import checked, funnel_lines, release_of
from schemas.settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    """Words of the command."""
    parser.add_argument("sources", nargs="+", metavar="SOURCE", help="folders or files, mixed modalities")
    settings_words(parser)
    json_word(parser)


def main(args: argparse.Namespace) -> int:
    """Build and print the funnel."""
    settings = settings_of(args, runtime__sources=args.sources)
    facts = build(settings, quiet=args.as_json)
    from quality.funnel import table as funnel_text

    show(
        facts,
        args.as_json,
        f"{funnel_text(funnel_lines(Lake(settings.runtime.lake)))}\n\n"
        f"release  {facts['release']['name']}\n         {facts['release']['path']}",
    )
    return 0


def build(settings: Settings, *, quiet: bool = False) -> dict[str, Any]:
    """Run the corpus jobs and gates; the facts that `--json` prints. Models are looked for before anything is decoded."""
    cast(settings.recipe.label)
    execute_check = []
    with Lake(settings.runtime.lake).lock("`reelmill build`"):
        for name in CORPUS:
            outcome = execute(name, settings)
            if not quiet:
                note(line(outcome))
            verdicts = checked(settings, name)
            if not quiet:
                for words in gate_lines(verdicts):
                    note(words)
            execute_check += verdicts
        release = release_of(settings)
    lake = Lake(settings.runtime.lake)
    return {"lake": lake.url(), "release": release, "gates": execute_check, "stages": [vars_of(s) for s in funnel_lines(lake)]}


def line(outcome: Outcome) -> str:
    """One line about a job."""
    if outcome.stood:
        return f"{outcome.job:<9} stands already ({outcome.fingerprint}): nothing was done"
    gone = ", ".join(f"{n} {r}" for r, n in outcome.rejected.items())
    return f"{outcome.job:<9} {outcome.seen} in, {outcome.kept} kept" + (f"; rejected: {gone}" if gone else "")


def gate_lines(verdicts: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the gates behind a job said: the tables that passed, and a line for each warning."""
    passed = ", ".join(f"{v['table']} ({v['rows']} rows, {v['checks']} checks)" for v in verdicts)
    return ([f"{'gate':<9} passed: {passed}"] if verdicts else []) + [f"  warning: {v['table']}: {w}" for v in verdicts for w in v["warnings"]]


def vars_of(stage: Any) -> dict[str, Any]:
    """A stage of the funnel as JSON."""
    return {"stage": stage.stage, "in": stage.seen, "kept": stage.kept, "rejected": dict(stage.rejected)}

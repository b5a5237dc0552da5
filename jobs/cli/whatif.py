"""`reelmill whatif --set policy…`: the funnel of `judge` under other thresholds, from stored numbers; nothing is decoded."""

import argparse

from jobs.cli.common import json_word, lake_of, note, settings_of, settings_words, show, table
from jobs.state import judged_by, table_version
from schemas.loading import load


def arguments(parser: argparse.ArgumentParser) -> None:
    """Words of the command."""
    settings_words(parser)
    json_word(parser)


def main(args: argparse.Namespace) -> int:
    """Compare the policy in force with the one that the words give."""
    from jobs.clean.whatif import whatif

    if uncounted := others(args):
        note(f"whatif counts the checks of `policy` alone; {', '.join(uncounted)} would show in a build")
    lake = lake_of(args)
    clips = table_version(lake, "clips")
    now = whatif(clips, judged_by(lake))
    then = whatif(clips, settings_of(args).recipe.policy)
    reasons = sorted(set(now.rejected) | set(then.rejected), key=lambda r: -then.rejected.get(r, 0))
    rows = [
        ("clips", now.seen, then.seen),
        ("kept", now.kept, then.kept),
        *((r, now.rejected.get(r, 0), then.rejected.get(r, 0)) for r in reasons),
    ]
    facts = {
        "in": then.seen,
        "one_in": then.every,
        "kept": then.kept,
        "rejected": dict(then.rejected),
        "kept_before": now.kept,
        "rejected_before": dict(now.rejected),
        "checks": {"failed": dict(then.failed), "alone": dict(then.alone), "warned": dict(then.warned)},
    }
    about = f"one clip in {then.every} was judged; counts are multiplied, so they are about right\n\n" if then.every > 1 else ""
    show(facts, args.as_json, about + table(rows, ("", "in force", "what if")))
    return 0


def others(args: argparse.Namespace) -> list[str]:
    """Sections of the recipe that the words change and no check of the policy reads."""
    asked, without = load(args.sets, args.settings).recipe, load((), args.settings).recipe
    return [name for name in type(asked).model_fields if name != "policy" and getattr(asked, name) != getattr(without, name)]

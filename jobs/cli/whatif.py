"""`reelmill whatif --set policy…`: the funnel of `judge` under other thresholds, from stored numbers; nothing is decoded."""

import argparse

from jobs.cli.common import json_word, lake_of, settings_of, settings_words, show, table
from jobs.state import made, table_version


def arguments(parser: argparse.ArgumentParser) -> None:
    """Words of the command."""
    parser.add_argument("--ids", action="store_true", help="name the clips that would change sides")
    settings_words(parser)
    json_word(parser)


def main(args: argparse.Namespace) -> int:
    """Compare the policy in force with the one that the words give."""
    from jobs.clean.whatif import whatif

    lake = lake_of(args)
    clips = table_version(lake, "clips")
    standing = made(lake).get("judge")
    before = standing.manifest["recipe"]["policy"] if standing else {}
    answer = whatif(clips, settings_of(args).recipe.policy, before)
    facts = {"in": answer.seen, "kept": answer.kept, "rejected": dict(answer.rejected),
             "kept_before": answer.kept_before, "rejected_before": dict(answer.rejected_before),
             "gained": list(answer.gained), "lost": list(answer.lost)}
    reasons = sorted(set(answer.rejected) | set(answer.rejected_before))
    rows = [(r, answer.rejected_before.get(r, 0), answer.rejected.get(r, 0)) for r in reasons]
    text = table([("kept", answer.kept_before, answer.kept), *rows], ("", "in force", "what if"))
    text += f"\n\n{len(answer.gained)} clips would come in, {len(answer.lost)} would go"
    if args.ids:
        text += "".join(f"\n+ {i}" for i in answer.gained) + "".join(f"\n- {i}" for i in answer.lost)
    show(facts, args.as_json, text)
    return 0

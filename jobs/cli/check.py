"""`reelmill check TABLE…`: the gates of the current versions of tables."""

import argparse

from jobs.cli.common import json_word, lake_of, settings_words, show
from jobs.job import CORPUS, ORDER, VIDEOS
from jobs.state import gate, table_version


def arguments(parser: argparse.ArgumentParser) -> None:
    """Words of the command."""
    parser.add_argument("tables", nargs="+", metavar="TABLE")
    parser.add_argument("--of", choices=ORDER, metavar="JOB", help="the version that this job made last, for rejects")
    parser.add_argument("--chain", choices=("corpus", "videos"), help="for rejects: of the corpus or of the videos")
    settings_words(parser)
    json_word(parser)


def main(args: argparse.Namespace) -> int:
    """Check them in turn; a closed gate is a terminal error."""
    lake = lake_of(args)
    chain = {"corpus": CORPUS, "videos": VIDEOS, None: CORPUS + VIDEOS}[args.chain]
    chain = (args.of,) if args.of else chain
    verdicts = [gate(table_version(lake, name, chain)) for name in args.tables]
    lines = [line for v in verdicts for line in (*(f"  warning: {w}" for w in v["warnings"]), v["line"])]
    show(verdicts[0] if len(verdicts) == 1 else verdicts, args.as_json, "\n".join(lines))
    return 0

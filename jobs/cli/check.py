"""`reelmill check TABLE`: the gate of the current version of a table."""

import argparse

from jobs.cli.common import json_word, lake_of, settings_words, show
from jobs.job import CORPUS, VIDEOS
from jobs.state import gate, table_version


def arguments(parser: argparse.ArgumentParser) -> None:
    """Words of the command."""
    parser.add_argument("table", metavar="TABLE")
    parser.add_argument("--chain", choices=("corpus", "videos"), help="for rejects: of the corpus or of the videos")
    settings_words(parser)
    json_word(parser)


def main(args: argparse.Namespace) -> int:
    """Check it; a closed gate is a terminal error."""
    lake = lake_of(args)
    chain = {"corpus": CORPUS, "videos": VIDEOS, None: CORPUS + VIDEOS}[args.chain]
    version = table_version(lake, args.table, chain)
    verdict = gate(version)
    show(verdict, args.as_json, "\n  warning: ".join([verdict["line"], *verdict["warnings"]]))
    return 0

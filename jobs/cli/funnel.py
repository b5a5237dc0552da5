"""`reelmill funnel`: stages with what came in, what was kept, and why the rest was dropped."""

import argparse

from jobs.cli.build import vars_of
from jobs.cli.common import json_word, lake_of, settings_words, show
from jobs.state import funnel_lines


def arguments(parser: argparse.ArgumentParser) -> None:
    """Words of the command."""
    settings_words(parser)
    json_word(parser)


def main(args: argparse.Namespace) -> int:
    """Print the funnel."""
    from quality.funnel import table as funnel_text

    lines = funnel_lines(lake_of(args))
    show({"stages": [vars_of(s) for s in lines]}, args.as_json, funnel_text(lines))
    return 0

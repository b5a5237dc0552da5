"""`reelmill report`: the quality page of a lake as one file that opens offline."""

import argparse
from pathlib import Path

from jobs.cli.common import json_word, lake_of, settings_words, show


def arguments(parser: argparse.ArgumentParser) -> None:
    """Words of the command."""
    parser.add_argument("--out", default="report.html", metavar="FILE", help="page to write (default ./report.html)")
    settings_words(parser)
    json_word(parser)


def main(args: argparse.Namespace) -> int:
    """Write the page."""
    from quality.export import write_report

    out = Path(args.out).absolute()
    write_report(lake_of(args), out)
    show({"report": str(out), "bytes": out.stat().st_size}, args.as_json, str(out))
    return 0

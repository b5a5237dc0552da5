"""`reelmill takedown SOURCE`: removes a source from the release, and lists the videos whose prompts came from it."""

import argparse

from jobs.cli.common import as_stored, facts_text, json_word, lake_of, settings_words, show


def arguments(parser: argparse.ArgumentParser) -> None:
    """Words of the command."""
    parser.add_argument("source", type=as_stored, metavar="SOURCE", help="source id, address, path, or path below the source folder")
    parser.add_argument("--reason", default="", help="kept with the tombstone")
    parser.add_argument("--erase", action="store_true", help="also empty, in all tables, what a person may be recognised by, and remove the touched shards of all earlier releases")
    settings_words(parser)
    json_word(parser)


def main(args: argparse.Namespace) -> int:
    """Take it down."""
    from jobs.fuse.takedown import takedown

    lake = lake_of(args)
    with lake.lock("`reelmill takedown`"):
        facts = takedown(lake, args.source, args.reason, erase=args.erase)
    show(facts, args.as_json, facts_text(facts))
    return 0

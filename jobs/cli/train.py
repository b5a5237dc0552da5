"""`reelmill train clip|t2v`: trains an embedded model, from a release or from the rendered world."""

import argparse
from pathlib import Path

from jobs.cli.common import json_word, settings_of, settings_words, show


def arguments(parser: argparse.ArgumentParser) -> None:
    """Words of the command."""
    parser.add_argument("kind", choices=("clip", "t2v"))
    parser.add_argument("--release", metavar="DIR", help="release to read; none: scenes are rendered as they are needed")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder of the model, its checkpoints and its card")
    parser.add_argument("--steps", type=int, help="optimiser steps (default: the recipe of the shipped model)")
    parser.add_argument("--seconds", type=float, help="stop after so many CPU seconds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fresh", action="store_true", help="do not continue from a checkpoint in --out")
    settings_words(parser)
    json_word(parser)


def main(args: argparse.Namespace) -> int:
    """Train and print the card."""
    from jobs.train.run import train

    settings_of(args)
    release = Path(args.release) if args.release else None
    folder = train(
        args.kind, out=Path(args.out), release=release, seconds=args.seconds, steps=args.steps, seed=args.seed, resume=not args.fresh
    )
    show({"model": str(folder)}, args.as_json, f"{folder}\n{(folder / 'card.json').read_text(encoding='utf-8')}")
    return 0

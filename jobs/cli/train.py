"""`reelmill train clip|t2v`: trains an embedded model, from a release or from the rendered world."""

import argparse
from pathlib import Path

from jobs.cli.common import json_word, settings_of, settings_words, show
from jobs.errors import Terminal


def arguments(parser: argparse.ArgumentParser) -> None:
    """Words of the command."""
    parser.add_argument("kind", choices=("clip", "t2v"))
    parser.add_argument(
        "--release", metavar="R", help="name of a release in the lake, or its folder; none: scenes are rendered as they are needed"
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="folder of the model, its checkpoints and its card")
    parser.add_argument("--steps", type=int, help="optimiser steps (default: the recipe of the shipped model)")
    parser.add_argument("--seconds", type=float, help="stop after so many seconds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--evaluate", type=int, default=200, metavar="N", help="scenes drawn per language for the card (default 200)")
    parser.add_argument(
        "--hold-out", type=int, metavar="N", help="keep one combination of attributes in N from the training and give figures for them"
    )
    parser.add_argument("--fresh", action="store_true", help="do not continue from a checkpoint in --out")
    settings_words(parser)
    json_word(parser)


def main(args: argparse.Namespace) -> int:
    """Train and print the card."""
    from jobs.train.run import one_in, train

    lake = settings_of(args).runtime.lake
    for name, value, least in (("steps", args.steps, 2), ("evaluate", args.evaluate, 2), ("hold-out", args.hold_out, 2)):
        if value is not None and value < least:
            raise Terminal(f"--{name} {value}: give {least} or more")
    folder = train(
        args.kind,
        out=Path(args.out),
        release=args.release,
        lake=lake,
        seconds=args.seconds,
        steps=args.steps,
        seed=args.seed,
        resume=not args.fresh,
        evaluate=args.evaluate,
        held_out=one_in(args.hold_out) if args.hold_out else None,
    )
    show({"model": str(folder)}, args.as_json, f"{folder}\n{(folder / 'card.json').read_text(encoding='utf-8')}")
    return 0

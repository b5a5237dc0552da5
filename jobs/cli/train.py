"""`reelmill train clip|t2v`: trains an embedded model, from a release or from the rendered world."""

import argparse
from pathlib import Path

from jobs.cli.common import json_word, nonempty, settings_of, settings_words, show
from jobs.errors import Terminal


def arguments(parser: argparse.ArgumentParser) -> None:
    """Words of the command."""
    parser.add_argument("kind", choices=("clip", "t2v"))
    parser.add_argument(
        "--release", type=nonempty, metavar="R", help="name of a release in the lake, or its folder; none: scenes are rendered as they are needed"
    )
    parser.add_argument("--out", type=nonempty, required=True, metavar="DIR", help="folder of the model, its checkpoints and its card")
    parser.add_argument("--steps", type=int, help="optimiser steps (default: the recipe of the shipped model)")
    parser.add_argument("--seconds", type=float, help="stop learning after so many seconds; what is learnt from is read or painted first, the whole sample world in minutes")
    parser.add_argument("--batch", type=int, help="clips or pictures of one step (default: what suits the device)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--base", type=nonempty, metavar="DIR", help="go on from this model of the same kind")
    parser.add_argument("--only", choices=("decoder",), default="", help="t2v: of the model in --base only this is trained, all else stays")
    parser.add_argument("--measure-only", action="store_true", help="train nothing; measure the model in --out again and renew its card")
    parser.add_argument("--evaluate", type=int, default=200, metavar="N", help="scenes drawn per language for the card (default 200)")
    parser.add_argument(
        "--hold-out", type=int, metavar="N", help="keep one combination of attributes in N from the training and give figures for them"
    )
    parser.add_argument("--fresh", action="store_true", help="do not continue from a checkpoint in --out")
    settings_words(parser)
    json_word(parser)


def main(args: argparse.Namespace) -> int:
    """Train and print the card."""
    from jobs.train import run

    settings = settings_of(args)
    least = {"steps": 3, "batch": 1, "evaluate": 2, "hold-out": 2, "seed": 0}
    for name, smallest in least.items():
        value = getattr(args, name.replace("-", "_"))
        if value is not None and value < smallest:
            raise Terminal(f"--{name} {value}: give {smallest} or more")
    if args.seed >= 1 << 63:
        raise Terminal(f"--seed {args.seed}: give less than 2 ** 63")
    if args.seconds is not None and not args.seconds > 0:
        raise Terminal(f"--seconds {args.seconds:g}: give a length of time")
    folder = Path(args.out)
    if folder.exists() and not folder.is_dir():
        raise Terminal(f"--out {folder}: this is a file; give a folder for the model")
    if args.measure_only:
        run.measure(args.kind, folder, args.evaluate, settings.runtime.device)
    else:
        run.train(
            args.kind,
            out=folder.resolve(),
            release=args.release,
            lake=settings.runtime.lake,
            device=settings.runtime.device,
            seconds=args.seconds,
            steps=args.steps,
            batch=args.batch,
            seed=args.seed,
            resume=not args.fresh,
            hold_out=args.hold_out,
            base=Path(args.base) if args.base else None,
            only=args.only,
            evaluate=args.evaluate,
        )
    show({"model": str(folder)}, args.as_json, f"{folder}\n{(folder / 'card.json').read_text(encoding='utf-8')}")
    return 0

"""`reelmill generate`: prompts to finished, labelled videos."""

import argparse
import json
from pathlib import Path
from typing import Any

from jobs.cli.build import line, vars_of
from jobs.cli.common import json_word, nonempty, note, settings_of, settings_words, show
from jobs.errors import Terminal
from jobs.job import VIDEOS
from jobs.lake import Lake
from jobs.run import Outcome, execute
from jobs.state import checked, made, table_version
from schemas import PROMPTS, REJECTS
from schemas.settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    """Words of the command."""
    parser.add_argument(
        "--prompt", action="append", metavar="TEXT", help="what the video is about (repeatable); none: drawn from the release"
    )
    parser.add_argument("--prompts", type=nonempty, metavar="FILE", help="a CSV or JSONL of prompts with a column `text`")
    parser.add_argument("--storyboard", type=nonempty, metavar="FILE", help="storyboards to film as they stand: JSON as --plan writes it")
    parser.add_argument(
        "--plan", type=nonempty, nargs="?", const="-", metavar="FILE", help="write the storyboards as JSON and stop; edit it and give it to --storyboard"
    )
    parser.add_argument("--count", type=int, help="how many prompts are drawn from the release")
    parser.add_argument("--aspect", choices=("9:16", "16:9", "1:1"))
    parser.add_argument("--style", choices=("creation", "education", "entertainment", "promotion"))
    parser.add_argument("--out", type=nonempty, metavar="DIR", help="folder that the videos are published to (default: LAKE/videos)")
    settings_words(parser)
    json_word(parser)


def main(args: argparse.Namespace) -> int:
    """Generate and say where the videos are."""
    texts = list(args.prompt or [])
    if args.prompts:
        from jobs.prompts.files import read_prompts

        texts += read_prompts(args.prompts)
    if args.storyboard:
        from jobs.prompts.files import read_storyboards

        texts += read_storyboards(args.storyboard, settings_of(args).recipe.prompts)
    settings = settings_of(
        args,
        prompts__texts=texts or None,
        prompts__count=args.count,
        prompts__aspect=args.aspect,
        prompts__style=args.style,
        runtime__out=str(Path(args.out).absolute()) if args.out else None,
    )
    if args.plan:
        return plan(settings, args.plan)
    facts = generate(settings, quiet=args.as_json)
    show(facts, args.as_json, "\n".join(f"{v['path']}  {v['duration_s']:.1f} s  {v['title']}" for v in facts["videos"]))
    return 0


def plan(settings: Settings, where: str) -> int:
    """Write the storyboards that would be filmed to a file, or to standard output for `-`; nothing is generated.

    Raises:
        Terminal: no prompt is left, or the file cannot be written.
    """
    from jobs.prompts.job import planned
    from jobs.prompts.storyboard import as_request

    drawn = not settings.recipe.prompts.texts
    kept, rejected = planned(settings, table_version(Lake(settings.runtime.lake).open(create=False), "samples") if drawn else None)
    for row in rejected:
        note(f"left out: {row['reason']}: {row['detail']}")
    if not kept:
        raise Terminal("no prompt is left to plan; the reasons are above")
    text = json.dumps([json.loads(as_request(row)) for row in kept], ensure_ascii=False, indent=1)
    if where == "-":
        print(text)
        return 0
    try:
        Path(where).write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise Terminal(f"{where}: {error.strerror}") from None
    note(f"{where}: {len(kept)} storyboard{'s' * (len(kept) > 1)}; edit it and run `reelmill generate --storyboard {where}`")
    return 0


def generate(settings: Settings, *, quiet: bool = False) -> dict[str, Any]:
    """Run the video jobs and gates; the facts that `--json` prints."""
    from jobs.publish.job import ready
    from quality.funnel import funnel

    ready(settings)
    lake = Lake(settings.runtime.lake)
    with lake.lock("`reelmill generate`"):
        for name in VIDEOS:
            outcome = execute(name, settings)
            if not quiet:
                note(line(outcome))
                for why in left_out(lake, outcome):
                    note(f"  left out: {why}")
                for read in as_read(lake) if name == "prompts" else ():
                    note(f"  {read}")
            checked(settings, name)
    stages = funnel([m.manifest for name, m in made(lake).items() if name in VIDEOS])
    return {"lake": lake.url(), "videos": published(lake, settings), "stages": [vars_of(s) for s in stages]}


def as_read(lake: Lake, most: int = 10) -> list[str]:
    """How the texts were read where the model knows a few words only, a line a shot: what it is told may be something else than what was asked for."""
    rows = table_version(lake, PROMPTS.name).read(["text", "shots"]).to_pylist()
    lines = [f"{row['text'][:60]!r} is filmed as {shot['prompt']!r}: {shot['note']}" for row in rows for shot in row["shots"] if shot["note"]]
    return lines[:most] + ([f"and {len(lines) - most} more, see `prompts`"] if len(lines) > most else [])


def left_out(lake: Lake, outcome: Outcome, most: int = 10) -> list[str]:
    """Why a job left things out, a line each; the rest are counted."""
    rejects = lake.version(REJECTS, outcome.fingerprint)
    columns = ["stage", "reason", "detail"]
    rows = [r for r in rejects.read(columns).to_pylist() if r["stage"] == outcome.job] if rejects else []
    lines = [f"{r['reason']}: {r['detail']}" if r["detail"] else r["reason"] for r in rows[:most]]
    return lines + ([f"and {len(rows) - most} more, see `rejects`"] if len(rows) > most else [])


def published(lake: Lake, settings: Settings) -> list[dict[str, Any]]:
    """The videos of the current publications, with the path of each file."""
    from jobs.publish.target import target_root

    rows = table_version(lake, "publications").read().to_pylist()
    return [
        {
            "path": f"{target_root(settings)}/{r['uri']}",
            "title": r["title"],
            "aspect": r["aspect"],
            "width": r["width"],
            "height": r["height"],
            "duration_s": r["duration_s"],
            "lang": r["lang"],
            "label": r["visible_label"],
            "aigc": json.loads(r["aigc"]),
            "c2pa": r["c2pa"],
            "test_key": r["test_key"],
        }
        for r in rows
    ]

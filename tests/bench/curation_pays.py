"""Does curation pay? One corpus, two releases, two trainings of the same steps and seed, both cards side by side.

    python tests/bench/curation_pays.py [--clips 480] [--steps 2400] [--batch 64] [--seed 0] [--device auto] [--out DIR]

The corpus is drawn: short videos of objects, of which half are as they should be, three in ten carry the caption of another one,
and two in ten are spoilt (black, frozen, blurred, letterboxed). Release A takes all of it (every filter only warns, nothing is
compared with its caption). Release B is built by the same command from the same lake with the filters of `pretrain`, and drops what
does not look like its caption. Duplicates are looked for by bytes alone: in a world of a hundred different pictures, equal captions
and like shapes are no evidence.

Prints the table and writes it to `curation_pays.md` beside this file. Both trainings take about a minute on a GPU; on a processor
they take hours. A run that was stopped goes on where it stood if it was given --out.
"""

import argparse
import csv
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jobs.job import CORPUS
from jobs.lake import Lake
from jobs.state import table_version
from jobs.train import world
from jobs.train.run import read_card, train

SIDE_PX, FPS, FRAMES = 128, 12, 18
SHAPES, COLOURS, BACKGROUNDS = ("circle", "square", "triangle", "star"), ("red", "yellow", "green", "blue"), ("gray", "navy")
WRONG_SHARE, SPOILT_SHARE = 0.3, 0.2
MIN_SIMILARITY = 0.72
"""Three attributes show in a frame; a caption with one of them wrong has a cosine of about two thirds with it."""
TEXT_SHARE = 0.2
"""The text encoder learns from the grammar alone, so it is the same for both; at so few steps it needs more than its usual share."""
RELEASES = {
    "raw": ["policy.preset=everything", 'dedup.methods=["exact"]'],
    "curated": ["policy.preset=pretrain", 'dedup.methods=["exact"]', f"label.min_similarity={MIN_SIMILARITY}"],
}
ROWS = ("background", "colour", "direction", "shape", "whole_object")


@dataclass(frozen=True)
class Planted:
    """What one file shows, what is said of it, and what is wrong with it."""

    scene: world.Scene
    said: world.Scene
    fault: str


def grid() -> list[world.Scene]:
    """The objects that the corpus and the exam are about."""
    return [s for s in world.scenes() if s.shape in SHAPES and s.colour in COLOURS and s.background in BACKGROUNDS]


def plan(count: int, seed: int) -> list[Planted]:
    """Scenes in turn, so that both releases have seen about every combination; faults at random."""
    rng, found, cells = random.Random(seed), [], grid()
    order = [cells[i % len(cells)] for i in range(count)]
    rng.shuffle(order)
    for scene in order:
        draw = rng.random()
        if draw < WRONG_SHARE:
            found.append(Planted(scene, rng.choice([s for s in cells if s != scene]), "caption"))
        elif draw < WRONG_SHARE + SPOILT_SHARE:
            found.append(Planted(scene, scene, rng.choice(("black", "frozen", "blurred", "letterboxed"))))
        else:
            found.append(Planted(scene, scene, ""))
    return found


def frames_of(planted: Planted, seed: int) -> Any:
    """The picture of a file, spoilt if it is to be."""
    import cv2

    frames = world.render(planted.scene, width=SIDE_PX, height=SIDE_PX, frames=FRAMES, seed=seed)
    match planted.fault:
        case "black":
            return np.full_like(frames, 8)
        case "frozen":
            return np.repeat(frames[:1], FRAMES, axis=0)
        case "blurred":
            return np.stack([cv2.GaussianBlur(f, (0, 0), 7) for f in frames])
        case "letterboxed":
            out, bar = np.zeros_like(frames), SIDE_PX // 4
            out[:, bar:-bar] = [cv2.resize(f, (SIDE_PX, SIDE_PX - 2 * bar), interpolation=cv2.INTER_AREA) for f in frames]
            return out
    return frames


def render(folder: Path, planned: list[Planted], seed: int) -> None:
    """The files and their captions, every other one in Chinese."""
    from jobs.media.encode import encode_video

    folder.mkdir(parents=True)
    with (folder / "captions.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "caption", "lang"])
        for i, planted in enumerate(planned):
            lang = ("en", "zh")[i % 2]
            (folder / f"{i:04d}.mp4").write_bytes(encode_video(frames_of(planted, seed * 10_000 + i), FPS, 18))
            rows.writerow([f"{i:04d}.mp4", random.Random(i).choice(world.captions(planted.said, lang)), lang])


def build(sources: Path, lake: Path, sets: list[str]) -> str:
    """The name of the release that the project's own command makes."""
    words = [w for s in sets for w in ("--set", s)]
    done = subprocess.run(
        [sys.executable, "-m", "jobs", "build", str(sources), "--lake", str(lake), "--json", *words],
        stdout=subprocess.PIPE, check=True, text=True,
    )
    return str(json.loads(done.stdout)["release"]["name"])


def contents(lake: Path, planned: list[Planted]) -> dict[str, int]:
    """How many clips of each kind the current release holds for training."""
    from collections import Counter

    opened = Lake(str(lake))
    names = {r["source_id"]: r["rel_path"] for r in table_version(opened, "sources").read(["source_id", "rel_path"]).to_pylist()}
    rows = table_version(opened, "samples", CORPUS).read(["source_id", "split"]).to_pylist()
    return Counter(planned[int(names[r["source_id"]][:4])].fault or "good" for r in rows if r["split"] == "train")


def in_grid(attributes: dict[str, str]) -> bool:
    """Whether the exam asks for these."""
    return (
        attributes.get("shape") in SHAPES and attributes.get("colour") in COLOURS and attributes.get("background") in BACKGROUNDS
    )


def lines(facts: dict[str, dict[str, Any]], given: argparse.Namespace) -> Iterator[str]:
    """The table, in Markdown."""
    names = list(RELEASES)
    yield f"| {given.clips} sources, {given.steps} steps of {given.batch}, seed {given.seed} | " + " | ".join(names) + " |"
    yield "|---|" + "---|" * len(names)
    for kind in ("good", "caption", "black", "frozen", "blurred", "letterboxed"):
        label = "wrong caption" if kind == "caption" else kind
        yield f"| training clips: {label} | " + " | ".join(str(facts[n]["contents"].get(kind, 0)) for n in names) + " |"
    for key in ROWS:
        cells = []
        for name in names:
            rows = facts[name]["card"]["evaluation"]["seen"]
            cells.append(" / ".join(f"{row['accuracy'][key]['accuracy']:.3f}" for row in rows) + f" (n={rows[0]['accuracy'][key]['n']})")
        yield f"| {key} right, en / zh | " + " | ".join(cells) + " |"
    spent = [facts[n]["card"]["training"] for n in names]
    yield "| training, seconds | " + " | ".join(f"{t['wall_seconds']} ({t['device']})" for t in spent) + " |"


def main() -> None:
    """Build, train, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=480)
    parser.add_argument("--steps", type=int, default=2400)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--evaluate", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="keep the corpus, the lake and the models here")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="reelmill-curation-") as temporary:
        folder = given.out or Path(temporary)
        planned = plan(given.clips, given.seed)
        if not (folder / "sources").exists():
            render(folder / "sources", planned, given.seed)
        facts: dict[str, dict[str, Any]] = {}
        for name, sets in RELEASES.items():
            started = time.monotonic()
            release = build(folder / "sources", folder / "lake", sets)
            facts[name] = {"contents": contents(folder / "lake", planned)}
            print(f"{name}: {release}, {dict(facts[name]['contents'])}, {time.monotonic() - started:.0f} s", flush=True)
            out = folder / name
            if not (out / "card.json").exists():
                train(
                    "t2v", out=out, release=release, lake=str(folder / "lake"), device=given.device, steps=given.steps, batch=given.batch,
                    seed=given.seed, resume=True, evaluate=given.evaluate, text_share=TEXT_SHARE, exam_of=in_grid,
                )
            facts[name]["card"] = read_card(out)
        table = "\n".join(lines(facts, given)) + "\n"
    print(table)
    Path(__file__).with_suffix(".md").write_text(table, encoding="utf-8")


if __name__ == "__main__":
    main()

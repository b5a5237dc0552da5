"""`train`: make an embedded model from a release, or from the sample world, and measure what came out."""

from __future__ import annotations

import json
import os
import random
import shutil
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.errors import Terminal

if TYPE_CHECKING:
    from jobs.train.data import Clips
    from jobs.train.world import Scene

KINDS = ("clip", "t2v")
REPEATS = 4
"""Times each object of the grid is painted; places twice that."""
EVALUATION_SEED = 77
"""Seed of pictures and noise that no training ever draws."""
DEFAULT_SECONDS = {"clip": 900.0, "t2v": 4500.0}
"""Budget of the shipped models, used when neither seconds nor steps are given."""
TEXT_SHARE = 0.08
"""Part of the text-to-video budget that goes to its text encoder."""


def train(
    kind: str,
    *,
    out: Path,
    release: str | Path | None = None,
    lake: str = "",
    seconds: float | None = None,
    steps: int | None = None,
    seed: int = 0,
    resume: bool = False,
    held_out: Callable[[dict[str, str]], bool] | None = None,
    evaluate: int = 200,
    text_share: float = TEXT_SHARE,
    exam_of: Callable[[dict[str, str]], bool] | None = None,
) -> Path:
    """Train a "clip" or "t2v" model into the folder `out` and write its `card.json`; returns `out`.

    With a budget of steps the same release and seed give the same weights, however often the training was killed and resumed.

    Args:
        kind: `clip` or `t2v`.
        out: Folder of the model; work files live beside it until training is complete.
        release: Folder or name of a release, or a folder of its Parquet files; none: the sample world is painted.
        lake: Root of the lake, for a release given by name.
        seconds: Stop after so many seconds of wall clock.
        steps: Stop after so many optimiser steps; of a text-to-video model those of its text encoder and its transformer together.
        seed: Of weights and draws.
        resume: Go on from the work files of a training that was killed.
        held_out: Combinations that training must not see; the card then has figures for them too.
        evaluate: Scenes drawn per language for the card.
        text_share: Part of the text-to-video budget that goes to its text encoder.
        exam_of: Combinations that the card is about; none: all of the sample world.

    Raises:
        Terminal: no such release, nothing in it to learn from, or work files of another training.
    """
    if kind not in KINDS:
        raise ValueError(f"no model of kind {kind!r} to train; there are: {', '.join(KINDS)}")
    if seconds is None and steps is None:
        seconds = DEFAULT_SECONDS[kind]
    import torch

    torch.set_num_threads(1)  # at this size more threads are slower
    work = out.with_name(out.name + ".work")
    if work.exists() and not resume:
        shutil.rmtree(work)
    corpus, clips = _clips(release, lake, work, kind, seed, held_out)
    splits = _splits(held_out, exam_of)
    common: dict[str, Any] = {"seconds": seconds, "steps": steps, "seed": seed, "resume": resume, "splits": splits, "evaluate": evaluate}
    if kind == "clip":
        card = _train_clip(clips, out, work, **common)
    else:
        card = _train_t2v(clips, out, work, text_share=text_share, **common)
    write_card(out, card | {"kind": kind, "corpus": corpus, "clips": len(clips), "seed": seed})
    shutil.rmtree(work)
    return out


def write_card(folder: Path, card: dict[str, Any]) -> None:
    size = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file() and p.name != "card.json")
    (folder / "card.json").write_text(json.dumps(card | {"size_bytes": size}, indent=2, sort_keys=True) + "\n")


def _clips(
    release: str | Path | None, lake: str, work: Path, kind: str, seed: int, held_out: Callable[[dict[str, str]], bool] | None
) -> tuple[str, Clips]:
    """What the corpus is called, and its clips."""
    from jobs.train import data

    name, slices = data.released(str(release), lake) if release else ("sample world", [])
    _same_work(work, {"kind": kind, "corpus": name, "seed": seed})
    dataset = data.ReleaseClips(slices) if release else data.WorldClips(repeats=REPEATS, seed=seed + 1)
    clips = data.fill(dataset, work / "clips", workers=min(4, os.cpu_count() or 1))
    return name, data.keep(clips, lambda a: not held_out(a)) if held_out else clips


def _same_work(work: Path, asked: dict[str, Any]) -> None:
    """Work files go on with the training that they are of, and with no other."""
    note = work / "asked.json"
    work.mkdir(parents=True, exist_ok=True)
    before = json.loads(note.read_text(encoding="utf-8")) if note.exists() else asked
    if changed := [name for name in asked if before.get(name) != asked[name]]:
        was, now = before.get(changed[0]), asked[changed[0]]
        raise Terminal(f"{work} holds a training of another {changed[0]} ({was!r}, not {now!r}); train with --fresh or into another folder")
    note.write_text(json.dumps(asked, ensure_ascii=False), encoding="utf-8")


COMBINED = (("shape", "colour", "direction"), ("place", "time"))
"""Attributes of which combinations are held out: of an object and of a place."""


def one_in(share: int) -> Callable[[dict[str, str]], bool]:
    """Holds out about one combination in `share`, the same ones always, and whatever is not said in full, since it may be of them."""

    def held(attributes: dict[str, str]) -> bool:
        keys = next((keys for keys in COMBINED if keys[0] in attributes), None)
        if keys is None or any(key not in attributes for key in keys):
            return True
        return zlib.crc32("-".join(attributes[key] for key in keys).encode()) % share == 0

    return held


def exam(split: Callable[[dict[str, str]], bool] | None, count: int, seed: int) -> list[Scene]:
    """Scenes to be drawn: half places, half objects, of the combinations the split names."""
    from jobs.train import world

    rng = random.Random(seed)
    wanted = [scene for scene in world.scenes() if split is None or split(scene.attributes)]
    places, objects = [s for s in wanted if s.place], [s for s in wanted if s.shape]
    kinds = [kind for kind in (places, objects) if kind]
    return [rng.choice(kinds[i % len(kinds)]) for i in range(count)] if kinds else []


Split = Callable[[dict[str, str]], bool] | None


def _splits(held_out: Split, exam_of: Split = None) -> dict[str, Split]:
    if held_out is None:
        return {"seen": exam_of}
    asked = exam_of or (lambda a: True)
    return {"seen": lambda a: asked(a) and not held_out(a), "held_out": lambda a: asked(a) and held_out(a)}


ALL: Mapping[str, Split] = {"seen": None}
"""The whole sample world as one split."""


def _train_clip(
    clips: Clips,
    out: Path,
    work: Path,
    *,
    seconds: float | None,
    steps: int | None,
    seed: int,
    resume: bool,
    splits: dict[str, Split],
    evaluate: int,
) -> dict[str, Any]:
    from jobs.train import clip
    from jobs.train.loop import Budget, Plan

    plan = Plan(Budget(seconds, steps), seed, learning_rate=1.5e-3, weight_decay=0.05, betas=(0.9, 0.98))
    trained = clip.train(clips, plan, folder=out, work=work, resume=resume)
    cost = {"steps": trained.steps, "cpu_seconds": round(trained.cpu_seconds), "wall_seconds": round(trained.wall_seconds)}
    return {"training": cost, "evaluation": clip_figures(out, evaluate, splits)}


def clip_figures(folder: Path, count: int, splits: Mapping[str, Split] = ALL) -> dict[str, Any]:
    """Zero-shot accuracy on fresh pictures, as painted and as a video pipeline hands them on, and where the unknown begins."""
    from jobs.train import clip, world

    eye = clip.load(folder)
    figures: dict[str, Any] = {"seed": EVALUATION_SEED}
    for split, wanted in splits.items():
        scenes = exam(wanted, count, EVALUATION_SEED)
        shown = [scene.attributes for scene in scenes]
        painted = [world.render(s, width=64, height=64, frames=1, seed=EVALUATION_SEED + i)[0] for i, s in enumerate(scenes)]
        filmed = [film(s, seed=EVALUATION_SEED + i) for i, s in enumerate(scenes)]
        figures[split] = {
            "painted_64x64": [clip.evaluate(eye, painted, shown, lang) for lang in ("en", "zh")],
            "h264_640x360": [clip.evaluate(eye, filmed, shown, lang) for lang in ("en", "zh")],
        }
    figures["unknown"] = [clip.unknown_threshold(eye, filmed, lang, seed=EVALUATION_SEED) for lang in ("en", "zh")]
    return figures


def film(scene: Scene, *, seed: int) -> Any:
    """One frame of a scene after 640x360 H.264: what a labeler sees."""
    import io

    import av

    from jobs.train import world

    held = io.BytesIO()
    with av.open(held, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=24, options={"crf": "26"})
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for picture in world.render(scene, width=640, height=360, frames=2, seed=seed):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    with av.open(io.BytesIO(held.getvalue())) as container:
        return next(iter(container.decode(video=0))).to_ndarray(format="rgb24")


def _train_t2v(
    clips: Clips,
    out: Path,
    work: Path,
    *,
    seconds: float | None,
    steps: int | None,
    seed: int,
    resume: bool,
    splits: dict[str, Split],
    evaluate: int,
    text_share: float,
) -> dict[str, Any]:
    from jobs.train import t2v, tokens
    from jobs.train.loop import Budget

    def share(part: float) -> Budget:
        return Budget(seconds and seconds * part, steps and max(1, round(steps * part)))

    tokenizer = tokens.make_tokenizer(work / "tokenizer", length=t2v.PROMPT_TOKENS)
    text = t2v.train_text(tokenizer, replace(t2v.TEXT_PLAN, budget=share(text_share), seed=seed), folder=work / "text", resume=resume)
    axes = t2v.axes_of(clips, seed)
    plan = replace(t2v.DRAWING_PLAN, budget=share(1 - text_share), seed=seed)
    drawing = t2v.train_drawing(clips, axes, t2v.Size(), plan, folder=work / "drawing", resume=resume, batch=t2v.BATCH)
    t2v.assemble(out, tokenizer, text.model, axes, drawing.model, t2v.smoothed(drawing.model, clips, axes, seed))
    cost = {
        "text_steps": text.steps,
        "drawing_steps": drawing.steps,
        "samples": drawing.steps * t2v.BATCH,
        "cpu_seconds": round(text.cpu_seconds + drawing.cpu_seconds),
        "wall_seconds": round(text.wall_seconds + drawing.wall_seconds),
    }
    return {"training": cost, "evaluation": t2v_figures(out, evaluate, splits)}


def t2v_figures(folder: Path, count: int, splits: Mapping[str, Split] = ALL) -> dict[str, Any]:
    """Accuracy of every attribute, read from the pixels of clips drawn by the stock pipeline."""
    from jobs.train import t2v

    figures: dict[str, Any] = {"seed": EVALUATION_SEED}
    for split, wanted in splits.items():
        scenes: Sequence[Scene] = exam(wanted, count, EVALUATION_SEED)
        figures[split] = [t2v.evaluate(folder, scenes, lang=lang, seed=EVALUATION_SEED) for lang in ("en", "zh")]
    return figures

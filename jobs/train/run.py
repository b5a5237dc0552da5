"""`train`: make an embedded model from a release, or from the sample world, and measure what came out."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    release: Path | None = None,
    seconds: float | None = None,
    steps: int | None = None,
    seed: int = 0,
    resume: bool = False,
    held_out: Callable[[dict[str, str]], bool] | None = None,
    evaluate: int = 200,
) -> Path:
    """Train a "clip" or "t2v" model into the folder `out` and write its `card.json`; returns `out`.

    Without a release the sample world is painted. `held_out` names combinations that training must not see; the card then has figures
    for them too. `evaluate` is the number of scenes drawn per language. Work files live beside `out` until training is complete, and
    `resume` goes on from them.
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
    work.mkdir(parents=True, exist_ok=True)
    clips = _clips(release, work, seed, held_out)
    make = _train_clip if kind == "clip" else _train_t2v
    card = make(clips, out, work, seconds=seconds, steps=steps, seed=seed, resume=resume, held_out=held_out, evaluate=evaluate)
    card |= {"kind": kind, "corpus": "release" if release else "sample world", "clips": len(clips), "seed": seed}
    write_card(out, card)
    shutil.rmtree(work)
    return out


def write_card(folder: Path, card: dict[str, Any]) -> None:
    size = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file() and p.name != "card.json")
    (folder / "card.json").write_text(json.dumps(card | {"size_bytes": size}, indent=2, sort_keys=True) + "\n")


def _clips(release: Path | None, work: Path, seed: int, held_out: Callable[[dict[str, str]], bool] | None) -> Clips:
    from jobs.train import data

    workers = min(4, os.cpu_count() or 1)
    if release:
        clips = data.fill(data.ReleaseClips(release), work / "clips", workers=workers)
    else:
        clips = data.fill(data.WorldClips(repeats=REPEATS, seed=seed + 1), work / "clips", workers=workers)
    return data.keep(clips, lambda a: not held_out(a)) if held_out else clips


def exam(split: Callable[[dict[str, str]], bool] | None, count: int, seed: int) -> list[Scene]:
    """Scenes to be drawn: half places, half objects, of the combinations the split names."""
    from jobs.train import world

    rng = random.Random(seed)
    wanted = [scene for scene in world.scenes() if split is None or split(scene.attributes)]
    places, objects = [s for s in wanted if s.place], [s for s in wanted if s.shape]
    kinds = [kind for kind in (places, objects) if kind]
    return [rng.choice(kinds[i % len(kinds)]) for i in range(count)] if kinds else []


def _splits(held_out: Callable[[dict[str, str]], bool] | None) -> dict[str, Callable[[dict[str, str]], bool] | None]:
    if held_out is None:
        return {"seen": None}
    return {"seen": lambda a: not held_out(a), "held_out": held_out}


def _train_clip(
    clips: Clips,
    out: Path,
    work: Path,
    *,
    seconds: float | None,
    steps: int | None,
    seed: int,
    resume: bool,
    held_out: Callable[[dict[str, str]], bool] | None,
    evaluate: int,
) -> dict[str, Any]:
    from jobs.train import clip
    from jobs.train.loop import Budget, Plan

    plan = Plan(Budget(seconds, steps), seed, learning_rate=1.5e-3, weight_decay=0.05, betas=(0.9, 0.98))
    trained = clip.train(clips, plan, folder=out, work=work, resume=resume)
    cost = {"steps": trained.steps, "cpu_seconds": round(trained.cpu_seconds), "wall_seconds": round(trained.wall_seconds)}
    return {"training": cost, "evaluation": clip_figures(out, evaluate, held_out=held_out)}


def clip_figures(folder: Path, count: int, *, held_out: Callable[[dict[str, str]], bool] | None = None) -> dict[str, Any]:
    """Zero-shot accuracy on fresh pictures, as painted and as a video pipeline hands them on, and where the unknown begins."""
    from jobs.train import clip, world

    eye = clip.load(folder)
    figures: dict[str, Any] = {"seed": EVALUATION_SEED}
    for split, wanted in _splits(held_out).items():
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
    held_out: Callable[[dict[str, str]], bool] | None,
    evaluate: int,
) -> dict[str, Any]:
    from jobs.train import t2v, tokens
    from jobs.train.loop import Budget

    def share(part: float) -> Budget:
        return Budget(seconds and seconds * part, steps and max(1, round(steps * part)))

    tokenizer = tokens.make_tokenizer(work / "tokenizer", length=t2v.PROMPT_TOKENS)
    text = t2v.train_text(tokenizer, replace(t2v.TEXT_PLAN, budget=share(TEXT_SHARE), seed=seed), folder=work / "text", resume=resume)
    axes = t2v.axes_of(clips, seed)
    plan = replace(t2v.DRAWING_PLAN, budget=share(1 - TEXT_SHARE), seed=seed)
    drawing = t2v.train_drawing(clips, axes, t2v.Size(), plan, folder=work / "drawing", resume=resume, batch=t2v.BATCH)
    t2v.assemble(out, tokenizer, text.model, axes, drawing.model)
    cost = {
        "text_steps": text.steps,
        "drawing_steps": drawing.steps,
        "samples": drawing.steps * t2v.BATCH,
        "cpu_seconds": round(text.cpu_seconds + drawing.cpu_seconds),
        "wall_seconds": round(text.wall_seconds + drawing.wall_seconds),
    }
    return {"training": cost, "evaluation": t2v_figures(out, evaluate, held_out=held_out)}


def t2v_figures(folder: Path, count: int, *, held_out: Callable[[dict[str, str]], bool] | None = None) -> dict[str, Any]:
    """Accuracy of every attribute, read from the pixels of clips drawn by the stock pipeline."""
    from jobs.train import t2v

    figures: dict[str, Any] = {"seed": EVALUATION_SEED}
    for split, wanted in _splits(held_out).items():
        scenes: Sequence[Scene] = exam(wanted, count, EVALUATION_SEED)
        figures[split] = [t2v.evaluate(folder, scenes, lang=lang, seed=EVALUATION_SEED) for lang in ("en", "zh")]
    return figures

"""`train`: make an embedded model from a release, or from the sample world, and measure what came out."""

from __future__ import annotations

import itertools
import json
import os
import random
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.errors import Terminal
from jobs.train import words
from jobs.version import digest

if TYPE_CHECKING:
    from jobs.train.data import Clips
    from jobs.train.loop import Plan, Trained
    from jobs.train.world import Scene

KINDS = ("clip", "t2v")
REPEATS: Mapping[str, int] = {"clip": 1, "t2v": 3}
"""Times each object of the grid is painted; places three times that. Pictures are changed anew each time they are seen, clips are not."""
BESIDE: Mapping[str, int] = {"clip": 4, "t2v": 6}
"""Times each object beside the grid is painted; places four times that. The drawing model is told the light of such a place in numbers: what is
drawn from a caption must be told everything."""
EVALUATION_SEED = 77
"""Seed of pictures and noise that no training ever draws."""
SECONDS: Mapping[str, Mapping[str, float]] = {"cpu": {"clip": 900, "t2v": 7200}, "cuda": {"clip": 240, "t2v": 600}}
"""Budgets used when neither seconds nor steps are given."""
BATCH: Mapping[str, Mapping[str, int]] = {
    "cpu": {"clip": 64, "t2v": 16},
    "cuda": {"clip": 256, "t2v": 256},
}
TEXT_SHARE = 0.05
"""Part of the text-to-video budget that goes to its text encoder."""
CLIP_RATE, DRAWING_RATE = 1.5e-3, {"cpu": 1.8e-3, "cuda": 1.2e-3}
"""Peak learning rates, of the drawing model for the batch of the device; half of them where a model goes on from a base."""


@dataclass(frozen=True)
class Course:
    """How one training is to go: see `train`."""

    device: str
    seconds: float | None
    steps: int | None
    batch: int
    seed: int
    resume: bool

    def plan(self, share: float = 1.0, *, learning_rate: float, weight_decay: float, betas: tuple[float, float], average: float) -> Plan:
        """A plan for this share of the budget."""
        from jobs.train.loop import Budget, Plan

        return Plan(Budget(self.seconds, self.steps).part(share), self.seed, learning_rate, weight_decay, betas, self.device, average)


def train(
    kind: str,
    *,
    out: Path,
    release: str | Path | None = None,
    lake: str = "",
    device: str = "auto",
    seconds: float | None = None,
    steps: int | None = None,
    batch: int | None = None,
    seed: int = 0,
    resume: bool = False,
    hold_out: int | None = None,
    base: Path | None = None,
    only: str = "",
    evaluate: int = 200,
    exam_of: Split = None,
    text_share: float = TEXT_SHARE,
) -> Path:
    """Train a "clip" or "t2v" model into the folder `out` and write its `card.json`; returns `out`.

    With a budget of steps the same release, seed and batch give the same weights on a processor, however often the training was
    killed and resumed; on a GPU as far as its kernels are deterministic.

    Args:
        kind: `clip` or `t2v`.
        out: Folder of the model; work files live beside it until training is complete.
        release: Folder or name of a release, or a folder of its Parquet files; none: the sample world is painted.
        lake: Root of the lake, for a release given by name.
        device: `cpu`, `cuda`, or `auto`: CUDA where there is one.
        seconds: Stop after so many seconds of wall clock.
        steps: Stop after so many optimiser steps, those of all parts of the model together.
        batch: Clips or pictures of one step; none: what suits the device.
        seed: Of weights and draws.
        resume: Go on from the work files of a training that was killed.
        hold_out: Training must not see one combination of attributes in so many; the card then has figures for them too.
        base: A model of this kind to go on from: its weights are trained further, but the autoencoder and the text encoder of a
            text-to-video model are taken over as they are. Its card becomes a part of the new one.
        only: `decoder`: of the base, a text-to-video model of this or an older recipe, all stays but its decoder, which learns to paint what the model draws
            (`jobs.train.decoder`).
        evaluate: Scenes drawn per language for the card.
        exam_of: Combinations that the card is about; none: all of the sample world.
        text_share: Part of the text-to-video budget that goes to its text encoder.

    Raises:
        Terminal: no such release, nothing in it to learn from, no such device, a base that is no such model, or work files of another training.
    """
    if kind not in KINDS:
        raise ValueError(f"no model of kind {kind!r} to train; there are: {', '.join(KINDS)}")
    import torch

    device = device_of(device)
    if only and (only != "decoder" or kind != "t2v" or base is None):
        raise Terminal("only the decoder of a standing text-to-video model can be trained alone; give `t2v`, --only decoder and its folder as --base")
    if only and base and (batch is not None or base.resolve() == out.resolve()):
        raise Terminal(f"--only decoder has a batch of its own and leaves {base} as it is; give no --batch, and another folder as --out")
    standing = None if base is None else _standing(base, kind, only)
    if seconds is None and steps is None:
        seconds = SECONDS[device][kind]
    torch.set_num_threads(1 if device == "cpu" else min(8, os.cpu_count() or 1))  # at this size more threads of a processor are slower
    course = Course(device, seconds, steps, batch or BATCH[device][kind], seed, resume)
    work = out.with_name(out.name + ".work")
    if work.exists() and not resume:
        shutil.rmtree(work)
    corpus, clips = _clips(release, lake, work, kind, seed, hold_out, base, course.batch, only)
    if kind == "clip":
        made = _train_clip(clips, out, work, course, base)
    else:
        made = _train_decoder(clips, out, work, course, base) if only and base else _train_t2v(clips, out, work, course, base, text_share)
    card = {"kind": kind, "corpus": corpus, "clips": len(clips), "seed": seed, "hold_out": hold_out, **made}
    if hold_out:
        card["kept_away"] = {
            name: sorted("-".join(values) for keys in of for values in withheld(keys, hold_out, seed)) for name, of in COMBINED[kind].items()
        }
    if standing is not None:
        card["base"] = standing
    write_card(out, card | {"evaluation": figures(kind, out, evaluate, splits(kind, hold_out, exam_of, seed), device)})
    shutil.rmtree(work)
    return out


def measure(kind: str, folder: Path, evaluate: int, device: str = "auto") -> None:
    """Measure a standing model of a kind again and renew the figures of its card.

    Raises:
        Terminal: it is none of that kind.
    """
    card = read_card(folder)
    if card.get("kind") != kind:
        raise Terminal(f"{folder}: a model of kind {card.get('kind')!r}, and {kind!r} is to be measured; give its own kind or another folder")
    found = figures(card["kind"], folder, evaluate, splits(card["kind"], card.get("hold_out"), seed=card["seed"]), device_of(device))
    write_card(folder, card | {"evaluation": found})


def figures(kind: str, folder: Path, count: int, of: Mapping[str, Split], device: str) -> dict[str, Any]:
    """What a model of this kind gets right, per split."""
    return clip_figures(folder, count, of) if kind == "clip" else t2v_figures(folder, count, of, device)


def device_of(wanted: str) -> str:
    """`cpu` or `cuda`.

    Raises:
        Terminal: CUDA is asked for and there is none.
    """
    import torch

    if wanted == "cuda" and not torch.cuda.is_available():
        raise Terminal("runtime.device = 'cuda': there is no usable CUDA device; set it to auto or cpu")
    return "cuda" if wanted in ("auto", "cuda") and torch.cuda.is_available() else "cpu"


def read_card(folder: Path) -> dict[str, Any]:
    """The card of a model.

    Raises:
        Terminal: the folder has none.
    """
    try:
        return dict(json.loads((folder / "card.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise Terminal(f"{folder}: no card.json of a model that `reelmill train` made ({error})") from None


def write_card(folder: Path, card: dict[str, Any]) -> None:
    size = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file() and p.name != "card.json")
    (folder / "card.json").write_text(json.dumps(card | {"size_bytes": size}, indent=2, sort_keys=True) + "\n")


def _standing(base: Path, kind: str, only: str) -> dict[str, Any]:
    """The card of a model to go on from."""
    card = read_card(base)
    if card.get("kind") != kind:
        raise Terminal(f"{base}: a model of kind {card.get('kind')!r}, and {kind!r} is to be trained; give another base")
    if kind == "t2v" and not only and not (base / "transformer_2").is_dir():
        raise Terminal(f"{base}: a model of one transformer, of an older recipe, which training cannot go on from; train without a base, or --only decoder")
    _loadable(base, kind)
    return card


def _loadable(base: Path, kind: str) -> None:
    """Loads a model to go on from before anything is read or painted for it.

    Raises:
        Terminal: its weights are not there, or damaged.
    """
    from safetensors import SafetensorError

    try:
        if kind == "clip":
            from jobs.train import clip

            if not (base / clip.WEIGHTS).is_file():  # open_clip would draw some
                raise OSError(f"no {clip.WEIGHTS}")
            clip.load(base)
        else:
            from jobs.train import t2v

            t2v.load(base)
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        raise Terminal(f"{base}: its weights cannot be loaded ({' '.join(str(error).split())[:200]}); give another base") from None


def _clips(release: str | Path | None, lake: str, work: Path, kind: str, seed: int, hold_out: int | None, base: Path | None, batch: int,
           only: str) -> tuple[str, Clips]:
    """What the corpus is called, and its clips.

    Raises:
        Terminal: nothing can be learnt from it, or the work files are of another training.
    """
    from jobs.train import codec, data, pictures

    name, slices = data.released(str(release), lake) if release else ("sample world", [])
    facts = {"kind": kind, "corpus": name, "seed": seed, "hold_out": hold_out, "base": None if base is None else str(base.resolve())}
    _same_work(work, facts | {"only": only, "batch": batch, "state of the corpus": digest([data.stamp(piece) for piece in slices])})
    side = pictures.SIDE_PX if kind == "clip" else codec.SIDE_PX
    repeats, beside = (1, 0) if only else (REPEATS[kind], BESIDE[kind])
    painted = partial(data.WorldClips, repeats=repeats, seed=seed + 1, beside=beside, borrow=kind == "t2v")
    dataset = data.ReleaseClips(slices, side=side) if release else painted(side=side)
    clips = data.fill(dataset, work / "clips", workers=min(16, os.cpu_count() or 1))
    held = one_in(hold_out, kind, seed, unsaid=bool(release)) if hold_out else lambda _: False
    left = data.keep(clips, lambda a: not held(a))
    if not len(left):
        raise Terminal(f"{name}: of no clip does the caption say all that is held out by, so that none is left to learn from; train without --hold-out")
    if kind == "clip" and not any(left.attributes):
        raise Terminal(f"{name}: no caption names a thing of the sample world ({', '.join(words.ENGLISH['place'])} ...), which is all that this small model "
                       "can learn; for other corpora train a model of open_clip on the release")
    return name, left


def _same_work(work: Path, asked: dict[str, Any]) -> None:
    """Work files go on with the training that they are of, and with no other."""
    note = work / "asked.json"
    work.mkdir(parents=True, exist_ok=True)
    try:
        before = dict(json.loads(note.read_text(encoding="utf-8"))) if note.exists() else asked
    except (ValueError, TypeError):
        raise Terminal(f"{note}: is damaged, so that nobody knows which training it is of; train with --fresh") from None
    if changed := [name for name in asked if before.get(name) != asked[name]]:
        was, now = before.get(changed[0]), asked[changed[0]]
        raise Terminal(f"{work} holds a training of another {changed[0]} ({was!r}, not {now!r}); train with --fresh or into another folder")
    passing = note.with_suffix(".part")
    passing.write_text(json.dumps(asked, ensure_ascii=False), encoding="utf-8")
    passing.replace(note)


Keys = tuple[tuple[str, ...], ...]
COMBINED: Mapping[str, Mapping[str, Keys]] = {
    "clip": {
        "held_out_pairs": (("shape", "colour"), ("place", "time")),
        "held_out": (("shape", "colour", "background"), ("place", "time", "weather")),
    },
    "t2v": {"held_out": (("shape", "colour", "direction"), ("place", "time"))},
}
"""Attributes of which combinations are held out, of an object and of a place, by the name of the figures about them. Of a pair training sees
the one value and the other, never both in one picture; of three, every two of them."""


def withheld(keys: tuple[str, ...], share: int, seed: int) -> frozenset[tuple[str, ...]]:
    """One combination in `share` of all values of these attributes, drawn by the seed, and one at least."""
    every = list(itertools.product(*(words.ENGLISH[key] for key in keys)))
    return frozenset(random.Random(f"{seed} {' '.join(keys)}").sample(every, max(1, round(len(every) / share))))


def _held(share: int, keys: Keys, seed: int, *, unsaid: bool = True) -> Callable[[dict[str, str]], bool]:
    """What `withheld` draws of each of the keys, and where `unsaid` whatever is not said in full, since it may be of that."""
    drawn = {names: withheld(names, share, seed) for names in keys}

    def held(attributes: dict[str, str]) -> bool:
        named = next((names for names in keys if names[0] in attributes), None)
        if named is None or any(key not in attributes for key in named):
            return unsaid
        return tuple(attributes[key] for key in named) in drawn[named]

    return held


def one_in(share: int, kind: str, seed: int = 0, *, unsaid: bool = True) -> Callable[[dict[str, str]], bool]:
    """Holds out one combination in `share` of each kind that COMBINED names. Where all is painted, what is `unsaid` is none of them."""
    kinds = [_held(share, keys, seed, unsaid=unsaid) for keys in COMBINED[kind].values()]
    return lambda attributes: any(held(attributes) for held in kinds)


def exam(split: Callable[[dict[str, str]], bool] | None, count: int, seed: int) -> list[Scene]:
    """Scenes to be drawn: half places, half objects, of the combinations the split names."""
    from jobs.train import world

    rng = random.Random(seed)
    wanted = [scene for scene in world.scenes() if split is None or split(scene.attributes)]
    places, objects = [s for s in wanted if s.place], [s for s in wanted if s.shape]
    kinds = [kind for kind in (places, objects) if kind]
    return [rng.choice(kinds[i % len(kinds)]) for i in range(count)] if kinds else []


Split = Callable[[dict[str, str]], bool] | None


def splits(kind: str, hold_out: int | None, exam_of: Split = None, seed: int = 0) -> dict[str, Split]:
    """What the card is about: combinations that training has seen, and those that were held out."""
    if hold_out is None:
        return {"seen": exam_of}
    found: dict[str, Split] = {}
    before: list[Callable[[dict[str, str]], bool]] = []
    for name, keys in COMBINED[kind].items():
        found[name] = partial(_asked, exam_of, _held(hold_out, keys, seed), tuple(before))
        before.append(_held(hold_out, keys, seed))
    return {"seen": partial(_asked, exam_of, None, tuple(before)), **found}


def _asked(exam_of: Split, held: Split, not_of: tuple[Callable[[dict[str, str]], bool], ...], attributes: dict[str, str]) -> bool:
    """Whether a scene is in an exam: of `exam_of`, held out by `held`, and by none of the others."""
    wanted = all(split is None or split(attributes) for split in (exam_of, held))
    return wanted and not any(other(attributes) for other in not_of)


ALL: Mapping[str, Split] = {"seen": None}
"""The whole sample world as one split."""


def _train_clip(clips: Clips, out: Path, work: Path, course: Course, base: Path | None) -> dict[str, Any]:
    from jobs.train import clip

    learning_rate = CLIP_RATE / 2 if base else CLIP_RATE
    plan = course.plan(learning_rate=learning_rate, weight_decay=0.05, betas=(0.9, 0.98), average=0.995)
    trained = clip.train(clips, plan, folder=out, work=work, resume=course.resume, batch=course.batch, base=base)
    return {"training": _cost(course, clip=(trained, course.batch))}


def _train_t2v(clips: Clips, out: Path, work: Path, course: Course, base: Path | None, text_share: float) -> dict[str, Any]:
    import torch

    from jobs.train import codec, t2v, text, tokens

    spent: dict[str, Any] = {}
    learning_rate, share = DRAWING_RATE[course.device], 1.0
    if base is None:
        share = 1 - text_share
        tokenizer = tokens.make_tokenizer(work / "tokenizer", length=text.PROMPT_TOKENS)
        plan = course.plan(text_share, learning_rate=3e-3, weight_decay=0.01, betas=(0.9, 0.98), average=0.99)
        read = text.train(tokenizer, plan, folder=work / "text", resume=course.resume)
        spent["text"] = read, text.BATCH
        torch.manual_seed(course.seed)
        encoder, axes = read.model, t2v.fit_axes(clips, course.seed)
        models = {name: t2v.transformer(expert) for name, expert in t2v.EXPERTS.items()}
    else:
        learning_rate /= 2
        tokenizer, encoder, axes, models = t2v.parts(base)
    latents = t2v.encode(clips, axes, device=course.device)
    for name, expert in t2v.EXPERTS.items():
        plan = course.plan(share * expert.share, learning_rate=learning_rate, weight_decay=0.01, betas=(0.9, 0.98), average=0.999)
        drawn = t2v.train(models[name], name, clips, latents, plan, folder=work / name, resume=course.resume, batch=course.batch)
        models[name], spent[name] = drawn.model, (drawn, course.batch)
    smooth = t2v.smoothed(models["low"], clips, axes, course.seed, device=course.device)
    t2v.assemble(out, tokenizer, encoder, codec.build(axes, smooth), models)
    return {"training": _cost(course, **spent)}


def _train_decoder(clips: Clips, out: Path, work: Path, course: Course, base: Path) -> dict[str, Any]:
    from jobs.train import codec, decoder, t2v

    pipe, kept = t2v.load(base), work / "pairs.pt"
    if course.resume and kept.exists():
        pairs = decoder.Pairs.load(kept)
    else:
        pairs = decoder.drawn(pipe, clips, course.seed, min(decoder.PAIRS, 8 * len(clips)), steps=t2v.STEPS, guidance=t2v.GUIDANCE)
        pairs.save(kept)
    plan = course.plan(learning_rate=decoder.RATE, weight_decay=0.0, betas=(0.5, 0.9), average=0.995)
    vae, trained = decoder.train(clips, pairs, codec.axes_of(pipe.vae), plan, folder=work / "decoder", resume=course.resume)
    t2v.with_decoder(base, vae, out)
    return {"training": _cost(course, decoder=(trained, decoder.BATCH))}


def _cost(course: Course, **parts: tuple[Trained, int]) -> dict[str, Any]:
    """What the parts of a model cost."""
    import torch

    return {
        "device": torch.cuda.get_device_name() if course.device == "cuda" else "cpu",
        "cpu_seconds": round(sum(part.cpu_seconds for part, _ in parts.values())),
        "wall_seconds": round(sum(part.wall_seconds for part, _ in parts.values())),
        "parts": {
            name: {"steps": part.steps, "batch": batch, "samples": part.steps * batch, "wall_seconds": round(part.wall_seconds)}
            for name, (part, batch) in parts.items()
        },
    }


def clip_figures(folder: Path, count: int, splits: Mapping[str, Split] = ALL) -> dict[str, Any]:
    """Zero-shot accuracy on fresh pictures, as painted and as a video pipeline hands them on, and where the unknown begins."""
    from jobs.train import clip, world

    eye = clip.load(folder)
    found: dict[str, Any] = {"seed": EVALUATION_SEED}
    for split, wanted in splits.items():
        scenes = exam(wanted, count, EVALUATION_SEED)
        shown = [scene.attributes for scene in scenes]
        painted = [world.render(s, width=64, height=64, frames=1, seed=EVALUATION_SEED + i)[0] for i, s in enumerate(scenes)]
        filmed = [film(s, seed=EVALUATION_SEED + i) for i, s in enumerate(scenes)]
        found[split] = {
            "painted_64x64": [clip.evaluate(eye, painted, shown, lang) for lang in ("en", "zh")],
            "h264_640x360": [clip.evaluate(eye, filmed, shown, lang) for lang in ("en", "zh")],
        }
    found["unknown"] = [clip.unknown_threshold(eye, filmed, lang, seed=EVALUATION_SEED) for lang in ("en", "zh")]
    return found


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


def t2v_figures(folder: Path, count: int, splits: Mapping[str, Split] = ALL, device: str = "cpu") -> dict[str, Any]:
    """Accuracy of every attribute, read from the pixels of clips drawn by the stock pipeline."""
    from jobs.train import t2v

    found: dict[str, Any] = {"seed": EVALUATION_SEED, "device": device}
    for split, wanted in splits.items():
        scenes = exam(wanted, count, EVALUATION_SEED)
        found[split] = [t2v.evaluate(folder, scenes, lang=lang, seed=EVALUATION_SEED, device=device) for lang in ("en", "zh")]
    return found

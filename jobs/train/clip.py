"""The embedded picture-text model: a small bilingual CLIP in the folder layout open_clip loads by `local-dir:`.

Captions of the sample world name everything that one frame shows, so both towers learn the code of what is named (`codes`)
instead of telling pairs of one batch apart. Phrases from outside the world have a direction of their own, pictures from outside lie in
those that mean nothing: they teach the model to score the unknown low.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch.nn import functional

from jobs.train import tokens, words, world
from jobs.train.codes import Codes
from jobs.train.data import FRAMES, Clips, whole
from jobs.train.loop import Plan, Trained, optimise, there
from jobs.train.pictures import SIDE_PX, pressed, relit, roughen, strangers

WEIGHTS = "open_clip_model.safetensors"
CONTEXT = 48
VISIBLE = ("place", "time", "weather", "shape", "colour", "background")
"""Attributes one frame shows; movement it does not."""

CONFIG: Mapping[str, Any] = {
    "embed_dim": 128,
    "vision_cfg": {"image_size": SIDE_PX, "layers": [2, 2, 2, 1], "width": 20, "head_width": 64},
    "text_cfg": {
        "context_length": CONTEXT,
        "vocab_size": tokens.VOCABULARY,
        "width": 128,
        "heads": 4,
        "layers": 2,
        "hf_tokenizer_name": "bundled",
        "tokenizer_kwargs": {"strip_sep_token": False},
        "no_causal_mask": True,
        "pool_type": "eos",
        "eos_id": tokens.EOS,
        "pad_id": tokens.PAD,
    },
}
"""`pool_type` must be "eos": "argmax" would pool over whichever word has the highest id."""
PREPROCESS: Mapping[str, Any] = {
    "size": [SIDE_PX, SIDE_PX],
    "mode": "RGB",
    "mean": list(open_clip.OPENAI_DATASET_MEAN),
    "std": list(open_clip.OPENAI_DATASET_STD),
    "interpolation": "bicubic",
    "resize_mode": "shortest",
    "fill_color": 0,
}


def normalise(pictures: torch.Tensor) -> torch.Tensor:
    """[B, 3, 64, 64] in 0..1 as the loader's preprocessing leaves them."""
    mean, std = (torch.tensor(PREPROCESS[key], device=pictures.device).view(3, 1, 1) for key in ("mean", "std"))
    return (pictures - mean) / std


# --- training --------------------------------------------------------------------------------------------------------


class Matching:
    """The loss: picture and caption must both land on the code of what is shown and said.

    Contrasting the pictures of a batch, as CLIP was trained, needs many more pictures than a processor can see in minutes; here
    the captions name all attributes, so that each picture knows where it belongs without the others.

    Two things keep combinations apart that training never sees. A value is told from those alone that it was seen in place of: where no
    picture of a night shows the tundra, no picture of a night teaches what the tundra is not. And a part of the places stand in another
    light, of which their place alone is asked. Of a clip of which not everything is said, only what is said is asked.
    """

    STRANGE_SHARE, TEXTS, RELIT_SHARE = 0.15, 16, 0.3
    SPREAD, SPREAD_SCALE = 0.3, 8.0
    """Weight of telling strangers from one another, and the inverse temperature of it."""

    def __init__(self, model: open_clip.CLIP, tokenizer: Any, clips: Clips, *, batch: int, device: str) -> None:
        self.model, self.tokenizer, self.clips, self.batch, self.device = model, tokenizer, clips, batch, device
        self.half = device == "cuda" or torch.cpu._is_avx512_bf16_supported()  # type: ignore[attr-defined, no-untyped-call]
        self.codes, self.chance = Codes(CONFIG["embed_dim"]), clips.chance()
        shown = [{k: v for k, v in a.items() if k in VISIBLE} for a in clips.attributes]
        self.wanted = torch.stack([self.codes(a) for a in shown]).to(device)
        self.taken = self.codes.taken.to(device)
        self.rows = {key: self.codes.values(key)[1].to(device) for key in VISIBLE}
        names = {key: self.codes.values(key)[0] for key in VISIBLE}
        self.truth = {key: torch.tensor([names[key].index(a[key]) if key in a else -1 for a in shown]).to(device) for key in VISIBLE}
        self.named = [a for a in clips.attributes if a]
        self.whole = torch.tensor([whole(a) for a in clips.attributes]).to(device)
        self.never = _never_together(self.truth, {key: len(names[key]) for key in VISIBLE})

    def __call__(self, generator: torch.Generator) -> torch.Tensor:
        rng = random.Random(int(torch.randint(2**31, (1,), generator=generator)))
        picked = torch.multinomial(self.chance, self.batch, replacement=True, generator=generator)
        return self.pictures(picked, rng, there(self.device, generator)) + self.texts(rng)

    def pictures(self, picked: torch.Tensor, rng: random.Random, generator: torch.Generator) -> torch.Tensor:
        """Distance of pictures from their codes, and for each attribute the cross entropy of its values; then the strangers."""
        frames = pressed(np.stack([self.clips[i][rng.randrange(FRAMES)] for i in picked.tolist()]), rng)
        drawn = torch.from_numpy(frames).to(self.device).permute(0, 3, 1, 2).float() / 255
        picked = picked.to(self.device)
        count, places = len(drawn), (self.truth["place"][picked] >= 0).nonzero()[:, 0]
        turned = places[: round(self.RELIT_SHARE * len(places))]
        drawn[turned] = relit(drawn[turned], drawn[places.flip(0)][: len(turned)], generator)
        drawn = roughen(drawn, generator)
        foreign = strangers(max(2, round(self.STRANGE_SHARE * count)), generator)
        foreign = torch.cat([roughen(foreign, generator), roughen(foreign, generator)])
        pictures = torch.cat([drawn, foreign]).contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device, torch.bfloat16, enabled=self.half):
            image = self.model.encode_image(normalise(pictures)).float()
        image = functional.normalize(image, dim=1)
        as_shown = torch.ones(count, dtype=torch.bool, device=self.device)
        as_shown[turned] = False
        return self.apart(image[:count], picked, as_shown) + self.strange(image[count:])

    def apart(self, image: torch.Tensor, picked: torch.Tensor, as_shown: torch.Tensor) -> torch.Tensor:
        """Of pictures of the world; those that are not `as_shown` are asked for their place."""
        scale, loss = self.model.logit_scale.exp().clamp(max=60), image.new_zeros(())
        sure, rest = as_shown & self.whole[picked], image
        for key in VISIBLE:
            truth, rows = self.truth[key][picked], self.rows[key]
            never = self.never[key][picked] & sure[:, None]
            rest = rest - (rest @ rows.T * never) @ rows
            asked = truth if key == "place" else truth.where(as_shown, -1)
            logits = (scale * image @ rows.T).masked_fill(never, -1e4)
            right = functional.cross_entropy(logits, asked, ignore_index=-1, reduction="sum")
            loss = loss + right / (asked >= 0).sum().clamp_min(1) / len(VISIBLE)
        rest = functional.normalize(rest[sure], dim=1)
        return loss + (1 - (rest * self.wanted[picked[sure]]).sum(1)).sum() / sure.sum().clamp_min(1)

    def strange(self, image: torch.Tensor) -> torch.Tensor:
        """Of two views of each stranger: no part in what means something, and alike, and unlike the other strangers."""
        part = (image @ self.taken.T).square().sum(1).mean()
        one, other = image.chunk(2)
        same = torch.arange(len(one), device=self.device)
        return part + self.SPREAD * functional.cross_entropy(self.SPREAD_SCALE * one @ other.T, same)

    def texts(self, rng: random.Random) -> torch.Tensor:
        """Distance of texts from the codes of what they say."""
        said = [words.remark(rng.choice(self.named), rng.choice(words.LANGUAGES), rng) for _ in range(self.TEXTS)]
        said = [(text, {k: v for k, v in a.items() if k in VISIBLE}) for text, a in said]
        said += [(words.unrelated(rng), {}) for _ in range(max(1, self.TEXTS // 6))]
        text = self.model.encode_text(self.tokenizer([t for t, _ in said]).to(self.device), normalize=True).float()
        return 1 - (text * torch.stack([self.codes(a) for _, a in said]).to(self.device)).sum(1).mean()


def _never_together(truth: Mapping[str, torch.Tensor], sizes: Mapping[str, int]) -> dict[str, torch.Tensor]:
    """Per attribute and clip [clips, values]: values that no clip shows together with some other value that this one shows."""
    never = {key: torch.zeros(len(of), sizes[key], dtype=torch.bool, device=of.device) for key, of in truth.items()}
    for key, other in itertools.permutations(truth, 2):
        both = (truth[key] >= 0) & (truth[other] >= 0)
        seen = torch.zeros(sizes[other], sizes[key], dtype=torch.bool, device=both.device)
        seen[truth[other][both], truth[key][both]] = True
        never[key][both] |= ~seen[truth[other][both]]
    return never


def train(clips: Clips, plan: Plan, *, folder: Path, work: Path, resume: bool, batch: int, base: Path | None = None) -> Trained:
    """Train, from the weights of the model in `base` if there is one, and leave a complete open_clip folder."""
    torch.manual_seed(plan.seed)
    folder.mkdir(parents=True, exist_ok=True)
    tokens.make_tokenizer(folder, length=CONTEXT)
    config = {"model_cfg": dict(CONFIG), "preprocess_cfg": dict(PREPROCESS)}
    (folder / "open_clip_config.json").write_text(json.dumps(config, indent=1) + "\n")
    model = open_clip.CLIP(**CONFIG)
    if base is not None:
        model.load_state_dict({k: v.float() for k, v in load_file(base / WEIGHTS).items()})
    model.visual.to(memory_format=torch.channels_last)  # a third faster on a processor
    tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}")
    matching = Matching(model, tokenizer, clips, batch=batch, device=plan.device)
    trained = optimise(model, matching, plan, folder=work, resume=resume, label="clip")
    save_file({k: v.half().contiguous() for k, v in trained.model.state_dict().items()}, folder / WEIGHTS)
    return trained


# --- evaluation ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Eye:
    """A loaded model with its preprocessing."""

    model: Any
    preprocess: Any
    tokenizer: Any

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def see(self, frames: Sequence[NDArray[np.uint8]]) -> torch.Tensor:
        from PIL import Image

        pictures = torch.stack([self.preprocess(Image.fromarray(f)) for f in frames])
        return torch.cat([self.model.encode_image(p, normalize=True) for p in pictures.split(64)]).float()

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def read(self, texts: Sequence[str]) -> torch.Tensor:
        return torch.cat(
            [self.model.encode_text(self.tokenizer(list(texts[k : k + 64])), normalize=True) for k in range(0, len(texts), 64)]
        ).float()


def load(folder: Path) -> Eye:
    """The model by the stock loader."""
    model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    return Eye(model.eval(), preprocess, open_clip.get_tokenizer(f"local-dir:{folder}"))


LABELS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "en": {
        "place": ("{place} {time} {weather}", "a video of {place} {time}, {weather}"),
        "object": ("a {colour} {shape} on a {background} background", "a photo of a {colour} {shape} on a {background} background"),
    },
    "zh": {
        "place": ("{weather}的{place}，{time}", "{place}，{time}，{weather}"),
        "object": ("{background}背景上的{colour}{shape}", "{background}背景上的{colour}{shape}的照片"),
    },
}


def answers() -> list[dict[str, str]]:
    """Everything a single frame can show: the classes of the zero-shot question."""
    places = [dict(zip(("place", "time", "weather"), v, strict=True)) for v in itertools.product(world.PLACES, world.TIMES, world.WEATHERS)]
    objects = [
        dict(zip(("shape", "colour", "background"), v, strict=True))
        for v in itertools.product(world.SHAPES, world.COLOURS, world.BACKGROUNDS)
    ]
    return places + objects


def class_embeddings(eye: Eye, lang: str) -> torch.Tensor:
    """One vector per answer, the mean over a few prompts."""
    rows = []
    for answer in answers():
        names = {key: words.WORDS[lang][key][value][0] for key, value in answer.items()}
        rows.append([template.format(**names) for template in LABELS[lang]["place" if "place" in answer else "object"]])
    count = len(rows[0])
    flat = eye.read([text for row in rows for text in row])
    return functional.normalize(flat.view(len(rows), count, -1).mean(1), dim=-1)


def evaluate(eye: Eye, frames: Sequence[NDArray[np.uint8]], shown: Sequence[Mapping[str, str]], lang: str) -> dict[str, Any]:
    """Zero-shot accuracy over all answers at once: the whole answer, and attribute by attribute."""
    similarity = eye.see(frames) @ class_embeddings(eye, lang).T
    chosen = [answers()[i] for i in similarity.argmax(1).tolist()]
    right: dict[str, list[bool]] = {"exact": []}
    for truth, guess in zip(shown, chosen, strict=True):
        visible = {k: v for k, v in truth.items() if k in VISIBLE}
        right["exact"].append(visible == guess)
        for key, value in visible.items():
            right.setdefault(key, []).append(guess.get(key) == value)
    accuracy = {key: {"accuracy": round(sum(hits) / len(hits), 4), "n": len(hits)} for key, hits in right.items()}
    return {"lang": lang, "classes": len(answers()), "accuracy": accuracy}


def unknown_threshold(eye: Eye, frames: Sequence[NDArray[np.uint8]], lang: str, *, seed: int, strange: int = 200) -> dict[str, Any]:
    """The best similarity of pictures the world holds and of pictures it does not, and the value that divides them best."""
    classes = class_embeddings(eye, lang)
    known = (eye.see(frames) @ classes.T).amax(1)
    pictures = strangers(strange, torch.Generator().manual_seed(seed))
    foreign = (eye.see([(p.permute(1, 2, 0) * 255).byte().numpy() for p in pictures]) @ classes.T).amax(1)
    cuts = torch.cat([known, foreign]).sort().values
    balanced = torch.stack([((known >= c).float().mean() + (foreign < c).float().mean()) / 2 for c in cuts])
    cut = float(cuts[balanced.argmax()])
    return {
        "lang": lang,
        "threshold": round(cut, 3),
        "known_above": round(float((known >= cut).float().mean()), 4),
        "strange_below": round(float((foreign < cut).float().mean()), 4),
        "n_known": len(known),
        "n_strange": strange,
    }

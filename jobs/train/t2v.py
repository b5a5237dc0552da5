"""The embedded text-to-video model: a small WanPipeline trained on clips whose attributes are known.

Three parts, made one after the other and independent of each other: an autoencoder in closed form (`codec`), a text encoder
that learns to turn any caption into the sum of its attributes' codes, and a transformer that learns to draw from those codes.
"""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import UniPCMultistepScheduler, WanPipeline, WanTransformer3DModel
from torch.nn import functional
from transformers import PreTrainedTokenizerBase, UMT5Config, UMT5EncoderModel

from jobs.train import codec, latents, tokens, words, world
from jobs.train.codes import Codes
from jobs.train.data import Clips
from jobs.train.loop import Budget, Plan, Trained, optimise

SIDE_PX, FRAMES, FPS = 64, 16, 8
CHANNELS, RAMPS = 16, 2
WIDTH = 128
"""Size of a text state; the codes are as many orthogonal directions in it."""
PROMPT_TOKENS = 64
STEPS, GUIDANCE, SHIFT = 8, 2.5, 5.0

LATE_SHARE, LATE_WIDTH = 0.4, 0.08
"""Share of samples noised to within LATE_WIDTH of pure noise. Sixteen frames give the object away at any lower noise level, so
only up there is the text needed; with a plain logit-normal the model never learned to read it."""
DROP_ALL, DROP_SOME = 0.1, 0.3
"""Share of samples that see no text, and a random part of it."""


SMOOTH_NOISE = (0.6, 0.95)
"""Share of noise in the clips whose guesses teach the decoder: about as wrong as what is drawn from nothing."""

BATCH = 16
TEXT_PLAN = Plan(Budget(steps=1), 0, learning_rate=3e-3, weight_decay=0.01, betas=(0.9, 0.98), average=0.99)
DRAWING_PLAN = Plan(Budget(steps=1), 0, learning_rate=2e-3, weight_decay=0.01, betas=(0.9, 0.97), average=0.998)


@dataclass(frozen=True)
class Size:
    """Shape of the transformer. A token is all frames of 16 x 16 px: finer tokens cost four times as much and were worse at the same cost."""

    width: int = 192
    layers: int = 4
    feed_forward: int = 640


# --- text ------------------------------------------------------------------------------------------------------------


def text_encoder() -> UMT5EncoderModel:
    return UMT5EncoderModel(
        UMT5Config(
            vocab_size=tokens.VOCABULARY,
            d_model=WIDTH,
            d_kv=32,
            d_ff=256,
            num_layers=3,
            num_heads=4,
            feed_forward_proj="gated-gelu",
            dropout_rate=0.0,
            pad_token_id=tokens.PAD,
            eos_token_id=tokens.EOS,
            relative_attention_num_buckets=16,
            relative_attention_max_distance=48,
        )
    )


def _said(rng: random.Random) -> tuple[str, dict[str, str]]:
    """A random text and the attributes it names."""
    scene, lang = rng.choice(world.scenes()), rng.choice(words.LANGUAGES)
    match rng.randrange(10):
        case 0:
            return rng.choice(("", words.unrelated(rng))), {}
        case 1 | 2 | 3 | 4:
            return rng.choice(words.captions(scene.attributes, lang)), scene.attributes
        case _:
            return words.remark(scene.attributes, lang, rng)


def _confusion(states: torch.Tensor, mask: torch.Tensor, said: Sequence[dict[str, str]], codes: Codes) -> torch.Tensor:
    """Cross-entropy of every said value against the others of its attribute, on every token, as the codes read it."""
    total = states.new_zeros(())
    for key in words.ENGLISH:
        rows = [i for i, attributes in enumerate(said) if key in attributes]
        if not rows:
            continue
        names, directions = codes.values(key)
        truth = torch.tensor([names.index(said[i][key]) for i in rows])[:, None].expand(-1, states.shape[1])
        real = mask[rows].bool()
        total = total + functional.cross_entropy((states[rows] @ directions.T)[real], truth[real]) * len(rows) / len(said)
    return total


def train_text(tokenizer: PreTrainedTokenizerBase, plan: Plan, *, folder: Path, resume: bool) -> Trained:
    """Teach every token of a caption to carry the code of the whole caption.

    The distance to the code alone is slow to tell apart the values of an attribute with many names: after 120 CPU seconds it took one
    place in three for another. Asking every token for every value as well settles that in 50.
    """
    torch.manual_seed(plan.seed)
    codes, encoder = Codes(WIDTH), text_encoder()

    def loss(generator: torch.Generator) -> torch.Tensor:
        rng = random.Random(int(torch.randint(2**31, (1,), generator=generator)))
        batch = [_said(rng) for _ in range(48)]
        ids = tokenizer([text for text, _ in batch], padding=True, truncation=True, max_length=PROMPT_TOKENS, return_tensors="pt")
        states = encoder(ids.input_ids, ids.attention_mask).last_hidden_state
        wanted = torch.stack([codes(said) for _, said in batch])[:, None] * math.sqrt(WIDTH)
        error = ((states - wanted) ** 2).mean(-1) * ids.attention_mask
        return error.sum() / ids.attention_mask.sum() + 0.5 * _confusion(states, ids.attention_mask, [said for _, said in batch], codes)

    return optimise(encoder, loss, plan, folder=folder, resume=resume, label="text")


# --- pictures --------------------------------------------------------------------------------------------------------


def transformer(size: Size) -> WanTransformer3DModel:
    return WanTransformer3DModel(
        patch_size=(FRAMES, 2, 2),
        num_attention_heads=size.width // 32,
        attention_head_dim=32,
        in_channels=CHANNELS + RAMPS,
        out_channels=CHANNELS + RAMPS,
        text_dim=WIDTH,
        freq_dim=64,
        ffn_dim=size.feed_forward,
        num_layers=size.layers,
        cross_attn_norm=True,
        rope_max_seq_len=64,
    )


def axes_of(clips: Clips, seed: int, *, sample: int = 400) -> codec.Axes:
    """Principal axes of a sample of the clips, half of it places if there are both kinds."""
    rng = random.Random(seed)
    places = [i for i, a in enumerate(clips.attributes) if "place" in a]
    objects = [i for i, a in enumerate(clips.attributes) if "place" not in a]
    picked = sorted(i for kind in (places, objects) for i in rng.sample(kind, min(len(kind), sample // 2)))
    frames = torch.from_numpy(clips.frames[picked][:, ::4]).permute(0, 4, 1, 2, 3).float()
    return codec.fit(frames / 127.5 - 1, CHANNELS)


def encode(clips: Clips, axes: codec.Axes, *, block: int = 64) -> torch.Tensor:
    """Every clip as latents in half precision."""
    parts = []
    for start in range(0, len(clips), block):
        frames = torch.from_numpy(clips.frames[start : start + block]).permute(0, 4, 1, 2, 3).float()
        parts.append(axes.encode(frames / 127.5 - 1).half())
    return torch.cat(parts)


def moving(clips: Clips, *, block: int = 64) -> torch.Tensor:
    """Where a clip differs from its own border colour, per 8 px patch: objects, which are small and must not be lost in the loss."""
    parts = []
    for start in range(0, len(clips), block):
        video = torch.from_numpy(clips.frames[start : start + block]).float()
        edge = torch.cat([video[:, :, 0], video[:, :, -1], video[:, :, :, 0], video[:, :, :, -1]], 2).flatten(1, 2).median(1).values
        away = (video - edge[:, None, None, None]).abs().amax(-1)
        parts.append(functional.avg_pool2d((away > 60).float(), codec.PATCH_PX).half())
    return torch.cat(parts)[:, None]


def noise_levels(count: int, generator: torch.Generator) -> torch.Tensor:
    late = 1 - LATE_WIDTH * torch.rand(count, generator=generator) ** 2
    spread = torch.sigmoid(1.3 * torch.randn(count, generator=generator) + 0.7)
    return torch.where(torch.rand(count, generator=generator) < LATE_SHARE, late, spread)


class Drawing:
    """The loss of the transformer: predict the clean latents from noisy ones and the codes of the caption."""

    def __init__(self, model: WanTransformer3DModel, clips: Clips, axes: codec.Axes, *, batch: int) -> None:
        self.model, self.batch, self.codes = model, batch, Codes(WIDTH)
        self.latents, self.weight = encode(clips, axes), moving(clips)
        self.attributes = clips.attributes
        places = torch.tensor([1.0 if "place" in a else 0.0 for a in self.attributes])
        self.chance = torch.where(places > 0, 0.5 / places.sum().clamp_min(1), 0.5 / (1 - places).sum().clamp_min(1))
        self.is_place = places

    def text(self, attributes: dict[str, str], rng: random.Random) -> torch.Tensor:
        """States like those of the text encoder: the code on some tokens, nothing on the rest."""
        if (draw := rng.random()) < DROP_ALL:
            attributes = {}
        elif draw < DROP_ALL + DROP_SOME:
            attributes = {k: v for k, v in attributes.items() if rng.random() < 0.5}
        states = torch.zeros(8, WIDTH)
        states[: rng.randint(1, 8)] = self.codes(attributes) * math.sqrt(WIDTH)  # unit variance
        return states

    def __call__(self, generator: torch.Generator) -> torch.Tensor:
        rng = random.Random(int(torch.randint(2**31, (1,), generator=generator)))
        picked = torch.multinomial(self.chance, self.batch, replacement=True, generator=generator)
        clean = self.latents[picked].float()
        clean = latents.with_ramps(functional.pad(clean, (0, 0, 0, 0, 0, 0, 0, RAMPS)))
        noise = latents.with_ramps(torch.randn(clean.shape, generator=generator))
        sigma = noise_levels(self.batch, generator)
        text = torch.stack([self.text(self.attributes[i], rng) for i in picked.tolist()])
        text = text + 0.05 * torch.randn(text.shape, generator=generator) * (text != 0)
        level = sigma.view(-1, 1, 1, 1, 1)
        guess = self.model((1 - level) * clean + level * noise, sigma * 1000, text, return_dict=False)[0]
        error = (guess - clean) ** 2
        weight = 1 + 2 * self.weight[picked].float() * (1 - self.is_place[picked]).view(-1, 1, 1, 1, 1)
        weight = weight / weight.mean((2, 3, 4), keepdim=True) * (0.36 / level.clamp_min(0.4) ** 2)
        return (error[:, :CHANNELS] * weight).mean() + 0.1 * error[:, CHANNELS:].mean()


def train_drawing(clips: Clips, axes: codec.Axes, size: Size, plan: Plan, *, folder: Path, resume: bool, batch: int) -> Trained:
    torch.manual_seed(plan.seed)
    model = transformer(size)
    return optimise(model, Drawing(model, clips, axes, batch=batch), plan, folder=folder, resume=resume, label="t2v")


@torch.no_grad()  # type: ignore[untyped-decorator]
def smoothed(model: torch.nn.Module, clips: Clips, axes: codec.Axes, seed: int, *, sample: int = 1024) -> tuple[torch.Tensor, torch.Tensor]:
    """The decoder's last layer for what this model draws: fitted to its guesses at clips that were noised by SMOOTH_NOISE."""
    generator, codes = torch.Generator().manual_seed(seed), Codes(WIDTH)
    fit = codec.Smoother(axes)
    picked = torch.randperm(len(clips), generator=generator)[:sample].tolist()
    for start in range(0, len(picked), BATCH):
        some = sorted(picked[start : start + BATCH])
        video = torch.from_numpy(clips.frames[some]).permute(0, 4, 1, 2, 3).float() / 127.5 - 1
        clean = latents.with_ramps(functional.pad(axes.encode(video), (0, 0, 0, 0, 0, 0, 0, RAMPS)))
        noise = latents.with_ramps(torch.randn(clean.shape, generator=generator))
        low, high = SMOOTH_NOISE
        level = low + (high - low) * torch.rand(len(some), generator=generator)
        text = torch.stack([codes(clips.attributes[i]) for i in some])[:, None].repeat(1, 8, 1) * math.sqrt(WIDTH)
        share = level.view(-1, 1, 1, 1, 1)
        guess = model((1 - share) * clean + share * noise, level * 1000, text, return_dict=False)[0]
        fit.see(guess[:, :CHANNELS], video)
    return fit.solve()


# --- the pipeline ----------------------------------------------------------------------------------------------------


def assemble(folder: Path, tokenizer: PreTrainedTokenizerBase, encoder: torch.nn.Module, axes: codec.Axes, model: torch.nn.Module,
             smooth: tuple[torch.Tensor, torch.Tensor] | None = None) -> None:
    """Save the stock pipeline, and the profile that tells a caller how to run it."""
    pipe = WanPipeline(
        tokenizer=tokenizer,
        text_encoder=encoder,
        vae=codec.build(axes, RAMPS, smooth),
        transformer=model,
        scheduler=UniPCMultistepScheduler(prediction_type="sample", use_flow_sigmas=True, flow_shift=SHIFT, solver_order=2),
    )
    pipe.to(torch.bfloat16).save_pretrained(folder)
    profile = {
        "family": "wan",
        "num_frames": FRAMES,
        "fps": FPS,
        "steps": STEPS,
        "guidance": GUIDANCE,
        "width": SIDE_PX,
        "height": SIDE_PX,
        "latent_init": "coords",
        "max_sequence_length": PROMPT_TOKENS,
        "filters": {"blocks": {"max_ratio": 8.0}},  # the seams of its tokens reach 6 where fog leaves little else to step
    }
    (folder / "reelmill.json").write_text(json.dumps(profile, indent=2) + "\n")


def load(folder: Path) -> Any:
    """The pipeline in float32, by the stock loader."""
    from diffusers import DiffusionPipeline

    pipe = DiffusionPipeline.from_pretrained(folder, dtype=torch.float32, use_safetensors=True)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def draw(pipe: Any, prompts: Sequence[str], *, seed: int, steps: int = STEPS, guidance: float = GUIDANCE, block: int = 16) -> Any:
    """Clips uint8 [N, frames, height, width, 3], a few prompts at a time."""
    import numpy as np

    generator = torch.Generator().manual_seed(seed)
    out = []
    for start in range(0, len(prompts), block):
        some = list(prompts[start : start + block])
        video = pipe(
            some,
            negative_prompt=[""] * len(some),
            num_frames=FRAMES,
            height=SIDE_PX,
            width=SIDE_PX,
            num_inference_steps=steps,
            guidance_scale=guidance,
            max_sequence_length=PROMPT_TOKENS,
            latents=latents.coords(pipe, len(some), generator),
            output_type="np",
        ).frames
        out.append((np.asarray(video) * 255 + 0.5).clip(0, 255).astype(np.uint8))
    return np.concatenate(out)


def evaluate(folder: Path, scenes: Sequence[world.Scene], *, lang: str, seed: int) -> dict[str, Any]:
    """Draw one clip per scene through the stock pipeline and read its attributes from the pixels."""
    rng = random.Random(seed)
    started = time.monotonic()
    pipe = load(folder)
    load_s = time.monotonic() - started
    cpu = time.process_time()
    clips = draw(pipe, [rng.choice(world.captions(scene, lang)) for scene in scenes], seed=seed)
    cpu_per_clip = (time.process_time() - cpu) / len(scenes)
    right: dict[str, list[bool]] = {}
    for scene, clip in zip(scenes, clips, strict=True):
        read = world.measure(clip)
        for key, value in scene.attributes.items():
            right.setdefault(key, []).append(read.get(key) == value)
        whole = "whole_place" if scene.place else "whole_object"
        right.setdefault(whole, []).append(all(read.get(k) == v for k, v in scene.attributes.items()))
    accuracy = {key: {"accuracy": round(sum(hits) / len(hits), 4), "n": len(hits)} for key, hits in right.items()}
    return {
        "lang": lang,
        "seed": seed,
        "steps": STEPS,
        "guidance": GUIDANCE,
        "accuracy": accuracy,
        "load_s": round(load_s, 2),
        "cpu_s_per_clip": round(cpu_per_clip, 3),
    }

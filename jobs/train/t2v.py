"""The embedded text-to-video model: a small WanPipeline trained on clips whose attributes are known.

Made one after the other: an autoencoder in closed form (`codec`), a text encoder that turns any caption into the sum of its attributes' codes
(`text`), and two transformers that learn to draw from those codes, as the pipeline of Wan 2.2 has them: the `high` one decides what is
drawn while there is little but noise, the `low` one draws it out.
"""

from __future__ import annotations

import contextlib
import json
import math
import random
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import UniPCMultistepScheduler, WanPipeline, WanTransformer3DModel
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel
from tqdm import tqdm
from transformers import PreTrainedTokenizerBase

from jobs.train import codec, reading, world
from jobs.train.codes import Codes
from jobs.train.data import FRAMES, Clips
from jobs.train.loop import Plan, Trained, optimise, there
from jobs.train.text import PROMPT_TOKENS, WIDTH

FPS = 8
COUNTS_UP = 1
"""WanPipeline makes one frame more than it is asked for where its autoencoder does not compress time."""
STEPS, GUIDANCE, SHIFT = 10, 2.5, 5.0

BOUNDARY = 0.75
"""Share of noise from which on the `high` transformer draws: about where the errors of the two cross (`tests/bench/t2v_held_out.md`). Sixteen
frames give a scene away at any lower one: what the text says is decided above, and below only drawn out."""
DROP_ALL, DROP_SOME = 0.1, 0.3
"""Share of samples that see no text, and a random part of it."""
SMOOTH_NOISE, SMOOTH_BLOCK = (0.3, 0.8), 16
"""Share of noise in the clips whose guesses teach the decoder: about as wrong as what is drawn from nothing; and clips at a time."""
MIN_ACUTANCE = 0.15
"""Below it a clip of the model is blurred. Of 64 clips as it draws them (40 places, 24 objects) the least has 0.18, half have 0.37 and more;
the limit of the policy, 0.22, is that of footage."""
TEXT_STATES = 24
"""Length of the text in training, of which a random part is real: a pipeline fills up short prompts with nothing."""


@dataclass(frozen=True)
class Expert:
    """One of the two transformers.

    Attributes:
        patch: Places of the latents in a token: frames, rows, columns.
        heads: Attention heads, of 32 numbers each.
        inner: Width of the inner layer.
        blocks: Layers.
        share: Part of the time of training that is its own.
        noise: Shares of noise that it trains on, somewhat beyond those that it draws at.
    """

    patch: tuple[int, int, int]
    heads: int
    inner: int
    blocks: int
    share: float
    noise: tuple[float, float]


EXPERTS: Mapping[str, Expert] = {
    "high": Expert((FRAMES, 4, 4), heads=8, inner=448, blocks=4, share=0.65, noise=(0.75, 1.0)),
    "low": Expert((4, 2, 2), heads=4, inner=256, blocks=3, share=0.35, noise=(0.0, 0.94)),
}
"""By what they are called. The `high` one sees a clip as 16 tokens, which hold whole movements and take a sixteenth of the time of 256; what passes
through so few is coarse: of the variance of the latents 256 numbers tell 0.92 of such a token, 128 numbers 0.97 of the 256 of the `low` one."""
WHEREABOUTS, LOOKED_AT = 0.05, (1, -1)
"""Weight of the question where a token lies, and the blocks after which it is asked."""


def transformer(expert: Expert) -> WanTransformer3DModel:
    """Untrained.

    Tokens know only how far they are from one another (rotary positions): where they lie they must find out, see `Placed`.
    """
    return WanTransformer3DModel(
        patch_size=expert.patch,
        num_attention_heads=expert.heads,
        attention_head_dim=32,
        in_channels=codec.CHANNELS,
        out_channels=codec.CHANNELS,
        text_dim=WIDTH,
        freq_dim=64,
        ffn_dim=expert.inner,
        num_layers=expert.blocks,
        cross_attn_norm=True,
        rope_max_seq_len=128,
    )


class Placed(torch.nn.Module):  # type: ignore[misc]
    """A transformer that is asked, while it learns, where each of its tokens lies.

    Of pure noise all tokens look alike, and attention to distances averages what is alike to the same: a token finds its place only by whom it does
    not find beside it, at the border. Left alone a network takes long to hit on that; asked for it, it does after a hundred steps.
    The question and its answer are no part of the model that is kept.

    Args:
        grid: Places of the latents: frames, rows, columns.
    """

    def __init__(self, transformer: WanTransformer3DModel, grid: tuple[int, int, int]) -> None:
        super().__init__()
        self.transformer = transformer
        tokens = math.prod(places // size for places, size in zip(grid, transformer.config.patch_size, strict=True))
        self.answers = torch.nn.ModuleList(torch.nn.Linear(transformer.config.num_attention_heads * transformer.config.attention_head_dim, tokens) for _ in LOOKED_AT)

    def forward(self, noisy: torch.Tensor, noise_level: torch.Tensor, text: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The clean latents as it guesses them, and how far off it is about its tokens: the mean cross-entropy, in nats."""
        seen: list[torch.Tensor] = []
        hooks = [self.transformer.blocks[i].register_forward_hook(lambda _, __, out: seen.append(out)) for i in LOOKED_AT]
        try:
            guess = self.transformer(noisy, noise_level * 1000, text, return_dict=False)[0].float()
        finally:
            for hook in hooks:
                hook.remove()
        lost = guess.new_zeros(())
        for answer, state in zip(self.answers, seen, strict=True):
            said = answer(state).float()
            lost = lost + functional.cross_entropy(said.flatten(0, 1), torch.arange(said.shape[1], device=said.device).repeat(len(said)))
        return guess, lost


def fit_axes(clips: Clips, seed: int, *, sample: int = 600) -> codec.Axes:
    """Principal axes of some frames of a sample of the clips, half of it places if there are both kinds."""
    picked = torch.multinomial(clips.chance(), min(sample, len(clips)), generator=torch.Generator().manual_seed(seed)).sort().values
    return codec.fit(codec.as_video(torch.from_numpy(np.stack([clips[i][:: FRAMES // 2] for i in picked.tolist()]))))


def encode(clips: Clips, axes: codec.Axes, *, device: str, block: int = 64) -> torch.Tensor:
    """Every clip as latents in half precision, on the device."""
    axes, parts = axes.to(device), []
    for start in range(0, len(clips), block):
        frames = np.stack([clips[i] for i in range(start, min(start + block, len(clips)))])
        parts.append(axes.encode(codec.as_video(torch.from_numpy(frames).to(device))).half())
    return torch.cat(parts)


def noise_levels(count: int, noise: tuple[float, float], generator: torch.Generator) -> torch.Tensor:
    """Shares of noise in this range, most of them in its upper half."""
    low, high = noise
    return high - (high - low) * torch.rand(count, generator=generator, device=generator.device) ** 1.5


class Drawing:
    """The loss of the transformer: predict the clean latents from noisy ones and the codes of the caption."""

    def __init__(self, model: Placed, clips: Clips, latents: torch.Tensor, noise: tuple[float, float], *, batch: int, device: str) -> None:
        self.model, self.noise, self.batch, self.device = model, noise, batch, device
        self.half = device == "cuda" or torch.cpu._is_avx512_bf16_supported()  # type: ignore[attr-defined, no-untyped-call]
        self.latents, self.chance = latents, clips.chance().to(device)
        codes = Codes(WIDTH, lit=True)
        self.nothing = codes.strange_text.to(device)
        each = max((len(a) for a in clips.attributes), default=0) + 1
        self.codes, self.named = torch.zeros(len(clips), each, WIDTH), torch.zeros(len(clips), each, dtype=torch.bool)
        for i, attributes in enumerate(clips.attributes):
            if attributes:
                parts = codes.parts(attributes, clips.light(i))
                self.codes[i, : len(parts)], self.named[i, : len(parts)] = parts, True
        self.codes, self.named = self.codes.to(device), self.named.to(device)

    def text(self, picked: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """States [B, states, WIDTH] like those of the text encoder: the code on some tokens, nothing on the rest."""
        draw = {"generator": generator, "device": generator.device}
        fate, named = torch.rand(len(picked), 1, **draw), self.named[picked]
        part = named & (torch.rand(named.shape, **draw) < 0.5)
        kept = torch.where(fate < DROP_ALL, torch.zeros_like(named), torch.where(fate < DROP_ALL + DROP_SOME, part, named)).float()
        count = kept.sum(1, keepdim=True)
        code = (self.codes[picked] * kept[..., None]).sum(1) / count.clamp_min(1).sqrt()
        code = torch.where(count > 0, code, self.nothing) * math.sqrt(WIDTH)
        states = code[:, None] + 0.05 * torch.randn(len(picked), TEXT_STATES, WIDTH, **draw)
        real = torch.arange(TEXT_STATES, device=generator.device) < torch.randint(1, TEXT_STATES + 1, (len(picked), 1), **draw)
        return states * real[..., None]

    def __call__(self, generator: torch.Generator) -> torch.Tensor:
        generator = there(self.device, generator)
        draw = {"generator": generator, "device": generator.device}
        picked = torch.multinomial(self.chance, self.batch, replacement=True, generator=generator)
        clean = self.latents[picked].float()
        noise, sigma = torch.randn(clean.shape, **draw), noise_levels(self.batch, self.noise, generator)
        level = sigma.view(-1, 1, 1, 1, 1)
        noisy = (1 - level) * clean + level * noise
        # on a processor the backward pass of fused attention in bfloat16 takes far longer than the plain formula
        attention = sdpa_kernel(SDPBackend.MATH) if self.half and self.device == "cpu" else contextlib.nullcontext()
        with torch.autocast(self.device, torch.bfloat16, enabled=self.half), attention:
            guess, lost = self.model(noisy, sigma, self.text(picked, generator))
        return ((guess - clean) ** 2 * (0.36 / level.clamp_min(0.4) ** 2)).mean() + WHEREABOUTS * lost


def train(model: WanTransformer3DModel, name: str, clips: Clips, latents: torch.Tensor, plan: Plan, *, folder: Path, resume: bool, batch: int) -> Trained:
    """Train the expert of this name on the latents of the clips."""
    torch.manual_seed(plan.seed)
    placed = Placed(model, (latents.shape[2], latents.shape[3], latents.shape[4]))
    drawing = Drawing(placed, clips, latents, EXPERTS[name].noise, batch=batch, device=plan.device)
    trained = optimise(placed, drawing, plan, folder=folder, resume=resume, label=name)
    return replace(trained, model=trained.model.transformer)


@torch.no_grad()  # type: ignore[untyped-decorator]
def smoothed(model: torch.nn.Module, clips: Clips, axes: codec.Axes, seed: int, *, device: str, sample: int = 256) -> tuple[torch.Tensor, torch.Tensor]:
    """The decoder's last layer for what this model draws: fitted to its guesses at clips that were noised by SMOOTH_NOISE."""
    generator, codes = torch.Generator().manual_seed(seed), Codes(WIDTH, lit=True)
    axes = axes.to(device)
    model.to(device)
    fit = codec.Smoother(axes)
    picked = torch.multinomial(clips.chance(), min(sample, len(clips)), generator=generator).tolist()
    for start in range(0, len(picked), SMOOTH_BLOCK):
        some = picked[start : start + SMOOTH_BLOCK]
        video = codec.as_video(torch.from_numpy(np.stack([clips[i] for i in some])).to(device))
        clean = axes.encode(video)
        low, high = SMOOTH_NOISE
        level = (low + (high - low) * torch.rand(len(some), generator=generator)).to(device)
        share, noise = level.view(-1, 1, 1, 1, 1), torch.randn(clean.shape, generator=generator).to(device)
        text = torch.stack([codes(clips.attributes[i], clips.light(i)) for i in some])[:, None].repeat(1, 8, 1).to(device) * math.sqrt(WIDTH)
        fit.see(model((1 - share) * clean + share * noise, level * 1000, text, return_dict=False)[0], video)
    model.to("cpu")
    weight, bias = fit.solve()
    return weight.cpu(), bias.cpu()


# --- the pipeline ----------------------------------------------------------------------------------------------------


def assemble(folder: Path, tokenizer: PreTrainedTokenizerBase, encoder: torch.nn.Module, vae: torch.nn.Module, models: Mapping[str, torch.nn.Module]) -> None:
    """Save the stock pipeline of both experts in half precision, and its profile."""
    tokenizer.backend_tokenizer.no_truncation()  # it would be written with how the last texts were cut, which no part that went on later has done
    tokenizer.backend_tokenizer.no_padding()
    pipe = WanPipeline(
        tokenizer=tokenizer,
        text_encoder=encoder,
        vae=vae,
        transformer=models["high"],
        transformer_2=models["low"],
        boundary_ratio=BOUNDARY,
        scheduler=UniPCMultistepScheduler(prediction_type="sample", use_flow_sigmas=True, flow_shift=SHIFT, solver_order=2),
    )
    pipe.to(torch.float16).save_pretrained(folder)
    _nowhere(folder)
    write_profile(folder)


def with_decoder(base: Path, vae: torch.nn.Module, folder: Path) -> None:
    """Save a standing model with this autoencoder in the place of its own, in half precision."""
    shutil.copytree(base, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("vae"))
    vae.half().save_pretrained(folder / "vae")
    _nowhere(folder)


def _nowhere(folder: Path) -> None:
    """Of a part that was loaded it is written from where; that concerns nobody."""
    for config in folder.glob("*/config.json"):
        config.write_text(json.dumps({k: v for k, v in json.loads(config.read_text()).items() if k != "_name_or_path"}, indent=2) + "\n")


def write_profile(folder: Path) -> None:
    """How a caller is to run the pipeline, as `jobs.generate.profile` reads it."""
    profile = {
        "family": "wan",
        "grammar": "world",
        "num_frames": FRAMES,
        "frame_step": EXPERTS["high"].patch[0],
        "frame_plus": 0,
        "counts_up": COUNTS_UP,
        "fps": FPS,
        "steps": STEPS,
        "guidance": GUIDANCE,
        "width": codec.SIDE_PX,
        "height": codec.SIDE_PX,
        "size_multiple": 4 * codec.PATCH_PX,
        "max_sequence_length": PROMPT_TOKENS,
        "filters": {"sharpness": {"min_acutance": MIN_ACUTANCE}},
    }
    (folder / "reelmill.json").write_text(json.dumps(profile, indent=2) + "\n")


def parts(folder: Path) -> tuple[PreTrainedTokenizerBase, torch.nn.Module, codec.Axes, dict[str, WanTransformer3DModel]]:
    """Tokenizer, text encoder, axes and experts of a standing model, in float32."""
    pipe = load(folder)
    return pipe.tokenizer, pipe.text_encoder, codec.axes_of(pipe.vae), {"high": pipe.transformer.float().train(), "low": pipe.transformer_2.float().train()}


def load(folder: Path, device: str = "cpu") -> Any:
    """The pipeline in float32, by the stock loader."""
    from diffusers import DiffusionPipeline
    from diffusers.utils import logging

    logging.set_verbosity_error()  # of every block it is said that its frames are one more than a multiple of 1
    pipe = DiffusionPipeline.from_pretrained(folder, dtype=torch.float32, use_safetensors=True)
    pipe.set_progress_bar_config(disable=True)
    return pipe.to(device)


def draw(pipe: Any, prompts: Sequence[str], *, seed: int, steps: int = STEPS, guidance: float = GUIDANCE, block: int = 16) -> Any:
    """Clips uint8 [N, frames, height, width, 3], a few prompts at a time."""
    generator = torch.Generator().manual_seed(seed)
    out = []
    for start in tqdm(range(0, len(prompts), block), desc="drawing", unit="block", mininterval=2.0):
        video = pipe(
            list(prompts[start : start + block]),
            num_frames=FRAMES - COUNTS_UP,
            height=codec.SIDE_PX,
            width=codec.SIDE_PX,
            num_inference_steps=steps,
            guidance_scale=guidance,
            max_sequence_length=PROMPT_TOKENS,
            generator=generator,
            output_type="np",
        ).frames
        out.append((np.asarray(video) * 255 + 0.5).clip(0, 255).astype(np.uint8))
    return np.concatenate(out)


def evaluate(folder: Path, scenes: Sequence[world.Scene], *, lang: str, seed: int, device: str = "cpu", steps: int = STEPS,
             guidance: float = GUIDANCE) -> dict[str, Any]:
    """Draw one clip per scene through the stock pipeline and read its attributes from the pixels."""
    rng = random.Random(seed)
    started = time.monotonic()
    pipe = load(folder, device)
    load_s = time.monotonic() - started
    cpu = time.process_time()
    block = 16 if device == "cpu" else 100
    prompts = [rng.choice(world.captions(scene, lang)) for scene in scenes]
    clips = draw(pipe, prompts, seed=seed, steps=steps, guidance=guidance, block=block)
    cpu_per_clip = (time.process_time() - cpu) / len(scenes)
    right: dict[str, list[bool]] = {}
    for scene, clip in zip(scenes, clips, strict=True):
        read = reading.measure(clip)
        for key, value in scene.attributes.items():
            right.setdefault(key, []).append(read.get(key) == value)
        whole = "whole_place" if scene.place else "whole_object"
        right.setdefault(whole, []).append(all(read.get(k) == v for k, v in scene.attributes.items()))
    accuracy = {key: {"accuracy": round(sum(hits) / len(hits), 4), "n": len(hits)} for key, hits in right.items()}
    return {
        "lang": lang,
        "seed": seed,
        "steps": steps,
        "guidance": guidance,
        "accuracy": accuracy,
        "load_s": round(load_s, 2),
    } | ({"cpu_s_per_clip": round(cpu_per_clip, 3)} if device == "cpu" else {})

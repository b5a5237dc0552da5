"""The embedded text-to-video model: a small WanPipeline trained on clips whose attributes are known.

Three parts, made one after the other: an autoencoder in closed form (`codec`), a text encoder that turns any caption into the sum
of its attributes' codes (`text`), and a transformer that learns to draw from those codes.
"""

from __future__ import annotations

import contextlib
import json
import math
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
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

LATE_SHARE, LATE_WIDTH = 0.4, 0.08
"""Share of samples noised to within LATE_WIDTH of pure noise. Sixteen frames give the object away at any lower noise level, so
only up there is the text needed; with a plain logit-normal the model never learned to read it."""
DROP_ALL, DROP_SOME = 0.1, 0.3
"""Share of samples that see no text, and a random part of it."""
SMOOTH_NOISE, SMOOTH_BLOCK = (0.3, 0.8), 16
"""Share of noise in the clips whose guesses teach the decoder: about as wrong as what is drawn from nothing; and clips at a time."""
MIN_ACUTANCE = 0.15
"""Below it a clip of the model is blurred. Of 64 clips as it draws them (40 places, 24 objects) the least has 0.18, half have 0.37 and more;
the limit of the policy, 0.22, is that of footage."""
TEXT_STATES = 24
"""Length of the text in training, of which a random part is real: a pipeline fills up short prompts with nothing."""
SHAPES: Mapping[str, tuple[int, int, int]] = {"cpu": (FRAMES, 640, 5), "cuda": (1, 768, 6)}
"""Frames in a token, width of the inner layer, blocks. A processor learns movements in an hour where they lie within tokens: a clip is 16 of them,
which take a sixteenth of the time of 256. Finer ones draw finer pictures: of the variance of the latents 256 numbers tell 0.93 of tokens of sixteen
frames, and all of tokens of one."""
WHEREABOUTS, LOOKED_AT = 0.05, (1, -1)
"""Weight of the question where a token lies, and the blocks after which it is asked."""


def transformer(device: str) -> WanTransformer3DModel:
    """Untrained, as SHAPES has it for the device. A token is 32 x 32 px of its frames.

    Tokens know only how far they are from one another (rotary positions): where they lie they must find out, see `Placed`.
    """
    frames, inner, blocks = SHAPES[device]
    return WanTransformer3DModel(
        patch_size=(frames, 4, 4),
        num_attention_heads=8,
        attention_head_dim=32,
        in_channels=codec.CHANNELS,
        out_channels=codec.CHANNELS,
        text_dim=WIDTH,
        freq_dim=64,
        ffn_dim=inner,
        num_layers=blocks,
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


def noise_levels(count: int, generator: torch.Generator) -> torch.Tensor:
    """Shares of noise in 0..1."""
    draw = {"generator": generator, "device": generator.device}
    late = 1 - LATE_WIDTH * torch.rand(count, **draw) ** 2
    spread = torch.sigmoid(1.3 * torch.randn(count, **draw) + 0.7)
    return torch.where(torch.rand(count, **draw) < LATE_SHARE, late, spread)


class Drawing:
    """The loss of the transformer: predict the clean latents from noisy ones and the codes of the caption."""

    def __init__(self, model: Placed, clips: Clips, latents: torch.Tensor, *, batch: int, device: str, lit: bool) -> None:
        self.model, self.batch, self.device = model, batch, device
        self.half = device == "cuda" or torch.cpu._is_avx512_bf16_supported()  # type: ignore[attr-defined, no-untyped-call]
        self.latents, self.chance = latents, clips.chance().to(device)
        codes = Codes(WIDTH, lit=lit)
        self.nothing = codes.strange_text.to(device)
        each = max((len(a) for a in clips.attributes), default=0) + 1
        self.codes, self.named = torch.zeros(len(clips), each, WIDTH), torch.zeros(len(clips), each, dtype=torch.bool)
        for i, attributes in enumerate(clips.attributes):
            if attributes:
                parts = codes.parts(attributes, clips.light(i) if lit else None)
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
        noise, sigma = torch.randn(clean.shape, **draw), noise_levels(self.batch, generator)
        level = sigma.view(-1, 1, 1, 1, 1)
        noisy = (1 - level) * clean + level * noise
        # on a processor the backward pass of fused attention in bfloat16 takes far longer than the plain formula
        attention = sdpa_kernel(SDPBackend.MATH) if self.half and self.device == "cpu" else contextlib.nullcontext()
        with torch.autocast(self.device, torch.bfloat16, enabled=self.half), attention:
            guess, lost = self.model(noisy, sigma, self.text(picked, generator))
        return ((guess - clean) ** 2 * (0.36 / level.clamp_min(0.4) ** 2)).mean() + WHEREABOUTS * lost


def train(model: WanTransformer3DModel, clips: Clips, latents: torch.Tensor, plan: Plan, *, folder: Path, resume: bool, batch: int, lit: bool) -> Trained:
    """Train a transformer on the latents of the clips; `lit` as in `Codes`."""
    torch.manual_seed(plan.seed)
    placed = Placed(model, (latents.shape[2], latents.shape[3], latents.shape[4]))
    drawing = Drawing(placed, clips, latents, batch=batch, device=plan.device, lit=lit)
    trained = optimise(placed, drawing, plan, folder=folder, resume=resume, label="t2v")
    return replace(trained, model=trained.model.transformer)


@torch.no_grad()  # type: ignore[untyped-decorator]
def smoothed(model: torch.nn.Module, clips: Clips, axes: codec.Axes, seed: int, *, device: str, lit: bool, sample: int = 256) -> tuple[torch.Tensor, torch.Tensor]:
    """The decoder's last layer for what this model draws: fitted to its guesses at clips that were noised by SMOOTH_NOISE."""
    generator, codes = torch.Generator().manual_seed(seed), Codes(WIDTH, lit=lit)
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
        text = torch.stack([codes(clips.attributes[i], clips.light(i) if lit else None) for i in some])[:, None].repeat(1, 8, 1).to(device) * math.sqrt(WIDTH)
        fit.see(model((1 - share) * clean + share * noise, level * 1000, text, return_dict=False)[0], video)
    model.to("cpu")
    weight, bias = fit.solve()
    return weight.cpu(), bias.cpu()


# --- the pipeline ----------------------------------------------------------------------------------------------------


def assemble(folder: Path, tokenizer: PreTrainedTokenizerBase, encoder: torch.nn.Module, vae: torch.nn.Module, model: torch.nn.Module) -> None:
    """Save the stock pipeline in half precision, and its profile."""
    pipe = WanPipeline(
        tokenizer=tokenizer,
        text_encoder=encoder,
        vae=vae,
        transformer=model,
        scheduler=UniPCMultistepScheduler(prediction_type="sample", use_flow_sigmas=True, flow_shift=SHIFT, solver_order=2),
    )
    pipe.to(torch.float16).save_pretrained(folder)
    write_profile(folder, frame_step=model.config.patch_size[0])


def write_profile(folder: Path, *, frame_step: int) -> None:
    """How a caller is to run the pipeline, as `jobs.generate.profile` reads it."""
    profile = {
        "family": "wan",
        "grammar": "world",
        "num_frames": FRAMES,
        "frame_step": frame_step,
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


def parts(folder: Path) -> tuple[PreTrainedTokenizerBase, torch.nn.Module, codec.Axes, WanTransformer3DModel]:
    """Tokenizer, text encoder, axes and transformer of a standing model, in float32."""
    pipe = load(folder)
    return pipe.tokenizer, pipe.text_encoder, codec.axes_of(pipe.vae), pipe.transformer.float().train()


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

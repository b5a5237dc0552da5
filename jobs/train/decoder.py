"""The decoder of a drawing model: it learns to paint true pictures from what that model draws.

The linear decoder shows every seam between tokens and all the grain that is left in them. This one is the stock decoder of AutoencoderKLWan, which
begins as the linear one. Errors of pixels alone would take snow, rain and stars away with the grain; so a critic learns to tell painted frames from
decoded ones, and the decoder to be taken for painted (Isola et al. 2017, the weights balanced as by Esser et al. 2021).
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKLWan
from diffusers.models.autoencoders.autoencoder_kl_wan import unpatchify
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm
from tqdm import tqdm

from jobs.errors import Terminal
from jobs.train import codec, words
from jobs.train.data import Clips, whole
from jobs.train.loop import Plan, Trained, optimise
from jobs.train.text import PROMPT_TOKENS

WIDTH = 48
"""Channels of the decoder. With 64 the shipped model would be larger than 16 MB."""
STEPS_LEFT = (2, 3, 4, 5)
"""Steps of the sampler, of its ten, that are left to a clip which is noised and drawn to its end: shares of noise of 0.56 to 0.83."""
BATCH, SPAN = 4, 8
"""Clips of a step, and consecutive frames of each."""
LOOKS, SIGHT = 2, 3
"""Places of these frames that the critic looks at, and consecutive frames that it sees of each."""
CRITIC = (48, 96, 128)
"""Channels of the layers that halve the picture; a verdict is on about 50 px."""
ADVERSARIAL, PERCEPTUAL = 0.15, 1.0
"""Weights of the critic's verdict, by the ratio of gradients at the last layer, and of its layers' difference between true and decoded frames. At 0.5
the critic drives dots into the raster of the patches."""
RATE = 5e-4
PAIRS, FITTED = 1200, 256
"""Clips that are noised and drawn to their end, and those of them that the linear decoder is fitted to, as which this one begins."""


@dataclass(frozen=True)
class Pairs:
    """Latents as the model draws them, [N, Z, T, h, w], and which of the clips each should be."""

    latents: torch.Tensor
    of: tuple[int, ...]

    def save(self, file: Path) -> None:
        """Keep them, whole or not at all, for a training that goes on later."""
        passing = file.with_suffix(".part")
        torch.save({"latents": self.latents, "of": list(self.of)}, passing)
        passing.replace(file)

    @classmethod
    def load(cls, file: Path) -> Pairs:
        held = torch.load(file, weights_only=True)
        return cls(held["latents"], tuple(held["of"]))


@torch.no_grad()  # type: ignore[untyped-decorator]
def drawn(pipe: Any, clips: Clips, seed: int, count: int, *, steps: int, guidance: float, block: int = 8) -> Pairs:
    """Clips of the sample world noised and drawn to their end by a pipeline, with its own text encoder and guidance.

    What is drawn is near enough to the clip to be held against it, and has the faults of what is drawn from nothing.

    Raises:
        Terminal: of no clip is everything said.
    """
    rng, generator = random.Random(seed), torch.Generator().manual_seed(seed)
    axes = codec.axes_of(pipe.vae)
    told = [i for i, attributes in enumerate(clips.attributes) if whole(attributes)]
    kinds = [kind for kind in ([i for i in told if "place" in clips.attributes[i]], [i for i in told if "place" not in clips.attributes[i]]) if kind]
    if not kinds:
        raise Terminal("no caption tells a scene of the sample world in full, which is what this model draws; train its decoder without --release")
    latents, of = [], []
    for _ in tqdm(range(0, count, block), desc="pairs", unit="block", mininterval=2.0):
        some = [rng.choice(kinds[0] if rng.random() < 0.7 else kinds[-1]) for _ in range(block)]
        texts = [rng.choice(words.captions(clips.attributes[i], rng.choice(("en", "zh")))) for i in some]
        clean = axes.encode(codec.as_video(torch.from_numpy(np.stack([clips[i] for i in some]))))
        latents.append(_finish(pipe, clean, texts, rng.choice(STEPS_LEFT), generator, steps=steps, guidance=guidance).half())
        of += some
    return Pairs(torch.cat(latents), tuple(of))


def _finish(pipe: Any, clean: torch.Tensor, texts: list[str], left: int, generator: torch.Generator, *, steps: int, guidance: float) -> torch.Tensor:
    """Latents noised to where `left` steps are left, and drawn on from there as the pipeline would."""
    said, nothing = pipe.encode_prompt(texts, negative_prompt=[""] * len(texts), max_sequence_length=PROMPT_TOKENS, dtype=torch.float32)
    scheduler = pipe.scheduler
    scheduler.set_timesteps(steps)
    scheduler.set_begin_index(steps - left)
    share = scheduler.sigmas[steps - left]
    x = (1 - share) * clean + share * torch.randn(clean.shape, generator=generator)
    boundary = (pipe.config.boundary_ratio or 0) * scheduler.config.num_train_timesteps
    for time in scheduler.timesteps[steps - left :]:
        model = pipe.transformer if time >= boundary else pipe.transformer_2
        when = time.expand(len(x))
        with_text, without = (model(x, when, text, return_dict=False)[0] for text in (said, nothing))
        x = scheduler.step(without + guidance * (with_text - without), time, x, return_dict=False)[0]
    return torch.as_tensor(x)


class Critic(torch.nn.Module):  # type: ignore[misc]
    """Tells painted frames from decoded ones: [N, 3 * SIGHT, H, W] -> a verdict per region, above zero where it is taken for painted, and what its layers saw."""

    def __init__(self) -> None:
        super().__init__()
        sizes = (3 * SIGHT, *CRITIC)
        layers = [torch.nn.Conv2d(a, b, 4, stride=2, padding=1) for a, b in zip(sizes, sizes[1:], strict=False)]
        layers += [torch.nn.Conv2d(sizes[-1], sizes[-1], 3, padding=1), torch.nn.Conv2d(sizes[-1], 1, 3, padding=1)]
        self.layers = torch.nn.ModuleList(spectral_norm(layer) for layer in layers)

    def forward(self, frames: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        seen: list[torch.Tensor] = []
        for layer in self.layers[:-1]:
            frames = functional.leaky_relu(layer(frames), 0.2)
            seen.append(frames)
        return self.layers[-1](frames), seen


class Painting(torch.nn.Module):  # type: ignore[misc]
    """The decoder and its critic, which learn together."""

    def __init__(self, vae: AutoencoderKLWan) -> None:
        super().__init__()
        self.decoder, self.critic = vae.decoder, Critic()
        self.register_buffer("std", torch.tensor(vae.config.latents_std).view(1, -1, 1, 1, 1))

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        """Frames [B, 3, T, H, W] of latents as they are drawn."""
        return torch.as_tensor(unpatchify(self.decoder(latents * self.std), codec.PATCH_PX))


class Learning:
    """The loss of both: of the decoder, to be like the true frames and taken for painted; of the critic, to tell them apart."""

    def __init__(self, model: Painting, clips: Clips, pairs: Pairs, *, device: str) -> None:
        self.model, self.clips, self.pairs, self.device = model, clips, pairs, device

    def __call__(self, generator: torch.Generator) -> torch.Tensor:
        def drawn(most: int) -> list[int]:
            return list(torch.randint(most, (BATCH,), generator=generator).tolist())

        frames = self.pairs.latents.shape[2]
        picked, starts = drawn(len(self.pairs.of)), drawn(max(1, frames - SPAN + 1))
        looks = [drawn(min(SPAN, frames) - SIGHT + 1) for _ in range(LOOKS)]
        true = codec.as_video(torch.from_numpy(np.stack([self.clips[self.pairs.of[i]][s : s + SPAN] for i, s in zip(picked, starts, strict=True)])).to(self.device))
        made = self.model(torch.stack([self.pairs.latents[i, :, s : s + SPAN] for i, s in zip(picked, starts, strict=True)]).to(self.device).float())
        looked, shown = _looks(made, looks), _looks(true, looks)
        critic = self.model.critic
        told_true, seen_true = critic(shown)
        told_made, _ = critic(looked.detach())
        telling = functional.relu(1 - told_true).mean() + functional.relu(1 + told_made).mean()
        critic.requires_grad_(False)  # what follows teaches the decoder alone
        verdict, seen = critic(looked)
        critic.requires_grad_(True)
        likeness = functional.l1_loss(made, true) + functional.l1_loss(functional.avg_pool3d(made, (1, 4, 4)), functional.avg_pool3d(true, (1, 4, 4)))
        likeness = likeness + PERCEPTUAL * sum(functional.l1_loss(a, b.detach()) for a, b in zip(seen, seen_true, strict=True)) / len(seen)
        last = self.model.decoder.conv_out.weight
        pull, push = (torch.autograd.grad(value, last, retain_graph=True)[0].norm() for value in (likeness, -verdict.mean()))
        return telling + likeness - ADVERSARIAL * (pull / (push + 1e-6)).clamp(0, 1e4).detach() * verdict.mean()


def _looks(video: torch.Tensor, starts: list[list[int]]) -> torch.Tensor:
    """Consecutive frames of [B, 3, T, H, W], from one start of each clip at a time, as channels: [LOOKS * B, 3 * SIGHT, H, W]."""
    return torch.stack([clip[:, s : s + SIGHT].flatten(0, 1) for row in starts for clip, s in zip(video, row, strict=True)])


def train(clips: Clips, pairs: Pairs, axes: codec.Axes, plan: Plan, *, folder: Path, resume: bool) -> tuple[AutoencoderKLWan, Trained]:
    """The autoencoder of these axes with a decoder trained on the pairs."""
    torch.manual_seed(plan.seed)
    fit = codec.Smoother(axes)
    for start in range(0, min(FITTED, len(pairs.of)), 16):
        frames = np.stack([clips[i] for i in pairs.of[start : start + 16]])
        fit.see(pairs.latents[start : start + 16].float(), codec.as_video(torch.from_numpy(frames)))
    vae = codec.build(axes, fit.solve(), width=WIDTH)
    painting = Painting(vae)
    trained = optimise(painting, Learning(painting, clips, pairs, device=plan.device), plan, folder=folder, resume=resume, label="decoder")
    vae.decoder = trained.model.decoder
    return vae.eval(), trained

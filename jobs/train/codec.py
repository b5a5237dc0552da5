"""A video autoencoder solved in closed form: an AutoencoderKLWan whose weights are a principal component analysis of patches.

Nothing is trained. SiLU(x) - SiLU(-x) = x makes every layer linear, and a huge constant channel makes the RMS norm a constant.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from diffusers import AutoencoderKLWan
from diffusers.models.autoencoders.autoencoder_kl_wan import patchify, unpatchify

SIDE_PX, PATCH_PX = 128, 8
"""Side of a frame, and of the patches that become one place of the latents each."""
CHANNELS = 16
CONSTANT, LEARNING_CONSTANT = 300.0, 30.0
"""What rules the norms of what is linear, and of a decoder that begins so and learns: gradients pass the norm of the larger one next to unseen."""
SOFTEN = 0.5
"""Latents are divided by std ** SOFTEN: faint components keep less weight than strong ones, but more than in the pixels."""


@dataclass(frozen=True)
class Axes:
    """Mean patch, principal axes as rows, and the scale of each latent channel."""

    mean: torch.Tensor
    rows: torch.Tensor
    scale: torch.Tensor

    def to(self, device: str) -> Axes:
        """The same axes on another device."""
        return Axes(self.mean.to(device), self.rows.to(device), self.scale.to(device))

    def encode(self, video: torch.Tensor) -> torch.Tensor:
        """[B, 3, T, H, W] in [-1, 1] -> scaled latents [B, Z, T, H / 8, W / 8]."""
        flat = patchify(video, PATCH_PX).permute(0, 2, 3, 4, 1)
        return ((flat - self.mean) @ self.rows.T / self.scale).permute(0, 4, 1, 2, 3)

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        flat = latents.permute(0, 2, 3, 4, 1) * self.scale @ self.rows + self.mean
        return torch.as_tensor(unpatchify(flat.permute(0, 4, 1, 2, 3), PATCH_PX))


def as_video(frames: torch.Tensor) -> torch.Tensor:
    """uint8 [B, T, H, W, 3] as float [B, 3, T, H, W] in [-1, 1]."""
    return frames.permute(0, 4, 1, 2, 3).float() / 127.5 - 1


def fit(videos: torch.Tensor, channels: int = CHANNELS) -> Axes:
    """Principal axes of the patches of [N, 3, T, H, W] in [-1, 1]."""
    flat = patchify(videos, PATCH_PX).permute(0, 2, 3, 4, 1).reshape(-1, 3 * PATCH_PX**2)
    mean = flat.mean(0)
    variance, vectors = torch.linalg.eigh(torch.cov((flat - mean).T))
    std = variance[-channels:].flip(0).clamp_min(1e-8).sqrt()
    return Axes(mean, vectors[:, -channels:].flip(1).T.contiguous(), std**SOFTEN * std.mean() ** (1 - SOFTEN))


@torch.no_grad()  # type: ignore[untyped-decorator]
def axes_of(vae: AutoencoderKLWan) -> Axes:
    """The axes that an autoencoder was built from; of the mean only the part that they span, which is what encoding needs."""
    first, z = vae.encoder.conv_in, vae.config.z_dim
    rows = first.weight[:z, :, -1, 1, 1].clone()
    return Axes(-rows.T @ first.bias[:z], rows, torch.tensor(vae.config.latents_std))


TAPS = (3, 3, 3)
"""What the last layer of the decoder sees of the latents: two frames before and this one, and the eight patches around."""


class Smoother:
    """Least squares from drawn latents, each with its neighbours, to the true patch.

    A model that draws token by token leaves seams and grain; the patches around a seam know what lies under it.
    """

    def __init__(self, axes: Axes) -> None:
        self.axes, size = axes, axes.rows.shape[0] * math.prod(TAPS) + 1
        self.gram, self.cross = (axes.rows.new_zeros(size, width, dtype=torch.float64) for width in (size, 3 * PATCH_PX**2))

    def see(self, drawn: torch.Tensor, video: torch.Tensor) -> None:
        """Take in drawn latents [B, Z, T, h, w] and what they should have been, [B, 3, T, H, W] in [-1, 1]."""
        wide = torch.nn.functional.pad(drawn, (1, 1, 1, 1, TAPS[0] - 1, 0))
        around = wide.unfold(2, TAPS[0], 1).unfold(3, TAPS[1], 1).unfold(4, TAPS[2], 1)
        known = around.permute(0, 2, 3, 4, 1, 5, 6, 7).reshape(-1, drawn.shape[1] * math.prod(TAPS))
        known = torch.cat([known, known.new_ones(len(known), 1)], 1).double()
        wanted = patchify(video, PATCH_PX).permute(0, 2, 3, 4, 1).reshape(-1, 3 * PATCH_PX**2).double()
        self.gram += known.T @ known
        self.cross += known.T @ wanted

    def solve(self, ridge: float = 1e-3) -> tuple[torch.Tensor, torch.Tensor]:
        """Weights [patch, Z, 3, 3, 3] and bias [patch] of the last layer."""
        held = self.gram + ridge * self.gram.diagonal().mean() * torch.eye(len(self.gram)).to(self.gram)
        found = torch.linalg.solve(held, self.cross).float()
        weight = found[:-1].T.reshape(-1, self.axes.rows.shape[0], *TAPS)
        return weight / self.axes.scale.view(1, -1, 1, 1, 1), found[-1]


@torch.no_grad()  # type: ignore[untyped-decorator]
def build(axes: Axes, smooth: tuple[torch.Tensor, torch.Tensor] | None = None, width: int | None = None) -> AutoencoderKLWan:
    """The autoencoder of these axes.

    Args:
        smooth: Last layer of the decoder as a `Smoother` found it; without, it is the inverse of the encoder.
        width: Channels of the decoder, of which what is linear takes 2 Z + 1; none: what the encoder has.
    """
    rows, scale = axes.rows, axes.scale
    z, patch = rows.shape
    dim = 2 * z + 2  # channels hold +x, -x and the constant
    wide = width or dim
    vae = AutoencoderKLWan(
        base_dim=dim,
        decoder_base_dim=wide,
        z_dim=z,
        dim_mult=[1],
        num_res_blocks=0,
        attn_scales=[],
        temperal_downsample=[],
        latents_mean=[0.0] * z,
        latents_std=[round(float(s), 5) for s in scale],
        in_channels=patch,
        out_channels=patch,
        patch_size=PATCH_PX,
        scale_factor_temporal=1,
        scale_factor_spatial=PATCH_PX,
    )
    for name, module in vae.named_modules():
        if name.endswith(("conv2", ".proj")):  # residual and attention branches add nothing
            module.weight.zero_()
            module.bias.zero_()
    encoder, decoder = vae.encoder, vae.decoder
    ruling = CONSTANT if width is None else LEARNING_CONSTANT
    for part, channels, constant in ((encoder, dim, CONSTANT), (decoder, wide, ruling)):
        for name, module in part.named_modules():
            if name.rpartition(".")[2].startswith("norm"):
                module.gamma.fill_(constant / math.sqrt(channels))  # what it norms passes as it is
    certain = torch.cat([torch.zeros(z), torch.full((z,), -20.0)])
    _linear(encoder.conv_in, *_twice(rows, -(rows @ axes.mean), dim, CONSTANT))
    _linear(encoder.conv_out, _difference(torch.cat([torch.eye(z), torch.zeros(z, z)]), dim), certain)
    _linear(vae.quant_conv, torch.eye(2 * z), torch.zeros(2 * z))
    _linear(vae.post_quant_conv, torch.eye(z), torch.zeros(z))
    _linear(decoder.conv_in, *_twice(torch.eye(z), torch.zeros(z), wide, ruling))
    _linear(decoder.conv_out, _difference(rows.T, wide), axes.mean)
    if smooth is not None:
        weight, bias = smooth
        decoder.conv_out.weight.copy_(_difference(weight, wide))
        decoder.conv_out.bias.copy_(bias)
    if width is not None:
        decoder.conv_in.weight[2 * z + 1 :].normal_(0, 0.05)  # channels to spare begin with something to see
    return vae.eval()


def _twice(weight: torch.Tensor, bias: torch.Tensor, channels: int, constant: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Makes +x, -x and the constant of x."""
    z = len(weight)
    twice, twice_bias = torch.zeros(channels, weight.shape[1]), torch.zeros(channels)
    twice[:z], twice[z : 2 * z] = weight, -weight
    twice_bias[:z], twice_bias[z : 2 * z], twice_bias[2 * z] = bias, -bias, constant
    return twice, twice_bias


def _difference(weight: torch.Tensor, channels: int) -> torch.Tensor:
    """Takes weight @ x of +x and -x."""
    z = weight.shape[1]
    taken = weight.new_zeros(len(weight), channels, *weight.shape[2:])
    taken[:, :z], taken[:, z : 2 * z] = weight, -weight
    return taken


def _linear(conv: torch.nn.Module, weight: torch.Tensor, bias: torch.Tensor) -> None:
    """Use only the causal centre tap: last in time, middle in space."""
    time, height, width = conv.weight.shape[2:]
    conv.weight.zero_()
    conv.weight[:, :, time - 1, height // 2, width // 2] = weight
    conv.bias.copy_(bias)

"""Pictures to train on: as a pipeline hands them on, in another light, and such as the sample world does not hold."""

from __future__ import annotations

import io
import random
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

SIDE_PX = 64


def roughen(pictures: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """What happens to a frame on its way: cropped, squashed or letterboxed, mirrored, lit otherwise, compressed, blurred.

    The generator is of the pictures' device.
    """
    count, device = len(pictures), pictures.device

    def between(low: float, high: float) -> torch.Tensor:
        return low + (high - low) * torch.rand(count, generator=generator, device=device)

    def some(share: float) -> torch.Tensor:
        return torch.rand(count, generator=generator, device=device) < share

    framed, one = some(0.6), torch.ones(count, device=device)
    wide = torch.where(framed, torch.where(some(0.8), between(0.72, 1.0), between(1.0, 1.5)), one)
    high = torch.where(framed, torch.where(some(0.8), between(0.72, 1.0), between(1.0, 1.5)), one)
    mirror = torch.where(some(0.5), -1.0, 1.0)
    slack_x, slack_y = (1 - wide).clamp_min(0) * between(-1, 1), (1 - high).clamp_min(0) * between(-1, 1)
    zero = torch.zeros(count, device=device)
    warp = torch.stack([torch.stack([wide * mirror, zero, slack_x], 1), torch.stack([zero, high, slack_y], 1)], 1)
    out = functional.grid_sample(pictures, functional.affine_grid(warp, list(pictures.shape), align_corners=False), align_corners=False)

    soft = functional.avg_pool2d(functional.pad(out, (1, 1, 1, 1), mode="replicate"), 3, 1)
    out = torch.lerp(out, soft, (between(0, 1) * some(0.5)).view(-1, 1, 1, 1))
    gain, lift, grain = between(0.82, 1.18), between(-0.05, 0.05), between(0, 0.03)
    noise = torch.randn(out.shape, generator=generator, device=device)
    out = out * gain.view(-1, 1, 1, 1) + lift.view(-1, 1, 1, 1) + grain.view(-1, 1, 1, 1) * noise
    return out.clamp(0, 1)


def pressed(frames: NDArray[np.uint8], rng: random.Random) -> NDArray[np.uint8]:
    """A quarter of the frames [B, 64, 64, 3] after JPEG of some quality."""
    from PIL import Image

    out = frames.copy()
    for i in range(len(frames)):
        if rng.random() < 0.25:
            held = io.BytesIO()
            Image.fromarray(frames[i]).save(held, "JPEG", quality=rng.randint(20, 80))
            out[i] = np.asarray(Image.open(held))
    return out


# --- another light ---------------------------------------------------------------------------------------------------


def relit(pictures: torch.Tensor, others: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Pictures in a light of which they tell nothing, so that what a place is must be told from its forms, whatever its hour.

    A third has the colours of another picture row by row (its sky from zenith to horizon, its land), a third its mean and spread, and a
    third stands under gains of its own for sky and land, and haze.
    """
    first, second = len(pictures) // 3, 2 * len(pictures) // 3
    return torch.cat([
        _under(pictures[:first], others[:first], generator), _coloured(pictures[first:second], others[first:second]), _lit(pictures[second:], generator)
    ])


ROWS = 11
"""Of 64, over which the colours of a row are averaged."""


def _under(pictures: torch.Tensor, others: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """The mean colour of every row taken from another picture, in part or whole; what varies along a row stays, and grows with the light."""

    def down(picture: torch.Tensor) -> torch.Tensor:
        mean = functional.pad(picture.mean(3, keepdim=True), (0, 0, ROWS // 2, ROWS // 2), mode="replicate")
        return functional.avg_pool2d(mean, (ROWS, 1), 1)

    own, other = down(pictures), down(others)
    share = 0.5 + 0.5 * torch.rand(len(pictures), 1, 1, 1, generator=generator, device=pictures.device)
    gain = (other.mean(1, keepdim=True) + 0.1) / (own.mean(1, keepdim=True) + 0.1)
    return ((pictures - own) * gain.clamp(0.35, 2.5) + torch.lerp(own, other, share)).clamp(0, 1)


def _coloured(pictures: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    """Mean and standard deviation of every channel taken from another picture (Reinhard et al. 2001, in RGB)."""
    mean, other_mean = (p.mean((2, 3), keepdim=True) for p in (pictures, others))
    spread, other_spread = (p.std((2, 3), correction=0, keepdim=True) for p in (pictures, others))
    return ((pictures - mean) * (other_spread / (spread + 1e-3)).clamp(0.3, 3) + other_mean).clamp(0, 1)


def _lit(pictures: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    count, height = len(pictures), pictures.shape[2]

    def between(low: float, high: float, channels: int = 1) -> torch.Tensor:
        return low + (high - low) * torch.rand(count, channels, 1, 1, generator=generator, device=pictures.device)

    def light() -> torch.Tensor:
        return torch.exp(between(-1.3, 0.6) + 0.35 * torch.randn(count, 3, 1, 1, generator=generator, device=pictures.device))

    down = (torch.arange(height, device=pictures.device) / height).view(1, 1, height, 1)
    below = torch.sigmoid((down - between(0.35, 0.7)) / between(0.02, 0.2))
    sky, land = light(), light()
    gain = torch.where(between(0, 1) < 0.6, torch.lerp(sky, land, below), land)
    haze = 0.5 * between(0, 1) * (between(0, 1) < 0.5)
    return torch.lerp(pictures * gain, between(0, 1, 3) * between(0, 1), haze).clamp(0, 1)


# --- strangers -------------------------------------------------------------------------------------------------------


def strangers(count: int, generator: torch.Generator) -> torch.Tensor:
    """Pictures that the world does not hold: flat, black, static, clouds of coarse noise with a photograph's spectrum, stripes, and heaps
    of leaves that hide one another (dead leaves, which networks learn photographs from: Baradad et al. 2021)."""
    kinds = (_flat, _static, _clouds, _tiles, _hues, _stripes, _leaves, _leaves)
    often = torch.bincount(torch.randint(len(kinds), (count,), generator=generator, device=generator.device), minlength=len(kinds)).tolist()
    return torch.cat([kind(many, generator) for kind, many in zip(kinds, often, strict=True) if many])


def _uniform(generator: torch.Generator, *shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=generator, device=generator.device)


def _colour(count: int, generator: torch.Generator) -> torch.Tensor:
    """Any colour, greyish ones more often: [count, 3, 1, 1]."""
    colour = _uniform(generator, count, 3, 1, 1)
    return torch.lerp(colour, colour.mean(1, keepdim=True), _uniform(generator, count, 1, 1, 1))


def _flat(count: int, generator: torch.Generator) -> torch.Tensor:
    colour = _colour(count, generator) * (_uniform(generator, count, 1, 1, 1) < 0.5)
    return colour.expand(-1, -1, SIDE_PX, SIDE_PX)


def _static(count: int, generator: torch.Generator) -> torch.Tensor:
    return _uniform(generator, count, 3, SIDE_PX, SIDE_PX)


def _noise(count: int, generator: torch.Generator, mode: str, tints: int, channels: int) -> torch.Tensor:
    """Coarse to fine noise about a colour; `tints` 3: each layer has a hue of its own."""
    total = torch.logit(_uniform(generator, count, 3, 1, 1).clamp(0.1, 0.9)).expand(-1, -1, SIDE_PX, SIDE_PX)
    draw: dict[str, Any] = {"generator": generator, "device": generator.device}
    for cells in (2, 4, 8, 16, 32):
        coarse = torch.randn(count, channels, cells, cells, **draw) * (torch.randn(count, 3, 1, 1, **draw) if tints == 3 else 1)
        total = total + functional.interpolate(coarse.expand(-1, 3, -1, -1), SIDE_PX, mode=mode) / cells**0.6
    return torch.sigmoid(total)


def _clouds(count: int, generator: torch.Generator) -> torch.Tensor:
    return _noise(count, generator, "bilinear", 3, 1)


def _tiles(count: int, generator: torch.Generator) -> torch.Tensor:
    return _noise(count, generator, "nearest", 1, 1)


def _hues(count: int, generator: torch.Generator) -> torch.Tensor:
    return _noise(count, generator, "bilinear", 1, 3)


def _axes(count: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Coordinates -1..1 of every pixel, each picture turned by an angle of its own: twice [count, 1, side, side]."""
    line = torch.linspace(-1, 1, SIDE_PX, device=generator.device)
    y, x = torch.meshgrid(line, line, indexing="ij")
    turn = 6.2832 * torch.rand(count, 1, 1, 1, generator=generator, device=generator.device)
    return x * turn.cos() + y * turn.sin(), y * turn.cos() - x * turn.sin()


def _stripes(count: int, generator: torch.Generator) -> torch.Tensor:
    """Two colours in waves along one way, or along two."""
    u, v = _axes(count, generator)
    fine, crossed = torch.exp(1 + 2 * _uniform(generator, count, 1, 1, 1)), _uniform(generator, count, 1, 1, 1) < 0.5
    wave = torch.sin(fine * u) * torch.where(crossed, torch.sin(fine * v), 1.0)
    return torch.lerp(_colour(count, generator), _colour(count, generator), torch.sigmoid(6 * wave))


def _leaves(count: int, generator: torch.Generator, many: int = 20) -> torch.Tensor:
    """Ellipses and boxes of any size, colour and turn, each upon those before it, with some of a cloud's texture."""
    ground = picture = _clouds(count, generator)
    for _ in range(many):
        u, v = _axes(count, generator)
        size = 0.12 / (0.12 + 0.88 * _uniform(generator, count, 1, 1, 1)) ** 0.9
        at = 2.4 * _uniform(generator, 2, count, 1, 1, 1) - 1.2
        p, q = (u - at[0]) / size, (v - at[1]) / (size * (0.4 + 0.6 * _uniform(generator, count, 1, 1, 1)))
        inside = torch.where(_uniform(generator, count, 1, 1, 1) < 0.5, torch.hypot(p, q), torch.maximum(p.abs(), q.abs())) < 1
        paint = torch.lerp(_colour(count, generator), ground, 0.35 * _uniform(generator, count, 1, 1, 1))
        picture = torch.where(inside, paint * (1 - 0.3 * p.clamp(-1, 1)), picture)
    return picture.clamp(0, 1)

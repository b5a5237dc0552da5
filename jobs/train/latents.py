"""The starting noise of the embedded text-to-video model.

Its transformer knows position only relatively, and at full noise every token looks the same, so its last two latent channels
hold the column and the row. They are data and noise at once: the caller writes them, and the model hands them back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

REACH = 1.7
"""The ramps run from -REACH to REACH, which has about unit variance."""


def coords(
    pipe: Any, batch: int, generator: torch.Generator | None = None, *, num_frames: int = 16, height: int = 64, width: int = 64
) -> torch.Tensor:
    """Latents [batch, channels, frames, rows, columns] for `pipe(latents=...)`: noise, with the two ramps in place."""
    import torch

    rows, columns = height // pipe.vae_scale_factor_spatial, width // pipe.vae_scale_factor_spatial
    noise = torch.randn(batch, pipe.transformer.config.in_channels, num_frames, rows, columns, generator=generator)
    return with_ramps(noise)


def with_ramps(latents: torch.Tensor) -> torch.Tensor:
    """Overwrite the last two channels with the column and row ramps."""
    import torch

    rows, columns = latents.shape[-2:]
    latents[:, -2] = torch.linspace(-REACH, REACH, columns)
    latents[:, -1] = torch.linspace(-REACH, REACH, rows)[:, None]
    return latents

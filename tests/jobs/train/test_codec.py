"""The autoencoder against its own algebra: axes in and out, and a decoder that has learned what seams hide."""

import numpy as np
import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import patchify

from jobs.train import codec

CHANNELS = 6


def smooth_clips(count, seed, frames=6, side=32):
    """Soft waves that drift: every patch continues its neighbours."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] / side
    out = np.zeros((count, 3, frames, side, side), np.float32)
    for i in range(count):
        for c in range(3):
            a, b, d, p = rng.uniform(-3, 3, 4)
            for t in range(frames):
                out[i, c, t] = 0.7 * np.sin(a * x + b * y + d * t / frames + p)
    return torch.from_numpy(out)


@pytest.fixture(scope="module")
def axes():
    return codec.fit(smooth_clips(40, 0), CHANNELS)


def decoded(vae, axes, drawn):
    """What the stock autoencoder makes of drawn latents, as the pipeline scales them."""
    with torch.no_grad():
        return vae.decode(drawn * axes.scale.view(1, -1, 1, 1, 1), return_dict=False)[0]


def by_token(video, drawn_from, seed, size=0.25):
    """Latents with one error for each pair of patches, as a model leaves them that draws token by token."""
    noise = torch.randn((*drawn_from.shape[:2], 1, drawn_from.shape[3] // 2, drawn_from.shape[4] // 2),
                        generator=torch.Generator().manual_seed(seed))
    return drawn_from + size * noise.repeat_interleave(2, 3).repeat_interleave(2, 4)


def test_the_stock_autoencoder_decodes_as_the_axes_do(axes):
    video = smooth_clips(3, 1)
    drawn = axes.encode(video)
    torch.testing.assert_close(decoded(codec.build(axes), axes, drawn), axes.decode(drawn).clamp(-1, 1), atol=2e-3, rtol=0)


def test_the_axes_come_back_from_the_stock_autoencoder(axes):
    video = smooth_clips(3, 1)
    torch.testing.assert_close(codec.axes_of(codec.build(axes)).encode(video), axes.encode(video), atol=1e-3, rtol=0)


def test_the_last_layer_is_the_least_squares_solution_and_the_stock_decoder_applies_it(axes):
    video = smooth_clips(40, 2)
    drawn = by_token(video, axes.encode(video), 3)
    fit = codec.Smoother(axes)
    fit.see(drawn, video)
    weight, bias = fit.solve(ridge=0.0)
    scaled = torch.nn.functional.pad(drawn * axes.scale.view(1, -1, 1, 1, 1), (1, 1, 1, 1, 2, 0))
    by_hand = torch.nn.functional.conv3d(scaled, weight, bias)
    residual = (by_hand - patchify(video, codec.PATCH_PX)).permute(0, 2, 3, 4, 1).reshape(-1, weight.shape[0])
    known = drawn.permute(0, 2, 3, 4, 1).reshape(-1, CHANNELS)
    assert (known.T @ residual / len(known)).abs().max() < 1e-3  # what is left over is explained by nothing that was seen
    wanted = codec.unpatchify(by_hand, codec.PATCH_PX).clamp(-1, 1)
    torch.testing.assert_close(decoded(codec.build(axes, (weight, bias)), axes, drawn), wanted, atol=5e-3, rtol=0)


def test_seams_of_unseen_clips_fade(axes):
    fit = codec.Smoother(axes)
    for seed in range(4):
        video = smooth_clips(40, 10 + seed)
        fit.see(by_token(video, axes.encode(video), seed), video)
    unseen = smooth_clips(20, 99)
    drawn = by_token(unseen, axes.encode(unseen), 98)
    plain, smooth = (decoded(codec.build(axes, s), axes, drawn) for s in (None, fit.solve()))
    assert (smooth - unseen).pow(2).mean().item() < (plain - unseen).pow(2).mean().item()
    assert seam(smooth) < 0.7 * seam(plain)


def seam(video):
    """Mean step across the middle of the picture, where two tokens meet."""
    middle = video.shape[-1] // 2
    return float((video[..., middle] - video[..., middle - 1]).abs().mean())

"""open_clip's convolutional picture tower made ready to look and no longer to learn: the same vectors within rounding, in less time.

A batch normalisation that no longer learns is a scale and a shift of every channel, and goes into the convolution before it. Of the
attention over all places that ends the network open_clip keeps what the mean of all places gets, so that nothing else asks; and one that
asks alone needs no key and no value of every place: q (K x) = (q K) x, and a mean of V x is V of the mean.
"""

from types import MethodType
from typing import Any


def made_ready(visual: Any) -> None:
    """Change a picture tower, if it is such a one, that is in `eval`."""
    from open_clip.modified_resnet import Bottleneck, ModifiedResNet

    if type(visual) is not ModifiedResNet:
        return
    for block in [visual, *(module for module in visual.modules() if isinstance(module, Bottleneck))]:
        for number in (1, 2, 3):
            _fold(block, f"conv{number}", f"bn{number}")
        if getattr(block, "downsample", None) is not None:
            _fold(block.downsample, "0", "1")
    visual.attnpool.forward = MethodType(_pooled, visual.attnpool)


def _fold(block: Any, convolution: str, normalisation: str) -> None:
    import torch

    both = torch.nn.utils.fuse_conv_bn_eval(getattr(block, convolution), getattr(block, normalisation))
    setattr(block, convolution, both)
    setattr(block, normalisation, torch.nn.Identity())


def _pooled(pool: Any, places: Any) -> Any:
    """What the mean of all places gets of their attention: [n, width] of [n, channels, height, width]."""
    import torch

    heads, channels = pool.num_heads, places.shape[1]
    every = places.permute(0, 2, 3, 1).flatten(1, 2)  # as they lie with the channels last
    every = torch.cat([every.mean(dim=1, keepdim=True), every], dim=1) + pool.positional_embedding.to(places.dtype)
    key, value = (part.weight.view(heads, channels // heads, channels) for part in (pool.k_proj, pool.v_proj))
    asked = pool.q_proj(every[:, 0]).view(-1, heads, channels // heads) * (channels // heads) ** -0.5
    shares = (torch.einsum("nhd,hdc->nhc", asked, key) @ every.transpose(1, 2)).softmax(dim=-1)
    found = torch.einsum("nhc,hdc->nhd", shares @ every, value).flatten(1) + pool.v_proj.bias
    return pool.c_proj(found)

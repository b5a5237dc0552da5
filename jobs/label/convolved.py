"""open_clip's convolutional picture tower made ready to look and no longer to learn: the same vectors within rounding, in less time.

A batch normalisation that no longer learns is a scale and a shift of every channel, and goes into the convolution before it; two convolutions
whose results are added are one. Of the attention over all places that ends the network open_clip keeps what the mean of all places gets, so
that nothing else asks; and one that asks alone needs no key and no value of every place: q (K x) = (q K) x, and a mean of V x is V of the
mean. What is left are convolutions, and they are called one after the other: of a small network a hundred modules that call one another, a
third of which do nothing, take a thirtieth of the time.
"""

from types import MethodType
from typing import Any, NamedTuple


class Convolution(NamedTuple):
    """What `torch.conv2d` takes besides the picture. The numbers are those of the module: they move with it, and are copied with it."""

    weight: Any
    bias: Any
    stride: Any
    padding: Any


class Block(NamedTuple):
    """A bottleneck of convolutions: narrow, middle and wide, with the mean of `stride` x `stride` places before the last. What came in is
    added in the end; where its channels have to become others first, the last convolution takes it beside what it is added to (`beside`)."""

    narrow: Convolution
    middle: Convolution
    stride: int
    beside: bool
    wide: Convolution


def made_ready(visual: Any) -> None:
    """Change a picture tower, if it is such a one, that is in `eval`."""
    from open_clip.modified_resnet import Bottleneck, ModifiedResNet

    if type(visual) is not ModifiedResNet:
        return
    blocks = [module for module in visual.modules() if isinstance(module, Bottleneck)]
    for block in [visual, *blocks]:
        for number in (1, 2, 3):
            _fold(block, f"conv{number}", f"bn{number}")
        if block is not visual and block.downsample is not None:
            _fold(block.downsample, "0", "1")
            _join(block)
    visual.stem_ready = [_convolution(module) for module in (visual.conv1, visual.conv2, visual.conv3)]
    visual.blocks_ready = [_block(block) for block in blocks]
    visual.forward = MethodType(_seen, visual)


def _convolution(module: Any) -> Convolution:
    return Convolution(module.weight, module.bias, module.stride, module.padding)


def _block(block: Any) -> Block:
    narrow, middle, wide = (_convolution(module) for module in (block.conv1, block.conv2, block.conv3))
    return Block(narrow, middle, block.stride, block.downsample is not None, wide)


def _fold(block: Any, convolution: str, normalisation: str) -> None:
    import torch

    both = torch.nn.utils.fuse_conv_bn_eval(getattr(block, convolution), getattr(block, normalisation))
    setattr(block, convolution, both)
    setattr(block, normalisation, torch.nn.Identity())


def _join(block: Any) -> None:
    """W x + V y is (W V) of x and y beside one another: one convolution, and no sum of two pictures."""
    import torch

    inner, other = block.conv3, getattr(block.downsample, "0")
    block.conv3 = torch.nn.utils.skip_init(torch.nn.Conv2d, inner.in_channels + other.in_channels, inner.out_channels, 1)
    block.conv3.weight = torch.nn.Parameter(torch.cat([inner.weight, other.weight], dim=1), requires_grad=False)
    block.conv3.bias = torch.nn.Parameter(inner.bias + other.bias, requires_grad=False)
    block.downsample = torch.nn.Identity()


def _seen(visual: Any, pixels: Any) -> Any:
    """The whole tower: [n, width] of [n, 3, height, width]."""
    import torch

    found = pixels
    for convolution in visual.stem_ready:
        found = torch.conv2d(found, *convolution).relu_()
    found = torch.nn.functional.avg_pool2d(found, visual.avgpool.kernel_size)
    for narrow, middle, stride, beside, wide in visual.blocks_ready:
        inner = torch.conv2d(torch.conv2d(found, *narrow).relu_(), *middle).relu_()
        if stride > 1:  # then there is one beside
            inner, found = (torch.nn.functional.avg_pool2d(each, stride) for each in (inner, found))
        found = torch.conv2d(torch.cat([inner, found], dim=1), *wide) if beside else torch.conv2d(inner, *wide).add_(found)
        found.relu_()
    return _pooled(visual.attnpool, found)


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

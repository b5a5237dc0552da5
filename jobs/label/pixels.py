"""Stored frames into what a network takes: decoded no larger than needed, resized by the model's own preprocessing, normalised a batch at a time.

An open_clip preprocessing is a chain of picture transforms that ends in a tensor and its normalisation. The last two are the same
for all pictures and are done for all at once; of the others the usual one (the short side to size, the middle cut out) is one call
of Pillow. Any other preprocessing, as of transformers, is called as it is.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


def opened(jpeg: bytes, least_px: int | None = None) -> Any | None:
    """A stored frame as an RGB picture; None where it is damaged.

    With `least_px` no side needs to be longer than that: libjpeg then decodes at a half, a quarter or an eighth if both stay as long.
    """
    from PIL import Image

    try:
        picture = Image.open(io.BytesIO(jpeg))
        if least_px is not None:
            picture.draft("RGB", (least_px, least_px))
        picture.load()
        return picture if picture.mode == "RGB" else picture.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


@dataclass(frozen=True)
class Fit:
    """A preprocessing that takes a batch.

    Attributes:
        one: A picture to uint8 [height, width, 3]; where `scale` is None, to the finished tensor [3, height, width].
        scale: What uint8 is multiplied with, per channel.
        shift: What is then added, per channel.
    """

    one: Callable[[Any], Any]
    scale: NDArray[np.float32] | None = None
    shift: NDArray[np.float32] | None = None

    def __call__(self, pictures: Sequence[Any], rows: int, side: tuple[int, int]) -> Any:
        """Tensor [rows, 3, *side], laid out with the channels last, which convolutions like; zeros after the pictures."""
        import torch

        made = [self.one(picture) for picture in pictures]
        pixels = torch.empty(rows, 3, *side, memory_format=torch.channels_last)
        pixels[len(made) :] = 0
        if self.scale is None:
            pixels[: len(made)] = torch.stack(made)
        else:
            scale, shift = (torch.from_numpy(v).view(3, 1, 1) for v in (self.scale, self.shift))
            part = pixels[: len(made)].copy_(torch.from_numpy(np.stack(made)).permute(0, 3, 1, 2))
            part.mul_(scale).add_(shift)
        return pixels


def fit(preprocess: Any, side: tuple[int, int]) -> Fit:
    """The batched form of a preprocessing for pictures of `side` (height, width)."""
    from open_clip.transform import MaybeConvertMode, MaybeToTensor
    from torchvision.transforms import CenterCrop, Normalize, Resize

    steps = list(getattr(preprocess, "transforms", ()))
    if len(steps) < 3 or [type(s) for s in steps[-3:]] != [MaybeConvertMode, MaybeToTensor, Normalize] or len(steps[-1].mean) != 3:
        return Fit(preprocess)
    before = steps[:-3]
    mean, std = (np.asarray(v, np.float32) for v in (steps[-1].mean, steps[-1].std))
    usual = [type(s) for s in before] == [Resize, CenterCrop] and before[0].size == side[0] == side[1] and before[0].max_size is None
    one = _middle(side[0], _filter(before[0])) if usual and tuple(before[1].size) == side else _through(before)
    return Fit(one, (1 / (255 * std)).astype(np.float32), (-mean / std).astype(np.float32))


def _filter(resize: Any) -> Any:
    from PIL import Image

    return {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}[resize.interpolation.value]


def _middle(side: int, resampling: Any) -> Callable[[Any], NDArray[np.uint8]]:
    """The middle square of a picture, resized; as torchvision cuts it where the picture already has the size."""

    def one(picture: Any) -> NDArray[np.uint8]:
        short = min(picture.size)
        left, top = ((n - short) / 2 for n in picture.size)
        if short == side:
            left, top = round(left), round(top)
            return np.asarray(picture.crop((left, top, left + side, top + side)))
        return np.asarray(picture.resize((side, side), resampling, box=(left, top, left + short, top + short)))

    return one


def _through(steps: Sequence[Any]) -> Callable[[Any], NDArray[np.uint8]]:
    def one(picture: Any) -> NDArray[np.uint8]:
        for step in steps:
            picture = step(picture)
        return np.asarray(picture)

    return one

"""Stored frames into what a network takes: decoded no larger than needed, resized by the model's own preprocessing, normalised a batch at a time.

An open_clip preprocessing is a chain of picture transforms that ends in a tensor and its normalisation. The last two are the same
for all pictures and are done for all at once; so is the usual one of the others (the short side to size, the middle cut out), by
PyTorch's resize of uint8, which rounds as Pillow's does. Any other preprocessing, as of transformers, is called as it is.
"""

import io
import itertools
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Pixels: TypeAlias = NDArray[np.uint8]
"""An RGB picture: [height, width, 3]."""

START_OF_IMAGE, END_OF_IMAGE = b"\xff\xd8", b"\xff\xd9"
START_OF_FRAME = (0xC0, 0xC1, 0xC2)
"""Markers of JPEG that tell the size: baseline, extended and progressive, all with Huffman's codes (ITU-T T.81, table B.1)."""
LARGEST_PX = 2**26
"""What claims to have more pixels is left to Pillow, which refuses what would fill the memory."""
LONGEST = 8
"""Sides of a picture, over one another, beyond which its ends are cut off before it is resized, since the middle square alone is looked at;
the middle then moves by half a pixel at most."""


def decoded(jpeg: bytes, least_px: int | None = None) -> Pixels | None:
    """A stored frame as RGB; None where it is damaged.

    With `least_px` no side needs to be longer than that: libjpeg then decodes at a half, a quarter or an eighth if both stay as long.
    OpenCV gives the pixels that Pillow gives in three quarters of the time. It fills up what is missing, so that what has no end is left to
    Pillow, as is everything but plain JPEG.
    """
    import cv2
    from PIL import Image

    try:
        if (size := _size(jpeg)) and jpeg.endswith(END_OF_IMAGE):
            apart = min(size) // least_px if least_px else 1
            smaller = next((s for s in (8, 4, 2) if s <= apart), 1)
            how = {
                8: cv2.IMREAD_REDUCED_GRAYSCALE_8,
                4: cv2.IMREAD_REDUCED_GRAYSCALE_4,
                2: cv2.IMREAD_REDUCED_GRAYSCALE_2,
                1: cv2.IMREAD_GRAYSCALE,
            }[smaller]  # those named COLOR say BGR, which excludes RGB
            rgb = cv2.imdecode(np.frombuffer(jpeg, np.uint8), how | cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
            return None if rgb is None else np.asarray(rgb, np.uint8)
        picture = Image.open(io.BytesIO(jpeg))
        if picture.width * picture.height > LARGEST_PX:  # Pillow's own limit may be lifted in this process
            return None
        if least_px is not None:
            picture.draft("RGB", (least_px, least_px))
        return np.asarray(picture.convert("RGB"))
    except (OSError, ValueError, SyntaxError, cv2.error, Image.DecompressionBombError):
        return None


def _size(jpeg: bytes) -> tuple[int, int] | None:
    """Height and width of a grey or coloured JPEG of the usual kinds; None of anything else. Pillow takes a twelfth of the time of a frame for it."""
    at = len(START_OF_IMAGE)
    while at + 10 <= len(jpeg) and jpeg[at] == 0xFF and jpeg.startswith(START_OF_IMAGE):
        if jpeg[at + 1] in START_OF_FRAME:
            depth, height, width, colours = struct.unpack_from(">BHHB", jpeg, at + 4)
            return (height, width) if depth == 8 and 0 < height * width <= LARGEST_PX and colours in (1, 3) else None
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
    return None


def opened(jpeg: bytes) -> Any | None:
    """A stored frame as an RGB picture of Pillow; None where it is damaged."""
    from PIL import Image

    pixels = decoded(jpeg)
    return None if pixels is None else Image.fromarray(pixels)


@dataclass(frozen=True)
class Fit:
    """A preprocessing that takes a batch.

    Attributes:
        many: Pictures of one size, [n, height, width, 3], to uint8 of the size wanted; where `scale` is None, to the finished tensor
            [n, 3, height, width].
        scale: What uint8 is multiplied with, per channel.
        shift: What is then added, per channel. Not finite where the preprocessing would divide by zero.
    """

    many: Callable[[Pixels], Any]
    scale: NDArray[np.float32] | None = None
    shift: NDArray[np.float32] | None = None

    def __call__(self, pictures: Sequence[Any], rows: int, side: tuple[int, int]) -> Any:
        """Tensor [rows, 3, *side], laid out with the channels last, which convolutions like; zeros after the pictures.

        Args:
            pictures: RGB, as arrays or as Pillow's.
            rows: Length of the batch.
            side: Height and width of the tensor.
        """
        import torch

        pixels = torch.empty(rows, 3, *side, memory_format=torch.channels_last)
        end = 0
        for _, same in itertools.groupby(map(np.asarray, pictures), key=np.shape):
            made = self.many(np.stack(list(same)))
            start, end = end, end + len(made)
            pixels[start:end] = made if self.scale is None else made.permute(0, 3, 1, 2)
        if self.scale is not None and self.shift is not None:
            lines = pixels[:end].permute(0, 2, 3, 1).flatten(2)  # a vector long enough for the processor's units; three channels are not
            scale, shift = (torch.from_numpy(np.tile(v, side[1])) for v in (self.scale, self.shift))
            lines.mul_(scale).add_(shift)
        pixels[end:] = 0
        return pixels


def fit(preprocess: Any, side: tuple[int, int]) -> Fit:
    """The batched form of a preprocessing for pictures of `side` (height, width)."""
    from open_clip.transform import MaybeConvertMode, MaybeToTensor
    from torchvision.transforms import CenterCrop, Normalize, Resize

    steps = list(getattr(preprocess, "transforms", ()))
    if len(steps) < 3 or [type(s) for s in steps[-3:]] != [MaybeConvertMode, MaybeToTensor, Normalize] or len(steps[-1].mean) != 3:
        return Fit(_each(preprocess))
    before = steps[:-3]
    mean, std = (np.asarray(v, np.float32) for v in (steps[-1].mean, steps[-1].std))
    usual = [type(s) for s in before] == [Resize, CenterCrop] and before[0].size == side[0] == side[1] and before[0].max_size is None
    many = _middle(side[0], before[0].interpolation.value) if usual and tuple(before[1].size) == side else _each(_through(before))
    with np.errstate(divide="ignore", invalid="ignore"):
        return Fit(many, (1 / (255 * std)).astype(np.float32), (-mean / std).astype(np.float32))


def _middle(side: int, interpolation: str) -> Callable[[Pixels], Any]:
    """The middle square of the pictures, resized and cut as torchvision does both."""

    def many(pictures: Pixels) -> Any:
        import torch

        height, width = pictures.shape[1:3]
        short = min(height, width)
        if max(height, width) > LONGEST * short:
            top, left = ((n - min(n, LONGEST * short)) // 2 for n in (height, width))
            pictures = np.ascontiguousarray(pictures[:, top : top + LONGEST * short, left : left + LONGEST * short])
            height, width = pictures.shape[1:3]
        pixels = torch.from_numpy(pictures).permute(0, 3, 1, 2)
        size = [int(side * n / short) for n in (height, width)]
        if short != side:
            pixels = torch.nn.functional.interpolate(pixels, size, mode=interpolation, antialias=True)
        top, left = (round((n - side) / 2) for n in size)
        return pixels[:, :, top : top + side, left : left + side].permute(0, 2, 3, 1)

    return many


def _each(one: Callable[[Any], Any]) -> Callable[[Pixels], Any]:
    """What is made of one picture of Pillow's, for several."""

    def many(pictures: Pixels) -> Any:
        import torch
        from PIL import Image

        return torch.stack([torch.as_tensor(one(Image.fromarray(picture))) for picture in pictures])

    return many


def _through(steps: Sequence[Any]) -> Callable[[Any], NDArray[np.uint8]]:
    def one(picture: Any) -> NDArray[np.uint8]:
        for step in steps:
            picture = step(picture)
        return np.array(picture)

    return one

"""What all painting of the sample world stands on: pixels with places, mixing, noise, and fixed rows of numbers."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

import cv2
import numba as nb
import numpy as np

Array: TypeAlias = Any  # float32 arrays; NumPy's own types lose the precision of every mixed expression


@dataclass(frozen=True)
class View:
    """Where each pixel lies: heights of the picture, x from the middle, y down from the top; `pixel` is one pixel."""

    x: Array
    y: Array
    pixel: float
    jitter: Array

    def edge(self, inside: Array) -> Array:
        """Coverage of a region given by a signed distance, positive inside, soft over one pixel."""
        return np.clip(inside / self.pixel + 0.5, 0, 1)


def mix(a: Any, b: Any, share: Any) -> Array:
    share = np.asarray(share, np.float32)
    first, other = np.asarray(a, np.float32), np.asarray(b, np.float32)
    if share.ndim != 2:
        return first + (other - first) * share
    whole = (*share.shape, 3)
    return _blend(np.broadcast_to(first, whole), np.broadcast_to(other, whole), share)


@nb.njit(cache=True)
def _blend(a, b, share):  # type: ignore[no-untyped-def]
    mixed = np.empty(a.shape, np.float32)
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            for c in range(3):
                mixed[i, j, c] = a[i, j, c] + (b[i, j, c] - a[i, j, c]) * share[i, j]
    return mixed


def smooth(low: float, high: float, x: Array) -> Array:
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


@cache
def _tile() -> Array:
    """Smooth periodic noise in [0, 1] on a 256 x 256 tile: four octaves of blurred white noise."""
    rng = np.random.default_rng(20)
    total = np.zeros((256, 256))
    for octave in range(4):
        cells = 8 << octave
        coarse = rng.standard_normal((cells, cells))
        freq = np.fft.fft2(coarse)
        wide = np.zeros((256, 256), complex)
        half = cells // 2
        for rows, cols in itertools.product((slice(0, half), slice(-half, None)), repeat=2):
            wide[rows, cols] = freq[rows, cols]
        layer = np.fft.ifft2(wide).real
        total += layer / layer.std() * 0.55**octave
    rank = (total - total.mean()) / total.std()
    return np.clip(0.5 + rank / 5, 0, 1).astype(np.float32)


def noise(x: Array, y: Array) -> Array:
    """Bilinear lookup into the tile; one unit is one tile."""
    column, row = (np.asarray(256 * (v - np.floor(v)), np.float32) for v in (x, y))
    return cv2.remap(_tile(), column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)


@cache
def cast(seed: int, count: int) -> Array:
    """A fixed row of numbers in [0, 1), for things that stand in a row: trees, towers, stars."""
    return np.random.default_rng(seed).random(count).astype(np.float32)

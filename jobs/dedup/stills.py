"""Single pictures that look alike, proven by the pictures themselves: a hash of 64 bits alone proves too little beyond 8 bits.

A picture is remembered as two of `SIDE` x `SIDE` luma means, inside its bars and whole, taken from its stored frame. Two
pictures agree in a block of such a grid where their normalised correlation is `ALIKE`, whatever gain and offset; blocks that are
flat in both say nothing. A logo or a subtitle spoils the blocks it covers and no others. The share of blocks that agree is the
proof. They meet by the hashes of their quarters too, of which a corner logo spoils one. Measured on 37 pictures: copies with a logo or a subtitle reach 0.65 to
0.98; of 666 pairs of different pictures all but three stay below 0.13, the worst two at 0.20 and, a stereo pair, at 0.25
(`tests/bench/dedup_recall.md`).
"""

import io

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from jobs.clean.measures.phash import hash_of, without_bars

SIDE, GRID = 32, 8
ALIKE, FLAT, LEAST = 0.8, 2.0, 6
"""Correlation from which blocks agree; standard deviation below which one is flat; blocks that must not be flat."""
AGREEING = 0.35
"""Share of agreeing blocks that proves two pictures the same."""
ZOOMS = (0.95, 0.9)
"""Shares of either side that a crop may leave."""
MEET = 14
"""Bits by which hashes of a candidate may differ."""


def small(jpeg: bytes) -> NDArray[np.uint8]:
    """What is remembered of a picture: [2, SIDE, SIDE]."""
    with Image.open(io.BytesIO(jpeg)) as picture:
        luma = np.asarray(picture.convert("L"))
    return np.stack([cv2.resize(np.ascontiguousarray(part), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
                     for part in (without_bars(np.ascontiguousarray(luma)), luma)])


def quarters(pictures: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Hashes of the four quarters of both, [8]."""
    half = SIDE // 2
    return np.array([hash_of(np.ascontiguousarray(p[y:y + half, x:x + half], np.float32))
                     for p in pictures for y in (0, half) for x in (0, half)], np.uint64)


def turned(picture: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """The picture mirrored and turned by quarters, eight in all, as it is first."""
    return [p[:, ::y, ::x] for p in (picture, picture.transpose(0, 2, 1)) for y in (1, -1) for x in (1, -1)]


def agreement(a: NDArray[np.uint8], b: NDArray[np.uint8], *, turns: bool = False) -> float:
    """Share of blocks in which two pictures agree, by the better of the two ways that they are remembered; also where one shows
    the middle of the other."""
    best = 0.0
    for one in turned(a) if turns else [a]:
        for x, y in zip(one, b, strict=True):
            best = max(best, _share(x, y), *(max(_share(_middle(x, z), y), _share(x, _middle(y, z))) for z in ZOOMS))
    return best


def _middle(picture: NDArray[np.uint8], share: float) -> NDArray[np.uint8]:
    """The middle of a picture, as large as the whole."""
    aside = (SIDE - 1) / 2 * (1 - share)
    fit = np.array([[share, 0, aside], [0, share, aside]])
    return np.asarray(cv2.warpAffine(np.ascontiguousarray(picture), fit, (SIDE, SIDE), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP), np.uint8)


def _share(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    x, y = _blocks(a), _blocks(b)
    spread_x, spread_y = x.std(axis=1), y.std(axis=1)
    told = (spread_x > FLAT) | (spread_y > FLAT)
    if told.sum() < LEAST:
        return 0.0
    correlation = (x * y).mean(axis=1) / np.maximum(spread_x * spread_y, 1e-6)
    return float((correlation[told] >= ALIKE).mean())


def _blocks(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    side = SIDE // GRID
    blocks = picture.reshape(GRID, side, GRID, side).swapaxes(1, 2).reshape(GRID * GRID, -1).astype(np.float32)
    return np.asarray(blocks - blocks.mean(axis=1, keepdims=True), np.float32)

"""Combing: two moments woven into one frame, whether the file says so or not.

combing: share of the sampled pictures that are combed. In the picture as decoded, not scaled, on every fourth column, a pixel stands out
when it is brighter, or darker, than both the pixels above and below it: (y - above) (y - below) > 100 on the scale of 0..255. Where
something moves, the lines of one field stand out among those of the other, but not among their own kind: a block of 64 x 16 pixels is
combed when 15 % of its pixels stand out, and 1.5 times as many as when they are compared with the lines two above and two below; a picture
when 1 % of its blocks are. What stands still does not comb: 0 means that nothing was seen, and where pictures comb that are the one before
them again (`held`), fine print say, the share of these that do is taken off. One picture alone among three or more is not counted: what is
interlaced combs wherever it moves, and of 84 clips of progressive films two have one such picture. Null below 64 lines and of moving pictures without a plane of luma.
Version 3. Source: the comb test of FFmpeg's `fieldmatch` (product of both differences, counted in blocks), against the lines of
the same field in place of the frames before and after that FFmpeg's `idet` looks at. 43 progressive films have 0; 34 of the same with
their frames woven have 0.1 and more, the others hardly move.
"""

from typing import Any

import numpy as np

from jobs.clean.measures import Measurement, Picture, Span, mean
from jobs.media.kernel import kernel
from jobs.media.planes import take_row

STEP, STANDS_OUT, MORE, BLOCKS = 10, 0.15, 1.5, 0.01
BLOCK_H, BLOCK_W, EVERY = 16, 64, 4


def _body(plane: Any, step: int) -> float:
    height, width = plane.shape
    line, every = np.empty(width, plane.dtype), np.empty((height, width // EVERY), np.float32)
    for y in range(height):
        take_row(plane, y, line)
        for k in range(every.shape[1]):  # side by side, so that many are compared at a time; products near the least are exact
            every[y, k] = line[EVERY * k]
    near, far = np.empty(every.shape[1], np.int32), np.empty(every.shape[1], np.int32)
    least = np.float32(step * step)
    combed, blocks = 0, 0
    for top in range(2, height - 1 - BLOCK_H, BLOCK_H):
        near[:], far[:] = 0, 0
        for y in range(top, top + BLOCK_H):
            two_above, above, here, below, two_below = every[y - 2], every[y - 1], every[y], every[y + 1], every[y + 2]
            for k in range(near.size):
                value = here[k]
                near[k] += np.int32((value - above[k]) * (value - below[k]) > least)
                far[k] += np.int32((value - two_above[k]) * (value - two_below[k]) > least)
        for left in range(0, (width - BLOCK_W) // EVERY + 1, BLOCK_W // EVERY):
            stand_out: Any = near[left:left + BLOCK_W // EVERY].sum()
            combed += stand_out > STANDS_OUT * BLOCK_H * BLOCK_W / EVERY and \
                stand_out > MORE * far[left:left + BLOCK_W // EVERY].sum()
            blocks += 1
    return combed / max(blocks, 1)


_blocks8 = kernel("float64(Array(uint8, 2, 'A', readonly=True), int64)")(_body)
_blocks16 = kernel("float64(Array(uint16, 2, 'A', readonly=True), int64)")(_body)


def look(picture: Picture) -> tuple[float]:
    plane = picture.plane
    if plane is None or min(plane.shape) < BLOCK_W:
        return (np.nan,)
    step = STEP << (picture.plane_bits - 8)
    return (float((_blocks16 if plane.dtype == np.uint16 else _blocks8)(plane, step) >= BLOCKS),)


def reduce(span: Span) -> dict[str, Any]:
    combed = span.pictures["combing"][:, 0]
    if np.isfinite(combed).sum() > 2 and np.nansum(combed) == 1:
        return {"combing": 0.0}
    frame = np.clip(np.searchsorted(span.frame_t, span.picture_t - 1e-6), 0, max(span.frame_t.size - 1, 0))
    held = span.signals["held"][frame] > 0
    share, alike = mean(combed), mean(combed[held])
    return {"combing": share if share is None or alike is None else max(share - alike, 0.0)}


MEASURE = Measurement("combing", 3, ("combing",), reduce, width=1, look=look, every=2, native=True)

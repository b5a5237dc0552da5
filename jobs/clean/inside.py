"""What is seen inside black bars, or a frame of one colour, around a film: fades and dissolves take place in there, while what surrounds them stays."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from jobs.clean.cuts import COLUMN
from jobs.clean.series import Pictures
from jobs.media.planes import LUMA_THUMB, LUMA_THUMB_W, SKETCH_H, SKETCH_W

SAMPLES = 200
"""Sketches that are looked at, spread over the source."""
STAYS, USUAL = 8.0, 0.9
"""Levels between which the cells of a border stay over all of it, in so much of the sketches."""
THUMB_SIZE = LUMA_THUMB // LUMA_THUMB_W, LUMA_THUMB_W
WHOLE = slice(0, THUMB_SIZE[0]), slice(0, THUMB_SIZE[1])
"""Rows and columns of luma of a thumb."""
LEAST_CELLS = 3
"""Of these, what is left at least."""


def inside(pictures: Pictures) -> Pictures:
    """The pictures with thumbs and sketches, `luma` and `spread`, of what is inside the border alone, scaled up; as they are without one."""
    rows, columns = _within(pictures)
    if (rows, columns) == WHOLE:
        return pictures
    thumbs = pictures.thumbs[:, _scaled(*THUMB_SIZE, rows, columns)]
    signals = pictures.signals.copy()
    signals[:, COLUMN["luma"]] = thumbs[:, :LUMA_THUMB].mean(axis=1)
    signals[:, COLUMN["spread"]] = thumbs[:, :LUMA_THUMB].std(axis=1)
    return replace(pictures, signals=signals, thumbs=thumbs, sketches=pictures.sketches[:][:, _scaled(SKETCH_H, SKETCH_W, rows, columns)])


def _scaled(height: int, width: int, rows: slice, columns: slice) -> NDArray[np.int64]:
    """Indices of the cells of a luma plane and two of half the size that make whole planes of a part, given in cells of a thumb."""
    planes, start = [], 0
    for h, w in ((height, width), (height // 2, width // 2), (height // 2, width // 2)):
        y, x = (((part.start + (np.arange(n) + 0.5) * (part.stop - part.start) / n) * n / whole.stop).astype(int)
                for part, n, whole in ((rows, h, WHOLE[0]), (columns, w, WHOLE[1])))
        planes.append((start + y[:, None] * w + x).ravel())
        start += h * w
    return np.concatenate(planes)


def _within(pictures: Pictures) -> tuple[slice, slice]:
    """Rows and columns of the luma thumb that no border reaches into."""
    count = len(pictures.sketch_times)
    at = np.unique(np.linspace(0, count - 1, min(SAMPLES, count)).astype(int)) if count else np.zeros(0, int)
    if at.size < 2:
        return WHOLE
    luma = np.concatenate([pictures.sketches[i:i + 1] for i in at.tolist()])[:, :SKETCH_W * SKETCH_H].reshape(-1, SKETCH_H, SKETCH_W)
    found = []
    for axis, all_of in zip((1, 2), WHOLE, strict=True):
        lines = np.moveaxis(luma, axis, 0).reshape(luma.shape[axis], -1)
        low, high = np.quantile(lines, ((1 - USUAL) / 2, (1 + USUAL) / 2), axis=1)
        size = luma.shape[axis] // all_of.stop
        inner = np.flatnonzero(high - low > STAYS)
        found.append(slice(-(-int(inner[0]) // size), (int(inner[-1]) + 1) // size) if inner.size else all_of)
    return (found[0], found[1]) if all(part.stop - part.start >= LEAST_CELLS for part in found) else WHOLE

"""Clips in their sketches (`jobs.clean.measures.sketch`), and the best fit of two of them in time, place and light.

What stands still in a clip says little about it: a camera that is not moved shows the same room in every take, and a logo stands
still in the copy alone. So clips are fitted by how their cells depart from their own mean over time. The shift in time is the one
at which these departures correlate best; there the second clip is fitted with the first, stretched and moved in both directions,
delayed by a fraction of a sample and in another contrast, all of which are small: a step of linear regression on the gradients of
the cells (Lucas and Kanade 1981), repeated.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from jobs.clean.measures.phash import DARK, SIDE, hash_of
from jobs.clean.measures.sketch import COLUMNS, RATE_HZ, ROWS, SIZE

Array = NDArray[np.float32]
Warp = tuple[float, float, float, float]
"""Scale and offset in y, then in x: the place in one picture, -1..1, of each place in another."""
STILL: Warp = (1.0, 0.0, 1.0, 0.0)
LEAST = 4
"""Samples below which a clip has no course that could be compared."""
OVERLAP = 0.6
"""Share of the shorter clip that must lie within the other."""
HOPEFUL = 0.3
"""Correlation of the departures before the fit below which no fit is tried."""
SHIFTS, STEPS = 2, 5
"""Shifts that are tried, and steps of each fit."""
CUT, UNEVEN = 0.2, 1.25
"""Share of a side that may have been cut off, and how much more of one than of the other."""
INSIDE_GAIN = 0.02
"""By how much whole pictures must correlate better than those inside their bars to be preferred."""


class Box(NamedTuple):
    """Part of a picture, in shares of its height and width."""

    top: float
    left: float
    bottom: float
    right: float


WHOLE = Box(0, 0, 1, 1)


@dataclass(frozen=True)
class Course:
    """A clip in its sketches, at whole multiples of 1 / RATE_HZ seconds.

    Attributes:
        first: Multiple with which it begins.
        luma: [samples, ROWS, COLUMNS].
        chroma: [samples, 2, ROWS / 2, COLUMNS / 2], around 0.
        inside: The picture inside its bars.
    """

    first: int
    luma: Array
    chroma: Array
    inside: Box

    @classmethod
    def of(cls, times_s: NDArray[np.float64], packed: NDArray[np.uint8]) -> "Course | None":
        """From the columns of a clip; None where there are too few samples."""
        if len(times_s) < LEAST:
            return None
        cells = packed.reshape(-1, SIZE).astype(np.float32)
        first, last = int(np.ceil(times_s[0] * RATE_HZ - 0.5)), int(np.floor(times_s[-1] * RATE_HZ + 0.5))
        at = np.arange(first, last + 1) / RATE_HZ
        after = np.clip(np.searchsorted(times_s, at), 1, len(times_s) - 1)
        share = np.clip((at - times_s[after - 1]) / np.maximum(times_s[after] - times_s[after - 1], 1e-6), 0, 1).astype(np.float32)[:, None]
        cells = cells[after - 1] * (1 - share) + cells[after] * share
        luma = cells[:, :ROWS * COLUMNS].reshape(-1, ROWS, COLUMNS)
        return cls(first, luma, cells[:, ROWS * COLUMNS:].reshape(-1, 2, ROWS // 2, COLUMNS // 2) - 128, _inside(luma))


    def turned(self) -> "list[Course]":
        """The clip mirrored and turned by quarters, eight in all, in the order of `stills.Small.turned`."""
        made = []
        for across in (False, True):
            for y in (1, -1):
                for x in (1, -1):
                    luma, chroma = (_stretched(cells.swapaxes(-1, -2), *cells.shape[-2:]) if across else cells for cells in (self.luma, self.chroma))
                    made.append(replace(self, luma=luma[..., ::y, ::x], chroma=chroma[..., ::y, ::x], inside=_inside(luma[..., ::y, ::x])))
        return made

    def change(self, t_s: float) -> float:
        """Root mean square by which the cells change in a sample about a time."""
        at = np.array([t_s * RATE_HZ - self.first])
        return float(np.sqrt(np.square(between(self.luma, at + 1) - between(self.luma, at - 1)).mean())) / 2

    def steady(self) -> float:
        """Correlation of the departures from the mean with those of the next sample, of all samples or without those that depart by far, a
        flash or a black beginning, whichever is greater: near 0 where the cells are but noise."""
        departing = np.square(departures(self.luma)).mean(axis=(1, 2))
        calm = departures(self.luma[departing <= 4 * np.median(departing) + 1e-6])
        return max(float((x[1:] * x[:-1]).sum() / max(float(np.square(x).sum()), 1e-6)) for x in (departures(self.luma), calm))


def _stretched(cells: Array, rows: int, columns: int) -> Array:
    """Pictures, [..., height, width], in another size."""
    flat = [cv2.resize(np.ascontiguousarray(one), (columns, rows)) for one in cells.reshape(-1, *cells.shape[-2:])]
    return np.asarray(np.stack(flat).reshape(*cells.shape[:-2], rows, columns))


def _inside(luma: Array) -> Box:
    """The part of a clip that is not always dark; all of it where too little would be left."""
    greatest = luma.max(axis=0)
    rows, columns = (np.flatnonzero(greatest.max(axis=axis) > DARK) for axis in (1, 0))
    if len(rows) < ROWS / 3 or len(columns) < COLUMNS / 3:
        return WHOLE
    return Box(rows[0] / ROWS, columns[0] / COLUMNS, (rows[-1] + 1) / ROWS, (columns[-1] + 1) / COLUMNS)


def hashes(course: Course) -> NDArray[np.uint64]:
    """Perceptual hashes of the sketches of a clip inside their bars."""
    return np.array([hash_of(cv2.resize(np.ascontiguousarray(one), (SIDE, SIDE))) for one in view(course.luma, course.inside)], np.uint64)


class Fit(NamedTuple):
    """How a clip is shown by another.

    Attributes:
        correlation: Of the departures from the mean over time.
        shift: Time in the first clip minus time in the second, samples.
        warp: The places in the first that the places in the second show, within the boxes.
        boxes: Parts of both that were compared.
    """

    correlation: float
    shift: float
    warp: Warp = STILL
    boxes: tuple[Box, Box] = (WHOLE, WHOLE)


def fit(a: Course, b: Course) -> Fit:
    """The best fit of two clips; a correlation below HOPEFUL is a guess."""
    best = Fit(-1.0, float("nan"))
    for boxes in dict.fromkeys(((a.inside, b.inside), (WHOLE, WHOLE))):
        x, y = (view(one.luma, box) for one, box in zip((a, b), boxes, strict=True))
        for start in _shifts(x, y):
            found = start._replace(shift=start.shift + a.first - b.first, boxes=boxes)
            if found.correlation >= HOPEFUL:
                found = _refined(a, b, found)
            if found.correlation > best.correlation + INSIDE_GAIN * (boxes != best.boxes):
                best = found
    return best


def view(cells: Array, box: Box, warp: Warp = STILL) -> Array:
    """A part of all pictures, [..., rows, columns], stretched to the whole."""
    rows, columns = cells.shape[-2:]
    return np.asarray(_stretch(rows, box.top, box.bottom, *warp[:2]) @ cells @ _stretch(columns, box.left, box.right, *warp[2:]).T, np.float32)


def _stretch(count: int, first: float, last: float, scale: float, offset: float) -> Array:
    """[count, count]: each of so many cells of a part as a mean of the two cells nearest to it."""
    middle, half = (first + last) / 2, (last - first) / 2
    at = np.clip((middle + half * (scale * places(count) + offset)) * count - 0.5, 0, count - 1)
    low = np.minimum(at.astype(np.int64), count - 2)
    made = np.zeros((count, count), np.float32)
    made[np.arange(count), low] = 1 - (at - low)
    made[np.arange(count), low + 1] += at - low
    return made


def places(count: int) -> Array:
    """Middles of so many cells of -1..1."""
    return ((2 * np.arange(count) + 1) / count - 1).astype(np.float32)


def _shifts(x: Array, y: Array) -> list[Fit]:
    """Shifts by whole samples at which the correlation is greatest, none next to another, best first."""
    x, y = x.reshape(len(x), -1), y.reshape(len(y), -1)
    n, m = len(x), len(y)
    shift = np.arange(1 - m, n)
    first, last = np.maximum(0, shift), np.minimum(n, m + shift)
    enough = last - first >= max(LEAST - 1, OVERLAP * min(n, m))
    shift, first, last = shift[enough], first[enough], last[enough]
    count = last - first
    products = np.bincount((np.arange(n)[:, None] - np.arange(m) + m - 1).ravel(), (x @ y.T).ravel().astype(np.float64), n + m - 1)[enough]
    sums, energies = [], []
    for z, low, high in ((x, first, last), (y, first - shift, last - shift)):
        total = np.concatenate([np.zeros((1, z.shape[1])), np.cumsum(z, axis=0, dtype=np.float64)])
        square = np.concatenate([[0.0], np.cumsum(np.einsum("ij,ij->i", z, z, dtype=np.float64))])
        sums.append(total[high] - total[low])
        energies.append(np.maximum(square[high] - square[low] - np.einsum("ij,ij->i", sums[-1], sums[-1]) / count, 0))
    products -= np.einsum("ij,ij->i", *sums) / count
    correlation = products / np.sqrt(np.maximum(energies[0] * energies[1], 1e-6))
    found: list[Fit] = []
    for i in np.argsort(-correlation, kind="stable").tolist():
        if all(abs(shift[i] - other.shift) > 1 for other in found):
            found.append(Fit(float(correlation[i]), float(shift[i])))
        if len(found) == SHIFTS:
            break
    return found


def overlap(a: Course, b: Course, shift: float) -> tuple[slice, NDArray[np.float64]]:
    """Samples of `a` that lie within `b`, and their places there."""
    at = np.arange(len(a.luma), dtype=np.float64) + (a.first - b.first - shift)
    some = np.flatnonzero((at >= -0.01) & (at <= len(b.luma) - 0.99))
    return (slice(some[0], some[-1] + 1), at[some]) if len(some) else (slice(0, 0), at[:0])


def between(cells: Array, at: NDArray[np.float64]) -> Array:
    """Samples at fractional places."""
    low = np.clip(np.floor(at).astype(np.int64), 0, max(len(cells) - 2, 0))
    share = np.clip(at - low, 0, 1).astype(np.float32).reshape(-1, *[1] * (cells.ndim - 1))
    return np.asarray(cells[low] * (1 - share) + cells[np.minimum(low + 1, len(cells) - 1)] * share)


def departures(cells: Array) -> Array:
    """Of all samples from their mean over time."""
    return np.asarray(cells - cells.mean(axis=0))


def correlation(a: Course, b: Course, fit: Fit) -> float:
    """Of the departures at a fit."""
    part, at = overlap(a, b, fit.shift)
    x, y = departures(view(a.luma[part], fit.boxes[0], fit.warp)), departures(view(between(b.luma, at), fit.boxes[1]))
    return float((x * y).sum() / max(float(np.linalg.norm(x) * np.linalg.norm(y)), 1e-6)) if len(at) else 0.0


def _refined(a: Course, b: Course, start: Fit) -> Fit:
    def pair(now: Fit) -> tuple[Array, Array, Array] | None:
        part, at = overlap(a, b, now.shift)
        if len(at) < LEAST - 1:
            return None
        two, earlier, later = (view(between(b.luma, at + d), now.boxes[1]) for d in (0, -0.5, 0.5))
        return view(a.luma[part], now.boxes[0], now.warp), two, later - earlier

    return registered(start, pair)


def registered(start: Fit, pair: Callable[[Fit], tuple[Array, Array, Array] | None]) -> Fit:
    """The best fit near to one, by steps of regression.

    Args:
        start: Where to begin.
        pair: Pictures of the first clip, those of the second, and how these change a sample; [samples, rows, columns] each.
    """
    best, now = start._replace(correlation=-1.0), start
    for _ in range(STEPS):
        if (found := pair(now)) is None:
            break
        one, two, change = found
        rows, columns = one.shape[1:]
        down, across = np.gradient(one, 2 / rows, 2 / columns, axis=(1, 2))
        parts = (one, down * places(rows)[:, None], down, across * places(columns), across, change)
        terms = np.stack([departures(np.asarray(z, np.float32)).ravel() for z in parts]).astype(np.float64)
        target = departures(two).ravel().astype(np.float64)
        now = now._replace(correlation=float(terms[0] @ target / np.sqrt(max((terms[0] @ terms[0]) * (target @ target), 1e-6))))
        best = max(best, now, key=lambda f: f.correlation)
        weight = solved(terms, target)
        if weight[0] < 0.2:
            break
        moves = np.clip(weight[1:5] / weight[0], -0.12, 0.12)
        warp = now.warp[0] + moves[0], now.warp[1] + moves[1], now.warp[2] + moves[2], now.warp[3] + moves[3]
        if not mild(warp):
            break
        now = now._replace(warp=warp, shift=now.shift + float(np.clip(weight[5], -1, 1)))
    return best


def solved(terms: NDArray[np.float64], target: NDArray[np.float64], weights: NDArray[np.float64] | float = 1.0) -> NDArray[np.float64]:
    """Weights of the terms, [terms, points], that sum to the target, [points], with the least squares."""
    gram = (terms * weights) @ terms.T
    return np.asarray(np.linalg.solve(gram + np.diag(1e-3 * np.diag(gram) + 1e-3), (terms * weights) @ target))


def mild(warp: Warp, cut: float = CUT) -> bool:
    """Whether a copy may be warped like that of which that share of a side may have been cut off."""
    scales, offsets = warp[::2], warp[1::2]
    return (all(1 - cut <= scale <= 1 / (1 - cut) for scale in scales) and max(map(abs, offsets)) <= cut
            and max(scales) <= UNEVEN * min(scales))

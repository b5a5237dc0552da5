"""Whether two pictures that look alike are one in their details: two slides of one talk, two title cards, two pages are not.

One picture is registered with the other as clips are (`jobs.dedup.sketches`), here by all of their luma at once, and parts in which they differ
greatly, a logo or a subtitle, count little. Then they are compared block by block by what is left of a block without the means
of its rows and columns: lines of text lie in the same rows whatever is written in them.

Of small letters nothing is left in `FINE` x `FINE` means but a grey that all pages of one form share. So pictures that agree there are looked
at once more (`_closely`), as sharp as they are stored.
"""

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np

from jobs.clean.measures.phash import inside
from jobs.dedup.sketches import STILL, WHOLE, Array, Box, Warp, mild, places, solved, view
from jobs.dedup.stills import FINE, SIDE, Small

BLOCK, FLAT, EMPTY = 8, 3.0, 1.0
"""Side of a block, and standard deviations of what is left of it below which it says nothing, and has nothing."""
AGREES, SHARE, MEAN, LEAST = 0.5, 0.85, 0.68, 3
"""Correlation from which a block agrees, share of blocks that must, and what their mean must be; blocks below which nothing is said. Of 311
copies of slides and title cards by 13 changes none falls below both 0.86 and 0.74; of 1,379 pairs of slides of one template with other
words none reaches both."""
EQUAL, MANY = 0.92, 10
"""Mean correlation, and blocks that say something, from which pictures are one: crops of films reach 0.93 in 27 blocks; two drawn shapes
1.0 in 3 to 6, one snow over two drawn grounds 0.9."""
ZOOMS = (1.0, 0.93, 1.07)
"""Scales from which the registration begins."""
BLURS = (0.5, 0.7, 1.0, 1.4, 2.0, 2.8)
"""Standard deviations, in pixels, of the Gaussians that are tried."""
COARSE_STEPS, FINE_STEPS, SHARP_STEPS = 5, 3, 2
SHARP_BLOCK, SHARP_FLAT, OTHER = 16, 4.0, 0.3
"""Of the second look: side of a block in pixels of a stored frame, standard deviation from which it says something, correlation below which
it shows something else."""
THERE, ABSENT = 8.0, 2.5
"""Standard deviations of a block of one picture and of the other from which something was added or taken away."""
MIDDLE, CHANGED, FEW, OVERLAID = (0.16, 0.8, 0.1, 0.9), 0.06, 2, 0.06
"""Top, bottom, left and right of the part of a picture that logos and subtitles leave alone; share of the blocks there that say something,
or how many of them, and share of all blocks outside of it, that may show something else in a copy. There copies of slides and pages (JPEG at
40, halves, crops by 4 %, logos) reach 0.032; pairs of slides, pages and sheets in letters of 14 to 28 pixels at 720p have 0.148 at least, one line
added or exchanged in three 0.188. Numbers in letters of 13 pixels between the rules of a sheet have 0.02: these are still taken for one."""
ALIKE = 0.01
"""By how much two warps may differ that are looked at but once."""


class Way(NamedTuple):
    """How two pictures may lie upon one another, and how well their details agree then: share of blocks, mean, how many; None without any."""

    agreement: tuple[float, float, int] | None
    boxes: tuple[Box, Box]
    warp: Warp


def same(a: Small, b: Small, *, turns: bool = False) -> bool | None:
    """Whether two pictures agree in their details; None if they have none, or none but small ones, which agree."""
    ways = [(picture, way) for picture in (a.turned() if turns else [a]) for way in _ways(picture, b)]
    told = [way.agreement for _, way in ways if way.agreement is not None]
    alike = [(picture, way) for picture, way in ways if not told or (way.agreement and way.agreement[0] >= SHARE and way.agreement[1] >= MEAN)]
    agrees = any(_closely(picture, b, way) for picture, way in alike)
    return agrees if told or not agrees else None


def one(a: Small, b: Small) -> bool:
    """Whether two pictures are one beyond doubt: nearly equal in many details."""
    return any(_closely(a, b, way) for way in _ways(a, b)
               if way.agreement and way.agreement[0] >= SHARE and way.agreement[1] >= EQUAL and way.agreement[2] >= MANY)


def _ways(a: Small, b: Small) -> Iterator[Way]:
    """The pictures as they lie and by each registration, of all and inside bars, where there are any."""
    for boxes in dict.fromkeys(((WHOLE, WHOLE), (_box(a), _box(b)))):
        x, y = (view(picture.fine.astype(np.float32), box) for picture, box in zip((a, b), boxes, strict=True))
        found: list[Warp] = []
        for warp in (STILL, *(_fitted(x, y, (zoom, 0.0, zoom, 0.0)) for zoom in ZOOMS)):
            if all(max(abs(p - q) for p, q in zip(warp, other, strict=True)) > ALIKE for other in found):
                found.append(warp)
                yield Way(_agreement(view(x, WHOLE, warp), y), boxes, warp)


def _closely(a: Small, b: Small, way: Way) -> bool:
    """Whether nothing that is sharp in two pictures that lie upon one another in some way differs, but for a logo and a subtitle."""
    height, width = (min(_sides(picture, box)[i] for picture, box in zip((a, b), way.boxes, strict=True)) for i in (0, 1))
    if min(height, width) < SHARP_BLOCK:
        return True
    x, y = (_cut(picture, box, (width, height)) for picture, box in zip((a, b), way.boxes, strict=True))
    halves = [cv2.resize(z, (width // 2, height // 2), interpolation=cv2.INTER_AREA) for z in (x, y)]
    x = _warped(x, registered(x, y, registered(halves[0], halves[1], way.warp, SHARP_STEPS), SHARP_STEPS), cv2.INTER_CUBIC)
    one, two, gain = _equally_sharp(x, y, SHARP_BLOCK)
    spreads = one.std(axis=1), two.std(axis=1)
    told = np.minimum(*spreads) > SHARP_FLAT
    other = told & ((one * two).mean(axis=1) < OTHER * spreads[0] * spreads[1])
    spreads = spreads[0] * gain, spreads[1]
    lone = (np.maximum(*spreads) > THERE) & (np.minimum(*spreads) < ABSENT)
    top, bottom, left, right = MIDDLE
    down, across = ((np.arange(side // SHARP_BLOCK) + 0.5) * SHARP_BLOCK / side for side in (height, width))
    middle = np.outer((down > top) & (down < bottom), (across > left) & (across < right)).ravel()
    kept = ((other | lone) & middle).sum() <= max(FEW, CHANGED * ((told | lone) & middle).sum())
    return bool(kept and (other & ~middle).sum() <= OVERLAID * len(other))


def _sides(picture: Small, box: Box) -> tuple[int, int]:
    """Height and width of a part of what is stored, in pixels."""
    height, width = picture.sharp.shape
    return round((box.bottom - box.top) * height), round((box.right - box.left) * width)


def _cut(picture: Small, box: Box, size: tuple[int, int]) -> Array:
    """A part of what is stored in a width and height."""
    high, wide = _sides(picture, box)
    top, left = (round(first * side) for first, side in zip((box.top, box.left), picture.sharp.shape, strict=True))
    return np.asarray(cv2.resize(np.ascontiguousarray(picture.sharp[top:top + high, left:left + wide]), size, interpolation=cv2.INTER_AREA), np.float32)


def _box(picture: Small) -> Box:
    top, left, height, width = inside(picture.fine)
    return Box(top / FINE, left / FINE, (top + height) / FINE, (left + width) / FINE)


def _fitted(x: Array, y: Array, warp: Warp) -> Warp:
    """The warp near to one at which a picture fits another."""
    half = FINE // SIDE
    coarse = [z.reshape(SIDE, half, SIDE, half).mean(axis=(1, 3)) for z in (x, y)]
    return registered(x, y, registered(coarse[0], coarse[1], warp, COARSE_STEPS), FINE_STEPS)


def _agreement(x: Array, y: Array) -> tuple[float, float, int] | None:
    """Share of blocks that agree, weighted mean of their correlations, and how many say anything; None if these are too few."""
    one, two, _ = _equally_sharp(x, y, BLOCK)
    spread = np.minimum(one.std(axis=1), two.std(axis=1))
    told = spread > FLAT
    if told.sum() < LEAST:
        return None
    correlation = (one * two).mean(axis=1)[told] / (one.std(axis=1) * two.std(axis=1))[told]
    return float((correlation >= AGREES).mean()), float(np.average(correlation, weights=np.sqrt(spread[told]))), int(told.sum())


def registered(x: Array, y: Array, warp: Warp, steps: int) -> Warp:
    """The best warp near to one."""
    best, least = warp, -1.0
    rows, columns = x.shape
    target = (y - y.mean()).ravel().astype(np.float64)
    for step in range(steps + 1):
        one = _warped(x, warp)
        down, across = np.gradient(one, 2 / rows, 2 / columns)
        terms = np.stack([(z - z.mean()).ravel() for z in (one, down * places(rows)[:, None], down, across * places(columns), across)]).astype(np.float64)
        correlation = float(terms[0] @ target / np.sqrt(max((terms[0] @ terms[0]) * (target @ target), 1e-6)))
        if correlation > least:
            best, least = warp, correlation
        if step == steps:
            break
        left = np.abs(target - terms.T @ solved(terms, target))
        weight = solved(terms, target, 1 / (1 + np.square(left / (2 * np.median(left) + 3))))
        if weight[0] < 0.2:
            break
        moves = np.clip(weight[1:] / weight[0], -0.06, 0.06)
        warp = warp[0] + moves[0], warp[1] + moves[1], warp[2] + moves[2], warp[3] + moves[3]
        if not mild(warp):
            break
    return best


def _warped(x: Array, warp: Warp, kind: int = cv2.INTER_LINEAR) -> Array:
    """`view` of the whole of a large picture, to a 32nd of a pixel."""
    fit = [[scale, 0.0, (side * (1 + offset - scale) + scale - 1) / 2] for scale, offset, side in zip(warp[::2], warp[1::2], x.shape, strict=True)]
    fit[0], fit[1] = fit[1], [0.0, *fit[0][::2]]
    return np.asarray(cv2.warpAffine(x, np.array(fit), x.shape[::-1], flags=kind | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE), np.float32)


def _equally_sharp(x: Array, y: Array, side: int) -> tuple[Array, Array, float]:
    """Blocks of both, the sharper picture blurred until most of its blocks hold no more than those of the other: a smaller copy, or one of
    another code, has no room for the details that the first has. And the contrast of the second as a multiple of that of the first."""
    one, two = _blocks(x, side), _blocks(y, side)
    if (gain := float(np.cov(x.ravel(), y.ravel())[0, 1] / max(float(x.var()), 1e-6))) <= 0:
        return one, two, 1.0
    swap = _excess(one * gain, two) < 1
    for sigma in BLURS:
        if (_excess(two / gain, one) if swap else _excess(one * gain, two)) <= 1:
            break
        blurred = _blocks(cv2.GaussianBlur(y if swap else x, (0, 0), sigma), side)
        one, two = (one, blurred) if swap else (blurred, two)
    return one, two, gain


def _excess(one: Array, two: Array) -> float:
    """Median ratio of what is in the blocks of two pictures that say something and are empty in neither."""
    a, b = one.std(axis=1), two.std(axis=1)
    told = (np.maximum(a, b) > FLAT) & (np.minimum(a, b) > EMPTY)
    return float(np.median(a[told] / np.maximum(b[told], 1e-3))) if told.any() else 1.0


def _blocks(picture: Array, side: int) -> Array:
    """[blocks, pixels] without the means of the rows and columns of each."""
    down, across = (count // side for count in picture.shape)
    blocks = picture[:down * side, :across * side].reshape(down, side, across, side).swapaxes(1, 2).reshape(-1, side, side)
    blocks = blocks - blocks.mean(axis=1, keepdims=True) - blocks.mean(axis=2, keepdims=True) + blocks.mean(axis=(1, 2), keepdims=True)
    return np.asarray(blocks.reshape(len(blocks), -1))

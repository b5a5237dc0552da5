"""Whether two pictures that look alike are one in their details: two slides of one talk, two title cards, two pages are not.

One picture is registered with the other as clips are (`jobs.dedup.sketches`), here by all of their luma at once, and parts in which they differ
greatly, a logo or a subtitle, count little. Then they are compared block by block by what is left of a block without the means
of its rows and columns: lines of text lie in the same rows whatever is written in them.
"""

import cv2
import numpy as np

from jobs.clean.measures.phash import inside
from jobs.dedup.sketches import WHOLE, Array, Box, Warp, mild, places, solved, view
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
COARSE_STEPS, FINE_STEPS = 5, 3


def same(a: Small, b: Small, *, turns: bool = False) -> bool | None:
    """Whether two pictures agree in their details; None if they have none."""
    ways = [one for picture in (a.turned() if turns else [a]) for one in _agreements(picture, b)]
    return any(share >= SHARE and mean >= MEAN for share, mean, _ in ways) if ways else None


def one(a: Small, b: Small) -> bool:
    """Whether two pictures are one beyond doubt: nearly equal in many details."""
    return any(share >= SHARE and mean >= EQUAL and blocks >= MANY for share, mean, blocks in _agreements(a, b))


def _agreements(a: Small, b: Small) -> list[tuple[float, float, int]]:
    """How well details agree as the pictures lie and by each registration, of all and inside bars, where there are any."""
    found = []
    for boxes in dict.fromkeys(((WHOLE, WHOLE), (_box(a), _box(b)))):
        x, y = (view(picture.fine.astype(np.float32), box) for picture, box in zip((a, b), boxes, strict=True))
        found += [_agreement(z, y) for z in (x, *(view(x, WHOLE, _fitted(x, y, (zoom, 0.0, zoom, 0.0))) for zoom in ZOOMS))]
    return [of for of in found if of is not None]


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
    one, two = _equally_sharp(x, y)
    spread = np.minimum(one.std(axis=1), two.std(axis=1))
    told = spread > FLAT
    if told.sum() < LEAST:
        return None
    correlation = (one * two).mean(axis=1)[told] / (one.std(axis=1) * two.std(axis=1))[told]
    return float((correlation >= AGREES).mean()), float(np.average(correlation, weights=np.sqrt(spread[told]))), int(told.sum())


def registered(x: Array, y: Array, warp: Warp, steps: int) -> Warp:
    """The best warp near to one."""
    best, least = warp, -1.0
    side = places(len(x))
    target = (y - y.mean()).ravel().astype(np.float64)
    for step in range(steps + 1):
        one = view(x, WHOLE, warp)
        down, across = np.gradient(one, 2 / len(x))
        terms = np.stack([(z - z.mean()).ravel() for z in (one, down * side[:, None], down, across * side, across)]).astype(np.float64)
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


def _equally_sharp(x: Array, y: Array) -> tuple[Array, Array]:
    """Blocks of both, the sharper picture blurred until most of its blocks hold no more than those of the other: a smaller copy, or one of
    another code, has no room for the details that the first has."""
    one, two = _blocks(x), _blocks(y)
    if (gain := float(np.cov(x.ravel(), y.ravel())[0, 1] / max(float(x.var()), 1e-6))) <= 0:
        return one, two
    swap = _excess(one * gain, two) < 1
    for sigma in BLURS:
        if (_excess(two / gain, one) if swap else _excess(one * gain, two)) <= 1:
            break
        one, two = (one, _blocks(cv2.GaussianBlur(y, (0, 0), sigma))) if swap else (_blocks(cv2.GaussianBlur(x, (0, 0), sigma)), two)
    return one, two


def _excess(one: Array, two: Array) -> float:
    """Median ratio of what is in the blocks of two pictures that say something and are empty in neither."""
    a, b = one.std(axis=1), two.std(axis=1)
    told = (np.maximum(a, b) > FLAT) & (np.minimum(a, b) > EMPTY)
    return float(np.median(a[told] / np.maximum(b[told], 1e-3))) if told.any() else 1.0


def _blocks(picture: Array) -> Array:
    """[blocks, pixels] without the means of the rows and columns of each."""
    count = FINE // BLOCK
    blocks = picture.reshape(count, BLOCK, count, BLOCK).swapaxes(1, 2).reshape(-1, BLOCK, BLOCK)
    blocks = blocks - blocks.mean(axis=1, keepdims=True) - blocks.mean(axis=2, keepdims=True) + blocks.mean(axis=(1, 2), keepdims=True)
    return np.asarray(blocks.reshape(len(blocks), -1))

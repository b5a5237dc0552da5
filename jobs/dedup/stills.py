"""Pictures that look alike, proven by the pictures themselves: a hash of 64 bits alone proves too little beyond 8 bits.

A picture is remembered twice, inside its bars and whole, as `SIDE` x `SIDE` luma means and the colours of `COLOURS` x `COLOURS`
parts, taken from a stored frame, and once as that frame without its colours. Two pictures agree in a block of such a grid where their normalised correlation
is `ALIKE`, whatever gain and offset; blocks that are flat in both say nothing. A logo or a subtitle spoils the blocks it covers
and no others. Colours must be the same, else it is one scene by day and by night, or one drawing in red and in blue; the light must have
changed alike within blocks and between them, else it is a thing in black and in grey before one ground; and details
(`jobs.dedup.detail`), or most blocks where there are none. Pictures meet by the hashes of their quarters too, of which a corner logo
spoils one.
"""

import io
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from jobs.clean.measures.phash import hash_of, inside

SIDE, GRID, COLOURS = 32, 8, 4
ALIKE, FLAT, LEAST = 0.8, 2.0, 6
"""Correlation from which blocks agree; standard deviation below which one is flat; blocks that must not be flat."""
AGREEING = 0.35
"""The least score of pictures that are the same (`jobs.dedup.copies.pictured`)."""
ZOOMS = (0.97, 0.94, 0.9)
"""Shares of either side that a crop may leave."""
MEET = 14
"""Bits by which hashes of a candidate may differ."""
GREY, HUE, FADED = 6.0, 0.8, (0.4, 2.5)
"""Chroma (0..255) that no part of a grey picture, which has no colours, reaches; cosine of the colours of two
pictures below which these are others (copies under every transform of the bench reach 0.88); by how much colours may have paled."""
COLOURED, OTHER, ALIKE_PARTS = 10.0, 0.6, 0.75
"""Chroma from which a part has a colour; difference, as a share of the greater chroma, from which that is another; share of the
coloured parts that must have the same in both (copies reach 0.82)."""
TURNED = 20.0
"""Degrees by which the colours of the parts that have one in both, GREY or more, are turned in the mean, weighted by the lesser chroma, from
which they are others: a red thing and a brown one of one lightness are 25 apart, copies by the bench 11, in a warm grade 18."""
AS_LIGHT = 12.0
"""Mean difference of luma, 0..255, weighted by chroma, of the coloured parts of a picture from those of a grey one, less the mean difference
of the parts without a colour, from which that is no copy without colours: the ground stays, the thing changes. Copies: 2.5, by the weights
of BT.709 9, by equal ones 12 in nine of ten; other colours of one thing 15 and more."""
LOGO = 0.1
"""Share of the parts up to which what has a colour may be a logo that was laid over a picture without any."""
ALIKE_CHANGED = 0.45
"""Of the ratios of the contrast within blocks to that between them, from one picture to the other, the quartile farther from 1 must be
this near to it. Copies reach 0.58; one thing in black and in grey before one ground has 0.22, in grey and in white 0.36."""
SHOWN, TOGETHER_S = 0.6, 0.06
"""Share of agreeing blocks of frames of two clips from which they show the same, and by how much the times of such frames may
differ. Copies reach 0.75."""
FINE = 64
"""Side of a picture in which its details are compared first."""
QUALITY = 50
"""Of the JPEG in which a picture is remembered for its details. A picture takes 10 KB with it, slides, pages and photographs alike (5 to 16 in nine
of ten)."""


class Small(NamedTuple):
    """What is remembered of a picture.

    Attributes:
        luma: [2, SIDE, SIDE], inside its bars and whole.
        chroma: [2, 2, COLOURS, COLOURS], likewise, two planes of 0..255 around 128.
        fine: [FINE, FINE], luma of the whole.
        sharp: [height, width], likewise as it is stored.
    """

    luma: NDArray[np.uint8]
    chroma: NDArray[np.uint8]
    fine: NDArray[np.uint8]
    sharp: NDArray[np.uint8]

    def packed(self) -> bytes:
        """Luma, chroma and a JPEG of what is sharp."""
        return self.luma.tobytes() + self.chroma.tobytes() + cv2.imencode(".jpg", self.sharp, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()

    @classmethod
    def of(cls, packed: bytes) -> "Small":
        """Back from `packed`."""
        luma, chroma, coded = np.split(np.frombuffer(packed, np.uint8), [2 * SIDE * SIDE, 2 * SIDE * SIDE + 4 * COLOURS * COLOURS])
        sharp = np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.uint8)
        return cls(luma.reshape(2, SIDE, SIDE), chroma.reshape(2, 2, COLOURS, COLOURS), _scaled(sharp, FINE), sharp)

    def turned(self) -> list["Small"]:
        """The picture mirrored and turned by quarters, eight in all, as it is first."""
        ways = [(across, y, x) for across in (False, True) for y in (1, -1) for x in (1, -1)]
        return [Small(*((part.swapaxes(-1, -2) if across else part)[..., ::y, ::x] for part in self)) for across, y, x in ways]


Frames = Sequence[tuple[float, Small]]
"""Frames of a clip and their times."""


def small(jpeg: bytes) -> Small:
    """What is remembered of a picture."""
    with Image.open(io.BytesIO(jpeg)) as picture:
        y, *colours = (np.ascontiguousarray(plane) for plane in np.moveaxis(np.asarray(picture.convert("YCbCr")), 2, 0))
    top, left, height, width = inside(y)
    parts = np.s_[top:top + height, left:left + width], np.s_[:, :]
    return Small(np.stack([_scaled(y[part], SIDE) for part in parts]),
                 np.stack([[_scaled(plane[part], COLOURS) for plane in colours] for part in parts]), _scaled(y, FINE), y)


def _scaled(plane: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(np.ascontiguousarray(plane), (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def quarters(picture: Small) -> NDArray[np.uint64]:
    """Hashes of the four quarters of both, [8]."""
    half = SIDE // 2
    return np.array([hash_of(np.ascontiguousarray(p[y:y + half, x:x + half], np.float32))
                     for p in picture.luma for y in (0, half) for x in (0, half)], np.uint64)


def agreement(a: Small, b: Small, *, turns: bool = False) -> float:
    """Share of blocks in which two pictures agree, by the better of the two ways that they are remembered; also where one shows
    the middle of the other. 0 where their colours or their light differ."""
    return max((agreed(one, b) or 0.0 for one in (a.turned() if turns else [a])), default=0.0)


def agreed(a: Small, b: Small) -> float | None:
    """`agreement` of pictures as they lie; None where their colours or their light differ."""
    shares = []
    for x, y, *colours in zip(a.luma, b.luma, a.chroma, b.chroma, strict=True):
        if _same_colours(*colours):
            views = [(x, y), *(view for z in ZOOMS for view in ((_middle(x, z), y), (x, _middle(y, z))))]
            all_shares = [_share(*view) for view in views]
            best = int(np.argmax(all_shares))
            if _same_light(*views[best], *colours):
                shares.append(all_shares[best])
    return max(shares, default=None)


def contradict(a: Frames, b: Frames, shift: float, slack: float, *, turns: bool = False) -> bool:
    """Whether most frames of two clips that were taken at about the same time, to `slack` seconds after the shift, have other colours.

    The pictures themselves may differ: in a quarter of a second things move.
    """
    other = [not any(same_colours(one, y) for one in (x.turned() if turns else [x])) for s, x in a for t, y in b if abs(s - t - shift) <= slack]
    return 2 * sum(other) > len(other)


def shown(a: Frames, b: Frames, shift: float, *, turns: bool = False) -> float:
    """Median share of blocks in which frames of two clips agree that were taken at the same time after the shift; 0 if there are
    none or it is below SHOWN."""
    shares = [agreement(x, y, turns=turns) for s, x in a for t, y in b if abs(s - t - shift) <= TOGETHER_S]
    median = float(np.median(shares)) if shares else 0.0
    return median if median >= SHOWN else 0.0


def same_colours(a: Small, b: Small) -> bool:
    """Whether two pictures may be one by their colours; a grey one may be any."""
    return any(_same_colours(x, y) for x, y in zip(a.chroma, b.chroma, strict=True))


def _same_colours(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> bool:
    """As `same_colours`, of chroma; as they are or without the tint that a grade lays over the parts that are grey in one of them."""
    x, y = _colours(a), _colours(b)
    least = np.minimum(np.hypot(*x), np.hypot(*y))
    if min(np.hypot(*x).max(), np.hypot(*y).max()) < GREY or _same_hues(x, y):
        return True
    ground = least < GREY
    return bool(ground.any()) and _same_hues(x, y - np.median((y - x)[:, ground], axis=1, keepdims=True))


def _same_hues(x: NDArray[np.float64], y: NDArray[np.float64]) -> bool:
    xx, yy, xy = np.vdot(x, x), np.vdot(y, y), np.vdot(x, y)
    if xy <= HUE * np.sqrt(xx * yy):
        return False
    least = np.minimum(np.hypot(*x), np.hypot(*y))
    weight = np.where(least < GREY, 0, least)
    if np.vdot(weight, np.abs(np.angle((x[0] + 1j * x[1]) * (y[0] - 1j * y[1]), deg=True))) > TURNED * weight.sum():
        return False
    y = y * np.clip(xy / yy, *FADED)
    most = np.maximum(np.hypot(*x), np.hypot(*y))
    told = most > COLOURED
    return bool((np.hypot(*(x - y)) <= OTHER * most)[told].mean() >= ALIKE_PARTS) if told.any() else True


def _colours(chroma: NDArray[np.uint8]) -> NDArray[np.float64]:
    """[2, parts], 0 without a colour."""
    return chroma.reshape(2, -1).astype(np.float64) - 128


def _same_light(a: NDArray[np.uint8], b: NDArray[np.uint8], *chroma: NDArray[np.uint8]) -> bool:
    """Whether the light of pictures that lie upon one another has changed in one way, as a copy's does, and not that of one thing alone; and
    where one of them is grey not at all."""
    tints = [np.hypot(*_colours(of)) for of in chroma]
    if min(tint.max() for tint in tints) < GREY:
        tint, part = np.maximum(*tints), SIDE // COLOURS
        one, two = (of.reshape(COLOURS, part, COLOURS, part).mean(axis=(1, 3)).ravel() for of in (a, b))
        coloured, ground, other = np.where(tint >= COLOURED, tint, 0), tint < GREY, np.abs(one - two)
        if ground.any() and coloured.astype(bool).mean() > LOGO and np.vdot(coloured, other - other[ground].mean()) > AS_LIGHT * coloured.sum():
            return False
    x, y = _blocks(a), _blocks(b)
    spread_x, spread_y = x.std(axis=1), y.std(axis=1)
    told = (spread_x > FLAT) | (spread_y > FLAT)
    alike = told & ((x * y).mean(axis=1) >= ALIKE * np.maximum(spread_x * spread_y, 1e-6))
    if alike.sum() < LEAST or min(between := [_means(of)[alike | ~told].std() for of in (a, b)]) < 1:
        return True
    low, high = np.quantile(spread_y[alike] / np.maximum(spread_x[alike], 1e-6), (0.25, 0.75)) * between[0] / between[1]
    return bool(low >= ALIKE_CHANGED and high <= 1 / ALIKE_CHANGED)


def _means(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Mean luma of the blocks."""
    side = SIDE // GRID
    return np.asarray(picture.reshape(GRID, side, GRID, side).mean(axis=(1, 3)).ravel(), np.float64)


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


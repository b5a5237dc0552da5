"""Whether two moments of a film show one scene: what stands out in the sketch of the one stands out in that of the other, at another
place, nearer or farther, in another light.

Normalised cross-correlation (Lewis, "Fast Normalized Cross-Correlation", 1995) of luma and chroma together, the middle of one sketch laid over
the other at every place and in some sizes, greatest value. A mean and a gain of their own do not count, so exposure and white
balance do not. Taken twice: of the sketches, and of what they are more than their blurred selves, where uneven light does not count either.
"""

from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from jobs.media.kernel import kernel
from jobs.media.planes import DARK, SKETCH_H, SKETCH_W

Floats = NDArray[np.float64]
Picture = NDArray[np.float32]
WIDTH, HEIGHT = 2 * SKETCH_W, 2 * SKETCH_H
CORE_W, CORE_H = 18, 14
"""What is laid over the other, of WIDTH x HEIGHT: places up to a fifth of the picture away can be tried."""
STEP = 2
"""Places are a cell of the sketch apart, the middle among them."""
ZOOMS = (0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.43)
"""Sizes that are tried."""
CHROMA_GAIN = 2.0
"""Colours differ less than lights do."""
EVEN_PX = 3.5
"""Sigma of the blur that takes uneven light away."""
FAINT = 1.5
"""Standard deviation up to which what stands out may be noise of sensor and code; it counts as unlike."""


NEARER, SCALED, SCALED_PAGE = (1.15, 1.2, 1.27, 1.35, 1.45, 1.55, 1.65, 1.8, 2.0), 0.28, 0.16
"""Sizes in which a part of the picture is looked for in the other, and what that leaves of the squares of their difference, at most, of any picture and of
what may be a page: punch-ins by 1.2 to 1.8 left 0.03 to 0.34, the middle one 0.09, jumps aside 0.24 to 0.6, of 552 other pages all 0.17 and more."""
AROUND_S = (0.0, 0.5, 1.5)
"""So long before and after a change the scene is looked at: light that swells and goes is back by then, a camera that turned too."""
LIKE, LIKE_DETAIL = 0.86, 0.71
"""Likeness of one scene to itself after what happened to it, whole or in what stands out, at least. Of 97 dissolves between 19 films
and 28 photographs three had more, all within one film or photograph."""


UNMIXED, ALIKE_BOTH, ALIKE_ONE = 0.47, 0.79, 0.95
"""Correlation of what stands out in the middle of a dissolve with a mix of its ends, at most, where the middle is like both ends moved, or like one of
them beyond doubt: the camera has moved. Of 62 dissolves none had less and was so like."""


STEPPED, AT_AN_END, STEPS = 0.6, 0.15, 8
"""Share of the luma cells that change by more than so many levels which are, half-way, as at either end but for such a part, at most: shapes have
moved over a ground. Of 162 dissolves the greatest were 0.58 and 0.56, of 13 moves of flat shapes ten had more than 0.6."""


GROUND, GROUND_THROUGH, GROUND_AROUND = 0.18, 0.04, 0.42
"""Share of the cells of the changed part of a screen that are ground, with half of that of all cells and alone, at least; of all cells around
a window. Cuts of films had at most 0.14 of the first, most pages of screen-casts 0.3 and more."""
GROUND_SAME, GROUND_CHANGED = 1, 6
"""Levels up to which a cell is the same, and from which it is another."""


IN_PLACE_CELLS, IN_PLACE_FAINT = 1.0, 1.0
"""How far the surroundings reach from which a cell of a sketch stands out (sigma); levels of it that may be noise."""


def in_place(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Correlation of what stands out from its surroundings in the luma of two sketches, at the same place but for a cell; -1..1."""
    a, b = (luma - cv2.GaussianBlur(luma, (0, 0), IN_PLACE_CELLS)
            for luma in (sketch[:SKETCH_W * SKETCH_H].reshape(SKETCH_H, SKETCH_W).astype(np.float32) for sketch in (one, other)))
    core = b[1:-1, 1:-1]
    squares = cv2.matchTemplate(a * a, np.ones_like(core), cv2.TM_CCORR) + IN_PLACE_FAINT * IN_PLACE_FAINT * core.size
    return float((cv2.matchTemplate(a, core, cv2.TM_CCORR) / np.sqrt(squares * ((core * core).sum() + IN_PLACE_FAINT * IN_PLACE_FAINT * core.size))).max())


def zoomed(one: NDArray[np.uint8], other: NDArray[np.uint8], most: float = SCALED) -> bool:
    """Whether one of two sketches is a part of the other, nearer: made smaller by one of NEARER and laid over it at the place where least is left:
    `most` of the mean square of what changes in place, at most."""
    a, b = scene(one)[0], scene(other)[0]
    most *= float(np.square(a - b).mean())
    for zoom in NEARER:
        for far, near in ((a, b), (b, a)):
            part = cv2.resize(near, (round(WIDTH / zoom), round(HEIGHT / zoom)), interpolation=cv2.INTER_AREA)
            if cv2.matchTemplate(far, part, cv2.TM_SQDIFF).min() < most * part.size:
                return True
    return False


def one_scene(times: Floats, sketches: NDArray[np.uint8], first_s: float, after_s: float) -> bool:
    """Whether sketches at or before `first_s` and at or after `after_s` show one scene; `times` are of the sketches, seconds."""
    before = {int(np.searchsorted(times, first_s - gap_s + 1e-6)) - 1 for gap_s in AROUND_S}
    later = {int(np.searchsorted(times, after_s + gap_s - 1e-6)) for gap_s in AROUND_S}
    ones = [scene(sketches[i]) for i in sorted(before, reverse=True) if i >= 0]
    others = [scene(sketches[i]) for i in sorted(later) if i < times.size]
    return any(likeness(one[0], other[0]) >= LIKE or likeness(one[1], other[1]) >= LIKE_DETAIL for one in ones for other in others)


def moved_through(times: Floats, sketches: NDArray[np.uint8], first_s: float, after_s: float) -> bool:
    """Whether the picture half-way between two moments is that of either one moved, and no mix of both; `times` are of the sketches, seconds."""
    first, after = int(np.searchsorted(times, first_s + 1e-6)) - 1, int(np.searchsorted(times, after_s - 1e-6))
    if first < 0 or after >= times.size or after - first < 2:
        return False
    shown = [scene(sketch) for sketch in sketches[first:after + 1]]
    shares = [mixture(shown[0][0], one[0], shown[-1][0])[0] for one in shown[1:-1]]
    half = 1 + int(np.abs(np.array(shares) - 0.5).argmin())
    if _stepped(*sketches[[first, first + half, after], :SKETCH_W * SKETCH_H].astype(np.float32)):
        return True
    middle = shown[half]
    if mixture(shown[0][1], middle[1], shown[-1][1])[1] >= UNMIXED:
        return False
    like = likeness(shown[0][0], middle[0]), likeness(middle[0], shown[-1][0])
    return min(like) >= ALIKE_BOTH or max(like) >= ALIKE_ONE


def _stepped(one: Picture, between: Picture, other: Picture) -> bool:
    """Whether most of what changes is half-way as bright as at either end, and no mix of both."""
    changes = np.abs(other - one) > STEPS
    share = (between - one)[changes] / (other - one)[changes]
    return bool(share.size and (np.abs(share - 0.5) > 0.5 - AT_AN_END).mean() > STEPPED)


def mixture(one: Picture, between: Picture, other: Picture) -> tuple[float, float]:
    """Share of the other, 0..1, in the mix of two pictures that is nearest to the one between, and the correlation of both."""
    a, x, b = (picture - picture.mean(axis=(0, 1)) for picture in (one, between, other))
    way = b - a
    share = float(np.clip((x - a).ravel() @ way.ravel() / max(float((way * way).sum()), 1e-9), 0, 1))
    mix, faint = a + share * way, FAINT * FAINT * HEIGHT * WIDTH
    return share, float((mix * x).sum() / np.sqrt(((mix * mix).sum() + faint) * ((x * x).sum() + faint)))


def page_turned(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    """Whether two sketches are of a screen that shows another page, or a window: where it changed, the ground shows through unchanged
    all over, or around it there is much of it. A picture in a frame, or between bars, changes wholly inside of them."""
    size = SKETCH_W * SKETCH_H
    apart = np.abs(one.astype(np.int16) - other).astype(np.uint8)
    luma = apart[:size].reshape(SKETCH_H, SKETCH_W)
    chroma = np.maximum(apart[size:size * 5 // 4], apart[size * 5 // 4:]).reshape(SKETCH_H // 2, SKETCH_W // 2).repeat(2, 0).repeat(2, 1)
    rows, columns = (np.flatnonzero((luma > GROUND_CHANGED).any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return False
    box = np.s_[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]
    ground = (luma <= GROUND_SAME) & (chroma <= GROUND_SAME) & (other[:size].reshape(SKETCH_H, SKETCH_W) >= DARK)
    through, around = ground[box].mean(), ground.mean()
    return bool((through >= GROUND_THROUGH and through + around / 2 >= GROUND) or around >= GROUND_AROUND)


def bar_stays(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    """Whether the top of two sketches is the same from side to side, and not black: the bar of a window, if it is a screen."""
    top, later = (sketch[:SKETCH_W].astype(np.int16) for sketch in (one, other))
    return bool(np.abs(later - top).max() <= GROUND_SAME and top.mean() >= DARK)


def scene(sketch: NDArray[np.uint8]) -> tuple[Picture, Picture]:
    """A sketch as compared, and what it is more than its blurred self: [HEIGHT, WIDTH, 3] each."""
    luma, *chroma = np.split(sketch.astype(np.float32), [SKETCH_W * SKETCH_H, SKETCH_W * SKETCH_H * 5 // 4])
    planes = [luma.reshape(SKETCH_H, SKETCH_W), *(CHROMA_GAIN * c.reshape(SKETCH_H // 2, SKETCH_W // 2) for c in chroma)]
    whole = np.stack([cv2.resize(plane, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR) for plane in planes], axis=-1)
    return whole, whole - cv2.GaussianBlur(whole, (0, 0), EVEN_PX, borderType=cv2.BORDER_REPLICATE)


def likeness(one: Picture, other: Picture) -> float:
    """Greatest correlation over all places and sizes, -1..1."""
    cores = np.empty((len(ZOOMS), CORE_H, CORE_W, other.shape[2]), np.float32)
    for core, move in zip(cores, _moves(), strict=True):
        cv2.warpAffine(other, move, (CORE_W, CORE_H), core, cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, cv2.BORDER_REPLICATE)
    return float(_laid_over(one, cores))


@cache
def _moves() -> tuple[Floats, ...]:
    """From the core, in each of ZOOMS, to the middle of a picture."""
    corner = np.array([(WIDTH - CORE_W) / 2, (HEIGHT - CORE_H) / 2])
    moves = (cv2.getRotationMatrix2D(((CORE_W - 1) / 2, (CORE_H - 1) / 2), 0, 1 / zoom) for zoom in ZOOMS)
    return tuple(move + np.pad(corner[:, None], ((0, 0), (2, 0))) for move in moves)


@kernel("float64(float32[:, :, ::1], float32[:, :, :, ::1])")
def _laid_over(one: Any, cores: Any) -> Any:
    """Greatest correlation of cores, which lose their means, with the parts of a picture."""
    zooms, height, width, planes = cores.shape
    count, length = height * width, width * planes
    lines, flat = one.reshape(one.shape[0], one.shape[1] * planes), cores.reshape(zooms, height, length)
    totals, powers = np.empty(lines.shape[1]), np.empty(lines.shape[1])
    energies = np.zeros(zooms)
    for zoom in range(zooms):
        for p in range(planes):
            core = cores[zoom, :, :, p]
            core -= np.float32(core.sum() / count)
        for value in flat[zoom].ravel():
            energies[zoom] += value * value
    faint, best = FAINT * FAINT * count, -1.0
    for top in range((one.shape[0] - height) // 2 % STEP, one.shape[0] - height + 1, STEP):
        totals[:], powers[:] = 0.0, 0.0
        for y in range(top, top + height):
            line = lines[y]
            for k in range(line.size):
                totals[k] += line[k]
                powers[k] += line[k] * line[k]
        for left in range((one.shape[1] - width) // 2 % STEP, one.shape[1] - width + 1, STEP):
            first = left * planes
            means = 0.0
            for p in range(planes):
                total = totals[first + p:first + length:planes].sum()
                means += total * total / count
            squares = max(powers[first:first + length].sum() - means, 0.0) + faint
            for zoom in range(zooms):
                both: Any = 0.0
                for y in range(height):
                    part, own, row = lines[top + y, first:first + length], flat[zoom, y], np.float32(0.0)
                    for k in range(length):
                        row += part[k] * own[k]
                    both += row
                best = max(best, both / np.sqrt(squares * (energies[zoom] + faint)))
    return best

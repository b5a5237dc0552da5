"""Hard cuts: a change of picture that is great, stands alone, takes in much of the picture, and is neither a flash nor a light."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.media.kernel import kernel
from jobs.media.planes import LUMA_THUMB, LUMA_THUMB_W
from jobs.media.signals import SIGNALS, THUMB

Floats = NDArray[np.float64]
COLUMN = {name: index for index, name in enumerate(SIGNALS)}
CHROMA_THUMB = (LUMA_THUMB + THUMB) // 2
"""Where V begins in a thumb."""
SCALE = 27.0
"""The score of a barely certain cut: PySceneDetect's default threshold, so that the setting keeps its meaning."""
FLOOR, FLAT = 8.0, 0.3
"""Content change below which nothing is a cut in a picture of usual contrast, and what part of it counts in flat and dark ones."""
USUAL_SPREAD, BLANK_SPREAD = 32.0, 8.0
RATIO, AROUND_S = 3.0, 1.0
"""A cut is so many times the median change within so many seconds before and after."""
PEAK, BESIDE_S, BESIDE_FRAMES = 2.0, 0.2, 3
"""A cut stands alone: it is so many times the greatest change beside it (a whip pan is not alone)."""
LONGER = 2.0
"""What moves changes more in a frame that is shown for longer, or lies behind a flash, up to so many times."""
SWEEP = 1.5
"""How much more the calmer neighbour counts than what is further away: nothing but a move of the camera takes three frames. Of 582 cuts
all but two changed the picture by more than three times what it did."""
CALM, CALM_FRAMES = 0.1, 4
"""So many frames that change by less than this part of a cut end what is beside it: another cut behind them is one of a shot that is short."""
SWING, SWING_USUAL = 0.1, 0.75
"""A camera that is turned at once comes to rest gradually, or the other way round: by such a part of the greatest change both frames after it still
change more than so many of those that follow them within AROUND_S."""
SHAKE = 2.5
"""Cells of 32 to a width by which a camera that is not turned moves from frame to frame at most: what such a move explains is not counted as change."""
WHOLE, DETOUR = 3.0, 1.25
"""A change goes on in the frame beside it if that one's is less than so many times smaller. Two changes one after the other make a cut that takes two frames if both together are at most so many times the change from end to end."""
STARTS = 1.5
"""The frame beside a change belongs to it if it changes more than so many times the one beyond: else it is of what moves there anyway."""
LEAP, LEAP_ALONE = 0.4, 6.0
"""Part of FLOOR, times contrast, that a leap changes, at least, and how many times what any other frame beside it changes, and the median one around
it. Where no frames were lost, zooms of two frames were the most that a zoom of one take leapt: 4.2 to 5.5 times."""
PART = 0.35
"""Share of the picture that a cut changes, at least: less is a window, a caption or an insert."""
FLASH_S, BACK, BACK_LIKE = 0.6, 0.35, 0.2
"""If a picture of so long before is back within this time, but for such a part of the change, and is not unlike (correlation of their luma thumbs)
where it was no light that changed all over, it was a flash: six frames of twelve in a second. Of 1,245 frames of flashes three were so unlike."""
LIT_S, LIT_ENDS, LIT_DOUBT, LIT_LIKE = 0.17, 0.5, 0.1, 0.4
"""A flash that goes out at once is at most so long, and its end is so many times as great a change as its beginning, at least; so much in correlation
each frame from its middle has to be worth where a cut hides in it, and so much is that of its frames with one of both shots: else the camera moves."""
RELIT = 0.16
"""Share of the difference of two pictures, and of the darker one, that is left at most when one is made as bright as the other: the
light has changed, not the scene."""
RELIT_LIKE, RELIT_DETAIL = 0.8, 1.0
"""Correlation of what stands out in the rows of both, at least, where it stands out by so much: the sky is brighter than the ground
in most scenes. A light switched off leaves 0.99; a wood at night and another one at dawn had 0.43."""
ALL_OVER = 0.9
"""Share of the change of luma that goes one way, at least, where a light is switched or flashes."""
RELIT_GAIN, RELIT_FAINT = 0.25, 2.0
"""Contrast of one thumb found in the other where it is the same in another light and moves, at least; levels of it that may be noise."""
VEILED = 0.3
"""Share of its spread that is left of a picture, at most, where a flash dazzles the camera or the light goes out."""
IN_PLACE, AROUND_CELLS, CHANGED = 0.7, 1.0, 4.0
"""Correlation of what stands out in two thumbs, at least, where a light has changed that falls unevenly or dazzles; how far the
surroundings reach from which it stands out (sigma); levels by which a cell changes. 177 cuts, some within one photograph or film, had at most 0.6."""


def change(signals: NDArray[np.float32]) -> Floats:
    """Content change of every frame to the one before: (dy + 2 du + 2 dv) / 3, 0..255."""
    dy, du, dv = (signals[:, COLUMN[name]].astype(np.float64) for name in ("dy", "du", "dv"))
    return (dy + 2 * du + 2 * dv) / 3


def turned(signals: NDArray[np.float32]) -> Floats:
    """Content change of every frame, less what a camera that is not turned explains."""
    return np.where(signals[:, COLUMN["moved"]] <= SHAKE, signals[:, COLUMN["displaced"]], change(signals)).astype(np.float64)


def scores(times: Floats, signals: NDArray[np.float32], thumbs: NDArray[np.uint8], lights: Mapping[int, float] | None = None) -> Floats:
    """Cut score of every frame, SCALE where a cut begins to be certain: change against FLOOR, its surroundings and its
    neighbours; these as they are, or with moves taken out, whichever tells more: both shots may move fast. `lights` has what is
    left of the change with frames whose light changes; where nothing is, it is no neighbour."""
    content = change(signals)
    if content.size < 2:
        return np.zeros(content.size)
    displaced = signals[:, COLUMN["displaced"]].astype(np.float64)
    contrast = _contrast(signals)
    part = np.minimum(np.maximum(signals[:, COLUMN["changed"]], changed(thumbs, CHANGED * contrast)) / PART, 1.0)
    alone = _alone(times, content, lights or {})
    if (signals[:, COLUMN["moved"]] > 0).any():
        alone = np.maximum(alone, _alone(times, displaced, lights or {}))
    score: Floats = SCALE * part * part * np.minimum(content / (FLOOR * contrast), alone)
    return score


def _contrast(signals: NDArray[np.float32]) -> Floats:
    """Contrast of every frame or the one before it, whichever has more: 1 where it is usual."""
    spread = signals[:, COLUMN["spread"]].astype(np.float64)
    contrast: Floats = FLAT + (1 - FLAT) * np.maximum(spread, np.concatenate([spread[:1], spread[:-1]])) / USUAL_SPREAD
    return contrast


def leaps(times: Floats, signals: NDArray[np.float32], thumbs: NDArray[np.uint8]) -> list[int]:
    """Frames whose change stands alone by far, be it of however small a part of the picture, and is no flash."""
    content = change(signals)
    beside_it = np.maximum(np.concatenate([[0.0], content[:-1]]), np.concatenate([content[1:], [0.0]]))
    found = []
    for i in (int(index) for index in np.flatnonzero(content >= np.maximum(LEAP * FLOOR * _contrast(signals), LEAP_ALONE * beside_it))):
        low, high = np.searchsorted(times, (times[i] - AROUND_S, times[i] + AROUND_S + 1e-6))
        near = np.abs(times[low:high] - times[i]) <= BESIDE_S
        near[max(i - low - BESIDE_FRAMES, 0):i - low + BESIDE_FRAMES + 1] = True
        near[i - low] = False
        others = np.concatenate([content[max(low, 1):i], content[i + 1:high]])
        if i and others.size and content[i] >= LEAP_ALONE * max(np.median(others), content[low:high][near].max(initial=0.0)) and not _flash(i, times, thumbs):
            found.append(i)
    return found


def _alone(times: Floats, changes: Floats, lights: Mapping[int, float]) -> Floats:
    """How far every change stands alone, 1 where it is just enough for a cut."""
    own, others = changes.copy(), changes.copy()
    for i, left in lights.items():
        own[i] = min(left or np.inf, changes[i])
        others[i] *= left > 0
    alone: Floats = np.minimum(changes / (RATIO * surroundings(times, changes, AROUND_S) + 1.0), own / np.maximum(PEAK * beside(times, others), 1e-9))
    return alone


@kernel("float64[::1](Array(uint8, 2, 'C', readonly=True), float64[::1])")
def changed(thumbs: Any, least: Any) -> Any:
    """Share of the luma thumb of every frame that differs from the one before by more than `least` of that frame."""
    share = np.zeros(least.size)
    for i in range(1, least.size):
        for k in range(LUMA_THUMB):
            if abs(np.int32(thumbs[i, k]) - np.int32(thumbs[i - 1, k])) > least[i]:
                share[i] += 1.0 / LUMA_THUMB
    return share


@kernel("float64[::1](float64[::1], float64[::1])")
def beside(times: Any, content: Any) -> Any:
    """Greatest change near a frame, itself and the greater of its two neighbours left out (a cut may take two frames)."""
    count = content.size
    highest = np.zeros(count)
    for i in range(count):
        if 1 < i < count - 1:
            highest[i] = SWEEP * min(content[i - 1], content[i + 1])
        gap = times[i] - times[i - 1]
        for step in (-1, 1):
            k, calm = i + 2 * step, 0
            while 1 <= k < count and calm < CALM_FRAMES and (abs(times[k] - times[i]) <= BESIDE_S or abs(k - i) <= BESIDE_FRAMES):
                highest[i] = max(highest[i], content[k] * min(max(gap / max(times[k] - times[k - 1], 1e-3), 1.0), LONGER))
                calm = calm + 1 if content[k] < CALM * content[i] else 0
                k += step
    return highest


@kernel("float64[::1](float64[::1], float64[::1], float64)")
def surroundings(times: Any, content: Any, around_s: float) -> Any:
    """Median change of the frames within `around_s` before and after, the frame itself and the first of all left out."""
    count = content.size
    usual = np.zeros(count)
    first, after = 0, 0
    for i in range(count):
        while times[first] < times[i] - around_s:
            first += 1
        while after < count and times[after] <= times[i] + around_s:
            after += 1
        low = max(first, 1)
        near = np.concatenate((content[low:max(i, low)], content[i + 1:after]))
        if near.size:
            usual[i] = np.median(near)
    return usual


def cuts(times: Floats, signals: NDArray[np.float32], thumbs: NDArray[np.uint8], threshold: float) -> list[tuple[int, float]]:
    """Frames with which a new shot begins, as far as one can tell without sketches, and their scores. Flashes are left out: what is seen before
    one is compared with what is seen after it, and a cut that it hides lies where its frames cease to be like the old shot."""
    runs = flashes(times, signals, thumbs)
    if not runs:
        return _cuts(times, signals, thumbs, threshold)
    kept = np.ones(times.size, bool)
    signals = signals.copy()
    for first, after in runs:
        kept[first:after] = False
        apart = np.abs(thumbs[after].astype(np.float32) - thumbs[first - 1])
        for name, planes in (("dy", apart[:LUMA_THUMB]), ("du", apart[LUMA_THUMB:CHROMA_THUMB]), ("dv", apart[CHROMA_THUMB:])):
            signals[after, COLUMN[name]] = planes.mean()
        signals[after, COLUMN["displaced"]], signals[after, COLUMN["moved"]] = change(signals[after:after + 1])[0], 0.0
        signals[after, COLUMN["changed"]] = (apart[:LUMA_THUMB] > CHANGED).mean()
    index = np.flatnonzero(kept)
    hidden = {after: first for first, after in runs}
    found = [(int(index[k]), score) for k, score in _cuts(times[kept], signals[kept], thumbs[kept], threshold)]
    placed = ((_lit_until(hidden[i], i, thumbs) if i in hidden else i, score) for i, score in found)
    return [(i, score) for i, score in placed if i is not None]


def flashes(times: Floats, signals: NDArray[np.float32], thumbs: NDArray[np.uint8]) -> list[tuple[int, int]]:
    """First frame of each flash that goes out at once, and the first frame after it: all of it is brighter all over than both frames beside."""
    content, luma = change(signals), signals[:, COLUMN["luma"]]
    leaps = np.flatnonzero(content > np.maximum(FLAT * FLOOR, RATIO * surroundings(times, content, AROUND_S)))
    found: list[tuple[int, int]] = []
    for i in (int(index) for index in leaps):
        if i == 0 or luma[i] <= luma[i - 1] or (found and i < found[-1][1]):
            continue
        for k in range(i + 1, int(np.searchsorted(times, times[i] + LIT_S + 1e-6))):
            if content[k] < LIT_ENDS * content[i] or luma[k] > luma[k - 1]:
                continue
            before, *lit, later = thumbs[i - 1:k + 1].astype(np.float32)
            if all(one_way(before, one) and one_way(one, later) and before.mean() < one.mean() > later.mean() for one in lit):
                found.append((i, k))
                break
    return found


def _lit_until(first: int, after: int, thumbs: NDArray[np.uint8]) -> int | None:
    """With which frame of a flash the new shot begins: those before it are like the old one, those behind it like the new one. None where they
    show something else than either."""
    lit = thumbs[first:after].astype(np.int16)
    old, new = (alike(thumbs[i].astype(np.int16), lit, 0.0) for i in (first - 1, after))
    tells = (old != 0) | (new != 0)
    if tells.any() and np.maximum(old, new)[tells].mean() < LIT_LIKE:
        return None
    nearer = np.concatenate([[0.0], np.cumsum(old - new)])
    return first + int((nearer - LIT_DOUBT * np.abs(np.arange(nearer.size) - (nearer.size - 1) / 2)).argmax())


def _cuts(times: Floats, signals: NDArray[np.float32], thumbs: NDArray[np.uint8], threshold: float) -> list[tuple[int, float]]:
    """`cuts` of frames among which no flash is."""
    content = change(signals)
    stands_out = np.flatnonzero(content > np.maximum(FLOOR, RATIO * surroundings(times, content, AROUND_S)))
    lights = {int(i): left for i in stands_out if i and (left := _unlit(*thumbs[i - 1:i + 1].astype(np.float32))) is not None}
    same = {i for i, left in lights.items() if not left}
    score = scores(times, signals, thumbs, lights)
    turns = turned(signals)
    found: list[int] = []
    for i in (int(index) for index in np.flatnonzero(score >= threshold)):
        if i == 0 or _swings(i, times, content[i], turns) or _flash(i, times, thumbs):
            continue
        first, after = whole(i, turns)
        if _veiled(first, after, signals, thumbs) and _lifts(first, after, times, signals):
            continue
        one, other = thumbs[[first, after]].astype(np.float32)
        lit = {first + 1, after} & same
        if _light(one, other) or (i in same and len(lit) < after - first) or (after - first > 1 and not lit and _sweeps(one, thumbs[first + 1], other)):
            continue
        if found and i - found[-1] <= 2:
            if score[i] > score[found[-1]]:
                found[-1] = i
            continue
        found.append(i)
    return [(i, float(score[i])) for i in found]


def whole(i: int, content: Floats) -> tuple[int, int]:
    """The frame before the change with frame i and the one after it: a change that is about as great in the next frame, or in the one before, goes on,
    unless that one is no more than what moves beyond it."""
    k = i + 1 if i + 1 < content.size and content[i + 1] > content[i - 1] else i - 1
    beyond = min(max(2 * k - i, 0), content.size - 1)
    goes_on = k > 0 and WHOLE * content[k] > content[i] and content[k] > STARTS * content[beyond]
    return (min(i, k) - 1, max(i, k)) if goes_on else (i - 1, i)


def _swings(i: int, times: Floats, change: float, turns: Floats) -> bool:
    """Whether the change with frame i goes on in both frames after it, or began in both before it: a cut takes two frames at most."""
    low, high = np.searchsorted(times, (times[i] - AROUND_S, times[i] + AROUND_S + 1e-6))
    for beside in (turns[i + 1:high], turns[max(low, 1):i][::-1]):
        if beside.size > 2 and beside[:2].min() - np.quantile(beside[2:], SWING_USUAL) > SWING * change:
            return True
    return False


def _sweeps(one: NDArray[np.float32], between: NDArray[np.uint8], other: NDArray[np.float32]) -> bool:
    """Whether what is seen between is no mix of both ends, as where a cut takes two frames."""
    return bool(np.abs(between - one).sum() + np.abs(other - between).sum() > DETOUR * np.abs(other - one).sum())


def _veiled(clear: int, blank: int, signals: NDArray[np.float32], thumbs: NDArray[np.uint8]) -> bool:
    """Whether frame `blank` shows hardly anything, as `clear` might in a light that has grown or fallen all over."""
    spread = signals[:, COLUMN["spread"]]
    return bool(spread[blank] <= VEILED * spread[clear]) and one_way(*thumbs[[clear, blank]].astype(np.float32))


def _lifts(clear: int, blank: int, times: Floats, signals: NDArray[np.float32]) -> bool:
    """Whether something is seen again soon: whether a cut hides behind the blank frames is told by what comes after them."""
    end = int(np.searchsorted(times, times[blank] + FLASH_S + 1e-6))
    spread, luma = signals[:, COLUMN["spread"]], signals[:, COLUMN["luma"]]
    return bool(luma[blank] > luma[clear] and spread[blank] <= BLANK_SPREAD and (spread[blank:end] > VEILED * spread[clear]).any())


def _light(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    """Whether two thumbs show the same in another light."""
    return bool(relit(one, other)) or _in_place(one, other)


def _unlit(one: NDArray[np.float32], other: NDArray[np.float32]) -> float | None:
    """What is left of the change of two thumbs, as seen in the clearer one, where the light has grown or fallen all over: nothing where the
    same is seen in both; else where a flash lies over the one."""
    if not one_way(one, other):
        return None
    if _light(one, other):
        return 0.0
    clear, faint = sorted((thumb[:LUMA_THUMB] for thumb in (one, other)), key=lambda luma: -float(luma.std()))
    if faint.mean() < clear.mean():
        return None
    clear, faint = clear - clear.mean(), faint - faint.mean()
    gain = float(clear @ faint) / max(float(clear @ clear), 1e-9)
    if faint.std() <= VEILED * clear.std():
        return float(np.abs(clear).mean())
    return float(np.abs(faint - gain * clear).mean() * clear.std() / (faint.std() + RELIT_FAINT)) if gain >= RELIT_GAIN else None


def one_way(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    """Whether luma grows or falls all over."""
    apart = (other - one)[:LUMA_THUMB]
    return abs(float(apart.sum())) >= ALL_OVER * float(np.abs(apart).sum())


def _in_place(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    """Whether what stands out from its row, its column and its surroundings in two luma thumbs stands out in the same places, within the
    part that changes: a frame around a film stays."""
    import cv2

    pictures = np.stack([thumb[:LUMA_THUMB].reshape(-1, LUMA_THUMB_W) for thumb in (one, other)])
    changed = np.abs(pictures[1] - pictures[0]) > CHANGED
    rows, columns = (np.flatnonzero(changed.any(axis=axis)) for axis in (1, 0))
    if rows.size < 3 or columns.size < 3:
        return False
    pictures = pictures[:, rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]
    pictures = pictures - pictures.mean(axis=1, keepdims=True) - pictures.mean(axis=2, keepdims=True) + pictures.mean(axis=(1, 2), keepdims=True)
    a, b = (picture - cv2.GaussianBlur(picture, (0, 0), AROUND_CELLS) for picture in pictures)
    least = RELIT_DETAIL * RELIT_DETAIL * a.size
    return bool((a * b).sum() >= IN_PLACE * np.sqrt(max((a * a).sum(), least) * max((b * b).sum(), least)))


def _flash(i: int, times: Floats, thumbs: NDArray[np.uint8]) -> bool:
    """Whether a picture of just before frame i is back soon: what came between was a flash, or something that passed close by."""
    start, end = np.searchsorted(times, (times[i] - FLASH_S, times[i] + FLASH_S + 1e-6))
    before, later = thumbs[min(start, i - 1):i].astype(np.int16), thumbs[i:end].astype(np.int16)
    jump = np.abs(later[0] - before[-1]).mean()
    least = -1.0 if one_way(*thumbs[i - 1:i + 1].astype(np.float32)) else BACK_LIKE
    return any(bool((alike(one, later[np.abs(later - one).mean(axis=1) < BACK * jump], 1.0) >= least).any()) for one in before)


def alike(one: NDArray[np.int16], others: NDArray[np.int16], blank: float) -> Floats:
    """Correlation of the luma of a thumb with that of others; `blank` where either is of one colour."""
    a, b = (luma - luma.mean(axis=-1, keepdims=True) for luma in (one[:LUMA_THUMB], others[:, :LUMA_THUMB]))
    least = RELIT_DETAIL * RELIT_DETAIL * LUMA_THUMB
    square_a, square_b = (a * a).sum(), (b * b).sum(axis=1)
    return np.where(np.minimum(square_a, square_b) < least, blank, b @ a / np.sqrt(np.maximum(square_a * square_b, 1e-9)))


@kernel("boolean(float32[::1], float32[::1])")
def _like(one: Any, other: Any) -> bool:
    """Whether the same things stand out in the rows of two luma thumbs, or nothing does."""
    both, square_one, square_other = 0.0, 0.0, 0.0
    for row in range(0, LUMA_THUMB, LUMA_THUMB_W):
        mean_one = one[row:row + LUMA_THUMB_W].mean()
        mean_other = other[row:row + LUMA_THUMB_W].mean()
        for k in range(row, row + LUMA_THUMB_W):
            a, b = one[k] - mean_one, other[k] - mean_other
            both += a * b
            square_one += a * a
            square_other += b * b
    if min(square_one, square_other) < RELIT_DETAIL * RELIT_DETAIL * LUMA_THUMB:
        return True
    return bool(both >= RELIT_LIKE * np.sqrt(square_one * square_other))


@kernel("boolean(float32[::1], float32[::1])")
def relit(one: Any, other: Any) -> bool:
    """Whether two thumbs show the same in another light: the fainter one is the other made darker, but for little."""
    both, square_one, square_other, change = 0.0, 1e-9, 1e-9, 0.0
    for k in range(one.size):
        zero = 0.0 if k < LUMA_THUMB else 128.0
        a, b = one[k] - zero, other[k] - zero
        both += a * b
        square_one += a * a
        square_other += b * b
        change += abs(a - b)
    gain = both / max(square_one, square_other)
    left, faint = 0.0, 0.0
    for k in range(one.size):
        zero = 0.0 if k < LUMA_THUMB else 128.0
        a, b = one[k] - zero, other[k] - zero
        if square_one > square_other:
            a, b = b, a
        left += abs(a - gain * b)
        faint += abs(a)
    return bool(left < RELIT * min(change, faint)) and _like(one, other)

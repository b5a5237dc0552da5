"""Dissolves: windows of time in which every frame is a mix of the pictures at both ends, and the ends are of two scenes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.clean.cuts import COLUMN, USUAL_SPREAD, Floats, relit
from jobs.media.kernel import kernel
from jobs.media.planes import LUMA_THUMB
from jobs.media.signals import THUMB

LENGTHS_S = (0.3, 0.5, 0.8, 1.2, 1.8, 2.6)
"""Lengths of dissolves that are tried."""
DISSOLVE_CHANGE = 10.0
"""Mean difference of the thumbs before and after a dissolve, 0..255, at least, where the picture has its usual contrast."""
DISSOLVE_LIT = 0.1
"""Spread of the flatter end over that of the other, at least: out of a blank picture it is a fade."""
DISSOLVE_REST = 0.28
"""How far, in parts of that difference, the frames between may be from the mix of both ends that fits them best."""
DISSOLVE_MIXED = 0.4
"""Share of the frames of the window that are a mix of more than an eighth of either end, at least."""
MIXED = 0.08
"""Share of the other end from which a frame counts as mixed."""
DISSOLVE_RATE = 1.5
"""A dissolve changes the picture so many times as fast as the faster of the motions before and after it; down to 0.4 of that are
enough where the picture flattens in its middle as nothing but a mix does."""
DISSOLVE_PART = 0.55
"""Share of the luma thumb that changes by more than 4, at least: less is a title that comes up."""
DISSOLVE_LIKE = 0.75
"""Correlation of the luma thumbs of both ends, at most: more is the same scene in another light."""
HURRY = 4.0
"""A dissolve passes at most so many times as fast as it does on average, but for a tenth: what leaps is a whip pan."""
DISSOLVE_FPS = 8.0
"""Frames a second that a mix can be told from."""
MIX_OFF, MIX_FAINT = 0.2, 3.0
"""How far, in parts of it, the contrast of the frames between may be from that of a mix of both ends; levels that do not count."""
LEAP, LEAP_FRAMES = 0.17, 3
"""Change from one frame to the next, in parts of the difference of both ends, that does not happen so many frames beside a dissolve: it
is the beginning of a flash that goes out slowly."""
APART_S = 0.1
"""Seconds between two dissolves, at least."""
BLOCK, BLOCK_MARGIN = 32_768, 4_096
"""Frames whose dissolves are looked for at a time, and those around them: the longest window and its surroundings at 1,000 frames a
second, the most that times can tell apart."""
DISSOLVE_DIP, FOUND_DIP = 0.88, 0.95
"""Mixing flattens: spread in the middle over the mean spread of both ends, of the window and of the part of it that was found, at most. A pan
or an exposure does not flatten."""
FLATTENS, STEEPEST = 0.95, 5.0
"""Where only quarters are mixed: spread of the flattest frame over that of the flatter end, at most, and how many times as far as on average the
picture may pass in one frame. Of 21 such dissolves 17 had so little of both, of eight moves of the camera none."""
EVERY = np.arange(THUMB)
OF_QUARTERS = np.array([0, 1, 4, 5, 24, 25, 28, 29, *(LUMA_THUMB + np.array([0, 2, 12, 14]))])
"""Cells of a thumb; those that tell all of `quarters`, in which luma has the weight that it has in all cells."""
LIT_LIKE, LIT_REST, LIT_DIP = 0.6, 0.45, 0.8
"""Ends so much alike (correlation of their luma thumbs), of whose difference a change of brightness leaves no more than this share, with
so little flattening between them, are one scene whose exposure changes while it moves."""


def dissolves(times: Floats, signals: NDArray[np.float32], thumbs: NDArray[np.uint8]) -> list[tuple[int, int]]:
    """First frame of each and the first that is wholly of the new shot, without overlap. First those of which every cell is mixed, then those of
    which the quarters of the picture are: where both shots move as they dissolve, light and colour of a quarter still pass evenly from one to the other."""
    spread = np.ascontiguousarray(signals[:, COLUMN["spread"]], dtype=np.float64)
    found, coarse = _windows(times, thumbs, spread, EVERY), quarters(thumbs)
    for window in _windows(times, coarse, spread, OF_QUARTERS):
        if _flattens(spread, *window) and _evenly(coarse, *window) and not any(_overlap(times, window, other) for other in found):
            found.append(window)
    return found


def quarters(thumbs: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Thumbs whose cells are the means of their quarter of luma, or of their half of chroma."""
    luma, chroma = thumbs[:, :LUMA_THUMB].reshape(-1, 2, 3, 2, 4), thumbs[:, LUMA_THUMB:].reshape(-1, 2, 3, 2, 2)
    parts = (np.broadcast_to(cells.mean(axis=(2, 4), keepdims=True).round().astype(np.uint8), cells.shape) for cells in (luma, chroma))
    return np.concatenate([part.reshape(len(thumbs), -1) for part in parts], axis=1)


def _flattens(spread: Floats, first: int, after: int) -> bool:
    """Whether what is between is flatter than both ends, as a mix is."""
    return bool(spread[first:after + 1].min() <= FLATTENS * min(spread[first], spread[after]))


def _evenly(thumbs: NDArray[np.uint8], first: int, after: int) -> bool:
    """Whether no frame takes much more than its part of the way."""
    away = thumbs[first:after + 1].astype(np.float64) - thumbs[first]
    steps = np.diff(away @ away[-1]) / max(float(away[-1] @ away[-1]), 1e-9)
    return bool(steps.max() * steps.size <= STEEPEST)


def _overlap(times: Floats, one: tuple[int, int], other: tuple[int, int]) -> bool:
    return bool(times[one[0]] <= times[other[1]] + APART_S and times[other[0]] <= times[one[1]] + APART_S)


def _windows(times: Floats, thumbs: NDArray[np.uint8], spread: Floats, cells: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Where every frame is a mix of both ends, the strongest first, as far as these `cells` of the thumbs tell."""
    rows = np.zeros((times.size, 3))
    for start in range(0, times.size, BLOCK):  # the thumbs of a long film, as floats, would be its greatest array
        low, after = max(start - BLOCK_MARGIN, 0), min(start + BLOCK, times.size)
        near = slice(low, after + BLOCK_MARGIN)
        shown = np.ascontiguousarray(thumbs[near], dtype=np.float32)
        told = shown if cells is EVERY else np.ascontiguousarray(shown[:, cells])
        found_near = _mixes(times[near], told, shown, spread[near], np.array(LENGTHS_S))
        rows[start:after] = found_near[start - low:after - low] + np.array([0, low, low])
    found: list[tuple[int, int]] = []
    for index in np.argsort(-rows[:, 0], kind="stable"):
        strength, low, high = rows[index]
        if strength <= 0:
            break
        first, after = _ends(thumbs, int(low), int(high))
        if any(_overlap(times, (first, after), other) for other in found):
            continue
        if spread[(first + after) // 2] > FOUND_DIP * (spread[first] + spread[after]) / 2:
            continue
        if not _lit(thumbs, spread, first, after) and _mixed(thumbs, first, after):
            found.append((first, after))
    return found


def _lit(thumbs: NDArray[np.uint8], spread: Floats, first: int, after: int) -> bool:
    """Whether the exposure of one scene changes from the one end to the other, rather than one scene into another."""
    one, other = (thumbs[i].astype(np.float64) for i in (first, after))
    a, b = (thumb[:LUMA_THUMB] - thumb[:LUMA_THUMB].mean() for thumb in (one, other))
    if a @ b <= LIT_LIKE * np.sqrt((a @ a) * (b @ b)):
        return False
    one[LUMA_THUMB:] -= 128
    other[LUMA_THUMB:] -= 128
    gain = one @ other / max(one @ one, 1e-9)
    between = spread[first:after + 1]
    return bool(np.abs(other - gain * one).sum() < LIT_REST * np.abs(other - one).sum()
                and between.min() > LIT_DIP * (between[0] + between[-1]) / 2)


def _mixed(thumbs: NDArray[np.uint8], first: int, after: int) -> bool:
    """Whether the frames between have the contrast of a mix of both ends, and neither begins nor ends with a leap."""
    near = thumbs[max(first - LEAP_FRAMES, 0):after + 1 + LEAP_FRAMES].astype(np.float64)
    low = min(first, LEAP_FRAMES)
    high = low + after - first
    whole = near[high] - near[low]
    leaps = np.abs(np.diff(near, axis=0)).mean(axis=1)
    if max(leaps[:low].max(initial=0), leaps[high:].max(initial=0)) > LEAP * np.abs(whole).mean():
        return False
    share = (near[low:high + 1] - near[low]) @ whole / max(whole @ whole, 1e-9)
    between = (share > MIXED) & (share < 1 - MIXED)
    (one, both), (_, other) = np.cov(near[low, :LUMA_THUMB], near[high, :LUMA_THUMB], bias=True)
    wanted = np.sqrt((1 - share) ** 2 * one + share ** 2 * other + 2 * share * (1 - share) * both)
    off = np.abs(near[low:high + 1, :LUMA_THUMB].std(axis=1) - wanted) / (wanted + MIX_FAINT)
    return not between.any() or bool(off[between].mean() <= MIX_OFF)


def _ends(thumbs: NDArray[np.uint8], low: int, high: int) -> tuple[int, int]:
    """The part of a window in which the picture passes from one end to the other: the window may be longer than the dissolve."""
    away = thumbs[low:high + 1].astype(np.float64) - thumbs[low]
    share = away @ away[-1] / max(away[-1] @ away[-1], 1e-9)
    after = int(np.flatnonzero(share > 1 - MIXED)[0])
    return low + int(np.flatnonzero(share[:after] < MIXED)[-1]), low + after


@kernel("float64[:, ::1](float64[::1], float32[:, ::1], float32[:, ::1], float64[::1], float64[::1])")
def _mixes(times: Any, thumbs: Any, wholes: Any, spread: Any, lengths: Any) -> Any:
    """For every frame and length: strength (0 where it is no dissolve), first frame, frame after, of a window centred there. `thumbs` are
    the cells that tell, two thirds of them luma, of the thumbs that `wholes` has."""
    count, size = thumbs.shape
    luma = 2 * size // 3
    rows = np.zeros((count, 3))
    for centre in range(2, count - 2):
        for length in lengths:
            low, high = centre, centre
            while low > 0 and times[centre] - times[low] < length / 2:
                low -= 1
            while high < count - 1 and times[high] - times[centre] < length / 2:
                high += 1
            frames = high - low
            lasts = times[high] - times[low]
            if frames < 5 or lasts < 0.8 * length or frames < DISSOLVE_FPS * lasts:
                continue
            total, square, moved_cells = 0.0, 0.0, 0
            sa, sb, saa, sbb, sab = 0.0, 0.0, 0.0, 0.0, 0.0
            for k in range(size):
                d = thumbs[high, k] - thumbs[low, k]
                total += abs(d)
                square += d * d
                if k < luma:
                    a, b = float(thumbs[low, k]), float(thumbs[high, k])
                    sa += a
                    sb += b
                    saa += a * a
                    sbb += b * b
                    sab += a * b
                    if abs(d) > 4:
                        moved_cells += 1
            if min(spread[low], spread[high]) < DISSOLVE_LIT * max(spread[low], spread[high]):
                continue
            apart = total / size
            if apart < DISSOLVE_CHANGE * min(max((spread[low] + spread[high]) / (2.0 * USUAL_SPREAD), 0.3), 1.0):
                continue
            ca, cb = saa - sa * sa / luma, sbb - sb * sb / luma
            like = (sab - sa * sb / luma) / np.sqrt(max(ca * cb, 1e-9))
            if moved_cells < DISSOLVE_PART * luma or like > DISSOLVE_LIKE:
                continue
            middle = 0.5 * (spread[(low + high) // 2] + spread[(low + high + 1) // 2])
            if relit(wholes[low], wholes[high]):
                continue
            dip = middle / max(0.5 * (spread[low] + spread[high]), 1e-9)
            if dip > DISSOLVE_DIP:
                continue
            rest, before, leap, mixed, back, hurry = 0.0, 0.0, 0.0, 0, 0.0, 0.0
            for i in range(low + 1, high + 1):
                dot = 0.0
                for k in range(size):
                    dot += (thumbs[i, k] - thumbs[low, k]) * (thumbs[high, k] - thumbs[low, k])
                share = dot / square
                left = 0.0
                for k in range(size):
                    left += abs(thumbs[i, k] - thumbs[low, k] - share * (thumbs[high, k] - thumbs[low, k]))
                if 0.12 < share < 0.88:
                    mixed += 1
                    rest += left / size
                leap = max(leap, share - before)
                hurry = max(hurry, share - before - HURRY * (times[i] - times[i - 1]) / lasts)
                back = max(back, before - share)
                before = share
            rest = rest / max(mixed, 1) / apart
            if rest > DISSOLVE_REST or leap > 0.4 or hurry > 0.1 or back > 0.12 or mixed < max(3.0, DISSOLVE_MIXED * frames):
                continue
            reach, gap = max(3, frames // 2), frames // 4
            outside = 0.0
            for side in range(2):
                begin = max(low - gap - reach, 0) if side == 0 else high + gap
                end = low - gap if side == 0 else min(high + gap + reach, count - 1)
                if end - begin < 2:
                    continue
                moved = 0.0
                for k in range(size):
                    moved += abs(thumbs[end, k] - thumbs[begin, k])
                moved /= size * (times[end] - times[begin])
                outside = max(outside, moved)
            sure = min(max((dip - 0.6) / (DISSOLVE_DIP - 0.6), 0.4), 1.0)
            pace = apart / (times[high] - times[low])
            if pace < DISSOLVE_RATE * sure * outside:
                continue
            strength = apart * (1.0 - rest)
            if strength > rows[centre, 0]:
                rows[centre, 0], rows[centre, 1], rows[centre, 2] = strength, low, high
    return rows

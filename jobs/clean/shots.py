"""Shots of a video from the signals of its frames, and the spans that become clips.

Nothing here decodes: input are presentation times, signals and thumbs (`jobs.media.planes`), so that a changed rule costs
no decoding. All windows are in seconds, never in frames.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from jobs.media.kernel import kernel
from jobs.media.planes import LUMA_THUMB, LUMA_THUMB_W
from jobs.media.signals import SIGNALS

Floats = NDArray[np.float64]
COLUMN = {name: index for index, name in enumerate(SIGNALS)}
SCALE = 27.0
"""The score of a barely certain cut: PySceneDetect's default threshold, so that the setting keeps its meaning."""
FLOOR, FLAT = 8.0, 0.3
"""Content change below which nothing is a cut in a picture of usual contrast, and what part of it counts in flat and dark ones."""
USUAL_SPREAD = 32.0
RATIO, AROUND_S = 3.0, 1.0
"""A cut is so many times the median change within so many seconds before and after."""
PEAK, BESIDE_S, BESIDE_FRAMES = 2.0, 0.2, 3
"""A cut stands alone: it is so many times the greatest change beside it (a whip pan is not alone)."""
STIR, JUDDER_S = 1.0, 0.45
"""A slow source in a fast container stirs but every few frames: two changes of so much on either side count, up to so far away."""
PART = 0.35
"""Share of the picture that a cut changes, at least: less is a window, a caption or an insert."""
FLASH_S = 0.5
"""If the picture of before is back within this time it was a flash."""
HOLE_S = 60.0
"""A frame that is shown for longer is a hole in the clock of a broken file, not a picture that stands still."""
RELIT = 0.16
"""Share of the difference of two pictures, and of the darker one, that is left at most when one is made as bright as the other: the
light has changed, not the scene."""
RELIT_LIKE, RELIT_DETAIL = 0.8, 1.0
"""Correlation of what stands out in the rows of both, at least, where it stands out by so much: the sky is brighter than the ground
in most scenes. A light switched off leaves 0.99; a wood at night and another one at dawn had 0.43."""
BLANK_SPREAD, BLANK_S = 6.0, 4.0
"""Frames with less spread are blank; fades pass through a run of them that is at most so long."""
BLANK_REST = 1.5
"""How much more spread than the blankest frame of a run the others of it have."""
RAMP_S, RAMP_LEAST, RAMP_GROWTH = 3.0, 3, 4.0
"""A fade is at most so long and at least so many frames on one side of the blank run, and ends with so many times its spread."""
KNEE = 0.35
"""A fade ends where the spread grows by less than this share of its mean growth."""
FADE_REST = 0.35
"""How far, in parts of the difference of its ends, the frames of a fade may be from a mix of both: what is seen moves on."""
FADE_PART = 0.2
"""Share of the luma thumb that a fade changes, at least: a planet before a black sky has that."""
LENGTHS_S = (0.3, 0.5, 0.8, 1.2, 1.8)
"""Lengths of dissolves that are tried."""
DISSOLVE_CHANGE = 10.0
"""Mean difference of the thumbs before and after a dissolve, 0..255, at least, where the picture has its usual contrast."""
DISSOLVE_LIT = 0.1
"""Spread of the flatter end over that of the other, at least: out of a blank picture it is a fade."""
DISSOLVE_REST = 0.24
"""How far, in parts of that difference, the frames between may be from the mix of both ends that fits them best."""
DISSOLVE_MIXED = 0.4
"""Share of the frames of the window that are a mix of more than an eighth of either end, at least."""
MIXED = 0.08
"""Share of the other end from which a frame counts as mixed."""
DISSOLVE_RATE = 2.0
"""A dissolve changes the picture so many times as fast as the motion before and after it. On one side down to 0.4 of that are
enough where the picture flattens in its middle as nothing but a mix does."""
DISSOLVE_PART = 0.55
"""Share of the luma thumb that changes by more than 4, at least: less is a title that comes up."""
DISSOLVE_LIKE = 0.75
"""Correlation of the luma thumbs of both ends, at most: more is the same scene in another light."""
DISSOLVE_FPS = 8.0
"""Frames a second that a mix can be told from."""
BLOCK, BLOCK_MARGIN = 32_768, 4_096
"""Frames whose dissolves are looked for at a time, and those around them: the longest window and its surroundings at 1,000 frames a
second, the most that times can tell apart."""
DISSOLVE_DIP = 0.92
"""Mixing flattens: spread in the middle over the mean spread of both ends, at most. A pan or an exposure does not flatten."""
LIT_LIKE, LIT_REST, LIT_DIP = 0.6, 0.45, 0.8
"""Ends so much alike (correlation of their luma thumbs), of whose difference a change of brightness leaves no more than this share, with
so little flattening between them, are one scene whose exposure changes while it moves."""


@dataclass(frozen=True)
class Transition:
    """From one shot to the next.

    Attributes:
        first: Index of its first frame; for a cut the first frame of the new shot.
        after: Index of the first frame that is wholly of the new shot; equals `first` for a cut.
    """

    first: int
    after: int
    kind: Literal["cut", "dissolve", "fade"]


def change(signals: NDArray[np.float32]) -> Floats:
    """Content change of every frame to the one before: (dy + 2 du + 2 dv) / 3, 0..255."""
    dy, du, dv = (signals[:, COLUMN[name]].astype(np.float64) for name in ("dy", "du", "dv"))
    return (dy + 2 * du + 2 * dv) / 3


def scores(times: Floats, signals: NDArray[np.float32]) -> Floats:
    """Cut score of every frame, SCALE where a cut begins to be certain: change against FLOOR, its surroundings and its
    neighbours."""
    content = change(signals)
    if content.size < 2:
        return np.zeros(content.size)
    spread = signals[:, COLUMN["spread"]].astype(np.float64)
    spread = np.maximum(spread, np.concatenate([spread[:1], spread[:-1]]))
    floor = FLOOR * (FLAT + (1 - FLAT) * spread / USUAL_SPREAD)
    usual = surroundings(times, content, AROUND_S)
    highest = beside(times, content)
    part = np.minimum(signals[:, COLUMN["changed"]].astype(np.float64) / PART, 1.0)
    alone = np.minimum(content / (RATIO * usual + 1.0), content / (PEAK * highest + 1.0))
    score: Floats = SCALE * part * part * np.minimum(content / floor, alone)
    return score


@kernel("float64[::1](float64[::1], float64[::1])")
def beside(times: Any, content: Any) -> Any:
    """Greatest change near a frame, itself and the greater of its two neighbours left out (a cut may take two frames)."""
    count = content.size
    highest = np.zeros(count)
    for i in range(count):
        if 1 < i < count - 1:
            highest[i] = min(content[i - 1], content[i + 1])
        for step in (-1, 1):
            k, stirs = i + 2 * step, 0
            while 1 <= k < count:
                gap = abs(times[k] - times[i])
                if gap > BESIDE_S and abs(k - i) > BESIDE_FRAMES and (stirs >= 2 or gap > JUDDER_S):
                    break
                highest[i] = max(highest[i], content[k])
                stirs += content[k] > STIR
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


def transitions(times: Floats, signals: NDArray[np.float32], thumbs: NDArray[np.uint8], threshold: float) -> list[Transition]:
    """All transitions in order; they do not overlap."""
    if times.size < 3:
        return []
    fades = _fades(times, signals, thumbs)
    found = list(fades)
    for cut in _cuts(times, signals, thumbs, threshold):
        if not any(f.first <= cut.first <= f.after for f in fades):
            found.append(cut)
    found += [d for d in _dissolves(times, signals, thumbs)
              if not any(_near(d, other, times, 0.4 if other.kind == "fade" else 0.1) for other in found)]
    return sorted(found, key=lambda t: t.first)


def _near(one: Transition, other: Transition, times: Floats, gap_s: float = 0.1) -> bool:
    return bool(times[one.first] <= times[other.after] + gap_s and times[other.first] <= times[one.after] + gap_s)


def _cuts(times: Floats, signals: NDArray[np.float32], thumbs: NDArray[np.uint8], threshold: float) -> list[Transition]:
    score = scores(times, signals)
    found: list[Transition] = []
    for i in (int(index) for index in np.flatnonzero(score >= threshold)):
        if i == 0 or _flash(i, times, thumbs) or _relit(thumbs[i - 1].astype(np.float32), thumbs[i].astype(np.float32)):
            continue
        if found and i - found[-1].first <= 2:
            if score[i] > score[found[-1].first]:
                found[-1] = Transition(i, i, "cut")
            continue
        found.append(Transition(i, i, "cut"))
    return found


def _fades(times: Floats, signals: NDArray[np.float32], thumbs: NDArray[np.uint8]) -> list[Transition]:
    """Runs of blank frames into which or out of which a picture fades."""
    spread = signals[:, COLUMN["spread"]].astype(np.float64)
    blank = spread < BLANK_SPREAD
    edges = np.flatnonzero(np.diff(np.concatenate([[False], blank, [False]]).astype(np.int8))).reshape(-1, 2)
    found: list[Transition] = []
    count = times.size
    for low, high in ((int(a), int(b)) for a, b in edges):
        blankest = low + int(spread[low:high].argmin())
        least = spread[blankest]
        flat = np.flatnonzero(spread[low:high] <= least + BLANK_REST) + low
        low, high = int(flat[0]), int(flat[-1]) + 1
        if high - low == count or times[min(high, count - 1)] - times[low] > BLANK_S:
            continue
        first, after = (
            end if abs(end - edge) >= RAMP_LEAST and spread[end] >= RAMP_GROWTH * least + BLANK_SPREAD
            and _fading(thumbs, blankest, edge, end) else edge
            for edge, end in ((low, _ramp(times, spread, low, -1)), (high - 1, _ramp(times, spread, high - 1, 1)))
        )
        if first == low and after == high - 1:
            continue
        after = min(high if after == high - 1 else after, count - 1)
        if found and first <= found[-1].after:
            first = found.pop().first
        found.append(Transition(first, after, "fade"))
    return found


def _fading(thumbs: NDArray[np.uint8], blank: int, edge: int, end: int) -> bool:
    """Whether the frames from `edge` to `end` are mixes of a blank frame and the picture at `end`, and not, say, something that
    comes into a bare picture."""
    step = 1 if end > edge else -1
    away = thumbs[edge:end + step:step].astype(np.float64) if step > 0 else thumbs[end:edge + 1].astype(np.float64)
    away -= thumbs[blank]
    whole = thumbs[end].astype(np.float64) - thumbs[blank]
    share = np.clip(away @ whole / max(whole @ whole, 1e-9), 0, 1)
    between = (share > 0.1) & (share < 0.9)
    if not between.any() or (np.abs(whole[:LUMA_THUMB]) > 4).mean() < FADE_PART:
        return False
    rest = np.abs(away - share[:, None] * whole).sum(axis=1)[between]
    return bool(rest.mean() <= FADE_REST * np.abs(whole).sum())


def _ramp(times: Floats, spread: Floats, start: int, step: int) -> int:
    """How far the spread goes on growing from a blank frame in one direction, as steeply as it began."""
    at, count = start, spread.size
    while 0 <= at + step < count and abs(times[at + step] - times[start]) <= RAMP_S:
        steep = max(KNEE * (spread[at] - spread[start]) / max(abs(at - start), 1), 0.015 * spread[at], 0.05)
        if all(spread[ahead] - spread[at] < steep * abs(ahead - at)
               for ahead in (at + step, min(max(at + 3 * step, 0), count - 1))):
            break
        at += step
    return at


def _dissolves(times: Floats, signals: NDArray[np.float32], thumbs: NDArray[np.uint8]) -> list[Transition]:
    """Windows in which every frame is a mix of both ends, the strongest first, without overlap."""
    spread = np.ascontiguousarray(signals[:, COLUMN["spread"]], dtype=np.float64)
    rows = np.zeros((times.size, 3))
    for start in range(0, times.size, BLOCK):  # the thumbs of a long film, as floats, would be its greatest array
        low, after = max(start - BLOCK_MARGIN, 0), min(start + BLOCK, times.size)
        near = slice(low, after + BLOCK_MARGIN)
        found_near = _mixes(times[near], np.ascontiguousarray(thumbs[near], dtype=np.float32), spread[near], np.array(LENGTHS_S))
        rows[start:after] = found_near[start - low:after - low] + np.array([0, low, low])
    found: list[Transition] = []
    for index in np.argsort(-rows[:, 0], kind="stable"):
        strength, low, high = rows[index]
        if strength <= 0:
            break
        candidate = Transition(*_ends(thumbs, int(low), int(high)), "dissolve")
        if not any(_near(candidate, other, times) for other in found) and not _lit(thumbs, spread, candidate):
            found.append(candidate)
    return found


def _lit(thumbs: NDArray[np.uint8], spread: Floats, mix: Transition) -> bool:
    """Whether the exposure of one scene changes from the one end to the other, rather than one scene into another."""
    one, other = (thumbs[i].astype(np.float64) for i in (mix.first, mix.after))
    a, b = (thumb[:LUMA_THUMB] - thumb[:LUMA_THUMB].mean() for thumb in (one, other))
    if a @ b <= LIT_LIKE * np.sqrt((a @ a) * (b @ b)):
        return False
    one[LUMA_THUMB:] -= 128
    other[LUMA_THUMB:] -= 128
    gain = one @ other / max(one @ one, 1e-9)
    between = spread[mix.first:mix.after + 1]
    return bool(np.abs(other - gain * one).sum() < LIT_REST * np.abs(other - one).sum()
                and between.min() > LIT_DIP * (between[0] + between[-1]) / 2)


def _ends(thumbs: NDArray[np.uint8], low: int, high: int) -> tuple[int, int]:
    """The part of a window in which the picture passes from one end to the other: the window may be longer than the dissolve."""
    away = thumbs[low:high + 1].astype(np.float64) - thumbs[low]
    share = away @ away[-1] / max(away[-1] @ away[-1], 1e-9)
    after = int(np.flatnonzero(share > 1 - MIXED)[0])
    return low + int(np.flatnonzero(share[:after] < MIXED)[-1]), low + after


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
def _relit(one: Any, other: Any) -> bool:
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


@kernel("float64[:, ::1](float64[::1], float32[:, ::1], float64[::1], float64[::1])")
def _mixes(times: Any, thumbs: Any, spread: Any, lengths: Any) -> Any:
    """For every frame and length: strength (0 where it is no dissolve), first frame, frame after, of a window centred there."""
    count, size = thumbs.shape
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
                if k < LUMA_THUMB:
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
            ca, cb = saa - sa * sa / LUMA_THUMB, sbb - sb * sb / LUMA_THUMB
            like = (sab - sa * sb / LUMA_THUMB) / np.sqrt(max(ca * cb, 1e-9))
            if moved_cells < DISSOLVE_PART * LUMA_THUMB or like > DISSOLVE_LIKE:
                continue
            middle = 0.5 * (spread[(low + high) // 2] + spread[(low + high + 1) // 2])
            if _relit(thumbs[low], thumbs[high]):
                continue
            dip = middle / max(0.5 * (spread[low] + spread[high]), 1e-9)
            if dip > DISSOLVE_DIP:
                continue
            rest, before, leap, mixed, back = 0.0, 0.0, 0.0, 0, 0.0
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
                back = max(back, before - share)
                before = share
            rest = rest / max(mixed, 1) / apart
            if rest > DISSOLVE_REST or leap > 0.4 or back > 0.12 or mixed < max(3.0, DISSOLVE_MIXED * frames):
                continue
            reach, gap = max(3, frames // 2), frames // 4
            outside, calmer = 0.0, np.inf
            for side in range(2):
                begin = max(low - gap - reach, 0) if side == 0 else high + gap
                end = low - gap if side == 0 else min(high + gap + reach, count - 1)
                if end - begin < 2:
                    continue
                moved = 0.0
                for k in range(size):
                    moved += abs(thumbs[end, k] - thumbs[begin, k])
                moved /= size * (times[end] - times[begin])
                outside, calmer = max(outside, moved), min(calmer, moved)
            sure = min(max((dip - 0.6) / (DISSOLVE_DIP - 0.6), 0.4), 1.0)
            pace = apart / (times[high] - times[low])
            if pace < DISSOLVE_RATE * sure * outside or (outside > 0.0 and pace < DISSOLVE_RATE * calmer):
                continue
            strength = apart * (1.0 - rest)
            if strength > rows[centre, 0]:
                rows[centre, 0], rows[centre, 1], rows[centre, 2] = strength, low, high
    return rows


def _flash(i: int, times: Floats, thumbs: NDArray[np.uint8]) -> bool:
    """Whether the picture before frame i comes back soon, or frame i is the way back of a flash."""
    end = int(np.searchsorted(times, times[i] + FLASH_S, side="right"))
    start = int(np.searchsorted(times, times[i] - FLASH_S))
    jump = _distance(thumbs[i - 1], thumbs[i:i + 1])[0]
    ahead = _distance(thumbs[i - 1], thumbs[i + 1:end])
    back = _distance(thumbs[i], thumbs[start:max(i - 1, start)])
    return bool((ahead.size and ahead.min() < 0.35 * jump) or (back.size and back.min() < 0.35 * jump))


def _distance(one: NDArray[np.uint8], many: NDArray[np.uint8]) -> Floats:
    difference: Floats = np.abs(many.astype(np.int16) - one.astype(np.int16)).mean(axis=1)
    return difference


def spans(
    times: Floats, end_s: float, found: Sequence[Transition], min_s: float, max_s: float, trim_s: float
) -> list[tuple[float, float]]:
    """Spans of clips, seconds: the shots between transitions, trimmed beside gradual ones, long ones in equal parts.

    Shots below half of `min_s` make no clip. Where nothing is left at all, the whole is one span.
    """
    breaks: list[tuple[float, float]] = []
    for t in found:
        trim = trim_s if t.kind != "cut" else 0.0
        breaks.append((float(times[t.first]) - trim, float(times[t.after]) + trim))
    for i in np.flatnonzero(np.diff(times) > HOLE_S):
        breaks.append((float(times[i]) + min_s / 2, float(times[i + 1])))
    breaks.sort()
    starts = [float(times[0]), *(start for _, start in breaks)]
    ends = [*(end for end, _ in breaks), end_s]
    parts: list[tuple[float, float]] = []
    for start, end in zip(starts, ends, strict=True):
        if end - start < min_s / 2:
            continue
        parts += equal_parts(start, end, max_s)
    return parts or [(float(times[0]), end_s)]


def equal_parts(start: float, end: float, max_s: float) -> list[tuple[float, float]]:
    """The span in as few equal parts as keep each at `max_s` or below."""
    count = max(1, int(np.ceil((end - start) / max_s - 1e-6)))
    edges = [start + (end - start) * i / count for i in range(count)] + [end]
    return list(pairwise(edges))

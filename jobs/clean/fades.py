"""Fades: runs of blank frames, of whatever colour, into which or out of which a picture fades."""

import numpy as np
from numpy.typing import NDArray

from jobs.clean.cuts import COLUMN, Floats, change
from jobs.media.planes import LUMA_THUMB
from jobs.media.signals import THUMB

BLANK_SPREAD, BLANK_S = 6.0, 2.0
"""Frames with less spread of luma and of chroma are blank; a fade passes through a run of them that is at most so long."""
STIRRED, STIRRED_S = 2.0, 0.5
"""Median content change of a run that lasts so long, at most: what flickers or teems is even on a coarse grid alone."""
LEAST_S = 0.3
"""What is shorter is a flash."""
BLANK_REST = 1.5
"""How much more spread than the blankest frame of a run the others of it have."""
RAMP_S, RAMP_LEAST, RAMP_GROWTH = 3.0, 3, 4.0
"""A fade is at most so long and at least so many frames on one side of the blank run, and ends with so many times its spread."""
RAMP_SPREAD = 2.0
"""Spread with which a fade out of a picture without any ends, at least: the night has as much."""
RAMP_PACE, RAMP_PACE_LEAST = 0.375, 1.25
"""Growth in a second, of what it has come to and in levels, below which a fade ends."""
KNEE = 0.35
"""A fade ends where the spread grows by less than this share of its mean growth."""
FADE_REST, FADE_REST_MOST = 0.2, 0.35
"""How far, in parts of the difference of its ends, the frames of a fade are from a mix of both beyond doubt, and at most where the other side of
the blank run is beyond doubt: what is seen moves on."""
FADE_OFF, FADE_FAINT = 0.25, 3.0
"""How far, in parts of it, their contrast is from that of the mix beyond doubt; levels that do not count."""
BLOCK = 4_096
"""Frames whose colours are looked at at a time."""
FADE_PART = 0.2
"""Share of the luma thumb that a fade changes, at least: a planet before a black sky has that."""


def fades(times: Floats, signals: NDArray[np.float32], thumbs: NDArray[np.uint8]) -> list[tuple[int, int]]:
    """First frame of each and the first that is wholly of the new shot, in order. A blank run that is long is a shot: out of and into it lead fades
    of their own."""
    spread, luma = (signals[:, COLUMN[name]].astype(np.float64) for name in ("spread", "luma"))
    spread = np.hypot(spread, colour_spread(thumbs))
    content, blank = change(signals), spread < BLANK_SPREAD
    edges = np.flatnonzero(np.diff(np.concatenate([[False], blank, [False]]).astype(np.int8))).reshape(-1, 2)
    found: list[tuple[int, int]] = []
    count = times.size
    for low, high in (part for a, b in edges for part in _blankest(spread, int(a), int(b))):
        blankest = low + int(spread[low:high].argmin())
        least, lasts_s = spread[blankest], times[min(high, count - 1)] - times[low]
        if high - low == count or (lasts_s > STIRRED_S and np.median(content[low + 1:high]) > STIRRED):
            continue
        step = max(spread[max(low - 1, 0)], spread[min(high, count - 1)]) - least
        if least > BLANK_REST + step:
            continue
        away = np.hypot(spread, luma - luma[blankest])
        first, after, doubt = low, high - 1, np.inf
        for edge, end in ((low, _ramp(times, away, low, -1)), (high - 1, _ramp(times, away, high - 1, 1))):
            if (abs(end - edge) < RAMP_LEAST or spread[end] < RAMP_GROWTH * least + RAMP_SPREAD
                    or away[end] < RAMP_GROWTH * least + BLANK_SPREAD):
                continue
            off = _off(thumbs, blankest, edge, end)
            doubt = min(doubt, off)
            if off < np.inf:
                first, after = (first, end) if end > edge else (end, after)
        after = min(high if after == high - 1 else after, count - 1)
        for start, end in ((first, after),) if lasts_s <= BLANK_S else ((first, low), (high - 1, after)):
            if doubt > 1 or times[end] - times[start] < LEAST_S:
                continue
            if found and start <= found[-1][1]:
                start = found.pop()[0]
            found.append((start, end))
    return found


def colour_spread(thumbs: NDArray[np.uint8]) -> Floats:
    """Standard deviation of the cells of U or of V of every thumb, whichever is greater, 0..128."""
    parts = (thumbs[start:start + BLOCK, LUMA_THUMB:].reshape(-1, 2, (THUMB - LUMA_THUMB) // 2) for start in range(0, max(len(thumbs), 1), BLOCK))
    return np.concatenate([part.std(axis=2).max(axis=1) for part in parts])  # as floats those of a long film would take much room


def _blankest(spread: Floats, low: int, high: int) -> list[tuple[int, int]]:
    """The parts of a run of blank frames that are blank beyond doubt, else what is about as blank as the blankest: a dark scene is a run itself."""
    sure = spread[low:high] <= BLANK_REST
    if sure.any():
        edges = np.flatnonzero(np.diff(np.concatenate([[False], sure, [False]]).astype(np.int8))).reshape(-1, 2) + low
        return [(int(a), int(b)) for a, b in edges]
    flat = np.flatnonzero(spread[low:high] <= spread[low:high].min() + BLANK_REST) + low
    return [(int(flat[0]), int(flat[-1]) + 1)]


def _off(thumbs: NDArray[np.uint8], blank: int, edge: int, end: int) -> float:
    """How far the frames from `edge` to `end` are from mixes of a blank frame and the picture at `end`: up to 1 beyond doubt, infinite where
    something, say, comes into a bare picture."""
    step = 1 if end > edge else -1
    away = thumbs[edge:end + step:step].astype(np.float64) if step > 0 else thumbs[end:edge + 1].astype(np.float64)
    away -= thumbs[blank]
    whole = thumbs[end].astype(np.float64) - thumbs[blank]
    share = np.clip(away @ whole / max(whole @ whole, 1e-9), 0, 1)
    between = (share > 0.1) & (share < 0.9)
    if not between.any() or (np.abs(whole[:LUMA_THUMB]) > 4).mean() < FADE_PART:
        return np.inf
    rest = np.abs(away - share[:, None] * whole).sum(axis=1)[between].mean() / np.abs(whole).sum()
    contrast = share[between] * whole[:LUMA_THUMB].std()
    off = np.abs(away[between, :LUMA_THUMB].std(axis=1) - contrast) / (contrast + FADE_FAINT)
    return float(max(rest / FADE_REST, off.mean() / FADE_OFF)) if rest <= FADE_REST_MOST else np.inf


def _ramp(times: Floats, away: Floats, start: int, step: int) -> int:
    """How far the distance from a blank picture goes on growing from a blank frame in one direction, as steeply as it began."""
    at, count = start, away.size
    while 0 <= at + step < count and abs(times[at + step] - times[start]) <= RAMP_S:
        mean = (away[at] - away[start]) / max(abs(times[at] - times[start]), 1e-3)
        steep = max(KNEE * mean, RAMP_PACE * away[at], RAMP_PACE_LEAST)
        if all(away[ahead] - away[at] < steep * abs(times[ahead] - times[at])
               for ahead in (at + step, min(max(at + 3 * step, 0), count - 1))):
            break
        at += step
    return at

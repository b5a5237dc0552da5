"""Shots of a video from the signals of its frames, and the spans that become clips.

Nothing here decodes: input are presentation times, signals and thumbs (`jobs.media.planes`), so that a changed rule costs
no decoding. All windows are in seconds, never in frames.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numba import njit
from numpy.typing import NDArray

from jobs.media.planes import SIGNALS

Floats = NDArray[np.float64]
COLUMN = {name: index for index, name in enumerate(SIGNALS)}
SCALE = 27.0
"""The score of a barely certain cut: PySceneDetect's default threshold, so that the setting keeps its meaning."""
FLOOR = 8.0
"""Content change below which nothing is a cut."""
RATIO, AROUND_S = 3.0, 1.0
"""A cut is so many times the median change within so many seconds before and after."""
FLASH_S = 0.4
"""If the picture of before is back within this time it was a flash."""


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
    """Cut score of every frame, SCALE where a cut begins to be certain: change against FLOOR and against its surroundings."""
    content = change(signals)
    if content.size < 2:
        return np.zeros(content.size)
    usual = surroundings(times, content, AROUND_S)
    return SCALE * np.minimum(content / FLOOR, content / (RATIO * usual + 1.0))


@njit("float64[::1](float64[::1], float64[::1], float64)", cache=True, nogil=True)
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
    """All transitions in order."""
    score = scores(times, signals)
    found: list[Transition] = []
    for i in np.flatnonzero(score >= threshold):
        if i == 0 or _flash(int(i), times, thumbs):
            continue
        if found and times[i] - times[found[-1].after] < 0.1:
            continue
        found.append(Transition(int(i), int(i), "cut"))
    return found


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


def spans(times: Floats, end_s: float, found: Sequence[Transition], min_s: float, max_s: float, trim_s: float) -> list[tuple[float, float]]:
    """Spans of clips, seconds: the shots between transitions, trimmed beside gradual ones, long ones in equal parts.

    Shots below half of `min_s` make no clip. Where nothing is left at all, the whole is one span.
    """
    starts = [float(times[0])]
    ends: list[float] = []
    for t in found:
        gradual = t.kind != "cut"
        ends.append(float(times[t.first]) - (trim_s if gradual else 0.0))
        starts.append(float(times[t.after]) + (trim_s if gradual else 0.0))
    ends.append(end_s)
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
    return list(zip(edges[:-1], edges[1:], strict=True))

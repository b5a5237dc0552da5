"""Shots of a video from the signals of its frames, and the spans that become clips.

Nothing here decodes: input are presentation times, signals and thumbs (`jobs.media.planes`), so that a changed rule costs
no decoding. All windows are in seconds, never in frames.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from jobs.clean.cuts import Floats, cuts
from jobs.clean.dissolves import dissolves
from jobs.clean.fades import fades

NEAR_S, NEAR_FADE_S = 0.1, 0.4
"""No dissolve begins or ends so near to a cut, or to a fade."""
HOLE_S = 60.0
"""A frame that is shown for longer is a hole in the clock of a broken file, not a picture that stands still."""


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


def transitions(times: Floats, signals: NDArray[np.float32], thumbs: NDArray[np.uint8], threshold: float) -> list[Transition]:
    """All transitions in order; they do not overlap."""
    if times.size < 3:
        return []
    found = [Transition(first, after, "fade") for first, after in fades(times, signals, thumbs)]
    found += [Transition(i, i, "cut") for i in cuts(times, signals, thumbs, threshold)
              if not any(fade.first <= i <= fade.after for fade in found)]
    for mix in (Transition(first, after, "dissolve") for first, after in dissolves(times, signals, thumbs)):
        if not any(_near(mix, other, times) for other in found):
            found.append(mix)
    return sorted(found, key=lambda t: t.first)


def _near(mix: Transition, other: Transition, times: Floats) -> bool:
    gap_s = NEAR_S if other.kind == "cut" else NEAR_FADE_S
    return bool(times[mix.first] <= times[other.after] + gap_s and times[other.first] <= times[mix.after] + gap_s)


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

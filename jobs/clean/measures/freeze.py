"""Stillness.

freeze_share: share of the span in which the picture does not change for at least half a second. A frame is unchanged when its
cells differ from those of the last frame that changed by at most 0.6 of 255 on average, and at most 0.4 % of them by more
than 6. It is 1 where only the light changes: where the span's sketches, each four in a row averaged and fitted to the
mean of all by gain and offset, differ from it in no cell by more than 1.5 though the gains do by 0.5 %, and the cells of that mean have
a standard deviation of 20 or more, so that anything that moved would show.
duplicate_frame_share: share of frames (after the first) that repeat the frame before: mean difference of cells at
most 0.1, greatest at most 2; or mean at most 0.6 and a quarter of the greatest within 0.26 s before and after, for a codec goes on
refining a picture that is shown again, and what moves does not stop between two frames. Version 3. Source: FFmpeg freezedetect
(reference frame, mean difference, duration); its noise of 0.001 of the range is for lossless stills.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.clean.measures import Measurement, Span
from jobs.media.kernel import kernel
from jobs.media.planes import SKETCH_H, SKETCH_W

LEAST_S = 0.5
REFINED, REFINED_SHARE, AROUND_S = 0.6, 0.25, 0.26
"""Mean difference of a picture that is refined: at most, against the greatest around, and how far around."""
TOGETHER, LEAST, LEAST_SPREAD, UNCHANGED, LEAST_LIGHT = 4, 4, 20.0, 1.5, 0.005
"""Of sketches: how many are averaged, how many averages can tell, standard deviation of the cells of a picture in which motion would show,
the difference that rounding and coding leave, and standard deviation of the gains of light that changes."""


def reduce(span: Span) -> dict[str, Any]:
    if span.frame_t.size < 2:
        return {"freeze_share": None, "duplicate_frame_share": None}
    held = span.signals["held"] > 0
    change = span.signals["dy"].astype(np.float64)
    same = ((change <= 0.1) & (span.signals["greatest"] <= 2)) | (
        (change <= REFINED) & (change <= REFINED_SHARE * _greatest_around(np.ascontiguousarray(span.frame_t), change)))
    return {"freeze_share": 1.0 if _light_alone(span.sketches) else _long(held, span) / max(span.end_s - span.start_s, 1e-9),
            "duplicate_frame_share": float(same[1:].mean())}


def _light_alone(sketches: Any) -> bool:
    """Whether all sketches, averaged over half a second, are one picture in more or less light."""
    count = len(sketches) // TOGETHER
    if count < LEAST:
        return False
    luma = sketches[:count * TOGETHER, :SKETCH_W * SKETCH_H].reshape(count, TOGETHER, -1).mean(axis=1)
    usual = luma.mean(axis=0)
    spread = usual.std()
    if spread < LEAST_SPREAD:
        return False
    own, others = usual - usual.mean(), luma - luma.mean(axis=1, keepdims=True)
    gains = others @ own / (own @ own)
    return bool(gains.std() >= LEAST_LIGHT and np.abs(others - gains[:, None] * own).max() <= UNCHANGED)


@kernel("float64[::1](float64[::1], float64[::1])")
def _greatest_around(times: Any, change: Any) -> Any:
    """Greatest change of the frames around each, without the first of all, which may be a cut."""
    greatest = np.zeros(change.size)
    first, after = 1, 1
    for i in range(1, change.size):
        while times[first] < times[i] - AROUND_S:
            first += 1
        while after < change.size and times[after] <= times[i] + AROUND_S:
            after += 1
        greatest[i] = change[first:after].max()
    return greatest


def _long(held: NDArray[np.bool_], span: Span) -> float:
    """Seconds in runs of held frames that last long enough, each counted from the frame that they hold."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], held, [False]]).astype(np.int8)))
    times = np.append(span.frame_t, span.end_s)
    total = 0.0
    for first, after in edges.reshape(-1, 2):
        seconds = times[after] - times[max(first - 1, 0)]
        if seconds >= LEAST_S:
            total += seconds
    return min(total, span.end_s - span.start_s)


MEASURE = Measurement("freeze", 3, ("freeze_share", "duplicate_frame_share"), reduce)

"""Stillness.

freeze_share: share of the span in which the picture does not change for at least half a second. A frame is unchanged when its cells differ
from those of the last frame that changed by at most 0.6 of 255 on average, and at most 0.4 % of them by more than 6; one that stands for half a second and three times as long as frames usually do is unchanged as well; of two seconds and
more of them none in which averages of sketches (see below) differ in 8 cells by more than 3.5. It is 1 where nothing but grain, light and
what stands in one corner changes: where the span's sketches, each four in a row averaged (each two where it is shorter than two seconds) and fitted to the mean of all by gain and offset,
differ from it by at most 1.5 and three times the noise of a sketch (3 more at most, and an eighth of the standard deviation of the mean's
cells, so that anything that moved would show) in all cells, or all but those of one corner of a quarter of the height and width, where a
logo or a clock may stand, and of a sixth of the height at the upper or the lower edge, where a bar that fills up or words that run may.
The longest part of the span of which that is true counts, of at least four such averages, where it is half of it or more.
Measured, greatest difference outside of the corner: stills under grain of 4 and 8 levels 3.6, in a light that
breathes 1.1, behind a logo that turns 1; a tree that sways 6.7, a slow pan 18.
duplicate_frame_share: share of frames (after the first) that repeat the frame before: mean difference of cells at
most 0.1, greatest at most 2; or mean at most 0.6 and a quarter of the greatest mean within 0.26 s before and after, or 0.15 of it where no cell differs
by more than 16, for a codec goes on refining a picture that is shown again, all over and a little; what moves does not stop between two
frames, and has edges. Version 8. Source: FFmpeg freezedetect
(reference frame, mean difference, duration); its noise of 0.001 of the range is for lossless stills. Of pictures that are held freeze_share is
within 0.03 of it at 0.003, duplicate_frame_share of what mpdecimate drops from lossless film that repeats frames.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.clean.measures import Measurement, Span
from jobs.media.kernel import kernel
from jobs.media.planes import SKETCH_H, SKETCH_W

LEAST_S, STANDS = 0.5, 3.0
"""How long a picture is held, and how many times as long as frames usually are one stands that is held by itself."""
REFINED, REFINED_SHARE, AROUND_S = 0.6, 0.25, 0.26
"""Mean difference of a picture that is refined: at most, against the greatest around, and how far around."""
COARSE_SHARE, COARSE_CELL = 0.15, 16
"""The same of one that few bits refine: MPEG-2 and MPEG-4 at half a megabit move it by up to a seventh of what the next picture does, and no cell far."""
TOGETHER, LEAST, UNCHANGED, GRAIN, CONTRAST = 4, 4, 1.5, 1.0, 8
"""Of sketches: how many are averaged, how many averages can tell, the difference that rounding and coding leave, the noise of a sketch above
which it is rain or water, and the part of the contrast that a change must stay below."""
SWAYS, SWAYING = 3.5, 8
"""The difference that no coding of a still leaves in so many cells."""
CORNER_H, CORNER_W, EDGE_H = SKETCH_H // 4, SKETCH_W // 4, SKETCH_H // 6


def reduce(span: Span) -> dict[str, Any]:
    if span.frame_t.size < 2:
        return {"freeze_share": 1.0 if span.end_s - span.start_s >= LEAST_S else None, "duplicate_frame_share": None}
    held = span.signals["held"] > 0
    change = span.signals["dy"].astype(np.float64)
    around, cell = _greatest_around(np.ascontiguousarray(span.frame_t), change), span.signals["greatest"]
    same = (change <= 0.1) & (cell <= 2)
    same |= (change <= REFINED) & (change <= REFINED_SHARE * around)
    same |= (cell <= COARSE_CELL) & (change <= COARSE_SHARE * around)
    one = _one_picture(*_groups(span.sketches, TOGETHER if len(span.sketches) >= TOGETHER * LEAST else TOGETHER // 2))
    return {"freeze_share": 1.0 if one == 1 else max(one, float(_long(held, span)) / max(span.end_s - span.start_s, 1e-9)),
            "duplicate_frame_share": float(same[1:].mean())}


@kernel("UniTuple(float64[:, ::1], 2)(Array(uint8, 2, 'C', readonly=True), int64)")
def _groups(sketches: Any, together: int) -> Any:
    """Of the luma of sketches, so many in a row: averages and variances, [groups, cells] each."""
    groups, cells = len(sketches) // together, SKETCH_W * SKETCH_H
    averages, variances = np.zeros((groups, cells)), np.zeros((groups, cells))
    for group in range(groups):
        row, average, variance = sketches[group * together:(group + 1) * together], averages[group], variances[group]
        for i in range(together):
            for k in range(cells):
                average[k] += row[i, k] / together
        for i in range(together):
            for k in range(cells):
                variance[k] += (row[i, k] - average[k]) ** 2 / (together - 1)
    return averages, variances


@kernel("float64[::1](Array(float64, 2, 'A', readonly=True))")
def _differences(averages: Any) -> Any:
    """By how much averages of groups [groups, cells] differ at most from the mean of all, brought to its light: [cells]."""
    groups, cells = averages.shape
    own, greatest = np.zeros(cells), np.zeros(cells)
    for group in range(groups):
        own += averages[group]
    own /= groups
    own -= own.mean()
    power = max((own * own).sum(), 1e-9)
    for group in range(groups):
        light = averages[group].sum() / cells
        gain = ((averages[group] - light) * own).sum() / power
        greatest = np.maximum(greatest, np.abs(averages[group] - light - gain * own))
    return greatest


def _one_picture(averages: Any, variances: Any) -> float:
    """Share of the groups that are one picture, of the longest row of them, if that has LEAST of them and is half of all; else 0."""
    count = len(averages)
    longest = max(LEAST, (count + 1) // 2) - 1
    first, after = 0, longest + 1
    while after <= count:
        if _is_one(averages[first:after], variances[first:after]):
            longest = after - first
        else:
            first += 1
        after = first + longest + 1
    return longest / count if longest >= max(LEAST, count / 2) else 0.0


@kernel("boolean(float64[:, ::1], float64[:, ::1])")
def _is_one(averages: Any, variances: Any) -> Any:
    """Whether groups are one picture, in more or less light, but for a corner and a strip along an edge."""
    groups, cells = averages.shape
    grain, contrast = np.median(np.sqrt(variances.sum(axis=0) / groups)), (averages.sum(axis=0) / groups).std()
    least = min(UNCHANGED + 3 * min(grain, GRAIN), contrast / CONTRAST)
    if least < UNCHANGED:
        return False
    strip = EDGE_H * SKETCH_W
    for first, after in ((0, cells), (strip, cells), (0, cells - strip)):
        moved = (_differences(averages[:, first:after]) > least).reshape(-1, SKETCH_W)
        top, bottom = moved[:CORNER_H], moved[-CORNER_H:]
        corners = max(max(top[:, :CORNER_W].sum(), top[:, -CORNER_W:].sum()), max(bottom[:, :CORNER_W].sum(), bottom[:, -CORNER_W:].sum()))
        if moved.sum() == corners:
            return True
    return False


def _sways(sketches: Any) -> bool:
    """Whether a part of the picture moves, too little for the frames to tell: a tree in the wind."""
    averages, _ = _groups(sketches, TOGETHER)
    return len(averages) >= LEAST and int((_differences(averages) > SWAYS).sum()) >= SWAYING


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
    """Seconds in runs of held frames that last long enough, each counted from the frame that they hold; a frame that stands for so long while
    others pass is held as well."""
    times = np.append(span.frame_t, span.end_s)
    begins = np.flatnonzero(np.concatenate([[True], ~held[1:]]))
    ends = np.append(begins[1:], held.size)
    lone = STANDS * float(np.median(np.diff(times)))
    lead = times[0] - span.start_s  # the frame before the span is seen there
    total = lead if lead >= max(LEAST_S, lone) else 0.0
    lasting = times[ends] - times[begins] >= LEAST_S
    for first, after in zip(begins[lasting], ends[lasting], strict=True):
        seconds = times[after] - times[first]
        if after == first + 1 and not held[first] and seconds < lone:
            continue
        if not _sways(span.sketches[slice(*np.searchsorted(span.sketch_t, times[[first, after]]))]):
            total += seconds
    return min(total, span.end_s - span.start_s)


MEASURE = Measurement("freeze", 8, ("freeze_share", "duplicate_frame_share"), reduce)

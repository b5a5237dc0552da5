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

from jobs.clean.cuts import ALL_OVER, COLUMN, RATIO, Floats, alike, change, cuts, leaps, one_way, whole
from jobs.clean.dissolves import dissolves
from jobs.clean.fades import fades
from jobs.clean.inside import inside
from jobs.clean.scenes import AROUND_S, SCALED_PAGE, bar_stays, in_place, likeness, moved_through, one_scene, page_turned, scene, zoomed
from jobs.clean.series import Pictures

NEAR_S, NEAR_FADE_S = 0.1, 0.15
"""No dissolve begins or ends so near to a cut, or to a fade."""
SWELL_S, SWELL_LIKE = 1.0, 0.5
"""Light that swells and ebbs does so within this time; correlation of the luma thumbs before and after light that goes and is back as soon, at least."""
EVEN_SPREAD, LEAP_FRAMES = 1.0, 3
"""Levels by which what is of one colour differs; a leap takes fewer frames."""
SURE = 2.0
"""A cut of so many times the threshold is one even if it leads to what is like the scene before it: another angle."""
STIR, STILL_S = 0.3, 0.12
"""A picture stands still while nothing changes by so much, for so long at least: frames were repeated or lost."""
STOOD, CAME = 0.1, 3.0
"""Parts of what would have changed meanwhile at the pace around that a picture changes as it stands still, and with the frame that ends it, at most: a
camera on a tripod hardly moves, and what leaps farther is a jump cut."""
RESUME_S = 0.5
"""Within so long what moved before it stood still moves again; a screen stands still so long before and after its page is turned."""
GOES_ON, STOOD_LIKE, LEAP_LIKE = 0.6, 0.74, 0.8
"""Likeness of one scene to itself as a whole, and in what stands out after it stood still and after a leap that is no sure cut, at least."""
LIT_ALL_OVER = 0.95
"""Share of the change of luma that goes one way where a light is switched that falls unevenly or dazzles."""
BACK_S, BACKS = 3.0, ((0.45, 0.35), (0.28, 0.2))
"""A light is switched for a while where so much of what stands out stays in its place (correlation), at least, and the picture is back within this
time, but for such a part of the change: the more stays, the less need be back. A light that stays is another hour, however much of the place stays."""
SAME_LIGHT = 0.5
"""Mean luma of the darker picture over that of the lighter one, at least, where a scene goes on: two woods under their sky are alike, another light
is another hour."""
STIRS_S, USUAL_S = 0.2, 0.5
"""Within so long before a flash a whip pan leads into it; what is usual is that of so long before that."""
HOLE_S = 60.0
"""A frame that is shown for longer is a hole in the clock of a broken file, not a picture that stands still."""
HARD, SOFT = (False, False), (True, True)


@dataclass(frozen=True)
class Transition:
    """From one shot to the next.

    Attributes:
        first: Index of its first frame; for a cut the first frame of the new shot.
        after: Index of the first frame that is wholly of the new shot; equals `first` for a cut.
        soft: Whether it begins and whether it ends gradually: a fade may begin with a cut to black, or end with one.
    """

    first: int
    after: int
    kind: Literal["cut", "dissolve", "fade"]
    soft: tuple[bool, bool]


def transitions(pictures: Pictures, threshold: float) -> list[Transition]:
    """All transitions in order; they do not overlap."""
    times, signals, thumbs = pictures.times, pictures.signals, pictures.thumbs
    if times.size < 3:
        return []
    seen = inside(pictures)
    content = change(signals)
    punched = _punch_ins(content, pictures)
    certain = [(i, score) for i, score in cuts(times, signals, thumbs, threshold) if not any(abs(i - k) <= 2 for k in punched)]
    sure = [Transition(i, i, "cut", HARD) for i in sorted(punched + [i for i, score in certain if not (
        _page(i, content, pictures) or _lit_anew(i, pictures) or _moves_on(i, score < SURE * threshold, content, pictures))])]
    found = [fade for fade in (Transition(first, after, "fade", SOFT) for first, after in fades(times, seen.signals, seen.thumbs))
             if not _of_light(fade, sure, seen)]
    found = [_hard_ends(fade, sure) for fade in found]
    found += [cut for cut in sure if not any(fade.first <= cut.first <= fade.after for fade in found)]
    mixes = [Transition(first, after, "dissolve", SOFT) for first, after in dissolves(times, seen.signals, seen.thumbs)]
    sure = list(found)
    found += [mix for mix in mixes
              if not (any(_near(mix, other, times) for other in sure) or _one_scene(mix, sure, seen) or _moved_through(mix, seen))]
    return sorted(found, key=lambda t: t.first)


def _hard_ends(fade: Transition, cuts: Sequence[Transition]) -> Transition:
    """The fade, as it is beside cuts."""
    at = {cut.first for cut in cuts}
    first, after = ({edge - 1, edge, edge + 1} & at for edge in (fade.first, fade.after))
    return Transition(min(first, default=fade.first), max(after, default=fade.after), "fade", (not first, not after))


def _punch_ins(content: Floats, pictures: Pictures) -> list[int]:
    """Frames with which a shot is seen nearer or farther at once, however little of the picture that changes: a head before a bare wall."""
    leapt = ((i, int(np.searchsorted(pictures.sketch_times, pictures.times[i] - 1e-6)))
             for i in leaps(pictures.times, pictures.signals, pictures.thumbs))
    return [i for i, at in leapt if 0 < at < pictures.sketch_times.size
            and zoomed(*pictures.sketches[at - 1:at + 1]) and not (_page(i, content, pictures) or _moves_on(i, False, content, pictures))]


def _page(i: int, content: Floats, pictures: Pictures) -> bool:
    """Whether what changes with frame i is a page on a screen: its ground shows through, or a bar above it stays where nothing else stirs. A bare
    wall shows through as well where a head before it is seen nearer."""
    at = int(np.searchsorted(pictures.sketch_times, pictures.times[i] - 1e-6))
    if not 0 < at < pictures.sketch_times.size:
        return False
    low, high = np.searchsorted(pictures.times, (pictures.times[i] - RESUME_S, pictures.times[i] + RESUME_S))
    sides, shown = (content[low:i], content[i + 1:high]), pictures.sketches[at - 1:at + 1]
    turned = page_turned(*shown) or (all(side.size and np.median(side) <= STIR for side in sides) and bar_stays(*shown))
    return turned and not zoomed(shown[0], shown[1], SCALED_PAGE)


def _lit_anew(i: int, pictures: Pictures) -> bool:
    """Whether with frame i a light is switched for a while: what it shows stays in place and is soon seen as before."""
    at = int(np.searchsorted(pictures.sketch_times, pictures.times[i] - 1e-6))
    before, now = pictures.signals[i - 1:i + 1, COLUMN["luma"]]
    if not 0 < at < pictures.sketch_times.size or abs(now - before) < LIT_ALL_OVER * pictures.signals[i, COLUMN["dy"]]:
        return False
    stays, back = in_place(*pictures.sketches[at - 1:at + 1]), _back(i, pictures)
    return any(stays >= least and back < most for least, most in BACKS)


def _back(i: int, pictures: Pictures) -> float:
    """The least that is left of the change with frame i where the picture before it is seen again soon, or that of frame i was seen soon before."""
    low, high = np.searchsorted(pictures.times, (pictures.times[i] - BACK_S, pictures.times[i] + BACK_S))
    before, now = pictures.thumbs[i - 1:i + 1].astype(np.int16)
    left = min(np.abs(pictures.thumbs[i:high] - before).mean(axis=1).min(),
               np.abs(pictures.thumbs[low:i] - now).mean(axis=1).min(initial=np.inf))  # there may be none within so long
    return float(left / max(np.abs(now - before).mean(), 1e-6))


def _still(i: int, content: Floats, times: Floats) -> bool:
    """Whether the picture stood still right before frame i, soon moves again, and has come no farther than what moves around it may have meanwhile.
    With pace the greater of the changes a second within RESUME_S before it stood and after frame i, and stood_s how long it stood: what changed as
    it stood <= STOOD x pace x stood_s, and content[i] <= CAME x pace x stood_s."""
    last, on = np.flatnonzero(content[:i] > STIR), np.flatnonzero(content[i + 1:] > STIR)
    begin = int(last[-1]) if last.size else 0
    stood_s = times[i] - times[begin]
    again_s = times[i + 1 + on[0]] - times[i] if on.size else 0.0 if times[-1] - times[i] < RESUME_S else np.inf
    low, high = np.searchsorted(times, (times[begin] - RESUME_S, times[i] + RESUME_S + 1e-6))
    may = max(content[low:begin + 1].sum(), content[i + 1:high].sum()) / RESUME_S * stood_s
    return bool(stood_s >= STILL_S and again_s <= RESUME_S and content[begin + 1:i].sum() <= STOOD * may and content[i] <= CAME * may)


def _moves_on(i: int, doubtful: bool, content: Floats, pictures: Pictures) -> bool:
    """Whether with frame i the scene before it goes on: a slow source in a fast container, frames that were lost, a camera that zooms or leaps within
    two frames or leaps under a light. A leap of one frame to what is like it is a jump cut."""
    times, at = pictures.times, int(np.searchsorted(pictures.sketch_times, pictures.times[i] - 1e-6))
    if not 0 < at < pictures.sketch_times.size:
        return False
    still, (first, after) = _still(i, content, times), whole(i, content)
    one, other = (scene(sketch) for sketch in pictures.sketches[at - 1:at + 1])
    if (still or after - first > 1) and zoomed(*pictures.sketches[at - 1:at + 1]) and likeness(one[0], other[0]) >= GOES_ON:
        return True
    if not (doubtful or still):
        return False
    dark, light = sorted(pictures.signals[i - 1:i + 1, COLUMN["luma"]])
    if dark < SAME_LIGHT * light or not (still or after - first > 1 or light - dark >= ALL_OVER * pictures.signals[i, COLUMN["dy"]]):
        return False
    return likeness(one[1], other[1]) >= (STOOD_LIKE if still else LEAP_LIKE) and likeness(one[0], other[0]) >= GOES_ON


def _of_light(fade: Transition, sure: Sequence[Transition], pictures: Pictures) -> bool:
    """Whether what looks like a fade is a light within one scene, or a flash that a whip pan leads into."""
    flashes = _flashes(fade, pictures.signals)
    return (flashes and _stirs(fade, pictures)) or ((flashes or _glares(fade, pictures)) and _one_scene(fade, sure, pictures))


def _glares(fade: Transition, pictures: Pictures) -> bool:
    """Whether a fade may be of the light: it passes through what is not of one colour, begins or ends with a leap, or swells and ebbs within a
    moment, to what is brighter than both of its sides or from one picture to the same."""
    spread = pictures.signals[fade.first:fade.after + 1, COLUMN["spread"]]
    blank = np.flatnonzero(spread <= spread.min() + EVEN_SPREAD)
    before, later = pictures.thumbs[[fade.first, fade.after]].astype(np.int16)
    swells = (pictures.times[fade.after] - pictures.times[fade.first] < SWELL_S
              and (_brighter(fade, pictures.signals) or alike(before, later[None], 0.0)[0] >= SWELL_LIKE))
    return bool(swells or spread.min() > EVEN_SPREAD or blank[0] < LEAP_FRAMES or blank[-1] > spread.size - 1 - LEAP_FRAMES)


def _flashes(fade: Transition, signals: NDArray[np.float32]) -> bool:
    """Whether what is brighter than both of its sides begins with a leap: a flash that goes out slowly."""
    return _blank(fade, signals) <= LEAP_FRAMES and _brighter(fade, signals)


def _stirs(fade: Transition, pictures: Pictures) -> bool:
    """Whether what is seen right before a fade moves more than it did, other than into its light: a whip pan into a flash, behind which all is new."""
    times = pictures.times
    low, begin = np.searchsorted(times, (times[fade.first] - STIRS_S - USUAL_S, times[fade.first] - STIRS_S))
    content = change(pictures.signals[low:fade.first + 1])
    usual = float(np.median(content[1:begin - low + 1])) if begin > low else 0.0
    stirred = (k for k in range(max(begin, 1), fade.first + 1) if content[k - low] > RATIO * usual + 1)
    return any(not one_way(*pictures.thumbs[k - 1:k + 1].astype(np.float32)) for k in stirred)


def _blank(fade: Transition, signals: NDArray[np.float32]) -> int:
    """How many frames after the one before it a fade has come to its one colour."""
    spread = signals[max(fade.first - 1, 0):fade.after + 1, COLUMN["spread"]]
    return int(np.flatnonzero(spread <= spread.min() + EVEN_SPREAD)[0])


def _brighter(fade: Transition, signals: NDArray[np.float32]) -> bool:
    """Whether a fade passes through what is brighter than both of its sides."""
    luma = signals[max(fade.first - 1, 0):fade.after + 1, COLUMN["luma"]]
    return bool(luma[_blank(fade, signals)] > max(luma[0], luma[-1]))


def _one_scene(mix: Transition, sure: Sequence[Transition], pictures: Pictures) -> bool:
    """Whether one scene is seen before and after, as far as the transitions that are sure."""
    times, at = pictures.times, pictures.sketch_times
    begin = max((times[other.after] for other in sure if other.after <= mix.first), default=-np.inf)
    end = min((times[other.first] for other in sure if other.first >= mix.after), default=np.inf)
    low, high = (int(i) for i in np.searchsorted(at, (max(begin, times[mix.first] - AROUND_S[-1] - 1), min(end, times[mix.after] + AROUND_S[-1] + 1))))
    return one_scene(at[low:high], pictures.sketches[low:high], float(times[mix.first]), float(times[mix.after]))


def _moved_through(mix: Transition, pictures: Pictures) -> bool:
    """Whether the picture is moved rather than mixed between the ends of what looks like a dissolve."""
    first_s, after_s = float(pictures.times[mix.first]), float(pictures.times[mix.after])
    low, high = np.searchsorted(pictures.sketch_times, (first_s + 1e-6, after_s - 1e-6))
    near = slice(max(int(low) - 1, 0), int(high) + 1)
    return moved_through(pictures.sketch_times[near], pictures.sketches[near], first_s, after_s)


def _near(mix: Transition, other: Transition, times: Floats) -> bool:
    gap_s = NEAR_S if other.kind == "cut" else NEAR_FADE_S
    return bool(times[mix.first] <= times[other.after] + gap_s and times[other.first] <= times[mix.after] + gap_s)


def spans(
    times: Floats, end_s: float, found: Sequence[Transition], min_s: float, max_s: float, trim_s: float
) -> list[tuple[float, float]]:
    """Spans of clips, seconds: the shots between transitions, trimmed where these are gradual, long ones in equal parts.

    Shots below half of `min_s` make no clip. Where nothing is left at all, the whole is one span.
    """
    breaks: list[tuple[float, float]] = []
    for t in found:
        trims = trim_s * np.array(t.soft)
        breaks.append((float(times[t.first]) - trims[0], float(times[t.after]) + trims[1]))
    for i in np.flatnonzero(np.diff(times) > HOLE_S):
        breaks.append((float(times[i]) + min_s / 2, float(times[i + 1])))
    parts: list[tuple[float, float]] = []
    start = float(times[0])
    for end, again in [*sorted(breaks), (end_s, end_s)]:
        if end - start >= min_s / 2:
            parts += _shown(equal_parts(start, end, max_s), times)
        start = max(start, again)  # what is trimmed of one transition may hold the next
    return parts or [(float(times[0]), end_s)]


def _shown(parts: Sequence[tuple[float, float]], times: Floats) -> list[tuple[float, float]]:
    """Parts of a shot, each with a frame of its own: where the picture stands still for longer than a part, this belongs to the part before it,
    and what begins with such a frame, to the frame."""
    found: list[tuple[float, float]] = []
    for start, end in parts:
        first, after = np.searchsorted(times, (start - 1e-9, end - 1e-9))
        if after > first:
            found.append((start, end))
        elif found:
            found[-1] = (found[-1][0], end)
        else:
            found.append((float(times[max(first - 1, 0)]), end))
    return found


def equal_parts(start: float, end: float, max_s: float) -> list[tuple[float, float]]:
    """The span in as few equal parts as keep each at `max_s` or below."""
    count = max(1, int(np.ceil((end - start) / max_s - 1e-6)))
    edges = [start + (end - start) * i / count for i in range(count)] + [end]
    return list(pairwise(edges))

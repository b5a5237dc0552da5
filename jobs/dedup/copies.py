"""Whether a clip is a copy of another: their fit (`jobs.dedup.sketches`), and what speaks against it.

A fit of two drawings in which a shape crosses a plain ground is good whatever the shape and its colour. So what the fit leaves over must
be small too: in what stands still, in the colours, in the light, and, of stored frames that were taken at the same time, in detail.
Clips in which nothing moves are compared as pictures are. Recall by transform and false merges: `tests/bench/dedup_recall.md` and
`dedup_fresh.md`.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from jobs.clean.measures.sketch import RATE_HZ
from jobs.dedup import detail, sketches, stills
from jobs.dedup.perceptual import SLACK_S
from jobs.dedup.sketches import WHOLE, Array, Course, Fit

MOVING = 2.0
"""Root mean square of the departures of a clip's cells from their mean over time, 0..255, below which it stands still."""
NOISE, FINE_NOISE = 4.0, 2.0
"""Mean square of what a code adds to these departures, in sketches and in stored frames."""
SAME, AGREED = 0.78, 0.55
"""Correlation of the departures, without that noise, from which clips are the same, and from which they are if their hashes say so. 98 of 100
copies reach 0.75."""
FINE, TOGETHER_S = 0.92, 0.03
"""Likewise of stored frames whose times differ by no more than this. 98 of 100 copies reach 0.94; a triangle for a disc 0.90 at most,
warped to fit."""
PLAIN = 0.7
"""Share of agreeing blocks that proves pictures that stand still and have no details: fog over a plain and over the sea agree by 0.63."""
LIKE, TOLERANCE, ROUGH = 0.75, 10.0, 0.5
"""Share of the cells that must have the same mean over time, but for TOLERANCE of 0..255 and this share of half the range about a
cell; copies reach 0.82 with a logo and bars."""
GAIN, LIFT = (0.3, 3.3), 80.0
"""Contrast of a copy, and by how much the middle of its range may be lighter or darker, 0..255."""
GREY, COLOURED, GREY_GAIN, GREY_LIFT = 3.0, 6.0, (0.75, 1.33), 30.0
"""Root mean square of the chroma below which a clip is grey and from which it is not. A grey copy of a clip with colours has nothing
but its luma to prove it, which must be nearly as it was."""
FADED, OTHER, OTHER_MOVING, TINTED, SAMPLED = (0.4, 2.5), 0.3, 0.4, 1.5, 0.15
"""By how much colours may have paled; square of what is left over of the colours, as a share of both squares, from which they are others,
of all and of their departures from the mean over time, where these are greater than TINTED and than SAMPLED of the colours, which is what
the points of a cell miss of a detailed picture. Copies: 98 of 100 below 0.1 and 0.22."""
SETTLED_CUT = 0.15
"""Share of a side that may have been cut off where that is told by what stands still."""
LOGO = 0.1
"""Share of the cells whose colours may be any."""
PALED, VIVID = (0.62, 1.6), 2.0
"""By how much the departures of the colours, where greater than VIVID, may have paled against all colours."""


NEARLY, ABOUT = 2.5, 0.08
"""Samples by which a fit may be off 0, and by how much worse one that begins at 0 may be, for the latter to be looked at too."""
QUIET = 1.5
"""Root mean square by which the cells change in a sample, 0..255, up to which frames a sample apart show the same details."""
UNSTEADY, UNSTEADY_SAME = 0.6, 0.45
"""Correlation of a clip's departures with those of the next sample below which its sketches are noise (a crowd of dots, a test pattern): they
may prove a copy but refute none, nor may their frames. Copies of noise correlate less, by the points of a cell, but of two noises no samples
agree by chance: clips are the same from the second on."""
STANDING = 3.0
"""Spread of the mean picture over that of departures from it from which hashes that agree prove nothing of unsteady clips: they are of one place. Of 18
drawn clips of a figure that runs before a standing ground, copies with grain that begin up to half a sample apart fit by 0.78 at least but two."""


class Clip(NamedTuple):
    """What is known of a clip."""

    course: Course | None
    frames: stills.Frames

    @property
    def stands(self) -> bool:
        """Whether it shows but one picture."""
        return stands(self.course, [t for t, _ in self.frames])

    def turned(self) -> "list[Clip]":
        """The clip mirrored and turned by quarters, eight in all, as it is first."""
        courses = self.course.turned() if self.course is not None else [None] * 8
        frames = zip(*([(t, one) for one in picture.turned()] for t, picture in self.frames), strict=True) if self.frames else [()] * 8
        return [Clip(course, list(shown)) for course, shown in zip(courses, frames, strict=True)]


def proof(a: Clip, b: Clip, shift_s: float | None, *, turns: bool = False) -> tuple[float, float] | None:
    """How well one of two clips fits the other.

    Args:
        a: A clip.
        b: Another.
        shift_s: Where their hashes are near to one another in time order, time in `a` minus time in `b`; None if they are not.
        turns: Whether `a` may also be mirrored and turned.

    Returns:
        Score, 0 if something speaks against it, and shift in seconds, time in `a` minus time in `b`; None where nothing moves or too
        little is known.
    """
    found = [_proof(one, b, shift_s) for one in (a.turned() if turns else [a])]
    return max((of for of in found if of is not None), key=lambda of: of[0], default=None)


def _proof(a: Clip, b: Clip, shift_s: float | None) -> tuple[float, float] | None:
    if a.course is None or b.course is None:
        return None
    fit = sketches.fit(a.course, b.course)
    if _moving(a.course, b.course, fit) is None:
        return None
    least = SAME if shift_s is None else AGREED
    fits, told = _fits(a.course, b.course, fit, shift_s), min(_standing(a.course), _standing(b.course)) < STANDING
    if unsteady := min(a.course.steady(), b.course.steady()) < UNSTEADY:
        least, a, b = UNSTEADY_SAME, a._replace(frames=()), b._replace(frames=())
    for near in fits:
        if (score := _score(a, b, near, least)) >= least:
            return max(score, SAME), near.shift / RATE_HZ
    return None if unsteady and told and shift_s is not None else (0.0, fit.shift / RATE_HZ)


def _standing(course: Course) -> float:
    """How much more there is to see of what stands than of what moves."""
    return float(course.luma.mean(axis=0).std()) / max(_spread(sketches.departures(course.luma)), 1e-6)


def _moving(a: Course, b: Course, fit: Fit) -> float | None:
    """How much moves in what two clips have in common; None if nothing does or they have too little."""
    part, at = sketches.overlap(a, b, fit.shift) if np.isfinite(fit.shift) else (slice(0, 0), np.empty(0))
    if len(at) < sketches.LEAST - 1:
        return None
    views = sketches.view(a.luma[part], fit.boxes[0], fit.warp), sketches.view(sketches.between(b.luma, at), fit.boxes[1])
    moving = max(_spread(sketches.departures(one)) for one in views)
    return moving if moving >= MOVING else None


def _fits(a: Course, b: Course, fit: Fit, shift_s: float | None) -> Iterator[Fit]:
    """The fit of what moves; where little does its place is a guess, so also that of what stands still, unless hashes agree at quite another
    time, and likewise at the time where they do."""
    yield fit
    if shift_s is None:
        yield _settled(a, b, fit)
    elif abs(shift_s - fit.shift / RATE_HZ) <= SLACK_S:
        yield _settled(a, b, fit)
        for boxes in dict.fromkeys(((a.inside, b.inside), (WHOLE, WHOLE))):
            yield _settled(a, b, Fit(0.0, shift_s * RATE_HZ, boxes=boxes))


def _settled(a: Course, b: Course, fit: Fit) -> Fit:
    """A fit with the warp at which the mean pictures of two clips, where they overlap, lie upon one another."""
    part, at = sketches.overlap(a, b, fit.shift)
    if not len(at):
        return fit
    views = sketches.view(a.luma[part], fit.boxes[0]), sketches.view(sketches.between(b.luma, at), fit.boxes[1])
    one, two = (cv2.resize(np.ascontiguousarray(view.mean(axis=0)), (stills.SIDE, stills.SIDE)) for view in views)
    warp = detail.registered(one, two, sketches.STILL, sketches.STEPS)
    return fit._replace(warp=warp) if sketches.mild(warp, SETTLED_CUT) else fit


def _score(a: Clip, b: Clip, fit: Fit, least: float) -> float:
    """How well what moves fits, 0 if something speaks against it."""
    assert a.course is not None
    assert b.course is not None
    if (moving := _moving(a.course, b.course, fit)) is None:
        return 0.0
    score = min(1.0, sketches.correlation(a.course, b.course, fit) * (1 + NOISE / moving**2))
    if score < least:
        return 0.0
    part, at = sketches.overlap(a.course, b.course, fit.shift)
    (one, two), colours = ((sketches.view(x[part], fit.boxes[0], fit.warp), sketches.view(sketches.between(y, at), fit.boxes[1]))
                           for x, y in ((a.course.luma, b.course.luma), (a.course.chroma, b.course.chroma)))
    fits = [fit]
    if abs(fit.shift) <= NEARLY:  # another shape crosses the same ground a little earlier: the two may as well begin together
        together = fit._replace(shift=0.0)
        fits += [together] * (sketches.correlation(a.course, b.course, together) >= fit.correlation - ABOUT)
    same = (_same_light(one, two, colours) and _same_colours(*colours, score)
            and all(_same_detail(a.frames, b.frames, near) for near in fits) and _same_words(a, b, fit.shift / RATE_HZ))
    return score if same else 0.0


def frames_agree(a: Clip, b: Clip, shift: float, *, turns: bool = False) -> bool:
    """Whether the stored frames of clips whose hashes agree do not say by their colours that they differ."""
    return not stills.contradict(a.frames, b.frames, shift, SLACK_S, turns=turns)


def stands(course: Course | None, frame_times_s: Sequence[float]) -> bool:
    """Whether a clip shows but one picture: nothing moves, or it is over at once."""
    if course is None:
        return bool(frame_times_s) and frame_times_s[-1] - frame_times_s[0] < sketches.LEAST / RATE_HZ
    return _spread(sketches.departures(course.luma)) < MOVING


def pictured(a: Clip, b: Clip, agreed: bool = False, *, turns: bool = False) -> float:
    """Share of blocks in which the middle frame of a clip agrees with one of another, AGREEING at least, if colours, light and details
    are the same, or, where there are no details, if it is PLAIN or the hashes agreed; else 0."""
    if not (a.frames and b.frames):
        return 0.0
    ways = a.frames[len(a.frames) // 2][1].turned() if turns else [a.frames[len(a.frames) // 2][1]]
    for picture in (picture for _, picture in b.frames):
        for way in ways:
            if (share := stills.agreed(way, picture)) is None or (same := detail.same(way, picture)) is False:
                continue
            if share >= PLAIN or same or agreed:
                return max(share, stills.AGREEING)
    return 0.0


def began(a: Clip, b: Clip, shift_s: float) -> float:
    """The shift in seconds of clips in which hardly anything moves: where that little fits, else the given one."""
    if a.course is None or b.course is None:
        return shift_s
    fit = sketches.fit(a.course, b.course)
    return fit.shift / RATE_HZ if fit.correlation >= SAME else shift_s


def _spread(cells: Array) -> float:
    return float(np.sqrt(np.mean(np.square(cells))))


def _same_light(one: Array, two: Array, colours: tuple[Array, Array]) -> bool:
    """Whether what stands still is the same and the light of all has changed no more than a copy's does."""
    gain = _spread(sketches.departures(two)) / max(_spread(sketches.departures(one)), 1e-6)
    still_one, still_two = one.mean(axis=0), two.mean(axis=0)
    slope, lift = _line(still_one.ravel(), still_two.ravel())
    tints = sorted(map(_spread, colours))
    grey = tints[0] < GREY and tints[1] > COLOURED
    least, most = GREY_GAIN if grey else GAIN
    if not least <= gain <= most or abs((slope - 1) * float(still_one.mean()) + lift) > (GREY_LIFT if grey else LIFT):
        return False
    rough = np.maximum(*(cv2.dilate(z, np.ones((3, 3))) - cv2.erode(z, np.ones((3, 3))) for z in (still_one, still_two))) / 2
    return bool((np.abs(still_two - slope * still_one - lift) <= TOLERANCE + ROUGH * rough).mean() >= LIKE)


def _line(x: NDArray[np.float32], y: NDArray[np.float32]) -> tuple[float, float]:
    """Slope and intercept of most of the points; a fifth of them may lie anywhere."""
    kept = np.ones(len(x), bool)
    slope, lift = 1.0, 0.0
    for _ in range(3):
        spread = float(x[kept].var())
        slope = float(np.mean((x[kept] - x[kept].mean()) * (y[kept] - y[kept].mean()))) / spread if spread > 1 else 1.0
        lift = float(y[kept].mean() - slope * x[kept].mean())
        left = np.abs(y - slope * x - lift)
        kept = left <= np.quantile(left, 0.8) + 1e-3
    return slope, lift


def _same_colours(one: Array, two: Array, score: float) -> bool:
    """Whether the colours are the same but for a logo, and how they change, but for what of the luma does not fit."""
    if min(_spread(one), _spread(two)) < GREY:
        return True
    paled = float(np.clip(np.vdot(one, two) / np.vdot(one, one), *FADED))
    x, y = sketches.departures(one), sketches.departures(two)
    apart = np.square(two - paled * one).mean(axis=(0, 1)).ravel()
    alike = apart <= np.quantile(apart, 1 - LOGO)
    if _left_over(one.reshape(len(one), 2, -1)[..., alike], two.reshape(len(two), 2, -1)[..., alike], paled) > OTHER:
        return False
    if max(_spread(x), _spread(y)) > max(TINTED, SAMPLED * min(_spread(one), _spread(two))) and _left_over(x, y, paled) > OTHER_MOVING + 1 - score:
        return False
    return min(_spread(x), _spread(y)) < VIVID or PALED[0] <= float(np.vdot(x, y) / np.vdot(x, x)) / paled <= PALED[1]


def _left_over(x: Array, y: Array, gain: float) -> float:
    return float(np.square(y - gain * x).mean() / max(np.square(y).mean() + gain**2 * np.square(x).mean(), 1e-6))


def _same_detail(a: stills.Frames, b: stills.Frames, fit: Fit) -> bool:
    """Whether stored frames agree that were taken at the same time, in how they change or each in its details; also where there are no two
    such pairs."""
    pairs = [(x, y) for s, x in a for t, y in b if abs(s - t - fit.shift / RATE_HZ) <= TOGETHER_S]
    if len(pairs) < 2:
        return True
    one, two = (np.stack([picture.luma[1] for picture in side]).astype(np.float32) for side in zip(*pairs, strict=True))
    nothing = np.zeros_like(two)
    found = sketches.registered(fit, lambda now: (sketches.view(one, fit.boxes[0], now.warp), sketches.view(two, fit.boxes[1]), nothing))
    moving = max(_spread(sketches.departures(z)) for z in (one, two))
    return moving < MOVING or found.correlation * (1 + FINE_NOISE / moving**2) >= FINE or all(detail.one(x, y) for x, y in pairs)


def _same_words(a: Clip, b: Clip, shift_s: float) -> bool:
    """Whether details agree in any two stored frames of about one quiet moment; also where there are not two such pairs."""
    assert a.course is not None
    pairs = [(x, y) for s, x in a.frames for t, y in b.frames if abs(s - t - shift_s) <= 1 / RATE_HZ and a.course.change(s) <= QUIET]
    return len(pairs) < 2 or any(detail.same(x, y) is not False for x, y in pairs)

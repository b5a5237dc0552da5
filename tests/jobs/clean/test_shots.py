"""Shots on rendered video whose transitions are known by construction."""

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import av
import cv2
import numpy as np
import pytest

from jobs.clean import cuts, shots
from jobs.clean.measures.sketch import RATE_HZ
from jobs.clean.series import Pictures
from jobs.media.encode import encode_video
from jobs.media.planes import SKETCH, Grid
from jobs.media.signals import SIGNALS, THUMB

WIDTH, HEIGHT, FPS = 320, 180, 25
THRESHOLD = 27.0


class Scene:
    """A place with texture, things that move in it, a hand-held camera and sensor noise."""

    def __init__(self, seed: int, speed: float = 1.0) -> None:
        self.random = np.random.default_rng(seed)
        r = self.random
        base = r.uniform(30, 200, 3)
        big = cv2.resize(r.normal(0, 1, (5, 8, 3)).astype(np.float32), (WIDTH * 2, HEIGHT * 2), interpolation=cv2.INTER_CUBIC)
        fine = cv2.resize(
            r.normal(0, 1, (60, 100, 3)).astype(np.float32), (WIDTH * 2, HEIGHT * 2), interpolation=cv2.INTER_CUBIC
        )
        self.world = np.clip(base + big * r.uniform(20, 55) + fine * r.uniform(5, 18), 0, 255).astype(np.float32)
        for _ in range(12):
            centre = (int(r.uniform(0, WIDTH * 2)), int(r.uniform(0, HEIGHT * 2)))
            cv2.rectangle(self.world, centre, (centre[0] + int(r.uniform(10, 90)), centre[1] + int(r.uniform(10, 90))),
                          tuple(float(c) for c in r.uniform(0, 255, 3)), -1)
        self.pan = r.normal(0, 9, 2) * speed
        self.things = [(r.uniform(0, [WIDTH, HEIGHT]), r.normal(0, 35, 2) * speed, r.uniform(8, 30), r.uniform(0, 255, 3))
                       for _ in range(3)]
        self.noise = r.uniform(1, 4)

    def at(self, t: float, shift: float = 0.0) -> np.ndarray:
        """The float picture at a time; `shift` is an extra camera offset in pixels."""
        x = WIDTH / 2 + self.pan[0] * t + shift + 1.5 * np.sin(7 * t)
        y = HEIGHT / 2 + self.pan[1] * t + 1.5 * np.cos(5 * t)
        move = np.array([[1, 0, -x], [0, 1, -y]], np.float32)
        picture = cv2.warpAffine(self.world, move, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        for place, speed, size, colour in self.things:
            centre = (place + speed * t) % [WIDTH, HEIGHT]
            cv2.circle(picture, (int(centre[0]), int(centre[1])), int(size), tuple(float(c) for c in colour), -1)
        return picture + self.random.normal(0, self.noise, picture.shape).astype(np.float32)


@dataclass
class Film:
    """Frames and the truth about them."""

    frames: list[np.ndarray] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)
    gradual: list[float] = field(default_factory=list)

    def add(self, pictures: Iterator[np.ndarray]) -> None:
        self.frames += [np.clip(p, 0, 255).astype(np.uint8) for p in pictures]


def film(seed: int, shots_count: int = 12, kinds: str = "cdf") -> Film:
    """Shots of one to four seconds joined by cuts, dissolves and fades."""
    random = np.random.default_rng(seed)
    out = Film()
    scene, started = Scene(seed * 1000), 0.0
    for number in range(shots_count):
        length = random.uniform(1.2, 4.0)
        count = int(length * FPS)
        out.add(scene.at(started + i / FPS) for i in range(count))
        started += length
        if number == shots_count - 1:
            break
        following, kind = Scene(seed * 1000 + number + 1), kinds[int(random.integers(len(kinds)))]
        if kind == "c":
            out.cuts.append(len(out.frames))
            scene, started = following, 0.0
            continue
        steps = int(random.uniform(0.4, 1.5) * FPS)
        begun = len(out.frames)
        if kind == "d":
            shares = (np.arange(steps) + 1) / (steps + 1)
            out.add(scene.at(started + i / FPS) * (1 - a) + following.at(i / FPS) * a for i, a in enumerate(shares))
        else:
            hold = int(random.integers(1, 8))
            half = max(steps // 2, 5)
            shares = np.concatenate([1 - (np.arange(half) + 1) / half, np.zeros(hold), (np.arange(half) + 1) / half])
            out.add((scene.at(started + i / FPS) if i < half + hold // 2 else following.at(i / FPS)) * a
                    for i, a in enumerate(shares))
        out.gradual.append((begun + len(out.frames)) / 2 / FPS)
        scene, started = following, steps / FPS
    return out


def pictures_of(frames: Iterable[av.VideoFrame], times: np.ndarray | None = None) -> Pictures:
    """What the pass keeps of these frames, at FPS where no times are given."""
    grid, rows, thumbs, sketches, sketch_times = Grid(), [], [], [], []
    for i, frame in enumerate(frames):
        row, thumb = np.zeros(len(SIGNALS), np.float32), np.zeros(THUMB, np.uint8)
        grid.reduce(frame, row, thumb)
        rows.append(row)
        thumbs.append(thumb)
        t = i / FPS if times is None else times[i]
        if t >= len(sketches) / RATE_HZ - 1e-6:
            sketches.append(np.zeros(SKETCH, np.uint8))
            grid.sketch(sketches[-1])
            sketch_times.append(t)
    return Pictures(times=np.arange(len(rows)) / FPS if times is None else times, signals=np.array(rows), thumbs=np.array(thumbs),
                    sketch_times=np.array(sketch_times), sketches=np.array(sketches))


def found_in(frames: list[np.ndarray], times: np.ndarray | None = None) -> tuple[list[shots.Transition], np.ndarray]:
    pictures = pictures_of((av.VideoFrame.from_ndarray(f, format="rgb24").reformat(format="yuv420p") for f in frames), times)
    return shots.transitions(pictures, THRESHOLD), pictures.times


def matches(found: list[float], truth: list[float], tolerance: float) -> int:
    """How many of the truth are found, one finding for each."""
    left = list(found)
    hits = 0
    for want in truth:
        near = min(left, key=lambda x: abs(x - want), default=None)
        if near is not None and abs(near - want) <= tolerance:
            left.remove(near)
            hits += 1
    return hits


def f1(hits: int, found: int, truth: int) -> float:
    return 2 * hits / max(found + truth, 1)


def score(seeds: range, kinds: str = "cdf") -> tuple[float, float, list[str]]:
    """F1 of cuts at one frame and of gradual transitions at half a second, over several films."""
    hits = [0, 0]
    found_count = [0, 0]
    truth_count = [0, 0]
    notes = []
    for seed in seeds:
        made = film(seed, kinds=kinds)
        found, times = found_in(made.frames)
        cuts = [t.first for t in found if t.kind == "cut"]
        gradual = [float(times[t.first] + times[t.after]) / 2 for t in found if t.kind != "cut"]
        for k, (got, want, tolerance) in enumerate(((cuts, made.cuts, 1), (gradual, made.gradual, 0.5))):
            hits[k] += matches(got, want, tolerance)
            found_count[k] += len(got)
            truth_count[k] += len(want)
        notes.append(f"{seed}: cuts {cuts} of {made.cuts}; gradual {[round(g, 2) for g in gradual]} of "
                     f"{[round(g, 2) for g in made.gradual]}")
    return (*(f1(hits[k], found_count[k], truth_count[k]) for k in (0, 1)), notes)


def continuous(seconds: float, fps: int = FPS) -> list[np.ndarray]:
    """One take: rack focus, flashes of one to six frames, whip pans and a change of exposure."""
    scene = Scene(77, speed=1.0)
    frames = []
    shift = 0.0
    for i in range(int(seconds * fps)):
        t = i / fps
        phase = t % 12
        shift %= 4 * WIDTH
        if 2.0 <= phase < 2.4:
            shift += 1800 / fps * np.sin(np.pi * (phase - 2.0) / 0.4)
        picture = scene.at(t, shift)
        if 4.0 <= phase < 6.0:
            blur = 1 + 8 * np.sin(np.pi * (phase - 4.0) / 2)
            picture = cv2.GaussianBlur(picture, (0, 0), blur)
        flash = int((t % 24 + 0.001) * fps) - 8 * fps
        if 0 <= flash < 1 + int(t // 12):
            picture = picture * 0.3 + 190
        if 9.0 <= phase < 10.5:
            picture = picture * (1 + 0.3 * np.sin(np.pi * (phase - 9.0) / 1.5))
        frames.append(np.clip(picture, 0, 255).astype(np.uint8))
    return frames


def screencast(seconds: float) -> list[np.ndarray]:
    """Windows that open and scroll on a desktop: changes at once, but of a part of the picture."""
    random = np.random.default_rng(5)
    desktop = np.full((HEIGHT, WIDTH, 3), 235, np.uint8)
    desktop[:12] = 60
    frames = []
    for i in range(int(seconds * FPS)):
        if i % 40 == 20:
            x, y = int(random.integers(0, 200)), int(random.integers(12, 100))
            desktop[y:y + 50, x:x + 80] = 250
            for line in range(y + 4, y + 46, 6):
                desktop[line:line + 2, x + 4:x + int(random.integers(20, 76))] = 30
        frames.append(desktop.copy())
    return frames


@pytest.mark.parametrize("make", [pytest.param(lambda: continuous(60), id="rack-focus-flash-whip-pan-exposure"),
                                  pytest.param(lambda: screencast(30), id="screen-cast")])
def test_one_take_has_no_transition(make: Callable[[], list[np.ndarray]]) -> None:
    found, times = found_in(make())
    assert [(t.kind, round(float(times[t.first]), 2)) for t in found] == []


def test_cuts_and_gradual_transitions_are_found() -> None:
    cuts, gradual, notes = score(range(2, 4))
    assert cuts >= 0.97, notes
    assert gradual >= 0.85, notes


@pytest.mark.heavy
def test_cuts_and_gradual_transitions_are_found_in_many_films() -> None:
    cuts, gradual, notes = score(range(100, 116))
    assert cuts >= 0.97, notes
    assert gradual >= 0.85, notes


def test_the_clock_is_presentation_time_not_the_frame_number() -> None:
    """The same film with every third frame left out has its cuts at the same times."""
    made = film(8, 5, kinds="c")
    kept = [i for i in range(len(made.frames)) if i % 3 or i in made.cuts]
    times = np.array(kept) / FPS
    found, _ = found_in([made.frames[i] for i in kept], times)
    assert [round(float(times[t.first]) * FPS) for t in found] == made.cuts


def test_coding_does_not_hide_cuts() -> None:
    made = film(9, 6, kinds="c")
    with av.open(io.BytesIO(encode_video(made.frames, FPS, crf=32))) as container:
        found = shots.transitions(pictures_of(container.decode(video=0)), THRESHOLD)
    assert [t.first for t in found] == made.cuts


def test_surroundings_and_neighbours_are_what_they_say() -> None:
    random = np.random.default_rng(0)
    times, content = np.cumsum(random.uniform(0.01, 0.06, 80)), random.uniform(0, 30, 80) * (np.arange(80) % 12 < 7)
    medians, highest = cuts.surroundings(times, content, 1.0), cuts.beside(times, content)
    for i in range(80):
        near = [content[k] for k in range(1, 80) if k != i and abs(times[k] - times[i]) <= 1.0]
        assert medians[i] == pytest.approx(np.median(near))
        beside = [1.5 * min(content[i - 1], content[i + 1])] if 1 < i < 79 else []
        for side in (range(i - 2, 0, -1), range(i + 2, 80)):
            near = [k for k in side if abs(times[k] - times[i]) <= 0.2 or abs(k - i) <= 3]
            near_side = [content[k] * np.clip((times[i] - times[i - 1]) / (times[k] - times[k - 1]), 1, 2) for k in near]
            calm = content[near] < 0.1 * content[i]
            ends = [n for n in range(4, calm.size + 1) if calm[n - 4:n].all()]
            beside += near_side[:ends[0]] if ends else near_side
        assert highest[i] == pytest.approx(max(beside, default=0.0))


def test_a_slow_source_in_a_fast_container_has_no_cuts_of_its_own() -> None:
    scene = Scene(31, speed=4.0)
    frames = [np.clip(scene.at(i / 4), 0, 255).astype(np.uint8) for i in range(24)]
    found, _ = found_in([f for f in frames for _ in range(6)])
    assert found == []


def test_a_light_that_goes_off_and_on_is_no_cut() -> None:
    scene = Scene(32)
    frames = [np.clip(scene.at(i / FPS) * (0.25 if 40 <= i < 90 else 1), 0, 255).astype(np.uint8) for i in range(150)]
    found, _ = found_in(frames)
    assert found == []


def test_a_cut_after_a_picture_that_stood_for_seconds_is_found() -> None:
    frames = [np.clip(Scene(seed).at(i / FPS), 0, 255).astype(np.uint8) for seed in (3, 4) for i in range(40)]
    times = np.arange(80) / FPS
    found, _ = found_in(frames, times + 3.0 * (np.arange(80) >= 40))
    assert [t.first for t in found] == [40]


def test_another_scene_in_another_light_is_a_cut() -> None:
    def wood(seed: int, light: float, t: float) -> np.ndarray:
        """A bright sky over dark trees: any two of them are alike but for the trees."""
        heights = np.interp(np.arange(WIDTH) + 30 * t, np.arange(0, WIDTH + 400, 24), np.random.default_rng(seed).uniform(0.35, 0.6, (WIDTH + 423) // 24))
        y = np.arange(HEIGHT)[:, None] / HEIGHT
        return np.repeat((np.where(y < heights, 230 - 60 * y, 90 - 40 * y) * light)[..., None], 3, axis=2).clip(0, 255).astype(np.uint8)

    frames = [wood(1, 0.4, i / FPS) for i in range(60)] + [wood(2, 1.0, i / FPS) for i in range(60)]
    found, _ = found_in(frames)
    assert [t.first for t in found] == [60]


def test_something_that_comes_into_a_bare_picture_is_no_fade() -> None:
    frames = []
    for i in range(100):
        frame = np.full((HEIGHT, WIDTH, 3), (70, 240, 20), np.uint8)
        cv2.circle(frame, (WIDTH + 40 - 4 * i, 90), 40, (40, 100, 240), -1)
        frames.append(frame)
    found, _ = found_in(frames)
    assert found == []


def test_cuts_and_dissolves_are_found_in_the_dark() -> None:
    made = film(21, 6, kinds="c")
    found, _ = found_in([(f * 0.2).astype(np.uint8) for f in made.frames])
    assert [t.first for t in found] == made.cuts
    made = film(22, 6, kinds="d")
    found, times = found_in([(f * 0.25).astype(np.uint8) for f in made.frames])
    assert matches([float(times[t.first] + times[t.after]) / 2 for t in found], made.gradual, 0.5) >= 4
    assert len(found) <= 5

@pytest.mark.parametrize(("found", "wanted"), [
    pytest.param([], [(0.0, 15.0), (15.0, 30.0)], id="long-shot-in-equal-parts"),
    pytest.param([shots.Transition(50, 50, "cut", shots.HARD)], [(0.0, 5.0), (5.0, 17.5), (17.5, 30.0)], id="cut"),
    pytest.param([shots.Transition(50, 60, "dissolve", shots.SOFT)], [(0.0, 4.9), (6.1, 18.05), (18.05, 30.0)], id="trimmed"),
    pytest.param([shots.Transition(50, 60, "fade", (False, True))], [(0.0, 5.0), (6.1, 18.05), (18.05, 30.0)], id="cut to black, fade in"),
    pytest.param([shots.Transition(50, 50, "cut", shots.HARD), shots.Transition(54, 54, "cut", shots.HARD)], [(0.0, 5.0), (5.4, 17.7), (17.7, 30.0)],
                 id="scrap-left-out"),
    pytest.param([shots.Transition(48, 50, "fade", shots.SOFT), shots.Transition(51, 51, "cut", shots.HARD)], [(0.0, 4.7), (5.1, 17.55), (17.55, 30.0)],
                 id="trimmed beyond a cut"),
])
def test_spans_follow_the_rules(found: list[shots.Transition], wanted: list[tuple[float, float]]) -> None:
    spans = shots.spans(np.arange(300) / 10, 30.0, found, min_s=1.0, max_s=20.0, trim_s=0.1)
    assert [(pytest.approx(a), pytest.approx(b)) for a, b in spans] == wanted


def test_a_hole_in_the_clock_makes_no_clips() -> None:
    times = np.concatenate([np.arange(50) / 10, 1e7 + np.arange(50) / 10])
    assert shots.spans(times, 1e7 + 5, [], 1.0, 20.0, 0.1) == [(0.0, pytest.approx(5.4)), (1e7, 1e7 + 5)]


def test_what_is_trimmed_of_one_transition_does_not_come_back_with_the_next() -> None:
    found = [shots.Transition(100, 100, "cut", shots.HARD), shots.Transition(103, 110, "dissolve", shots.SOFT)]
    assert shots.spans(np.arange(300) / 10, 30.0, found, 1.0, 20.0, 0.5) == [(0.0, pytest.approx(9.8)), (pytest.approx(11.5), 30.0)]


@pytest.mark.parametrize("times", [[0.0, 30.0, 60.0], [0.0], [0.0, 0.04, 0.08, 50.0], [0.0, 16.0, 16.04]])
def test_every_clip_has_a_frame_though_a_picture_stands_still_for_longer_than_a_clip(times: list[float]) -> None:
    at = np.array(times)
    for found in ([], [shots.Transition(i, i, "cut", shots.HARD) for i in range(1, at.size)], [shots.Transition(i - 1, i, "fade", shots.SOFT) for i in range(1, at.size)]):
        spans = shots.spans(at, 65.0, found, 1.0, 20.0, 0.1)
        assert spans
        assert all(((at >= start) & (at < end)).any() for start, end in spans), (found, spans)
        assert all(a[1] <= b[0] for a, b in pairwise(spans))


def test_a_video_of_scraps_is_kept_whole() -> None:
    cuts = [shots.Transition(i, i, "cut", shots.HARD) for i in range(3, 30, 3)]
    assert shots.spans(np.arange(30) / 10, 3.0, cuts, 1.0, 20.0, 0.1) == [(0.0, 3.0)]


def rows_of(content: list[float], spread: float) -> np.ndarray:
    """Signals of frames whose grey picture changes by so much each, everywhere."""
    rows = np.zeros((len(content), len(SIGNALS)), np.float32)
    for name in ("dy", "du", "dv"):
        rows[:, cuts.COLUMN[name]] = np.array(content) * 3 / 5
    rows[:, cuts.COLUMN["displaced"]] = content
    rows[:, cuts.COLUMN["spread"]], rows[:, cuts.COLUMN["changed"]] = spread, 1.0
    return rows


@pytest.mark.parametrize(("around", "spread", "cut"), [
    ([8.0, 12.0, 7.5], 50, False),  # something passes close before the camera: the change swells and ebbs
    ([8.0, 20.0, 7.5], 50, False),  # a camera that is turned within three frames
    ([8.0, 30.0, 2.0], 50, True),  # a cut that takes two frames
    ([2.8, 11.3, 2.0], 59, False),  # a fifth of the contrast of the picture
    ([2.8, 22.3, 2.0], 63, True),
    ([0.5, 4.0, 0.5], 6, True),  # in the dark
], ids=["passes", "three frames", "two frames", "little for its contrast", "much for its contrast", "dark"])
def test_a_cut_stands_alone_and_is_much_for_the_contrast_of_its_picture(around: list[float], spread: float, cut: bool) -> None:
    content = [0.3] * 30 + around + [0.3] * 30
    score = cuts.scores(np.arange(len(content)) / FPS, rows_of(content, spread), np.zeros((len(content), THUMB), np.uint8))
    assert bool(score.max() >= THRESHOLD) is cut


def test_a_frame_that_is_shown_for_longer_may_change_more() -> None:
    content = [0.3] * 30 + [8.0, 20.0, 2.0, 8.0, 2.0] + [0.3] * 30
    even, thumbs = np.arange(len(content)) / FPS, np.zeros((len(content), THUMB), np.uint8)
    assert cuts.scores(even, rows_of(content, 30), thumbs).max() >= THRESHOLD
    assert cuts.scores(even + (np.arange(len(content)) >= 31) / FPS, rows_of(content, 30), thumbs).max() < THRESHOLD


def flashed(light: Callable[[float], float], whips: bool, mixed: bool, seed: int) -> list[np.ndarray]:
    """Two seconds of one take, half of them under a light, 0..1 by seconds since it began, that covers the picture or adds to it."""
    scene, frames = Scene(seed), []
    for i in range(2 * FPS):
        share = light(i / FPS - 1) if i >= FPS else 0.0
        shift = 1.5 * WIDTH * (0.5 - 0.5 * np.cos(np.pi * np.clip((i / FPS - 0.86) / 0.5, 0, 1))) if whips else 0.0
        picture = scene.at(i / FPS, shift)
        frames.append(np.clip(picture * (1 - share) + 250 * share if mixed else picture + 250 * share, 0, 255).astype(np.uint8))
    return frames


@pytest.mark.parametrize("seed", range(81, 84))
@pytest.mark.parametrize(("light", "whips", "mixed"), [
    (lambda s: 0.6 * (s < 0.2), True, True),
    (lambda s: 1.0 * (s < 0.2), True, True),
    (lambda s: max(1.0 - s, 0.0), False, False),
    (lambda s: np.sin(np.pi * min(s / 0.7, 1)), False, True),
], ids=["while the camera whips", "all white while it whips", "longer than a flash", "swells and ebbs"])
def test_a_flash_is_no_transition(light: Callable[[float], float], whips: bool, mixed: bool, seed: int) -> None:
    found, _ = found_in(flashed(light, whips, mixed, seed))
    assert found == []


@pytest.mark.parametrize(("colour", "top", "left"), [(200, 15, 40), (16, 23, 0), (16, 0, 40)], ids=["frame", "bars above and below", "bars beside"])
def test_gradual_transitions_are_found_inside_what_surrounds_a_film(colour: int, top: int, left: int) -> None:
    made, frames = film(24, 8, kinds="df"), []
    for frame in made.frames:
        framed = np.full_like(frame, colour)
        framed[top:HEIGHT - top, left:WIDTH - left] = cv2.resize(frame, (WIDTH - 2 * left, HEIGHT - 2 * top))
        frames.append(framed)
    found, times = found_in(frames)
    assert matches([float(times[t.first] + times[t.after]) / 2 for t in found], made.gradual, 0.5) >= len(made.gradual) - 1
    assert len(found) <= len(made.gradual)


@pytest.mark.parametrize("seed", range(61, 69))
def test_an_exposure_that_changes_while_the_scene_moves_is_no_dissolve(seed: int) -> None:
    scene = Scene(seed, speed=2.0)

    def light(t: float) -> float:
        return 1 + 0.5 * np.sin(np.pi * min(max(t - 1, 0), 1.5) / 1.5)

    found, _ = found_in([np.clip(scene.at(i / FPS) * light(i / FPS), 0, 255).astype(np.uint8) for i in range(90)])
    assert found == []

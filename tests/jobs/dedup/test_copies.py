"""Fits by construction, and drawn films under transforms and beside look-alikes. Films are functions of time, so that a copy may begin anywhere."""

import cv2
import numpy as np
import pyarrow as pa
import pytest
from scipy.interpolate import CubicSpline

from jobs.clean.measures import phash
from jobs.clean.measures.sketch import COLUMNS, RATE_HZ, ROWS
from jobs.dedup import copies, detail, sketches, stills
from jobs.dedup.match import KINDS
from schemas import CLIPS
from schemas.settings import Dedup

SIZE = (192, 108)
RED, BLUE, GREEN, WHITE = (200, 60, 50), (50, 80, 210), (60, 170, 70), (240, 240, 240)


def busy(seed):
    """A camera pans over a textured ground while discs move."""
    rng = np.random.default_rng(seed)
    ground = cv2.resize(rng.integers(0, 256, (9, 24, 3), np.uint8), (600, 160), interpolation=cv2.INTER_CUBIC)
    discs = rng.uniform(0, 1, (4, 8))

    def at(t):
        frame = ground[20:128, int(20 + 40 * t):int(20 + 40 * t) + 192].copy()
        for x, y, vx, vy, size, *colour in discs:
            middle = int((x + (vx - 0.5) * t) % 1 * 192), int((y + (vy - 0.5) * t) % 1 * 108)
            cv2.circle(frame, middle, int(8 + 14 * size), tuple(int(255 * c) for c in colour), -1)
        return frame

    return at


def lone(colour, ground=(20, 110, 110), shape="disc", down=False):
    """One shape that crosses a plain ground."""

    def at(t):
        frame = np.full((108, 192, 3), ground, np.uint8)
        middle = (96, int(15 + 20 * t)) if down else (int(25 + 35 * t), 54)
        if shape == "disc":
            cv2.circle(frame, middle, 16, colour, -1)
        else:
            cv2.fillPoly(frame, [np.array([(middle[0] + dx, middle[1] + dy) for dx, dy in ((0, -18), (17, 14), (-17, 14))])], colour)
        return frame

    return at


def clip(film, start=0.0, seconds=4.0, change=lambda f: f):
    """What the pass would know of a film from `start` on; its own time begins with 0."""
    times = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    packed, frames = [], []
    for i, t in enumerate(times):
        rgb = np.ascontiguousarray(change(film(start + t)))
        y, u, v = cv2.split(cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV))
        cells = [cv2.resize(y, (COLUMNS, ROWS), interpolation=cv2.INTER_AREA)]
        cells += [cv2.resize(c, (COLUMNS // 2, ROWS // 2), interpolation=cv2.INTER_AREA) for c in (u, v)]
        packed.append(np.concatenate([c.ravel() for c in cells]))
        if i % RATE_HZ == RATE_HZ // 2:
            frames.append((float(t), stills.small(cv2.imencode(".jpg", rgb[:, :, ::-1])[1].tobytes())))
    return copies.Clip(sketches.Course.of(times, np.concatenate(packed)), frames)


def grain(f):
    return np.clip(f + np.random.default_rng(f[50].sum()).normal(0, 4, f.shape), 0, 255).astype(np.uint8)


def logo(f):
    return cv2.rectangle(f.copy(), (155, 5), (187, 15), (255, 255, 255), -1)


CHANGES = {
    "grain": grain,
    "cropped": lambda f: f[5:-5, 9:-9],
    "cropped on one side": lambda f: f[:, 12:],
    "letterboxed": lambda f: cv2.copyMakeBorder(f, 16, 16, 0, 0, cv2.BORDER_CONSTANT),
    "logo": logo,
    "letterboxed, with a logo": lambda f: cv2.copyMakeBorder(logo(f), 14, 14, 0, 0, cv2.BORDER_CONSTANT),
    "darker": lambda f: cv2.convertScaleAbs(f, alpha=0.7),
    "brighter": lambda f: cv2.convertScaleAbs(f, beta=30),
    "gamma": lambda f: (255 * (f / 255) ** 0.7).astype(np.uint8),
    "grey": lambda f: np.repeat(cv2.cvtColor(f, cv2.COLOR_RGB2GRAY)[:, :, None], 3, axis=2),
}


@pytest.mark.parametrize("start", [0.3, 0.55, 1.3, 1.71])
@pytest.mark.parametrize("seed", range(3))
def test_the_time_of_a_part_is_found_to_a_fraction_of_a_sample(seed, start):
    score, shift = copies.proof(clip(busy(seed), seconds=5), clip(busy(seed), start, 2.5, grain), shift_s=None)
    assert score >= copies.SAME
    assert shift == pytest.approx(start, abs=0.03)


FILMS = {"busy 4": busy(4), "busy 5": busy(5), "white disc": lone(WHITE), "red triangle": lone(RED, shape="triangle")}
AMBIGUOUS = {("white disc", "cropped on one side"), ("red triangle", "cropped on one side")}
"""On a plain ground a cut on the side that a shape comes from looks like a later start."""


@pytest.mark.parametrize(("film", "change"), sorted({(film, change) for film in FILMS for change in CHANGES} - AMBIGUOUS))
def test_a_copy_that_begins_between_samples_is_found(film, change):
    film = FILMS[film]
    score, shift = copies.proof(clip(film), clip(film, 0.69, 3, CHANGES[change]), shift_s=0.5)
    assert score >= copies.SAME
    assert shift == pytest.approx(0.69, abs=0.1)


def test_the_place_of_a_crop_is_found():
    one, two = clip(busy(6)).course, clip(busy(6), change=lambda f: f[8:-4, 16:]).course
    scale_y, offset_y, scale_x, offset_x = sketches.fit(one, two).warp
    assert (scale_y, scale_x) == (pytest.approx(96 / 108, abs=0.02), pytest.approx(176 / 192, abs=0.02))
    assert (offset_y, offset_x) == (pytest.approx(4 / 108, abs=0.02), pytest.approx(16 / 192, abs=0.02))


@pytest.mark.parametrize("shift_s", [None, 0.0])
@pytest.mark.parametrize(("one", "two"), [
    (busy(1), busy(2)), (lone(RED), lone(BLUE)), (lone(RED), lone(GREEN)), (lone(WHITE), lone((240, 110, 170))), (lone(WHITE), lone(WHITE, down=True)),
    (lone(WHITE), lone(WHITE, shape="triangle")), (lone(RED), lone(RED, ground=(110, 60, 30))),
])
def test_films_that_look_alike_are_told_apart(one, two, shift_s):
    assert copies.proof(clip(one), clip(two), shift_s)[0] == 0


def test_another_take_of_a_room_is_no_copy():
    rng = np.random.default_rng(3)
    room = cv2.resize(rng.integers(0, 256, (9, 16, 3), np.uint8), SIZE, interpolation=cv2.INTER_CUBIC)

    def take(seed):
        ways = np.random.default_rng(seed).uniform(-1, 1, (2, 4))

        def at(t):
            x, y = (sum(w[k] * np.sin((k + 1) * t) for k in range(4)) for w in ways)
            return cv2.circle(room.copy(), (int(96 + 20 * x), int(60 + 10 * y)), 22, (210, 170, 150), -1)

        return at

    assert copies.proof(clip(take(1)), clip(take(1), 0.4, 3, logo), shift_s=0.5)[0] >= copies.SAME
    assert copies.proof(clip(take(1)), clip(take(2)), shift_s=0.0)[0] == 0
    assert copies.proof(clip(take(1), seconds=3), clip(take(1), 10, 3), shift_s=0.0)[0] == 0


def test_turned_clips_fit_when_that_is_asked_for():
    for turn in (lambda f: f[:, ::-1], np.rot90, lambda f: f[::-1]):
        one, two = clip(busy(7)), clip(busy(7), 0.3, 3, turn)
        assert copies.proof(one, two, shift_s=None)[0] == 0
        assert copies.proof(one, two, shift_s=None, turns=True)[0] >= copies.SAME


def test_nothing_is_said_of_clips_that_stand_still_or_are_short():
    still = clip(lambda t: busy(1)(0))
    assert copies.proof(still, still, shift_s=0.0) is None
    assert copies.proof(still, copies.Clip(None, []), shift_s=0.0) is None
    assert sketches.Course.of(np.arange(3) / RATE_HZ, np.zeros(3 * 288, np.uint8)) is None
    black = clip(lambda t: np.zeros((108, 192, 3), np.uint8))
    assert copies.proof(black, black, shift_s=0.0) is None


# ---- details


def slide(words, size=(384, 216)):
    picture = np.full((size[1], size[0], 3), 245, np.uint8)
    cv2.putText(picture, "Lecture", (24, 40), 0, 1.0, (90, 40, 30), 2)
    cv2.line(picture, (24, 54), (360, 54), (90, 40, 30), 2)
    for i, line in enumerate(words):
        cv2.putText(picture, line, (34, 84 + 30 * i), 0, 0.6, (40, 40, 40), 1)
    return picture


SLIDES = [slide(w) for w in (("nodes and edges", "depth first", "strong parts", "exercises"), ("sums of squares", "least error", "normal form", "residuals"),
                             ("a short history", "two schools", "open questions", "further reading"))]


def seen(picture, quality=70):
    return stills.small(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes())


@pytest.mark.parametrize("change", [change for change in CHANGES if change not in ("cropped on one side", "grain")])
@pytest.mark.parametrize("picture", SLIDES)
def test_a_copied_slide_agrees_in_its_details(picture, change):
    assert detail.same(seen(picture), seen(CHANGES[change](picture)))


def test_slides_with_other_words_do_not():
    made = [seen(s) for s in SLIDES]
    assert not any(detail.same(a, b) for i, a in enumerate(made) for b in made[:i])
    flat = seen(np.full((216, 384, 3), 90, np.uint8))
    assert detail.same(flat, flat) is None


@pytest.mark.parametrize("sigma", [1.5, 2.5])
def test_a_blurred_slide_is_compared_by_what_is_left_of_it(sigma):
    blurred = [seen(cv2.GaussianBlur(slide, (0, 0), sigma)) for slide in SLIDES]
    for i, slide in enumerate(SLIDES):
        assert [detail.same(seen(slide), other) for other in blurred] == [i == k for k in range(len(SLIDES))]


@pytest.mark.parametrize("side", [10, 16, 25])
def test_a_copy_smaller_than_the_details_is_found(side):
    rng = np.random.default_rng(side)
    picture = cv2.resize(rng.integers(0, 256, (9, 9, 3), np.uint8), (100, 100), interpolation=cv2.INTER_CUBIC)
    assert detail.same(seen(picture), seen(cv2.resize(picture, (side * 2, side), interpolation=cv2.INTER_AREA), 85)) is not False


def test_clips_that_stand_still_are_compared_as_pictures():
    one, two, three = clip(lambda t: SLIDES[0]), clip(lambda t: SLIDES[1]), clip(lambda t: logo(SLIDES[0]), change=lambda f: f[4:-4, 6:-6])
    assert one.stands
    assert not clip(busy(1)).stands
    assert copies.pictured(one, three) >= stills.AGREEING
    assert copies.pictured(one, two) == 0
    flash = copies.Clip(None, one.frames[:1])
    assert flash.stands
    assert copies.pictured(flash, three) >= stills.AGREEING
    assert not copies.Clip(None, one.frames).stands  # of its course nothing is known


def test_pictures_without_details_are_proven_by_their_hashes_or_most_blocks():
    def card(t):
        return cv2.putText(np.zeros((216, 384, 3), np.uint8), "oh", (180, 110), 0, 0.4, (255, 255, 255), 1)

    one, two = clip(card), clip(card, change=lambda f: cv2.GaussianBlur(f, (0, 0), 1.5))
    assert detail.same(one.frames[0][1], two.frames[0][1]) is None
    assert copies.pictured(one, two, agreed=True) >= stills.AGREEING
    assert copies.pictured(one, two) == 0


def test_the_time_of_a_clip_in_which_little_moves_is_found():
    def film(t):
        return cv2.circle(slide(("one dot wanders",)), (int(200 + 40 * np.sin(1.7 * t)), int(150 + 20 * np.sin(2.9 * t))), 5, (60, 60, 60), -1)

    one, two = clip(film, seconds=6), clip(film, 1.4, 3)
    assert copies.began(one, two, 0.0) == pytest.approx(1.4, abs=0.15)
    still = clip(lambda t: SLIDES[0])
    assert copies.began(still, still, 0.5) == 0.5


def test_small_shapes_have_too_few_details_to_be_one_beyond_doubt():
    assert detail.one(seen(SLIDES[0]), seen(SLIDES[0], quality=40))
    assert not detail.one(seen(SLIDES[0]), seen(SLIDES[1]))
    disc = seen(lone(WHITE)(1))
    assert not detail.one(disc, disc)


def test_texts_that_are_written_alike_are_told_apart_by_what_they_say():
    def typed(words):
        def at(t):
            picture = np.full((216, 384, 3), 30, np.uint8)
            for i, line in enumerate(words[:int(1.5 + 2 * t)]):
                cv2.putText(picture, line, (10, 24 + 20 * i), 0, 0.5, (200, 220, 200), 1)
            return picture
        return at

    one, two = (typed([slides[(i + i // 4) % 4] + " " + slides[i % 4] for i in range(10)]) for slides in (
        ("nodes and edges", "depth first", "strong parts", "exercises"), ("sums of squares", "least error", "normal form", "residuals")))
    assert copies.proof(clip(one), clip(one, 0.06, 3), shift_s=0.0)[0] >= copies.SAME
    assert copies.proof(clip(one), clip(two), shift_s=0.0)[0] == 0


# ---- search


def test_clips_that_change_fast_meet_by_their_sketches():
    """No sample of the copy is of a moment that a sample of the clip is of."""

    def whirl(t):
        rng = np.random.default_rng(int(t * 4 + 1e-6))
        return cv2.resize(rng.integers(0, 256, (5, 8, 3), np.uint8), SIZE, interpolation=cv2.INTER_CUBIC)

    def row(start):
        known = clip(whirl, start)
        at = np.arange(8) / 2
        hashed = [h for t in at for h in phash.hashes(cv2.cvtColor(whirl(start + t), cv2.COLOR_RGB2GRAY))]
        cells = np.concatenate([known.course.luma.reshape(32, -1), known.course.chroma.reshape(32, -1) + 128], axis=1).astype(np.uint8)
        return {"frames": None, "phashes": hashed, "phash_times_s": np.repeat(at, phash.VIEWS), "luma_std": 40.0, "sketches": cells.tobytes(),
                "sketch_times_s": np.arange(32) / RATE_HZ}

    rows = [row(0), row(0.25)]
    kind, dedup = KINDS["pictures"], Dedup()
    table = pa.table([pa.array([r[n] for r in rows], CLIPS.schema.field(n).type) for n in kind.columns], list(kind.columns))
    assert [x.tolist() for x in kind.meet(kind.file(table, np.array([0, 1]), dedup), dedup)] == [[0], [1]]
    without = table.set_column(table.column_names.index("sketches"), "sketches", pa.nulls(2, pa.large_binary()))
    assert not len(kind.meet(kind.file(without, np.array([0, 1]), dedup), dedup)[0])


def test_a_copy_of_noise_is_found_and_other_noise_is_not():
    def noise(seed):
        dots = np.random.default_rng(seed).integers(0, 256, (40, 54, 96, 3), np.uint8)
        return lambda t: cv2.resize(dots[int(t * RATE_HZ + 1e-6)], SIZE, interpolation=cv2.INTER_CUBIC)

    copy = clip(noise(1), 0.5, 3, lambda f: cv2.resize(grain(f), (90, 50), interpolation=cv2.INTER_NEAREST))
    assert copies.proof(clip(noise(1)), copy, shift_s=None) == (pytest.approx(copies.SAME, abs=0.3), pytest.approx(0.5, abs=0.05))
    assert copies.proof(clip(noise(2)), copy, shift_s=None)[0] == 0


def running(seed, a_second):
    """A figure that runs about before a fixed camera, whose ground is the same whatever the seed."""
    ground = cv2.resize(np.random.default_rng(1).integers(0, 256, (9, 16, 3), np.uint8), SIZE, interpolation=cv2.INTER_CUBIC)
    way = CubicSpline(np.arange(60) / a_second, np.random.default_rng(seed).uniform(0, 1, (60, 2)))

    def at(t):
        frame, (x, y) = ground.copy(), np.clip(way(t), 0, 1)
        return cv2.rectangle(frame, (int(10 + x * 150), int(20 + y * 50)), (int(28 + x * 150), int(54 + y * 50)), (220, 40, 40), -1)

    return at


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("a_second", [1.0, 2.0])
def test_films_of_one_fixed_camera_are_no_copies_however_fast_something_moves(seed, a_second):
    """Table tennis, boxing, dance: all of a hall but one clip was lost, for the hashes are those of the hall."""
    one = clip(running(seed, a_second))
    assert copies.proof(one, clip(running(seed + 50, a_second)), shift_s=0.0)[0] == 0
    for late in (0.0, 0.5 / RATE_HZ):
        assert copies.proof(one, clip(running(seed, a_second), 0.5 + late, 3, grain), shift_s=0.5)[0] >= copies.SAME


def test_a_clip_without_stored_frames_is_kept_and_filed():
    kind = KINDS["pictures"]
    rows = [{"frames": frames, "phashes": [0x5555AAAA5555AAAA] * 3, "phash_times_s": [0.0] * 3, "luma_std": 40.0} for frames in ([], None)]
    table = pa.table([pa.array([r.get(n) for r in rows], CLIPS.schema.field(n).type) for n in kind.proof], list(kind.proof))
    assert kind.keep(table, Dedup())["small"].null_count == 2
    assert len(kind.file(table, np.array([0, 1]), Dedup())) > 0


def test_noise_is_unsteady_and_a_flash_or_one_jump_is_not():
    rng = np.random.default_rng(8)
    noise = [rng.integers(0, 256, (108, 192, 3), np.uint8) for _ in range(32)]

    def steady(film):
        return clip(film).course.steady()

    assert steady(lambda t: noise[int(t * RATE_HZ)]) < copies.UNSTEADY
    assert steady(lambda t: busy(9)(t) if t > 0.1 else np.zeros((108, 192, 3), np.uint8)) > copies.UNSTEADY
    assert steady(lambda t: grain(busy(10)(0) if t < 2 else busy(11)(0))) > copies.UNSTEADY

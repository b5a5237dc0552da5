"""What looks like a transition and leads into the same scene, and transitions that look like less."""

import cv2
import numpy as np
import pytest

from jobs.clean import scenes
from jobs.media.planes import SKETCH
from tests.jobs.clean.test_shots import FPS, HEIGHT, WIDTH, Scene, found_in, pictures_of

Picture = np.ndarray


def shown(picture: Picture) -> Picture:
    return np.clip(picture, 0, 255).astype(np.uint8)


def taken(world: Picture, x: float, y: float, zoom: float = 1.0, turn_deg: float = 0.0) -> Picture:
    """The part of a world around a place."""
    move = cv2.getRotationMatrix2D((x, y), turn_deg, zoom)
    move[:, 2] += (WIDTH / 2 - x, HEIGHT / 2 - y)
    return cv2.warpAffine(world, move, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT)


def page(seed: int, ground: int = 245) -> Picture:
    """A page with lines of text and a margin."""
    random = np.random.default_rng(seed)
    picture = np.full((HEIGHT, WIDTH, 3), ground, np.uint8)
    picture[:14] = 190
    y = 24
    while y < HEIGHT - 8:
        if random.random() < 0.25:
            y += int(random.integers(8, 30))
            continue
        x = 16
        while x < WIDTH * 0.75:
            width = int(random.integers(8, 34))
            picture[y:y + 5, x:x + width] = 255 - ground + 30
            x += width + 5
        y += 10
    return picture


@pytest.mark.parametrize("seed", range(6))
def test_a_zoom_while_the_light_goes_down_is_no_dissolve(seed: int) -> None:
    world = Scene(300 + seed).world * 0.5 + 60
    frames = []
    for i in range(120):
        into = min(max(i / FPS - 1.5, 0) / 0.9, 1)
        frames.append(shown(taken(world, 320, 180, 0.85 + 0.4 * into) * (1 - 0.55 * into)))
    found, _ = found_in(frames)
    assert found == []


@pytest.mark.parametrize("seed", range(4))
def test_a_flash_that_goes_out_slowly_while_the_camera_turns_is_no_dissolve(seed: int) -> None:
    world = Scene(320 + seed).world * 0.6
    frames = []
    for i in range(100):
        t = i / FPS - 1.6
        flash = (1 - t / 0.6) ** 2 if 0 <= t < 0.6 else 0.0
        picture = taken(world, 320, 180, 1.0, 10 * min(max(t / 0.6, 0), 1))
        frames.append(shown(picture * (1 - 0.7 * flash) + 235 * flash))
    found, _ = found_in(frames)
    assert found == []


@pytest.mark.parametrize("ground", [245, 40], ids=["light", "dark"])
def test_pages_that_turn_on_a_screen_are_no_cuts(ground: int) -> None:
    pages = [page(seed, ground) for seed in range(8)]
    found, _ = found_in([pages[i // 20] for i in range(160)])
    assert found == []


def test_pages_that_differ_wholly_below_the_bar_of_their_window_are_no_cuts_and_films_there_have_theirs() -> None:
    pages = [page(seed, (245, 40, 120)[seed % 3]) for seed in range(6)]
    for number, turned in enumerate(pages):
        turned[60:150, 200:300] = shown(Scene(580 + number).world[:90, :100])
    found, _ = found_in([pages[i // 20] for i in range(120)])
    assert found == []
    frames = [shown(Scene(590 + i // 40).at(i / FPS)) for i in range(120)]
    for frame in frames:
        frame[:16] = pages[0][:16]
    found, _ = found_in(frames)
    assert [(t.kind, t.first) for t in found] == [("cut", 40), ("cut", 80)]


def test_a_film_in_a_light_frame_has_its_cuts() -> None:
    frames = []
    for i in range(120):
        frame = np.full((HEIGHT, WIDTH, 3), 240, np.uint8)
        frame[20:-20, 30:-30] = shown(Scene(330 + i // 40).at(i / FPS))[20:-20, 30:-30]
        frames.append(frame)
    found, _ = found_in(frames)
    assert [(t.kind, t.first) for t in found] == [("cut", 40), ("cut", 80)]


@pytest.mark.parametrize("between", [0, 3, 8], ids=["at once", "after three frames", "after eight frames"])
def test_a_cut_after_a_flash_is_found(between: int) -> None:
    scene, other = Scene(340), Scene(341)
    frames = [shown(scene.at(i / FPS)) for i in range(40)]
    frames += [shown(scene.at((40 + i) / FPS) * 0.4 + 140) for i in range(1 + between)]
    frames += [shown(other.at(i / FPS)) for i in range(40)]
    found, _ = found_in(frames)
    assert [(t.kind, t.first) for t in found] == [("cut", 41 + between)]


def test_what_passes_close_before_the_camera_is_no_cut() -> None:
    scene, frames = Scene(350), []
    for i in range(100):
        picture = shown(scene.at(i / FPS))
        if 40 <= i < 48:
            cv2.ellipse(picture, (int((i - 41) * 60), 90), (150, 260), 10, 0, 360, (25, 70, 40), -1)
        frames.append(picture)
    found, _ = found_in(frames)
    assert found == []


def test_a_tilt_onto_a_bare_wall_and_away_from_it_is_no_fade() -> None:
    world = np.full((900, WIDTH, 3), 170, np.float32)
    for top, seed in ((0, 360), (720, 361)):
        world[top:top + HEIGHT] = Scene(seed).world[:HEIGHT, :WIDTH]
    steps = np.interp(np.arange(150), [0, 40, 56, 96, 112, 150], [0, 0, 340, 340, 720, 720])
    found, _ = found_in([shown(world[int(y):int(y) + HEIGHT]) for y in steps])
    assert found == []


@pytest.mark.parametrize("varies", [False, True], ids=["steady", "varying rate"])
def test_a_fade_through_black_is_found_in_the_dark(varies: bool) -> None:
    random, times, frames, t = np.random.default_rng(3), [], [], 0.0
    one, other = Scene(370), Scene(371)
    while t < 5:
        share = 1 - np.interp(t, [0, 1.5, 2.4, 2.6, 3.5, 5], [0, 0, 1, 1, 0, 0])
        frames.append(shown((one if t < 2.5 else other).at(t) * 0.16 * share))
        times.append(t)
        t += (random.choice([1, 1, 2, 4]) if varies else 1) / 30
    found, _ = found_in(frames, np.array(times))
    assert [t.kind for t in found] == ["fade"]
    assert (times[found[0].first] + times[found[0].after]) / 2 == pytest.approx(2.5, abs=0.5)


def test_a_dissolve_of_two_and_a_half_seconds_is_found() -> None:
    one, other = Scene(380, speed=0.5), Scene(381, speed=0.5)
    shares = np.interp(np.arange(170) / FPS, [2.0, 4.5], [0, 1])
    found, times = found_in([shown(one.at(i / FPS) * (1 - s) + other.at(i / FPS) * s) for i, s in enumerate(shares)])
    assert [t.kind for t in found] == ["dissolve"]
    assert (times[found[0].first] + times[found[0].after]) / 2 == pytest.approx(3.25, abs=0.5)


def sketch_of(picture: Picture) -> np.ndarray:
    import av

    frame = av.VideoFrame.from_ndarray(shown(picture), format="rgb24").reformat(format="yuv420p")
    return pictures_of([frame]).sketches[0]


@pytest.mark.parametrize("seed", range(5))
def test_a_scene_is_like_itself_moved_nearer_and_in_another_light_and_not_like_another(seed: int) -> None:
    world = Scene(390 + seed).world
    one = scenes.scene(sketch_of(taken(world, 320, 180)))
    moved = scenes.scene(sketch_of(taken(world, 352, 166, 1.18) * 0.5 + np.array([0, 8, 20])))
    other = scenes.scene(sketch_of(taken(Scene(490 + seed).world, 320, 180)))
    assert scenes.likeness(one[0], moved[0]) >= scenes.LIKE
    assert scenes.likeness(one[0], other[0]) < scenes.LIKE
    assert scenes.likeness(one[1], other[1]) < scenes.LIKE_DETAIL



def test_likeness_is_the_greatest_correlation_of_any_place() -> None:
    rng = np.random.default_rng(4)
    one = rng.random((scenes.HEIGHT, scenes.WIDTH, 3), np.float32) * 255
    high, wide = scenes.CORE_H, scenes.CORE_W
    core = one[2:2 + high, 1:1 + wide] + rng.normal(0, 60, (high, wide, 3)).astype(np.float32)
    cores = np.stack([rng.normal(0, 60, core.shape).astype(np.float32), core])
    free = cores - cores.mean(axis=(1, 2), keepdims=True, dtype=float)
    faint, found = scenes.FAINT ** 2 * high * wide, []
    for top in range((scenes.HEIGHT - high) // 2 % scenes.STEP, scenes.HEIGHT - high + 1, scenes.STEP):
        for left in range((scenes.WIDTH - wide) // 2 % scenes.STEP, scenes.WIDTH - wide + 1, scenes.STEP):
            part = one[top:top + high, left:left + wide].astype(float)
            part -= part.mean(axis=(0, 1))
            found += [(part * own).sum() / np.sqrt(((part ** 2).sum() + faint) * ((own ** 2).sum() + faint)) for own in free]
    assert scenes._laid_over(one, cores) == pytest.approx(max(found), abs=1e-6)


def test_blank_sketches_are_not_like_anything() -> None:
    blank = scenes.scene(np.full(SKETCH, 128, np.uint8))
    assert scenes.likeness(blank[0], blank[0]) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("count", [6, 8, 12], ids=["six frames", "eight frames", "twelve frames"])
def test_a_shot_of_few_frames_that_hardly_move_has_both_of_its_cuts(count: int) -> None:
    one, short, other = (Scene(seed).world[:HEIGHT, :WIDTH] for seed in (500, 501, 502))
    frames = [shown(one)] * 40 + [shown(short)] * count + [shown(other)] * 40
    found, _ = found_in(frames)
    assert [(t.kind, t.first) for t in found] == [("cut", 40), ("cut", 40 + count)]


@pytest.mark.parametrize("seed", range(510, 513))
def test_frames_that_are_lost_while_the_camera_moves_make_no_cut(seed: int) -> None:
    world = Scene(seed).world
    found, _ = found_in([shown(taken(world, 180 + 4 * (38 if 38 <= i < 49 else i), 180)) for i in range(70)])
    assert found == []


def test_a_cut_after_a_picture_that_stood_still_leads_to_another_scene() -> None:
    frames = [shown(Scene(520).world[:HEIGHT, :WIDTH])] * 40 + [shown(Scene(521, speed=4.0).at(i / FPS)) for i in range(40)]
    found, _ = found_in(frames)
    assert [(t.kind, t.first) for t in found] == [("cut", 40)]


@pytest.mark.parametrize("seed", [530, 532, 533])
def test_a_pan_has_no_cut_where_a_frame_comes_late(seed: int) -> None:
    world, times = Scene(seed).world, np.cumsum([5 if i % 9 == 0 else 1 for i in range(80)]) / FPS
    found, _ = found_in([shown(taken(world, 170 + 150 * t, 180)) for t in times], times)
    assert found == []


@pytest.mark.parametrize("mixes", [False, True], ids=["pan", "dissolve"])
def test_a_picture_between_two_is_a_mix_or_one_of_them_moved(mixes: bool) -> None:
    world = Scene(540).world
    ends = [taken(world, 270, 160), taken(Scene(541).world, 320, 180) if mixes else taken(world, 370, 200)]
    between = (ends[0] + ends[1]) / 2 if mixes else taken(world, 320, 180)
    sketches = np.stack([sketch_of(picture) for picture in (ends[0], between, ends[1])])
    assert scenes.moved_through(np.array([0.0, 0.125, 0.25]), sketches, 0.0, 0.25) is not mixes


@pytest.mark.parametrize("seed", range(550, 553))
def test_a_whip_pan_of_two_frames_is_no_cut(seed: int) -> None:
    world, frames = Scene(seed).world, []
    for i in range(60):
        x = 100 + i / 2 + 200 * (i >= 30) + 280 * (i >= 31)
        blurred = [taken(world, x - 16 * k, 180) for k in range(6 if i == 30 else 1)]
        frames.append(shown(np.mean(blurred, axis=0)))
    found, _ = found_in(frames, np.arange(60) / 15)
    assert found == []


@pytest.mark.parametrize("seed", [560, 564, 566])
def test_a_cut_that_takes_two_frames_is_one(seed: int) -> None:
    one, other = Scene(seed), Scene(seed + 1)
    frames = [shown(one.at(i / FPS)) for i in range(40)] + [shown(one.at(1.6) * 0.5 + other.at(0) * 0.5)]
    found, _ = found_in(frames + [shown(other.at(i / FPS)) for i in range(1, 40)])
    assert [(t.kind, t.first in (40, 41)) for t in found] == [("cut", True)]


def shapes(seed: int, i: int) -> Picture:
    """Four flat discs and boxes that drift over a flat ground."""
    random = np.random.default_rng(seed)
    picture = np.full((HEIGHT, WIDTH, 3), random.uniform(0, 255, 3), np.float32)
    for k in range(4):
        place, speed, size = random.uniform(0, [WIDTH, HEIGHT]), random.normal(0, 60, 2), int(random.uniform(20, 70))
        ink = tuple(float(c) for c in random.uniform(0, 255, 3))
        x, y = (int(abs((v + side) % (2 * side) - side)) for v, side in zip(place + speed * i / FPS, (WIDTH, HEIGHT), strict=True))  # to and fro
        if k % 2:
            cv2.circle(picture, (x, y), size, ink, -1, cv2.LINE_AA)
        else:
            cv2.rectangle(picture, (x - size, y - size // 2), (x + size, y + size // 2), ink, -1)
    return picture


@pytest.mark.parametrize("seed", [106, 150, 161, 165, 229, 284])
def test_flat_shapes_that_move_are_no_dissolve(seed: int) -> None:
    found, _ = found_in([shown(shapes(seed, i)) for i in range(100)])
    assert found == []


def slide(seed: int) -> Picture:
    """Three boxes on an even ground, in greys."""
    random = np.random.default_rng(seed)
    picture = np.full((HEIGHT, WIDTH, 3), random.uniform(60, 220), np.float32)
    for _ in range(3):
        x, y, width, height = (int(v) for v in random.uniform([0, 0, 30, 30], [WIDTH * 0.7, HEIGHT * 0.7, 150, 100]))
        picture[y:y + height, x:x + width] = random.uniform(20, 240)
    return picture


@pytest.mark.parametrize("seed", [41, 58, 87, 133, 193, 235])
def test_a_short_fade_between_slides_that_share_their_boxes_is_found(seed: int) -> None:
    light = np.abs(np.clip((np.arange(100) - 41) / 8, 0, 2) - 1)
    found, _ = found_in([shown(slide(seed if i < 49 else seed + 1000) * share) for i, share in enumerate(light)])
    assert [t.kind for t in found] == ["fade"]


@pytest.mark.parametrize("seed", [907, 908, 913, 922])
def test_a_light_that_goes_out_and_on_again_within_a_moment_is_no_fade(seed: int) -> None:
    scene, light = Scene(seed), np.abs(np.clip((np.arange(100) - 41) / 9, 0, 2) - 1)
    found, _ = found_in([shown(scene.at(i / FPS) * share) for i, share in enumerate(light)])
    assert found == []

"""Hard cuts beside flashes, in the dark and within one picture."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from jobs.clean import cuts
from jobs.clean.measure import measure_file
from jobs.media.planes import LUMA_THUMB
from jobs.media.signals import SIGNALS, THUMB
from jobs.train import world
from schemas.settings import Measure
from tests.jobs.clean.test_scenes import shown, taken
from tests.jobs.clean.test_shots import FPS, WIDTH, Scene, found_in


@pytest.mark.parametrize("pace", [0.0, 0.6], ids=["still", "drifting"])
@pytest.mark.parametrize("seed", range(600, 603))
def test_a_leap_of_one_frame_within_one_picture_is_a_jump_cut(seed: int, pace: float) -> None:
    world = Scene(seed).world
    frames = [shown(taken(world, 260 + pace * i, 200, zoom=1.0 if i < 40 else 1.6)) for i in range(80)]
    found, _ = found_in(frames)
    assert [(t.kind, t.first) for t in found] == [("cut", 40)]


@pytest.mark.parametrize("seed", range(720, 730))
def test_a_cut_between_two_shots_that_are_shaken_is_found(seed: int) -> None:
    random, frames = np.random.default_rng(seed), []
    for scene in (Scene(seed), Scene(seed + 30)):
        frames += [shown(taken(scene.world, *(np.array([320, 180]) + random.uniform(-12, 12, 2)))) for _ in range(40)]
    found, _ = found_in(frames)
    assert [(t.kind, t.first) for t in found] == [("cut", 40)]


@pytest.mark.parametrize("seed", range(730, 734))
def test_a_cut_between_two_shots_that_are_panned_fast_is_found(seed: int) -> None:
    frames = [shown(taken(panorama(seed + k), 200 + 16 * i, 180)) for k in (0, 30) for i in range(40)]
    found, _ = found_in(frames)
    assert [(t.kind, t.first) for t in found] == [("cut", 40)]


@pytest.mark.parametrize("seed", range(610, 613))
def test_a_cut_in_the_dark_is_found_where_no_cell_changes_by_much(seed: int) -> None:
    one, other = (16 + 0.09 * Scene(s).world[:180, :320] for s in (seed, seed + 50))
    found, _ = found_in([shown(one)] * 40 + [shown(other)] * 40)
    assert [(t.kind, t.first) for t in found] == [("cut", 40)]


@pytest.mark.parametrize("lit", [(38, 41), (40, 42), (37, 38), (42, 44), (39, 40)], ids=lambda lit: f"{lit[0]} to {lit[1]}")
@pytest.mark.parametrize("share", [0.6, 1.0], ids=["dazzling", "all white"])
def test_a_flash_beside_or_over_a_cut_does_not_hide_it(lit: tuple[int, int], share: float) -> None:
    one, other, frames = Scene(620), Scene(621), []
    for i in range(80):
        picture = one.at(i / FPS) if i < 40 else other.at((i - 40) / FPS)
        part = share if lit[0] <= i < lit[1] else 0.0
        frames.append(shown(picture * (1 - part) + 255 * part))
    found, _ = found_in(frames)
    assert [t.kind for t in found] == ["cut"]
    assert abs(found[0].first - 40) <= 1


@pytest.mark.parametrize("seed", range(630, 633))
def test_flashes_of_one_take_are_none_of_its_cuts(seed: int) -> None:
    scene, frames = Scene(seed), []
    for i in range(120):
        part = 0.7 if i % 30 in (10, 12, 13, 15, 16, 17) else 0.0
        frames.append(shown(scene.at(i / FPS) * (1 - part) + 255 * part))
    found, _ = found_in(frames)
    assert found == []


@pytest.mark.parametrize("seed", [643, 670])
def test_a_shot_of_few_frames_between_two_that_are_as_dark_has_both_cuts(seed: int) -> None:
    one, short, other = (Scene(seed + k).world[:180, :320] for k in range(3))
    frames = [shown(45 + 0.12 * (one - one.mean()))] * 40 + [shown(45 + 0.9 * (short - short.mean()))] * 8 + [shown(45 + 0.12 * (other - other.mean()))] * 40
    found, _ = found_in(frames)
    assert [(t.kind, t.first) for t in found] == [("cut", 40), ("cut", 48)]


def test_the_changed_share_is_of_cells_that_differ_by_more_than_the_least_of_their_frame() -> None:
    thumbs = np.zeros((4, THUMB), np.uint8)
    thumbs[1, :12], thumbs[2, :12], thumbs[2, 12:36], thumbs[2, LUMA_THUMB:] = 3, 3, 2, 99
    thumbs[3] = thumbs[2]
    assert cuts.changed(thumbs, np.array([0.0, 2.5, 1.5, 0.0])).tolist() == pytest.approx([0.0, 0.25, 0.5, 0.0])


def test_a_flash_is_brighter_all_over_than_both_frames_beside_and_short() -> None:
    random = np.random.default_rng(0)
    one = random.integers(20, 120, THUMB)
    flat = np.r_[np.full(LUMA_THUMB, 1), np.zeros(THUMB - LUMA_THUMB, int)]
    light = np.zeros(100, int)
    light[20], light[40:43], light[60:80] = 80, 100, 90  # the last one is too long
    thumbs = (one + light[:, None] * flat).astype(np.uint8)
    signals = np.zeros((100, len(SIGNALS)), np.float32)
    signals[1:, cuts.COLUMN["dy"]] = np.abs(np.diff(light))
    signals[:, cuts.COLUMN["luma"]] = thumbs[:, :LUMA_THUMB].mean(axis=1)
    assert cuts.flashes(np.arange(100) / 25, signals, thumbs) == [(20, 21), (40, 43)]


def panorama(seed: int) -> np.ndarray:
    """Three places beside one another, each 640 px wide."""
    return np.concatenate([Scene(seed + k).world[:360] for k in range(3)], axis=1)


def exposed(world: np.ndarray, x: float, moved: float) -> np.ndarray:
    """The part of a world around a place, blurred over half of what the camera moved."""
    return np.mean([taken(world, x - moved * k / 16, 180) for k in range(8 if moved else 1)], axis=0)


@pytest.mark.parametrize("way", [1, -1], ids=["comes to rest", "sets out"])
@pytest.mark.parametrize("seed", [680, 682])
def test_a_whip_pan_that_comes_to_rest_or_sets_out_gradually_is_no_cut(seed: int, way: int) -> None:
    world, steps = panorama(seed), [0.0] * 40 + [620.0, 20.0, 12.0, 8.0, 5.0, 3.0] + [0.0] * 40
    places = 250 + np.cumsum(steps)
    found, _ = found_in([shown(exposed(world, x, moved)) for x, moved in zip(places, steps, strict=True)][::way])
    assert found == []


@pytest.mark.parametrize("seed", range(690, 694))
def test_a_whip_pan_in_the_moment_of_a_flash_is_no_cut(seed: int) -> None:
    world, steps, lights = panorama(seed), [0.0] * 40 + [400.0, 300.0, 30.0] + [0.0] * 40, [0.0] * 40 + [0.6, 0.8, 0.0] + [0.0] * 40
    frames = [shown(exposed(world, x, moved) * (1 - light) + 255 * light)
              for x, moved, light in zip(250 + np.cumsum(steps), steps, lights, strict=True)]
    found, _ = found_in(frames)
    assert found == []


@pytest.mark.parametrize("seed", range(700, 703))
def test_a_lamp_that_stays_on_while_the_light_goes_out_makes_no_cut(seed: int) -> None:
    scene, rows, columns = Scene(seed), np.arange(180)[:, None, None], np.arange(320)[None, :, None]
    lamp = np.exp(-((rows - 50) ** 2 + (columns - 240) ** 2) / 60 ** 2)
    frames = [shown(scene.at(i / FPS) * (0.06 + 0.7 * lamp if 40 <= i < 80 else 1.0)) for i in range(120)]
    found, _ = found_in(frames)
    assert found == []


def test_a_light_that_is_switched_while_a_picture_stands_for_seconds_is_looked_at(tmp_path: Path) -> None:
    """No picture lies within the time in which that of before could have been seen: measuring such a film crashed."""
    picture, rows, columns = np.clip(Scene(700).world[:180, :320], 0, 255), np.arange(180)[:, None, None], np.arange(320)[None, :, None]
    lamp = 0.06 + 0.7 * np.exp(-((rows - 50) ** 2 + (columns - 240) ** 2) / 60 ** 2)
    path = tmp_path / "slow.mkv"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"crf": "12", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt, stream.time_base = 320, 180, "yuv420p", Fraction(1, 1000)
        for i in range(60):
            frame = av.VideoFrame.from_ndarray((picture * (lamp if i else 1.0)).astype(np.uint8), format="rgb24")
            frame.pts, frame.time_base = 40 * i + 5000 * (i > 0), Fraction(1, 1000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    assert measure_file(str(path), "video", Measure().model_dump())["frames"] == 60


@pytest.mark.parametrize(("place", "hours"), [("sea", ("sunset", "night")), ("forest", ("day", "night"))])
def test_the_same_drawn_place_at_another_hour_is_another_shot(place: str, hours: tuple[str, str]) -> None:
    parts = []
    for hour, camera in zip(hours, ("right", "left"), strict=True):
        (scene,) = (s for s in world.scenes() if (s.place, s.time, s.weather, s.camera) == (place, hour, "clear", camera))
        parts += [shown(cv2.resize(frame, (WIDTH, 180), interpolation=cv2.INTER_CUBIC).astype(np.float32))
                  for frame in world.render(scene, width=160, height=90, frames=30, seed=3)]
    found, _ = found_in(parts)
    assert [(t.kind, t.first) for t in found] == [("cut", 30)]


@pytest.mark.parametrize("seed", [730, 731, 733, 734])
def test_a_light_that_is_out_for_a_while_over_hardly_any_detail_makes_no_cut(seed: int) -> None:
    soft, random = cv2.GaussianBlur(Scene(seed).world, (0, 0), 10), np.random.default_rng(seed)
    lamp = 0.5 * np.exp(-((np.arange(180)[:, None, None] - 50) ** 2 + (np.arange(320)[None, :, None] - 200) ** 2) / 90 ** 2)
    frames = [shown((soft[90:270, 100 + i // 4:420 + i // 4] + random.normal(0, 2, (180, 320, 3))) * (0.1 + lamp if 40 <= i < 80 else 1.0))
              for i in range(120)]
    found, _ = found_in(frames)
    assert found == []


@pytest.mark.parametrize("seed", range(710, 713))
def test_a_flash_that_goes_out_slowly_behind_a_whip_pan_is_no_fade(seed: int) -> None:
    one, other, frames = Scene(seed), Scene(seed + 50), []
    for i in range(100):
        light = np.exp(-(i - 43) / 10) if i >= 43 else 0.0
        sides = np.concatenate([one.at(i / FPS), other.at(i / FPS)], axis=1)
        x = int(WIDTH * np.clip((i - 39) / 3, 0, 1))
        frames.append(shown(cv2.blur(sides, (60 if 0 < x < WIDTH else 1, 1))[:, x:x + WIDTH] * (1 - light) + 255 * light))
    found, _ = found_in(frames)
    assert found == []


@pytest.mark.parametrize("seed", [721, 731])
def test_a_whip_pan_of_a_short_and_a_long_step_is_no_cut(seed: int) -> None:
    world = panorama(seed)
    found, _ = found_in([shown(taken(world, 250 + 100 * (i >= 40) + 480 * (i >= 41), 180)) for i in range(80)])
    assert found == []


@pytest.mark.parametrize("way", [1, -1], ids=["out of", "into"])
@pytest.mark.parametrize("seed", [706, 707])
def test_a_cut_beside_a_camera_that_moves_fast_all_along_is_found(seed: int, way: int) -> None:
    world, other = panorama(seed), shown(taken(Scene(seed + 40).world, 260, 180))
    frames = [shown(taken(world, 200 + 25 * i, 180)) for i in range(40)] + [other] * 40
    found, _ = found_in(frames[::way])
    assert [(t.kind, t.first) for t in found] == [("cut", 40)]


def test_what_moves_beyond_a_change_is_no_part_of_it() -> None:
    assert cuts.whole(3, np.array([0.0, 12.0, 14.0, 36.0, 1.0, 1.0])) == (2, 3)
    assert cuts.whole(3, np.array([0.0, 1.0, 14.0, 36.0, 1.0, 1.0])) == (1, 3)


@pytest.mark.parametrize(("pace_px", "seed"), [(6, 742), (9, 751), (9, 753), (12, 749)])
def test_a_dissolve_is_found_whose_shots_are_both_panned_fast(pace_px: int, seed: int) -> None:
    one, other, frames = panorama(seed), panorama(seed + 30), []
    for i in range(80):
        share = np.clip((i - 30) / 20, 0, 1)
        frames.append(shown((1 - share) * taken(one, 250 + pace_px * i, 180) + share * taken(other, 1500 - pace_px * i, 180)))
    found, times = found_in(frames)
    assert [t.kind for t in found] == ["dissolve"]
    assert abs((times[found[0].first] + times[found[0].after]) / 2 - 40 / FPS) <= 0.5


def head(seed: int) -> np.ndarray:
    """Somebody before a bare wall, twice as wide and high as a picture."""
    world = np.full((360, 640, 3), (200.0, 190.0, 180.0), np.float32)
    mask = np.zeros((360, 640), np.uint8)
    cv2.ellipse(mask, (320, 150), (55, 70), 0, 0, 360, 1, -1)
    cv2.ellipse(mask, (320, 360), (120, 130), 0, 0, 360, 1, -1)
    return np.where(mask[..., None] > 0, Scene(seed).world, world)


@pytest.mark.parametrize(("seed", "zoom"), [(761, 1.45), (762, 1.6)])
def test_a_punch_in_on_a_head_before_a_bare_wall_is_a_cut(seed: int, zoom: float) -> None:
    sway = 1.5 * np.sin(np.arange(120) / 9)
    frames = [shown(taken(head(seed), 320 + sway[i], 180, zoom=zoom if 40 <= i < 80 else 1.0)) for i in range(120)]
    found, _ = found_in(frames)
    assert [(t.kind, t.first) for t in found] == [("cut", 40), ("cut", 80)]


@pytest.mark.parametrize("seed", range(764, 767))
def test_a_punch_in_where_a_tripod_hardly_moves_is_a_cut(seed: int) -> None:
    """The picture stands for a moment before each, and moves again after it: not far enough for a zoom."""
    world, steps = Scene(seed).world, np.r_[np.full(34, 0.6), np.zeros(6), np.full(34, 0.6), np.zeros(6), np.full(40, 0.6)]
    frames = [shown(taken(world, x, 180, zoom=1.45 if 40 <= i < 80 else 1.0)) for i, x in enumerate(300 + np.cumsum(steps))]
    found, _ = found_in(frames)
    assert [(t.kind, t.first) for t in found] == [("cut", 40), ("cut", 80)]


@pytest.mark.parametrize("seed", range(770, 773))
def test_a_zoom_of_two_frames_and_frames_lost_while_the_camera_zooms_make_no_cut(seed: int) -> None:
    world = Scene(seed).world
    at_once = [1.0 if i < 40 else 1.25 if i == 40 else 1.6 for i in range(80)]
    lost = [1.02 ** (38 if 38 <= i < 46 else i) for i in range(70)]
    for zooms in (at_once, lost):
        found, _ = found_in([shown(taken(world, 320, 180, zoom=zoom)) for zoom in zooms])
        assert found == []

"""The sample world draws what it is told to, always the same, and its attributes can be read back from pixels."""

import random
from collections import Counter

import numpy as np
import pytest

from jobs.train import reading, words, world
from jobs.train.world import Scene

PLACE = Scene(place="lake", time="dawn", weather="clear", camera="right")
OBJECT = Scene(shape="star", colour="pink", direction="up", background="navy")


def test_the_grid_is_complete_and_has_no_twins() -> None:
    grid = world.scenes()
    assert len(grid) == len(set(grid)) == len({scene.name for scene in grid})
    assert sum(bool(s.place) for s in grid) == len(world.PLACES) * len(world.TIMES) * len(world.WEATHERS) * len(world.CAMERAS)
    assert sum(bool(s.shape) for s in grid) == len(world.SHAPES) * len(world.COLOURS) * 4 * len(world.BACKGROUNDS)


@pytest.mark.parametrize("scene", [PLACE, OBJECT], ids=lambda s: s.name)
@pytest.mark.parametrize(("width", "height"), [(64, 64), (160, 90), (90, 160)])
def test_the_same_words_paint_the_same_bytes(scene: Scene, width: int, height: int) -> None:
    one, two = (world.render(scene, width=width, height=height, frames=3, seed=5) for _ in range(2))
    assert one.shape == (3, height, width, 3)
    assert one.dtype == np.uint8
    assert np.array_equal(one, two)
    assert not np.array_equal(one, world.render(scene, width=width, height=height, frames=3, seed=6))
    assert not np.array_equal(one[0], one[-1]), "nothing moves"


def share_read_right(scenes: list[Scene], *, width: int, height: int, frames: int) -> dict[str, float]:
    right, asked = Counter[str](), Counter[str]()
    for seed, scene in enumerate(scenes):
        read = reading.measure(world.render(scene, width=width, height=height, frames=frames, seed=40_000 + seed))
        for key, value in scene.attributes.items():
            right[key] += read.get(key) == value
            asked[key] += 1
    return {key: right[key] / asked[key] for key in asked}


def drawn(count: int, seed: int) -> list[Scene]:
    rng, grid = random.Random(seed), world.scenes()
    places, objects = [s for s in grid if s.place], [s for s in grid if s.shape]
    return [rng.choice(places if i % 2 else objects) for i in range(count)]


@pytest.mark.parametrize(("width", "height", "count"), [(64, 64, 120), (320, 180, 24)])
def test_measuring_a_painted_clip_reads_what_was_painted(width: int, height: int, count: int) -> None:
    shares = share_read_right(drawn(count, seed=width), width=width, height=height, frames=16)
    assert set(shares) == {"place", "time", "weather", "camera", "shape", "colour", "direction", "background"}
    assert min(shares.values()) >= 0.98, shares


def test_measuring_does_not_invent() -> None:
    still = np.repeat(world.render(OBJECT, width=64, height=64, frames=1, seed=1), 16, axis=0)
    assert "direction" not in reading.measure(still)
    empty = np.full((16, 64, 64, 3), 18, np.uint8)
    assert set(reading.measure(empty)) == {"background"}


def test_every_shape_covers_the_same_area() -> None:
    def area(shape: str) -> float:
        scene = Scene(shape=shape, colour="white", direction="left", background="black")
        frame = world.render(scene, width=256, height=256, frames=1, seed=0)[0]
        return float((frame.max(2) > 100).mean())

    areas = [area(shape) for shape in world.SHAPES]
    assert max(areas) / min(areas) < 1.15, dict(zip(world.SHAPES, areas, strict=True))


def test_the_brush_names_no_attribute_the_words_do_not_know() -> None:
    for scene in world.scenes():
        for lang in words.LANGUAGES:
            assert all(value in words.WORDS[lang][key] for key, value in scene.attributes.items())


def test_beside_the_grid_lights_and_colours_are_none_that_have_a_name() -> None:
    forest = Scene(place="forest", weather="clear", camera="in")
    clips = [world.render(forest, width=64, height=36, frames=1, seed=k)[0].astype(float) for k in range(6)]
    tones = np.stack([clip.mean((0, 1)) / clip.mean() for clip in clips])
    assert np.ptp(tones, axis=0).max() > 0.3, "each seed has a light of its own"
    heart = Scene(shape="heart", direction="up", background="black")
    for seed in range(20):
        paint = np.median(world.render(heart, width=64, height=64, frames=1, seed=seed)[0][28:36, 28:36], (0, 1))
        assert np.linalg.norm(np.array([*world.COLOURS.values()]) - paint, axis=1).min() > 25

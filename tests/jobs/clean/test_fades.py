"""Fades beside what is blank for long, and beside what only looks blank on a coarse grid."""

import numpy as np
import pytest

from tests.jobs.clean.test_scenes import shown
from tests.jobs.clean.test_shots import FPS, HEIGHT, WIDTH, Scene, found_in

FADE = np.arange(1, 10) / 10


def centres(frames: list[np.ndarray]) -> list[tuple[str, float]]:
    """Kinds of what is found, and the middle of each, frames."""
    found, _ = found_in(frames)
    return [(t.kind, (t.first + t.after) / 2) for t in found]


@pytest.mark.parametrize("ground", [0, 255], ids=["black", "white"])
@pytest.mark.parametrize("seed", range(760, 763))
def test_out_of_and_into_a_long_blank_run_lead_two_fades(seed: int, ground: int) -> None:
    one, other = Scene(seed), Scene(seed + 30)
    frames = [shown(one.at(i / FPS)) for i in range(40)]
    frames += [shown(one.at((40 + i) / FPS) * (1 - share) + ground * share) for i, share in enumerate(FADE)]
    begun = len(frames)
    frames += [np.full((HEIGHT, WIDTH, 3), ground, np.uint8)] * (3 * FPS)
    ended = len(frames)
    frames += [shown(other.at(i / FPS) * share + ground * (1 - share)) for i, share in enumerate(FADE)]
    frames += [shown(other.at((9 + i) / FPS)) for i in range(40)]
    found = centres(frames)
    assert [kind for kind, _ in found] == ["fade", "fade"]
    assert [at for _, at in found] == pytest.approx([begun - 5, ended + 5], abs=4)


def colours(seed: int, t: float) -> np.ndarray:
    """Waves of colour that are everywhere of one luma, as BT.601 has it."""
    random, (rows, columns) = np.random.default_rng(seed), np.mgrid[:HEIGHT, :WIDTH]
    red, blue = (70 * np.sin((rows * y + columns * x) / 40 + phase + 6 * t) for y, x, phase in random.uniform(0.3, 1.5, (2, 3)))
    return 128 + np.stack([red, -(0.299 * red + 0.114 * blue) / 0.587, blue], axis=-1)


@pytest.mark.parametrize("seed", [770, 771, 772, 774, 775])
def test_a_scene_whose_colours_alone_differ_is_not_blank(seed: int) -> None:
    one, other = Scene(seed), Scene(seed + 30)
    frames = [shown(one.at(i / FPS) * min((49 - i) / 10, 1)) for i in range(49)]
    begun = len(frames)
    frames += [shown(colours(seed, i / FPS) * min((i + 1) / 10, (50 - i) / 10, 1)) for i in range(50)]
    ended = len(frames)
    frames += [shown(other.at(i / FPS) * min((i + 1) / 10, 1)) for i in range(50)]
    found = centres(frames)
    assert [kind for kind, _ in found] == ["fade", "fade"]
    assert [at for _, at in found] == pytest.approx([begun, ended], abs=4)


def dip(one: Scene, other: Scene) -> tuple[list[np.ndarray], int, int]:
    """A white that comes at once and goes slowly, as that of a flash and of an editor's `fadewhite` do, the first frame of it and the first without."""
    frames = [shown(one.at(i / FPS)) for i in range(50)]
    frames += [np.full((HEIGHT, WIDTH, 3), 255, np.uint8)] * 2
    frames += [shown(other.at((52 + i) / FPS) * share + 255 * (1 - share)) for i, share in enumerate(FADE)]
    ended = len(frames)
    return frames + [shown(other.at((ended + i) / FPS)) for i in range(50)], 50, ended


@pytest.mark.parametrize("seed", range(780, 784))
def test_white_that_comes_at_once_is_a_fade_between_two_scenes_and_a_flash_within_one(seed: int) -> None:
    frames, begun, ended = dip(Scene(seed), Scene(seed + 30))
    assert centres(frames) == [("fade", pytest.approx((begun + ended) / 2, abs=3))]
    assert centres(dip(Scene(seed), Scene(seed))[0]) == []


@pytest.mark.parametrize("seed", [790, 791, 793, 794])
def test_a_dissolve_soon_after_a_fade_is_found(seed: int) -> None:
    one, between, other = Scene(seed), Scene(seed + 30), Scene(seed + 60)
    frames = [shown(one.at(i / FPS)) for i in range(40)]
    frames += [shown(one.at((40 + i) / FPS) * (1 - share)) for i, share in enumerate(FADE)]
    frames += [shown(between.at(i / FPS) * share) for i, share in enumerate(FADE)]
    frames += [shown(between.at((9 + i) / FPS)) for i in range(6)]
    frames += [shown(between.at((15 + i) / FPS) * (1 - share) + other.at(i / FPS) * share) for i, share in enumerate(np.arange(1, 15) / 15)]
    frames += [shown(other.at((15 + i) / FPS)) for i in range(50)]
    assert [kind for kind, _ in centres(frames)] == ["fade", "dissolve"]

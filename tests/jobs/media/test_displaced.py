"""What is left of a change when the picture is moved."""

import av
import cv2
import numpy as np
import pytest

from jobs.media.displaced import MOVES, REACH_H, REACH_W
from jobs.media.planes import Grid
from jobs.media.signals import GRID_H, GRID_W, SIGNALS, THUMB

CELL_PX = 10
WIDE, HIGH = 96, 72


def field(seed: int) -> np.ndarray:
    """A world of soft shapes, [rows, columns] of cells, wider than what is seen of it."""
    random = np.random.default_rng(seed)
    return cv2.resize(random.uniform(30, 220, (HIGH // 6, WIDE // 6)).astype(np.float32), (WIDE, HIGH), interpolation=cv2.INTER_CUBIC).clip(0, 255).round()


def seen(world: np.ndarray, x: int, y: int) -> np.ndarray:
    """The part of a world that fills the grid, from cell (x, y) on."""
    return world[y:y + GRID_H, x:x + GRID_W]


def signals(*pictures: np.ndarray) -> dict[str, float]:
    """Those of the last of these cells, each as CELL_PX x CELL_PX points."""
    grid, row, thumb = Grid(), np.zeros(len(SIGNALS), np.float32), np.zeros(THUMB, np.uint8)
    for cells in pictures:
        points = cells.astype(np.uint8).repeat(CELL_PX, 0).repeat(CELL_PX, 1)
        grid.reduce(av.VideoFrame.from_ndarray(points, format="gray"), row, thumb)
    return dict(zip(SIGNALS, row.tolist(), strict=True))


def content(row: dict[str, float]) -> float:
    return (row["dy"] + 2 * row["du"] + 2 * row["dv"]) / 3


@pytest.mark.parametrize("move", [(4, 0), (0, -4), (8, 4), (-9, 3), (11, -7), (-12, 8)], ids=str)
@pytest.mark.parametrize("seed", range(5))
def test_a_move_leaves_only_what_comes_into_the_picture(seed: int, move: tuple[int, int]) -> None:
    world = field(seed)
    row = signals(seen(world, 30, 24), seen(world, 30 - move[0], 24 - move[1]))
    uncovered = 1 - (GRID_W - abs(move[0])) * (GRID_H - abs(move[1])) / (GRID_W * GRID_H)
    assert row["moved"] == pytest.approx(np.hypot(*move))
    assert row["displaced"] == pytest.approx(content(row) * uncovered, abs=0.01)


@pytest.mark.parametrize("seed", range(5))
def test_no_move_explains_another_picture(seed: int) -> None:
    row = signals(seen(field(seed), 30, 24), seen(field(seed + 100), 30, 24))
    assert 0.7 * content(row) < row["displaced"] <= content(row)


def test_what_hardly_changes_has_not_moved() -> None:
    world = field(1)
    row = signals(seen(world, 30, 24), 0.5 * seen(world, 30, 24) + 0.5 * seen(world, 31, 24))
    assert 0 < content(row) < MOVES
    assert (row["displaced"], row["moved"]) == (pytest.approx(content(row)), 0.0)


def test_a_move_beyond_reach_is_no_move_that_explains() -> None:
    world, beyond = field(3), 4 * REACH_W + 8
    row = signals(seen(world, 30, 24), seen(world, 30 + beyond, 24))
    assert row["displaced"] > 0.5 * content(row)
    assert row["moved"] <= np.hypot(4 * REACH_W + 3, 4 * REACH_H + 3)


def test_the_first_frame_has_nothing_to_be_moved_over() -> None:
    row = signals(seen(field(4), 30, 24))
    assert (row["displaced"], row["moved"]) == (0.0, 0.0)

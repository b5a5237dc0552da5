"""Sketches of frames: halves of the grid, on their own beat, as a player shows them."""

import numpy as np
import pytest

from jobs.clean.measure import measure_file
from jobs.clean.measures import Span, sketch, upright
from jobs.media.encode import encode_video
from jobs.media.planes import SKETCH, Grid
from jobs.media.signals import CELLS, CHROMA_CELLS, CHROMA_H, CHROMA_W, GRID_H, GRID_W
from schemas.settings import Measure


def test_a_sketch_is_the_grid_at_half_the_size():
    rng = np.random.default_rng(1)
    grid = Grid()
    grid.cells[grid.now] = rng.integers(0, 256, CELLS + 2 * CHROMA_CELLS, np.uint8)
    found = np.zeros(SKETCH, np.uint8)
    grid.sketch(found)
    luma, *chroma = np.split(grid.cells[grid.now].astype(float), [CELLS, CELLS + CHROMA_CELLS])
    planes = [(luma, GRID_H, GRID_W), *((c, CHROMA_H, CHROMA_W) for c in chroma)]
    wanted = np.concatenate([p.reshape(h // 2, 2, w // 2, 2).mean(axis=(1, 3)).ravel() for p, h, w in planes])
    assert np.abs(found - wanted).max() <= 0.5


@pytest.mark.parametrize(("rotation", "mirrored"), [(0, True), (90, False), (180, False), (270, True)])
def test_sketches_are_turned_as_a_player_turns_the_film(rotation, mirrored):
    y, x = np.mgrid[:sketch.ROWS, :sketch.COLUMNS]
    ramp = 3 * y + 5 * x  # a plane stays one however it is turned and stretched
    small = [40 + 2 * y[::2, ::2] + 3 * x[::2, ::2], 90 - y[::2, ::2]]
    drawn = np.concatenate([ramp.ravel(), *(c.ravel() for c in small)])[None].astype(np.uint8)
    facts = {"rotation_deg": rotation, "mirrored": mirrored}
    span = Span(0, 1, np.zeros(0), {}, np.zeros(0), {}, {}, {}, False, facts, np.array([0.5]), drawn)
    made = sketch.reduce(span)
    found = np.frombuffer(made["sketches"], np.uint8)
    assert made["sketch_times_s"] == [0.5]
    shown = upright(ramp, rotation, mirrored)
    luma = found[:ramp.size].reshape(ramp.shape).astype(int)
    for there, here in (((0, 0), (0, 0)), ((0, -1), (0, -1)), ((-1, 0), (-1, 0)), ((-1, -1), (-1, -1))):
        assert luma[here] == pytest.approx(shown[there], abs=4)
    assert found.size == SKETCH


def test_a_picture_has_no_sketches():
    assert sketch.reduce(Span(0, 0, np.zeros(1), {}, np.zeros(0), {}, {}, {}, False, {})) == {"sketches": None, "sketch_times_s": None}


def test_the_pass_sketches_eight_times_a_second_whatever_is_sampled(tmp_path):
    frames = [np.full((96, 128, 3), 20 + 3 * i, np.uint8) for i in range(50)]
    path = tmp_path / "ramp.mp4"
    path.write_bytes(encode_video(frames, 25))
    (clip,) = measure_file(str(path), "video", Measure().model_dump())["clips"]
    cells = np.frombuffer(clip["sketches"], np.uint8).reshape(-1, SKETCH)
    assert clip["sketch_times_s"] == [pytest.approx(np.ceil(i / 8 * 25 - 1e-6) / 25, abs=1e-3) for i in range(16)]
    wanted = [20 + 3 * round(t * 25) for t in clip["sketch_times_s"]]
    assert np.abs(cells[:, :sketch.ROWS * sketch.COLUMNS].mean(axis=1) - wanted).max() < 3

"""How the camera moves: on films whose camera is known by construction, measured as any video is."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from skimage import data as pictures

from jobs.clean.found import Measured
from jobs.clean.measure import measure_file
from jobs.clean.measures import Span, motion
from jobs.label.labeler import Batch, labelers
from jobs.media.encode import encode_video
from jobs.train import world
from schemas.settings import Measure

FPS = 25
GROUND = cv2.resize(pictures.coffee(), (960, 640), interpolation=cv2.INTER_AREA)


def labelled(frames: Any, folder: Path) -> dict[str, str | None]:
    """Key -> text of a film made of frames."""
    path = folder / "film.mp4"
    path.write_bytes(encode_video(frames, FPS, 18, None))
    clips = Measured(**measure_file(str(path), "video", Measure().model_dump())).clips
    assert len(clips) == 1
    labeler = labelers()["motion_class"]
    return {f.key: f.text for f in labeler.label(None, Batch([{"clip_id": "a", "modality": "video", **clips[0]}]))}


def filmed(right: float = 0.0, down: float = 0.0, growth: float = 0.0, seconds: float = 2.0) -> list[np.ndarray]:
    """A still picture as a camera sees it that moves so many pixels a second, and comes nearer by a share of the distance a second."""
    out = []
    for i in range(int(seconds * FPS)):
        t = i / FPS - seconds / 2
        zoom = np.exp(growth * t)
        x, y = 480 + right * t, 320 + down * t
        move = np.array([[zoom, 0, 240 - zoom * x], [0, zoom, 135 - zoom * y]])
        out.append(cv2.warpAffine(GROUND, move, (480, 270), flags=cv2.INTER_LINEAR))
    return out


@pytest.mark.parametrize(
    ("camera", "expected"),
    [
        ({"right": -60}, "pan left"),
        ({"right": 60}, "pan right"),
        ({"right": 8}, "pan right"),
        ({"down": -60}, "pan up"),
        ({"down": 60, "right": 15}, "pan down"),
        ({"growth": 0.3}, "zoom in"),
        ({"growth": -0.3}, "zoom out"),
        ({"growth": 0.3, "right": 8}, "zoom in"),
    ],
    ids=lambda v: " ".join(f"{k}={n}" for k, n in v.items()) if isinstance(v, dict) else None,
)
def test_the_way_of_the_camera_is_named(camera: dict[str, float], expected: str, tmp_path: Path) -> None:
    found = labelled(filmed(**camera), tmp_path)
    assert found["camera"] == expected
    assert found["source"] == "camera"


def test_a_camera_that_shakes_goes_nowhere(tmp_path: Path) -> None:
    steps = np.random.default_rng(4).normal(0, 5, (50, 2)).cumsum(axis=0)
    steps -= np.linspace(steps[0], steps[-1], len(steps))  # it ends where it began
    frames = [cv2.warpAffine(GROUND, np.array([[1, 0, -240 - x], [0, 1, -185 - y]]), (480, 270)) for x, y in steps]
    found = labelled(frames, tmp_path)
    assert (found["camera"], found["source"]) == ("unsteady", "camera")


@pytest.mark.parametrize("size", [40, 70])
def test_an_object_that_crosses_a_still_picture_is_no_camera(size: int, tmp_path: Path) -> None:
    frames = []
    for i in range(50):
        frame = GROUND[100:370, 200:680].copy()
        thing = cv2.resize(pictures.astronaut()[100:300, 150:350], (2 * size, 2 * size))
        x = 10 + 6 * i
        frame[135 - size : 135 + size, x : x + 2 * size] = thing[:, : max(0, 480 - x)]
        frames.append(frame)
    found = labelled(frames, tmp_path)
    assert (found["camera"], found["source"]) == ("still", "object")


def test_a_still_in_a_light_that_breathes_or_under_grain_does_not_move(tmp_path: Path) -> None:
    still, noise = GROUND[180:450, 240:720].astype(np.float32), np.random.default_rng(3)
    breathes = [np.clip(still * (1 + 0.12 * np.sin(np.pi * i / FPS)), 0, 255).astype(np.uint8) for i in range(75)]
    grain = [np.clip(still + noise.normal(0, 5, still.shape), 0, 255).astype(np.uint8) for _ in range(75)]
    thing = np.full((24, 24, 3), (40, 200, 90), np.uint8)
    crossed = [frame.copy() for frame in grain]
    for i, frame in enumerate(crossed):
        frame[120:144, 40 + 5 * i : 64 + 5 * i] = thing
    assert [labelled(frames, tmp_path)["class"] for frames in (breathes, grain)] == ["still", "still"]
    assert labelled(crossed, tmp_path)["class"] == "subtle"


@pytest.mark.parametrize(("camera", "expected"), [("left", "pan left"), ("right", "pan right"), ("in", "zoom in")])
@pytest.mark.parametrize("place", ["mountains", "city", "forest"])
def test_the_camera_of_a_painted_film_is_named_where_its_land_has_texture(place: str, camera: str, expected: str, tmp_path: Path) -> None:
    scene = world.Scene(place=place, time="day", weather="clear", camera=camera)
    assert labelled(world.render(scene, width=480, height=270, frames=75, seed=5), tmp_path)["camera"] == expected


def test_ways_are_those_of_the_picture_as_it_is_shown() -> None:
    rows = np.array([[0.3, 0.3, 0.0, 0.25, 0.0, 0.0]])
    ways = {}
    for turned, mirrored in ((0, False), (90, False), (180, False), (270, False), (0, True), (90, True)):
        none = np.zeros(0)
        span = Span(0.0, 1.0, none, {}, none, {}, {"motion": rows}, {}, False, {"rotation_deg": turned, "mirrored": mirrored})
        found = motion.reduce(span)
        ways[turned, mirrored] = (round(found["pan_x"], 6), round(found["pan_y"], 6))
    assert ways == {
        (0, False): (0.25, 0), (90, False): (0, 0.25), (180, False): (-0.25, 0), (270, False): (0, -0.25), (0, True): (-0.25, 0), (90, True): (0, -0.25),
    }, "first mirrored, then turned clockwise; y downwards"

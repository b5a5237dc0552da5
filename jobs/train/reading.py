"""Reads the attributes of a clip of the sample world back from its pixels, so that whatever a model draws is scored without another model."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from functools import cache

import numpy as np
from numpy.typing import NDArray

from jobs.train.canvas import Array, View
from jobs.train.objects import ground_light, outline, radius_of
from jobs.train.scene import BACKGROUNDS, CAMERAS, COLOURS, PLACES, SHAPES, TIMES, WEATHERS, Rgb, Scene
from jobs.train.world import Frames, render

SIDE_PX = 64
"""Clips are measured at this size, on their central square."""
OBJECT_AREA_MIN, MOVE_MIN, SHAPE_IOU_MIN = 0.02, 0.09, 0.6
"""Below these, shares of the square: no object, no movement, no shape worth a name."""


def measure(frames: Frames) -> dict[str, str]:
    """Attributes of a clip [frames, height, width, 3], from pixels alone; what cannot be told is missing.

    A clip is read as whichever of the two it lies nearer to: a plain ground under its light, or the nearest look of a place.
    """
    clip = _square_clip(frames)
    profile, background = _middle_profile(clip), _plain_ground(clip)
    _, references = _references()
    from_place = float(np.sqrt(((references - profile) ** 2).mean(1).min()))
    if background[1] < GROUND_SHARE * from_place:
        return _measure_object(clip, background[0])
    return _measure_place(clip, profile)


GROUND_SHARE = 1.6
"""Between the distances of painted and drawn objects (at most 1.13 times that of a place) and of places (at least 2.3 times)."""


@cache
def _border() -> NDArray[np.bool_]:
    border = np.ones((SIDE_PX, SIDE_PX), bool)
    border[2:-2, 2:-2] = False
    return border


def _plain_ground(clip: Array) -> tuple[str, float]:
    """The background whose lit ground is nearest to the border of the clip, and how far off that is, in levels of 255."""
    ring = np.median(clip[:, _border()], 0)
    line = (np.arange(SIDE_PX, dtype=np.float32) + 0.5) / SIDE_PX
    lit = ground_light(line[None] - 0.5, line[:, None])[_border()][:, None]
    away = {name: float(np.sqrt(((ring - np.asarray(rgb) * lit) ** 2).mean())) for name, rgb in BACKGROUNDS.items()}
    name = min(away, key=lambda n: away[n])
    return name, away[name]


def _square_clip(frames: Frames) -> Array:
    """The central square at SIDE_PX, float in 0..255."""
    height, width = frames.shape[1:3]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = frames[:, top : top + side, left : left + side]
    if side == SIDE_PX:
        return square.astype(np.float32)
    from PIL import Image

    small = [np.asarray(Image.fromarray(f).resize((SIDE_PX, SIDE_PX), Image.Resampling.BOX)) for f in square]
    return np.stack(small).astype(np.float32)


def _nearest(palette: Mapping[str, Rgb], colour: Array) -> str:
    return min(palette, key=lambda name: float(np.linalg.norm(np.asarray(palette[name]) - colour)))


def _measure_object(clip: Array, background: str) -> dict[str, str]:
    found = {"background": background}
    ground = np.median(clip[:, _border()], (0, 1))
    bright = clip.max(3) - ground.max()
    away = np.linalg.norm(clip - ground, axis=3) * np.where(bright < -4, 0.0, 1.0)
    core = clip[away > 55]
    if len(core) < OBJECT_AREA_MIN * away.size:
        return found
    paint = np.median(core, 0)
    found["colour"] = _nearest(COLOURS, paint)
    mask = (away > max(34.0, float(np.linalg.norm(paint - ground)) / 2)).astype(np.float32)
    line = (np.arange(SIDE_PX, dtype=np.float32) + 0.5) / SIDE_PX
    mass = mask.sum((1, 2)) + 1e-6
    cx, cy = (mask.sum(1) * line).sum(1) / mass, (mask.sum(2) * line).sum(1) / mass
    quarter = max(1, len(clip) // 4)
    dx, dy = (float(c[-quarter:].mean() - c[:quarter].mean()) for c in (cx, cy))
    if max(abs(dx), abs(dy)) > MOVE_MIN:
        found["direction"] = ("right" if dx > 0 else "left") if abs(dx) > abs(dy) else ("down" if dy > 0 else "up")
    score = _shape_scores(mask, cx, cy)
    best = max(score, key=lambda name: score[name])
    if score[best] > SHAPE_IOU_MIN:
        found["shape"] = best
    return found


@cache
def _templates() -> Mapping[str, NDArray[np.bool_]]:
    """Every shape about the middle, in five sizes."""
    y, x = np.meshgrid((np.arange(SIDE_PX) + 0.5) / SIDE_PX, (np.arange(SIDE_PX) + 0.5) / SIDE_PX, indexing="ij")
    view = View(x.astype(np.float32), y.astype(np.float32), 1 / SIDE_PX, np.zeros(12, np.float32))
    return {s: np.stack([outline(s, view, 0.5, 0.5, radius_of(s) * k) > 0 for k in (0.86, 0.93, 1.0, 1.07, 1.14)]) for s in SHAPES}


def _shape_scores(mask: Array, cx: Array, cy: Array) -> dict[str, float]:
    """Best overlap (intersection over union) of each shape with the object, over three middle frames."""
    total = dict.fromkeys(SHAPES, 0.0)
    middle = len(mask) // 2
    picked = [i for i in (middle - len(mask) // 5, middle, middle + len(mask) // 5) if mask[i].any()]
    for i in picked:
        shifts = itertools.product((-1, 0, 1), (-1, 0, 1))
        to = (round(SIDE_PX * (0.5 - float(cy[i]))), round(SIDE_PX * (0.5 - float(cx[i]))))
        views = np.stack([np.roll(mask[i], (to[0] + a, to[1] + b), (0, 1)) > 0.5 for a, b in shifts])
        for shape, template in _templates().items():
            both = (views[:, None] & template).sum((2, 3))
            total[shape] += float((both / (views[:, None] | template).sum((2, 3))).max()) / len(picked)
    return total


def _middle_profile(clip: Array) -> Array:
    third = max(1, len(clip) // 3)
    return np.stack([_profile(frame) for frame in clip[third : max(third + 1, len(clip) - third)]]).mean(0)


def _measure_place(clip: Array, profile: Array) -> dict[str, str]:
    looks, references = _references()
    look = looks[int(np.argmin(((references - profile) ** 2).sum(1)))]
    return {"place": look[0], "time": look[1], "weather": look[2], "camera": _measure_camera(clip, look)}


def _profile(frame: Array) -> Array:
    """Mean and spread of every row, per channel: what a place looks like wherever its ridges stand."""
    return np.concatenate([frame.mean(1).ravel(), frame.std(1).ravel(), np.abs(np.diff(frame, axis=1)).mean(1).ravel() * 2])


@cache
def _references() -> tuple[tuple[tuple[str, str, str], ...], Array]:
    """Profiles of every place, hour and weather, each the mean of a few seeds that nothing else uses."""
    looks = tuple(itertools.product(PLACES, TIMES, WEATHERS))
    draw = [
        [render(Scene(*look, camera="right"), width=SIDE_PX, height=SIDE_PX, frames=1, seed=900_000 + k)[0] for k in range(4)]
        for look in looks
    ]
    return looks, np.stack([np.mean([_profile(f.astype(np.float32)) for f in row], axis=0) for row in draw])


def _measure_camera(clip: Array, look: tuple[str, str, str]) -> str:
    """The camera whose clips of this look change the land most alike, from their first frames to their last."""
    change = _change(clip)
    return max(CAMERAS, key=lambda camera: max(float((change * known).sum()) for known in _changes(look, camera)))


def _change(clip: Array) -> Array:
    """Last minus first frames of the land, blurred and scaled to length one."""
    few = max(1, len(clip) // 5)
    change = (clip[-few:].mean(0) - clip[:few].mean(0))[24:]
    for axis in (0, 1):
        change = np.mean([np.roll(change, k, axis) for k in (-1, 0, 1)], axis=0)
    change = change - change.mean((0, 1))
    return change / (np.linalg.norm(change) + 1e-6)


@cache
def _changes(look: tuple[str, str, str], camera: str) -> tuple[Array, ...]:
    scene = Scene(*look, camera=camera)
    return tuple(_change(render(scene, width=SIDE_PX, height=SIDE_PX, frames=5, seed=910_000 + k).astype(np.float32)) for k in range(3))

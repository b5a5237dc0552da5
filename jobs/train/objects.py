"""Objects of the sample world: six outlines of one size, painted on a plain ground."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np

from jobs.train.canvas import Array, View, mix, smooth
from jobs.train.scene import BACKGROUNDS, DIRECTIONS, Rgb, Scene

SHAPE_AREA = 0.12
"""Share of the central square that every shape covers, so that size never tells the shape."""


def _circle(x: Array, y: Array) -> Array:
    return 1 - np.hypot(x, y)


def _square(x: Array, y: Array) -> Array:
    dx, dy = np.abs(x) - 0.86, np.abs(y) - 0.86
    return 0.14 - np.hypot(np.maximum(dx, 0), np.maximum(dy, 0)) - np.minimum(np.maximum(dx, dy), 0)


def _triangle(x: Array, y: Array) -> Array:
    return 0.5 - np.maximum(np.abs(x) * 0.866 - y * 0.5, y)


def _star(x: Array, y: Array) -> Array:
    """Five straight-sided points: the plane is folded into one tenth, where the outline is a single line."""
    turn = np.pi / 5
    angle = np.arctan2(x, -y)
    angle = np.abs((angle + turn) % (2 * turn) - turn)
    radius = np.hypot(x, y)
    px, py = radius * np.sin(angle), radius * np.cos(angle)
    inner = 0.44
    ex, ey = inner * np.sin(turn), inner * np.cos(turn) - 1
    return ((1 - py) * ex + px * ey) / np.hypot(ex, ey)


def _heart(x: Array, y: Array) -> Array:
    x, y = np.abs(x), 0.62 - y
    lobe = np.hypot(x - 0.25, y - 0.75) - 0.353553
    point = np.minimum(np.hypot(x, y - 1), np.hypot(x - 0.5 * np.maximum(x + y, 0), y - 0.5 * np.maximum(x + y, 0)))
    return np.where(x + y > 1, -lobe, -point * np.sign(x - y))


def _ring(x: Array, y: Array) -> Array:
    return 0.25 - np.abs(np.hypot(x, y) - 0.75)


_OUTLINES: Mapping[str, Callable[[Array, Array], Array]] = {
    "circle": _circle,
    "square": _square,
    "triangle": _triangle,
    "star": _star,
    "heart": _heart,
    "ring": _ring,
}


@cache
def radius_of(shape: str) -> float:
    """Scale at which a shape covers SHAPE_AREA of the square; also where its centre of mass lies is of no concern here."""
    grid = np.linspace(-2, 2, 801, dtype=np.float32)
    x, y = np.meshgrid(grid, grid)
    area = float((_OUTLINES[shape](x, y) > 0).mean()) * 16
    return float(np.sqrt(SHAPE_AREA / area))


@cache
def _centre(shape: str) -> float:
    """Height of a shape's centre of mass, so that every shape travels the same line."""
    grid = np.linspace(-2, 2, 801, dtype=np.float32)
    x, y = np.meshgrid(grid, grid)
    return float(y[_OUTLINES[shape](x, y) > 0].mean())


def outline(shape: str, view: View, cx: float, cy: float, radius: float) -> Array:
    return _OUTLINES[shape]((view.x - cx) / radius, (view.y - cy) / radius + _centre(shape)) * radius


def ground_light(x: Array, y: Array) -> Array:
    """A soft pool of light on the plain ground, a little above the middle."""
    return 1.16 - 0.42 * np.clip(np.hypot(x, y - 0.42), 0, 1)


def paint_object(scene: Scene, view: View, when: float, colour: Rgb) -> Array:
    along, off = 0.43 + 0.02 * view.jitter[0], 0.05 * view.jitter[1]
    dx, dy = DIRECTIONS[scene.direction]
    step = (when - 0.5) * along
    cx, cy = (dx * step, 0.5 + off) if dx else (off, 0.5 + dy * step)
    radius = radius_of(scene.shape) * (1 + 0.03 * view.jitter[2])

    picture = np.asarray(BACKGROUNDS[scene.background], np.float32) * ground_light(view.x, view.y)[..., None]
    shade = smooth(-0.06, 0.03, outline(scene.shape, view, cx + 0.02, cy + 0.035, radius))
    picture = picture * (1 - 0.4 * shade[..., None])

    inside = outline(scene.shape, view, cx, cy, radius)
    light = 1.06 - 0.34 * ((view.x - cx) * 0.5 + (view.y - cy) * 0.9) / 0.4
    rim = 1 - 0.22 * (1 - smooth(0, 0.05, inside))
    gloss = 0.30 * np.exp(-((view.x - cx + 0.07) ** 2 + (view.y - cy + 0.09) ** 2) / 0.004)
    paint = np.asarray(colour, np.float32) * (light * rim)[..., None]
    return mix(picture, mix(paint, 255.0, gloss), view.edge(inside))

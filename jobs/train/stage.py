"""A place of the sample world at one moment: where its layers lie as the camera moves, and the weather before them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from jobs.train.canvas import Array, View, cast, mix, noise, smooth
from jobs.train.scene import Scene
from jobs.train.sky import Air, Sky, air_of, paint_sky


@dataclass(frozen=True)
class Ground:
    """One layer of land at one moment: x runs along it, `below` is the depth under its edge, `dist` is 1 far and 0 near."""

    view: View
    air: Air
    x: Array
    below: Array
    dist: float

    def paint(self, picture: Array, colour: Array, *, light: float = 1.0) -> Array:
        """Lay the layer over the picture: tinted by the hour, faded by the air between."""
        veil = 1 - np.exp(-self.air.thick * 1.9 * self.dist)
        lit = np.clip(colour * (self.air.tint * light), 0, 255)
        return mix(picture, mix(lit, self.air.haze, veil), self.view.edge(self.below))


_SLIDE: Mapping[str, float] = {"left": -0.36, "right": 0.36, "in": 0.0}
"""How far the camera travels in one clip, in heights of the picture at unit distance."""


class Stage:
    """A place at one moment: turns pixels into the coordinates of each layer as the camera moves."""

    def __init__(self, scene: Scene, view: View, when: float, *, sky: Sky, horizon: float, waterline: float = 9.0) -> None:
        self.scene, self.view, self.when, self.horizon = scene, view, when, horizon
        self.air = air_of(sky, scene.weather)
        self.water = view.edge(view.y - waterline)
        depth = np.clip(view.y - waterline, 0, 1)
        ripple = (noise(view.x * 0.5 + 0.02 * when, view.y * 7 - 0.25 * when) - 0.5) * (depth > 0)
        self.y = np.where(depth > 0, 2 * waterline - view.y + 0.10 * ripple * (0.15 + depth), view.y).astype(np.float32)
        self.x = view.x + 0.10 * ripple * depth
        self.depth = depth

    def near(self) -> Array:
        """Where pixels lie for what falls close to the camera: it slides and grows with the nearest land."""
        u = self.when - 0.5
        zoom = 1 + (0.36 * u if self.scene.camera == "in" else 0.0)
        return self.view.x / zoom + _SLIDE[self.scene.camera] * u

    def sky(self) -> Array:
        pan = {"left": -0.02, "right": 0.02, "in": 0.0}[self.scene.camera] * (self.when - 0.5)
        zoom = 1 + 0.06 * self.when if self.scene.camera == "in" else 1.03
        return paint_sky(self.view, self.air, self.x / zoom + pan, (self.y - self.horizon) / zoom + self.horizon, self.when, self.horizon)

    def layer(self, dist: float, edge: Callable[[Array], Array]) -> Ground:
        """The land whose edge lies at height `edge(x)`; nearer layers move more, and stand more aside when the camera does."""
        near = 1.15 - 0.85 * dist
        u = self.when - 0.5
        slide = _SLIDE[self.scene.camera] * near * u
        zoom = 1.06 + (0.36 * near * u if self.scene.camera == "in" else 0.0)
        x = (self.x / zoom + slide + 0.07 * near * float(self.view.jitter[0])).astype(np.float32)
        y = (self.y - self.horizon) / zoom + self.horizon
        return Ground(self.view, self.air, x, y - edge(x), dist)


# --- weather ---------------------------------------------------------------------------------------------------------


def _clear(stage: Stage, picture: Array) -> Array:
    return picture


def _fog(stage: Stage, picture: Array) -> Array:
    view = stage.view
    bank = noise(view.x * 0.22 + 0.1 * float(view.jitter[8]), view.y * 0.5)
    low = np.exp(-(((view.y - 0.64) / 0.26) ** 2))
    return mix(picture, stage.air.haze, np.clip(0.20 + 0.50 * low * (0.45 + 0.9 * bank), 0, 0.86))


def _rain(stage: Stage, picture: Array) -> Array:
    view, tone = stage.view, stage.air.grey
    picture = mix(picture, tone, 0.30)
    fall = np.zeros_like(view.x)
    for layer, (columns, speed) in enumerate(((42.0, 3.0), (26.0, 4.5))):
        at = (stage.near() + 0.05 * view.y) * columns
        lane = np.floor(at).astype(np.int32) % 127
        drop = (view.y * 2.0 - speed * stage.when - 3 * cast(60 + layer, 127)[lane]) % 1.0
        thin = np.hypot(0.10, 0.7 * view.pixel * columns)
        fall += 0.10 / thin * np.exp(-(((at % 1 - 0.5) / thin) ** 2)) * smooth(0.62, 0.98, drop) * (cast(70 + layer, 127)[lane] > 0.35)
    return mix(picture, np.clip(tone * 1.9 + 26, 0, 255), np.clip(0.42 * fall, 0, 0.5))


def _snow(stage: Stage, picture: Array) -> Array:
    view, tone = stage.view, stage.air.grey
    picture = mix(picture, tone, 0.26)
    flakes = np.zeros_like(view.x)
    for layer, (cells, speed, size) in enumerate(((7.0, 2.0, 0.10), (12.0, 3.0, 0.12))):
        x = stage.near() * cells + 0.15 * np.sin(6.2832 * (stage.when * 0.8 + layer * 0.3))
        y = view.y * cells - speed * stage.when
        cx, cy = np.floor(x).astype(np.int32), np.floor(y).astype(np.int32)
        pick = (cx * 59 + cy * 113 + layer * 31) % 997
        ox, oy = cast(80, 997)[pick], cast(81, 997)[pick]
        d2 = (x - cx - 0.25 - 0.5 * ox) ** 2 + (y - cy - 0.25 - 0.5 * oy) ** 2
        true = (size * (0.6 + 0.6 * ox)) ** 2
        spread = true + (0.6 * view.pixel * cells) ** 2
        flakes += true / spread * np.exp(-d2 / spread) * (cast(82, 997)[pick] < 0.55)
    return mix(picture, np.clip(tone * 1.25 + 60, 0, 255), np.clip(0.85 * flakes, 0, 0.9))


WEATHER: Mapping[str, Callable[[Stage, Array], Array]] = {"clear": _clear, "fog": _fog, "rain": _rain, "snow": _snow}

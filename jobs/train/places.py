"""Places of the sample world: mountains, sea, desert, city, forest, tundra, grassland and lake."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from jobs.train.canvas import Array, View, cast, mix, noise, smooth
from jobs.train.scene import Scene
from jobs.train.sky import Sky, stars
from jobs.train.stage import WEATHER, Stage


def _tri(x: Array) -> Array:
    return np.abs(2 * (x - np.floor(x + 0.5)))


def _peaks(x: Array) -> Array:
    """A jagged ridge in [0, 1]."""
    rough = 0.62 * _tri(x * 1.25 + 0.37) + 0.26 * _tri(x * 2.9 + 0.11) + 0.09 * _tri(x * 6.7 + 0.3) + 0.04 * _tri(x * 15.1)
    return rough / 1.01


def _hills(x: Array, wave: float, phase: float) -> Array:
    """A soft ridge in [0, 1]."""
    a, b = np.sin(6.2832 * (x * wave + phase)), np.sin(6.2832 * (x * wave * 2.3 + phase * 1.7 + 0.2))
    return 0.5 + 0.36 * a + 0.14 * b


def _pines(x: Array, per_unit: float, row: int) -> Array:
    """Height in [0, 1] of a row of firs: each a cone with steps, the tallest of three neighbours."""
    at = x * per_unit
    cell = np.floor(at)
    height = np.zeros_like(x)
    for beside in (-1, 0, 1):
        tree = (cell + beside).astype(np.int32) % 61
        grow, lean = 0.55 + 0.45 * cast(10 + row, 61)[tree], 0.3 + 0.4 * cast(20 + row, 61)[tree]
        away = np.abs(at - cell - beside - lean) / 0.85
        cone = grow * (1 - away) + 0.055 * (_tri(away * 4.5) - 0.5) * (away < 1)
        height = np.maximum(height, np.clip(cone, 0, 1))
    return height


def _rgb(*colour: float) -> Array:
    return np.asarray(colour, np.float32)


def _mountains(stage: Stage, picture: Array) -> Array:
    far = stage.layer(0.85, lambda x: 0.50 - 0.20 * _peaks(x * 0.8 + 0.55))
    picture = far.paint(picture, mix(_rgb(122, 138, 168), _rgb(206, 218, 236), smooth(0.07, 0.0, far.below)))
    main = stage.layer(0.40, lambda x: 0.64 - 0.40 * _peaks(x * 0.86 + 0.03))
    face = _tri(main.x * 0.86 * 2.9 + 0.2) + 0.5 * noise(main.x * 0.55, main.below * 0.9)
    rock = mix(_rgb(96, 104, 128), _rgb(140, 142, 156), smooth(0.4, 0.9, face))
    snow = mix(_rgb(188, 206, 236), _rgb(252, 253, 255), smooth(0.35, 0.85, face))
    line = 0.11 + 0.09 * (noise(main.x * 0.8 + 0.3, main.below * 0.2 + 0.4) - 0.5) + 0.05 * (_tri(main.x * 9.0) - 0.5)
    picture = main.paint(picture, mix(snow, rock, smooth(0.0, 0.045, main.below - line)))
    hill = stage.layer(0.10, lambda x: 0.80 - 0.10 * _hills(x, 0.7, 0.2))
    picture = hill.paint(picture, mix(_rgb(84, 120, 92), _rgb(46, 78, 66), smooth(0.0, 0.16, hill.below)))
    firs = stage.layer(0.0, lambda x: 0.93 - 0.05 * _hills(x, 0.5, 0.6) - 0.11 * _pines(x, 9.0, 0))
    return firs.paint(picture, _rgb(26, 48, 50))


def _sea(stage: Stage, picture: Array) -> Array:
    isle = stage.layer(0.70, lambda x: 0.545 - 0.085 * np.maximum(_hills(x * 0.8, 0.8, 0.62) - 0.42, 0) / 0.58)
    picture = isle.paint(picture, _rgb(92, 108, 126))
    air, when = stage.air, stage.when
    water = stage.layer(0.25, lambda x: np.full_like(x, 0.54))
    depth = np.clip(water.below / 0.46, 0, 1)
    base = mix(mix(_rgb(96, 176, 206), air.haze / np.maximum(air.tint, 0.2), 0.45), _rgb(10, 66, 122), smooth(0.0, 0.75, depth))
    near = 0.08 + depth
    swell = noise(water.x * 0.42 / near**0.5 + 0.1 * when, 1.1 * np.log(near) - 0.10 * when)
    base = base * (0.80 + 0.42 * swell)[..., None]
    picture = water.paint(picture, base)
    sx = air.sky.at[0] + 0.03 * float(stage.view.jitter[9])
    path = np.exp(-(((stage.view.x - sx) / (0.05 + 0.20 * depth)) ** 2)) * smooth(0.42, 0.70, swell) * (water.below > 0)
    picture = mix(picture, air.sky.disc, np.clip(path * (0.85 * (1 - air.veil) + 0.06), 0, 1) * (0.9 if air.sky.glow > 0.5 else 0.6))
    surf = stage.layer(0.0, lambda x: 0.90 + 0.03 * np.sin(6.2832 * (x * 0.6 + 0.2)) + 0.012 * np.sin(6.2832 * (when * 1.0)))
    foam = smooth(0.030, 0.0, np.abs(surf.below - 0.004))
    return surf.paint(
        picture, mix(mix(_rgb(176, 150, 116), _rgb(226, 202, 156), smooth(0.02, 0.09, surf.below)), _rgb(250, 252, 252), foam)
    )


def _desert(stage: Stage, picture: Array) -> Array:
    colours = (_rgb(236, 200, 150), _rgb(232, 178, 108), _rgb(214, 146, 78), _rgb(186, 112, 58))
    shades = (_rgb(206, 160, 124), _rgb(184, 122, 78), _rgb(158, 94, 56), _rgb(128, 72, 44))
    for i, (top, wave, phase, tall, dist) in enumerate(
        ((0.56, 0.8, 0.1, 0.10, 0.75), (0.67, 0.55, 0.45, 0.14, 0.42), (0.80, 0.42, 0.12, 0.16, 0.16), (0.97, 0.36, 0.62, 0.17, 0.0))
    ):
        dune = stage.layer(dist, lambda x, top=top, wave=wave, phase=phase, tall=tall: top - tall * _hills(x, wave, phase))  # type: ignore[misc]
        slope = np.cos(6.2832 * (dune.x * wave + phase + 0.10 * np.sqrt(np.clip(dune.below, 0, 1))))
        grain = (
            0.06
            * np.sin(6.2832 * (dune.below * 26 + 2.2 * noise(dune.x * 0.4, dune.below * 0.5)))
            * smooth(0.7, 0.1, np.float32(dist) + 0 * dune.x)
        )
        lit = mix(shades[i], colours[i], smooth(-0.35, 0.55, slope))
        picture = dune.paint(picture, lit * (1.08 - 0.5 * np.clip(dune.below, 0, 0.4) + grain)[..., None])
    return picture


def _towers(x: Array, per_unit: float, row: int, low: float, high: float) -> tuple[Array, Array, Array]:
    """A row of towers: height, index, and where in its tower each x lies."""
    at = x * per_unit
    cell = np.floor(at).astype(np.int32)
    grow = cast(30 + row, 37)[cell % 37]
    within = at - cell
    stand = (within > 0.04) & (within < 0.96)
    return low + (high - low) * grow * stand, cell % 37, within


def _city(stage: Stage, picture: Array) -> Array:
    rows = (
        (0.75, 8.0, 0.62, 0.12, 0.36, (132, 148, 176)),
        (0.38, 6.0, 0.66, 0.10, 0.44, (92, 106, 138)),
        (0.0, 4.6, 0.72, 0.06, 0.34, (58, 66, 92)),
    )
    for i, (dist, per_unit, foot, low, high, colour) in enumerate(rows):
        block = stage.layer(dist, lambda x, p=per_unit, r=i, f=foot, a=low, b=high: f - _towers(x, p, r, a, b)[0])  # type: ignore[misc]
        _, tower, within = _towers(block.x, per_unit, i, low, high)
        facade = mix(np.asarray(colour, np.float32) * 1.12, np.asarray(colour, np.float32) * 0.8, within)
        picture = block.paint(picture, facade * (0.9 + 0.25 * cast(40 + i, 37)[tower])[..., None])
        if i == 0:
            continue
        columns, storeys = within * 4, block.below * (34 if i == 1 else 26)
        pick = (tower * 131 + columns.astype(np.int32) * 17 + storeys.astype(np.int32) * 7) % 997
        wide, tall = stage.view.pixel * per_unit * 4, stage.view.pixel * (34 if i == 1 else 26)
        pane = np.clip((0.30 - np.abs(columns % 1 - 0.5)) / wide + 0.5, 0, 1) * np.clip(
            (0.28 - np.abs(storeys % 1 - 0.5)) / tall + 0.5, 0, 1
        )
        lit = pane * (block.below > 0.012) * (cast(50, 997)[pick] < 0.30 + 0.35 * stage.air.sky.dusk)
        glow = mix(_rgb(255, 214, 128), _rgb(255, 240, 206), cast(51, 997)[pick])
        through = np.exp(-stage.air.thick * 0.9 * dist)
        picture = mix(picture, glow, lit * (0.22 + 0.70 * stage.air.sky.dusk) * through * stage.view.edge(block.below))
    return picture


def _forest(stage: Stage, picture: Array) -> Array:
    rows = (
        (0.95, 11.0, 0.52, 0.13, (120, 152, 142)),
        (0.62, 8.5, 0.62, 0.19, (88, 130, 108)),
        (0.34, 6.5, 0.74, 0.26, (54, 102, 78)),
        (0.10, 5.0, 0.90, 0.34, (30, 74, 54)),
        (0.0, 3.6, 1.10, 0.44, (14, 44, 36)),
    )
    for i, (dist, per_unit, foot, tall, colour) in enumerate(rows):
        trees = stage.layer(dist, lambda x, p=per_unit, r=i, f=foot, t=tall: f - 0.05 * _hills(x, 0.45, 0.21 * r) - t * _pines(x, p, r))  # type: ignore[misc]
        base = np.asarray(colour, np.float32)
        picture = trees.paint(picture, mix(base * 1.18, base * 0.84, smooth(0.0, tall, trees.below)))
        mist = 0.42 * smooth(0.05, tall + 0.04, trees.below) * dist
        picture = mix(picture, stage.air.haze, mist * stage.view.edge(trees.below))
    return picture


def _tundra(stage: Stage, picture: Array) -> Array:
    if stage.air.sky.starlit:
        band = stage.y - 0.20 - 0.07 * np.sin(6.2832 * (stage.x * 0.55 + 0.06 * stage.when)) - 0.03 * np.sin(6.2832 * (stage.x * 1.3 + 0.3))
        rays = 0.62 + 0.6 * (noise(stage.x * 0.9 + 0.02 * stage.when, 0.07 * stage.y + 0.2) - 0.2)
        curtain = smooth(0.10, -0.01, band) * smooth(-0.24, 0.02, band) * rays * (1 - 0.75 * stage.air.veil)
        picture = picture + curtain[..., None] * mix(_rgb(120, 60, 170), _rgb(50, 225, 150), smooth(-0.20, 0.02, band))
    berg = stage.layer(0.55, lambda x: 0.58 - 0.15 * np.maximum(_peaks(x * 0.7 + 0.28) - 0.25, 0))
    picture = berg.paint(picture, mix(_rgb(168, 206, 232), _rgb(236, 246, 252), smooth(0.10, 0.0, berg.below)))
    for top, wave, phase, tall, dist in (
        (0.62, 0.5, 0.30, 0.06, 0.40), (0.74, 0.42, 0.75, 0.09, 0.18), (0.92, 0.38, 0.15, 0.10, 0.0)
    ):
        drift = stage.layer(dist, lambda x, top=top, wave=wave, phase=phase, tall=tall: top - tall * _hills(x, wave, phase))  # type: ignore[misc]
        slope = np.cos(6.2832 * (drift.x * wave + phase))
        picture = drift.paint(
            picture, mix(_rgb(176, 204, 234), _rgb(248, 251, 255), smooth(-0.6, 0.7, slope) * (1 - 0.5 * np.clip(drift.below * 3, 0, 1)))
        )
    return picture


def _grassland(stage: Stage, picture: Array) -> Array:
    far = stage.layer(0.80, lambda x: 0.52 - 0.07 * _hills(x, 0.9, 0.3))
    picture = far.paint(picture, _rgb(118, 158, 150))
    for i, (top, wave, phase, tall, dist) in enumerate(
        ((0.62, 0.6, 0.05, 0.10, 0.45), (0.74, 0.46, 0.55, 0.12, 0.18), (0.92, 0.40, 0.22, 0.13, 0.0))
    ):
        hill = stage.layer(dist, lambda x, top=top, wave=wave, phase=phase, tall=tall: top - tall * _hills(x, wave, phase))  # type: ignore[misc]
        slope = np.cos(6.2832 * (hill.x * wave + phase))
        blades = 0.10 * (noise(hill.x * 1.6, hill.below * 2.2 + 0.1 * i) - 0.5)
        lit = mix(_rgb(58, 122, 48), _rgb(146, 196, 72), smooth(-0.7, 0.8, slope) * (1 - 0.55 * np.clip(hill.below * 3.0, 0, 1)))
        picture = hill.paint(picture, lit * (1 + blades)[..., None])
        if i == 2:
            dots = stars(hill.view, hill.x * 1.1, hill.below * 1.6 + 0.01, 0.0) * smooth(0.01, 0.05, hill.below)
            picture = mix(picture, np.clip(_rgb(255, 236, 150) * stage.air.tint, 0, 255), np.clip(1.4 * dots, 0, 0.9))
    return picture


def _lake(stage: Stage, picture: Array) -> Array:
    far = stage.layer(0.80, lambda x: 0.60 - 0.30 * _peaks(x * 0.72 + 0.47))
    picture = far.paint(picture, mix(_rgb(112, 132, 168), _rgb(226, 234, 246), smooth(0.06, 0.02, far.below)))
    shore = stage.layer(0.32, lambda x: 0.61 - 0.15 * _hills(x, 0.55, 0.1))
    picture = shore.paint(picture, mix(_rgb(96, 138, 106), _rgb(52, 92, 82), smooth(0.0, 0.12, shore.below)))
    firs = stage.layer(0.08, lambda x: 0.625 - 0.02 * _hills(x, 0.8, 0.4) - 0.10 * _pines(x, 12.0, 3) * smooth(0.35, 0.75, _hills(x, 0.5, 0.55))
    )
    return firs.paint(picture, _rgb(24, 52, 48))


def _water_over(stage: Stage, picture: Array) -> Array:
    """Darken and cool what a still surface mirrors, and lay a few bright lines of ripple on it."""
    air = stage.air
    mirror = picture * (0.84 - 0.35 * stage.depth)[..., None] * _rgb(0.92, 0.98, 1.03)
    line = smooth(0.60, 0.86, noise(stage.view.x * 0.35 - 0.03 * stage.when, stage.view.y * 5.5 - 0.2 * stage.when))
    mirror = mix(mirror, air.haze, 0.16 * line * (1 - 0.3 * air.veil))
    return mix(picture, mirror, stage.water)


@dataclass(frozen=True)
class Land:
    draw: Callable[[Stage, Array], Array]
    horizon: float
    waterline: float = 9.0
    """Height below which the picture mirrors what is above; 9 is never."""


_LANDS: Mapping[str, Land] = {
    "mountains": Land(_mountains, 0.56),
    "sea": Land(_sea, 0.54),
    "desert": Land(_desert, 0.54),
    "city": Land(_city, 0.62, 0.74),
    "forest": Land(_forest, 0.56),
    "tundra": Land(_tundra, 0.56),
    "grassland": Land(_grassland, 0.52),
    "lake": Land(_lake, 0.60, 0.63),
}


def paint_place(scene: Scene, view: View, when: float, sky: Sky) -> Array:
    land = _LANDS[scene.place]
    stage = Stage(scene, view, when, sky=sky, horizon=land.horizon, waterline=land.waterline)
    picture = land.draw(stage, stage.sky())
    if land.waterline < 1:
        picture = _water_over(stage, picture)
    return WEATHER[scene.weather](stage, picture)

"""Skies of the sample world: hour, weather, and what both do to the light and the air."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache

import numpy as np

from jobs.train.canvas import Array, View, cast, mix, noise, smooth
from jobs.train.scene import Rgb


@dataclass(frozen=True)
class Sky:
    """The light of an hour: three stops from zenith to horizon, sun or moon, and how it tints the ground."""

    top: Rgb
    middle: Rgb
    horizon: Rgb
    disc: Rgb
    at: tuple[float, float]
    radius: float
    glow: float
    tint: Rgb
    cloud: Rgb
    daylight: float
    """How bright an overcast sky is."""
    hue: Rgb
    """What the light does to greys."""
    dusk: float
    """How much of a city has its lamps on."""
    starlit: bool = False


SKIES: Mapping[str, Sky] = {
    "day": Sky(
        (44, 112, 204), (116, 178, 234), (208, 232, 244), (255, 250, 226), (0.24, 0.17), 0.050, 0.55, (1, 1, 1), (252, 253, 255),
        1.0, (1, 1, 1), 0.10,
    ),
    "dawn": Sky(
        (124, 156, 212), (214, 190, 214), (255, 212, 184), (255, 240, 204), (-0.25, 0.40), 0.052, 0.75, (0.88, 0.80, 0.84), (255, 226, 222),
        0.93, (1.08, 0.97, 0.97), 0.35,
    ),
    "sunset": Sky(
        (50, 34, 98), (196, 74, 98), (255, 158, 66), (255, 214, 128), (0.20, 0.42), 0.068, 0.95, (0.74, 0.52, 0.50), (250, 120, 96),
        0.66, (1.24, 0.88, 0.84), 0.75,
    ),
    "night": Sky(
        (4, 7, 26), (12, 20, 56), (36, 52, 104), (240, 242, 250), (0.22, 0.17), 0.046, 0.34, (0.27, 0.33, 0.52), (48, 60, 100),
        0.34, (0.72, 0.92, 1.5), 1.0, starlit=True,
    ),
}
_OVERCAST: Mapping[str, tuple[float, Rgb]] = {
    "clear": (0.0, (0, 0, 0)),
    "fog": (0.55, (214, 217, 220)),
    "rain": (0.82, (84, 96, 114)),
    "snow": (0.70, (196, 206, 226)),
}


@dataclass(frozen=True)
class Air:
    """What weather and hour do to everything: the far colour, how thick the air is, and the tint of lit things."""

    sky: Sky
    veil: float
    """Share of the sky hidden by cloud or fog."""
    grey: Array
    haze: Array
    thick: float
    tint: Array


def unearthly(rng: np.random.Generator) -> Sky:
    """The light of no hour: colours, lamps, stars and the place of the disc are all drawn apart from one another."""

    def colour(level: float) -> Rgb:
        raw = rng.uniform(0, 1, 3) ** rng.uniform(0.2, 1.5)
        red, green, blue = 255 * level * mix(1.0, raw / raw.max(), rng.uniform(0, 1))
        return red, green, blue

    bright = float(np.exp(rng.uniform(np.log(0.16), 0)))
    top, middle, horizon, cloud = (colour(bright ** rng.uniform(0.2, 1.8)) for _ in range(4))
    tint, hue = colour(bright / 255), colour(1.4 / 255)
    return Sky(
        top, middle, horizon, colour(1), (rng.uniform(-0.4, 0.4), rng.uniform(0.1, 0.45)), rng.uniform(0.04, 0.07), rng.uniform(0.3, 1), tint,
        cloud, bright, hue, rng.uniform(0, 1), starlit=rng.random() < 0.4,
    )


def borrowed(drawn: Sky, rng: np.random.Generator) -> Sky:
    """A light of no hour of which about half is taken from the hours, no more than half of it from the same: their skies, lamps and tints are met apart."""
    hours = tuple(SKIES.values())
    while True:
        lenders = [hours[i] if i < len(hours) else drawn for i in rng.integers(0, 2 * len(hours), len(fields(Sky)))]
        if all(sum(lender is hour for lender in lenders) <= len(lenders) // 2 for hour in hours):
            return Sky(**{field.name: getattr(lender, field.name) for field, lender in zip(fields(Sky), lenders, strict=True)})


def _numbers(sky: Sky) -> Array:
    colours = np.asarray([*sky.top, *sky.middle, *sky.horizon, *sky.disc, *sky.cloud]) / 255
    return np.asarray([*colours, *sky.at, sky.radius, sky.glow, *sky.tint, sky.daylight, *sky.hue, sky.dusk, sky.starlit], np.float32)


LIGHT = 28
"""Numbers that tell a light."""


def described(sky: Sky) -> Array:
    """A light in LIGHT numbers, each as far from its mean over the lights of no hour as these spread."""
    mean, spread = _of_no_hour()
    return np.clip((_numbers(sky) - mean) / spread, -2.5, 2.5)


@cache
def _of_no_hour() -> tuple[Array, Array]:
    rng = np.random.default_rng(0)
    many = np.stack([_numbers(borrowed(unearthly(rng), rng)) for _ in range(2000)])
    return many.mean(0), many.std(0)


def air_of(sky: Sky, weather: str) -> Air:
    veil, grey = _OVERCAST[weather]
    tone = np.asarray(grey, np.float32) * sky.daylight * np.asarray(sky.hue, np.float32)
    haze = mix(sky.horizon, tone, veil)
    tint = mix(sky.tint, tone / 255 * 1.15, 0.55 * veil)
    thick = {"clear": 0.42, "fog": 1.25, "rain": 0.62, "snow": 0.70}[weather]
    return Air(sky, veil, tone, haze, thick, tint)


def stars(view: View, x: Array, y: Array, when: float) -> Array:
    """One star in some cells of a grid, round, of fixed place and brightness."""
    cells = 17
    cx, cy = np.floor(x * cells).astype(np.int32), np.floor(y * cells).astype(np.int32)
    pick = (cx * 73 + cy * 151) % 997
    ox, oy, bright = cast(1, 997)[pick], cast(2, 997)[pick], cast(3, 997)[pick]
    d2 = (x * cells - cx - 0.2 - 0.6 * ox) ** 2 + (y * cells - cy - 0.2 - 0.6 * oy) ** 2
    size = 0.0022 + 0.006 * bright**3 + (view.pixel * cells * 0.55) ** 2
    twinkle = 0.8 + 0.2 * np.sin(6.28 * (when * 2 + ox))
    return np.exp(-d2 / size) * (bright > 0.62) * (0.3 + bright) * twinkle


def paint_sky(view: View, air: Air, x: Array, y: Array, when: float, horizon: float) -> Array:
    sky, clear = air.sky, 1 - air.veil
    t = np.clip(y / horizon, 0, 1)
    picture = mix(mix(sky.top, sky.middle, smooth(0.0, 0.62, t)), sky.horizon, smooth(0.45, 1.0, t))
    if sky.starlit:
        picture = picture + (clear * 235 * stars(view, x, y, when) * (1 - smooth(0.7, 1.0, t)))[..., None]
    picture = mix(picture, mix(air.grey * 0.93, air.grey * 1.05, t), air.veil)

    sx, sy = sky.at[0] + 0.03 * float(view.jitter[9]), sky.at[1] + 0.015 * float(view.jitter[10])
    d = np.hypot(x - sx, y - sy)
    glow = sky.glow * (0.55 * np.exp(-d / 0.10) + 0.45 * np.exp(-d / 0.34)) * (0.25 + 0.75 * clear)
    picture = mix(picture, sky.disc, np.clip(glow, 0, 1))
    picture = mix(picture, np.minimum(np.asarray(sky.disc) * 1.03, 255), view.edge(sky.radius - d) * clear**1.5)

    drift = 0.05 * when + 0.11 * float(view.jitter[11])
    puff = noise(0.30 * x + drift + 0.13, 0.85 * y + 0.31)
    cover = smooth(0.52, 0.82, puff) * smooth(0.02, 0.2, t) * (1 - smooth(0.75, 1.0, t))
    lit = mix(np.asarray(sky.cloud), sky.disc, np.clip(0.5 * np.exp(-d / 0.3), 0, 1))
    return mix(picture, mix(lit, air.grey * 0.9, air.veil), cover * (0.72 - 0.42 * air.veil))

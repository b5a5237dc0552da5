"""The sample world: small painted scenes with known attributes, drawn at any size and length.

Two kinds of scene make up the grid. A *place* lies under a sky of some hour and weather while the camera moves; an *object*
of one colour and shape crosses a plain ground. `render` draws, `captions` describes, and `jobs.train.reading` reads the attributes
back from pixels alone.
"""

from __future__ import annotations

from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from jobs.train import words
from jobs.train.canvas import Array, View
from jobs.train.objects import paint_object
from jobs.train.places import paint_place
from jobs.train.scene import BACKGROUNDS, CAMERAS, COLOURS, DIRECTIONS, PLACES, SHAPES, TIMES, WEATHERS, Rgb, Scene, beside, scenes
from jobs.train.sky import SKIES, Sky, borrowed, described, unearthly

__all__ = [
    "BACKGROUNDS", "CAMERAS", "COLOURS", "DIRECTIONS", "PLACES", "SHAPES", "TIMES", "WEATHERS", "Rgb", "Scene", "beside", "captions", "light_of", "render", "scenes",
]

Frames: TypeAlias = NDArray[np.uint8]


def captions(scene: Scene, lang: str) -> tuple[str, ...]:
    """Full captions of a scene in "en" or "zh"."""
    return words.captions(scene.attributes, lang)


def render(scene: Scene, *, width: int, height: int, frames: int, seed: int, borrow: bool = False) -> Frames:
    """Draw a scene as [frames, height, width, 3]. The same arguments give the same bytes; the seed moves things a little.

    Args:
        borrow: A light of no hour is in part that of hours (`sky.borrowed`).
    """
    jitter, rng = _jitter(scene, seed)
    y, x = np.meshgrid(np.arange(height) + 0.5, np.arange(width) + 0.5, indexing="ij")
    unit = height if scene.place else min(width, height)
    view = View(
        x=((x - width / 2) / unit).astype(np.float32),
        y=((y - height / 2) / unit + 0.5).astype(np.float32),
        pixel=1.0 / unit,
        jitter=jitter,
    )
    if scene.place:
        draw = partial(paint_place, scene, view, sky=SKIES[scene.time] if scene.time else _light(rng, borrow))
    else:
        draw = partial(paint_object, scene, view, colour=COLOURS[scene.colour] if scene.colour else _nameless(scene.background, rng))
    out = np.empty((frames, height, width, 3), np.uint8)
    for i, when in enumerate(np.linspace(0, 1, frames) if frames > 1 else [0.5]):
        out[i] = np.clip(draw(when=float(when)) + 0.5, 0, 255)
    return out


def light_of(scene: Scene, seed: int, *, borrow: bool = False) -> Array | None:
    """What light `render` draws a place in that stands in the light of no hour, `described`; none for other scenes."""
    if not scene.place or scene.time:
        return None
    return described(_light(_jitter(scene, seed)[1], borrow))


def _light(rng: np.random.Generator, borrow: bool) -> Sky:
    sky = unearthly(rng)
    return borrowed(sky, rng) if borrow else sky


def _jitter(scene: Scene, seed: int) -> tuple[Array, np.random.Generator]:
    """By how much things are moved, and what the rest of the scene is drawn by."""
    rng = np.random.default_rng([seed, (*scenes(), *beside()).index(scene)])
    return rng.uniform(-1, 1, 12).astype(np.float32), rng


def _nameless(background: str, rng: np.random.Generator) -> Rgb:
    """A colour as far from every named one, and from the ground, as an eye needs to tell them apart."""
    known = np.asarray([*COLOURS.values(), BACKGROUNDS[background]])
    while True:
        red, green, blue = colour = rng.uniform(0, 255, 3)
        if np.linalg.norm(known - colour, axis=1).min() > 60:
            return red, green, blue

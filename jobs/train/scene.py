"""The grid of the sample world: what a scene is made of."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from types import MappingProxyType
from typing import TypeAlias

Rgb: TypeAlias = tuple[float, float, float]

PLACES = ("mountains", "sea", "desert", "city", "forest", "tundra", "grassland", "lake")
TIMES = ("day", "dawn", "sunset", "night")
WEATHERS = ("clear", "fog", "rain", "snow")
CAMERAS = ("left", "right", "in")
SHAPES = ("circle", "square", "triangle", "star", "heart", "ring")
COLOURS: Mapping[str, Rgb] = MappingProxyType(
    {
        "red": (226, 42, 44),
        "orange": (250, 134, 22),
        "yellow": (252, 222, 52),
        "green": (52, 190, 78),
        "blue": (46, 104, 240),
        "purple": (148, 52, 206),
        "pink": (252, 146, 190),
        "white": (248, 248, 250),
    }
)
BACKGROUNDS: Mapping[str, Rgb] = MappingProxyType(
    {
        "black": (16, 16, 20),
        "gray": (124, 126, 132),
        "brown": (108, 70, 42),
        "navy": (22, 34, 96),
        "teal": (18, 108, 108),
    }
)
DIRECTIONS: Mapping[str, tuple[int, int]] = MappingProxyType({"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)})


@dataclass(frozen=True)
class Scene:
    """One cell of the grid: either the first four attributes are set, or the last four. Without its time or colour it is a scene
    beside the grid, in some light or colour that has no name."""

    place: str = ""
    time: str = ""
    weather: str = ""
    camera: str = ""
    shape: str = ""
    colour: str = ""
    direction: str = ""
    background: str = ""

    @property
    def attributes(self) -> dict[str, str]:
        return {key: value for key, value in asdict(self).items() if value}

    @property
    def name(self) -> str:
        return "-".join(self.attributes.values())


@cache
def beside() -> tuple[Scene, ...]:
    """Places in the light of no hour, and objects of no named colour."""
    places = (Scene(place=p, weather=w, camera=c) for p, w, c in itertools.product(PLACES, WEATHERS, CAMERAS))
    objects = (Scene(shape=s, direction=d, background=b) for s, d, b in itertools.product(SHAPES, DIRECTIONS, BACKGROUNDS))
    return (*places, *objects)


@cache
def scenes() -> tuple[Scene, ...]:
    """The full grid in fixed order: places first, then objects."""
    places = (Scene(place=p, time=t, weather=w, camera=c) for p, t, w, c in itertools.product(PLACES, TIMES, WEATHERS, CAMERAS))
    objects = (
        Scene(shape=s, colour=c, direction=d, background=b) for s, c, d, b in itertools.product(SHAPES, COLOURS, DIRECTIONS, BACKGROUNDS)
    )
    return (*places, *objects)

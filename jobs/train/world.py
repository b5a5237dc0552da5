"""The sample world: small painted scenes with known attributes, drawn at any size and length.

Two kinds of scene make up the grid. A *place* lies under a sky of some hour and weather while the camera moves; an *object*
of one colour and shape crosses a plain ground. `render` draws, `captions` describes, and `measure` reads the attributes back
from pixels alone, so that whatever a model draws can be scored without another model.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, TypeAlias

import cv2
import numba as nb
import numpy as np
from numpy.typing import NDArray

from jobs.train import words

Array: TypeAlias = Any  # float32 arrays; NumPy's own types lose the precision of every mixed expression
Frames: TypeAlias = NDArray[np.uint8]
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

SHAPE_AREA = 0.12
"""Share of the central square that every shape covers, so that size never tells the shape."""


@dataclass(frozen=True)
class Scene:
    """One cell of the grid. Either the first four attributes are set, or the last four."""

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
def scenes() -> tuple[Scene, ...]:
    """The full grid in fixed order: places first, then objects."""
    places = (Scene(place=p, time=t, weather=w, camera=c) for p, t, w, c in itertools.product(PLACES, TIMES, WEATHERS, CAMERAS))
    objects = (
        Scene(shape=s, colour=c, direction=d, background=b) for s, c, d, b in itertools.product(SHAPES, COLOURS, DIRECTIONS, BACKGROUNDS)
    )
    return (*places, *objects)


def captions(scene: Scene, lang: str) -> tuple[str, ...]:
    """Full captions of a scene in "en" or "zh"."""
    return words.captions(scene.attributes, lang)


def render(scene: Scene, *, width: int, height: int, frames: int, seed: int) -> Frames:
    """Draw a scene as [frames, height, width, 3]. The same arguments give the same bytes; the seed moves things a little."""
    rng = np.random.default_rng([seed, scenes().index(scene)])
    y, x = np.meshgrid(np.arange(height) + 0.5, np.arange(width) + 0.5, indexing="ij")
    unit = height if scene.place else min(width, height)
    view = View(
        x=((x - width / 2) / unit).astype(np.float32),
        y=((y - height / 2) / unit + 0.5).astype(np.float32),
        pixel=1.0 / unit,
        jitter=rng.uniform(-1, 1, 12).astype(np.float32),
    )
    draw = _place if scene.place else _object
    out = np.empty((frames, height, width, 3), np.uint8)
    for i, when in enumerate(np.linspace(0, 1, frames) if frames > 1 else [0.5]):
        out[i] = np.clip(draw(scene, view, float(when)) + 0.5, 0, 255)
    return out


@dataclass(frozen=True)
class View:
    """Where each pixel lies: heights of the picture, x from the middle, y down from the top; `pixel` is one pixel."""

    x: Array
    y: Array
    pixel: float
    jitter: Array

    def edge(self, inside: Array) -> Array:
        """Coverage of a region given by a signed distance, positive inside, soft over one pixel."""
        return np.clip(inside / self.pixel + 0.5, 0, 1)


def _mix(a: Any, b: Any, share: Any) -> Array:
    share = np.asarray(share, np.float32)
    first, other = np.asarray(a, np.float32), np.asarray(b, np.float32)
    if share.ndim != 2:
        return first + (other - first) * share
    whole = (*share.shape, 3)
    return _blend(np.broadcast_to(first, whole), np.broadcast_to(other, whole), share)


@nb.njit(cache=True)
def _blend(a, b, share):  # type: ignore[no-untyped-def]
    mixed = np.empty(a.shape, np.float32)
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            for c in range(3):
                mixed[i, j, c] = a[i, j, c] + (b[i, j, c] - a[i, j, c]) * share[i, j]
    return mixed


def _smooth(low: float, high: float, x: Array) -> Array:
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


# --- objects ---------------------------------------------------------------------------------------------------------


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
def _radius(shape: str) -> float:
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


def _outline(shape: str, view: View, cx: float, cy: float, radius: float) -> Array:
    return _OUTLINES[shape]((view.x - cx) / radius, (view.y - cy) / radius + _centre(shape)) * radius


def _ground_light(x: Array, y: Array) -> Array:
    """A soft pool of light on the plain ground, a little above the middle."""
    return 1.16 - 0.42 * np.clip(np.hypot(x, y - 0.42), 0, 1)


def _object(scene: Scene, view: View, when: float) -> Array:
    along, off = 0.43 + 0.02 * view.jitter[0], 0.05 * view.jitter[1]
    dx, dy = DIRECTIONS[scene.direction]
    step = (when - 0.5) * along
    cx, cy = (dx * step, 0.5 + off) if dx else (off, 0.5 + dy * step)
    radius = _radius(scene.shape) * (1 + 0.03 * view.jitter[2])

    picture = np.asarray(BACKGROUNDS[scene.background], np.float32) * _ground_light(view.x, view.y)[..., None]
    shade = _smooth(-0.06, 0.03, _outline(scene.shape, view, cx + 0.02, cy + 0.035, radius))
    picture = picture * (1 - 0.4 * shade[..., None])

    inside = _outline(scene.shape, view, cx, cy, radius)
    light = 1.06 - 0.34 * ((view.x - cx) * 0.5 + (view.y - cy) * 0.9) / 0.4
    rim = 1 - 0.22 * (1 - _smooth(0, 0.05, inside))
    gloss = 0.30 * np.exp(-((view.x - cx + 0.07) ** 2 + (view.y - cy + 0.09) ** 2) / 0.004)
    paint = np.asarray(COLOURS[scene.colour], np.float32) * (light * rim)[..., None]
    return _mix(picture, _mix(paint, 255.0, gloss), view.edge(inside))


# --- skies -----------------------------------------------------------------------------------------------------------


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


_SKIES: Mapping[str, Sky] = {
    "day": Sky((44, 112, 204), (116, 178, 234), (208, 232, 244), (255, 250, 226), (0.24, 0.17), 0.050, 0.55, (1, 1, 1), (252, 253, 255)),
    "dawn": Sky(
        (124, 156, 212), (214, 190, 214), (255, 212, 184), (255, 240, 204), (-0.25, 0.40), 0.052, 0.75, (0.88, 0.80, 0.84), (255, 226, 222)
    ),
    "sunset": Sky(
        (50, 34, 98), (196, 74, 98), (255, 158, 66), (255, 214, 128), (0.20, 0.42), 0.068, 0.95, (0.74, 0.52, 0.50), (250, 120, 96)
    ),
    "night": Sky((4, 7, 26), (12, 20, 56), (36, 52, 104), (240, 242, 250), (0.22, 0.17), 0.046, 0.34, (0.27, 0.33, 0.52), (48, 60, 100)),
}
_OVERCAST: Mapping[str, tuple[float, Rgb]] = {
    "clear": (0.0, (0, 0, 0)),
    "fog": (0.55, (214, 217, 220)),
    "rain": (0.82, (84, 96, 114)),
    "snow": (0.70, (196, 206, 226)),
}
_DAYLIGHT: Mapping[str, float] = {"day": 1.0, "dawn": 0.93, "sunset": 0.66, "night": 0.34}
_HUE: Mapping[str, Rgb] = {"day": (1, 1, 1), "dawn": (1.08, 0.97, 0.97), "sunset": (1.24, 0.88, 0.84), "night": (0.72, 0.92, 1.5)}


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


def _air(time: str, weather: str) -> Air:
    sky = _SKIES[time]
    veil, grey = _OVERCAST[weather]
    tone = np.asarray(grey, np.float32) * _DAYLIGHT[time] * np.asarray(_HUE[time], np.float32)
    haze = _mix(sky.horizon, tone, veil)
    tint = _mix(sky.tint, tone / 255 * 1.15, 0.55 * veil)
    thick = {"clear": 0.42, "fog": 1.25, "rain": 0.62, "snow": 0.70}[weather]
    return Air(sky, veil, tone, haze, thick, tint)


@cache
def _tile() -> Array:
    """Smooth periodic noise in [0, 1] on a 256 x 256 tile: four octaves of blurred white noise."""
    rng = np.random.default_rng(20)
    total = np.zeros((256, 256))
    for octave in range(4):
        cells = 8 << octave
        coarse = rng.standard_normal((cells, cells))
        freq = np.fft.fft2(coarse)
        wide = np.zeros((256, 256), complex)
        half = cells // 2
        for rows, cols in itertools.product((slice(0, half), slice(-half, None)), repeat=2):
            wide[rows, cols] = freq[rows, cols]
        layer = np.fft.ifft2(wide).real
        total += layer / layer.std() * 0.55**octave
    rank = (total - total.mean()) / total.std()
    return np.clip(0.5 + rank / 5, 0, 1).astype(np.float32)


def _noise(x: Array, y: Array) -> Array:
    """Bilinear lookup into the tile; one unit is one tile."""
    column, row = (np.asarray(256 * (v - np.floor(v)), np.float32) for v in (x, y))
    return cv2.remap(_tile(), column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)


@cache
def _cast(seed: int, count: int) -> Array:
    """A fixed row of numbers in [0, 1), for things that stand in a row: trees, towers, stars."""
    return np.random.default_rng(seed).random(count).astype(np.float32)


def _stars(view: View, x: Array, y: Array, when: float) -> Array:
    """One star in some cells of a grid, round, of fixed place and brightness."""
    cells = 17
    cx, cy = np.floor(x * cells).astype(np.int32), np.floor(y * cells).astype(np.int32)
    pick = (cx * 73 + cy * 151) % 997
    ox, oy, bright = _cast(1, 997)[pick], _cast(2, 997)[pick], _cast(3, 997)[pick]
    d2 = (x * cells - cx - 0.2 - 0.6 * ox) ** 2 + (y * cells - cy - 0.2 - 0.6 * oy) ** 2
    size = 0.0022 + 0.006 * bright**3 + (view.pixel * cells * 0.55) ** 2
    twinkle = 0.8 + 0.2 * np.sin(6.28 * (when * 2 + ox))
    return np.exp(-d2 / size) * (bright > 0.62) * (0.3 + bright) * twinkle


def _sky(view: View, air: Air, x: Array, y: Array, when: float, horizon: float) -> Array:
    sky, clear = air.sky, 1 - air.veil
    t = np.clip(y / horizon, 0, 1)
    picture = _mix(_mix(sky.top, sky.middle, _smooth(0.0, 0.62, t)), sky.horizon, _smooth(0.45, 1.0, t))
    if sky is _SKIES["night"]:
        picture = picture + (clear * 235 * _stars(view, x, y, when) * (1 - _smooth(0.7, 1.0, t)))[..., None]
    picture = _mix(picture, _mix(air.grey * 0.93, air.grey * 1.05, t), air.veil)

    sx, sy = sky.at[0] + 0.03 * float(view.jitter[9]), sky.at[1] + 0.015 * float(view.jitter[10])
    d = np.hypot(x - sx, y - sy)
    glow = sky.glow * (0.55 * np.exp(-d / 0.10) + 0.45 * np.exp(-d / 0.34)) * (0.25 + 0.75 * clear)
    picture = _mix(picture, sky.disc, np.clip(glow, 0, 1))
    picture = _mix(picture, np.minimum(np.asarray(sky.disc) * 1.03, 255), view.edge(sky.radius - d) * clear**1.5)

    drift = 0.05 * when + 0.11 * float(view.jitter[11])
    puff = _noise(0.30 * x + drift + 0.13, 0.85 * y + 0.31)
    cover = _smooth(0.52, 0.82, puff) * _smooth(0.02, 0.2, t) * (1 - _smooth(0.75, 1.0, t))
    lit = _mix(np.asarray(sky.cloud), sky.disc, np.clip(0.5 * np.exp(-d / 0.3), 0, 1))
    return _mix(picture, _mix(lit, air.grey * 0.9, air.veil), cover * (0.72 - 0.42 * air.veil))


# --- land ------------------------------------------------------------------------------------------------------------


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
        grow, lean = 0.55 + 0.45 * _cast(10 + row, 61)[tree], 0.3 + 0.4 * _cast(20 + row, 61)[tree]
        away = np.abs(at - cell - beside - lean) / 0.85
        cone = grow * (1 - away) + 0.055 * (_tri(away * 4.5) - 0.5) * (away < 1)
        height = np.maximum(height, np.clip(cone, 0, 1))
    return height


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
        return _mix(picture, _mix(lit, self.air.haze, veil), self.view.edge(self.below))


_SLIDE: Mapping[str, float] = {"left": -0.36, "right": 0.36, "in": 0.0}
"""How far the camera travels in one clip, in heights of the picture at unit distance."""


class Stage:
    """A place at one moment: turns pixels into the coordinates of each layer as the camera moves."""

    def __init__(self, scene: Scene, view: View, when: float, *, horizon: float, waterline: float = 9.0) -> None:
        self.scene, self.view, self.when, self.horizon = scene, view, when, horizon
        self.air = _air(scene.time, scene.weather)
        self.water = view.edge(view.y - waterline)
        depth = np.clip(view.y - waterline, 0, 1)
        ripple = (_noise(view.x * 0.5 + 0.02 * when, view.y * 7 - 0.25 * when) - 0.5) * (depth > 0)
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
        return _sky(self.view, self.air, self.x / zoom + pan, (self.y - self.horizon) / zoom + self.horizon, self.when, self.horizon)

    def layer(self, dist: float, edge: Callable[[Array], Array]) -> Ground:
        """The land whose edge lies at height `edge(x)`; nearer layers move more, and stand more aside when the camera does."""
        near = 1.15 - 0.85 * dist
        u = self.when - 0.5
        slide = _SLIDE[self.scene.camera] * near * u
        zoom = 1.06 + (0.36 * near * u if self.scene.camera == "in" else 0.0)
        x = (self.x / zoom + slide + 0.07 * near * float(self.view.jitter[0])).astype(np.float32)
        y = (self.y - self.horizon) / zoom + self.horizon
        return Ground(self.view, self.air, x, y - edge(x), dist)


def _rgb(*colour: float) -> Array:
    return np.asarray(colour, np.float32)


def _mountains(stage: Stage, picture: Array) -> Array:
    far = stage.layer(0.85, lambda x: 0.50 - 0.20 * _peaks(x * 0.8 + 0.55))
    picture = far.paint(picture, _mix(_rgb(122, 138, 168), _rgb(206, 218, 236), _smooth(0.07, 0.0, far.below)))
    main = stage.layer(0.40, lambda x: 0.64 - 0.40 * _peaks(x * 0.86 + 0.03))
    face = _tri(main.x * 0.86 * 2.9 + 0.2) + 0.5 * _noise(main.x * 0.55, main.below * 0.9)
    rock = _mix(_rgb(96, 104, 128), _rgb(140, 142, 156), _smooth(0.4, 0.9, face))
    snow = _mix(_rgb(188, 206, 236), _rgb(252, 253, 255), _smooth(0.35, 0.85, face))
    line = 0.11 + 0.09 * (_noise(main.x * 0.8 + 0.3, main.below * 0.2 + 0.4) - 0.5) + 0.05 * (_tri(main.x * 9.0) - 0.5)
    picture = main.paint(picture, _mix(snow, rock, _smooth(0.0, 0.045, main.below - line)))
    hill = stage.layer(0.10, lambda x: 0.80 - 0.10 * _hills(x, 0.7, 0.2))
    picture = hill.paint(picture, _mix(_rgb(84, 120, 92), _rgb(46, 78, 66), _smooth(0.0, 0.16, hill.below)))
    firs = stage.layer(0.0, lambda x: 0.93 - 0.05 * _hills(x, 0.5, 0.6) - 0.11 * _pines(x, 9.0, 0))
    return firs.paint(picture, _rgb(26, 48, 50))


def _sea(stage: Stage, picture: Array) -> Array:
    isle = stage.layer(0.70, lambda x: 0.545 - 0.085 * np.maximum(_hills(x * 0.8, 0.8, 0.62) - 0.42, 0) / 0.58)
    picture = isle.paint(picture, _rgb(92, 108, 126))
    air, when = stage.air, stage.when
    water = stage.layer(0.25, lambda x: np.full_like(x, 0.54))
    depth = np.clip(water.below / 0.46, 0, 1)
    base = _mix(_mix(_rgb(96, 176, 206), air.haze / np.maximum(air.tint, 0.2), 0.45), _rgb(10, 66, 122), _smooth(0.0, 0.75, depth))
    near = 0.08 + depth
    swell = _noise(water.x * 0.42 / near**0.5 + 0.1 * when, 1.1 * np.log(near) - 0.10 * when)
    base = base * (0.80 + 0.42 * swell)[..., None]
    picture = water.paint(picture, base)
    sx = air.sky.at[0] + 0.03 * float(stage.view.jitter[9])
    path = np.exp(-(((stage.view.x - sx) / (0.05 + 0.20 * depth)) ** 2)) * _smooth(0.42, 0.70, swell) * (water.below > 0)
    picture = _mix(picture, air.sky.disc, np.clip(path * (0.85 * (1 - air.veil) + 0.06), 0, 1) * (0.9 if air.sky.glow > 0.5 else 0.6))
    surf = stage.layer(0.0, lambda x: 0.90 + 0.03 * np.sin(6.2832 * (x * 0.6 + 0.2)) + 0.012 * np.sin(6.2832 * (when * 1.0)))
    foam = _smooth(0.030, 0.0, np.abs(surf.below - 0.004))
    return surf.paint(
        picture, _mix(_mix(_rgb(176, 150, 116), _rgb(226, 202, 156), _smooth(0.02, 0.09, surf.below)), _rgb(250, 252, 252), foam)
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
            * np.sin(6.2832 * (dune.below * 26 + 2.2 * _noise(dune.x * 0.4, dune.below * 0.5)))
            * _smooth(0.7, 0.1, np.float32(dist) + 0 * dune.x)
        )
        lit = _mix(shades[i], colours[i], _smooth(-0.35, 0.55, slope))
        picture = dune.paint(picture, lit * (1.08 - 0.5 * np.clip(dune.below, 0, 0.4) + grain)[..., None])
    return picture


def _towers(x: Array, per_unit: float, row: int, low: float, high: float) -> tuple[Array, Array, Array]:
    """A row of towers: height, index, and where in its tower each x lies."""
    at = x * per_unit
    cell = np.floor(at).astype(np.int32)
    grow = _cast(30 + row, 37)[cell % 37]
    within = at - cell
    stand = (within > 0.04) & (within < 0.96)
    return low + (high - low) * grow * stand, cell % 37, within


def _city(stage: Stage, picture: Array) -> Array:
    night = {"day": 0.10, "dawn": 0.35, "sunset": 0.75, "night": 1.0}[stage.scene.time]
    rows = (
        (0.75, 8.0, 0.62, 0.12, 0.36, (132, 148, 176)),
        (0.38, 6.0, 0.66, 0.10, 0.44, (92, 106, 138)),
        (0.0, 4.6, 0.72, 0.06, 0.34, (58, 66, 92)),
    )
    for i, (dist, per_unit, foot, low, high, colour) in enumerate(rows):
        block = stage.layer(dist, lambda x, p=per_unit, r=i, f=foot, a=low, b=high: f - _towers(x, p, r, a, b)[0])  # type: ignore[misc]
        _, tower, within = _towers(block.x, per_unit, i, low, high)
        facade = _mix(np.asarray(colour, np.float32) * 1.12, np.asarray(colour, np.float32) * 0.8, within)
        picture = block.paint(picture, facade * (0.9 + 0.25 * _cast(40 + i, 37)[tower])[..., None])
        if i == 0:
            continue
        columns, storeys = within * 4, block.below * (34 if i == 1 else 26)
        pick = (tower * 131 + columns.astype(np.int32) * 17 + storeys.astype(np.int32) * 7) % 997
        wide, tall = stage.view.pixel * per_unit * 4, stage.view.pixel * (34 if i == 1 else 26)
        pane = np.clip((0.30 - np.abs(columns % 1 - 0.5)) / wide + 0.5, 0, 1) * np.clip(
            (0.28 - np.abs(storeys % 1 - 0.5)) / tall + 0.5, 0, 1
        )
        lit = pane * (block.below > 0.012) * (_cast(50, 997)[pick] < 0.30 + 0.35 * night)
        glow = _mix(_rgb(255, 214, 128), _rgb(255, 240, 206), _cast(51, 997)[pick])
        through = np.exp(-stage.air.thick * 0.9 * dist)
        picture = _mix(picture, glow, lit * (0.22 + 0.70 * night) * through * stage.view.edge(block.below))
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
        picture = trees.paint(picture, _mix(base * 1.18, base * 0.84, _smooth(0.0, tall, trees.below)))
        mist = 0.42 * _smooth(0.05, tall + 0.04, trees.below) * dist
        picture = _mix(picture, stage.air.haze, mist * stage.view.edge(trees.below))
    return picture


def _tundra(stage: Stage, picture: Array) -> Array:
    if stage.scene.time == "night":
        band = stage.y - 0.20 - 0.07 * np.sin(6.2832 * (stage.x * 0.55 + 0.06 * stage.when)) - 0.03 * np.sin(6.2832 * (stage.x * 1.3 + 0.3))
        rays = 0.62 + 0.6 * (_noise(stage.x * 0.9 + 0.02 * stage.when, 0.07 * stage.y + 0.2) - 0.2)
        curtain = _smooth(0.10, -0.01, band) * _smooth(-0.24, 0.02, band) * rays * (1 - 0.75 * stage.air.veil)
        picture = picture + curtain[..., None] * _mix(_rgb(120, 60, 170), _rgb(50, 225, 150), _smooth(-0.20, 0.02, band))
    berg = stage.layer(0.55, lambda x: 0.58 - 0.15 * np.maximum(_peaks(x * 0.7 + 0.28) - 0.25, 0))
    picture = berg.paint(picture, _mix(_rgb(168, 206, 232), _rgb(236, 246, 252), _smooth(0.10, 0.0, berg.below)))
    for top, wave, phase, tall, dist in (
        (0.62, 0.5, 0.30, 0.06, 0.40), (0.74, 0.42, 0.75, 0.09, 0.18), (0.92, 0.38, 0.15, 0.10, 0.0)
    ):
        drift = stage.layer(dist, lambda x, top=top, wave=wave, phase=phase, tall=tall: top - tall * _hills(x, wave, phase))  # type: ignore[misc]
        slope = np.cos(6.2832 * (drift.x * wave + phase))
        picture = drift.paint(
            picture, _mix(_rgb(176, 204, 234), _rgb(248, 251, 255), _smooth(-0.6, 0.7, slope) * (1 - 0.5 * np.clip(drift.below * 3, 0, 1)))
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
        blades = 0.10 * (_noise(hill.x * 1.6, hill.below * 2.2 + 0.1 * i) - 0.5)
        lit = _mix(_rgb(58, 122, 48), _rgb(146, 196, 72), _smooth(-0.7, 0.8, slope) * (1 - 0.55 * np.clip(hill.below * 3.0, 0, 1)))
        picture = hill.paint(picture, lit * (1 + blades)[..., None])
        if i == 2:
            dots = _stars(hill.view, hill.x * 1.1, hill.below * 1.6 + 0.01, 0.0) * _smooth(0.01, 0.05, hill.below)
            picture = _mix(picture, np.clip(_rgb(255, 236, 150) * stage.air.tint, 0, 255), np.clip(1.4 * dots, 0, 0.9))
    return picture


def _lake(stage: Stage, picture: Array) -> Array:
    far = stage.layer(0.80, lambda x: 0.60 - 0.30 * _peaks(x * 0.72 + 0.47))
    picture = far.paint(picture, _mix(_rgb(112, 132, 168), _rgb(226, 234, 246), _smooth(0.06, 0.02, far.below)))
    shore = stage.layer(0.32, lambda x: 0.61 - 0.15 * _hills(x, 0.55, 0.1))
    picture = shore.paint(picture, _mix(_rgb(96, 138, 106), _rgb(52, 92, 82), _smooth(0.0, 0.12, shore.below)))
    firs = stage.layer(0.08, lambda x: 0.625 - 0.02 * _hills(x, 0.8, 0.4) - 0.10 * _pines(x, 12.0, 3) * _smooth(0.35, 0.75, _hills(x, 0.5, 0.55))
    )
    return firs.paint(picture, _rgb(24, 52, 48))


def _water_over(stage: Stage, picture: Array) -> Array:
    """Darken and cool what a still surface mirrors, and lay a few bright lines of ripple on it."""
    air = stage.air
    mirror = picture * (0.84 - 0.35 * stage.depth)[..., None] * _rgb(0.92, 0.98, 1.03)
    line = _smooth(0.60, 0.86, _noise(stage.view.x * 0.35 - 0.03 * stage.when, stage.view.y * 5.5 - 0.2 * stage.when))
    mirror = _mix(mirror, air.haze, 0.16 * line * (1 - 0.3 * air.veil))
    return _mix(picture, mirror, stage.water)


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


def _place(scene: Scene, view: View, when: float) -> Array:
    land = _LANDS[scene.place]
    stage = Stage(scene, view, when, horizon=land.horizon, waterline=land.waterline)
    picture = land.draw(stage, stage.sky())
    if land.waterline < 1:
        picture = _water_over(stage, picture)
    return _WEATHER[scene.weather](stage, picture)


# --- weather ---------------------------------------------------------------------------------------------------------


def _clear(stage: Stage, picture: Array) -> Array:
    return picture


def _fog(stage: Stage, picture: Array) -> Array:
    view = stage.view
    bank = _noise(view.x * 0.22 + 0.1 * float(view.jitter[8]), view.y * 0.5)
    low = np.exp(-(((view.y - 0.64) / 0.26) ** 2))
    return _mix(picture, stage.air.haze, np.clip(0.20 + 0.50 * low * (0.45 + 0.9 * bank), 0, 0.86))


def _rain(stage: Stage, picture: Array) -> Array:
    view, tone = stage.view, stage.air.grey
    picture = _mix(picture, tone, 0.30)
    fall = np.zeros_like(view.x)
    for layer, (columns, speed) in enumerate(((42.0, 3.0), (26.0, 4.5))):
        at = (stage.near() + 0.05 * view.y) * columns
        lane = np.floor(at).astype(np.int32) % 127
        drop = (view.y * 2.0 - speed * stage.when - 3 * _cast(60 + layer, 127)[lane]) % 1.0
        thin = np.hypot(0.10, 0.7 * view.pixel * columns)
        fall += 0.10 / thin * np.exp(-(((at % 1 - 0.5) / thin) ** 2)) * _smooth(0.62, 0.98, drop) * (_cast(70 + layer, 127)[lane] > 0.35)
    return _mix(picture, np.clip(tone * 1.9 + 26, 0, 255), np.clip(0.42 * fall, 0, 0.5))


def _snow(stage: Stage, picture: Array) -> Array:
    view, tone = stage.view, stage.air.grey
    picture = _mix(picture, tone, 0.26)
    flakes = np.zeros_like(view.x)
    for layer, (cells, speed, size) in enumerate(((7.0, 2.0, 0.10), (12.0, 3.0, 0.12))):
        x = stage.near() * cells + 0.15 * np.sin(6.2832 * (stage.when * 0.8 + layer * 0.3))
        y = view.y * cells - speed * stage.when
        cx, cy = np.floor(x).astype(np.int32), np.floor(y).astype(np.int32)
        pick = (cx * 59 + cy * 113 + layer * 31) % 997
        ox, oy = _cast(80, 997)[pick], _cast(81, 997)[pick]
        d2 = (x - cx - 0.25 - 0.5 * ox) ** 2 + (y - cy - 0.25 - 0.5 * oy) ** 2
        true = (size * (0.6 + 0.6 * ox)) ** 2
        spread = true + (0.6 * view.pixel * cells) ** 2
        flakes += true / spread * np.exp(-d2 / spread) * (_cast(82, 997)[pick] < 0.55)
    return _mix(picture, np.clip(tone * 1.25 + 60, 0, 255), np.clip(0.85 * flakes, 0, 0.9))


_WEATHER: Mapping[str, Callable[[Stage, Array], Array]] = {"clear": _clear, "fog": _fog, "rain": _rain, "snow": _snow}


# --- reading the attributes back -------------------------------------------------------------------------------------

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
    lit = _ground_light(line[None] - 0.5, line[:, None])[_border()][:, None]
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
    return {s: np.stack([_outline(s, view, 0.5, 0.5, _radius(s) * k) > 0 for k in (0.86, 0.93, 1.0, 1.07, 1.14)]) for s in SHAPES}


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

"""What is measured of a clip: one file per measurement, found by walking this folder.

A file defines `MEASURE`, a `Measurement` with the columns of `clips` that it fills. The pass (`jobs.clean.measure`) decodes
once and calls, as far as given:

* `look(picture)` for every sampled picture, two a second, short side 224 (of one hardly larger its own): numbers of that picture;
* `compare(picture, later, gap_s)` for a sampled picture and the luma about a tenth of a second later, as small as its `coarse`: numbers;
* `hear(rate_hz, channels)` once per sound stream, with the names of its channels: a function that turns some blocks of sound into numbers, a row each;
* `reduce(span)` for every clip: its columns from the numbers that lie inside it and from the signals of every frame.

Every module says formula, unit, version and source. The version is raised when the numbers change.
"""

import importlib
import math
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from jobs.media.kernel import kernel
from jobs.media.planes import SKETCH

Floats = NDArray[np.float64]
Pixels = NDArray[np.uint8]
Sound = NDArray[np.float32]

NATIVE_BLOCK_S = 0.1
"""Blocks of sound at the rate and with the channels of the stream. They come several at a time, as [channels, samples] and the edges
of the blocks in it: [blocks + 1], from 0. What lies behind the last edge is not to be heard yet. A measurement that hears one of several
(`every`) gets both ends of each that it hears: [blocks, 2]."""
MONO_BLOCK_S = 0.128
"""Blocks of sound mixed to one channel at 16 kHz: 2048 samples. They come several at a time, as [blocks, 2048]."""
MONO_RATE_HZ = 16_000
MONO_BLOCK = 2048


@dataclass(frozen=True)
class Picture:
    """A sampled picture.

    Attributes:
        t_s: Presentation time.
        y: Luma, full range 0..255, display aspect, short side 224 or less, 257 at most where it is that of the frame, unrotated.
        u: Chroma at half the size, 0..255 around 128.
        half: Luma at half the size of `y`.
        plane: Luma as decoded, not scaled, `plane_bits` deep; None where the format has no such plane, and for measurements that do not
            say that they need it.
        full_range: Whether `plane` uses the full range.
        rotation_deg, mirrored: How a player shows it: mirrored left to right, then turned clockwise.
        coarse: Luma as `y`, as small as `coarse_size` says: what motion is looked for in.
    """

    t_s: float
    y: Pixels
    u: Pixels
    v: Pixels
    half: Pixels
    plane: NDArray[Any] | None = None
    plane_bits: int = 8
    full_range: bool = False
    rotation_deg: int = 0
    mirrored: bool = False
    coarse: Pixels = field(default_factory=lambda: np.zeros((0, 0), np.uint8))

    @property
    def upright(self) -> Pixels:
        """`half` as a player shows it."""
        return np.ascontiguousarray(upright(self.half, self.rotation_deg, self.mirrored))

    @cached_property
    def lines(self) -> "Lines":
        """Sums of luma over its rows and columns, for all measurements that need no more of it."""
        return Lines(*_lines(self.y))


COARSE, PATCH_PX = 4, 8
"""How much smaller than `Picture.half` its `coarse` is, at most, and the side of the patches whose motion is found there."""


def coarse_size(width: int, height: int) -> tuple[int, int]:
    """Width and height of `Picture.coarse` for those of `half`: less small where that holds no four patches by one."""
    most = min(math.log2(max(width, height) / (4 * PATCH_PX)) + 0.5, math.log2(min(width, height) / PATCH_PX))
    part = min(COARSE, 1 << max(int(most), 0))
    return width // part, height // part


def upright(pixels: Pixels, rotation_deg: int, mirrored: bool) -> Pixels:
    """Pictures, [..., height, width], as a player shows them: mirrored left to right, then turned clockwise."""
    return np.rot90(pixels[..., ::-1] if mirrored else pixels, -(rotation_deg // 90), axes=(-2, -1))


@dataclass(frozen=True)
class Lines:
    """Sums of the luma of every row and column, and sums of its squares."""

    row: Floats
    row_square: Floats
    column: Floats
    column_square: Floats


@kernel("UniTuple(float64[::1], 4)(Array(uint8, 2, 'C', readonly=True))")
def _lines(y: Any) -> Any:
    height, width = y.shape
    row, row_square = np.zeros(height), np.zeros(height)
    column, column_square = np.zeros(width, np.int32), np.zeros(width, np.int32)
    for i in range(height):
        total, square = np.int32(0), np.int32(0)
        for k in range(width):
            value = np.int32(y[i, k])
            total = np.int32(total + value)
            square = np.int32(square + value * value)
            column[k] += value
            column_square[k] += value * value
        row[i], row_square[i] = total, square
    return row, row_square, column.astype(np.float64), column_square.astype(np.float64)


@dataclass(frozen=True)
class Span:
    """All numbers of one clip.

    Attributes:
        frame_t: Presentation times of its frames, seconds.
        signals: One row per frame, columns by name (`jobs.media.planes.SIGNALS`).
        picture_t: Times of its sampled pictures.
        pictures: Per measurement the rows of `look`.
        sketch_t, sketches: Times and rows of its sketches (`jobs.media.planes.Grid.sketch`).
        pairs: Per measurement the rows of `compare`; rows of NaN where a picture has no partner.
        sounds: Per measurement the rows of `hear` inside the span.
        has_sound: There is decodable sound inside it.
        facts: Facts of the source: sizes, rates, codecs.
    """

    start_s: float
    end_s: float
    frame_t: Floats
    signals: Mapping[str, NDArray[np.float32]]
    picture_t: Floats
    pictures: Mapping[str, Floats]
    pairs: Mapping[str, Floats]
    sounds: Mapping[str, Floats]
    has_sound: bool
    facts: Mapping[str, Any]
    sketch_t: Floats = field(default_factory=lambda: np.zeros(0))
    sketches: Pixels = field(default_factory=lambda: np.zeros((0, SKETCH), np.uint8))


Columns = Mapping[str, Any]
Hearer = Callable[..., Any]
"""A row of numbers for each block, of native blocks ([channels, samples], edges) or of mono blocks ([blocks, 2048])."""


@dataclass(frozen=True)
class Measurement:
    """See the module.

    Attributes:
        name: Of the measurement, for its numbers.
        version: Raised when the same input gives other numbers.
        columns: Columns of `clips` that `reduce` returns.
        needs: `picture`, `sound` or both: where nothing of it is there, the columns are null and `reduce` is not called.
        width: How many numbers `look`, `compare` or `hear` return.
        ear: Which blocks `hear` gets: `native`, or `mono` at 16 kHz.
        every: Of the sampled pictures of a shot, `look` gets the first and every so many-th after it; rows between are NaN. Of the native
        blocks, `hear` gets those whose number is a multiple of it; between them there are no rows.
        native: `look` needs the plane as decoded.
    """

    name: str
    version: int
    columns: tuple[str, ...]
    reduce: Callable[[Span], Columns]
    needs: Literal["picture", "sound", "both"] = "picture"
    width: int = 0
    look: Callable[[Picture], Sequence[float]] | None = None
    compare: Callable[[Picture, Pixels, float], Sequence[float]] | None = None
    hear: Callable[[int, Sequence[str]], Hearer] | None = None
    ear: Literal["native", "mono"] = "native"
    every: int = 1
    native: bool = False


@cache
def measurements() -> Mapping[str, Measurement]:
    """All measurements of this folder by name."""
    found = [importlib.import_module(f"{__name__}.{module.name}").MEASURE for module in pkgutil.iter_modules(__path__)]
    return MappingProxyType({m.name: m for m in sorted(found, key=lambda m: m.name)})


def mean(values: Floats | NDArray[np.float32]) -> float | None:
    """Mean of the numbers that are there; None when there are none."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else None

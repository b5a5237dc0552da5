"""The numbers of a source in arrays: of its frames, of its sampled pictures, of its blocks of sound. Chapters are laid end to end."""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from jobs.clean.spill import Rows, known
from jobs.media.planes import SKETCH
from jobs.media.signals import SIGNALS, THUMB

Floats = NDArray[np.float64]
WIDE = 16
"""Rows of so many numbers and more are kept in single precision: two hours of sound have 72,000 of them."""


class Growing:
    """Rows of numbers, added one after the other."""

    def __init__(self, width: int, kind: Any = None) -> None:
        self.data = np.zeros((64, width), kind or (np.float32 if width >= WIDE else np.float64))
        self.count = 0

    def add(self, row: Any) -> None:
        """One row."""
        self.room(1)[0] = row

    def extend(self, rows: Any) -> None:
        """Some rows."""
        self.room(len(rows))[:] = rows

    def room(self, count: int) -> NDArray[Any]:
        """So many rows more, to be filled."""
        self.count += count
        while self.count > len(self.data):
            self.data = np.concatenate([self.data, np.zeros_like(self.data)])
        return self.data[self.count - count:self.count]

    @property
    def rows(self) -> NDArray[Any]:
        """All rows so far."""
        return self.data[:self.count]


@dataclass(frozen=True)
class _Laid:
    """Arrays of numbers, first axis time."""

    @classmethod
    def of(cls, plain: Mapping[str, Any], file: BinaryIO | None = None) -> Self:
        """From `plain`, or from the same after a journey; what was spilled lies in `file`."""
        return cls(**{f.name: known(plain[f.name], file) for f in fields(cls)})

    @classmethod
    def fits(cls, plain: Mapping[str, Any]) -> bool:
        """Whether these are values of this kind."""
        return set(plain) == {f.name for f in fields(cls)}

    def plain(self) -> dict[str, Any]:
        """As values that `jobs.media.wire` carries."""
        return {f.name: _told(getattr(self, f.name)) for f in fields(self)}

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """One after the other."""
        return cls(**{f.name: _end_to_end([getattr(part, f.name) for part in parts]) for f in fields(cls)})


def _told(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _told(part) for name, part in value.items()}
    return value.told() if isinstance(value, Rows) else value


def _end_to_end(values: Sequence[Any]) -> Any:
    first = values[0]
    if isinstance(first, Mapping):
        return {name: _end_to_end([value[name] for value in values]) for name in first}
    if isinstance(first, Rows):
        return Rows.joined(values)
    return np.concatenate(values) if isinstance(first, np.ndarray) else [item for value in values for item in value]


@dataclass(frozen=True)
class Pictures(_Laid):
    """What was seen.

    Attributes:
        times: Presentation times of the frames, seconds.
        signals: A row of `jobs.media.planes.SIGNALS` per frame.
        thumbs: A thumb per frame.
        sample_times: Times of the sampled pictures.
        rows: By measurement a row per sampled picture.
        sketch_times: Times of the sketches.
        sketches: A row of `jobs.media.planes.Grid.sketch` each.
        stored_times: Times of the small pictures that may be stored.
        jpegs: These pictures, encoded; empty where the reader has them and sends them after.
    """

    times: Floats = field(default_factory=lambda: np.zeros(0))
    signals: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, len(SIGNALS)), np.float32))
    thumbs: NDArray[np.uint8] = field(default_factory=lambda: np.zeros((0, THUMB), np.uint8))
    sample_times: Floats = field(default_factory=lambda: np.zeros(0))
    rows: Mapping[str, NDArray[Any] | Rows] = field(default_factory=dict)
    sketch_times: Floats = field(default_factory=lambda: np.zeros(0))
    sketches: NDArray[np.uint8] | Rows = field(default_factory=lambda: np.zeros((0, SKETCH), np.uint8))
    stored_times: Floats = field(default_factory=lambda: np.zeros(0))
    jpegs: Sequence[Any] = ()

    def usual_gap_s(self) -> float | None:
        """Median interval between frames."""
        return float(np.median(np.diff(self.times[-5000:]))) if self.times.size > 1 else None


@dataclass(frozen=True)
class Sounds(_Laid):
    """What was heard.

    Attributes:
        native_at: Numbers of the blocks of NATIVE_BLOCK_S, counted from the start of the sound.
        mono_at: Likewise of the blocks of MONO_BLOCK_S.
        rows: By measurement a row per block of its kind.
    """

    native_at: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    mono_at: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    rows: Mapping[str, NDArray[Any] | Rows] = field(default_factory=dict)


def doubles(values: Iterable[float] = ()) -> "array[float]":
    """A list of numbers that takes eight bytes each."""
    return array("d", values)

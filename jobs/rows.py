"""Rows of tables by number: what a plan holds of them. A hundred million ids as Python strings would fill a driver; numbers do not."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from jobs.lake import Slice, Version

Numbers = NDArray[np.int64]


def whole(column: pa.ChunkedArray) -> pa.LargeStringArray:
    """A column of texts in one piece. A piece of `string` ends at 2 GiB, some 67 million ids; this one does not."""
    return pa.concat_arrays([pa.array([], pa.large_string()), *column.cast(pa.large_string()).chunks])


def large(table: pa.Table) -> pa.Table:
    """The table with texts that may be joined beyond 2 GiB."""
    return table.cast(pa.schema([f.with_type(pa.large_string()) if f.type == pa.string() else f for f in table.schema]))


def numbers(ids: pa.ChunkedArray, among: pa.LargeStringArray) -> Numbers:
    """Where every id first stands in `among`; -1 where it does not."""
    return np.asarray(pc.fill_null(pc.index_in(whole(ids), value_set=among), -1), np.int64)


def floats(table: pa.Table, name: str) -> NDArray[np.float64]:
    """A column of numbers; what is not known is 0."""
    return np.asarray(pc.fill_null(pc.cast(table[name], pa.float64()), 0.0))


def filled(sizes: NDArray[np.generic], most: float) -> Iterator[slice]:
    """Neighbours in groups of at most this size together; what is larger alone has a group of its own."""
    total, start = np.concatenate([[0], np.cumsum(sizes)]), 0
    while start < len(sizes):
        end = max(start + 1, int(np.searchsorted(total, total[start] + most, side="right")) - 1)
        yield slice(start, end)
        start = end


@dataclass(frozen=True)
class Rows:
    """Some rows of a slice, which is what a task is told of them.

    Attributes:
        at: Their places in the slice, in the order in which they are read.
    """

    slice: Slice
    at: NDArray[np.int32]

    def read(self, columns: Sequence[str]) -> pa.Table:
        """Some columns of them."""
        found = self.slice.read(columns)
        return found if np.array_equal(self.at, np.arange(found.num_rows)) else found.take(pa.array(self.at))


class Numbered:
    """A version whose rows are numbered through, in the order of its slices."""

    def __init__(self, version: Version) -> None:
        self.version = version

    @cached_property
    def slices(self) -> list[Slice]:
        """By row group."""
        return self.version.slices()

    @cached_property
    def ends(self) -> Numbers:
        """The number after the last row of every slice."""
        return np.cumsum([piece.rows for piece in self.slices], dtype=np.int64)

    def rows(self, wanted: Numbers) -> tuple[Rows, ...]:
        """Where the rows of these numbers are to be read: slice by slice, within each in the order given."""
        where = np.searchsorted(self.ends, wanted, side="right")
        return tuple(Rows(self.slices[w], (wanted[where == w] - (self.ends[w] - self.slices[w].rows)).astype(np.int32)) for w in np.unique(where))


class Holders:
    """Which row groups of a long table (several rows of an id) hold rows of some ids.

    Args:
        version: The table.
        ids: All ids that will be asked for, each once, by their places here.
    """

    def __init__(self, version: Version, ids: pa.LargeStringArray) -> None:
        numbered = Numbered(version)
        found = numbers(pa.chunked_array(version.each(lambda part: whole(part["clip_id"]), ["clip_id"]), pa.large_string()), ids)
        held = np.searchsorted(numbered.ends, np.arange(len(found)), side="right")
        new = np.flatnonzero((found >= 0) & ((np.diff(found, prepend=-1) != 0) | (np.diff(held, prepend=-1) != 0)))
        found, held = found[new], held[new]
        order = np.argsort(found, kind="stable")
        self._slices, self._held = numbered.slices, held[order]
        self._from = np.searchsorted(found[order], np.arange(len(ids) + 1))

    def of(self, places: Numbers) -> tuple[Slice, ...]:
        """The row groups that hold any of the ids at these places, in order."""
        parts = [self._held[self._from[i] : self._from[i + 1]] for i in places]
        return tuple(self._slices[w] for w in np.unique(np.concatenate([np.zeros(0, np.int64), *parts])))

"""Rows of numbers that lie in a file: of a long source they are written there chapter by chapter, and read back clip by clip, so that
what is kept in memory hardly grows with the length."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

BULKY = ("rows", "sketches")
"""Fields of `jobs.clean.series` that are wanted for one clip at a time only."""


@dataclass(frozen=True)
class Rows:
    """Rows in a file, in pieces one behind the other; a slice of them is read when it is asked for.

    Attributes:
        pieces: Where each begins, in bytes, and how many rows it has: [n, 2].
        width: Numbers in a row.
        kind: Of the numbers, as NumPy names it.
        file: They lie in it.
    """

    pieces: NDArray[np.int64]
    width: int
    kind: str
    file: BinaryIO | None = None

    def __len__(self) -> int:
        return int(self.pieces[:, 1].sum())

    def __getitem__(self, wanted: slice) -> NDArray[Any]:
        first, after, _ = wanted.indices(len(self))
        row_bytes, begin, data = self.width * np.dtype(self.kind).itemsize, 0, []
        for place, count in self.pieces.tolist():
            low, high = max(first, begin), min(after, begin + count)
            if low < high:
                data.append(self._read(place + (low - begin) * row_bytes, (high - low) * row_bytes))
            begin += count
        return np.frombuffer(b"".join(data), self.kind).reshape(-1, self.width)

    def _read(self, place: int, size: int) -> bytes:
        assert self.file is not None
        self.file.seek(place)
        data = b""
        while len(data) < size:
            more = self.file.read(size - len(data))
            if not more:
                raise OSError("the file of numbers ends early")
            data += more
        return data

    def told(self) -> dict[str, Any]:
        """As values that `jobs.media.wire` carries, without the file."""
        return {"pieces": self.pieces, "width": self.width, "kind": self.kind}

    @classmethod
    def joined(cls, parts: "Sequence[Rows]") -> "Rows":
        """One behind the other."""
        return cls(np.concatenate([part.pieces for part in parts]), parts[0].width, parts[0].kind, parts[0].file)


def known(value: Any, file: BinaryIO | None) -> Any:
    """What `told` told, of rows in this file; anything else as it is."""
    if not isinstance(value, Mapping):
        return value
    if set(value) == {"pieces", "width", "kind"}:
        return Rows(value["pieces"], int(value["width"]), str(value["kind"]), file)
    return {name: known(part, file) for name, part in value.items()}


class Spill:
    """A file without a name that takes the bulky numbers of a source."""

    def __init__(self) -> None:
        self.size = 0

    @cached_property
    def file(self) -> BinaryIO:
        """The file: most sources are short and need none."""
        return cast("BinaryIO", tempfile.TemporaryFile(buffering=0))

    def keep(self, numbers: Mapping[str, Any]) -> dict[str, Any]:
        """The numbers of a chapter, the bulky ones as `Rows`."""
        return {name: self._keep(value) if name in BULKY else value for name, value in numbers.items()}

    def _keep(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: self._keep(part) for name, part in value.items()}
        data, place = memoryview(value.tobytes()), self.size
        while self.size < place + len(data):
            self.size += self.file.write(data[self.size - place:])
        return Rows(np.array([[place, len(value)]], np.int64), value.shape[1], value.dtype.str, self.file)

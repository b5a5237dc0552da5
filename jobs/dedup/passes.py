"""The three passes over the clips as pure map and reduce functions over packed bytes: equal keys, buckets, proof.

A map function takes some clips (of one slice, or of one part of the index) and yields (part, bytes); a reduce function gets
all bytes of a part in any order and returns a table that does not depend on that order. Who moves the bytes is the job's
concern.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from jobs.dedup import exact
from jobs.dedup.match import KINDS, Rows
from jobs.lake import Slice
from schemas.settings import Dedup

Blobs = Iterator[tuple[int, bytes]]

PAIRS = pa.schema([("src", pa.int64()), ("dst", pa.int64())])
HEADS = pa.schema([("node", pa.int64()), ("head", pa.int64())])
PROOFS = pa.schema([("src", pa.int64()), ("dst", pa.int64()), ("score", pa.float64()), ("shift", pa.float64())])


class Clips(Protocol):
    """Some clips that take part in a pass.

    Attributes:
        nodes: Their places in the keep order.
        shares: In the proving pass, the share that each is for; a clip that is needed in several occurs repeatedly.
    """

    @property
    def nodes(self) -> NDArray[np.int64]: ...

    @property
    def shares(self) -> NDArray[np.int64] | None: ...

    def keys(self, *, texts: bool) -> Rows:
        """Rows (key, key, node) of those that have a key of equality; texts or the rest."""

    def rows(self, kind: str, dedup: Dedup) -> Rows:
        """Rows of one kind."""

    def evidence(self, kind: str, dedup: Dedup) -> pa.Table:
        """What proves pairs by one kind, a row per node."""


@dataclass(frozen=True)
class Cut:
    """Clips of one slice of the table; `rows_` are their places within it, ascending."""

    slice: Slice
    rows_: NDArray[np.int64]
    nodes: NDArray[np.int64]
    shares: NDArray[np.int64] | None = None

    def read(self, columns: Sequence[str]) -> pa.Table:
        """Some columns of the rows."""
        found = self.slice.read(list(columns))
        whole = len(self.rows_) == found.num_rows and self.shares is None
        return found if whole else found.take(pa.array(self.rows_))

    def keys(self, *, texts: bool) -> Rows:
        keys = exact.text_keys(self.read(exact.TEXT_COLUMNS)) if texts else exact.media_keys(self.read(exact.MEDIA_COLUMNS))
        some = keys.any(axis=1)
        return np.column_stack([keys[some], self.nodes[some].astype(np.uint64)])

    def rows(self, kind: str, dedup: Dedup) -> Rows:
        return KINDS[kind].file(self.read(KINDS[kind].columns), self.nodes, dedup)

    def evidence(self, kind: str, dedup: Dedup) -> pa.Table:
        return KINDS[kind].keep(self.read(KINDS[kind].columns), dedup)


@dataclass(frozen=True)
class Ask:
    """The pairs of one share that are to be proven."""

    share: int
    src: NDArray[np.int64]
    dst: NDArray[np.int64]


def spread(rows: Rows, parts: int) -> Blobs:
    """Rows by the top of their mixed first word, so that equal first words meet in one part."""
    mixed = (rows[:, 0] ^ (rows[:, 0] >> np.uint64(29))) * np.uint64(0x9FB21C651E98DF25)
    part = ((mixed >> np.uint64(40)) * np.uint64(parts) >> np.uint64(24)).astype(np.int64)
    order = np.argsort(part, kind="stable")
    at = np.concatenate([[0], np.cumsum(np.bincount(part, minlength=parts))])
    rows = rows[order]
    for p in np.flatnonzero(np.diff(at)).tolist():
        yield p, rows[at[p]:at[p + 1]].tobytes()


def gather(blobs: Sequence[bytes], width: int) -> Rows:
    """The rows back from their bytes."""
    return np.concatenate([np.frombuffer(b, np.uint64).reshape(-1, width) for b in blobs])


def map_keys(clips: Clips, *, texts: bool, parts: int) -> Blobs:
    """Rows of the keys of equality."""
    yield from spread(clips.keys(texts=texts), parts)


def reduce_keys(part: int, blobs: Sequence[bytes]) -> pa.Table:
    """HEADS: every clip that equals a lesser one, with the least."""
    found = exact.heads(gather(blobs, 3))
    return pa.table([found[:, 0], found[:, 1]], schema=HEADS)


def map_buckets(clips: Clips, *, kind: str, dedup: Dedup, parts: int) -> Blobs:
    """Rows of one kind."""
    yield from spread(clips.rows(kind, dedup), parts)


def reduce_buckets(part: int, blobs: Sequence[bytes], *, kind: str, dedup: Dedup) -> pa.Table:
    """PAIRS: candidates."""
    src, dst = KINDS[kind].meet(gather(blobs, KINDS[kind].width), dedup)
    return pa.table([src, dst], schema=PAIRS)


def map_evidence(task: Clips | Ask, *, kind: str, dedup: Dedup) -> Blobs:
    """What is needed to prove pairs: the evidence of each clip for each share, and the pairs themselves."""
    if isinstance(task, Ask):
        yield task.share, b"A" + np.stack([task.src, task.dst]).tobytes()
        return
    assert task.shares is not None
    table = task.evidence(kind, dedup).append_column("node", pa.array(task.nodes))
    for share in np.unique(task.shares).tolist():
        sink = pa.BufferOutputStream()
        chosen = table.filter(pa.array(task.shares == share))
        with pa.ipc.new_stream(sink, chosen.schema) as stream:
            stream.write_table(chosen)
        yield share, b"E" + sink.getvalue().to_pybytes()


def reduce_evidence(part: int, blobs: Sequence[bytes], *, kind: str, dedup: Dedup) -> pa.Table:
    """PROOFS: the pairs that hold."""
    asked = np.concatenate([np.frombuffer(b, np.int64, offset=1).reshape(2, -1) for b in blobs if b[:1] == b"A"], axis=1)
    clips = pa.concat_tables([pa.ipc.open_stream(memoryview(b)[1:]).read_all() for b in blobs if b[:1] == b"E"])
    node = clips["node"].to_numpy()
    by = np.argsort(node)  # the evidence itself is not moved: it is lists
    x, y = (by[np.searchsorted(node, side, sorter=by)] for side in asked)
    score, shift = KINDS[kind].prove(clips, x, y, dedup)
    holds = score >= KINDS[kind].threshold(dedup)
    return pa.table([asked[0][holds], asked[1][holds], score[holds], pa.array(shift[holds], from_pandas=True)], schema=PROOFS)

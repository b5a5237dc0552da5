"""The three passes over the clips as pure map and reduce functions over packed bytes: equal keys, buckets, proof.

A map function reads some rows of one slice and yields (part, bytes); a reduce function gets all bytes of a part in any
order and returns a table that does not depend on that order. Who moves the bytes is the job's concern.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from jobs.dedup import exact
from jobs.dedup.match import KINDS, Kind, Rows
from jobs.lake import Slice
from schemas.settings import Dedup

Blobs = Iterator[tuple[int, bytes]]

PAIRS = pa.schema([("src", pa.int64()), ("dst", pa.int64())])
HEADS = pa.schema([("node", pa.int64()), ("head", pa.int64())])
PROOFS = pa.schema([("src", pa.int64()), ("dst", pa.int64()), ("score", pa.float64()), ("shift", pa.float64())])


@dataclass(frozen=True)
class Cut:
    """The rows of a slice that take part in a pass.

    Attributes:
        slice: Where they are.
        rows: Their places within the slice, ascending.
        nodes: Their places in the keep order.
        shares: In the proving pass, the share that each row is for; a row that is needed in several occurs repeatedly.
    """

    slice: Slice
    rows: NDArray[np.int64]
    nodes: NDArray[np.int64]
    shares: NDArray[np.int64] | None = None

    def read(self, columns: Sequence[str]) -> pa.Table:
        """Some columns of the rows."""
        found = self.slice.read(list(columns))
        whole = len(self.rows) == found.num_rows and self.shares is None
        return found if whole else found.take(pa.array(self.rows))


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


def map_keys(cut: Cut, *, texts: bool, parts: int) -> Blobs:
    """Rows (key, key, node) of the clips that have a key of equality."""
    keys = exact.text_keys(cut.read(exact.TEXT_COLUMNS)) if texts else exact.media_keys(cut.read(exact.MEDIA_COLUMNS))
    some = keys.any(axis=1)
    yield from spread(np.column_stack([keys[some], cut.nodes[some].astype(np.uint64)]), parts)


def reduce_keys(part: int, blobs: Sequence[bytes]) -> pa.Table:
    """HEADS: every clip that equals a lesser one, with the least."""
    found = exact.heads(gather(blobs, 3))
    return pa.table([found[:, 0], found[:, 1]], schema=HEADS)


def map_buckets(cut: Cut, *, kind: str, dedup: Dedup, parts: int) -> Blobs:
    """Rows of one kind."""
    of = KINDS[kind]
    yield from spread(of.file(cut.read(of.search), cut.nodes, dedup), parts)


def reduce_buckets(part: int, blobs: Sequence[bytes], *, kind: str, dedup: Dedup) -> pa.Table:
    """PAIRS: candidates."""
    src, dst = KINDS[kind].meet(gather(blobs, 3 if kind in ("pictures", "sound") else 2), dedup)
    return pa.table([src, dst], schema=PAIRS)


def map_evidence(task: Cut | Ask, *, kind: str) -> Blobs:
    """What is needed to prove pairs: the evidence of each clip for each share, and the pairs themselves."""
    if isinstance(task, Ask):
        yield task.share, b"A" + np.stack([task.src, task.dst]).tobytes()
        return
    assert task.shares is not None
    table = task.read(KINDS[kind].evidence).append_column("node", pa.array(task.nodes))
    for share in np.unique(task.shares).tolist():
        sink = pa.BufferOutputStream()
        chosen = table.filter(pa.array(task.shares == share))
        with pa.ipc.new_stream(sink, chosen.schema) as stream:
            stream.write_table(chosen)
        yield share, b"E" + sink.getvalue().to_pybytes()


def reduce_evidence(part: int, blobs: Sequence[bytes], *, kind: str, dedup: Dedup) -> pa.Table:
    """PROOFS: the pairs that hold."""
    of: Kind = KINDS[kind]
    asked = np.concatenate([np.frombuffer(b, np.int64, offset=1).reshape(2, -1) for b in blobs if b[:1] == b"A"], axis=1)
    clips = pa.concat_tables([pa.ipc.open_stream(memoryview(b)[1:]).read_all() for b in blobs if b[:1] == b"E"])
    clips = clips.sort_by("node").combine_chunks()
    node = clips["node"].to_numpy()
    score, shift = of.prove(clips, np.searchsorted(node, asked[0]), np.searchsorted(node, asked[1]), dedup)
    holds = score >= of.threshold(dedup)
    return pa.table([asked[0][holds], asked[1][holds], score[holds], pa.array(shift[holds], from_pandas=True)], schema=PROOFS)

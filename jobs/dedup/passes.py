"""The three passes over the clips as pure map and reduce functions over packed bytes: equal keys, buckets, proof.

A map function takes some clips (of one slice, or of one part of the index) and yields (part, bytes); a reduce function gets
all bytes of a part in any order and returns a table that does not depend on that order. Who moves the bytes is the job's
concern.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from jobs.dedup import exact, semantic
from jobs.dedup.match import KINDS, Rows
from jobs.errors import Terminal
from jobs.lake import Slice
from schemas.settings import Dedup

Blobs = Iterator[tuple[int, bytes]]

PAIRS = pa.schema([("src", pa.int64()), ("dst", pa.int64())])
HEADS = pa.schema([("node", pa.int64()), ("head", pa.int64())])
VECTORS = pa.schema([("vector", pa.list_(pa.float32())), ("node", pa.int64())])
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

    def evidence(self, kind: str, dedup: Dedup) -> pa.Table:
        """What proves pairs by one kind, a row per node."""


@dataclass(frozen=True)
class Cut:
    """Clips of one slice of the table; `rows_` are their places within it, ascending.

    `embeddings` is the folder with their vectors (`jobs.dedup.embeddings`), where these are asked for.
    """

    slice: Slice
    rows_: NDArray[np.int64]
    nodes: NDArray[np.int64]
    shares: NDArray[np.int64] | None = None
    embeddings: str | None = None

    def read(self, columns: Sequence[str]) -> pa.Table:
        """Some columns of the rows; `vector` is that of the embedding."""
        found = self.slice.read([c for c in columns if c != "vector"])
        if "vector" in columns:
            from jobs.dedup import embeddings

            assert self.embeddings is not None, "nobody asked for embeddings"
            found = found.append_column("vector", embeddings.read(self.embeddings, self.slice)["vector"])
        whole = len(self.rows_) == found.num_rows and self.shares is None
        return found if whole else found.take(pa.array(self.rows_))

    def keys(self, *, texts: bool) -> Rows:
        keys = exact.text_keys(self.read(exact.TEXT_COLUMNS)) if texts else exact.media_keys(self.read(exact.MEDIA_COLUMNS))
        some = keys.any(axis=1)
        return np.column_stack([keys[some], self.nodes[some].astype(np.uint64)])

    def rows(self, kind: str, dedup: Dedup) -> Rows:
        file = KINDS[kind].file
        assert file is not None, f"{kind} is filed in no buckets"
        return file(self.read(KINDS[kind].columns), self.nodes, dedup)

    def evidence(self, kind: str, dedup: Dedup) -> pa.Table:
        return KINDS[kind].keep(self.read(KINDS[kind].proof), dedup)


@dataclass(frozen=True)
class Ask:
    """The pairs of one share that are to be proven."""

    share: int
    src: NDArray[np.int64]
    dst: NDArray[np.int64]


RowsOf = Callable[[Cut], Rows]


class Shelf(Protocol):
    """Rows of clips of earlier releases (`jobs.dedup.index.Shelves`)."""

    def rows(self, shelf: str, buckets: NDArray[np.uint64], at: int) -> Rows:
        """Rows on one shelf whose first word is one of `buckets` (ascending, each once), with nodes in column `at`."""


def keys_of(texts: bool) -> str:
    """The shelf of the keys of equality."""
    return "text-keys" if texts else "media-keys"


def part_of(buckets: NDArray[np.uint64], parts: int) -> NDArray[np.int64]:
    """The part that rows of each bucket go to: parts are ranges of buckets, in order."""
    return ((buckets >> np.uint64(40)) * np.uint64(parts) >> np.uint64(24)).astype(np.int64)


def spread(rows: Rows, parts: int) -> Blobs:
    """Rows by the range of their first word."""
    part = part_of(rows[:, 0], parts)
    order = np.argsort(part, kind="stable")
    at = np.concatenate([[0], np.cumsum(np.bincount(part, minlength=parts))])
    rows = rows[order]
    for p in np.flatnonzero(np.diff(at)).tolist():
        yield p, rows[at[p]:at[p + 1]].tobytes()


def gather(blobs: Sequence[bytes], width: int) -> Rows:
    """The rows back from their bytes."""
    return np.concatenate([np.frombuffer(b, np.uint64).reshape(-1, width) for b in blobs])


def with_known(rows: Rows, known: Sequence[Shelf], shelf: str, at: int) -> Rows:
    """Rows of new clips and those of earlier releases that share a bucket with one."""
    if not known:
        return rows
    buckets = np.unique(rows[:, 0])
    met = (one.rows(shelf, buckets, at) for one in known)
    return np.concatenate([*(found for found in met if len(found)), rows])  # where nothing was met nobody knows how wide its rows would be


def key_rows(clips: Cut, *, texts: bool) -> Rows:
    """Rows of the keys of equality."""
    return clips.keys(texts=texts)


def bucket_rows(clips: Cut, *, kind: str, dedup: Dedup) -> Rows:
    """Rows of one kind."""
    return clips.rows(kind, dedup)


def map_rows(clips: Cut, *, rows: RowsOf, parts: int) -> Blobs:
    """The rows of some clips."""
    yield from spread(rows(clips), parts)


def reduce_keys(part: int, blobs: Sequence[bytes], *, texts: bool, known: Sequence[Shelf] = ()) -> pa.Table:
    """HEADS: every clip that equals a lesser one, with the least."""
    found = exact.heads(with_known(gather(blobs, 3), known, keys_of(texts), 2))
    return pa.table([found[:, 0], found[:, 1]], schema=HEADS)


def reduce_buckets(part: int, blobs: Sequence[bytes], *, kind: str, dedup: Dedup, known: Sequence[Shelf] = (), known_nodes: int,
                   unasked: NDArray[np.int64]) -> pa.Table:
    """PAIRS: candidates, of which one at least is new; clips of earlier releases that are among `unasked` take no part."""
    meet = KINDS[kind].meet
    assert meet is not None
    rows = with_known(gather(blobs, KINDS[kind].width), known, f"{kind}.rows", 1)
    src, dst = meet(rows[~np.isin(rows[:, 1].astype(np.int64), unasked)] if len(unasked) else rows, dedup, known_nodes)
    return pa.table([src, dst], schema=PAIRS)


def map_sample(clips: Clips, *, dedup: Dedup) -> Blobs:
    """The vectors of some clips and their nodes."""
    yield 0, _bytes(clips.evidence("semantic", dedup).append_column("node", pa.array(clips.nodes)))


def reduce_sample(part: int, blobs: Sequence[bytes]) -> pa.Table:
    """VECTORS, in the order of the nodes: cells are learnt from places in it."""
    return pa.concat_tables([_table(b) for b in blobs]).cast(VECTORS).sort_by("node")


def map_cells(task: tuple[Clips, NDArray[np.int32]], *, centres: NDArray[np.float32], dedup: Dedup, parts: int) -> Blobs:
    """The vector of every clip, and the code of its source, for each of its cells."""
    clips, source = task
    vectors, some = semantic.matrix(clips.evidence("semantic", dedup)["vector"], clips.nodes)
    if not len(some):
        return
    if len(centres) and centres.shape[1] != vectors.shape[1]:
        raise Terminal(f"embeddings are {vectors.shape[1]} numbers wide for some clips and {centres.shape[1]} for others; "
                       "label all of them with one model")
    cells = semantic.nearest(semantic.unit(vectors), centres)
    row, cell = np.repeat(np.arange(len(some)), cells.shape[1]), cells.ravel()
    for part in np.unique(cell % parts).tolist():
        here = np.flatnonzero(cell % parts == part)
        head = np.array([len(here), vectors.shape[1]])
        yield part, b"".join(x.tobytes() for x in (head, cell[here], *(of[some[row[here]]].astype(np.int64) for of in (clips.nodes, source)), vectors[row[here]]))


def reduce_cells(part: int, blobs: Sequence[bytes], *, dedup: Dedup, known: int = 0) -> pa.Table:
    """PROOFS: pairs of two sources that share a cell, are not both below `known`, and are close enough; a pair may occur in several parts."""
    held = []
    for blob in blobs:
        rows, width = np.frombuffer(blob, np.int64, 2).tolist()
        numbers = np.frombuffer(blob, np.int64, 3 * rows, 16).reshape(3, rows)
        held.append((*numbers, np.frombuffer(blob, np.float16, offset=16 + 24 * rows).reshape(rows, width)))
    cell, node, source, vectors = (np.concatenate(one) for one in zip(*held, strict=True))
    order = np.argsort(cell, kind="stable")
    bounds = np.flatnonzero(np.diff(cell[order], prepend=-1, append=-1))
    found = [PROOFS.empty_table()]
    for first, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        here = order[first:end]
        (src, dst), cosine = semantic.pairs(semantic.unit(vectors[here]), node[here], source[here], dedup.cosine, known)
        found.append(pa.table([src, dst, cosine, pa.nulls(len(src), pa.float64())], schema=PROOFS))
    return pa.concat_tables(found)


def _bytes(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return bytes(sink.getvalue())


def _table(blob: bytes, skip: int = 0) -> pa.Table:
    return pa.ipc.open_stream(memoryview(blob)[skip:]).read_all()


def map_evidence(task: Clips | Ask, *, kind: str, dedup: Dedup) -> Blobs:
    """What is needed to prove pairs: the evidence of each clip for each share, and the pairs themselves."""
    if isinstance(task, Ask):
        yield task.share, b"A" + np.stack([task.src, task.dst]).tobytes()
        return
    assert task.shares is not None
    table = task.evidence(kind, dedup).append_column("node", pa.array(task.nodes))
    for share in np.unique(task.shares).tolist():
        yield share, b"E" + _bytes(table.filter(pa.array(task.shares == share)))


def reduce_evidence(part: int, blobs: Sequence[bytes], *, kind: str, dedup: Dedup) -> pa.Table:
    """PROOFS: the pairs that hold."""
    asked = np.concatenate([np.frombuffer(b, np.int64, offset=1).reshape(2, -1) for b in blobs if b[:1] == b"A"], axis=1)
    clips = pa.concat_tables([_table(b, 1) for b in blobs if b[:1] == b"E"])
    node = clips["node"].to_numpy()
    by = np.argsort(node)  # the evidence itself is not moved: it is lists
    x, y = (by[np.searchsorted(node, side, sorter=by)] for side in asked)
    prove = KINDS[kind].prove
    assert prove is not None
    score, shift = prove(clips, x, y, dedup)
    holds = score >= KINDS[kind].threshold(dedup)
    return pa.table([asked[0][holds], asked[1][holds], score[holds], pa.array(shift[holds], from_pandas=True)], schema=PROOFS)

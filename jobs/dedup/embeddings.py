"""The embeddings that semantic dedup compares: one unit vector a clip, as the labeler `clip_embedding` makes them.

Dedup comes before label, so that no model looks at a duplicate. Vectors are therefore taken from the labels that stand, where
these were made by the same labeler with the same model of clips measured alike, and made here from the stored frames where
they are not. They are kept beside the clips, in `_embeddings/<clips>-<model>/`: a file for each row group, a row for each clip,
null where there is no frame or nothing asked yet. So another threshold runs no model again.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from jobs.dedup import passes, semantic
from jobs.errors import Terminal
from jobs.label.job import FACT, worker_device
from jobs.label.labeler import Absent, Batch, labelers
from jobs.label.plan import same_measuring
from jobs.lake import Lake, Slice, Version
from jobs.rows import Holders, whole
from schemas import CLIPS, LABELS
from schemas.settings import Label, Settings

FOLDER, LABELER = "_embeddings", "clip_embedding"
SCHEMA = pa.schema([("vector", pa.list_(pa.float16()))])
MADE = pa.schema([("made", pa.int64())])
BATCH = 64
"""Clips whose frames are in memory at once."""


@dataclass(frozen=True)
class Task:
    """Clips of one slice that need a vector.

    Attributes:
        cut: Which.
        standing: Row groups of labels that hold vectors of some.
    """

    cut: passes.Cut
    standing: tuple[Slice, ...]


def identity(label: Label) -> str:
    """What a vector depends on besides the clip.

    Raises:
        Terminal: the model is not at hand, so clips cannot be compared by meaning.
    """
    labeler = labelers()[LABELER]
    try:
        return labeler.identity(label, labeler.model(label))
    except Absent as why:
        raise Terminal(f"`semantic` in dedup.methods needs a model: {why}") from None


def home(clips: Version, label: Label) -> str:
    """The folder below FOLDER for the vectors of some clips."""
    return f"{clips.fingerprint}-{identity(label).replace('/', '-')}"


def read(folder: str, piece: Slice) -> pa.Table:
    """The vectors of a slice, a row for each of its rows."""
    lake = Lake(piece.root)
    with lake.parquet(lake.path(FOLDER, folder, _name(piece))) as file:
        return file.read().cast(SCHEMA)


def missing(lake: Lake, clips: Version, cuts: Sequence[passes.Cut], label: Label) -> list[Task]:
    """What must be done before the vectors of these clips can be read."""
    standing = _standing(lake, clips, label)
    todo = [left for cut in cuts if (left := _without(cut)) is not None]
    if not standing or not todo:
        return [Task(cut, ()) for cut in todo]
    ids = whole(pa.chunked_array([chunk for cut in todo for chunk in cut.slice.read(["clip_id"])["clip_id"].take(pa.array(cut.rows_)).chunks]))
    held, ends = Holders(standing, ids), np.cumsum([len(cut.rows_) for cut in todo])
    return [Task(cut, held.of(np.arange(end - len(cut.rows_), end))) for cut, end in zip(todo, ends, strict=True)]


def _without(cut: passes.Cut) -> passes.Cut | None:
    """The clips of a cut that have no vector yet."""
    assert cut.embeddings is not None
    lake = Lake(cut.slice.root)
    if not lake.fs.exists(lake.path(FOLDER, cut.embeddings, _name(cut.slice))):
        return cut
    none = np.flatnonzero(~np.asarray(read(cut.embeddings, cut.slice)["vector"].take(pa.array(cut.rows_)).is_valid()))
    return replace(cut, rows_=cut.rows_[none], nodes=cut.nodes[none]) if len(none) else None


def make(task: Task, *, settings: Settings) -> passes.Blobs:
    """Write the vectors of one task. Runs on a worker; the model stays loaded in its process."""
    cut = task.cut
    lake = Lake(cut.slice.root)
    ids = cut.read(["clip_id"])["clip_id"].to_pylist()
    found = _labelled(task.standing, ids)
    left = np.array([i for i, clip_id in enumerate(ids) if clip_id not in found], np.int64)
    if len(left):
        frames = cut.slice.read(["clip_id", "frames"]).take(pa.array(cut.rows_[left]))
        state = _loaded(settings.recipe.label.model_dump_json(), worker_device(settings.runtime.device))
        for start in range(0, len(left), BATCH):
            rows = frames.slice(start, BATCH).to_pylist()
            said = labelers()[LABELER].label(state, Batch(rows))
            found |= {f.clip_id: f.vector for f in said if f.vector is not None}
    vectors = pa.array([found.get(clip_id) for clip_id in ids], SCHEMA.field("vector").type)
    semantic.matrix(pa.chunked_array([vectors]), ids)
    assert cut.embeddings is not None
    path = lake.path(FOLDER, cut.embeddings, _name(cut.slice))
    before = read(cut.embeddings, cut.slice)["vector"].to_pylist() if lake.fs.exists(path) else [None] * cut.slice.rows
    for row, vector in zip(cut.rows_.tolist(), vectors.to_pylist(), strict=True):
        before[row] = vector
    _put(lake, cut.embeddings, cut.slice, pa.table([before], schema=SCHEMA))
    yield 0, np.int64(len(left)).tobytes()


def erase(lake: Lake, sources: Collection[str]) -> None:
    """Take the vectors of all clips of some sources out of the files."""
    for folder in lake.names(FOLDER):
        clips = lake.version(CLIPS, folder.split("-", 1)[0])
        if clips is None:  # nobody can tell whose they are, and nobody will read them
            lake.remove(FOLDER, folder)
        for piece in clips.slices() if clips else ():
            mine = pc.is_in(piece.read(["source_id"])["source_id"], value_set=pa.array(sorted(sources), pa.string()))
            if pc.any(mine).as_py() and lake.fs.exists(lake.path(FOLDER, folder, _name(piece))):
                vectors = read(folder, piece)["vector"].take(pa.array(np.arange(piece.rows), mask=np.asarray(mine)))
                _put(lake, folder, piece, pa.table([vectors], schema=SCHEMA))


def count(part: int, blobs: Sequence[bytes]) -> pa.Table:
    """MADE: how many vectors a model made."""
    return pa.table([[int(sum(np.frombuffer(b, np.int64)[0] for b in blobs))]], schema=MADE)


@cache
def _loaded(label_json: str, device: str) -> object:
    return labelers()[LABELER].load(Label.model_validate_json(label_json), device)


def _labelled(standing: Sequence[Slice], ids: Sequence[str]) -> dict[str, NDArray[np.float16]]:
    found: dict[str, NDArray[np.float16]] = {}
    for piece in standing:
        rows = piece.read(["clip_id", "labeler", "key", "vector"])
        mine = pc.and_(pc.and_(pc.equal(rows["labeler"], LABELER), pc.equal(rows["key"], "embedding")),
                       pc.is_in(rows["clip_id"], value_set=pa.array(ids, pa.string())))
        rows = rows.filter(mine)
        found |= {clip: vector.values.to_numpy() for clip, vector in zip(rows["clip_id"].to_pylist(), rows["vector"], strict=True)
                  if vector.is_valid}
    return found


def _standing(lake: Lake, clips: Version, label: Label) -> Version | None:
    """The current labels, if their vectors are those that would be made here."""
    fingerprint = lake.current("label")
    labels = lake.version(LABELS, fingerprint) if fingerprint else None
    if labels is None:
        return None
    parents: Mapping[str, str] = labels.manifest["parents"]
    measured = next((fp for name, fp in parents.items() if name.startswith(f"{CLIPS.name}@")), None)
    before = lake.version(CLIPS, measured) if measured else None
    same = before is not None and same_measuring(clips.manifest, before.manifest)
    return labels if same and parents.get(f"{FACT}{LABELER}") == identity(label) else None


def _put(lake: Lake, folder: str, piece: Slice, vectors: pa.Table) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(vectors, sink, compression="zstd", use_dictionary=False)
    lake.put(sink.getvalue().to_pybytes(), FOLDER, folder, _name(piece))


def _name(piece: Slice) -> str:
    """`<part>.<row groups>.parquet`."""
    return f"{piece.path.rsplit('/', 1)[1].removesuffix('.parquet')}.{'-'.join(map(str, piece.groups))}.parquet"

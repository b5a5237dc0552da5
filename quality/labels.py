"""The gate of `labels`: labels belong to clips, say something, name their weights, and reach what was kept."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from quality.gate import Around, Example, Gate, between, holds, joined, known, matches, rate, share
from schemas import CLIPS, LABELS, REJECTS

LENGTH_SLACK = 0.01
"""How far the length of a vector may be from 1: float16 numbers sum up to less than a tenth of that."""


def derive(rows: pa.Table, around: Around) -> Mapping[str, pa.Array]:
    """Parents that exist, labels with a content, models with a revision."""
    said = pc.or_(pc.or_(pc.is_valid(rows["score"]), pc.is_valid(rows["text"])), pc.is_valid(rows["vector"]))
    return {
        "clip_exists": known(rows["clip_id"], around, CLIPS, "clip_id"),
        "says_something": joined(said),
        "vector_fits": _fits(rows),
        "model_has_revision": joined(pc.or_(pc.is_null(rows["model"]), pc.is_valid(rows["revision"]))),
    }


def _fits(rows: pa.Table) -> pa.Array:
    """Vectors of length 1 that have as many numbers as most of their labeler; true where there is none."""
    vectors = pa.chunked_array(rows["vector"]).combine_chunks()
    found = np.flatnonzero(np.asarray(vectors.is_valid()))
    fits = np.ones(len(rows), bool)
    if not len(found):
        return pa.array(fits)
    held = vectors.take(pa.array(found))
    width = np.asarray(pc.list_value_length(held))
    starts = np.concatenate([[0], np.cumsum(width)])
    squares = np.concatenate([[0.0], np.cumsum(np.square(held.flatten().to_numpy(zero_copy_only=False).astype(np.float64)))])
    length = np.sqrt(squares[starts[1:]] - squares[starts[:-1]])
    labelers = np.asarray(rows["labeler"].take(pa.array(found)))
    for labeler in np.unique(labelers):
        mine = labelers == labeler
        values, counts = np.unique(width[mine], return_counts=True)
        fits[found[mine]] = (width[mine] == values[counts.argmax()]) & (abs(length[mine] - 1) < LENGTH_SLACK)
    return pa.array(fits)


def facts(rows: pa.Table, around: Around) -> Mapping[str, float | None]:
    """Share of the kept pictures and videos that have a label, and of the clips that no labeler still has to ask about."""
    waits: dict[str, int] = {}
    for fact in around.manifest.get("measured", ()):
        waits[fact.get("labeler", "")] = waits.get(fact.get("labeler", ""), 0) + fact.get("passing", 0)
    asked = share(around.manifest.get("seen", 0) - max(waits.values(), default=0), around.manifest.get("seen", 0))
    return {"asked_share": asked, **_labelled(rows, around)}


def _labelled(rows: pa.Table, around: Around) -> Mapping[str, float | None]:
    clips = around.parent(CLIPS, ["clip_id", "modality"])
    if clips is None:
        return {"labelled_share": None}
    pictures = clips.filter(pc.is_in(clips["modality"], value_set=pa.array(["video", "image"])))["clip_id"]
    rejects = around.parent(REJECTS, ["sample_id"])
    if rejects is not None:
        pictures = pictures.filter(pc.invert(pc.is_in(pictures, value_set=joined(rejects["sample_id"]))))
    reached = pc.sum(pc.is_in(pictures, value_set=joined(pc.unique(rows["clip_id"])))).as_py() or 0
    return {"labelled_share": share(reached, len(pictures))}


_ROW = {"clip_id": "1" * 32, "labeler": "clip_tags", "labeler_version": 1, "model": "embedded", "revision": "0" * 12,
        "key": "scene:beach", "score": 0.8}
_VECTOR = {**_ROW, "labeler": "clip_embedding", "key": "embedding", "score": None}
_CLIPS = [{"clip_id": c * 32, "modality": "video"} for c in "12"]

GATE = Gate(
    LABELS,
    checks=(
        matches("labeler", "^[a-z][a-z0-9_]*$", "labeler must be the name of a file in jobs/label/labelers"),
        matches("key", r"^\S", "key must not be empty"),
        between("labeler_version", 1),
        holds("clip_exists", "clip_id must be a clip of the batch"),
        holds("says_something", "a label must have a score, a text or a vector"),
        holds("vector_fits", "a vector must have length 1 and as many numbers as the others of its labeler"),
        holds("model_has_revision", "a label made by a model must name the revision of its weights"),
        rate("labelled_share", 0.5, None, "at least half of the kept pictures and videos must be labelled"),
        rate("asked_share", 0.999, None, "some clips had a fault that may pass (status unanswered, unreadable); `reelmill run label --only LABELER` "
             "asks about them again", "warn"),
        rate("labelled_share", 0.99, None, "all kept pictures and videos should be labelled", "warn"),
    ),
    reads=("vector",),
    derive=derive,
    facts=facts,
    good=Example([_ROW, {**_ROW, "clip_id": "2" * 32}, {**_VECTOR, "vector": [0.6, 0.8]}, {**_VECTOR, "clip_id": "2" * 32, "vector": [1.0, 0.0]}],
                 parents={"clips": _CLIPS}, manifest={"seen": 2, "measured": [{"labeler": "caption", "clips": 2}]}),
    bad=Example(
        [{**_ROW, "clip_id": "9" * 32, "labeler_version": 0}, {**_ROW, "score": None}, {**_ROW, "key": "b", "revision": None},
         {**_VECTOR, "vector": [0.6, 0.8]}, {**_VECTOR, "key": "other", "vector": [1.0]}, {**_VECTOR, "key": "long", "vector": [3.0, 4.0]}],
        parents={"clips": [*_CLIPS, {"clip_id": "3" * 32, "modality": "image"}]},
        manifest={"seen": 100, "measured": [{"labeler": "caption", "passing": 1}, {"labeler": "ocr", "clips": 100}]},
        fails=("labeler_version_range", "clip_exists", "says_something", "vector_fits", "model_has_revision", "labelled_share",
               "labelled_share_warn", "asked_share_warn")),
)

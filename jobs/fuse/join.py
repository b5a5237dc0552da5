"""From a clip, its labels and its media to one row of `samples`, and which labels keep a clip out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from jobs.errors import Terminal
from jobs.label.blocklist import TEXTS as LABEL_TEXTS
from jobs.label.blocklist import first_in, words
from jobs.lake import Version
from schemas.rejects import Why
from schemas.settings import Label

Row = Mapping[str, Any]

COPIED = (
    "source_id",
    "modality",
    "title",
    "caption",
    "transcript",
    "text",
    "licence",
    "start_s",
    "end_s",
    "duration_s",
    "width",
    "height",
    "fps",
    "motion",
    "sharpness",
    "loudness_lufs",
    "speech_share",
)
"""Columns of `samples` that are those of `clips`."""
OWN_COLUMNS = frozenset({("clip_embedding", "embedding")})
"""Labels that have a column of their own."""
TEXTS = ("title", "caption", "transcript", "text")


@dataclass(frozen=True)
class Media:
    """The media bytes of one sample.

    Attributes:
        cut: smart, copy, encode, range or whole.
        start_s: Where they really start in the source, seconds; None for pictures and texts.
    """

    cut: str
    start_s: float | None = None
    media_type: str | None = None
    video: bytes | None = None
    image: bytes | None = None
    audio: bytes | None = None
    audio_type: str | None = None


def score(labels: Sequence[Row], labeler: str, *keys: str) -> float | None:
    """The score of the first of these keys that the labeler has said something about."""
    found = {row["key"]: row["score"] for row in labels if row["labeler"] == labeler}
    return next((found[k] for k in keys if found.get(k) is not None), None)


NEEDED = {"min_similarity": "clip_text_similarity", "min_consistency": "clip_embedding", "max_unsafe": "safety"}
"""Threshold of `label` -> the labeler whose labels it is held against."""


def judgeable(label: Label, labels: Version, pictures: bool) -> None:
    """Make sure that every threshold that is set is held against something: else it would let everything pass.

    Args:
        labels: Whose labelers may have had nothing to say of these clips, but ran.
        pictures: Whether any clip has a picture, of which the labeler of safety says `unsafe` where it has a model.

    Raises:
        Terminal: the labels for one were never made.
    """
    for name, labeler in NEEDED.items():
        if getattr(label, name) is not None and f"labeler {labeler}" not in labels.manifest["parents"]:
            raise Terminal(f"label.{name}={getattr(label, name)} would let everything pass: the labeler {labeler} did not run; name it in "
                           "label.labelers, or none, and label again")
    if label.max_unsafe is not None and pictures and not any(labels.each(_says_unsafe, ["labeler", "key"])):
        raise Terminal(f"label.max_unsafe={label.max_unsafe} would let everything pass: no picture was looked at; name a label.safety_model, or "
                       "another label.clip_model than the embedded one, and label again")


def _says_unsafe(labels: pa.Table) -> bool:
    return bool(pc.any(pc.and_(pc.equal(labels["labeler"], "safety"), pc.equal(labels["key"], "unsafe"))).as_py())


def verdict(clip: Row, labels: Sequence[Row], label: Label) -> Why | None:
    """Judge a clip by its labels; thresholds that are not set judge nothing."""
    similarity = score(labels, "clip_text_similarity", "caption", "title")
    if label.min_similarity is not None and similarity is not None and similarity < label.min_similarity:
        return Why("clip_text_similarity", "off_caption", similarity, "<", label.min_similarity)
    consistency = score(labels, "clip_embedding", "consistency")
    if label.min_consistency is not None and consistency is not None and consistency < label.min_consistency:
        return Why("clip_embedding", "missed_cut", consistency, "<", label.min_consistency)
    unsafe = score(labels, "safety", "unsafe")
    if label.max_unsafe is not None and unsafe is not None and unsafe > label.max_unsafe:
        return Why("safety", "unsafe", unsafe, ">", label.max_unsafe)
    if label.max_unsafe is not None and unsafe is None and clip["modality"] in ("video", "image"):
        return Why("safety", "unsafe", None, ">", label.max_unsafe, "nothing looked at its picture: it has no stored frame that can be read")
    blocked = next((row["text"] for row in labels if row["labeler"] == "safety" and row["key"] == "blocked_word"), None)
    if blocked is None:
        blocked = first_in((row["text"] for row in labels if (row["labeler"], row["key"]) in LABEL_TEXTS), words(label))
    if blocked is not None:
        return Why("safety_words", "unsafe", 1.0, ">", 0.0, f"blocked word {blocked!r}")
    return None


def sample(clip: Row, source: Row, labels: Sequence[Row], media: Media, split: str, engagement: float | None) -> dict[str, Any]:
    """One row of `samples`."""
    vector = next((row["vector"] for row in labels if (row["labeler"], row["key"]) == ("clip_embedding", "embedding")), None)
    frames = clip["frames"] or []
    return {
        "sample_id": clip["clip_id"],
        "split": split,
        "uri": source["uri"],
        "lang": language(clip, labels),
        **{name: clip[name] for name in COPIED},
        "similarity": score(labels, "clip_text_similarity", "caption", "title"),
        "embedding": vector,
        "labels": [
            {k: row[k] for k in ("labeler", "key", "score", "text")} for row in labels if (row["labeler"], row["key"]) not in OWN_COLUMNS
        ],
        "engagement": engagement,
        "cut": media.cut,
        "cut_start_s": media.start_s,
        "media_type": media.media_type,
        "video": media.video,
        "image": media.image,
        "audio": media.audio,
        "audio_type": media.audio_type,
        "thumbnail": frames[len(frames) // 2]["jpeg"] if frames else None,
    }


def language(clip: Row, labels: Sequence[Row]) -> str | None:
    """As given, else as identified from the first text that there is."""
    if clip["lang"]:
        return str(clip["lang"])
    said = {row["key"]: row["text"] for row in labels if row["labeler"] == "language"}
    found: str | None = next((said[k] for k in TEXTS if said.get(k)), clip["lang_detected"])
    return found

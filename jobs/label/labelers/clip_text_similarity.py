"""Cosine of a clip's pictures and each text that came with it: keys `title`, `caption` and `transcript`.

A text in a language that the model does not understand gets no row, nor does a picture that the embedded model does not know.
"""

from dataclasses import dataclass

import numpy as np

from jobs.clean.texts import identifier
from jobs.label import clip
from jobs.label.familiar import Familiar, familiar
from jobs.label.labeler import Batch, Found, Labeler, Model, rounded
from jobs.label.labelers import language
from jobs.label.tags import speaks_chinese
from jobs.label.weights import find
from jobs.label.words import han_share, japanese
from schemas.settings import Label

FIELDS = ("title", "caption", "transcript")
FOREIGN = 0.9
"""Probability from which a text in Latin letters is in the other language that it looks like; short English ones look like many."""
HAN_SHARE = 0.2
"""Share of letters that are Han from which a text counts as Chinese: an ideograph says as much as several Latin letters."""


@dataclass(frozen=True)
class State:
    tower: clip.Tower
    familiar: Familiar
    chinese: bool


def model(settings: Label) -> Model:
    return find(settings.clip_model, settings.clip_pretrained).model


def load(settings: Label, device: str) -> State:
    tower = clip.tower(settings, device)
    return State(tower, familiar(tower), speaks_chinese(tower))


def understood(text: str, chinese: bool) -> bool:
    """Whether a text can be compared by a model that reads English and, if `chinese`, Chinese."""
    letters = [c for c in text if c.isalpha()]
    if not letters or japanese(text):
        return False
    if han_share(text) >= HAN_SHARE:
        return chinese
    if sum(c < "\u0250" for c in letters) / len(letters) <= 0.5:
        return False
    lang, share = language.told(identifier(), language.readable(text))
    return lang == "en" or share < FOREIGN


def label(state: State, batch: Batch) -> list[Found]:
    frames = clip.frame_vectors(state.tower, batch)
    asked = [
        (row["clip_id"], key, row[key])
        for row in batch.rows
        for key in FIELDS
        if row["clip_id"] in frames and row[key] and understood(row[key], state.chinese)
    ]
    known = {clip_id: state.familiar.knows(frames[clip_id]) for clip_id in sorted({clip_id for clip_id, _, _ in asked})}
    asked = [item for item in asked if known[item[0]]]
    texts = state.tower.text([text for _, _, text in asked])
    state.tower.forget()
    return [
        Found(clip_id, key, rounded(np.dot(clip.pooled(frames[clip_id]), vector)))
        for (clip_id, key, _), vector in zip(asked, texts, strict=True)
    ]


LABELER = Labeler(
    "clip_text_similarity",
    version=6,
    needs=("frames", *FIELDS),
    options=("clip_model", "clip_pretrained", "batch"),
    model=model,
    load=load,
    label=label,
)

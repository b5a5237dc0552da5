"""Zero-shot tags: what a clip shows, in groups (subject, setting, action, ...), from all its stored frames.

Keys are `group/tag` with the probability within the group as score and the tag's Chinese word as text; `group/unknown` where
none of the tags is likelier than nothing in particular.
"""

from dataclasses import dataclass

from jobs.label import clip
from jobs.label.familiar import Familiar, familiar
from jobs.label.labeler import Batch, Found, Labeler, Model, rounded
from jobs.label.tags import Classes, claimed, classes, probabilities
from jobs.label.vocabulary import UNKNOWN, groups, phrases
from jobs.label.weights import find
from schemas.settings import Label


@dataclass(frozen=True)
class State:
    tower: clip.Tower
    familiar: Familiar
    classes: tuple[Classes, ...]
    words: dict[str, str]
    top_k: int


def model(settings: Label) -> Model:
    groups(settings)  # refuses a vocabulary that cannot be asked for
    return find(settings.clip_model, settings.clip_pretrained).model


def load(settings: Label, device: str) -> State:
    tower, asked = clip.tower(settings, device), groups(settings)
    words = {f"{g.name}/{tag}": next(iter(phrases(chinese)), None) for g in asked for tag, (_, chinese) in g.tags.items()}
    return State(tower, familiar(tower), classes(tower, asked), {k: w for k, w in words.items() if w}, settings.top_k)


def label(state: State, batch: Batch) -> list[Found]:
    found = []
    for clip_id, frames in clip.frame_vectors(state.tower, batch).items():
        known = state.familiar.knows(frames)
        for group in state.classes:
            tags = claimed(probabilities(group, frames, state.tower.scale), state.top_k) if known else [(UNKNOWN, 1.0)]
            for tag, share in tags:
                key = f"{group.name}/{tag}"
                found.append(Found(clip_id, key, rounded(share), state.words.get(key)))
    return found


LABELER = Labeler(
    "clip_tags",
    version=5,
    needs=("frames",),
    options=("clip_model", "clip_pretrained", "vocabulary", "top_k", "batch"),
    model=model,
    load=load,
    label=label,
)

"""The clip as a unit vector (`embedding`), and how alike its frames are (`consistency`).

Consistency is the least cosine of neighbouring stored frames; a missed cut shows as a low one (EasyAnimate keeps clips from
0.8). Pictures have one frame and no consistency.
"""

import numpy as np

from jobs.label import clip
from jobs.label.labeler import Batch, Found, Labeler, Model, rounded
from jobs.label.weights import find
from schemas.settings import Label


def model(settings: Label) -> Model:
    return find(settings.clip_model, settings.clip_pretrained).model


def label(tower: clip.Tower, batch: Batch) -> list[Found]:
    found = []
    for clip_id, frames in clip.frame_vectors(tower, batch).items():
        found.append(Found(clip_id, "embedding", vector=clip.pooled(frames).astype(np.float16)))
        if len(frames) > 1:
            found.append(Found(clip_id, "consistency", rounded((frames[1:] * frames[:-1]).sum(axis=1).min())))
    return found


LABELER = Labeler(
    "clip_embedding",
    version=3,
    needs=("frames",),
    options=("clip_model", "clip_pretrained", "batch"),
    model=model,
    load=clip.tower,
    label=label,
)

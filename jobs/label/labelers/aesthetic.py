"""Aesthetic score of a clip by a head over CLIP embeddings (`score`), the mean over its frames, in the head's own unit.

The head is a safetensors file (`label.aesthetic_head`) of one or more linear layers, as LAION's predictors are: weights named
`...<n>.weight` are applied in the order of n. Its metadata may say `activation: relu`; LAION's heads have none between their layers.
A head with another activation, with numbers that are none or too large to sum, with anything but linear layers (a normalisation), or
whose layers do not fit each other or the embedding of `label.clip_model` is refused.
"""

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jobs.errors import Terminal
from jobs.label import clip
from jobs.label.labeler import Absent, Batch, Found, Labeler, Model, rounded
from jobs.label.weights import PICKLES, find, sha256_12
from schemas.settings import Label


@dataclass(frozen=True)
class Head:
    """Linear layers in order; `relu` between them if the file says so."""

    layers: tuple[tuple[clip.Vectors, clip.Vectors], ...]
    relu: bool

    def score(self, vectors: clip.Vectors) -> clip.Vectors:
        """One number per row."""
        for i, (weight, bias) in enumerate(self.layers):
            vectors = vectors @ weight.T + bias
            if self.relu and i + 1 < len(self.layers):
                vectors = np.maximum(vectors, 0)
        return vectors[:, 0]


@dataclass(frozen=True)
class State:
    tower: clip.Tower
    head: Head
    file: Path


def model(settings: Label) -> Model:
    if not settings.aesthetic_head:
        raise Absent("label.aesthetic_head names no file")
    backbone, file = find(settings.clip_model, settings.clip_pretrained), _file(settings)
    read(file)
    return Model(f"{file.name} over {backbone.name}", f"{sha256_12(file)}-{backbone.revision}")


def _file(settings: Label) -> Path:
    file = Path(settings.aesthetic_head)
    if file.suffix in PICKLES:
        raise Terminal(f"{file}: a pickle can run any code when it is loaded and is refused; convert it to safetensors first")
    if not file.is_file():
        raise Terminal(f"{file}: no such file (label.aesthetic_head)")
    return file


def read(file: Path) -> Head:
    """The head in a file.

    Raises:
        Terminal: not safetensors, no chain of linear layers and nothing else, or more than one number at its end.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(file), "pt") as data:  # NumPy has no bfloat16
            found = {name: data.get_tensor(name) for name in data.keys()}  # noqa: SIM118
            activation = (data.metadata() or {}).get("activation", "none")
    except (SafetensorError, OSError, ValueError) as error:
        raise Terminal(f"{file}: not a readable safetensors file ({error})") from None
    if odd := sorted(name for name, t in found.items() if not t.is_floating_point()):
        raise Terminal(f"{file}: {odd[0]} holds {str(found[odd[0]].dtype).removeprefix('torch.')}; a head is made of floating-point numbers")
    tensors = {name: t.float().numpy() for name, t in found.items()}
    numbered = sorted((int((re.findall(r"\d{1,9}", name) or ["0"])[-1]), name) for name, t in tensors.items() if t.ndim == 2)
    if activation not in ("none", "relu"):
        raise Terminal(f"{file}: its activation {activation!r} is unknown; there are none and relu")
    if broken := sorted(name for name, t in tensors.items() if not np.isfinite(t).all()):
        raise Terminal(f"{file}: {broken[0]} holds what is no number (NaN or infinite); the head is damaged")
    bias = {n: n.removesuffix("weight") + "bias" for _, n in numbered}
    layers = tuple((tensors[n], tensors.get(b, np.zeros(len(tensors[n]), np.float32))) for n, b in bias.items())
    fits = all(a[0].shape[0] == b[0].shape[1] for a, b in zip(layers, layers[1:], strict=False))
    fits = fits and all(shift.shape == weight.shape[:1] for weight, shift in layers)
    if not layers or not fits or layers[-1][0].shape[0] != 1:
        shapes = {name: list(t.shape) for name, t in sorted(tensors.items())}
        raise Terminal(f"{file}: not a chain of linear layers that ends in one number: {shapes}")
    if unused := sorted(tensors.keys() - bias.keys() - set(bias.values())):
        raise Terminal(f"{file}: {unused[0]} is neither weight nor bias of a linear layer, and without it the score would be another; name weights `...weight` and biases `...bias`")
    return Head(layers, activation == "relu")


def load(settings: Label, device: str) -> State:
    tower, file = clip.tower(settings, device), _file(settings)
    head, width = read(file), len(tower.text(["x"])[0])
    if head.layers[0][0].shape[1] != width:
        raise Terminal(
            f"{file}: the head was made for embeddings of {head.layers[0][0].shape[1]} numbers, those of "
            f"{settings.clip_model!r} have {width}; use the head of that model or another label.clip_model"
        )
    return State(tower, head, file)


def label(state: Any, batch: Batch) -> list[Found]:
    with np.errstate(over="ignore", invalid="ignore"):
        scores = {i: float(state.head.score(frames).mean()) for i, frames in clip.frame_vectors(state.tower, batch).items()}
    if not all(map(math.isfinite, scores.values())):
        raise Terminal(f"{state.file}: its scores are no numbers (infinite); the head is damaged or of another model (label.aesthetic_head)")
    return [Found(clip_id, "score", rounded(score)) for clip_id, score in scores.items()]


LABELER = Labeler(
    "aesthetic",
    version=3,
    needs=("frames",),
    options=("clip_model", "clip_pretrained", "aesthetic_head", "batch"),
    model=model,
    load=load,
    label=label,
)

"""An open_clip model as the labelers use it: frames and texts in, unit vectors out.

Every forward pass has the same shape (short batches are filled up with black pictures), because a matrix product may differ in
its last bits with its shape but not with a row's neighbours: so a clip's vector is the same whatever it is batched with.
"""

import difflib
import itertools
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from jobs.errors import Terminal
from jobs.label import dual_encoder
from jobs.label.convolved import made_ready
from jobs.label.labeler import Batch, Row
from jobs.label.pixels import Fit, Pixels, decoded, fit
from jobs.label.weights import TRANSFORMERS, Weights, find, preprocessing, refuse_mute
from schemas.settings import Label

log = logging.getLogger(__name__)

Vectors: TypeAlias = NDArray[np.float32]

MAX_SCALE = 100.0
"""CLIP clips its learned temperature here during training (Radford et al. 2021, section 2.5)."""
TEXT_BATCH = 32


@dataclass
class Tower:
    """A loaded model. `image` and `text` return vectors of length 1, one per row."""

    weights: Weights
    network: Any
    tokenizer: Any
    fit: Fit
    device: str
    batch: int
    scale: float
    """Inverse temperature of the softmax over cosines, as trained."""
    _texts: dict[str, Vectors] = field(default_factory=dict)

    @property
    def side(self) -> tuple[int, int]:
        """Height and width of the pictures that the network takes."""
        return _side(self.network)

    def image(self, pictures: Iterable[Any]) -> Vectors:
        """Embed RGB pictures, arrays or Pillow's; they are taken a batch at a time."""
        stream, parts = iter(pictures), []
        while some := list(itertools.islice(stream, self.batch)):
            parts.append(self.forward(self.fit(some, self.batch, self.side))[: len(some)])
        return np.concatenate(parts) if parts else np.zeros((0, 0), np.float32)

    def forward(self, pixels: Any) -> Vectors:
        """One pass of the image tower over [batch, 3, height, width]."""
        import torch

        with torch.inference_mode(), precision(self.device):
            vectors = self.network.encode_image(pixels.to(self.device), normalize=True)
        return self._numbers(vectors)

    def text(self, texts: Sequence[str]) -> Vectors:
        """Embed texts; every text is embedded once per worker, alone as well as in company the same way.

        Raises:
            Terminal: the tokenizer has words that the network has not.
        """
        import torch

        missing = sorted(set(texts) - set(self._texts))
        for start in range(0, len(missing), TEXT_BATCH):
            some = missing[start : start + TEXT_BATCH]
            tokens = self.tokenizer([*some, *[""] * (TEXT_BATCH - len(some))]).to(self.device)
            try:
                with torch.inference_mode(), precision(self.device):
                    vectors = self._numbers(self.network.encode_text(tokens, normalize=True))
            except IndexError as error:
                raise Terminal(f"{self.weights.file}: tokenizer and weights are not of one model ({error}); fetch both again") from None
            self._texts |= dict(zip(some, vectors, strict=False))
        return np.stack([self._texts[t] for t in texts]) if texts else np.zeros((0, 0), np.float32)

    def _numbers(self, vectors: Any) -> Vectors:
        found = np.asarray(vectors.float().cpu().numpy())
        if not np.isfinite(found).all():
            raise Terminal(
                f"{self.weights.file}: the model's vectors are not numbers (NaN); the weights are damaged or do not fit the precision"
            )
        return unit(found)  # a length in bfloat16 is off by up to half a percent

    def forget(self) -> None:
        """Drop remembered texts: the captions of all tasks would pile up."""
        self._texts.clear()


def precision(device: str) -> Any:
    """bfloat16 on CUDA, full precision on CPU, as a context."""
    import torch

    return torch.autocast("cuda", torch.bfloat16) if device == "cuda" else torch.autocast("cpu", enabled=False)


def tower(settings: Label, device: str) -> Tower:
    """The model of these settings, loaded once per worker process.

    Raises:
        Terminal: the files are refused, damaged or do not fit together.
    """
    return _load(find(settings.clip_model, settings.clip_pretrained), device, settings.batch)


@cache
def _load(weights: Weights, device: str, batch: int) -> Tower:
    import torch

    torch.set_num_threads(1)
    if weights.architecture.startswith(TRANSFORMERS):
        network, preprocess, tokenizer = dual_encoder.load(Path(weights.file), device)
        return _ready(weights, network, tokenizer, preprocess, device, batch)
    import open_clip

    root, silence = logging.getLogger(), logging.NullHandler()
    level = root.level
    root.addHandler(silence)  # open_clip logs on the root logger, and gives it a handler where it has none
    root.setLevel(logging.ERROR)
    try:
        local = weights.architecture.startswith("local-dir:")
        if not local and weights.architecture.replace("/", "-") not in (known := open_clip.list_models()):
            near = difflib.get_close_matches(weights.architecture, known, n=1, cutoff=0.0)
            raise Terminal(f"open_clip knows no architecture {weights.architecture!r}; the nearest is {near[0]!r} (label.clip_model)")
        network, _, preprocess = open_clip.create_model_and_transforms(
            weights.architecture, pretrained=None if local else weights.file, pretrained_text=False, device=device,
            **({} if local else preprocessing(weights.architecture)),
        )
        tokenizer = open_clip.get_tokenizer(weights.architecture)
        refuse_mute(getattr(tokenizer, "tokenizer", tokenizer), weights.file)
    except Terminal:
        raise
    except Exception as error:  # open_clip raises whatever its parts raise; the user needs the file and the cause
        raise Terminal(
            f"{weights.file}: open_clip cannot load it as {weights.architecture!r}: {str(error)[:300] or type(error).__name__} (where parts such as "
            "the tokenizer are out of reach, use a local-dir: folder that holds them)"
        ) from None
    finally:
        root.setLevel(level)
        root.removeHandler(silence)
    network.eval().requires_grad_(False)
    made_ready(network.visual)
    network.visual.to(memory_format=torch.channels_last)  # a quarter faster where it convolves, and the same elsewhere
    return _ready(weights, network, tokenizer, preprocess, device, batch)


def _ready(weights: Weights, network: Any, tokenizer: Any, preprocess: Any, device: str, batch: int) -> Tower:
    side, scale = _side(network), float(network.logit_scale.exp())
    if not scale > 0:
        raise Terminal(f"{weights.file}: its temperature is no number (logit_scale {float(network.logit_scale)}); the weights are damaged")
    made = fit(preprocess, side)
    if any(v is not None and not np.isfinite(v).all() for v in (made.scale, made.shift)):
        raise Terminal(f"{weights.file}: the mean and std that its pictures are normalised with (preprocess_cfg beside it) are no numbers to divide by")
    return Tower(weights, network, tokenizer, made, device, batch, min(scale, MAX_SCALE))


def _side(network: Any) -> tuple[int, int]:
    size = network.visual.image_size
    return (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))


def pictures(row: Row, least_px: int | None = None) -> Iterator[Pixels]:
    """The stored frames of a clip in RGB, without those that are damaged; `least_px` as in `decoded`."""
    for frame in row["frames"] or ():
        picture = decoded(frame["jpeg"], least_px)
        if picture is None:
            log.warning(
                "clip %s: the stored frame at %.3f s is damaged and is left out; measure its source again", row["clip_id"], frame["t_s"]
            )
        else:
            yield picture


def frame_vectors(tower: Tower, batch: Batch) -> dict[str, Vectors]:
    """Embedded frames of every clip of the batch that has any, by clip id: [frames, width]. Embedded once per task."""
    known: dict[str, Vectors] = batch.once(("frames", tower.weights, tower.device), dict)
    todo = [row for row in batch.rows if row["clip_id"] not in known]
    of: list[str] = []

    def stream() -> Iterator[Pixels]:
        for row in todo:
            for picture in pictures(row, max(tower.side)):
                of.append(row["clip_id"])
                yield picture

    vectors = tower.image(stream())
    for clip_id, same in itertools.groupby(range(len(of)), key=of.__getitem__):
        known[clip_id] = vectors[list(same)]
    return {row["clip_id"]: known[row["clip_id"]] for row in batch.rows if row["clip_id"] in known}


def unit(vectors: Vectors) -> Vectors:
    """Scaled to length 1 along the last axis."""
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12), dtype=np.float32)


def compared(texts: Vectors) -> Vectors:
    """The same vectors, laid out to be multiplied with those of a few frames: row after row OpenBLAS takes six times as long for 736 of them."""
    return np.asfortranarray(texts)


def pooled(frames: Vectors) -> Vectors:
    """One vector of length 1 for the frames of a clip: their mean."""
    return unit(frames.mean(axis=0))

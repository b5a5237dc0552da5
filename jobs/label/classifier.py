"""A transformers image classifier from a folder on this machine, asked about the stored frames."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jobs.errors import Terminal
from jobs.label import clip
from jobs.label.labeler import Batch
from jobs.label.weights import from_folder


@dataclass(frozen=True)
class Classifier:
    """A loaded classifier.

    Attributes:
        folder: Where it came from.
        classes: Names of its classes.
        batch: Pictures per pass; every pass has this shape, so that a score does not depend on its neighbours.
    """

    folder: str
    classes: tuple[str, ...]
    network: Any
    processor: Any
    device: str
    batch: int

    def __call__(self, batch: Batch) -> Iterator[tuple[str, list[dict[str, float]]]]:
        """Every clip that has frames, with the probability of every class in each of them.

        Raises:
            Terminal: its probabilities are not numbers.
        """
        from PIL import Image

        named = ((row["clip_id"], Image.fromarray(picture)) for row in batch.rows for picture in clip.pictures(row))
        shares = ((clip_id, dict(zip(self.classes, p, strict=True))) for clip_id, p in self._each(named))
        for clip_id, same in itertools.groupby(shares, key=lambda item: item[0]):
            yield clip_id, [share for _, share in same]

    def _each(self, named: Iterator[tuple[str, Any]]) -> Iterator[tuple[str, list[float]]]:
        import torch

        while some := list(itertools.islice(named, self.batch)):
            pictures = [picture for _, picture in some]
            pixels = self.processor(images=pictures + pictures[:1] * (self.batch - len(some)), return_tensors="pt")["pixel_values"]
            with torch.inference_mode(), clip.precision(self.device):
                shares = self.network(pixel_values=pixels.to(self.device)).logits.float().softmax(dim=-1).cpu()
            if not torch.isfinite(shares).all():
                raise Terminal(f"{self.folder}: its answers are not numbers (NaN); the weights are damaged or do not fit the precision")
            yield from zip((clip_id for clip_id, _ in some), shares[: len(some)].tolist(), strict=True)


def classifier(folder: str, device: str, batch: int) -> Classifier:
    """The classifier in a folder.

    Raises:
        Terminal: transformers cannot load it as an image classifier, weights are missing, or its classes do not exclude each other by name and nature.
    """
    import torch
    from transformers import AutoImageProcessor, AutoModelForImageClassification

    torch.set_num_threads(1)
    processor = from_folder(AutoImageProcessor, folder)
    network = from_folder(AutoModelForImageClassification, folder, dtype=torch.float32)  # kept in half, some take no pictures on a processor
    names = tuple(str(network.config.id2label[i]) for i in range(network.config.num_labels))
    if network.config.problem_type == "multi_label_classification":
        raise Terminal(f"{folder}: a picture can be of several of its classes (problem_type in config.json); give a model of classes that exclude each other")
    if twice := sorted(name for name in set(names) if names.count(name) > 1):
        raise Terminal(f"{folder}: two of its classes are called {twice[0]!r}; give each a name of its own under id2label in config.json")
    return Classifier(folder, names, network.to(device).eval(), processor, device, batch)

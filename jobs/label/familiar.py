"""Whether a model knows the kind of picture at all. Only the embedded model has to be asked: it has seen one small drawn world.

It knows a picture that one of the sentences of its world describes well. How well is taken from the model itself: nearly all of a
set of freshly drawn pictures must pass, and what is a little worse for being copied and compressed. Of 36 photographs and 84 clips
of real videos none passed the border found this way (0.932; the nearest photograph had 0.795, the nearest clip 0.897; 1 of 312
single frames passed), of 150 drawn clips of other sizes all did (0.975 and more);
`tests/bench/label_unknown.py` measures the shares.
"""

import random
from dataclasses import dataclass
from functools import cache

import numpy as np

from jobs.label.clip import Tower, Vectors, compared
from jobs.label.vocabulary import sample_pictures

DRAWN, SIDE_PX, SEED = 96, 96, 20_260
"""Pictures that the border is taken from."""
FAIL_SHARE = 0.02
"""Share of drawn pictures that may lie below it ..."""
SLACK = 0.05
"""... before it is lowered by this: a well trained model scores clean pictures all alike, and copies of them hardly lower."""


@dataclass(frozen=True)
class Familiar:
    """What a model was trained on.

    Attributes:
        sentences: Vectors of the sentences that describe all of it; none: a model of the open world, which knows every picture.
        least: Least cosine with the nearest of them, in the mean over a clip's frames.
    """

    sentences: Vectors | None = None
    least: float = 0.0

    def nearness(self, frames: Vectors) -> float:
        """Cosine with the nearest sentence, mean over the frames."""
        assert self.sentences is not None
        return float((frames @ self.sentences.T).max(axis=1).mean())

    def knows(self, frames: Vectors) -> bool:
        """Whether the frames of a clip are of a kind that the model was trained on."""
        return self.sentences is None or self.nearness(frames) >= self.least


_FAMILIAR: dict[tuple[str, str, int], Familiar] = {}


def familiar(tower: Tower) -> Familiar:
    """What the model of a tower knows; found out once per worker."""
    if not tower.weights.of_sample_world:
        return Familiar()
    key = (tower.weights.revision, tower.device, tower.batch)
    if key not in _FAMILIAR:
        known = Familiar(compared(tower.text(sample_pictures())))
        tower.forget()
        drawn = tower.image(_drawn())
        least = np.quantile([known.nearness(drawn[i : i + 1]) for i in range(len(drawn))], FAIL_SHARE)
        _FAMILIAR[key] = Familiar(known.sentences, float(least) - SLACK)
    return _FAMILIAR[key]


@cache
def _drawn() -> tuple[object, ...]:
    """Pictures of the sample world, the same every time."""
    from PIL import Image

    from jobs.train import world

    chosen = random.Random(SEED).sample(list(world.scenes()), DRAWN)
    return tuple(Image.fromarray(world.render(scene, width=SIDE_PX, height=SIDE_PX, frames=1, seed=SEED)[0]) for scene in chosen)

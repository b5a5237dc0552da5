"""What a generator is: prompts in, frames out; one stays resident in each worker.

A generator answers every ask with frames or with the reason why not; it raises only what ends the whole run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from jobs.generate.profile import Profile
from schemas.settings import Settings

Frames = NDArray[np.uint8]


@dataclass(frozen=True)
class Ask:
    """One clip that is wanted: what is seen, the seed, and the shape of the video that it goes into."""

    prompt: str
    seed: int
    aspect: str


@dataclass(frozen=True)
class Made:
    """One clip as a generator made it.

    Attributes:
        frames: [T, H, W, 3] RGB.
        fps: Frames a second.
        steps: Denoising steps taken.
        guidance: Guidance scale given, if the pipeline takes one.
        ladder: What was given up for memory, or None.
        width_asked: Pixels asked for.
        height_asked: Likewise.
    """

    frames: Frames
    fps: float
    steps: int
    guidance: float | None
    ladder: str | None
    width_asked: int
    height_asked: int


@dataclass(frozen=True)
class Failed:
    """Why there is no clip: an error of the model, or a result that is not a video."""

    why: str


class Generator(Protocol):
    """A resident model.

    Attributes:
        revision: Of the weights.
        family: Pipeline class.
        profile: How it is called, with what the settings ask for.
    """

    revision: str
    family: str
    profile: Profile

    def make(self, asks: Sequence[Ask]) -> list[Made | Failed]:
        """Clips in the order of the asks."""

    def spent(self) -> Mapping[str, float]:
        """Seconds and peak bytes since this was last called."""


def resident(settings: Settings) -> Generator:
    """The generator of these settings; the worker keeps the last one it used."""
    generate = settings.recipe.generate
    return _load(generate.model_dump_json(), settings.runtime.device)


@lru_cache(maxsize=1)
def _load(generate: str, device: str) -> Generator:
    from jobs.generate.generators import text_to_video
    from schemas.settings import Generate

    return text_to_video.load(Generate.model_validate_json(generate), device)

"""A generator that renders the sample world, and short speech without a voice."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from jobs.generate.generator import Ask, Failed, Made
from jobs.generate.narrator import Cue, Speech
from jobs.generate.profile import Profile
from jobs.train.world import Scene, render


class Stub:
    """Stands where a model stands: `behave(ask)` gives the frames of a clip, or a reason why there are none."""

    revision, family = "stub", "StubPipeline"
    profile = Profile("stub", 64, 64, 12, 8.0, 1)

    def __init__(self, behave: Callable[[Ask], Any]) -> None:
        self.behave, self.asked = behave, list[Ask]()

    def make(self, asks: Sequence[Ask]) -> list[Made | Failed]:
        self.asked += asks
        found = [self.behave(ask) for ask in asks]
        return [f if isinstance(f, Failed) else Made(f, 8.0, 1, None, None, 64, 64) for f in found]

    def spent(self) -> dict[str, float]:
        return {"seconds": 3.0, "peak_bytes": 7, "load_seconds": 0.5}


def view(seed: int, frames: int = 12, side: int = 64) -> Any:
    """A rendered clip of mountains."""
    return render(
        Scene(place="mountains", time="day", weather="clear", camera="right"), width=side, height=side, frames=frames, seed=seed
    )


@pytest.fixture
def good() -> Any:
    return view(1)


@pytest.fixture
def stub() -> type[Stub]:
    return Stub


@pytest.fixture
def beeps() -> Speech:
    """Two shots of 1.0 and 1.5 s, a tone in each, 22 050 Hz."""
    rate = 22050
    t = np.arange(int(2.5 * rate)) / rate
    on = ((t > 0.2) & (t < 0.8)) | ((t > 1.2) & (t < 2.2))
    sound = np.where(on, 0.3 * np.sin(2 * np.pi * 440 * t), 0).astype(np.float32)
    return Speech(sound, rate, (Cue(0.2, 0.8, "第一句，", 0), Cue(1.2, 2.2, "the second line.", 1)), (0.0, 1.0, 2.5))

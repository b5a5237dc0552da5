"""Channels of sound by their names, as FFmpeg gives them: what they weigh in loudness, and in what is heard with one ear."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LOW, AROUND = frozenset({"LFE", "LFE2"}), frozenset({"BL", "BC", "BR", "SL", "SR", "TBL", "TBC", "TBR", "SDL", "SDR"})
"""Deep, and behind or beside."""
MIDDLE = {"FC": 2.0 ** 0.5, "BC": 1.0}
"""Those that go to both sides, and with how much in all."""
SIDES = frozenset(f"AMBI{i}" for i in range(1, 64))
"""Those of ambisonics that tell where a sound comes from; the first hears all of it."""
UNNAMED, ORDER = "NONE", ("FL", "FR", "FC", "LFE", "BL", "BR", "SL", "SR")
"""What a channel is called of which nothing is known, and the order that is usual."""


def weights_of(channels: Sequence[str]) -> NDArray[np.float64]:
    """Weights in loudness (ITU-R BS.1770), as FFmpeg's ebur128 has them: 1, behind or beside 1.41, no LFE."""
    return np.array([0.0 if name in LOW else 1.41 if name in AROUND else 1.0 for name in named(channels)])


def shares_of(channels: Sequence[str]) -> NDArray[np.float32]:
    """Shares in what is heard with one ear: the mean of both sides of the stereo mix of ITU-R BS.775, in which dialogue in the middle has 0.7 of
    either side, and so has what lies behind or beside, in the middle behind half of both; no LFE; of ambisonics the first, which hears all around. They sum to 1."""
    heard = [MIDDLE.get(name, 0.0 if name in LOW or name in SIDES else 0.5 ** 0.5 if name in AROUND else 1.0) for name in named(channels)]
    shares = np.array(heard if any(heard) else [1.0] * len(heard))
    return np.asarray(shares / shares.sum(), np.float32)


def named(channels: Sequence[str]) -> Sequence[str]:
    """By their names, and by their order where they have none."""
    count = len(channels)
    if count < 4 or not all(name == UNNAMED for name in channels):
        return channels
    usual = ORDER[:count] if count >= 6 else ("FL", "FR", "FC", "BL", "BR") if count == 5 else ("FL", "FR", "FC", "BC")
    return (*usual, *("SL",) * (count - len(usual)))

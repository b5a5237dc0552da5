"""Bandwidth of sound.

bandwidth_hz: frequency below which 99 % of the energy lies, by an FFT of 2048 Hann-windowed samples (first channel and
second mixed) in every fifth block of 100 ms, energies summed over the span. 64 bands up to half the rate, so the step is
rate / 128. Null in silence. Version 1. Source: spectral rolloff as in librosa, at 0.99.
"""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.clean.measures import Hearer, Measurement, Sound, Span

BANDS, SIZE, EVERY, SHARE = 64, 2048, 5, 0.99


@cache
def _window() -> NDArray[np.float32]:
    return np.hanning(SIZE).astype(np.float32)


def hear(rate_hz: int, channels: int) -> Hearer:
    count = -1
    nothing = (0.0,) * BANDS

    def block(sound: Sound) -> Any:
        nonlocal count
        count += 1
        if count % EVERY:
            return nothing
        mono = sound[:2].mean(axis=0)[:SIZE]
        if mono.size < 64:
            return nothing
        power = np.abs(np.fft.rfft(mono * _window()[:mono.size], SIZE)[1:]) ** 2
        return power.reshape(BANDS, -1).sum(axis=1)

    return block


def reduce(span: Span) -> dict[str, Any]:
    energy = span.sounds["bandwidth"].sum(axis=0)
    total = energy.sum()
    if total <= 1e-9:
        return {"bandwidth_hz": None}
    band = int(np.searchsorted(np.cumsum(energy), SHARE * total))
    return {"bandwidth_hz": float((min(band, BANDS - 1) + 1) * span.facts["sample_rate_hz"] / (2 * BANDS))}


MEASURE = Measurement("bandwidth", 1, ("bandwidth_hz",), reduce, needs="sound", width=BANDS, hear=hear)

"""Bandwidth of sound.

bandwidth_hz: frequency below which 99 % of the energy lies, by an FFT of 2048 Hann-windowed samples (first channel and
second mixed) in every fifth block of 100 ms, counted from the start of the sound, energies summed over the span. 64 bands up to half the
rate, so the step is rate / 128. Null in silence. Version 2. Source: spectral rolloff as in librosa, at 0.99.
"""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.clean.measures import Hearer, Measurement, Sound, Span

BANDS, SIZE, EVERY, SHARE = 64, 2048, 5, 0.99
LEAST = 64
"""Samples of a block that is heard, at least."""


@cache
def _window() -> NDArray[np.float64]:
    return np.hanning(SIZE)


def hear(rate_hz: int, channels: int) -> Hearer:
    def blocks(sound: Sound, ends: NDArray[np.int64]) -> NDArray[np.float64]:
        lines = np.zeros((len(ends), SIZE))
        for line, (start, end) in zip(lines, ends.tolist(), strict=True):
            part = sound[:2, start:min(end, start + SIZE)]
            mono = part[0] if len(part) == 1 else (part[0] + part[1]) * np.float32(0.5)
            line[:mono.size] = mono * _window()[:mono.size] if mono.size >= LEAST else 0.0
        energies: NDArray[np.float64] = (np.abs(np.fft.rfft(lines)[:, 1:]) ** 2).reshape(len(ends), BANDS, SIZE // 2 // BANDS).sum(axis=2)
        return energies

    return blocks


def reduce(span: Span) -> dict[str, Any]:
    energy = span.sounds["bandwidth"].sum(axis=0)
    total = energy.sum()
    if total <= 1e-9:
        return {"bandwidth_hz": None}
    band = int(np.searchsorted(np.cumsum(energy), SHARE * total))
    return {"bandwidth_hz": float((min(band, BANDS - 1) + 1) * span.facts["sample_rate_hz"] / (2 * BANDS))}


MEASURE = Measurement("bandwidth", 2, ("bandwidth_hz",), reduce, needs="sound", width=BANDS, hear=hear, every=EVERY)

"""Bandwidth of sound.

bandwidth_hz: frequency below which 99 % of the energy lies, by an FFT of 2048 Hann-windowed samples (channels mixed by
`jobs.clean.channels.shares_of`) in every fifth block of 100 ms, counted from the start of the sound, energies summed over the span.
64 bands up to half the rate, so the step is rate / 128. Null in silence. Version 3. Source: spectral rolloff as in librosa, at 0.99.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from jobs.clean.channels import shares_of
from jobs.clean.measures import Hearer, Measurement, Sound, Span
from jobs.media.kernel import kernel

BANDS, SIZE, EVERY, SHARE = 64, 2048, 5, 0.99
LEAST = 64
"""Samples of a block that is heard, at least."""


@cache
def _window() -> NDArray[np.float64]:
    return np.hanning(SIZE)


def hear(rate_hz: int, channels: Sequence[str]) -> Hearer:
    shares = shares_of(channels)

    def blocks(sound: Sound, ends: NDArray[np.int64]) -> NDArray[np.float64]:
        if not len(ends):
            return np.zeros((0, BANDS))
        energies: NDArray[np.float64] = _energies(cv2.dft(_lines(sound, shares, ends, _window()), flags=cv2.DFT_ROWS))
        return energies

    return blocks


@kernel("float64[:, ::1](Array(float32, 2, 'C', readonly=True), Array(float32, 1, 'C', readonly=True), Array(int64, 2, 'A', readonly=True), Array(float64, 1, 'C', readonly=True))")
def _lines(sound: Any, shares: Any, ends: Any, window: Any) -> Any:
    """What is transformed: a row for every block."""
    lines = np.zeros((len(ends), SIZE))
    for i in range(len(ends)):
        start, count = ends[i, 0], min(ends[i, 1] - ends[i, 0], SIZE)
        if count < LEAST:
            continue
        for channel in range(len(sound)):
            line = sound[channel, start:start + count]
            for k in range(count):
                lines[i, k] += shares[channel] * line[k]
        for k in range(count):
            lines[i, k] *= window[k]
    return lines


@kernel("float64[:, ::1](Array(float64, 2, 'C', readonly=True))")
def _energies(spectra: Any) -> Any:
    """Of spectra as OpenCV packs them (the first, real and imaginary parts in turn, the last without an imaginary one), in every band."""
    out = np.zeros((len(spectra), BANDS))
    for i in range(len(spectra)):
        for band in range(BANDS):
            part, total = spectra[i, 1 + band * SIZE // BANDS:1 + (band + 1) * SIZE // BANDS], 0.0
            for k in range(part.size):
                total += part[k] ** 2
            out[i, band] = total
    return out


def reduce(span: Span) -> dict[str, Any]:
    energy = span.sounds["bandwidth"].sum(axis=0)
    total = energy.sum()
    if total <= 1e-9:
        return {"bandwidth_hz": None}
    band = int(np.searchsorted(np.cumsum(energy), SHARE * total))
    return {"bandwidth_hz": float((min(band, BANDS - 1) + 1) * span.facts["sample_rate_hz"] / (2 * BANDS))}


MEASURE = Measurement("bandwidth", 3, ("bandwidth_hz",), reduce, needs="sound", width=BANDS, hear=hear, every=EVERY)

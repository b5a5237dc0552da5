"""Audio fingerprint.

audio_fingerprint: two 32-bit words per 128 ms, of what rises and of what falls. E[i] is the energy of a block in 33 bands spaced evenly in log
frequency from 300 to 7000 Hz (two Hann windows of 2048 samples at 16 kHz, 1024 apart). Of each band log(E[this block] + E[the one before] + f)
is held against log(E[two before] + E[three before] + f), where the floor f lies 37 dB below the strongest band of the last nine blocks: what is
weaker may be noise, or a code's own. Bit b of the first word is 1 where that grows by more than 0.35 more in band b than in band b + 1, of the
second where it shrinks by as much. So gain and equalisers cancel, bands without sound set no bit in either word, and half a block of delay changes
few bits, as what is compared is two blocks long. Words are 0 in silence, in a steady tone and in the first three blocks of a sound.
Version 4. Sources: Haitsma and Kalker 2002 for the differences in time and frequency; three values in place of two, and the floor, are ours
(`tests/bench/dedup_sound.py`).
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from jobs.clean.measures import MONO_BLOCK, MONO_RATE_HZ, Hearer, Measurement, Sound, Span
from jobs.media.kernel import kernel

WINDOW, HOP, BANDS, RANGE_HZ = MONO_BLOCK, MONO_BLOCK // 2, 33, (300, 7000)
PLANES = 2
"""Words per block."""
MEMORY, FLOOR, SILENT, STEP = 8, 2e-4, 1e-10, 0.35
"""Blocks before one that the floor looks at; floor as a share of the strongest band, and at least, as a mean square; least growth, of a natural
logarithm."""


@cache
def _edges() -> NDArray[np.int64]:
    """Of the bands, and of what lies above."""
    return np.round(np.geomspace(*RANGE_HZ, BANDS + 1) * WINDOW / MONO_RATE_HZ).astype(np.int64)


@cache
def _window() -> NDArray[np.float32]:
    """Scaled so that the squares of the spectrum of a block add up to its mean square."""
    return np.asarray(np.hanning(WINDOW) / (WINDOW * np.sqrt(0.375)), np.float32)


def hear(rate_hz: int, channels: Sequence[str]) -> Hearer:
    rest = np.zeros(WINDOW - HOP, np.float32)
    past = np.full((MEMORY, BANDS), np.nan, np.float32)

    def blocks(sound: Sound) -> NDArray[np.float64]:
        nonlocal rest, past
        line = np.concatenate([rest, sound.ravel()])
        rest = line[-len(rest):]
        energy = np.concatenate([past, _energies(cv2.dft(_windows(line, _window()), flags=cv2.DFT_ROWS), _edges())])
        past = energy[-MEMORY:]
        words: NDArray[np.float64] = _words(energy)
        return words

    return blocks


@kernel("float32[:, ::1](Array(float32, 1, 'C', readonly=True), Array(float32, 1, 'C', readonly=True))")
def _windows(line: Any, window: Any) -> Any:
    """What is transformed: a row for every HOP samples."""
    out = np.empty(((line.size - WINDOW) // HOP + 1, WINDOW), np.float32)
    for i in range(len(out)):
        part, row = line[i * HOP:i * HOP + WINDOW], out[i]
        for k in range(WINDOW):
            row[k] = part[k] * window[k]
    return out


@kernel("float32[:, ::1](Array(float32, 2, 'C', readonly=True), Array(int64, 1, 'C', readonly=True))")
def _energies(spectra: Any, edges: Any) -> Any:
    """Of every block, two spectra as OpenCV packs them (the first, real and imaginary parts in turn), in every band."""
    out = np.zeros((len(spectra) // 2, BANDS), np.float32)
    for i in range(2 * len(out)):
        for band in range(BANDS):
            part, total = spectra[i, 2 * edges[band] - 1:2 * edges[band + 1] - 1], np.float32(0.0)
            for k in range(part.size):
                total += part[k] * part[k]
            out[i // 2, band] += total
    return out


@kernel("float64[:, ::1](Array(float32, 2, 'C', readonly=True))")
def _words(energy: Any) -> Any:
    """Both words of every block but the first MEMORY, which are only looked back at; rows of NaN are before the sound."""
    strongest = np.zeros(len(energy), np.float32)
    for i in range(len(energy)):
        for band in range(BANDS):
            if energy[i, band] > strongest[i]:
                strongest[i] = energy[i, band]
    words, grown = np.zeros((len(energy) - MEMORY, PLANES)), np.empty(BANDS, np.float32)
    for n in range(len(words)):
        floor = np.float32(FLOOR) * strongest[n:n + MEMORY + 1].max() + np.float32(SILENT)
        before, between, last, now = energy[n + MEMORY - 3], energy[n + MEMORY - 2], energy[n + MEMORY - 1], energy[n + MEMORY]
        for band in range(BANDS):
            grown[band] = np.log((last[band] + now[band] + floor) / (before[band] + between[band] + floor))
        for band in range(BANDS - 1):
            more = grown[band] - grown[band + 1]
            words[n, 0] += (more > np.float32(STEP)) * float(1 << band)
            words[n, 1] += (more < -np.float32(STEP)) * float(1 << band)
    return words


def reduce(span: Span) -> dict[str, Any]:
    return {"audio_fingerprint": [int(word) for word in span.sounds["fingerprint"].ravel()]}


MEASURE = Measurement("fingerprint", 4, ("audio_fingerprint",), reduce, needs="sound", width=PLANES, hear=hear, ear="mono")

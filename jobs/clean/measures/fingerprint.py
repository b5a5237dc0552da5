"""Audio fingerprint.

audio_fingerprint: two 32-bit words per 128 ms, of what rises and of what falls. E[i] is the energy of a block in 33 bands spaced evenly in log
frequency from 300 to 7000 Hz (two Hann windows of 2048 samples at 16 kHz, 1024 apart). Of each band log(E[this block] + E[the one before] + f)
is held against log(E[two before] + E[three before] + f), where the floor f lies 37 dB below the strongest band of the last nine blocks: what is
weaker may be noise, or a code's own. Bit b of the first word is 1 where that grows by more than 0.35 more in band b than in band b + 1, of the
second where it shrinks by as much. So gain and equalisers cancel, bands without sound set no bit in either word, and half a block of delay changes
few bits, as what is compared is two blocks long. Words are 0 in silence, in a steady tone and in the first three blocks of a sound.
Version 3. Sources: Haitsma and Kalker 2002 for the differences in time and frequency; three values in place of two, and the floor, are ours
(`tests/bench/dedup_sound.py`).
"""

from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from jobs.clean.measures import MONO_BLOCK, MONO_RATE_HZ, Hearer, Measurement, Sound, Span

WINDOW, HOP, BANDS, RANGE_HZ = MONO_BLOCK, MONO_BLOCK // 2, 33, (300, 7000)
PLANES = 2
"""Words per block."""
MEMORY, FLOOR, SILENT, STEP = 8, 2e-4, 1e-10, 0.35
"""Blocks before one that the floor looks at; floor as a share of the strongest band, and at least, as a mean square; least growth, of a natural
logarithm."""
_WEIGHTS = np.array([1 << i for i in range(BANDS - 1)], np.int64)


@cache
def _edges() -> NDArray[np.int64]:
    """Of the bands, and of what lies above."""
    return np.round(np.geomspace(*RANGE_HZ, BANDS + 1) * WINDOW / MONO_RATE_HZ).astype(np.int64)


@cache
def _window() -> NDArray[np.float32]:
    """Scaled so that the squares of the spectrum of a block add up to its mean square."""
    return np.asarray(np.hanning(WINDOW) / (WINDOW * np.sqrt(0.375)), np.float32)


def hear(rate_hz: int, channels: int) -> Hearer:
    rest = np.zeros(WINDOW - HOP, np.float32)
    past = np.full((MEMORY, BANDS), np.nan, np.float32)

    def blocks(sound: Sound) -> NDArray[np.float64]:
        nonlocal rest, past
        line = np.concatenate([rest, sound.ravel()])
        rest = line[-len(rest):]
        windows = np.lib.stride_tricks.sliding_window_view(line, WINDOW)[::HOP]
        packed = cv2.dft(windows * _window(), flags=cv2.DFT_ROWS)[:, 1:]  # real and imaginary parts of bin 1 and so on
        power = np.add.reduceat(packed * packed, 2 * _edges() - 2, axis=1)[:, :-1]
        energy = np.concatenate([past, power[::2] + power[1::2]])
        past = energy[-MEMORY:]
        strongest = np.lib.stride_tricks.sliding_window_view(energy.max(axis=1), MEMORY + 1)
        floor = FLOOR * np.fmax.reduce(strongest, axis=1)[:, None] + np.float32(SILENT)
        pairs = energy[MEMORY - 3:-1] + energy[MEMORY - 2:]
        grown = np.log((pairs[2:] + floor) / (pairs[:-2] + floor))
        more = grown[:, :-1] - grown[:, 1:]
        return np.stack([((change > STEP) * _WEIGHTS).sum(axis=1) for change in (more, -more)], axis=1).astype(np.float64)

    return blocks


def reduce(span: Span) -> dict[str, Any]:
    return {"audio_fingerprint": [int(word) for word in span.sounds["fingerprint"].ravel()]}


MEASURE = Measurement("fingerprint", 3, ("audio_fingerprint",), reduce, needs="sound", width=PLANES, hear=hear, ear="mono")

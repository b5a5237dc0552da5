"""Audio fingerprint.

audio_fingerprint: two 32-bit words per 128 ms, of low and of high sound: of a window of 4096 samples at 16 kHz (256 ms, Hann) the
energy in 33 bands spaced evenly in log frequency from 300 to 2000 and from 2000 to 7000 Hz; bit i is 1 where (E[i] - E[i+1])
has grown since the window before. Gain cancels, a re-encode flips few bits; a bird or a cymbal has nothing to say below 2 kHz,
a telephone nothing above. Two recordings are compared by the share of equal bits. Words of silent windows are 0.
Version 2. Source: Haitsma and Kalker 2002, with a hop of 128 ms in place of 11.6, and the second range.
"""

from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from jobs.clean.measures import MONO_BLOCK, MONO_RATE_HZ, Hearer, Measurement, Sound, Span

WINDOW, BANDS = 2 * MONO_BLOCK, 33
RANGES_HZ = ((300, 2000), (2000, 7000))
_WEIGHTS = np.array([1 << i for i in range(BANDS - 1)], np.int64)


@cache
def _edges() -> NDArray[np.int64]:
    """Of the bands of both ranges, and of what lies above."""
    hz = np.concatenate([np.geomspace(*ends, BANDS + 1)[:-1] for ends in RANGES_HZ] + [np.array(RANGES_HZ[-1][1:])])
    return np.round(hz * WINDOW / MONO_RATE_HZ).astype(np.int64)


@cache
def _window() -> NDArray[np.float32]:
    return np.hanning(WINDOW).astype(np.float32)


def hear(rate_hz: int, channels: int) -> Hearer:
    past = np.zeros((1, MONO_BLOCK), np.float32)
    slope_before = np.zeros((1, len(RANGES_HZ), BANDS - 1))
    heard_before = np.zeros(1, bool)

    def blocks(sound: Sound) -> NDArray[np.float64]:
        nonlocal past, slope_before, heard_before
        line = np.concatenate([past, sound])
        past = sound[-1:]
        windows = np.concatenate([line[:-1], line[1:]], axis=1)
        packed = cv2.dft(windows * _window(), flags=cv2.DFT_ROWS)[:, 1:]  # real and imaginary parts of bin 1 and so on
        power = packed * packed
        bands = np.add.reduceat(power, 2 * _edges() - 2, axis=1)[:, :-1].reshape(len(power), len(RANGES_HZ), BANDS)
        slopes = np.concatenate([slope_before, -np.diff(np.log(bands + 1e-12), axis=2)])
        heard = np.concatenate([heard_before, np.einsum("ij,ij->i", windows, windows) >= WINDOW * 1e-9])
        words = ((np.diff(slopes, axis=0) > 0) * _WEIGHTS).sum(axis=2)
        slope_before, heard_before = slopes[-1:], heard[-1:]
        return np.where((heard[1:] & heard[:-1])[:, None], words, 0).astype(np.float64)

    return blocks


def reduce(span: Span) -> dict[str, Any]:
    return {"audio_fingerprint": [int(word) for word in span.sounds["fingerprint"].ravel()]}


MEASURE = Measurement("fingerprint", 2, ("audio_fingerprint",), reduce, needs="sound", width=len(RANGES_HZ), hear=hear, ear="mono")

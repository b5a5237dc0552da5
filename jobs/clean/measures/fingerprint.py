"""Audio fingerprint.

audio_fingerprint: one 32-bit word per 128 ms: of a window of 4096 samples at 16 kHz (256 ms, Hann) the energy in 33 bands spaced evenly in
log frequency from 300 to 2000 Hz; bit i is 1 where (E[i] - E[i+1]) has grown since the window before. Gain cancels, a re-encode flips few bits.
Two recordings are compared by the share of equal bits. Words of silent windows are 0.
Version 1. Source: Haitsma and Kalker 2002, with a hop of 128 ms in place of 11.6.
"""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.clean.measures import MONO_BLOCK, MONO_RATE_HZ, Hearer, Measurement, Sound, Span

WINDOW, BANDS = 2 * MONO_BLOCK, 33
_WEIGHTS = np.array([1 << i for i in range(BANDS - 1)], np.uint64)


@cache
def _edges() -> NDArray[np.int64]:
    hz = np.geomspace(300, 2000, BANDS + 1)
    return np.round(hz * WINDOW / MONO_RATE_HZ).astype(np.int64)


@cache
def _window() -> NDArray[np.float32]:
    return np.hanning(WINDOW).astype(np.float32)


def hear(rate_hz: int, channels: int) -> Hearer:
    past = np.zeros(MONO_BLOCK, np.float32)
    before: NDArray[np.float64] | None = None

    def block(sound: Sound) -> tuple[float]:
        nonlocal past, before
        mono = np.zeros(MONO_BLOCK, np.float32)
        mono[:sound.shape[1]] = sound[0]
        window = np.concatenate([past, mono])
        past = mono
        if float(np.dot(window, window)) < WINDOW * 1e-9:
            before = None
            return (0.0,)
        power = np.abs(np.fft.rfft(window * _window())) ** 2
        slope = -np.diff(np.log(np.add.reduceat(power, _edges())[:BANDS] + 1e-12))
        word = 0.0 if before is None else float((_WEIGHTS[slope - before > 0]).sum())
        before = slope
        return (word,)

    return block


def reduce(span: Span) -> dict[str, Any]:
    return {"audio_fingerprint": [int(word) for word in span.sounds["fingerprint"][:, 0]]}


MEASURE = Measurement("fingerprint", 1, ("audio_fingerprint",), reduce, needs="sound", width=1, hear=hear, ear="mono")

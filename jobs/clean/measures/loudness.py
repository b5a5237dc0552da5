"""Loudness and true peak.

loudness_lufs: integrated loudness, ITU-R BS.1770-4: K-weighting, mean square per channel weighted 1, surrounds 1.41, no LFE;
blocks of 400 ms every 100 ms; absolute gate -70 LUFS, relative gate -10 LU. Null when no block is above the absolute gate or
the span is below 400 ms. true_peak_dbtp: greatest absolute value after 4-fold oversampling (48-tap windowed sinc), 20 log10,
dBTP; null for digital silence. Version 1. Agrees with pyloudnorm within 0.1 LU. Blocks are counted from the start of the
sound stream.
"""

import math
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.clean.measures import Floats, Hearer, Measurement, Sound, Span
from jobs.media.kernel import kernel

ABSOLUTE_LUFS, RELATIVE_LU, OFFSET = -70.0, -10.0, -0.691
TAPS = 12
"""Taps of each of the three interpolated phases."""


@cache
def k_weighting(rate_hz: int) -> NDArray[np.float64]:
    """The two biquads of BS.1770 at any rate: rows of b0 b1 b2 a1 a2 (high shelf, then high pass; from the analogue
    prototypes)."""
    rows = []
    gain, q, centre = 3.99984385397, 0.7071752369554193, 1681.9744509555319
    k, vh = math.tan(math.pi * centre / rate_hz), 10 ** (gain / 20)
    vb = vh ** 0.499666774155
    a0 = 1 + k / q + k * k
    rows.append([(vh + vb * k / q + k * k) / a0, 2 * (k * k - vh) / a0, (vh - vb * k / q + k * k) / a0,
                 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0])
    q, centre = 0.5003270373253953, 38.13547087613982
    k = math.tan(math.pi * centre / rate_hz)
    a0 = 1 + k / q + k * k
    rows.append([1.0, -2.0, 1.0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0])
    return np.array(rows)


@cache
def interpolator() -> NDArray[np.float64]:
    """Three phases of a windowed sinc for values at a quarter, a half and three quarters between two samples."""
    taps = np.arange(TAPS) - TAPS // 2 + 1
    phases = []
    for part in (0.25, 0.5, 0.75):
        distance = taps - part
        window = np.cos(np.pi * distance / (TAPS + 1)) ** 2
        sinc = np.sinc(distance) * window
        phases.append(sinc / sinc.sum())
    return np.array(phases)


_SOUND, _EDGES = "Array(float32, 2, 'C', readonly=True)", "Array(int64, 1, 'C', readonly=True)"


@kernel(f"float64[::1]({_SOUND}, {_EDGES}, float64[:, ::1], float64[:, ::1], Array(float64, 1, 'C', readonly=True))")
def _energies(sound: Any, edges: Any, filters: Any, state: Any, weights: Any) -> Any:
    """Weighted mean square of every block after both biquads; `state` carries over (direct form II transposed).

    Two channels at a time: every step waits for the one before, and two chains wait in the time of one.
    """
    channels = sound.shape[0]
    totals = np.zeros(edges.size - 1)
    b0, b1, b2, a1, a2 = filters[0, 0], filters[0, 1], filters[0, 2], filters[0, 3], filters[0, 4]
    d0, d1, d2, c1, c2 = filters[1, 0], filters[1, 1], filters[1, 2], filters[1, 3], filters[1, 4]
    for left in range(0, channels, 2):
        right = min(left + 1, channels - 1)
        s0, s1, s2, s3 = state[left, 0], state[left, 1], state[left, 2], state[left, 3]
        r0, r1, r2, r3 = state[right, 0], state[right, 1], state[right, 2], state[right, 3]
        for block in range(totals.size):
            square, other = 0.0, 0.0
            for i in range(edges[block], edges[block + 1]):
                x, u = float(sound[left, i]), float(sound[right, i])
                y, v = b0 * x + s0, b0 * u + r0
                s0, r0 = b1 * x - a1 * y + s1, b1 * u - a1 * v + r1
                s1, r1 = b2 * x - a2 * y, b2 * u - a2 * v
                z, w = d0 * y + s2, d0 * v + r2
                s2, r2 = d1 * y - c1 * z + s3, d1 * v - c1 * w + r3
                s3, r3 = d2 * y - c2 * z, d2 * v - c2 * w
                square += z * z
                other += w * w
            totals[block] += (weights[left] * square + (weights[right] * other if right > left else 0.0)) \
                / max(edges[block + 1] - edges[block], 1)
        state[left, 0], state[left, 1], state[left, 2], state[left, 3] = s0, s1, s2, s3
        state[right, 0], state[right, 1], state[right, 2], state[right, 3] = r0, r1, r2, r3
    return totals


@kernel(f"float64[::1]({_SOUND}, {_EDGES}, Array(float64, 2, 'C', readonly=True))")
def _peaks(samples: Any, edges: Any, phases: Any) -> Any:
    """Greatest absolute value of every block and between its samples. TAPS samples are in front of the first block, and every block is
    looked at with those in front of it; between the samples only where one of the two reaches 0.6 of the greatest."""
    channels, taps = samples.shape[0], phases.shape[1]
    peaks = np.zeros(edges.size - 1)
    for block in range(peaks.size):
        start, end = edges[block], edges[block + 1] + taps
        top = np.float32(0.0)
        for c in range(channels):
            for i in range(start, end):
                top = max(top, abs(samples[c, i]))
        greatest, floor = float(top), 0.6 * float(top)
        for c in range(channels if top > 0 else 0):
            below = abs(samples[c, start + taps // 2 - 1]) < floor
            for i in range(start + taps // 2 - 1, end - taps // 2):
                before, below = below, abs(samples[c, i + 1]) < floor
                if before and below:
                    continue
                for phase in range(3):
                    value = 0.0
                    for k in range(taps):
                        value += phases[phase, k] * samples[c, i - taps // 2 + 1 + k]
                    greatest = max(greatest, abs(value))
        peaks[block] = greatest
    return peaks


def channel_weights(channels: int) -> Floats:
    """BS.1770 weights in FFmpeg's channel order: front 1, LFE 0 (the fourth of six or more), surrounds 1.41."""
    if channels >= 6:
        return np.array([1.0, 1.0, 1.0, 0.0] + [1.41] * (channels - 4))
    return np.array([1.0, 1.0, 1.0, 1.41, 1.41][:channels])


def hear(rate_hz: int, channels: int) -> Hearer:
    filters, weights, phases = k_weighting(rate_hz), channel_weights(channels), interpolator()
    state = np.zeros((channels, 4))
    tail = np.zeros((channels, TAPS), np.float32)

    def blocks(sound: Sound, edges: NDArray[np.int64]) -> Floats:
        nonlocal tail
        joined = np.concatenate([tail, sound], axis=1)
        tail = joined[:, -TAPS:].copy()
        return np.stack([_energies(sound, edges, filters, state, weights), _peaks(joined, edges, phases)], axis=1)

    return blocks


def integrated(energies: Floats) -> float | None:
    """Gated loudness of the mean squares of 100 ms blocks, LUFS."""
    if energies.size < 4:
        return None
    windows = np.convolve(energies, np.ones(4) / 4, mode="valid")
    with np.errstate(divide="ignore"):
        levels = OFFSET + 10 * np.log10(windows)
    kept = windows[levels > ABSOLUTE_LUFS]
    if kept.size == 0:
        return None
    gate = OFFSET + 10 * math.log10(float(kept.mean())) + RELATIVE_LU
    loud = windows[levels > max(gate, ABSOLUTE_LUFS)]
    return OFFSET + 10 * math.log10(float(loud.mean()))


def reduce(span: Span) -> dict[str, Any]:
    rows = span.sounds["loudness"]
    peak = float(rows[:, 1].max()) if rows.size else 0.0
    return {"loudness_lufs": integrated(rows[:, 0]), "true_peak_dbtp": 20 * math.log10(peak) if peak > 0 else None}


MEASURE = Measurement("loudness", 1, ("loudness_lufs", "true_peak_dbtp"), reduce, needs="sound", width=2, hear=hear)

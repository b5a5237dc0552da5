"""Loudness and true peak.

loudness_lufs: integrated loudness, ITU-R BS.1770-4: K-weighting, mean square per channel weighted 1, behind and beside 1.41, no LFE,
by their names (by their order where they have none: FL FR FC LFE BL BR SL SR from six on, FL FR FC BL BR, FL FR FC BC);
blocks of 400 ms every 100 ms; absolute gate -70 LUFS, relative gate -10 LU. Null when no block is above the absolute gate or
the span is below 400 ms. true_peak_dbtp: greatest absolute value after 4-fold oversampling (48-tap windowed sinc), 20 log10,
dBTP; null for digital silence. Version 4. Agrees with pyloudnorm within 0.1 LU where channels are in its order (which has no LFE), with
FFmpeg's ebur128 within 0.3 LU and 0.3 dB. Blocks are counted from the start of the sound stream.
"""

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.clean.channels import weights_of
from jobs.clean.measures import NATIVE_BLOCK_S, Floats, Hearer, Measurement, Sound, Span
from jobs.media.kernel import kernel

ABSOLUTE_LUFS, RELATIVE_LU, OFFSET = -70.0, -10.0, -0.691
LEAST_RATE_HZ = 4000
"""Of sound that the shelf, which begins at 1682 Hz, has room in."""
TAPS = 12
"""Taps of each of the three interpolated phases."""
NEAR = 32
"""Samples at a time that are looked at or not."""


@cache
def k_weighting(rate_hz: int) -> NDArray[np.float64]:
    """The two biquads of BS.1770 at any rate: rows of b0 b1 b2 a1 a2 (high shelf, then high pass; from the analogue
    prototypes). At a rate that has no room for the shelf all that is heard lies below it: it passes, and as loud as it comes out of the high pass of
    the prototype."""
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
    if rate_hz < LEAST_RATE_HZ:
        rows[0] = [1 / a0, 0.0, 0.0, 0.0, 0.0]
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
    """Weighted mean square of every block after both biquads; `state` carries over (direct form II transposed, with the output put into
    the equations of the state, so that a step waits for the one before only through one product and one difference).

    Two channels at a time: two chains wait in the time of one. Those that weigh nothing are left out.
    """
    totals = np.zeros(edges.size - 1)
    b0, b1, b2, a1, a2 = filters[0, 0], filters[0, 1], filters[0, 2], filters[0, 3], filters[0, 4]
    c1, c2 = filters[1, 3], filters[1, 4]  # its numerator is 1 -2 1
    p1, p2, q1, q2 = b1 - a1 * b0, b2 - a2 * b0, -2.0 - c1, 1.0 - c2
    weighty = np.flatnonzero(weights)
    for k in range(0, weighty.size, 2):
        left, right = weighty[k], weighty[min(k + 1, weighty.size - 1)]
        s0, s1, s2, s3 = state[left, 0], state[left, 1], state[left, 2], state[left, 3]
        r0, r1, r2, r3 = state[right, 0], state[right, 1], state[right, 2], state[right, 3]
        for block in range(totals.size):
            square, other = 0.0, 0.0
            for i in range(edges[block], edges[block + 1]):
                x, u = float(sound[left, i]), float(sound[right, i])
                y, v = b0 * x + s0, b0 * u + r0
                s0, s1 = (p1 * x + s1) - a1 * s0, p2 * x - a2 * s0
                r0, r1 = (p1 * u + r1) - a1 * r0, p2 * u - a2 * r0
                z, w = y + s2, v + r2
                s2, s3 = (q1 * y + s3) - c1 * s2, q2 * y - c2 * s2
                r2, r3 = (q1 * v + r3) - c1 * r2, q2 * v - c2 * r2
                square += z * z
                other += w * w
            totals[block] += (weights[left] * square + (weights[right] * other if right > left else 0.0)) \
                / max(edges[block + 1] - edges[block], 1)
        state[left, 0], state[left, 1], state[left, 2], state[left, 3] = s0, s1, s2, s3
        state[right, 0], state[right, 1], state[right, 2], state[right, 3] = r0, r1, r2, r3
    return totals


@kernel(None)
def _greatest(bits: Any) -> Any:
    """Greatest absolute value, as its bits: those of single floats without their sign are in the order of the values, and the maximum of
    whole numbers is found many at a time."""
    top = np.int32(0)
    for i in range(bits.size):
        value = np.int32(bits[i] & np.int32(0x7FFFFFFF))
        top = value if value > top else top
    return top


SIGN = np.int32(-(2**31))


@kernel(None)
def greatest_of(line: Any) -> Any:
    """Greatest absolute value of single floats."""
    return _float(_greatest(line.view(np.int32)))


@kernel(None)
def peak_of(line: Any, flip: Any) -> Any:
    """Greatest of single floats, at least 0; with `flip` = SIGN of what they are below zero. As integers, which become vectors."""
    bits, greatest = line.view(np.int32), np.int32(0)
    for k in range(bits.size):
        greatest = max(greatest, bits[k] ^ flip)
    return _float(greatest)


@kernel(None)
def _float(bits: Any) -> Any:
    return np.array([bits], np.int32).view(np.float32)[0]


@kernel(None)
def _interpolate(line: Any, taps: Any, out: Any) -> None:
    """Sums of TAPS neighbours, weighted; each is written out, so that it is added up in registers."""
    a, b, c, d, e, f, g, h, i, j, k, m = (taps[0], taps[1], taps[2], taps[3], taps[4], taps[5], taps[6], taps[7], taps[8], taps[9],
                                          taps[10], taps[11])
    for n in range(out.size):
        out[n] = a * line[n] + b * line[n + 1] + c * line[n + 2] + d * line[n + 3] + e * line[n + 4] + f * line[n + 5] \
            + g * line[n + 6] + h * line[n + 7] + i * line[n + 8] + j * line[n + 9] + k * line[n + 10] + m * line[n + 11]


@kernel(f"float64[::1]({_SOUND}, {_EDGES}, float32[:, ::1], Array(float32, 2, 'C', readonly=True))")
def _peaks(sound: Any, edges: Any, tail: Any, phases: Any) -> Any:
    """Greatest absolute value of every block and between its samples, with the TAPS samples before it, which `tail` carries over; between
    the samples only near one that reaches 0.6 of the greatest."""
    channels, taps, blocks = sound.shape[0], phases.shape[1], edges.size - 1
    lines = np.empty((channels, taps + np.max(edges[1:] - edges[:-1])), np.float32)
    lines[:, :taps] = tail
    bits = lines.view(np.int32)
    tops = np.zeros(blocks, np.int32)
    between = np.empty(NEAR, np.float32)
    greatest = between.view(np.int32)
    for block in range(blocks):
        count, top = edges[block + 1] - edges[block], np.int32(0)
        for c in range(channels):
            lines[c, taps:taps + count] = sound[c, edges[block]:edges[block + 1]]
            top = max(top, _greatest(bits[c, :taps + count]))
        tops[block] = top
        floor = (tops[block:block + 1].view(np.float32) * np.float32(0.6)).view(np.int32)[0]
        for c in range(channels if top > 0 else 0):
            line = lines[c]
            for start in range(taps // 2 - 1, taps // 2 + count, NEAR):
                end = min(start + NEAR, taps // 2 + count)
                if _greatest(bits[c, start:end + 1]) < floor:
                    continue
                for phase in range(phases.shape[0]):
                    _interpolate(line[start - taps // 2 + 1:], phases[phase], between[:end - start])
                    top = max(top, _greatest(greatest[:end - start]))
        tops[block] = top
        lines[:, :taps] = lines[:, count:count + taps].copy()
    tail[:] = lines[:, :taps]
    return tops.view(np.float32).astype(np.float64)


def hear(rate_hz: int, channels: Sequence[str]) -> Hearer:
    filters, weights, phases = k_weighting(rate_hz), weights_of(channels), interpolator().astype(np.float32)
    state = np.zeros((len(channels), 4))
    tail = np.zeros((len(channels), TAPS), np.float32)

    def blocks(sound: Sound, edges: NDArray[np.int64]) -> Floats:
        return np.stack([_energies(sound, edges, filters, state, weights), _peaks(sound, edges, tail, phases)], axis=1)

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
    whole = span.end_s - span.start_s >= 4 * NATIVE_BLOCK_S - 1e-6  # a last block counts from half its length on
    return {"loudness_lufs": integrated(rows[:, 0]) if whole else None, "true_peak_dbtp": 20 * math.log10(peak) if peak > 0 else None}


MEASURE = Measurement("loudness", 4, ("loudness_lufs", "true_peak_dbtp"), reduce, needs="sound", width=2, hear=hear)

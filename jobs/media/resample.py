"""Sound of one channel at another rate, as libswresample makes it by default (its `resample.c`, within rounding), without a filter graph:
that costs as much again as the sums, and most of a millisecond to build.

A windowed sinc (Kaiser, beta 9, cut off at 0.97 of the lower half rate) of 32 taps at the lower rate; the sound is mirrored beyond its ends.
"""

import math
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from jobs.media.kernel import kernel

Floats = NDArray[np.float32]
TAPS, CUTOFF, BETA = 32, 0.97, 9.0
LANES = 8
"""Rows of taps are filled up to a multiple."""
MOST_TAPS = 1 << 20
"""Of all phases: rates that need more have no common measure worth the name, and FFmpeg interpolates between phases for them."""


class Resampler(Protocol):
    """Takes sound piece by piece."""

    def feed(self, samples: Floats) -> Floats:
        """The next samples; returns those that they complete."""

    def end(self) -> Floats:
        """No more sound: what was held back."""


def resampler(rate_hz: int, to_hz: int) -> Resampler:
    """For mono sound from one rate to another."""
    phases, taps = to_hz // math.gcd(rate_hz, to_hz), _taps(rate_hz, to_hz)
    return _Polyphase(rate_hz, to_hz) if phases * taps <= MOST_TAPS else _Graph(rate_hz, to_hz)


def _taps(rate_hz: int, to_hz: int) -> int:
    return -(-math.ceil(TAPS * max(rate_hz / (to_hz * CUTOFF), 1.0)) // 2) * 2


@lru_cache(maxsize=4)
def _bank(rate_hz: int, to_hz: int) -> Floats:
    """Weights of the taps for every place of an output between two inputs: [phases, taps, filled up with zeros]."""
    phases, taps = to_hz // math.gcd(rate_hz, to_hz), _taps(rate_hz, to_hz)
    factor = min(to_hz * CUTOFF / rate_hz, 1.0)
    away = (np.arange(taps) - (taps - 1) // 2 - np.arange(phases)[:, None] / phases) * factor
    window = np.i0(BETA * np.sqrt(np.maximum(1 - (2 * away / (factor * taps)) ** 2, 0)))
    weights = np.sinc(away) * window
    bank = np.zeros((phases, -(-taps // LANES) * LANES), np.float32)
    bank[:, :taps] = weights / weights[0].sum()
    return bank


@kernel("float32[::1](Array(float32, 1, 'C', readonly=True), Array(float32, 2, 'C', readonly=True), int64, int64, int64, int64)")
def _resample(line: Any, bank: Any, step: int, at: int, phase: int, count: int) -> Any:
    """`count` outputs, `step` phases of an input apart, of which the first has its window at `at`."""
    out, (phases, taps) = np.empty(count, np.float32), bank.shape
    whole, part = step // phases, step % phases
    for n in range(count):
        total, weights, window = np.float32(0.0), bank[phase], line[at:at + taps]
        for k in range(taps):
            total += weights[k] * window[k]
        out[n] = total
        at, phase = at + whole, phase + part
        if phase >= phases:
            at, phase = at + 1, phase - phases
    return out


class _Polyphase:
    """One row of taps for every place that an output can have between two inputs."""

    def __init__(self, rate_hz: int, to_hz: int) -> None:
        self.same, self.bank, self.step = rate_hz == to_hz, _bank(rate_hz, to_hz), rate_hz // math.gcd(rate_hz, to_hz)
        self.before = (_taps(rate_hz, to_hz) - 1) // 2
        """Inputs in a window before the one at or before the place of the output."""
        self.line, self.dropped = np.zeros(0, np.float32), 0
        """What is still needed: what lies before the inputs and these, without so many."""
        self.taken, self.made = 0, 0
        """Inputs and outputs so far."""

    def feed(self, samples: Floats) -> Floats:
        if self.same:
            return samples
        self.taken += samples.size
        self.line = np.concatenate([self.line, samples])
        if self.taken <= self.before:
            return self.line[:0]
        if self.taken - samples.size <= self.before:
            self._open()
        return self._out((self.line.size - self.bank.shape[1] - self._at()) * len(self.bank) // self.step)

    def end(self) -> Floats:
        if self.same or not self.taken:
            return self.line[:0]
        if self.taken <= self.before:
            self._open()
        self.line = np.pad(self.line, (0, self.before + 1), "symmetric")
        self.line = np.concatenate([self.line, np.zeros(self.bank.shape[1], np.float32)])
        return self._out(-(-self.taken * len(self.bank) // self.step) - self.made)

    def _open(self) -> None:
        self.line = np.pad(self.line, (self.before, 0), "reflect")

    def _at(self) -> int:
        """Where in the line the window of the next output begins."""
        return self.made * self.step // len(self.bank) - self.dropped

    def _out(self, count: int) -> Floats:
        if count <= 0:
            return self.line[:0]
        found: Floats = _resample(self.line, self.bank, self.step, self._at(), self.made * self.step % len(self.bank), count)
        self.made += count
        over = min(self._at(), self.line.size)
        self.line, self.dropped = self.line[over:], self.dropped + over
        return found


class _Graph:
    """FFmpeg's own."""

    def __init__(self, rate_hz: int, to_hz: int) -> None:
        import av

        self.rate_hz, self.graph = rate_hz, av.AudioResampler(format="flt", layout="mono", rate=to_hz)
        self.fed = False

    def feed(self, samples: Floats) -> Floats:
        import av

        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None]), format="flt", layout="mono")
        frame.sample_rate = self.rate_hz
        self.fed = True
        return self._joined(self.graph.resample(frame))

    def end(self) -> Floats:
        return self._joined(self.graph.resample(None) if self.fed else [])

    def _joined(self, frames: Any) -> Floats:
        return np.concatenate([np.zeros(0, np.float32), *(frame.to_ndarray()[0] for frame in frames)])

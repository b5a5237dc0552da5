"""What is kept of the sound of a source while it passes: numbers of every block."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.clean.measures import MONO_BLOCK, MONO_BLOCK_S, MONO_RATE_HZ, NATIVE_BLOCK_S, Floats, Hearer, Measurement, measurements

GATHER_S = 2.0
"""Sound that is worked on at a time."""
GAP_S = 5.0
"""Gaps in the times of sound up to this length are filled with silence."""


class Heard:
    """Everything kept of the sound: numbers per block."""

    def __init__(self, rate_hz: int, channels: int) -> None:
        self.rate, self.channels = rate_hz, channels
        self.measures = [m for m in measurements().values() if m.hear is not None]
        self.rows: dict[str, list[Any]] = {m.name: [] for m in self.measures}
        self.native: list[tuple[Measurement, Hearer]] = []
        self.mono: list[tuple[Measurement, Hearer]] = []
        for m in self.measures:
            assert m.hear is not None
            (self.native if m.ear == "native" else self.mono).append((m, m.hear(rate_hz, channels)))
        self.start_s: float | None = None
        self.samples = 0
        self.blocks = 0
        self.pending = np.zeros((channels, 0), np.float32)
        self.mono_pending = np.zeros(0, np.float32)
        self.fifo, self.format, self.waiting = _fifo(), "", 0
        self._resample: Any = None

    @property
    def seconds(self) -> float:
        """Length heard."""
        return (self.samples + self.waiting) / self.rate

    def hear(self, frame: Any, t: float | None) -> None:
        """The next frame of sound. Frames are gathered: a thousand samples at a time would cost more in calls than in work."""
        if self.start_s is None:
            self.start_s = t or 0.0
        elif t is not None:
            gap = t - self.start_s - self.seconds
            if 0.05 < gap <= GAP_S:
                self._feed()
                self._work(np.zeros((self.channels, round(gap * self.rate)), np.float32))
        if frame.sample_rate != self.rate or frame.layout.nb_channels != self.channels:
            return
        if frame.format.name != self.format:
            self._feed()
            self.format, self.fifo = frame.format.name, _fifo()
        frame.pts = None
        self.fifo.write(frame)
        self.waiting += frame.samples
        if self.waiting >= GATHER_S * self.rate:
            self._feed()

    def finish(self) -> None:
        """No more sound: what is left makes a last, shorter block if it is at least half of one."""
        self._feed()
        if self.pending.shape[1] * 2 >= self.rate * NATIVE_BLOCK_S:
            self._native_blocks(self.pending, np.array([0, self.pending.shape[1]]))
        rest = np.concatenate([self.mono_pending, *(out.to_ndarray()[0] for out in self._mono(None))])
        blocks = (rest.size + MONO_BLOCK // 2) // MONO_BLOCK
        self._mono_blocks(np.concatenate([rest, np.zeros(MONO_BLOCK, np.float32)])[:blocks * MONO_BLOCK])
        self.pending, self.mono_pending = self.pending[:, :0], self.mono_pending[:0]

    def _feed(self) -> None:
        """Work on the frames gathered so far."""
        if not self.waiting:
            return
        self.waiting = 0
        gathered = self.fifo.read()
        if gathered is not None:
            self._work(_float_sound(gathered, self.channels))

    def _work(self, fresh: NDArray[np.float32]) -> None:
        self.samples += fresh.shape[1]
        if not np.isfinite(fresh).all():
            fresh = np.nan_to_num(fresh, posinf=1.0, neginf=-1.0)
        sound = np.concatenate([self.pending, fresh], axis=1)
        most = int(sound.shape[1] / (self.rate * NATIVE_BLOCK_S)) + 2
        edges = np.rint(np.arange(self.blocks, self.blocks + most) * self.rate * NATIVE_BLOCK_S).astype(np.int64)
        edges -= edges[0]
        edges = edges[edges <= sound.shape[1]]
        self._native_blocks(sound[:, :edges[-1]], edges)
        self.pending = sound[:, edges[-1]:]
        mono = fresh[:1] if self.channels == 1 else (fresh[:1] + fresh[1:2]) * np.float32(0.5)
        line = np.concatenate([self.mono_pending, *(out.to_ndarray()[0] for out in self._mono(mono))])
        whole = line.size // MONO_BLOCK * MONO_BLOCK
        self._mono_blocks(line[:whole])
        self.mono_pending = line[whole:]

    def _native_blocks(self, sound: NDArray[np.float32], edges: NDArray[np.int64]) -> None:
        if edges.size > 1:
            self.blocks += edges.size - 1
            sound = np.ascontiguousarray(sound)
            for m, hearer in self.native:
                self.rows[m.name].extend(hearer(sound, edges))

    def _mono(self, sound: NDArray[np.float32] | None) -> list[Any]:
        """Frames at 16 kHz; None for what the resampler still holds."""
        import av

        if self._resample is None:
            self._resample = av.AudioResampler(format="flt", layout="mono", rate=MONO_RATE_HZ)
        if sound is None:
            return list(self._resample.resample(None)) if self.samples else []
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound), format="flt", layout="mono")
        frame.sample_rate = self.rate
        return list(self._resample.resample(frame))

    def _mono_blocks(self, line: NDArray[np.float32]) -> None:
        if line.size:
            blocks = np.ascontiguousarray(line.reshape(-1, MONO_BLOCK))
            for m, hearer in self.mono:
                self.rows[m.name].extend(hearer(blocks))

    def between(self, arrays: Mapping[str, Floats], start_s: float, end_s: float) -> dict[str, Floats]:
        """Rows of the blocks whose middle lies in the span."""
        first = self.start_s or 0.0
        cut = {}
        for m in self.measures:
            block_s = NATIVE_BLOCK_S if m.ear == "native" else MONO_BLOCK_S
            low, high = (
                min(max(math.ceil((t - first) / block_s - 0.5 - 1e-6), 0), len(arrays[m.name])) for t in (start_s, end_s)
            )
            cut[m.name] = arrays[m.name][low:high]
        return cut


def _fifo() -> Any:
    """Frames of one format, one behind the other."""
    import av

    return av.AudioFifo()


def _float_sound(frame: Any, channels: int) -> NDArray[np.float32]:
    """Samples as [channels, n] in -1..1."""
    name = frame.format.name
    kind = _SOUND_TYPES.get(name.removesuffix("p"))
    if kind is None or len(frame.planes) != (channels if name.endswith("p") else 1):
        return np.zeros((channels, frame.samples), np.float32)
    count = frame.samples if name.endswith("p") else frame.samples * channels
    parts = [np.frombuffer(plane, kind, count=count) for plane in frame.planes]
    data = np.stack(parts) if name.endswith("p") else parts[0].reshape(-1, channels).T
    if kind is np.float32:
        return data
    if kind is np.uint8:
        return (data.astype(np.float32) - np.float32(128)) / np.float32(128)
    values: NDArray[np.float32] = data.astype(np.float32)
    return values if kind is np.float64 else values * np.float32(-1.0 / float(np.iinfo(kind).min))


_SOUND_TYPES: Mapping[str, Any] = {
    "u8": np.uint8,
    "s16": np.int16,
    "s32": np.int32,
    "s64": np.int64,
    "flt": np.float32,
    "dbl": np.float64,
}

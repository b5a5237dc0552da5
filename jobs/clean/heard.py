"""What is kept of the sound of a source while it passes: numbers of every block, chapter by chapter.

Blocks are counted from the start of the sound. A chapter of sound begins where blocks of both kinds and the steps of the resampler
begin together (`step`), and is heard from one such step before it: by then filters and detectors have forgotten what was before.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.clean.measures import MONO_BLOCK, MONO_BLOCK_S, MONO_RATE_HZ, NATIVE_BLOCK_S, Hearer, Measurement, measurements
from jobs.clean.series import Growing, Sounds

GATHER_S = 2.0
"""Sound that is worked on at a time."""
GAP_S = 5.0
"""Gaps in the times of sound up to this length are filled with silence."""


def step(rate_hz: int) -> int:
    """Samples between the places where a chapter of sound may begin: whole numbers of blocks of both kinds and of samples, 3.2 s or,
    at odd rates, 16 s."""
    return 16 * rate_hz if rate_hz % 5 else 16 * rate_hz // 5


class Heard:
    """The sound of one chapter: numbers per block.

    Args:
        rate_hz: Of the stream.
        channels: Of the stream.
        start_s: When the sound of the source starts.
        first: Sample with which the chapter begins, a multiple of `step`.
        until: Sample with which the next one begins.
    """

    def __init__(self, rate_hz: int, channels: int, start_s: float, first: int = 0, until: float = math.inf) -> None:
        self.rate, self.channels, self.start_s = rate_hz, channels, start_s
        self.first, self.until = first, until
        self.base = max(first - step(rate_hz), 0)
        """Sample with which the run-in begins."""
        self.rows: dict[str, Growing] = {}
        self.native: list[tuple[Measurement, Hearer]] = []
        self.mono: list[tuple[Measurement, Hearer]] = []
        for m in measurements().values():
            if m.hear is not None:
                self.rows[m.name] = Growing(m.width)
                (self.native if m.ear == "native" else self.mono).append((m, m.hear(rate_hz, channels)))
        self.samples = 0
        self.blocks = 0
        self.pending = np.zeros((channels, 0), np.float32)
        self.mono_pending = np.zeros(0, np.float32)
        self.fifo, self.format, self.waiting, self.skip = _fifo(), "", 0, -1
        self._resample: Any = None

    @property
    def at(self) -> int:
        """The sample behind the last one heard."""
        return self.base + self.samples + self.waiting

    def hear(self, frame: Any, place: int, t: float | None) -> None:
        """The next frame of sound. Frames are gathered: a thousand samples at a time would cost more in calls than in work.

        Args:
            frame: Of the rate and channels of the stream.
            place: Its first sample, counted from the start of the sound.
            t: Its time, if it has one.
        """
        if self.skip < 0:  # the first frame; sound may also begin in the middle of a chapter
            self.base = max(self.base, place // step(self.rate) * step(self.rate))
            self.skip = max(self.base - place, 0)
            self.waiting = -self.skip
            if place > self.base:
                self._work(np.zeros((self.channels, place - self.base), np.float32))
        elif t is not None:
            gap = t - self.start_s - self.at / self.rate
            if 0.05 < gap <= GAP_S:
                self._feed()
                self._work(np.zeros((self.channels, round(gap * self.rate)), np.float32))
        if frame.format.name != self.format:
            self._feed()
            self.format, self.fifo = frame.format.name, _fifo()
        frame.pts = None
        self.fifo.write(frame)
        self.waiting += frame.samples
        if self.waiting >= GATHER_S * self.rate:
            self._feed()

    def finish(self) -> Sounds:
        """No more sound: what is left makes a last, shorter block if it is at least half of one."""
        self._feed()
        if self.pending.shape[1] * 2 >= self.rate * NATIVE_BLOCK_S:
            self._native_blocks(self.pending, np.array([0, self.pending.shape[1]]))
        rest = np.concatenate([self.mono_pending, *(out.to_ndarray()[0] for out in self._mono(None))])
        blocks = (rest.size + MONO_BLOCK // 2) // MONO_BLOCK
        self._mono_blocks(np.concatenate([rest, np.zeros(MONO_BLOCK, np.float32)])[:blocks * MONO_BLOCK])
        self.pending, self.mono_pending = self.pending[:, :0], self.mono_pending[:0]
        rows, at = {}, {}
        for m, _ in (*self.native, *self.mono):
            block_s = NATIVE_BLOCK_S if m.ear == "native" else MONO_BLOCK_S
            begin = round(self.base / self.rate / block_s)
            low = max(round(self.first / self.rate / block_s) - begin, 0)
            high = None if math.isinf(self.until) else max(round(self.until / self.rate / block_s) - begin, 0)
            rows[m.name] = self.rows[m.name].rows[low:high]
            at[m.ear] = begin + low + np.arange(len(rows[m.name]))
        return Sounds(at["native"], at["mono"], rows)

    def lead(self) -> NDArray[np.float64]:
        """Energy of the blocks of the run-in, after `finish`: what two workers must have heard alike where they meet."""
        count = max(round((self.first - self.base) / self.rate / NATIVE_BLOCK_S), 0)
        return np.concatenate([[float(self.base)], self.rows["loudness"].rows[:count, 0]])

    def _feed(self) -> None:
        """Work on the frames gathered so far."""
        if not self.waiting:
            return
        self.waiting = 0
        gathered = self.fifo.read()
        if gathered is not None:
            self._work(_float_sound(gathered, self.channels)[:, self.skip:])
            self.skip = 0

    def _work(self, fresh: NDArray[np.float32]) -> None:
        if self.base + self.samples + fresh.shape[1] > self.until:
            fresh = fresh[:, :max(int(self.until) - self.base - self.samples, 0)]
        self.samples += fresh.shape[1]
        if fresh.shape[1] == 0:
            return
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


class Listening:
    """Hands the sound of a source, or of some of its chapters, to those who hear: near an edge to two of them.

    Args:
        rate_hz: Of the stream.
        channels: Of the stream.
        start_s: When the sound of the source starts.
        edges: Sample with which each chapter begins, by its number; infinity behind the last.
        timed: Whether frames are placed by their times, and not one behind the other.
        first: Number of the first chapter to hear.
        after: Number of the chapter behind the last one.
        hand: Takes the numbers of a chapter.
    """

    def __init__(self, rate_hz: int, channels: int, start_s: float, edges: Callable[[float], float], timed: bool, first: int, after: float,
                 hand: Callable[[Sounds], None]) -> None:
        self.rate, self.channels, self.start_s, self.edges, self.timed, self.hand = rate_hz, channels, start_s, edges, timed, hand
        self.first, self.next, self.after, self.at = first, first, after, 0
        self.open: list[tuple[int, Heard]] = []
        self.over = False
        self.lead_in, self.lead_out = np.zeros(0), np.zeros(0)
        """What was heard before the first chapter, and before the one behind the last (see `Heard.lead`)."""

    @property
    def seconds(self) -> float:
        """Length of the sound up to what was heard last."""
        return self.at / self.rate

    def hear(self, frame: Any, t: float | None) -> None:
        """The next frame of sound."""
        if self.over or frame.sample_rate != self.rate or frame.layout.nb_channels != self.channels:
            return
        place = round((t - self.start_s) * self.rate) if self.timed and t is not None else self.at
        while self.next <= self.after and place + frame.samples > self.edges(self.next) - (step(self.rate) if self.next else 0):
            first, until = int(self.edges(self.next)), self.edges(self.next + 1)
            if max(place, first) < until:
                self.open.append((self.next, Heard(self.rate, self.channels, self.start_s, first, until)))
            self.next += 1
        while self.open and place >= self.open[0][1].until:
            self._close()
        self.over = place >= self.edges(self.after)
        if self.over:
            self.finish()
            return
        for _, heard in self.open:
            heard.hear(frame, place, t)
            self.at = max(self.at, heard.at)

    def finish(self) -> None:
        """No more sound."""
        while self.open:
            self._close()

    def _close(self) -> None:
        number, heard = self.open.pop(0)
        made = heard.finish()
        if number < self.after:
            self.hand(made)
        else:
            self.lead_out = heard.lead()
        if number == self.first > 0:
            self.lead_in = heard.lead()


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

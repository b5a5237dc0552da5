"""What is kept of the sound of a source while it passes: numbers of every block, chapter by chapter.

Blocks are counted from the start of the sound. A chapter of sound begins where blocks of both kinds and the steps of the resampler
begin together (`step`), and is heard from one such step before it: by then filters and detectors have forgotten what was before.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.clean.channels import shares_of
from jobs.clean.measures import MONO_BLOCK, MONO_BLOCK_S, MONO_RATE_HZ, NATIVE_BLOCK_S, Hearer, Measurement, measurements
from jobs.clean.series import Growing, Sounds
from jobs.media.kernel import kernel
from jobs.media.resample import resampler

GATHER_S = 2.0
"""Sound that is worked on at a time."""
OFF_S, GAP_S, SILENCE_S = 0.05, 3600.0, 6 * 3600.0
"""A gap in the times of sound of more than the first and no more than the second is silence: a muted recorder writes nothing until somebody speaks.
A longer one is a jump of the clock. All silence together is no longer than the third, for a file of a megabyte could claim years."""
OVERLAP_S = 5.0
"""Sound that is stamped up to so much before the end of what was heard is there twice, and is left out so far; earlier the clock starts anew."""


def step(rate_hz: int) -> int:
    """Samples between the places where a chapter of sound may begin: whole numbers of blocks of both kinds and of samples, 3.2 s or,
    at odd rates, 16 s."""
    return 16 * rate_hz if rate_hz % 5 else 16 * rate_hz // 5


class Heard:
    """The sound of one chapter: numbers per block.

    Args:
        rate_hz: Of the stream.
        channels: Names of those of the stream.
        start_s: When the sound of the source starts.
        first: Sample with which the chapter begins, a multiple of `step`.
        until: Sample with which the next one begins.
    """

    def __init__(self, rate_hz: int, channels: Sequence[str], start_s: float, first: int = 0, until: float = math.inf) -> None:
        self.rate, self.channels, self.start_s = rate_hz, len(channels), start_s
        self.shares = shares_of(channels)
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
        self.blocks = self.mono_blocks = 0
        self.room, self.pending = np.zeros((len(channels), 0), np.float32), 0
        """Where sound lies while it is worked on, and how much of it waits there for the rest of its block."""
        self.mono_pending = np.zeros(0, np.float32)
        import av

        self.fifo: Callable[[], Any] = av.AudioFifo
        self.gathered: Any = None
        self.waiting, self.skip, self.most, self.off = 0, -1, round(GATHER_S * rate_hz), OFF_S * rate_hz
        self.resampler = resampler(rate_hz, MONO_RATE_HZ)

    def hear(self, frame: Any, place: int) -> int:
        """The next frame of sound; returns the sample behind it. Frames are gathered: a thousand samples at a time would cost more in
        calls than in work.

        Args:
            frame: Of the rate and channels of the stream: others would be read beyond their end. It loses its time.
            place: Its first sample, counted from the start of the sound.
        """
        if self.skip < 0:  # the first frame; sound may also begin in the middle of a chapter
            self.base = max(self.base, place // step(self.rate) * step(self.rate))
            self.skip = max(self.base - place, 0)
            self.waiting = -self.skip
            self._silence(place - self.base)
        else:
            gap = place - (self.base + self.samples + self.waiting)
            if self.off < gap <= GAP_S * self.rate:
                self._feed()
                self._silence(gap)
            elif -OVERLAP_S * self.rate <= gap < -self.off:
                self._feed()
                self.skip = max(self.skip, 0) - gap
                self.waiting = -self.skip
        self._gather(frame)
        self.waiting += frame.samples
        if self.waiting >= self.most:
            self._feed()
        return self.base + self.samples + self.waiting

    def _gather(self, frame: Any) -> None:
        """Lay a frame behind those that wait; one of another sample format begins anew."""
        frame.pts = None
        if self.gathered is None:
            self.gathered = self.fifo()
        try:
            self.gathered.write(frame)
        except ValueError:
            self._feed()
            self.gathered = self.fifo()
            self.gathered.write(frame)

    def finish(self) -> Sounds:
        """No more sound: what is left makes a last, shorter block if it is at least half of one."""
        self._feed()
        if self.pending * 2 >= self.rate * NATIVE_BLOCK_S:
            self._native_blocks(np.array([0, self.pending]))
        rest = np.concatenate([self.mono_pending, self._mono(None)])
        blocks = (rest.size + MONO_BLOCK // 2) // MONO_BLOCK
        self._mono_blocks(np.concatenate([rest, np.zeros(MONO_BLOCK, np.float32)])[:blocks * MONO_BLOCK])
        self.pending, self.mono_pending = 0, self.mono_pending[:0]
        rows, at = {}, {}
        for ear, hearers, block_s, count in (("native", self.native, NATIVE_BLOCK_S, self.blocks), ("mono", self.mono, MONO_BLOCK_S, self.mono_blocks)):
            begin = round(self.base / self.rate / block_s)
            low = max(round(self.first / self.rate / block_s) - begin, 0)
            high = count if math.isinf(self.until) else max(min(round(self.until / self.rate / block_s) - begin, count), low)
            at[ear] = np.arange(begin + low, begin + high)
            for m, _ in hearers:
                first, after = ((begin + n + m.every - 1) // m.every - (begin + m.every - 1) // m.every for n in (low, high))
                rows[m.name] = self.rows[m.name].rows[first:after]
        return Sounds(at["native"], at["mono"], rows)

    def lead(self) -> NDArray[np.float64]:
        """Energy of the blocks of the run-in, after `finish`: what two workers must have heard alike where they meet."""
        count = max(round((self.first - self.base) / self.rate / NATIVE_BLOCK_S), 0)
        return np.concatenate([[float(self.base)], self.rows["loudness"].rows[:count, 0]])

    def _feed(self) -> None:
        """Work on the frames gathered so far."""
        frame = self.gathered.read() if self.gathered is not None else None
        if frame is None:
            return
        count, drop = frame.samples, min(self.skip, frame.samples)
        self.skip -= drop
        self.waiting = -self.skip
        fresh = self._fresh(count)
        _lay(frame, fresh)
        if drop:
            fresh[:, :count - drop] = fresh[:, drop:].copy()
        self._work(count - drop)

    def _silence(self, samples: int) -> None:
        while samples > 0:
            some = min(samples, self.most)
            self._fresh(some)[:] = 0
            self._work(some)
            samples -= some

    def _fresh(self, samples: int) -> NDArray[np.float32]:
        """The place behind what waits, for so many samples."""
        if self.pending + samples > self.room.shape[1]:
            room = np.empty((self.channels, self.pending + samples), np.float32)
            room[:, :self.pending] = self.room[:, :self.pending]
            self.room = room
        return self.room[:, self.pending:self.pending + samples]

    def _work(self, samples: int) -> None:
        """Work on so many samples that were laid behind those that wait."""
        if self.base + self.samples + samples > self.until:
            samples = int(self.until) - self.base - self.samples
        if samples <= 0:
            return
        self.samples += samples
        fresh, end = self.room[:, self.pending:self.pending + samples], self.pending + samples
        mono = np.empty(samples, np.float32)
        if not _mix(self.room, self.shares, self.pending, mono):
            np.nan_to_num(fresh, copy=False, posinf=1.0, neginf=-1.0)
            _mix(self.room, self.shares, self.pending, mono)
        line = np.concatenate([self.mono_pending, self._mono(mono)])
        most = int(end / (self.rate * NATIVE_BLOCK_S)) + 2
        edges = np.rint(np.arange(self.blocks, self.blocks + most) * self.rate * NATIVE_BLOCK_S).astype(np.int64)
        edges -= edges[0]
        edges = edges[edges <= end]
        self._native_blocks(edges)
        self.pending = end - int(edges[-1])
        self.room[:, :self.pending] = self.room[:, edges[-1]:end].copy()
        whole = line.size // MONO_BLOCK * MONO_BLOCK
        self._mono_blocks(line[:whole])
        self.mono_pending = line[whole:]

    def _native_blocks(self, edges: NDArray[np.int64]) -> None:
        if edges.size > 1:
            number = round(self.base / self.rate / NATIVE_BLOCK_S) + self.blocks
            for m, hearer in self.native:
                some = edges if m.every == 1 else np.stack([edges[:-1], edges[1:]], axis=1)[-number % m.every::m.every]
                self.rows[m.name].extend(hearer(self.room, some))
            self.blocks += edges.size - 1

    def _mono(self, sound: NDArray[np.float32] | None) -> NDArray[np.float32]:
        """Samples at 16 kHz; None for what the resampler still holds."""
        return self.resampler.end() if sound is None else self.resampler.feed(sound)

    def _mono_blocks(self, line: NDArray[np.float32]) -> None:
        if line.size:
            blocks = np.ascontiguousarray(line.reshape(-1, MONO_BLOCK))
            self.mono_blocks += len(blocks)
            for m, hearer in self.mono:
                self.rows[m.name].extend(hearer(blocks))


class Listening:
    """Hands the sound of a source, or of some of its chapters, to those who hear: near an edge to two of them.

    Args:
        rate_hz: Of the stream.
        channels: Names of those of the stream.
        layout: What FFmpeg calls these together.
        start_s: When the sound of the source starts.
        edges: Sample with which each chapter begins, by its number; infinity behind the last.
        timed: Whether frames are placed by their times, and not one behind the other.
        first: Number of the first chapter to hear.
        after: Number of the chapter behind the last one.
        hand: Takes the numbers of a chapter.
    """

    def __init__(self, rate_hz: int, channels: Sequence[str], layout: str, start_s: float, edges: Callable[[float], float], timed: bool, first: int,
                 after: float, hand: Callable[[Sounds], None]) -> None:
        self.rate, self.channels, self.start_s, self.edges, self.timed, self.hand = rate_hz, channels, start_s, edges, timed, hand
        self.first, self.next, self.after, self.at = first, first, after, 0
        self.open: list[tuple[int, Heard]] = []
        self.layout, self.others = layout, dict[tuple[str, str, int], Any]()
        """Resamplers, by the form of what they bring to that of the first frame."""
        self.lost = 0
        """Frames that could not be brought to it."""
        self.silence_left_s = SILENCE_S
        self.calm = -math.inf
        """Up to this sample no chapter begins or ends."""
        self.over = False
        self.lead_in, self.lead_out = np.zeros(0), np.zeros(0)
        """What was heard before the first chapter, and before the one behind the last (see `Heard.lead`)."""

    @property
    def seconds(self) -> float:
        """Length of the sound up to what was heard last."""
        return self.at / self.rate

    def hear(self, frame: Any, t: float | None) -> None:
        """The next frame of sound. A broadcast goes from two channels to six and back: such frames are brought to what the first was."""
        if frame.sample_rate != self.rate or frame.layout.nb_channels != len(self.channels):
            for i, fitted in enumerate(self._fitted(frame)):
                self.hear(fitted, t if i == 0 else None)
            return
        if self.over:
            return
        place = self.at if t is None else self._place(t)
        if place + frame.samples > self.calm:
            self._turn(place, place + frame.samples)
        for _, heard in self.open:
            self.at = max(self.at, heard.hear(frame, place))

    def _place(self, t: float) -> int:
        """Where sound of this time lies: right behind what was heard, unless there is a gap, or it was heard already."""
        place = round((t - self.start_s) * self.rate)
        gap_s = (place - self.at) / self.rate
        if self.timed or -OVERLAP_S <= gap_s < -OFF_S:
            return place
        if OFF_S < gap_s <= GAP_S:
            self.silence_left_s -= gap_s
            return place if self.silence_left_s > 0 else self.at
        return self.at

    def _fitted(self, frame: Any) -> list[Any]:
        import av

        key = frame.format.name, frame.layout.name, frame.sample_rate
        try:
            if key not in self.others:
                self.others[key] = av.AudioResampler("fltp", self.layout, self.rate)
            return list(self.others[key].resample(frame))
        except (ValueError, av.error.FFmpegError):  # of channels without names nobody knows where they stand
            self.lost += 1
            return []

    def _turn(self, place: int, end: int) -> None:
        """Begin and end chapters for a frame from `place` to `end`."""
        while self.next <= self.after and end > self._begin(self.next):
            first, until = int(self.edges(self.next)), self.edges(self.next + 1)
            if max(place, first) < until:
                self.open.append((self.next, Heard(self.rate, self.channels, self.start_s, first, until)))
            self.next += 1
        while self.open and place >= self.open[0][1].until:
            self._close()
        self.over = place >= self.edges(self.after)
        if self.over:
            self.finish()
        self.calm = min([self.edges(self.after), self._begin(self.next), *(heard.until for _, heard in self.open)])

    def _begin(self, number: int) -> float:
        """Sample with which the run-in of a chapter begins."""
        return self.edges(number) - (step(self.rate) if number else 0)

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


INFINITE = np.int32(0x7F800000)
"""Bits of what is not finite in single precision, at least, without the sign."""


@kernel("boolean(float32[:, ::1], float32[::1], int64, float32[::1])")
def _mix(sound: Any, shares: Any, start: int, mono: Any) -> Any:
    """Fill `mono` with the mix of the channels from `start` on; whether all channels are finite there."""
    one, other = sound[0, start:start + mono.size], sound[min(1, len(sound) - 1), start:start + mono.size]
    first, second = (np.float32(0.5), np.float32(0.5)) if len(sound) == 1 else (shares[0], shares[1])
    for k in range(mono.size):
        mono[k] = first * one[k] + second * other[k]
    for channel in range(2, len(sound)):
        more = sound[channel, start:start + mono.size]
        for k in range(mono.size):
            mono[k] += shares[channel] * more[k]
    bits, greatest = sound.view(np.int32), np.int32(0)
    for channel in range(len(sound)):
        line = bits[channel, start:start + mono.size]
        for k in range(line.size):
            greatest = max(greatest, np.int32(line[k] & np.int32(0x7FFFFFFF)))
    return greatest < INFINITE


def _lay(frame: Any, out: NDArray[np.float32]) -> None:
    """Samples of a frame as [channels, n] in -1..1."""
    name, channels = frame.format.name, len(out)
    planar = name.endswith("p")
    kind = _SOUND_TYPES.get(name.removesuffix("p"))
    planes = frame.planes
    if kind is None or len(planes) != (channels if planar else 1):
        out[:] = 0
    elif planar:
        for line, plane in zip(out, planes, strict=True):
            line[:] = np.frombuffer(plane, kind, frame.samples)
    else:
        out[:] = np.frombuffer(planes[0], kind, frame.samples * channels).reshape(-1, channels).T
    if kind is np.uint8:
        out -= 128
        out /= 128
    elif kind is not None and np.issubdtype(kind, np.integer):
        out *= np.float32(-1.0 / float(np.iinfo(kind).min))


_SOUND_TYPES: Mapping[str, Any] = {
    "u8": np.uint8,
    "s16": np.int16,
    "s32": np.int32,
    "s64": np.int64,
    "flt": np.float32,
    "dbl": np.float64,
}

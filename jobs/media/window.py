"""The packets round a span of a container, and the frames they decode to."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.media import child

EPSILON_S = 1e-6
BEFORE_S = 1.0
"""How far before the span reading begins, so that sound stored before its picture is found."""
SURE = 3
"""So many packets in a row behind its end say that a span is over: one alone may have a wrong time."""


@dataclass(frozen=True)
class Span:
    """What is to be cut: start and exclusive end in seconds as in `clips`, how, and the x264 quality of what is encoded."""

    start_s: float
    end_s: float
    mode: str
    crf: int

    def holds(self, t: float) -> bool:
        """Whether a frame shown at `t` seconds belongs to it."""
        return self.start_s - EPSILON_S <= t < self.end_s - EPSILON_S


@dataclass(frozen=True)
class Window:
    """Packets round a span.

    Attributes:
        video: Picture packets in decoding order from a keyframe at or before the span, to the first beyond its end.
        audio: Sound packets round it.
        times: Presentation times of the picture packets, seconds; NaN where unknown.
        at_start: Nothing of the stream lies before the window. at_end: nothing of it lies behind.
    """

    video: tuple[Any, ...]
    audio: tuple[Any, ...]
    times: NDArray[np.float64]
    at_start: bool
    at_end: bool


def read(container: Any, video: Any, audio: Any, origin: float, span: Span) -> Window:
    """The packets of the window: sought to, checked, and read from the start of the file when seeking went wrong."""
    import av

    lead = video or audio
    for back_s in (BEFORE_S, 15.0, 45.0, None):
        target = span.start_s - back_s if back_s is not None else -1.0
        try:
            if target > 0:
                container.seek(int((target + origin) / lead.time_base), stream=lead, backward=True)
            else:
                _rewind(container, lead)
        except av.error.FFmpegError:
            if target > 0:
                continue
            raise
        window = _window(container, video, audio, origin, span, at_start=target <= 0)
        if video is None or target <= 0 or _starts_in_time(window, span):
            return window
    return window


def _rewind(container: Any, lead: Any) -> None:
    """Seek to the start of a stream: in FLV whose sound comes first there is nothing of its picture at 0 to seek to."""
    import av

    start = lead.start_time or 0
    try:
        container.seek(min(start, 0), stream=lead, backward=True)
    except av.error.FFmpegError:
        container.seek(max(start, 0), stream=lead, backward=True)


def _starts_in_time(window: Window, span: Span) -> bool:
    """Whether it begins early enough: with a keyframe before the span; with two where the second must tell where the first stands."""
    keys = [t for p, t in zip(window.video, window.times, strict=True) if p.is_keyframe]
    before = 1 if decoding_order(window) else 0
    return len(keys) > before and keys[before] <= span.start_s + EPSILON_S


def packets(container: Any, *streams: Any) -> Iterator[Any]:
    """Packets of these streams until the end, or until the demuxer breaks off."""
    import av

    found = container.demux(*streams)
    while True:
        try:
            packet = next(found)
        except (av.error.FFmpegError, StopIteration, IndexError):  # IndexError: PyAV flushes streams that came up on the way, too
            return
        if packet.size and any(packet.stream.index == stream.index for stream in streams):
            yield packet


def _window(container: Any, video: Any, audio: Any, origin: float, span: Span, at_start: bool) -> Window:
    pictures: list[Any] = []
    sounds: list[Any] = []
    beyond = {stream.index: 0 for stream in (video, audio) if stream is not None}
    at_end = True
    for packet in packets(container, *(s for s in (video, audio) if s is not None)):
        order = packet.dts if packet.dts is not None else packet.pts
        if order is None:
            continue
        t = float(order * packet.time_base) - origin
        if video is not None and packet.stream.index == video.index:
            if not pictures and not packet.is_keyframe:
                continue
            pictures.append(packet)
        elif t < span.end_s:
            sounds.append(packet)
        beyond[packet.stream.index] = beyond[packet.stream.index] + 1 if t >= span.end_s and not packet.is_discard else 0
        if all(count >= SURE for count in beyond.values()) or (t >= span.end_s + 10 and beyond[packet.stream.index] >= SURE):
            at_end = False
            break
    times = np.array([float(p.pts * p.time_base) - origin if p.pts is not None else np.nan for p in pictures])
    if at_end and times.size:
        at_end = not bool((times >= span.end_s - EPSILON_S).any())
    return Window(tuple(pictures), tuple(sounds), times, at_start, at_end)


def decoding_order(window: Window) -> bool:
    """Whether the times of packets are but their order of decoding, as those of H.264 in an AVI are; frames come out in that of their
    showing. (Of MPEG-4 FFmpeg works the times out.)"""
    stream = window.video[0].stream if window.video else None
    return stream is not None and stream.container.format.name == "avi" and bool(stream.codec_context.has_b_frames) \
        and not bool((np.diff(window.times) < 0).any())


def copyable(window: Window) -> bool:
    """Whether its packets are what is shown: their times are known, and no edit list hides some of them."""
    return not (np.isnan(window.times).any() or decoding_order(window) or any(p.is_discard for p in window.video))


def frames(window: Window, low: int, high: int, span: Span, origin: float) -> Iterator[tuple[float, Any]]:
    """Decoded frames of the span out of packets low..high, with their times; the decoder starts anew."""
    if low >= high or high == 0:
        return

    context = window.video[low].stream.codec_context
    context.flush_buffers()
    shown = _decoded(window, low, high)
    if decoding_order(window):
        timed = _placed(window, shown)
    else:
        timed = ((float(frame.pts * (frame.time_base or window.video[low].time_base) - origin), frame) for frame in shown if frame.pts is not None)
    last_t = -np.inf
    for t, frame in timed:
        if span.holds(t) and t > last_t:
            last_t = t
            child.progress(t - span.start_s)
            yield t, frame
    context.flush_buffers()


def _decoded(window: Window, low: int, high: int) -> Iterator[Any]:
    import av

    context = window.video[low].stream.codec_context
    for i in range(low, high + 1):
        try:
            decoded = context.decode(window.video[i] if i < high else None)
        except av.error.EOFError:
            break
        except av.error.FFmpegError as error:
            child.heed(error)
            continue
        yield from (frame for frame in decoded if isinstance(frame, av.VideoFrame))


def _placed(window: Window, shown: Iterator[Any]) -> Iterator[tuple[float, Any]]:
    """Frames of packets in decoding order with the times of their places in the order of showing. Behind a keyframe are all packets before
    it, and those behind it that are shown before it: so it tells where it stands, whatever the decoder left out, as it does after a seek
    of frames that lean on one before."""
    times, keys = np.sort(window.times), {p.pts: i for i, p in enumerate(window.video) if p.is_keyframe}
    at, before = 0 if window.at_start else -1, list[int]()
    for frame in shown:
        if frame.pts in keys and before:
            at = keys[frame.pts] + sum(pts > frame.pts for pts in before)
        before.append(frame.pts if frame.pts is not None else -1)
        if 0 <= at < len(times):
            yield float(times[at]), frame
            at += 1

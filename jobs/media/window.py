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
    lead = video or audio
    for back_s in (BEFORE_S, 15.0, None):
        target = span.start_s - back_s if back_s is not None else -1.0
        if target > 0:
            container.seek(int((target + origin) / lead.time_base), stream=lead, backward=True)
        else:
            container.seek(0 if lead.start_time is None else min(lead.start_time, 0), stream=lead, backward=True)
        window = _window(container, video, audio, origin, span, at_start=target <= 0)
        if video is None or target <= 0 or _starts_in_time(window, span):
            return window
    return window


def _starts_in_time(window: Window, span: Span) -> bool:
    keys = [t for p, t in zip(window.video, window.times, strict=True) if p.is_keyframe]
    return bool(keys) and keys[0] <= span.start_s + EPSILON_S


def _window(container: Any, video: Any, audio: Any, origin: float, span: Span, at_start: bool) -> Window:
    pictures: list[Any] = []
    sounds: list[Any] = []
    picture_over = video is None
    sound_over = audio is None
    at_end = True
    for packet in container.demux(*(s for s in (video, audio) if s is not None)):
        if packet.size == 0 or (packet.pts is None and packet.dts is None):
            continue
        of_video = video is not None and packet.stream.index == video.index
        if not of_video and (audio is None or packet.stream.index != audio.index):
            continue
        order = packet.dts if packet.dts is not None else packet.pts
        t = float(order * packet.time_base) - origin
        if of_video:
            if not pictures and not packet.is_keyframe:
                continue
            pictures.append(packet)
            if t >= span.end_s:
                picture_over = True
        elif t < span.end_s:
            sounds.append(packet)
        else:
            sound_over = True
        if (picture_over and sound_over) or t >= span.end_s + 10:
            at_end = False
            break
    times = np.array([float(p.pts * p.time_base) - origin if p.pts is not None else np.nan for p in pictures])
    if at_end and times.size:
        at_end = not bool((times >= span.end_s - EPSILON_S).any())
    return Window(tuple(pictures), tuple(sounds), times, at_start, at_end)


def decoding_order(window: Window) -> bool:
    """Whether the times of packets are but their order of decoding, as those of an AVI are; frames come out in that of their showing."""
    stream = window.video[0].stream if window.video else None
    return stream is not None and stream.container.format.name == "avi" and bool(stream.codec_context.has_b_frames)


def frames(window: Window, low: int, high: int, span: Span, origin: float) -> Iterator[tuple[float, Any]]:
    """Decoded frames of the span out of packets low..high, with their times; the decoder starts anew."""
    if low >= high or high == 0:
        return
    import av

    context = window.video[low].stream.codec_context
    context.flush_buffers()
    last_t = -np.inf
    in_order = iter(np.sort(window.times[low:high]) if decoding_order(window) else ())
    for i in range(low, high + 1):
        try:
            decoded = context.decode(window.video[i] if i < high else None)
        except av.error.EOFError:
            break
        except av.error.FFmpegError as error:
            child.heed(error)
            continue
        for frame in decoded:
            if frame.pts is None or not isinstance(frame, av.VideoFrame):
                continue
            t = float(next(in_order, frame.pts * (frame.time_base or window.video[low].time_base) - origin))
            if span.holds(t) and t > last_t:
                last_t = t
                child.progress(t - span.start_s)
                yield t, frame
    context.flush_buffers()

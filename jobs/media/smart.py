"""Both ends of a span encoded, the groups of pictures between them copied, in one H.264 track."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.media import avc
from jobs.media.track import TICKS, Part, Track, encode_frames
from jobs.media.window import EPSILON_S, Span, Window, copyable, frames

PROFILES = (66, 77, 88, 100)
"""`profile_idc` of Baseline, Main, Extended and High: decoders go on from one to the High of our ends. From High to the lossless coding of
High 4:4:4 Predictive FFmpeg's does not, within one track: the pictures become noise."""


def smart(window: Window, video: Any, origin: float, span: Span) -> Track | None:
    """Both ends encoded, what lies between copied; None where that is not possible."""
    context = video.codec_context
    if context.codec.canonical_name != "h264" or context.pix_fmt not in ("yuv420p", "yuvj420p") or not context.extradata:
        return None
    if context.width % 2 or context.height % 2 or not copyable(window):
        return None
    try:
        sets = avc.parameter_sets(context.extradata)
        cleaned = [_clean(bytes(p), sets) for p in window.video]
        number = avc.free_number(sets)
    except avc.AvcError:
        return None
    if any(c is None for c in cleaned) or any(unit[1] not in PROFILES for unit in sets.sps):
        return None
    entries = [i for i, c in enumerate(cleaned) if c is not None and c[1]]
    inner = [i for i in entries if window.times[i] >= span.start_s - EPSILON_S]
    last = max((i for i in inner if window.times[i] <= span.end_s + EPSILON_S), default=None)
    if not inner or last is None:
        return None
    if window.at_end:
        last = len(window.video)
    elif last == inner[0]:
        return None
    if any(not _covers(window.times, cut) for cut in (inner[0], last) if cut < len(window.video)):
        return None
    head = frames(window, 0, inner[0], span, origin)
    copied = range(inner[0], last)
    first = next(head, None)
    start = min([float(window.times[i]) for i in copied] + ([first[0]] if first is not None else []))
    middle = [(cleaned[i][0], round((window.times[i] - start) * TICKS), i in entries) for i in copied]  # type: ignore[index]
    before, ours = _end(first, head, video, start, span, number)
    tail = frames(window, last, len(window.video), span, origin) if last < len(window.video) else iter(())
    after, theirs = _end(next(tail, None), tail, video, start, span, number)
    parts = (*before, *middle, *after)
    if len({ticks for _, ticks, _ in parts}) < len(parts):  # joined with an overlap: a moment is there twice
        return None
    extradata = avc.avcc(sets, *([one] if (one := theirs or ours) is not None else []))
    return Track("smart", start, video, extradata, parts, round((span.end_s - start) * TICKS))


def _end(first: tuple[float, Any] | None, rest: Iterator[tuple[float, Any]], video: Any, start: float, span: Span,
         number: int) -> tuple[list[Part], avc.ParameterSets | None]:
    """The parts of one end, encoded while its frames are decoded: those of 4K would fill the memory that there is."""
    if first is None:
        return [], None
    sets, parts, _ = encode_frames(chain([first], rest), video, start, span.crf, number)
    return parts, sets


def _covers(times: NDArray[np.float64], cut: int) -> bool:
    """Whether the packet at `cut` parts the presentation order: all before it are shown before, all behind it behind."""
    return cut == 0 or bool(times[:cut].max() < times[cut:].min() + EPSILON_S and times[cut] <= times[cut:].min() + EPSILON_S)


def _clean(data: bytes, sets: avc.ParameterSets) -> tuple[bytes, bool] | None:
    """A packet with four-byte lengths and without parameter sets, and whether it is an IDR; None when sets in it are others."""
    found = avc.units(data, sets.length_size)
    for unit in found:
        if (avc.unit_type(unit) == avc.SPS and unit not in sets.sps) or (
            avc.unit_type(unit) == avc.PPS and unit not in sets.pps
        ):
            return None
    kept = [unit for unit in found if avc.unit_type(unit) not in (avc.SPS, avc.PPS, avc.DELIMITER)]
    return avc.join(kept), any(avc.unit_type(unit) == avc.IDR for unit in kept)

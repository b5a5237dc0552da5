"""Where a long source is divided: chapters that follow from the file alone, so that many workers may share one source.

A chapter begins at the first keyframe at or after every CHAPTER_S, as the index of the container has it. Every pass measures by
these chapters, in one piece or in many: what a measurement remembers is begun anew with each, from a short run-in before it, and
what it yields is numbers in rows, which are laid end to end. Shots and clips are made of the rows of the whole source and know of no
chapters. Sources without an index that can be trusted are read in one piece; their chapters begin by the clock.
"""

from dataclasses import dataclass
from typing import Any

from jobs.media.probe import container_seconds
from jobs.media.sniff import Kind

CHAPTER_S = 300.0
"""Least length of a chapter. No setting: the same source gives the same numbers however many workers share it."""
RUN_IN_S = 1.0
"""Decoding begins at a keyframe at least so long before a chapter. What comes first after a keyframe may lean on pictures before it
(open GOP), and a decoder of sound needs some packets to find its feet (Opus 80 ms, MP3 its reservoir of half a second at most)."""
LONGEST_RUN_IN_S = 60.0
"""Where keyframes are further apart no chapter begins: what is decoded twice stays small against a chapter."""
HONEST_S = 86_400.0
"""Longer lengths are nonsense in a header, not a promise."""
INDEXED = {"mov": "dts", "matroska": "pts"}
"""Demuxers whose index of keyframes is read before any packet, and what of a packet its entries name."""
COVERED = 0.9
"""Share of the stated length that the index reaches, at least: that of a fragmented file knows its first fragment only."""


@dataclass(frozen=True)
class Begin:
    """Where a chapter begins, in ticks of the picture stream.

    Attributes:
        stamp: Of the keyframe packet with which it begins (see INDEXED).
        run_in: Of the keyframe packet from which a piece that begins here is decoded.
    """

    stamp: int
    run_in: int


def plan(container: Any, kind: Kind, video: Any | None, chapter_s: float = CHAPTER_S) -> tuple[Begin, ...]:
    """Where the chapters after the first begin; none in a source that is short or has no good index.

    The container has been opened and nothing has been read of it; afterwards it stands at its beginning again.
    """
    seconds = container_seconds(container)
    if video is None or kind.demuxer not in INDEXED or not video.time_base or seconds is None or not 2 * chapter_s <= seconds < HONEST_S:
        return ()
    start = video.start_time or 0
    if kind.demuxer == "matroska":  # cues are read when they are first needed
        container.seek(int(start + seconds / video.time_base), stream=video, backward=True)
        container.seek(min(start, 0), stream=video, backward=True)
    return begins(video.index_entries, float(video.time_base), seconds, chapter_s)


def begins(entries: Any, tick_s: float, seconds: float, chapter_s: float = CHAPTER_S) -> tuple[Begin, ...]:
    """The plan from an index (PyAV's `index_entries`) of a source that states a length of `seconds`."""
    if len(entries) < 2:
        return ()
    first, last = entries[0].timestamp, entries[len(entries) - 1].timestamp
    if (last - first) * tick_s < COVERED * seconds - LONGEST_RUN_IN_S:
        return ()
    found: list[Begin] = []
    due = first + round(chapter_s / tick_s)
    while due < last and (at := entries.search_timestamp(due, backward=False)) >= 0:
        stamp = entries[at].timestamp
        before = entries.search_timestamp(stamp - max(1, round(RUN_IN_S / tick_s)), backward=True)
        run_in = entries[max(before, 0)].timestamp
        if run_in < stamp and (stamp - run_in) * tick_s <= LONGEST_RUN_IN_S:
            found.append(Begin(stamp, run_in))
        due = max(stamp, due) + round(chapter_s / tick_s)
    return tuple(found)

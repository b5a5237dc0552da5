"""What a reading of a container found beside numbers, and whether the readings of neighbouring chapters make a whole."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np

NEAR_DB = 1.0
"""Sound before an edge may differ by so much from reader to reader: noise that AAC and AC-3 decoders make up is never the same."""
QUIET = 1e-6
"""Mean square from which that is asked, -60 dB."""
STILL_S = 1.0
"""So much time of its own a frame counts for at most, in how much was decoded: sixty frames may claim an hour and take a second."""


@dataclass
class Found:
    """What a reading found, beside the numbers of its chapters.

    Attributes:
        chapters: First chapter, and the one behind the last; `of`: how many the source has.
        facts: Columns of `clips` that hold for the source.
        good_frames, bad_frames, interlaced, behind: Frames decoded, frames and packets that could not be, frames that were interlaced,
        frames stamped too early.
        good_sound, bad_sound: Likewise of sound.
        first_t: Time of the first frame, NaN without one. last_t: Of the last. last_duration_s: How long that says to be shown.
        sound_start_s: When the sound starts, sound_s: how long it is up to the last sample; NaN without sound.
        broke_off: What the demuxer said when it could not go on.
        whole: The reading came to where its last chapter ends.
        seam_in, seam_out: Time of the frame before the first, its trace, and that of the first (see `Grid.trace`); the same at the chapter
        behind the last.
        lead_in, lead_out: The same of sound (`Heard.lead`).
        container, demuxer, video, origin_s, step_s, stated_s, stated_frames, edited: What the header says: the format, whether there is a picture
        stream, its time zero, the usual length of a frame, length, count of frames, and that fewer are shown.
    """

    chapters: tuple[int, int] = (0, 1)
    of: int = 1
    facts: dict[str, Any] = field(default_factory=dict)
    good_frames: int = 0
    bad_frames: int = 0
    interlaced: int = 0
    behind: int = 0
    good_sound: int = 0
    bad_sound: int = 0
    first_t: float = math.nan
    last_t: float = math.nan
    last_duration_s: float = 0.0
    sound_start_s: float = math.nan
    sound_s: float = math.nan
    broke_off: str = ""
    whole: bool = False
    seam_in: list[float] | None = None
    seam_out: list[float] | None = None
    lead_in: Any = field(default_factory=lambda: np.zeros(0))
    lead_out: Any = field(default_factory=lambda: np.zeros(0))
    container: str = ""
    demuxer: str = ""
    origin_s: float = 0.0
    video: bool = False
    step_s: float = 1 / 25
    stated_s: float | None = None
    stated_frames: int = 0
    edited: bool = True

    @property
    def shown_s(self) -> float:
        """Seconds of pictures that were decoded."""
        return min(self.good_frames * STILL_S, self.last_t - self.first_t)  # in this order: the times are NaN without a frame

    def plain(self) -> dict[str, Any]:
        """As values that `jobs.media.wire` carries."""
        return dict(vars(self))

    @classmethod
    def of_plain(cls, plain: Mapping[str, Any]) -> Self:
        """The same after a journey."""
        return cls(**{**plain, "chapters": tuple(plain["chapters"])})


@dataclass(frozen=True)
class Measured:
    """What the pass made of one source.

    Attributes:
        modality: Of the content: a video container with sound alone is `audio`.
        clips: One dict per clip with the columns of `clips` from start_s to audio_fingerprint.
        damage: Share of packets and frames that could not be decoded, 0..1.
        duration_s: Length that was decoded.
        frames: Frames decoded.
    """

    modality: str
    clips: list[dict[str, Any]]
    damage: float
    duration_s: float
    frames: int


def joined(found: Sequence[Found]) -> Found:
    """The findings of neighbours as those of one reading."""
    first, last = found[0], found[-1]
    shown = [f for f in found if f.good_frames]
    heard = [f for f in found if f.sound_s > 0]
    total = {name: sum(getattr(f, name) for f in found) for name in ("good_frames", "bad_frames", "interlaced", "behind", "good_sound", "bad_sound")}
    return replace(
        last, chapters=(first.chapters[0], last.chapters[1]), seam_in=first.seam_in, lead_in=first.lead_in, **total,
        facts={name: value for f in reversed(found) for name, value in f.facts.items()},
        first_t=shown[0].first_t if shown else math.nan, last_t=shown[-1].last_t if shown else math.nan,
        last_duration_s=shown[-1].last_duration_s if shown else 0.0,
        sound_start_s=heard[0].sound_start_s if heard else math.nan, sound_s=max((f.sound_s for f in heard), default=math.nan))


def misfit(found: Sequence[Found]) -> str:
    """Why readings of neighbours do not make a whole; empty where they do. Those of no chapter are left out."""
    found = [f for f in found if f.chapters[0] < f.chapters[1]]
    if not found or [f.chapters[0] for f in found] != [0, *(f.chapters[1] for f in found[:-1])] or found[-1].chapters[1] != found[-1].of:
        return "chapters are missing"
    for one, other in zip(found, found[1:], strict=False):
        if not one.whole:
            return "a part ends early"
        if one.seam_out is None or one.seam_out != other.seam_in:
            return "the picture is another one where two parts meet"
        if one.lead_out.shape != other.lead_in.shape:
            return "the sound is another one where two parts meet"
        levels = [np.log10(np.maximum(lead[1:], QUIET)) * 10 for lead in (one.lead_out, other.lead_in)]
        if one.lead_out[:1].tolist() != other.lead_in[:1].tolist() or (np.abs(levels[0] - levels[1]) > NEAR_DB).any():
            return "the sound is another one where two parts meet"
    return ""

"""A bed of music from the corpus: one of the sounds of the release in which hardly anyone speaks.

Which one depends on the prompt alone, so that a retry takes the same; its sample is named in the publication, so that a takedown
of its source finds the video.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from jobs.errors import Terminal
from jobs.lake import Lake, Slice, Version
from jobs.state import table_version
from schemas import SAMPLES

CORPUS = "corpus"
"""Value of `publish.music` that asks for it."""
MOST_SPEECH, LEAST_S, LEAST_LUFS = 0.1, 3.0, -50.0
"""Share of speech from which a sound is no music, and length and loudness below which it is no bed."""


@dataclass(frozen=True)
class Bed:
    """A sample of sound, and where its bytes are."""

    sample_id: str
    part: Slice

    def read(self) -> bytes:
        """The sound as it was cut, in its container."""
        rows = self.part.read(["sample_id", "audio"]).to_pylist()
        return next(bytes(row["audio"]) for row in rows if row["sample_id"] == self.sample_id)


def release(lake: Lake) -> Version:
    """The release that beds are taken from.

    Raises:
        Terminal: there is none.
    """
    try:
        return table_version(lake, SAMPLES.name)
    except Terminal:
        raise Terminal(f"publish.music = {CORPUS!r}: {lake.root} has no release to take music from; build one, or give a file") from None


def beds(of: Version) -> list[Bed]:
    """The sounds of a release that serve, in the order of their ids.

    Raises:
        Terminal: none does.
    """
    columns = ["sample_id", "modality", "duration_s", "speech_share", "loudness_lufs"]
    found = [Bed(row["sample_id"], part) for part in of.slices() for row in part.read(columns).to_pylist()
             if row["modality"] == "audio" and row["duration_s"] >= LEAST_S
             and row["speech_share"] is not None and row["speech_share"] <= MOST_SPEECH
             and row["loudness_lufs"] is not None and row["loudness_lufs"] >= LEAST_LUFS]
    if not found:
        raise Terminal(f"publish.music = {CORPUS!r}: no sound of the release lasts {LEAST_S:.0f} s with at most {MOST_SPEECH:.0%} speech; "
                       "give a file")
    return sorted(found, key=lambda bed: bed.sample_id)


def pick(among: Sequence[Bed], prompt_id: str) -> Bed:
    """The bed of a prompt; it stays the same while that bed is there, whatever others come and go."""
    return max(among, key=lambda bed: hashlib.sha256(f"{prompt_id}\x1f{bed.sample_id}".encode()).digest())

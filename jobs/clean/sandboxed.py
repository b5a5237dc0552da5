"""A source measured in the sandbox of this process, in one go or in parts by several workers.

`measure_source` has all of it measured by one decoder process. A long source may be read by several workers: `read_part` reads some
of its chapters (`jobs.clean.chapters`), `measure_parts` makes of all parts what one pass would have made. Nothing that decodes or
computes on media is imported here: `jobs.clean.measure` is, in the decoder process.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, BinaryIO

from jobs.clean.chapters import CHAPTER_S
from jobs.clean.found import Found, Measured, joined, misfit
from jobs.clean.series import Pictures, Sounds
from jobs.clean.spill import Spill
from jobs.media import sandbox
from jobs.media.faults import TooManyFrames

if TYPE_CHECKING:
    from schemas.settings import Measure


@dataclass(frozen=True)
class Part:
    """What was read of some chapters of a source.

    Attributes:
        found: Facts and counts, as `jobs.clean.found.Found.plain` has them.
        numbers: Rows of each chapter, in order, of pictures or of sound.
    """

    found: Mapping[str, Any]
    numbers: Sequence[Mapping[str, Any]]


def measure_source(path: str | os.PathLike[str], modality: str, settings: "Measure", chapter_s: float = CHAPTER_S) -> Measured:
    """Measure one source in the sandbox of this process.

    Args:
        path: A local file.
        modality: What the source is said to be; what it is decides its content.
        settings: The section `measure` of the recipe.
        chapter_s: Least length of a chapter, for tests: other lengths give slightly other numbers.

    Raises:
        MediaFault: one of its subclasses, each with its reason code and a sentence of detail.
    """
    together = _Together()
    arguments = {"path": os.fspath(path), "modality": modality, "settings": settings.model_dump(), "chapter_s": chapter_s}
    made = sandbox.call("jobs.clean.measure:measure_file", arguments, _limits(settings), together.take)
    return Measured(**made) if "clips" in made else together.measured(Found.of_plain(made), settings)


def read_part(file: BinaryIO, part: int, of: int, settings: "Measure", chapter_s: float = CHAPTER_S) -> Part:
    """Read the chapters of a source that fall to one of several workers, in the sandbox of this process.

    Args:
        file: Open; of one that is far away only what lies round these chapters is read.
        part: Which part, from 0. A source of few chapters has empty parts.
        of: How many parts there are.
        settings: The section `measure` of the recipe.
        chapter_s: As in `measure_source`.

    Raises:
        MediaFault: as in `measure_source`.
    """
    numbers: list[Any] = []
    arguments = {"part": part, "of": of, "settings": settings.model_dump(), "chapter_s": chapter_s}
    return Part(sandbox.call("jobs.clean.measure:part_file", arguments, _limits(settings), numbers.append, file), numbers)


def measure_parts(parts: Sequence[Part], settings: "Measure") -> Measured | None:
    """What `measure_source` would have made of a source, from all its parts; None where they do not fit together.

    Raises:
        MediaFault: as in `measure_source`.
    """
    found = [Found.of_plain(part.found) for part in parts]
    if misfit(found):
        return None
    whole = joined(found)
    if whole.good_frames > settings.max_frames:
        raise TooManyFrames(f"more than {settings.max_frames} frames")
    together = _Together()
    for numbers in (numbers for part in parts for numbers in part.numbers):
        together.take(numbers)
    return together.measured(whole, settings)


def _limits(settings: "Measure") -> sandbox.Limits:
    return sandbox.Limits(settings.min_limit_s, settings.seconds_per_second, settings.max_memory_mb, settings.max_limit_s)


class _Together:
    """The numbers of a source that come chapter by chapter: those wanted for a clip at a time lie in a file."""

    def __init__(self) -> None:
        self.spill = Spill()
        self.pictures: list[Pictures] = []
        self.sounds: list[Sounds] = []
        self.jpegs: dict[float, Any] = {}

    def take(self, numbers: Mapping[str, Any]) -> None:
        """Those of the next chapter, of pictures or of sound."""
        if Pictures.fits(numbers):
            part = Pictures.of(self.spill.keep(numbers))
            self.jpegs |= zip(part.stored_times.tolist(), part.jpegs, strict=True)
            self.pictures.append(replace(part, jpegs=()))
        elif Sounds.fits(numbers):
            self.sounds.append(Sounds.of(self.spill.keep(numbers)))

    def measured(self, found: Found, settings: "Measure") -> Measured:
        """The clips of all of them. The small pictures stay here."""
        arguments = {
            "found": found.plain(), "settings": settings.model_dump(),
            "pictures": Pictures.joined(self.pictures).plain() if self.pictures else None,
            "sounds": Sounds.joined(self.sounds).plain() if self.sounds else None,
        }
        clips: list[dict[str, Any]] = []
        with self.spill.file as file:
            made = sandbox.call("jobs.clean.measure:conclude", arguments, _limits(settings), lambda some: clips.extend(some["clips"]), file)
        for frame in (frame for clip in clips for frame in clip["frames"] or ()):
            frame["jpeg"] = self.jpegs[frame["t_s"]]
        return Measured(**made, clips=clips)

"""Why a medium could not be used: one class per cause, each with its code in `schemas.reasons` and a sentence of detail."""

from typing import ClassVar


class MediaFault(Exception):
    """A medium that cannot be used. A row in `rejects`, never the end of a run."""

    reason: ClassVar[str] = "undecodable"

    def __init__(self, detail: str = "") -> None:
        self.given = detail[:500]
        super().__init__(self.given)

    @property
    def detail(self) -> str:
        """What was said of it, else what the code means."""
        from schemas.reasons import REASONS  # not at the start of a decoder process: the contracts import pyarrow

        return self.given or REASONS[self.reason][0]

    def __str__(self) -> str:
        return self.detail


class Undecodable(MediaFault):
    """No frame or sample could be decoded."""


class PartlyUndecodable(Undecodable):
    """Decoding broke off, or more of it is damaged than is allowed."""

    reason = "partly_undecodable"


class BrokenClock(MediaFault):
    """The times of its frames run backwards: no span of it could be found again."""

    reason = "broken_clock"


class NoMedia(MediaFault):
    """A container without a picture or sound stream."""

    reason = "no_media"


class UnknownFormat(MediaFault):
    """Not a format that is understood."""

    reason = "unknown_format"


class EmptyFile(MediaFault):
    """No bytes at all."""

    reason = "empty_file"


class Playlist(MediaFault):
    """A list of other files, which is never followed."""

    reason = "playlist"


class NotRegularFile(MediaFault):
    """A pipe, socket or device."""

    reason = "not_regular_file"


class Unreadable(MediaFault):
    """The operating system refuses to read it."""

    reason = "unreadable"


class MissingFile(MediaFault):
    """It is not there."""

    reason = "missing_file"


class TooManyPixels(MediaFault):
    """Larger pictures than the limit; nothing of them was decoded."""

    reason = "too_many_pixels"


class TooManyFrames(MediaFault):
    """More frames than the limit."""

    reason = "too_many_frames"


class DecodeTimeout(MediaFault):
    """Decoding took longer than its limit; the child was killed."""

    reason = "decode_timeout"


class DecodeMemory(MediaFault):
    """Decoding needed more memory than its limit."""

    reason = "decode_memory"


class DecodeCrash(MediaFault):
    """The child died, or an error came up that no one had foreseen."""

    reason = "decode_crash"


class Uncuttable(MediaFault):
    """The span could not be cut out."""

    reason = "uncuttable"


def _all(base: type[MediaFault]) -> list[type[MediaFault]]:
    return [base, *(below for child in base.__subclasses__() for below in _all(child))]


BY_REASON: dict[str, type[MediaFault]] = {fault.reason: fault for fault in reversed(_all(MediaFault))}
"""Reason code -> class."""

"""Header facts of one media file, as plain values. Runs inside the sandbox."""

from dataclasses import asdict
from typing import Any, BinaryIO

from jobs.media.probe import probe


def facts(file: BinaryIO) -> dict[str, Any]:
    """What `jobs.media.probe.probe` says of an open file.

    Raises:
        what that raises.
    """
    return asdict(probe(file))

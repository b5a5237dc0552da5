"""Header facts of one media file, as plain values. Runs inside the sandbox."""

from dataclasses import asdict
from typing import Any


def facts(path: str) -> dict[str, Any]:
    """What `jobs.media.probe.probe` says of a file.

    Raises:
        what `probe` raises.
    """
    from jobs.media.probe import probe

    return asdict(probe(path))

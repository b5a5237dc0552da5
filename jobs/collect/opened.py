"""A source opened again, later: still the object that was collected, or an error that says so."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from jobs.collect.source import local, lost
from jobs.media.faults import Unreadable

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@contextmanager
def opened(source: Mapping[str, Any], *, verify: bool) -> Iterator[str]:
    """A local path of a source that is still what was collected.

    Args:
        source: uri, size_bytes, sha256 and fetched_at as in `sources`.
        verify: Compare the bytes in any case; else where the file was written since.

    Raises:
        Unreadable: gone, or changed since it was collected.
        Transient: the place that it is in cannot be reached or is away, or the disk is full: nothing that the source should be rejected for.
    """
    uri = str(source["uri"])
    try:
        with local(uri) as path:
            if why := changed(source, path, verify=verify):
                raise Unreadable(f"{uri} {why}")
            yield path
    except OSError as error:
        raise Unreadable(f"{uri}: {lost(error, uri)[1]}") from None


def changed(source: Mapping[str, Any], path: str, *, verify: bool = False) -> str | None:
    """What is other about the object at a local path than when it was collected: its size, or, where it was written since, its bytes.

    Args:
        source, verify: As in `opened`.
        path: Of the object itself or of a copy of it, which says nothing of when it was written.

    Raises:
        OSError: it cannot be read.
    """
    facts = os.stat(path)
    if facts.st_size != source["size_bytes"]:
        return f"has {facts.st_size} bytes now and had {source['size_bytes']} when it was collected; collect it again"
    copy = path != source["uri"]
    written = copy or (source["fetched_at"] is not None
                       and facts.st_mtime_ns // 1000 != (source["fetched_at"] - EPOCH) // timedelta(microseconds=1))
    if (verify or written) and source["sha256"] and _sha256(path) != source["sha256"]:
        return "has other bytes now than when it was collected; collect it again"
    return None


def _sha256(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

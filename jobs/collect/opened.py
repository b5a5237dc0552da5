"""A source opened again, later: still the object that was collected, or an error that says so."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from jobs.collect.source import local, lost
from jobs.media.faults import Unreadable


@contextmanager
def opened(source: Mapping[str, Any], *, verify: bool) -> Iterator[str]:
    """A local path of a source that is still what was collected.

    Args:
        source: uri, size_bytes and sha256 as in `sources`.
        verify: Compare the bytes, too; else the size alone.

    Raises:
        Unreadable: gone, or changed since it was collected.
        Transient: the place that it is in cannot be reached, or the disk is full: nothing that the source should be rejected for.
    """
    uri = str(source["uri"])
    try:
        with local(uri) as path:
            size = os.stat(path).st_size
            if size != source["size_bytes"]:
                raise Unreadable(f"{uri} has {size} bytes now and had {source['size_bytes']} when it was collected; collect it again")
            if verify and source["sha256"] and _sha256(path) != source["sha256"]:
                raise Unreadable(f"{uri} has other bytes now than when it was collected; collect it again")
            yield path
    except OSError as error:
        raise Unreadable(f"{uri}: {lost(error, uri)[1]}") from None


def _sha256(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

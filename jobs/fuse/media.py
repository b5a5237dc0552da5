"""The media bytes of one sample, read from its source: cut in the sandbox, whole where the source is the sample."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from jobs.collect.source import local
from jobs.fuse.join import Media
from jobs.media import sandbox
from jobs.media.cut import cut_clip
from jobs.media.faults import Unreadable
from jobs.media.probe import HEAD_BYTES, sniff
from schemas.settings import Fuse

Row = Mapping[str, Any]

WEB_PICTURES = {"jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp", "gif": "image/gif"}
"""Pictures that every reader opens: their bytes are stored as they are."""


@contextmanager
def opened(source: Row, *, verify: bool) -> Iterator[str]:
    """A local path of a source that is still what was collected.

    Args:
        source: uri, size_bytes and sha256 as in `sources`.
        verify: Compare the bytes, too; else the size alone.

    Raises:
        Unreadable: gone, or changed since it was collected.
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
        raise Unreadable(f"{uri}: {error.strerror or error}") from None


def _sha256(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def media_of(clip: Row, path: str, fuse: Fuse) -> Media:
    """The media of a video, picture or sound clip.

    Raises:
        MediaFault: it cannot be cut.
    """
    if clip["modality"] == "image":
        return _picture(path) if fuse.cut != "range" else Media("range")
    made = cut_clip(path, clip["start_s"], clip["end_s"], fuse.cut, fuse.crf)
    return Media(made.cut, made.start_s, made.media_type, made.video, None, made.audio, made.audio_type)


def _picture(path: str) -> Media:
    with open(path, "rb") as file:
        kind = sniff(file.read(HEAD_BYTES))
    if kind.container in WEB_PICTURES:
        with open(path, "rb") as file:
            return Media("whole", None, WEB_PICTURES[kind.container], image=file.read())
    data = sandbox.call("jobs.fuse.png:as_png", {"path": path}, sandbox.Limits())
    return Media("encode", None, "image/png", image=bytes(data))

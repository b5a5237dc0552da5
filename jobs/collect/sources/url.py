"""Folders and objects behind any fsspec URL: `s3://bucket/folder`, `gs://`, `abfs://`, `memory://`."""

import contextlib
import io
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, BinaryIO

from jobs.collect.source import Connector, Found
from jobs.errors import Terminal
from jobs.lake import Lake

BLOCK_BYTES = 8 << 20
"""What is fetched at a time: enough for a steady stream, and little where only some places of a long film are read."""
BUFFER_BYTES = 1 << 16
"""What is handed on at a time to who reads lines."""


def serves(root: str) -> bool:
    """A URL whose protocol fsspec knows; web pages are none: they cannot be listed."""
    from fsspec.registry import known_implementations

    protocol, mark, _ = root.partition("://")
    return bool(mark) and protocol in known_implementations and protocol not in ("http", "https", "file", "local")


def listed(root: str, follow_links: bool) -> Iterator[Found]:
    """The objects below a prefix, or the one object.

    Raises:
        Terminal: there is nothing under this URL, or it may not be read.
        Transient: the place cannot be reached.
    """
    place = Lake(root)
    base, protocol = place.path().rstrip("/"), root.partition("://")[0]
    try:
        objects: Mapping[str, Mapping[str, Any]] = place.fs.find(base, detail=True)
    except ValueError as error:
        raise Terminal(f"{root}: cannot be listed ({error})") from None
    except Exception:
        with place.reached():
            raise
    if not objects:
        raise Terminal(f"{root}: there is nothing under this address")
    for path, facts in sorted(objects.items()):
        rel_path = path.removeprefix(base).lstrip("/") or base.rsplit("/", 1)[-1]
        if any(part.startswith(".") for part in rel_path.split("/")) or facts.get("type") != "file":
            continue
        written = _written_us(facts)
        stamp = str(facts.get("ETag") or facts.get("etag") or facts.get("md5Hash") or written or "")
        yield Found(rel_path, str(place.fs.unstrip_protocol(path)), int(facts.get("size") or 0), stamp, written, protocol)


def _written_us(facts: Mapping[str, Any]) -> int | None:
    for name in ("LastModified", "last_modified", "updated", "mtime", "created"):
        value = facts.get(name)
        if isinstance(value, datetime):
            moment = value if value.tzinfo else value.replace(tzinfo=UTC)
            return int(moment.timestamp() * 1_000_000)
        if isinstance(value, int | float):
            return int(value * 1_000_000)
    return None


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Errors of a store's library, which need not be an OSError, as one."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise OSError(f"{type(error).__name__}: {error}") from error


class _Raw(io.RawIOBase):
    """The bytes of an object whose faults are OSErrors."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def readinto(self, buffer: Any) -> int:
        with _told():
            data = self._file.read(len(buffer))
        buffer[:len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        with _told():
            return int(self._file.seek(offset, whence))

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True


@contextlib.contextmanager
def opened(uri: str) -> Iterator[BinaryIO]:
    """The bytes of an object; OSError where the place cannot be reached, whatever its library raises."""
    place = Lake(uri)
    with _told():
        file = place.fs.open(place.path(), "rb", block_size=BLOCK_BYTES)
    with contextlib.closing(file), io.BufferedReader(_Raw(file), BUFFER_BYTES) as whole:
        yield whole


CONNECTOR = Connector("url", serves, listed, opened)

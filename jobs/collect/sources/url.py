"""Folders and objects behind any fsspec URL: `s3://bucket/folder`, `gs://`, `abfs://`, `memory://`."""

import contextlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, BinaryIO

from jobs.collect.source import Connector, Found
from jobs.errors import Terminal
from jobs.lake import Lake

BLOCK_BYTES = 8 << 20
"""What is fetched at a time: enough for a steady stream, and little where only some places of a long film are read."""


def serves(root: str) -> bool:
    """A URL whose protocol fsspec knows; web pages are none: they cannot be listed."""
    from fsspec.registry import known_implementations

    protocol, mark, _ = root.partition("://")
    return bool(mark) and protocol in known_implementations and protocol not in ("http", "https", "file", "local")


def listed(root: str, follow_links: bool) -> Iterator[Found]:
    """The objects below a prefix, or the one object.

    Raises:
        Terminal: there is nothing under this URL, or it may not be read.
    """
    place = Lake(root)
    base, protocol = place.path().rstrip("/"), root.partition("://")[0]
    try:
        objects: Mapping[str, Mapping[str, Any]] = place.fs.find(base, detail=True)
    except (OSError, ValueError) as error:
        raise Terminal(f"{root}: cannot be listed ({error})") from None
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
def opened(uri: str) -> Iterator[BinaryIO]:
    """The bytes of an object."""
    place = Lake(uri)
    with place.fs.open(place.path(), "rb", block_size=BLOCK_BYTES) as file:
        yield file


CONNECTOR = Connector("url", serves, listed, opened)

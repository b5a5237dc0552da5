"""Where objects come from: a source lists them without opening any, and opens one.

Names that begin with a dot (`.git`, `.DS_Store`) are not listed. Everything else below a source root is an object, also what
can never be used: a pipe, a link that leads out, a folder that may not be read.
"""

import contextlib
import errno
import importlib
import logging
import os
import pkgutil
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import BinaryIO

from jobs.errors import Terminal, Transient
from jobs.lake import Lake
from jobs.version import digest
from schemas.settings import Runtime

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """An object as it was listed.

    Attributes:
        rel_path: Path below the source root, with `/`; begins with the root's name where several roots are collected.
        uri: Where it is: an absolute path, or a URL.
        size_bytes: As listed.
        stamp: What changes when the bytes do: time of writing in nanoseconds, or an entity tag.
        written_us: Time of writing in microseconds since 1970, where known.
        connector: What collected it: `file`, or the protocol.
        error: Reason why it is not opened, with `detail`; None for what can be.
        reached: Where a link led to its root: the root's path as it was given, and the one that `uri` begins with.
    """

    rel_path: str
    uri: str
    size_bytes: int
    stamp: str
    written_us: int | None
    connector: str
    error: str | None = None
    detail: str | None = None
    reached: tuple[str, str] | None = None

    @property
    def name(self) -> str:
        """Last part of the path."""
        return self.rel_path.rsplit("/", 1)[-1]

    @property
    def folder(self) -> str:
        """Path of the folder, empty for the root."""
        return self.rel_path.rpartition("/")[0]

    @property
    def suffix(self) -> str:
        """Extension in lower case, without the dot."""
        return PurePosixPath(self.name).suffix.lower().lstrip(".")

    def line(self, number: int) -> "Found":
        """A row of a table as an object of its own."""
        return replace(self, rel_path=f"{self.rel_path}#L{number}", uri=f"{self.uri}#L{number}", size_bytes=0, stamp="")


@dataclass(frozen=True)
class Connector:
    """A kind of source.

    Attributes:
        name: Name of its file.
        serves: Whether a root is of this kind.
        listed: The objects below a root; the argument after it is `follow_links`. Terminal when there is no such root.
        opened: The bytes of an object, by its uri; OSError when they cannot be read.
    """

    name: str
    serves: Callable[[str], bool]
    listed: Callable[[str, bool], Iterator[Found]]
    opened: Callable[[str], AbstractContextManager[BinaryIO]]


@cache
def connectors() -> Mapping[str, Connector]:
    """All connectors by name, found by walking the folder."""
    package = importlib.import_module("jobs.collect.sources")
    found = (importlib.import_module(f"{package.__name__}.{m.name}").CONNECTOR for m in pkgutil.iter_modules(package.__path__))
    return MappingProxyType({c.name: c for c in sorted(found, key=lambda c: str(c.name))})


def connector(root: str) -> Connector:
    """The connector that serves a root or an object.

    Raises:
        Terminal: none does.
    """
    for candidate in connectors().values():
        if candidate.serves(root):
            return candidate
    why = "web addresses cannot be listed, fetch what they lead to first" if root.startswith(("http://", "https://")) else "no connector serves this"
    raise Terminal(f"{root}: {why}; give a folder, a file or a URL that fsspec knows")


def written_to(runtime: Runtime) -> tuple[str, ...]:
    """The folders that the lake and the videos made from it are written to, as the uris of what lies there begin."""
    places = [Lake(place) for place in (runtime.lake, runtime.out) if place]
    return tuple(os.path.realpath(place.path()) if place.local else place.url() for place in places)


def listing(roots: Sequence[str], follow_links: bool = False, ours: Sequence[str] = ()) -> list[Found]:
    """Every object below the roots, by path.

    Args:
        roots: Folders, files, URLs.
        follow_links: Follow links that stay inside a root.
        ours: Folders that are left out where they lie below a root: a lake in its source would make each build another one.

    Raises:
        Terminal: no roots, a root without a name or that is not there, one that holds nothing, or one that is a folder of ours.
    """
    if not roots:
        raise Terminal("nothing to collect: name folders or files, `--set sources='[\"/path/to/media\"]'`")
    if not all(root.strip() for root in roots):  # as a path it would be the folder that one happens to be in
        raise Terminal("one of the sources has no name; is a variable of the command line empty?")
    found: dict[str, Found] = {}
    known: set[str] = set()
    folders = _within(roots, ours)
    for folder in folders:
        log.warning("%s lies in a source: nothing of it is collected, for reelmill writes to it itself", folder)
    for root, label in zip(roots, _labels(roots), strict=True):
        objects = [item for item in connector(root).listed(root, follow_links) if not any(_inside(item, folder, follow_links) for folder in folders)]
        if not objects:
            raise Terminal(f"{root}: the folder holds no files (names that begin with a dot and the lake itself are not collected)")
        for item in objects:
            if item.uri not in known:  # a root inside another root: its objects are there already
                placed = f"{label}/{item.rel_path}" if label and item.rel_path != label else item.rel_path
                while placed in found:  # names that are no UTF-8 are written out, as another may be already
                    placed += "~"
                found[placed] = replace(item, rel_path=placed)
        known.update(item.uri for item in objects)
    return [found[path] for path in sorted(found)]


def _within(roots: Sequence[str], ours: Sequence[str]) -> list[str]:
    """Those of our folders that lie below a root.

    Raises:
        Terminal: one of them is a root.
    """
    tops = {root: _top(root) for root in roots}
    for root, top in tops.items():
        if top in ours:
            raise Terminal(f"{root}: this is the lake itself, or where videos are published to, and no source; name the files and folders of yours that "
                           "are in it, or keep the lake in a folder of its own")
    return [folder for folder in ours if any(folder.startswith(f"{top.rstrip('/')}/") for top in tops.values())]


def _top(root: str) -> str:
    """What the uris of all objects below a root begin with."""
    return os.path.realpath(os.path.expanduser(root.removeprefix("file://"))) if connector(root).name == "file" else Lake(root).url()


def _inside(item: Found, folder: str, follow_links: bool) -> bool:
    """Whether an object lies, or is a link to what lies, in a folder that itself lies below the object's root."""
    if len(item.uri) - len(item.rel_path) > len(folder):
        return False
    linked = follow_links and item.error is None and item.connector == "file" and os.path.islink(item.uri)
    where = os.path.realpath(item.uri) if linked else item.uri
    return where.startswith(f"{folder}/")


def fingerprint(found: Sequence[Found]) -> str:
    """Digest over path, size and stamp of every object: equal as long as nothing was written."""
    return digest([[f.rel_path, f.uri, f.size_bytes, f.stamp, f.error, *(f.reached or ())] for f in found])


def opened(uri: str) -> AbstractContextManager[BinaryIO]:
    """The bytes of an object.

    Raises:
        OSError: they cannot be read.
    """
    return connector(uri).opened(uri)


@contextlib.contextmanager
def local(uri: str) -> Iterator[str]:
    """A path of this machine that holds the object: itself, or a copy for as long as the block lasts.

    Raises:
        OSError: it cannot be read.
    """
    if "://" not in uri:
        yield uri
        return
    with tempfile.TemporaryDirectory(prefix="reelmill-") as folder:
        path = os.path.join(folder, "object" + PurePosixPath(uri).suffix)
        with opened(uri) as source, open(path, "wb") as copy:
            shutil.copyfileobj(source, copy, 1 << 20)
        yield path


_PASSING = frozenset({errno.ENOSPC, errno.EDQUOT, errno.ESTALE, errno.ENOTCONN, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EHOSTUNREACH})
"""A full disk, and file systems of other machines that do not answer."""


def lost(error: OSError, uri: str) -> tuple[str, str]:
    """Reason and detail for an object that could not be read.

    Raises:
        Transient: the place that it is in cannot be reached, is away or is full, which says nothing of the object.
    """
    if "://" not in uri and (isinstance(error, FileNotFoundError) or error.errno == errno.EIO) and _away(os.path.dirname(uri)):
        raise Transient(f"{uri}: its folder is not there or holds nothing; is a disk away? Bring it back and try again, or collect again "
                        "without it") from error
    if isinstance(error, FileNotFoundError):
        return "missing_file", "it was there when the sources were listed and is not any more"
    if error.errno in _PASSING or ("://" in uri and not isinstance(error, PermissionError)):
        raise Transient(f"{uri}: {error.strerror or error}; try again") from error
    return "unreadable", error.strerror or str(error)


def _away(folder: str) -> bool:
    """Whether a folder cannot be looked into, or is empty as the place of a disk is that is not mounted."""
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is None
    except PermissionError:
        return False
    except OSError:
        return True


def _labels(roots: Sequence[str]) -> list[str]:
    """What the paths of each root begin with: nothing for a single one, else as many of its last parts as tell them apart, so that
    none is a folder of another either; where no number of parts does, the last one and the place among the roots."""
    if len(roots) == 1:
        return [""]
    parts = [[p for p in root.replace("://", "/").split("/") if p not in ("", ".")] or ["root"] for root in roots]
    for depth in range(1, max(len(p) for p in parts) + 1):
        labels = ["/".join(p[-depth:]) for p in parts]
        taken = set(labels)
        if len(taken) == len(roots) and not any(str(above) in taken for label in labels for above in PurePosixPath(label).parents):
            return labels
    return [f"{p[-1]}~{place}" if place else p[-1] for place, p in enumerate(parts)]


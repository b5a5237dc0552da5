"""Folders and files of this machine."""

import contextlib
import errno
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import BinaryIO

from jobs.collect.source import Connector, Found
from jobs.errors import Terminal

PROTOCOL = "file://"
HOLLOW_BYTES = 256 << 20
"""Smaller files are read whatever they are."""
HOLLOW_PIECES = 100_000
"""Written pieces that are looked at."""


def serves(root: str) -> bool:
    """Anything without a protocol, or with that of files."""
    return "://" not in root or root.startswith(PROTOCOL)


def listed(root: str, follow_links: bool) -> Iterator[Found]:
    """The objects below a folder, or the one file.

    Raises:
        Terminal: there is no such folder or file, or it cannot be listed.
    """
    given = os.path.abspath(os.path.expanduser(root.removeprefix(PROTOCOL)))
    top = os.path.realpath(given)
    if not os.path.lexists(top):
        raise Terminal(f"{root}: there is no such folder or file")
    objects: Iterable[Found] = (_object(top, os.path.basename(top), os.path.dirname(top), follow_links),)
    if os.path.isdir(top):
        try:
            os.scandir(top).close()
        except OSError as error:
            raise Terminal(f"{root}: the folder cannot be read ({error.strerror})") from None
        objects = _below(top, follow_links)
    reached = None if given == top else (_text(given), _text(top))
    for found in objects:
        yield replace(found, reached=reached) if reached else found


def _below(top: str, follow_links: bool) -> Iterator[Found]:
    pending = [(top, "")]  # folders nest deeper than Python calls may
    while pending:
        folder, prefix = pending.pop()
        try:
            with os.scandir(folder) as entries:
                names = [(e.name, e.is_dir(follow_symlinks=False)) for e in entries if not e.name.startswith(".")]
        except OSError as error:
            yield Found(_text(prefix.rstrip("/")), _text(folder), 0, "", None, "file", "unreadable",
                        f"the folder cannot be read ({error.strerror})")
            continue
        for name, is_folder in sorted(names):
            path = os.path.join(folder, name)
            if is_folder:
                pending.append((path, f"{prefix}{name}/"))
            else:
                yield _object(path, prefix + name, top, follow_links)


def _object(path: str, rel_path: str, top: str, follow_links: bool) -> Found:
    try:
        facts = os.lstat(path)
        reason, detail = _refused(path, facts.st_mode, top, follow_links)
        if reason is None and stat.S_ISLNK(facts.st_mode):
            facts = os.stat(path)
    except OSError as error:
        return Found(_text(rel_path), _text(path), 0, "", None, "file", "unreadable", f"{error.strerror}")
    if reason is None and _text(path) != path:
        reason, detail = "unreadable", "the name is not UTF-8; rename it"
    regular = stat.S_ISREG(facts.st_mode)
    return Found(_text(rel_path), _text(path), facts.st_size if regular else 0, str(facts.st_mtime_ns) if regular else "",
                 facts.st_mtime_ns // 1000 if regular else None, "file", reason, detail)


def _refused(path: str, mode: int, top: str, follow_links: bool) -> tuple[str | None, str | None]:
    if stat.S_ISLNK(mode):
        target = os.path.realpath(path)
        if os.path.commonpath((target, top)) != top:
            return "outside_root", "a link that leads out of the source folder; name the folder that holds the file as a source"
        if not os.path.exists(target):
            return "missing_file", "a link to a file that is not there"
        if os.path.isdir(target):
            return "not_regular_file", "a link to a folder of the same source, which is collected where it is"
        if not follow_links:
            return "not_regular_file", "a link, and follow_links is off; what it leads to is collected where it is"
        mode = os.stat(path).st_mode
    if stat.S_ISREG(mode):
        return None, None
    kind = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}
    return "not_regular_file", f"{kind.get(stat.S_IFMT(mode), 'something')}, not a file: it is never opened"


def _text(name: str) -> str:
    """A name that can be stored: bytes that are not UTF-8 are written out."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def hollow(handle: int) -> bool:
    """Whether most of an open large file are holes that were never written, as its blocks say and its file system confirms; costs nothing
    for other files. A file of terabytes that holds nothing is not read through.

    Raises:
        OSError: it cannot be read.
    """
    facts = os.fstat(handle)
    if facts.st_size < HOLLOW_BYTES or facts.st_blocks * 512 >= facts.st_size / 2:
        return False
    written = at = 0
    for _ in range(HOLLOW_PIECES):
        try:
            at = os.lseek(handle, at, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                break
            raise
        end = os.lseek(handle, at, os.SEEK_HOLE)
        written, at = written + end - at, end
    os.lseek(handle, 0, os.SEEK_SET)
    return written < facts.st_size / 2


@contextlib.contextmanager
def opened(uri: str) -> Iterator[BinaryIO]:
    """The bytes of a file; a pipe that took its place since it was listed is an OSError and never waits."""
    handle = os.open(uri, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(f"{os.path.basename(uri)} is not a regular file any more")
        yield file


CONNECTOR = Connector("file", serves, listed, opened)

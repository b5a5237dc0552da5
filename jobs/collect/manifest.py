"""What a table below a source root is about: a manifest of other files, records of behaviour, or a collection of texts.

Everything in it is untrusted. A file name is looked up in the listing and never opened: `../../etc/passwd` names nothing.
"""

import posixpath
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from jobs.collect import behaviour
from jobs.collect.fields import BODY, FILE, NAMES, first, given, merged
from jobs.collect.pii import mask
from jobs.collect.source import Found, lost, opened
from jobs.collect.tables import Line, NotATable, Shape, rows, shape
from jobs.media.sniff import extension_kind

SAMPLE = 100
"""Rows by which it is decided what a table is about."""
MAX_NAME = 4096
"""Characters of a path on Linux."""
SHOWN = 200
"""Characters of an untrusted name that are repeated in a message."""

Purpose = Literal["manifest", "behaviour", "texts"]


class Places:
    """Finds the listed object that a name in a manifest means; é is é, whether a disk writes it as one sign or as two."""

    def __init__(self, found: Sequence[Found]) -> None:
        self._paths = {f.rel_path for f in found}
        self._uris = {f.uri: f.rel_path for f in found}
        self._composed: dict[str, list[str]] = defaultdict(list)
        self._names: dict[str, list[str]] = defaultdict(list)
        self._inside: dict[str, list[str]] = defaultdict(list)
        for item in found:
            self._composed[composed(item.rel_path)].append(item.rel_path)
            self._names[composed(item.name)].append(item.rel_path)
            self._inside[composed(item.rel_path.partition("/")[2])].append(item.rel_path)

    def find(self, name: str, folder: str) -> str | None:
        """The path below the source root: relative to the manifest's folder or one above it, the address of a listed
        object, a bare name that only one object has, or a path below a folder of the root (which is another source where the
        manifest is one of its own) that only one object has."""
        name = name.strip().replace("\\", "/")
        if not name or len(name) > MAX_NAME or "\0" in name:
            return None
        if (known := self._uris.get(name.removeprefix("file://"))) is not None:
            return known
        if "://" in name or name.startswith("/"):
            return None
        while True:
            path = posixpath.normpath(posixpath.join(folder, name))
            if path in self._paths:
                return path
            if found := _only(self._composed.get(composed(path))):
                return found
            if not folder:
                break
            folder = posixpath.dirname(folder)
        return _only(self._names.get(composed(name))) or _only(self._inside.get(composed(posixpath.normpath(name))))


def _only(paths: list[str] | None) -> str | None:
    return paths[0] if paths and len(paths) == 1 else None


def composed(name: str) -> str:
    """A name with its accents in one sign each (NFC): macOS writes names with theirs apart, tables mostly do not."""
    return unicodedata.normalize("NFC", name)


@dataclass
class Joined:
    """What all manifests say of the objects of a listing.

    Attributes:
        facts: Path -> facts as given; the first manifest in the order of paths stands.
        lost: Manifest -> number of the rows that were not joined, with the reason and its detail.
        said: Table -> sentence for its row of `rejects`.
        texts: Table of texts -> how it is written.
        refused: Table that is none -> why.
        records: Behaviour of objects by path.
    """

    facts: dict[str, dict[str, str]] = field(default_factory=dict)
    lost: dict[str, list[tuple[int, tuple[str, str]]]] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    texts: dict[str, Shape] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    records: behaviour.Records = field(default_factory=behaviour.Records)


def join(tables: Sequence[Found], places: Places) -> Joined:
    """Read all tables of a listing, each once; one that cannot be read is `refused`.

    Raises:
        Transient: the place that a table is in cannot be reached.
    """
    joined = Joined()
    for table in tables:
        try:
            with opened(table.uri) as file:
                how = shape(file, table.suffix)
                about = purpose(table, how, [line for line, _ in zip(rows(file, how), range(SAMPLE), strict=False)], places)
                if about == "texts":
                    joined.texts[table.rel_path] = how
                elif about == "manifest":
                    _read_manifest(joined, table, rows(file, how), places)
                elif about == "behaviour":
                    joined.said[table.rel_path] = joined.records.read(rows(file, how), table.folder, places)
                else:
                    joined.refused[table.rel_path] = "a table without a column that names files or holds texts"
        except NotATable as error:
            joined.refused[table.rel_path] = str(error)
        except OSError as error:
            joined.refused[table.rel_path] = f"cannot be read ({lost(error, table.uri)[1]})"
    return joined


def purpose(table: Found, how: Shape, sample: Sequence[Line], places: Places) -> Purpose | None:
    """What a table is about, by its columns and first rows."""
    columns = set(how.header)
    if re.match(r"behaviou?r", table.name.lower()) and behaviour.readable(columns):
        return "behaviour"
    names = [name for line in sample if line.cells is not None if (name := first(line.cells, FILE)) is not None]
    readable = any(line.cells is not None for line in sample)
    holds_text = columns & {*BODY, *NAMES["caption"]}
    if columns & {*FILE} and (not holds_text or not readable or any(_names_media(name, table.folder, places) for name in names)):
        return "manifest"
    return "texts" if holds_text else None


def _names_media(name: str, folder: str, places: Places) -> bool:
    return extension_kind(name.split("?")[0][-SHOWN:]) in ("video", "image", "audio") or places.find(name, folder) is not None


def _read_manifest(joined: Joined, table: Found, lines: Iterator[Line], places: Places) -> None:
    count = missing = 0
    lost: list[tuple[int, tuple[str, str]]] = []
    for line in lines:
        count += 1
        name = None if line.cells is None else first(line.cells, FILE)
        if line.cells is None or name is None:
            lost.append((line.number, ("bad_row", line.problem or "it names no file")))
            continue
        path = places.find(name, table.folder)
        if path is None:
            missing += 1
            lost.append((line.number, ("missing_file", why_missing(name[:SHOWN]))))
        else:
            joined.facts[path] = merged(joined.facts.get(path, {}), given(line.cells))
    joined.lost[table.rel_path] = lost
    joined.said[table.rel_path] = (f"a manifest of {count} rows: {count - len(lost)} joined, "
                                   f"{missing} name files that are not there, {len(lost) - missing} cannot be understood")


def why_missing(name: str) -> str:
    """A sentence about a name that stands for no object."""
    shown = mask(name if len(name) < SHOWN else name[:SHOWN] + "…")[0]
    if "://" in name:
        return f"names {shown!r}; addresses are not fetched, only files below the source folder are collected"
    if ".." in name or name.startswith("/"):
        return f"names {shown!r}, which is outside the source folder or not there"
    return f"names {shown!r}, which is not there"


def given_texts(cells: Mapping[str, Any]) -> tuple[str | None, dict[str, str]]:
    """The body and the other facts in a row of a collection of texts; a caption without a text is the body."""
    facts = given(cells)
    body = first(cells, BODY)
    facts.pop("text", None)
    if body is None:
        body = first(cells, NAMES["caption"])
        facts.pop("caption", None)
    return body, facts

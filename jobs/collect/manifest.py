"""What a table below a source root is about: a manifest of other files, records of behaviour, or a collection of texts.

Everything in it is untrusted. A file name is looked up in the listing and never opened: `../../etc/passwd` names nothing.
"""

import posixpath
import re
import unicodedata
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import PurePosixPath
from typing import Any, Literal

from jobs.collect import behaviour
from jobs.collect.fields import BODY, FILE, NAMES, captions, first, given, merged, spoken, words
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

_COLUMNS = frozenset({*FILE, *behaviour.SOURCE, *behaviour.PERSON, *behaviour.PEOPLE, *behaviour.VIEWS})

Purpose = Literal["manifest", "behaviour", "texts"]


class Places:
    """Finds the listed object that a name in a manifest means; é is é, whether a disk writes it as one sign or as two."""

    def __init__(self, found: Sequence[Found]) -> None:
        self._media = [f for f in found if _is_medium(f.name)]
        self._uris = {f.uri: f.rel_path for f in found}
        self._reached = sorted({f.reached for f in found if f.reached is not None})
        self._holding = {above for f in self._media for above in _above(f.folder)}
        self._whole = _Names({f.rel_path: f.rel_path for f in found})

    @cached_property
    def _stems(self) -> tuple["_Names", ...]:
        """Names without extension of all media, and of films alone: beside a film lies its thumbnail."""
        return tuple(_Names({f.rel_path: f.rel_path.removesuffix(PurePosixPath(f.name).suffix) for f in self._media if extension_kind(f.name) in kinds})
                     for kinds in (("video", "image", "audio"), ("video",)))

    def find(self, name: str, folder: str) -> str | None:
        """The path below the source root that a name means to a table in `folder`.

        In this order: the address of a listed object, also below a root as that was given; a path from the folder or from one above it;
        a bare name, or a path below a folder of the root (which is another source where the table is one of its own), that only one
        object has among those below the nearest folder above the table that holds media; the same of a medium without its extension, where several
        have that of the one film among them.
        """
        name = name.strip().replace("\\", "/")
        if not name or len(name) > MAX_NAME or "\0" in name:
            return None
        if (known := self._address(name.removeprefix("file://"))) is not None:
            return known
        if "://" in name or name.startswith("/"):
            return None
        within = next((above for above in _above(folder) if above in self._holding), "")
        return next((path for names in (self._whole, *self._stems) if (path := names.find(name, folder, within)) is not None), None)

    def named(self, cells: Mapping[str, Any], columns: Sequence[str], folder: str) -> tuple[str | None, str | None]:
        """The path of the object that the first column to name one names, and its name; without one, the best name there is."""
        names = [name for column in columns if (name := words(cells.get(column))) is not None]
        for name in names:
            if (path := self.find(name, folder)) is not None:
                return path, name
        return None, next((name for name in names if "://" not in name), names[0] if names else None)

    def _address(self, name: str) -> str | None:
        for link, real in self._reached:
            if (name + "/").startswith(link + "/") and (known := self._uris.get(real + name.removeprefix(link))) is not None:
                return known
        return self._uris.get(name)


class _Names:
    """Paths by the names that mean them."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._paths: dict[str, list[str]] = defaultdict(list)
        self._last: dict[str, list[str]] = defaultdict(list)
        self._inside: dict[str, list[str]] = defaultdict(list)
        for path in sorted(names):
            name = composed(names[path])
            self._paths[name].append(path)
            self._last[name.rpartition("/")[2]].append(path)
            self._inside[name.partition("/")[2]].append(path)

    def find(self, name: str, folder: str, within: str) -> str | None:
        for above in _above(folder):
            path = posixpath.normpath(posixpath.join(above, name))
            paths = self._paths.get(composed(path), ())
            if found := path if path in paths else _only(paths, ""):
                return found
        return _only(self._last.get(composed(name), ()), within) or _only(self._inside.get(composed(posixpath.normpath(name)), ()), within)


def _above(folder: str) -> Iterator[str]:
    """A folder and those above it, up to the root, which is empty."""
    while folder:
        yield folder
        folder = posixpath.dirname(folder)
    yield ""


def _only(paths: Sequence[str], within: str) -> str | None:
    """The one of some sorted paths that lies below a folder; None where none does or several do."""
    below = f"{within}/" if within else ""
    at = bisect_left(paths, below)
    found = [path for path in paths[at:at + 2] if path.startswith(below)]
    return found[0] if len(found) == 1 else None


def _is_medium(name: str) -> bool:
    return extension_kind(name) in ("video", "image", "audio")


def _claims(name: str) -> bool:
    """Whether a name or an address claims to be one of a medium."""
    return _is_medium(name.split("?")[0][-SHOWN:])


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
        names = partial(_names_known, places=places, folder=table.folder)
        try:
            with opened(table.uri) as file:
                how = shape(file, table.suffix)
                sample = [line for line, _ in zip(rows(file, how, known=names), range(SAMPLE), strict=False)]
                if (row := _named_in_header(table, how, sample, places)) is not None:
                    raise NotATable(f"its first line is a row, for it names {mask(row[:SHOWN])[0]!r}: write the names of the columns above it")
                naming = naming_columns(table, how, sample, places)
                about = purpose(table, how, naming, sample, places)
                if about == "texts":
                    joined.texts[table.rel_path] = how
                elif about == "manifest":
                    _read_manifest(joined, table, rows(file, how, known=names), naming, places)
                elif about == "behaviour":
                    joined.said[table.rel_path] = joined.records.read(rows(file, how, known=names), table.folder, places)
                else:
                    joined.refused[table.rel_path] = "a table without a column that names files or holds texts"
        except NotATable as error:
            joined.refused[table.rel_path] = str(error)
        except OSError as error:
            joined.refused[table.rel_path] = f"cannot be read ({lost(error, table.uri)[1]})"
    return joined


def _names_known(cells: Mapping[str, Any], places: Places, folder: str) -> bool:
    return places.named(cells, behaviour.SOURCE, folder)[0] is not None


def _named_in_header(table: Found, how: Shape, sample: Sequence[Line], places: Places) -> str | None:
    """What the first line of a CSV names, where that is a row as the others are: a medium that is listed or, where no column is called as any
    is, whatever is listed and a medium that stands above names of more."""
    known = not _COLUMNS.isdisjoint(how.header) or any(spoken({*how.header}, names) for names in (BODY, *NAMES.values()))
    for cell, name in zip(how.first_line, how.header, strict=False):  # no first line but of a CSV
        below = [text for line in sample if line.cells is not None and (text := words(line.cells.get(name))) is not None]
        among = not known and _claims(cell) and 2 * sum(map(_claims, below)) > len(below)
        if among or ((not known or _claims(cell)) and places.find(cell, table.folder) is not None):
            return cell
    return None


def naming_columns(table: Found, how: Shape, sample: Sequence[Line], places: Places) -> tuple[str, ...]:
    """Columns that name files, best first: those that are called so, else the one of which most cells of the first rows name a medium."""
    if {*FILE} & {*how.header}:
        return FILE
    cells = [line.cells for line in sample if line.cells is not None]
    hits = {name: sum(places.named(row, (name,), table.folder)[0] is not None for row in cells) for name in dict.fromkeys(how.header)}
    best = max(hits, key=lambda name: hits[name], default="")
    return (best,) if best and 2 * hits[best] > len(cells) else ()


def purpose(table: Found, how: Shape, naming: Sequence[str], sample: Sequence[Line], places: Places) -> Purpose | None:
    """What a table is about, by its columns and first rows."""
    columns = set(how.header)
    if re.match(r"behaviou?r", table.name.lower()) and behaviour.readable(columns):
        return "behaviour"
    named = [places.named(line.cells, naming, table.folder) for line in sample if line.cells is not None]
    readable = any(line.cells is not None for line in sample)
    holds_text = spoken(columns, BODY) or captions(columns)
    if naming and (not holds_text or not readable or _are_media(named)):
        return "manifest"
    return "texts" if holds_text else None


def _are_media(named: Sequence[tuple[str | None, str | None]]) -> bool:
    """Whether rows of texts are about files: one names an object of the listing, or most have the name of a medium."""
    claimed = [name for _, name in named if name is not None and _claims(name)]
    return any(path is not None for path, _ in named) or 2 * len(claimed) > len(named)


def _read_manifest(joined: Joined, table: Found, lines: Iterator[Line], naming: Sequence[str], places: Places) -> None:
    count = missing = again = silent = 0
    lost: list[tuple[int, tuple[str, str]]] = []
    for line in lines:
        count += 1
        path, name = (None, None) if line.cells is None else places.named(line.cells, naming, table.folder)
        if line.cells is None or name is None:
            lost.append((line.number, ("bad_row", line.problem or "it names no file")))
        elif path is None:
            missing += 1
            lost.append((line.number, ("missing_file", why_missing(name[:SHOWN]))))
        else:
            said, facts = joined.facts.get(path, {}), given(line.cells)
            joined.facts[path] = merged(said, facts)
            silent += not facts
            again += any(said.get(fact, value) != value for fact, value in facts.items())
    joined.lost[table.rel_path] = lost
    joined.said[table.rel_path] = (f"a manifest of {count} rows: {count - len(lost) - again} joined, "
                                   f"{missing} name files that are not there, {len(lost) - missing} cannot be understood"
                                   + (f", {silent} say nothing of their file in a column that is known ({', '.join(NAMES)})" if silent else "")
                                   + (f", {again} speak of a file that is described already" if again else ""))


def why_missing(name: str) -> str:
    """A sentence about a name that stands for no object."""
    shown = mask(name if len(name) < SHOWN else name[:SHOWN] + "…")[0]
    if "://" in name:
        return f"names {shown!r}; addresses are not fetched, only files below the source folder are collected"
    if ".." in name or name.startswith("/"):
        return f"names {shown!r}, which is outside the source folder or not there"
    return f"names {shown!r}, which is not there, or more than one file is called so"


def given_texts(cells: Mapping[str, Any]) -> tuple[str | None, dict[str, str]]:
    """The body and the other facts in a row of a collection of texts; a caption without a text is the body."""
    facts = given(cells)
    body = first(cells, spoken(cells.keys(), BODY))
    facts.pop("text", None)
    if body is None:
        body = first(cells, captions(cells.keys()))
        facts.pop("caption", None)
    return body, facts

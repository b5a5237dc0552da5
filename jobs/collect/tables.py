"""Reads CSV, TSV, JSONL and JSON whose content nobody vouches for: any encoding, any cell size, any nonsense, never a crash.

A line that cannot be understood comes out as such, with its number; the reading goes on.
"""

import codecs
import csv
import io
import json
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO, Literal

SUFFIXES = frozenset({"csv", "tsv", "jsonl", "ndjson", "json"})
HEAD_BYTES = 1 << 16
MAX_LINE_BYTES = 16 << 20
"""Longer lines are bad rows: no caption is that long, and memory is bounded by it."""
MAX_JSON_BYTES = 256 << 20
"""A JSON array is read as a whole."""
CHUNK_BYTES = 8 << 20
"""A collection of texts is cut into tasks of about so many bytes."""
MOST_AGAIN = 4
"""Times that a line may be read again, in the mean."""

_REMARK = re.compile(r"\s*[(（\[【][^)）\]】]*[)）\]】]$")
_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")
_SEPARATOR = re.compile(r"sep=(.)\r?\n", re.I)
"""What Excel is told by the first line of a table."""
MAX_HEADER_LINES = 20
_BLANKS = re.compile(r'" +(?=[,;|\t\r\n])')
"""Blanks behind a closing quote, which people write and which say nothing."""


@dataclass(frozen=True)
class Shape:
    """How a table is written: `array` is JSON as a whole, of objects or of one."""

    form: Literal["csv", "jsonl", "array"]
    delimiter: str = ","
    header: tuple[str, ...] = ()
    """Columns as normalised names; of a JSON table those of its first rows."""
    chinese: bool = False
    """Whether its beginning is GB18030: then `è` in UTF-8 is no letter of some row but `猫`."""
    header_lines: int = 1
    """Lines before the first row of a CSV."""
    first_line: tuple[str, ...] = ()
    """The columns of a CSV as they are written."""


@dataclass(frozen=True)
class Line:
    """One row: its number (counted from 1, lines for CSV and JSONL, places for an array) and its cells, or what is wrong."""

    number: int
    cells: Mapping[str, Any] | None
    problem: str | None = None


@dataclass(frozen=True)
class Chunk:
    """A stretch of a table that begins and ends between two rows."""

    offset: int
    size_bytes: int
    first_line: int


class NotATable(ValueError):
    """The bytes are not a table in the form that they claim; the message says why."""


def column(name: object) -> str:
    """A column name as it is compared: lower case, words joined by `_` (also those of `userId`), without what is said of it in brackets behind it."""
    plain = _WORD.sub(" ", str(name).strip().strip("\ufeff")).lower()
    return "_".join((_REMARK.sub("", plain) or plain).replace("-", " ").split())


_COMMON = frozenset(
    "的一是不了在人有我他这这個个们們中来來上大为為和国國地到以说說时時要就出会會可也你对對生能而子那得于於着下自之年过過发發后後作里裡用道行所然家种種事成方多经經么麼"
    "去法学學如都同现現当當没沒动動面起看定天分还還进進好小部其些主样樣理心她本前开開但因只从從想实實日者意无無力它与與长長把机機十民第公此已工使情明性知全三又"
    "关關点點正业業外将將两兩高间間由问問很最重并物手应應向头頭文体體美相见見被利什二等产產或新己制身果加西月话話合回代内內信表化老给給世位次门門任常先海通教原东東"
    "声聲提立及比员員水名真处處走各入几幾口认認平系气氣活更别別打女变變四神总何电電数數安少报報才结結反受目太量再感建做接必场場件市直山金区區保至便空书書非听聽白"
    "光放像难難完色路记記南品住求程北边邊该該交万萬取望共清今让讓带帶城村树樹花风風雨车車马馬吃喝玩")
"""Every second character of Chinese prose is one of these; of Korean or Japanese bytes that were read as Chinese one in fifty is."""


def _is_chinese(text: str) -> bool:
    """Whether what stands in it beside ASCII is Chinese that somebody wrote. Of few characters little can be said: letters of other alphabets
    read as Chinese give such as stand in no list of the usual ones (the first level of GB 2312)."""
    foreign = [c for c in text if ord(c) > 127]
    han = [c for c in foreign if "\u4e00" <= c <= "\u9fff"]
    signs = sum("\u3000" <= c <= "\u303f" or "\uff00" <= c <= "\uffef" for c in foreign)
    if len(han) + signs < 0.7 * len(foreign):
        return False
    common = sum(c in _COMMON for c in han)
    return common >= 0.15 * len(han) if len(han) >= 10 else bool(common) or all(map(_usual, han))


def _usual(character: str) -> bool:
    """Whether it is of the first level of GB 2312, 3755 characters by their sound: lead bytes B0 to D7."""
    try:
        return character.encode("gb2312")[0] <= 0xD7
    except UnicodeEncodeError:
        return False


def decode(data: bytes, chinese: bool = False) -> str | None:
    """Text from bytes: UTF-8, UTF-16 and UTF-32 with BOM, UTF-8 without, else GB18030 if what comes out is Chinese; None for neither.

    With `chinese` the bytes are a part of something in GB18030: UTF-8 only where that has Chinese characters.
    """
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return _decoded(data, "utf-32")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _decoded(data, "utf-16")
    plain = _decoded(data, "utf-8-sig")
    if plain is not None and (not chinese or plain.isascii() or any("\u4e00" <= c <= "\u9fff" for c in plain)):
        return plain
    other = _decoded(data, "gb18030")
    if chinese:
        return plain if other is None else other
    return other if other is not None and _is_chinese(other) else None


def _decoded(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _utf8(file: BinaryIO) -> BinaryIO:
    """The file at its beginning; one in UTF-16, which has no lines of bytes, as UTF-8 in memory.

    Raises:
        NotATable: it is in UTF-16 and too large, or broken.
    """
    file.seek(0)
    start = file.read(4)
    file.seek(0)
    if not start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return file
    data = file.read(MAX_JSON_BYTES + 1)
    if len(data) > MAX_JSON_BYTES:
        raise NotATable(f"UTF-16 of more than {MAX_JSON_BYTES >> 20} MB; save it as UTF-8")
    text = decode(data)
    if text is None:
        raise NotATable("it begins as UTF-16 and is none; save it as UTF-8")
    return io.BytesIO(text.removeprefix("\ufeff").encode("utf-8", "replace"))


def shape(file: BinaryIO, suffix: str) -> Shape:
    """How the table at the start of `file` is written, and its columns.

    Raises:
        NotATable: it is none.
    """
    file = _utf8(file)
    head = file.read(HEAD_BYTES)
    file.seek(0)
    whole = head[:head.rfind(b"\n") + 1] or head
    chinese = _decoded(whole, "utf-8-sig") is None and decode(whole) is not None
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()[:1]
    if suffix in ("csv", "tsv"):
        return _headed(file, suffix, chinese)
    form: Literal["jsonl", "array"] = "array" if suffix == "json" and (start == b"[" or _over_lines(head) or _one_line(file)) else "jsonl"
    sample = [line for line, _ in zip(rows(file, Shape(form, chinese=chinese)), range(20), strict=False)]
    names = {column(name): None for line in sample if line.cells is not None for name in line.cells}
    if not names:
        why = next((line.problem for line in sample if line.problem), "no rows")
        raise NotATable(f"{'JSON' if suffix == 'json' else suffix.upper()} without rows of named values ({why})")
    return Shape(form, header=tuple(names), chinese=chinese)


def _headed(file: BinaryIO, suffix: str, chinese: bool) -> Shape:
    """The columns of a CSV, whose names may go over several lines; empty lines and Excel's `sep=;` may stand above them."""
    lines: list[str] = []
    alone: Shape | None = None
    said, above = "", 0
    for _ in range(MAX_HEADER_LINES):
        line = decode(file.readline(MAX_LINE_BYTES), chinese)
        if not line or "\0" in line:
            break
        separator = _SEPARATOR.fullmatch(line)
        if not lines and (separator or not line.strip(" \t\r\n,;|")):
            above, said = above + 1, separator[1] if separator else said
            continue
        lines.append(line)
        delimiter = said or ("\t" if suffix == "tsv" else max(",\t;|", key=lines[0].count))
        try:
            header = next(csv.reader(lines, delimiter=delimiter))
        except (csv.Error, StopIteration):
            if "\r" in line.rstrip("\r\n"):
                raise NotATable("its lines end with a carriage return alone; save it with line feeds") from None
            break
        if "".join(lines).count('"') % 2 == 0:
            return Shape("csv", delimiter, tuple(column(name) for name in header), chinese, above + len(lines), tuple(header))
        if len(lines) == 1:
            alone = Shape("csv", delimiter, tuple(column(name) for name in header), chinese, above + 1, tuple(header))
    if alone is not None:  # a quote among the names that is never closed
        return alone
    raise NotATable("no line of column names")


def _over_lines(head: bytes) -> bool:
    """Whether JSON begins with an object that goes on in the next line: then all of the file is one."""
    first, _, rest = head.removeprefix(codecs.BOM_UTF8).lstrip().partition(b"\n")
    return first.startswith(b"{") and bool(rest.strip()) and not first.rstrip().endswith(b"}")


def _one_line(file: BinaryIO) -> bool:
    """Whether nothing stands behind the first line of JSON: then it may be a table by columns."""
    file.seek(0)
    file.readline(MAX_JSON_BYTES)
    return not file.read(HEAD_BYTES).strip()


def rows(file: BinaryIO, how: Shape, chunk: Chunk | None = None, known: Callable[[Mapping[str, Any]], bool] = lambda cells: False) -> Iterator[Line]:
    """The rows of a table, or of a stretch of it.

    Args:
        file, how, chunk: The table, how it is written, and the stretch.
        known: Whether cells are surely those of a row: where a line inside a quoted cell has such ones, the quote is a stray one.

    Raises:
        NotATable: a JSON array that does not parse.
        OSError: the file cannot be read.
    """
    file = _utf8(file)
    if how.form == "array":
        yield from _array(file)
        return
    if chunk is None:
        counted = _Counted(_lines(file), 0, 1)
        for _ in range(how.header_lines if how.form == "csv" else 0):
            next(counted, None)
    else:
        file.seek(chunk.offset)
        counted = _Counted(_lines(file, chunk.size_bytes), chunk.offset, chunk.first_line)
    yield from _csv(counted, how, known) if how.form == "csv" else _jsonl(counted, how.chinese)


def chunks(file: BinaryIO, how: Shape) -> list[Chunk]:
    """The table cut between rows. A JSON array is one piece."""
    if how.form == "array":
        return [Chunk(0, 0, 1)]
    file = _utf8(file)
    counted = _Counted(_lines(file), 0, 1)
    for _ in range(how.header_lines if how.form == "csv" else 0):
        next(counted, None)
    found, start, first = [], counted.offset, counted.number
    ends: Iterable[object] = _csv(counted, how, lambda cells: False) if how.form == "csv" else counted
    for _ in ends:
        counted.begin()
        if counted.offset - start >= CHUNK_BYTES and not counted.waiting:
            found.append(Chunk(start, counted.offset - start, first))
            start, first = counted.offset, counted.number
    if counted.offset > start:
        found.append(Chunk(start, counted.offset - start, first))
    return found


class _Counted:
    """Lines with the offset and the number of the next one; those of a row can be read again as rows of their own."""

    def __init__(self, lines: Iterator[tuple[bytes | None, int]], offset: int, number: int) -> None:
        self.lines, self.offset, self.number, self.ended = lines, offset, number, False
        self.row: list[tuple[bytes | None, int]] = []
        self.waiting: deque[tuple[bytes | None, int]] = deque()
        self._again = 0

    def __iter__(self) -> "_Counted":
        return self

    def __next__(self) -> bytes | None:
        try:
            line, size = self.waiting.popleft() if self.waiting else next(self.lines)
        except StopIteration:
            self.ended = True
            raise
        self.row.append((line, size))
        self.offset += size
        self.number += 1
        return line

    def begin(self) -> int:
        """Begin a row; its number."""
        self.row.clear()
        return self.number

    def back(self) -> None:
        """Have all lines of the row but its first one read again; no more of them than MOST_AGAIN allows, so that hostile quotes cost little."""
        again = self.row[1:]
        if self._again + len(again) <= MOST_AGAIN * self.number:
            self._again += len(again)
            self.waiting.extendleft(reversed(again))
            self.ended = self.ended and not again
            self.offset -= sum(size for _, size in again)
            self.number -= len(again)


def _lines(file: BinaryIO, size: int | None = None) -> Iterator[tuple[bytes | None, int]]:
    """Lines with their size in bytes; None in place of one that is too long."""
    left = size
    while left is None or left > 0:
        line = file.readline(MAX_LINE_BYTES)
        taken = len(line)
        if not line:
            return
        whole: bytes | None = line
        while not line.endswith(b"\n") and len(line) == MAX_LINE_BYTES:
            whole = None
            line = file.readline(MAX_LINE_BYTES)
            taken += len(line)
        if left is not None:
            left -= taken
        yield whole, taken


def _forgiving(line: bytes | None, chinese: bool) -> str:
    text = None if line is None else decode(line, chinese)
    return "\ufffd\n" if text is None else text.replace("\0", "")


def _csv(lines: _Counted, how: Shape, known: Callable[[Mapping[str, Any]], bool]) -> Iterator[Line]:
    csv.field_size_limit(MAX_LINE_BYTES)
    while True:
        number = lines.begin()
        try:  # a reader for a row: what one begins before it fails would go on in the next
            cells = next(csv.reader(map(partial(_forgiving, chinese=how.chinese), lines), delimiter=how.delimiter))
        except StopIteration:
            return
        except csv.Error as error:
            lines.back()
            yield Line(number, None, f"not CSV: {error}")
            continue
        if not any(cell.strip() for cell in cells):
            continue
        taken = len(lines.row)
        if cells == ["\ufffd"]:
            yield Line(number, None, "too long, or neither UTF-8 nor GB18030")
        elif taken > 1 and lines.ended:
            lines.back()
            yield Line(number, None, f"a quote in it is never closed: it takes {taken} lines, to the end of the table")
        elif taken > 1 and (len(cells) > len(how.header) or _stray(lines.row, how, known)):
            lines.back()
            yield Line(number, None, f"a quote in it is never closed: it takes {taken} lines, to the next quote in another row")
        elif len(cells) > len(how.header):
            yield Line(number, None, f"{len(cells)} cells under {len(how.header)} columns")
        else:
            yield Line(number, _named(zip(how.header, cells, strict=False)))


def _named(cells: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Cells by their columns; of several of one name the first that is not empty."""
    named: dict[str, Any] = {}
    for name, cell in cells:
        if name not in named or named[name] in (None, ""):
            named[name] = cell
    return named


def _stray(row: Sequence[tuple[bytes | None, int]], how: Shape, known: Callable[[Mapping[str, Any]], bool]) -> bool:
    """Whether a row over several lines is none: words follow a closing quote in it, or a line of it is a row itself."""
    texts = [_BLANKS.sub('"', _forgiving(line, how.chinese)) for line, _ in row]
    if _cells(texts, how) is None:
        return True
    alone = [cells for text in texts[1:] if (cells := _cells([text], how, strict=False)) is not None]
    return any(len(cells) == len(how.header) and known(_named(zip(how.header, cells, strict=True))) for cells in alone)


def _cells(texts: Sequence[str], how: Shape, *, strict: bool = True) -> list[str] | None:
    """The one row of some lines, None where they are none."""
    try:
        return next(csv.reader(texts, delimiter=how.delimiter, strict=strict), None)
    except csv.Error:
        return None


def _jsonl(lines: _Counted, chinese: bool) -> Iterator[Line]:
    while True:
        number = lines.begin()
        try:
            line = next(lines)
        except StopIteration:
            return
        text = None if line is None else decode(line, chinese)
        if text is None:
            yield Line(number, None, "too long, or neither UTF-8 nor GB18030")
        elif text.strip():
            yield _parsed(number, text)


def _parsed(number: int, text: str) -> Line:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        return Line(number, None, f"not JSON: {_said(error)}")
    if not isinstance(value, dict):
        return Line(number, None, "not a JSON object")
    return Line(number, _named((column(name), cell) for name, cell in value.items()))


def _said(error: Exception) -> str:
    """What is wrong with JSON, without Python's own affairs."""
    if isinstance(error, json.JSONDecodeError):
        return str(error)[:100]
    return "nested too deeply" if isinstance(error, RecursionError) else "a number of thousands of digits"


def _by_columns(table: object) -> list[dict[str, Any]] | None:
    """The rows of a table by columns, lists of one length or, as pandas writes them, objects with the same keys; also of one by rows that have
    numbers or stand under one name. None for what is none.

    Raises:
        NotATable: it is several ones.
    """
    if not isinstance(table, dict) or not table:
        return None
    columns = list(table.values())
    if all(isinstance(values, list) and values and all(isinstance(value, dict) for value in values) for values in columns):
        if len(columns) > 1:
            raise NotATable(f"{len(columns)} lists of objects in one JSON; write one, with all that is said of a file in its object")
        return list(columns[0])
    if all(isinstance(values, dict) for values in columns):
        if any(values.keys() != columns[0].keys() for values in columns):
            return None
        if all(map(str.isdecimal, table)):
            return columns
        if not all(map(str.isdecimal, columns[0])):
            return None
        columns = [list(values.values()) for values in columns]
    elif not all(isinstance(values, list) and len(values) == len(columns[0]) for values in columns):
        return None
    return [dict(zip(table, row, strict=True)) for row in zip(*columns, strict=True)]


def _array(file: BinaryIO) -> Iterator[Line]:
    file.seek(0)
    data = file.read(MAX_JSON_BYTES + 1)
    if len(data) > MAX_JSON_BYTES:
        raise NotATable(f"JSON of more than {MAX_JSON_BYTES >> 20} MB; write it as JSONL")
    try:
        values = json.loads(decode(data) or "")
    except (ValueError, RecursionError) as error:
        raise NotATable(f"not JSON: {_said(error)}") from None
    if not isinstance(values, list):
        values = _by_columns(values) or [values]
    for number, value in enumerate(values, start=1):
        if isinstance(value, dict):
            yield Line(number, _named((column(name), cell) for name, cell in value.items()))
        else:
            yield Line(number, None, "not a JSON object")

"""Reads prompts from a file: CSV or TSV with a column `text`, JSONL, a JSON storyboard, or plain text with one prompt a line."""

import codecs
import csv
import difflib
import io
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jobs.errors import Terminal
from jobs.prompts.request import FIELDS, parse
from schemas.settings import Prompts

MAX_BYTES = 64 << 20
_SEPARATOR = re.compile(r"sep=(.)\n", re.I)
"""What Excel is told by the first line of a table."""


def read_prompts(path: str | Path) -> list[str]:
    """Prompts as `prompts.texts` takes them: a plain text, or JSON where a row says more than its text.

    Raises:
        Terminal: the file cannot be read, is empty, or a line of it is not what its name promises.
    """
    file = Path(path)
    text = _text(file)
    readers = {".csv": _csv, ".tsv": _csv, ".jsonl": _jsonl, ".ndjson": _jsonl, ".json": _json}
    found = readers.get(file.suffix.lower(), _lines)(file, text)
    if not found:
        raise Terminal(f"{file}: no prompt in it")
    return found


def read_storyboards(path: str | Path, defaults: Prompts) -> list[str]:
    """Storyboards as `reelmill generate --plan` writes them and a person edited them: an object or a list of objects in JSON.

    Raises:
        Terminal: the file cannot be read, or an item is no storyboard; the message numbers the item and the shot.
    """
    file, found = Path(path), []
    tree = _tree(file, _text(file))
    for number, item in enumerate(tree if isinstance(tree, list) else [tree], 1):
        if not isinstance(item, dict) or "shots" not in item:
            raise Terminal(f"{file}, item {number}: no storyboard, which is an object with `shots`; `--plan` writes one to start from")
        given = json.dumps(item, ensure_ascii=False, sort_keys=True)
        try:
            if not parse(given, defaults).shots:
                raise ValueError("it has no shots")
        except ValueError as error:
            raise Terminal(f"{file}, item {number}: {error}") from None
        found.append(given)
    if not found:
        raise Terminal(f"{file}: no storyboard in it")
    return found


def _text(file: Path) -> str:
    try:
        if file.stat().st_size > MAX_BYTES:
            raise Terminal(f"{file}: larger than {MAX_BYTES >> 20} MiB; split it")
        data = file.read_bytes()
        return data.decode("utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except OSError as error:
        raise Terminal(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise Terminal(f"{file}: not UTF-8 at byte {error.start}; save it as UTF-8") from None


def _csv(file: Path, text: str) -> list[str]:
    """Rows of a CSV with commas, semicolons or tabs, as spreadsheets write them; its columns in any case."""
    told = _SEPARATOR.match(text)
    text = text[told.end():] if told else text
    head = text.split("\n", 1)[0]
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=told[1] if told else max(",;\t", key=head.count), strict=True)
    found = []
    try:
        columns = [name.strip().lower() for name in next(rows, [])]
        if "text" not in columns:
            raise Terminal(f"{file}: no column `text`; its columns are {', '.join(columns) or 'none'}")
        _known(columns, f"{file}, line 1")
        for cells in rows:
            if len(cells) > len(columns):
                raise Terminal(f"{file}, line {rows.line_num}: {len(cells)} cells for {len(columns)} columns; put quotes around a text "
                               "with a comma")
            if cells:
                found.append(_prompt({k: v for k, v in zip(columns, cells, strict=False) if k in FIELDS and v}))
    except csv.Error as error:
        raise Terminal(f"{file}, line {rows.line_num}: {error}") from None
    return found


def _known(names: Iterable[str], where: str) -> None:
    """Other columns may stand beside the prompts, but one whose name is nearly that of a field is a slip of the pen."""
    for name in names:
        if name not in FIELDS and (near := difflib.get_close_matches(name, FIELDS, n=1, cutoff=0.75)):
            raise Terminal(f"{where}: there is no field {name!r}; the nearest is {near[0]!r}")


def _jsonl(file: Path, text: str) -> list[str]:
    lines = enumerate(text.split("\n"), 1)  # not at the other ends of line that Unicode has: they may stand in a text
    return [_of(_tree(file, line, number), f"{file}, line {number}") for number, line in lines if line.strip()]


def _json(file: Path, text: str) -> list[str]:
    tree = _tree(file, text)
    return [_of(row, f"{file}, item {n}") for n, row in enumerate(tree if isinstance(tree, list) else [tree], 1)]


def _tree(file: Path, text: str, line: int = 1) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise Terminal(f"{file}, line {line + error.lineno - 1}: not JSON ({error.msg})") from None
    except ValueError as error:  # a number of thousands of digits
        raise Terminal(f"{file}, line {line}: {error}") from None
    except RecursionError:
        raise Terminal(f"{file}, line {line}: brackets in brackets without end") from None


def _lines(file: Path, text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _of(row: object, where: str) -> str:
    if isinstance(row, str):
        return row
    if not isinstance(row, dict) or not ("text" in row or "shots" in row):
        raise Terminal(f"{where}: neither a text nor an object with `text`")
    _known(row, where)
    return _prompt({k: v for k, v in row.items() if k in FIELDS})


def _prompt(row: dict[str, object]) -> str:
    text = row.get("text", "")
    return text if isinstance(text, str) and set(row) <= {"text"} else json.dumps(row, ensure_ascii=False, sort_keys=True)

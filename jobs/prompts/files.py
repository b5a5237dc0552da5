"""Reads prompts from a file: CSV with a column `text`, JSONL, a JSON storyboard, or plain text with one prompt a line."""

import csv
import io
import json
from pathlib import Path

from jobs.errors import Terminal
from jobs.prompts.request import FIELDS, parse
from schemas.settings import Prompts

MAX_BYTES = 64 << 20


def read_prompts(path: str | Path) -> list[str]:
    """Prompts as `prompts.texts` takes them: a plain text, or JSON where a row says more than its text.

    Raises:
        Terminal: the file cannot be read, is empty, or a line of it is not what its name promises.
    """
    file = Path(path)
    try:
        if file.stat().st_size > MAX_BYTES:
            raise Terminal(f"{file}: larger than {MAX_BYTES >> 20} MiB; split it")
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise Terminal(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise Terminal(f"{file}: not UTF-8 at byte {error.start}; save it as UTF-8") from None
    readers = {".csv": _csv, ".jsonl": _jsonl, ".ndjson": _jsonl, ".json": _json}
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
    try:
        tree = json.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise Terminal(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise Terminal(f"{file}: not UTF-8 at byte {error.start}; save it as UTF-8") from None
    except json.JSONDecodeError as error:
        raise Terminal(f"{file}, line {error.lineno}: not JSON ({error.msg})") from None
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


def _csv(file: Path, text: str) -> list[str]:
    rows = csv.DictReader(io.StringIO(text, newline=""))
    if "text" not in (rows.fieldnames or []):
        raise Terminal(f"{file}: no column `text`; its columns are {', '.join(rows.fieldnames or ['none'])}")
    try:
        return [_prompt({k: v for k, v in row.items() if k in FIELDS and v}) for row in rows]
    except csv.Error as error:
        raise Terminal(f"{file}, line {rows.line_num}: {error}") from None


def _jsonl(file: Path, text: str) -> list[str]:
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise Terminal(f"{file}, line {number}: not JSON ({error.msg})") from None
        found.append(_of(row, f"{file}, line {number}"))
    return found


def _json(file: Path, text: str) -> list[str]:
    try:
        tree = json.loads(text)
    except json.JSONDecodeError as error:
        raise Terminal(f"{file}, line {error.lineno}: not JSON ({error.msg})") from None
    return [_of(row, f"{file}, item {n}") for n, row in enumerate(tree if isinstance(tree, list) else [tree], 1)]


def _lines(file: Path, text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _of(row: object, where: str) -> str:
    if isinstance(row, str):
        return row
    if not isinstance(row, dict) or not ("text" in row or "shots" in row):
        raise Terminal(f"{where}: neither a text nor an object with `text`")
    return _prompt({k: v for k, v in row.items() if k in FIELDS})


def _prompt(row: dict[str, object]) -> str:
    return str(row.get("text", "")) if set(row) <= {"text"} else json.dumps(row, ensure_ascii=False, sort_keys=True)

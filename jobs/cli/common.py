"""What the commands share: the words for settings, and how results are shown."""

import argparse
import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from jobs.errors import Terminal
from jobs.lake import Lake
from schemas.loading import load
from schemas.settings import Settings


def settings_words(parser: argparse.ArgumentParser, *, lake: bool = True) -> None:
    """Add --lake, --set and --settings."""
    if lake:
        parser.add_argument("--lake", metavar="DIR", help="lake root: a folder or any fsspec URL (default ./lake)")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        dest="sets",
        help="a setting, for example dedup.threshold=0.7, or a JSON object of several, or @FILE of one; `reelmill list --settings-names` prints all",
    )
    parser.add_argument("--settings", metavar="JSON|FILE", help="settings as a JSON object or a file of one")


def as_stored(word: str) -> str:
    """An id, path or address as tables hold it, for `type=` of an argument: bytes of a name that are not UTF-8 written out, as collect writes them."""
    return os.fsencode(word).decode("utf-8", "backslashreplace")


def nonempty(word: str) -> str:
    """A name of a file, folder or release as it stands on the command line, for `type=` of an argument.

    Raises:
        ArgumentTypeError: it is empty. Taken for a word that was left out, it would have another thing done.
    """
    if not word.strip():
        raise argparse.ArgumentTypeError("the name is empty; is a variable of the command line empty?")
    return word


def json_word(parser: argparse.ArgumentParser) -> None:
    """Add --json."""
    parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object instead of text")


def settings_of(args: argparse.Namespace, **more: Any) -> Settings:
    """The settings in force for parsed words; `more` are `name=value` with `__` for dots, None to leave one out.

    Raises:
        SettingsError, Terminal: an unknown name or a value that does not hold, also of filters and labelers, which jobs would find last.
    """
    from jobs.clean.policy import resolve
    from jobs.label.labeler import named

    sets = list(args.sets)
    if getattr(args, "lake", None) is not None:
        sets.append(f"runtime.lake={json.dumps(args.lake)}")
    sets += [f"{name.replace('__', '.')}={json.dumps(value)}" for name, value in more.items() if value is not None]
    settings = load(sets, args.settings)
    resolve(settings.recipe.policy)
    named(settings.recipe.label)
    return settings


def lake_of(args: argparse.Namespace) -> Lake:
    """The existing lake that the words name."""
    return Lake(settings_of(args).runtime.lake).open(create=False)


def show(facts: Any, as_json: bool, text: str) -> None:
    """Print for a person or for a program."""
    print(json.dumps(facts, indent=1, ensure_ascii=False) if as_json else plain(text))


ACTS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Characters that a terminal acts on, all but the end of a line and the tab, and those that turn the direction of what follows."""


def plain(text: str) -> str:
    """Text of which a terminal does nothing but show it: names of files come from anywhere."""
    return ACTS.sub(lambda found: found.group().encode("unicode_escape").decode(), text)


def note(text: str) -> None:
    """A line about progress, on standard error, so that standard output holds results alone; the work goes on if nobody reads it any more."""
    try:
        print(plain(text), file=sys.stderr, flush=True)
    except BrokenPipeError:
        unread(sys.stderr)


def unread(stream: TextIO) -> None:
    """From now on nothing comes of what is written to a standard stream whose reader is gone."""
    hole = os.open(os.devnull, os.O_WRONLY)
    os.dup2(hole, stream.fileno())
    os.close(hole)


def local_path(name: str) -> Path:
    """The path that is to be written to.

    Raises:
        Terminal: it is an address.
    """
    if "://" in name:
        raise Terminal(f"{name}: this is written to a folder of this machine; name one and copy it from there")
    return Path(name).absolute()


def page_to_write(name: str) -> Path:
    """The file that a page is to be written to.

    Raises:
        Terminal: a folder has that name, or it is an address.
    """
    out = local_path(name)
    if out.is_dir():
        raise Terminal(f"{name}: this is a folder; name the file to write, for example {Path(name, 'page.html')}")
    return out


def facts_text(facts: Mapping[str, Any], most: int = 5) -> str:
    """Facts as aligned lines for a person; of a long list its length and its first `most`."""
    width = max(map(len, facts), default=0)
    return "\n".join(f"{name:<{width}}  {_said(value, most)}".rstrip() for name, value in facts.items())


def _said(value: Any, most: int) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{k} ({_said(v, most)})" if isinstance(v, Mapping) else f"{k} {_said(v, most)}" for k, v in value.items()) or "-"
    if isinstance(value, list | tuple):
        shown = "; ".join(_said(v, most) for v in value[:most])
        return f"{len(value)}: {shown}; …" if len(value) > most else shown or "-"
    return "-" if value is None else one_line(value)


def one_line(value: object) -> str:
    """A value in one line."""
    return plain(str(value).replace("\n", "\\n"))


def table(rows: Sequence[Sequence[object]], head: Sequence[str]) -> str:
    """Rows as aligned text."""
    from rich.cells import cell_len

    lines = [[one_line(c) for c in row] for row in (head, *rows)]
    widths = [max(cell_len(line[i]) for line in lines) for i in range(len(head))]
    return "\n".join("  ".join(c + " " * (w - cell_len(c)) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines)

"""Small files beside a medium, of the same name, that speak of it: `a.txt`, `a.json`, `a.info.json`, `a.srt`, `a.en.vtt`."""

import json
import re
from pathlib import PurePosixPath

from jobs.collect.fields import given, language
from jobs.collect.source import Found, opened
from jobs.collect.tables import column, decode

SIDECARS = frozenset({"txt", "json", "srt", "vtt"})
MAX_BYTES = 8 << 20
"""What is longer is no sidecar worth reading; yt-dlp writes up to a megabyte."""

_CUE = re.compile(r"^(?:WEBVTT.*|NOTE\b.*|STYLE\b.*|\d+|.*-->.*|Kind:.*|Language:.*)$")
_TAG = re.compile(r"<[^<>]{1,200}>|\{\\[^{}]{1,200}\}")


def is_sidecar(name: str) -> tuple[str, ...]:
    """Stems that a name can speak for: `a.info.json` for `a` and for `a.info`, as `a.en.vtt` does."""
    path = PurePosixPath(name)
    if path.suffix.lower().lstrip(".") not in SIDECARS:
        return ()
    stem = path.stem
    return (stem, PurePosixPath(stem).stem) if PurePosixPath(stem).suffix else (stem,)


def read_sidecar(found: Found) -> dict[str, str]:
    """Facts about the medium, uncleaned; none where the sidecar cannot be read."""
    try:
        with opened(found.uri) as file:
            data = file.read(MAX_BYTES + 1)
    except OSError:
        return {}
    text = decode(data) if len(data) <= MAX_BYTES else None
    if text is None:
        return {}
    if found.suffix == "txt":
        return {"caption": text}
    if found.suffix == "json":
        return _json(text)
    return _subtitles(text, found.name)


def _json(text: str) -> dict[str, str]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return given({column(name): cell for name, cell in value.items()}) if isinstance(value, dict) else {}


def _subtitles(text: str, name: str) -> dict[str, str]:
    lines: list[str] = []
    for line in text.splitlines():
        said = _TAG.sub("", line).strip()
        if said and not _CUE.match(said) and (not lines or lines[-1] != said):
            lines.append(said)
    tag = language(PurePosixPath(PurePosixPath(name).stem).suffix.lstrip("."))
    return {"transcript": "\n".join(lines)} | ({"lang": tag} if tag else {}) if lines else {}

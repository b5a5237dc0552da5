"""Small files beside a medium, of the same name, that speak of it: `a.txt`, `a.json`, `a.info.json`, `a.srt`, `a.en.vtt`."""

import html
import json
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import PurePosixPath

from jobs.collect.fields import given, language
from jobs.collect.manifest import composed
from jobs.collect.source import Found, lost, opened
from jobs.collect.tables import column, decode
from jobs.media.sniff import extension_kind

SIDECARS = frozenset({"txt", "json", "srt", "vtt"})
MAX_BYTES = 8 << 20
"""What is longer is no sidecar worth reading; yt-dlp writes up to a megabyte."""

_MARKS = frozenset({"sdh", "cc", "hi", "hoh", "asr", "auto", "default", "orig", "original"})
"""What players and downloaders write into names of subtitles beside the language: for whom they are and who made them."""
_TIMES = re.compile(r"\d[\d:.,]*\s*-->\s*\d")
_BLOCK = re.compile(r"(?:NOTE|STYLE|REGION)(?:\s|$)")
_TAG = re.compile(r"<[^<>]{1,200}>|\{\\[^{}]{1,200}\}")


def sidecars_of(found: Sequence[Found]) -> dict[str, list[Found]]:
    """Medium -> the objects beside it that speak of it, the one with the shortest stem first. Each speaks for the longest of its stems
    that a medium has: `a.1.txt` for `a.1.mp4`, not for `a.mp4`, and `a.mp4.txt` for that, not for `a.jpg`."""
    media: dict[tuple[str, str], list[Found]] = defaultdict(list)
    for item in found:
        if extension_kind(item.name) in ("video", "image", "audio"):
            for name in (item.name, PurePosixPath(item.name).stem):
                media[item.folder, composed(name)].append(item)
    beside: dict[str, list[Found]] = defaultdict(list)
    for item in found:
        spoken_for = (media.get((item.folder, composed(stem))) for stem in _stems(item.name))
        for medium in next((hits for hits in spoken_for if hits), ()):
            beside[medium.rel_path].append(item)
    for sidecars in beside.values():
        sidecars.sort(key=lambda s: len(PurePosixPath(s.name).stem))
    return beside


def _stems(name: str) -> tuple[str, ...]:
    """Stems that a name can speak for, longest first: `a.info.json` for `a.info` and for `a`, as `a.en.vtt` does, and `a.en.sdh.vtt`, whose
    parts are languages and marks of subtitles. A part with digits that is no language (`a.2.txt`) tells files apart and is never cut off."""
    path = PurePosixPath(name)
    if path.suffix.lower().lstrip(".") not in SIDECARS:
        return ()
    stems = [path.stem]
    while True:
        stem, _, part = stems[-1].rpartition(".")
        of_subtitles = part.lower() in _MARKS or language(part) is not None
        if not stem or not (of_subtitles or (len(stems) == 1 and not any(c.isdigit() for c in part))):
            return tuple(stems)
        stems.append(stem)
        if not of_subtitles:
            return tuple(stems)


def _language(name: str) -> str | None:
    """The language that the name of subtitles says: its last part that is one, `hi` (hearing impaired) only where no other is."""
    cut = [part for stem in _stems(name)[:-1] if (part := stem.rpartition(".")[2])]
    return next((tag for marked in (False, True) for part in cut if (part.lower() in _MARKS) == marked and (tag := language(part))), None)


def read_sidecar(found: Found) -> dict[str, str]:
    """Facts about the medium, uncleaned; none where the sidecar cannot be read.

    Raises:
        Transient: the place that it is in cannot be reached.
    """
    try:
        with opened(found.uri) as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        lost(error, found.uri)
        return {}
    text = decode(data) if len(data) <= MAX_BYTES else None
    if text is None:
        return {}
    if found.suffix == "txt":
        return given({"caption": text})
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
    """What is said: what stands behind times, but for the number or the name of the next cue. Style sheets and comments stand elsewhere.

    An empty line ends no cue: some have one in them, and where line ends were written twice there is one behind every line.
    """
    rows = text.replace("\r\r\n", "\n").splitlines()
    lines: list[str] = []
    in_cue = False
    for before, line, after in zip(["", *rows], rows, [*rows[1:], ""], strict=False):
        if _TIMES.search(line):
            in_cue = True
        elif _BLOCK.match(line) and not before.strip():
            in_cue = False
        elif in_cue and not (_TIMES.search(after) and (line.strip().isdecimal() or not before.strip())):
            said = html.unescape(_TAG.sub("", line)).replace("\xa0", " ").strip()
            if said and (not lines or lines[-1] != said):
                lines.append(said)
    tag = _language(name)
    return {"transcript": "\n".join(lines)} | ({"lang": tag} if tag else {}) if lines else {}

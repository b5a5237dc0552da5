"""Texts that people wrote, as they lie on a machine, with copies that were edited by other means than those of `dedup_corpus.py`.

English: paragraphs of manual pages, package descriptions, licences and documentation; Chinese: translated messages, manual pages,
documentation and, where a folder of media is given in `REELMILL_MEDIA`, its sentences and captions; short captions: runs of three
to nine words of both. A third are copies: a sentence left out, neighbouring words swapped, letters mistyped, numbers changed,
an end cut off, tags put before or behind, and a handful of them all in capitals.
"""

import bz2
import gettext
import gzip
import html
import json
import os
import re
import unicodedata
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import numpy as np

PREFIX = Path("/usr/share")
LEAST, MOST = 8, 400
"""Words of a paragraph that is taken."""


def words_of(text: str) -> list[str]:
    """Words by the definition of `jobs.dedup.minhash`, a character at a time: written anew, so that the two check each other."""
    found, word = [], ""
    for char in unicodedata.normalize("NFKC", text).lower() + " ":
        code, kind = ord(char), unicodedata.category(char)
        if kind == "Cf" or 0xFE00 <= code < 0xFE10 or (kind[0] == "M" and not word):
            continue
        own = 0x3040 <= code < 0x3100 or 0x31F0 <= code < 0x3200 or 0x3400 <= code < 0x4DC0 or 0x4E00 <= code < 0xA000 or 0xF900 <= code < 0xFB00 or 0x20000 <= code < 0x32000
        inside = kind[0] in "LNM"
        if word and (own or not inside):
            found.append(word)
            word = ""
        if own and (inside or code >= 0x20000):
            found.append(char)
        elif inside:
            word += char
    return found


def found_texts(n: int, seed: int = 4211) -> dict[str, list[str]]:
    """`n` texts of each kind, the same in every run on the same machine."""
    rng = np.random.default_rng(seed)
    made = {}
    for name, source in {"English, found": _english, "Chinese, found": _chinese, "captions of 3 to 9 words, found": _captions}.items():
        texts = sorted(set(source()))
        own = [texts[i] for i in rng.permutation(len(texts))[:n - n // 3]]
        given = [*own, *(_copy(own[int(i)], rng) for i in rng.integers(len(own), size=min(n - len(own), len(own))))]
        made[name] = [given[i] for i in rng.permutation(len(given))]
    return made


def _english() -> Iterator[str]:
    site = Path(json.__file__).parents[1]
    pages = chain(PREFIX.glob("man/man[1578]/*.gz"), PREFIX.glob("doc/*/copyright"), Path(np.__file__).parents[1].glob("*/METADATA"),
                  site.glob("**/*.rst"), PREFIX.glob("doc/**/*.md*"))
    for path in sorted(pages)[::3]:
        yield from _paragraphs(_read(path), lambda t: t.isascii())
    yield from _sentences("en_*.jsonl")


def _chinese() -> Iterator[str]:
    for path in sorted(PREFIX.glob("locale/zh*/LC_MESSAGES/*.mo")) + sorted(PREFIX.glob("**/zh_CN.UTF-8/LC_MESSAGES/*.mo")):
        try:
            with path.open("rb") as file:
                messages = gettext.GNUTranslations(file)._catalog.values()  # type: ignore[attr-defined]
        except (OSError, UnicodeDecodeError, ValueError):
            continue
        for message in messages:
            yield from _paragraphs(message, _is_chinese)
    for path in sorted(chain(PREFIX.glob("man/zh*/man*/*.gz"), *(Path(p).glob("**/zh/**/*.html") for p in os.environ.get("REELMILL_DOCS", "").split(":") if p))):
        yield from _paragraphs(_read(path), _is_chinese)
    yield from _sentences("zh_*.jsonl")


def _captions() -> Iterator[str]:
    rng = np.random.default_rng(5)
    for text in chain(sorted(set(_english()))[::7], sorted(set(_chinese()))[::3]):
        words = text.split(" ") if text.isascii() else list(text)
        count = 3 + int(rng.integers(7))
        if len(words) > count:
            at = int(rng.integers(len(words) - count))
            yield (" " if text.isascii() else "").join(words[at:at + count])


def _sentences(pattern: str) -> Iterator[str]:
    for path in sorted(Path(os.environ.get("REELMILL_MEDIA", "/nowhere")).glob(f"text/{pattern}")):
        yield from (json.loads(line)["text"] for line in path.read_text().splitlines())


def _is_chinese(text: str) -> bool:
    return sum("\u4e00" <= c <= "\u9fff" for c in text) > len(text) // 2


def _read(path: Path) -> str:
    data = path.read_bytes()
    data = gzip.decompress(data) if path.suffix == ".gz" else bz2.decompress(data) if path.suffix == ".bz2" else data
    text = data.decode("utf-8", "replace")
    if path.suffix == ".html":
        text = html.unescape(re.sub(r"<(script|style)\b.*?</\1>|<[^>]+>", "\n", text, flags=re.S))
    return re.sub(r"(?m)^\.(P|PP|LP|TP|SH|IP|br|sp)\b.*$", "\n", text) if path.suffix == ".gz" else text


def _paragraphs(text: str, wanted: Callable[[str], bool]) -> Iterator[str]:
    for block in re.split(r"\n\s*\n", text):
        one = " ".join(re.sub(r"\\f[BIRP]|\\-|^\.\w+ ?", "", block, flags=re.M).split())
        if wanted(one) and LEAST <= len(words_of(one)) <= MOST:
            yield one


def _copy(text: str, rng: np.random.Generator) -> str:
    """The same text as somebody else put it up."""
    between = " " if " " in text else ""
    for _ in range(int(rng.geometric(0.5))):
        words = text.split(" ") if between else list(text)
        at, how = int(rng.integers(len(words))), int(rng.integers(8))
        if how == 0 and len(parts := re.split(r"(?<=[.。!?！？;；]) ?", text)) > 2:
            del parts[int(rng.integers(len(parts)))]
            text = between.join(parts)
        elif how == 1 and len(words) > 2:
            at = min(at, len(words) - 2)
            words[at], words[at + 1] = words[at + 1], words[at]
            text = between.join(words)
        elif how == 2:
            words[at] = words[at][::-1] if between else "一"
            text = between.join(words)
        elif how == 3:
            text = re.sub(r"\d+", lambda m: str(int(rng.integers(10**len(m[0])))) if len(m[0]) < 10 else m[0], text)
        elif how == 4 and len(words) > 4:
            text = between.join(words[:-max(1, len(words) // 12)])
        elif how == 5:
            text = f"{text} #share #foryou"
        elif how == 6:
            text = f"RT {text}"
        else:
            text = text.upper()
    return text

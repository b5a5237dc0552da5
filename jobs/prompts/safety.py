"""Banned words in a text: those of prompts by topic, from a small built-in list in English and Chinese, and any of Settings.

An entry is a word, or two joined by `…` that stand near each other ("make…bomb" is in "make yourself a small bomb"). A list
catches the plain cases only; labs add their own words, or a safety model to the judging of clips.
"""

import json
import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from itertools import accumulate
from pathlib import Path

from jobs.prompts.simplified import simplified

FILE = Path(__file__).with_name("blocklist.json")
_BETWEEN_HAN = re.compile(r"(?<=[\u4e00-\u9fff])[\s\W_]+(?=[\u4e00-\u9fff])")
_HAN = re.compile(r"[\u4e00-\u9fff]")
NEAR_LATIN, NEAR_HAN = r"(?:\W+\w+){0,3}?\W+", r"[^。！？!?\n]{0,6}?"
"""What may stand between two words of one entry: three words, or six ideographs of the same sentence."""
GAP = r"(?:\s+|[_\u2010-])"
"""What stands for a space of an entry: no mark that ends a sentence or a clause (the sheet was white. Power came back)."""


_LETTER = "[a-z\u00df-\u024f\u0370-\u052f]"
_ALPHABET = re.compile(r"(?:[\u00df-\u024f\u0370-\u052f]|[\x00-\x7f])+")
_HANGUL = re.compile("[\uac00-\ud7af]")
"""Letters of alphabets that put blanks between words: a word inside another is none. Ideographs may stand beside Latin letters."""
AROUND = 100
"""Letters before and behind a place that are cut into words: a text may be a book."""


def blocked(text: str, extra: Sequence[str] = ()) -> tuple[str, str] | None:
    """The first banned word of a text and its topic (`settings` for a word of `extra`), or None."""
    for topic, words in {"settings": tuple(extra), **topics()}.items():
        if hit := first_of(text, words):
            return hit, topic
    return None


def first_of(text: str, words: Sequence[str]) -> str | None:
    """The first of some words in a text, as it stands there, or None.

    Width, case, traditional signs and filling between ideographs do not hide a word; ideographs that belong to two words make none:
    理性交流 is harmless.
    """
    plain = _folded(text)
    for seen in dict.fromkeys((plain, _BETWEEN_HAN.sub("", plain))):
        for hit in _pattern(tuple(words)).finditer(seen) if words else ():
            if not _HAN.search(hit.group()) or _whole(seen, *hit.span()):
                return hit.group()
    return None


def _folded(text: str) -> str:
    return simplified(unicodedata.normalize("NFKC", text).lower())


def _whole(text: str, start: int, end: int) -> bool:
    """Whether no word of the text reaches over one end of a place only. Words are those of the dictionary, for others are guessed out of what
    stands together (购虐猫); one that begins with a whole word of the place lengthens it: 自制炸药包."""
    import logging

    import jieba

    jieba.setLogLevel(logging.WARNING)
    first = max(0, start - AROUND)
    start, end, around = start - first, end - first, text[first:end + AROUND]
    ends = list(accumulate(len(word) for word in jieba.cut(around, HMM=False)))
    spans = zip([0, *ends[:-1]], ends, strict=True)
    return not any((a < start < b < end) or (start < a == end - 1 < b - 1) for a, b in spans)


@cache
def topics() -> dict[str, tuple[str, ...]]:
    """The built-in words by topic."""
    return {topic: tuple(words) for topic, words in json.loads(FILE.read_text(encoding="utf-8")).items()}


@cache
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    # the ellipsis that joins two words would be three full stops in compatibility form
    folded = sorted(("…".join(_folded(part).strip() for part in word.split("…"))
                     for word in words if word.strip(" …")), key=len, reverse=True)
    return re.compile("|".join(_form(word) for word in folded) or r"(?!)")


def _form(word: str) -> str:
    parts = [re.escape(part).replace(r"\ ", GAP) for part in word.split("…")]
    letters = word.replace("…", "")
    if letters.isascii():
        return rf"(?<!{_LETTER}){NEAR_LATIN.join(parts)}(?:s|es)?(?!{_LETTER})"
    if _ALPHABET.fullmatch(letters):
        return rf"(?<!{_LETTER}){NEAR_LATIN.join(parts)}(?!{_LETTER})"
    if _HANGUL.search(letters):  # particles follow without a blank
        return rf"(?<!{_HANGUL.pattern}){NEAR_LATIN.join(parts)}"
    return NEAR_HAN.join(parts)

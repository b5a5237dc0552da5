"""Refuses prompts on banned topics, by a small built-in list in English and Chinese and the words of Settings.

A word list catches the plain cases only; labs add their own list or a safety model to the judging of clips.
"""

import json
import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("blocklist.json")
_BETWEEN_HAN = re.compile(r"(?<=[\u4e00-\u9fff])[\s\W_]+(?=[\u4e00-\u9fff])")


def blocked(text: str, extra: Sequence[str] = ()) -> tuple[str, str] | None:
    """The first banned word of a text and its topic (`settings` for a word of `extra`), or None.

    Width, case and filling between ideographs do not hide a word.
    """
    plain = unicodedata.normalize("NFKC", text).lower()
    plain = f"{plain}\n{_BETWEEN_HAN.sub('', plain)}"
    topics = {"settings": tuple(extra), **_topics()}
    for topic, words in topics.items():
        if words and (hit := _pattern(tuple(words)).search(plain)):
            return hit.group(), topic
    return None


@cache
def _topics() -> dict[str, tuple[str, ...]]:
    return {topic: tuple(words) for topic, words in json.loads(FILE.read_text(encoding="utf-8")).items()}


@cache
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    folded = sorted((unicodedata.normalize("NFKC", w).lower().strip() for w in words if w.strip()), key=len, reverse=True)
    forms = [rf"(?<![a-z]){re.escape(w)}(?:s|es)?(?![a-z])" if w.isascii() else re.escape(w) for w in folded]
    return re.compile("|".join(forms) or r"(?!)")

"""Writes out what a voice would read wrong: numbers, years, dates, times, percent, units, currency, ranges, phone numbers.

Only what is spoken is changed; subtitles show the text as it was written. espeak-ng on its own reads "2026年" as a count,
drops "℃" and says "%" in English in the middle of Chinese.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import TypeAlias

Rules: TypeAlias = Sequence[tuple[re.Pattern[str], Callable[[re.Match[str]], str]]]
"""Applied in order, each to the whole text."""

_SIGNS = str.maketrans({
    "％": "%", "～": "~", "〜": "~", "−": "-", "－": "-", "＋": "+", "＝": "=", "＄": "$", "￥": "¥", "／": "/", "㎡": "m²", "㎥": "m³", "㎞": "km", "㎝": "cm",
    "㎜": "mm", "㎏": "kg", "㏄": "cc", "º": "°", "′": "'", "″": '"', "＜": "<", "＞": ">",
})
_FRACTIONS = {c: unicodedata.normalize("NFKC", c).replace("\u2044", "/") for c in "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"}
_CIRCLED = {chr(0x2460 + i): f" {i + 1} " for i in range(20)}
_MARKUP = re.compile(r"[*_`|<>{}\[\]\\^#~]+")


def spoken(text: str, lang: str) -> str:
    """The text as a voice of that language should be given it; other languages than zh, yue and en lose signs of markup only."""
    from jobs.generate.chinese import CHINESE
    from jobs.generate.english import ENGLISH

    rules = {"zh": CHINESE, "yue": CHINESE, "en": ENGLISH}.get(lang, ())
    text = text.translate(_SIGNS)
    text = re.sub("|".join(_CIRCLED), lambda m: _CIRCLED[m[0]], text)
    text = re.sub(f"(\\d?)\\s?([{''.join(_FRACTIONS)}])", lambda m: f"{m[1]} {_FRACTIONS[m[2]]}" if m[1] else _FRACTIONS[m[2]], text)
    for pattern, say in rules:
        text = pattern.sub(say, text)
    return re.sub(r"\s+", " ", _MARKUP.sub(" ", text)).strip()

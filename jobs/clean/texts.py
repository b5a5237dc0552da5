"""What is measured of a text: length, repetition, symbols, markup, boilerplate, language. Pure functions of the string."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import regex

from jobs.clean.boilerplate import boilerplate_share
from jobs.clean.markup import markup_share
from jobs.clean.words import words
from jobs.version import row_id

GRAM = 5
"""Words per gram of `repetition_share` (Gopher: 5 to 10)."""

_LETTER = regex.compile(r"\p{L}")
_SYMBOL = regex.compile(r"[^\p{L}\p{M}\p{N}\p{P}\p{Z}\p{C}]")
_MASK = regex.compile(r"<(?:EMAIL|PHONE|ID|CARD|HANDLE|IP|ADDRESS)>")
"""What `jobs.collect.pii` puts in; it is neither markup nor symbols."""
LANGUAGES = (
    "am ar az be bg bn bs ca cs cy da de el en es et eu fa fi fr ga gl gu he hi hr hu hy id is it ja ka kk km kn ko lo lt lv mk ml mn mr ms mt "
    "my ne nl nn no pa pl ps pt ro ru si sk sl sq sr sv sw ta te th tl tr uk ur uz vi yue zh"
)
"""Languages that texts on the web are usually in. Among all 142 of the model "a red panda" is Central Bikol and much Chinese is Wu."""
DECISIVE = 2000
"""Characters of which the language is told."""
_RUN = regex.compile(r"(\p{L}{1,4}?)\1{9,}+")
_WESTERN = "\u20ac\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\u017d\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\u017e\u0178\u00a0-\u00bf"
"""What the following bytes of UTF-8 are in Windows-1252."""
_MISREAD = regex.compile(rf"(?:[\u00c2-\u00df][{_WESTERN}]|[\u00e0-\u00ef][{_WESTERN}]{{1,2}}|[\u00f0-\u00f4][{_WESTERN}]{{1,3}}){{2,}}+")
_WIDE = regex.compile(r"[^\x00-\x7f]{8,}")
_HAN = regex.compile(r"\p{Han}")
MISREAD = 0.6
"""Share of the bytes of eight and more signs that are Chinese in UTF-8, from which they are UTF-8 that was read as GB 18030. Chinese has up to 0.38
(of 86 636 chains of dictionary words, and 1148 of manuals)."""


def repetition_share(found: list[str]) -> float:
    """Share of words inside 5-grams that stood earlier in the text, 0..1 (Gopher's, on words)."""
    if len(found) <= GRAM:
        return 0.0
    seen: set[tuple[str, ...]] = set()
    covered = until = 0
    for start in range(len(found) - GRAM + 1):
        gram = tuple(found[start:start + GRAM])
        if gram in seen:
            covered += start + GRAM - max(start, until)
            until = start + GRAM
        seen.add(gram)
    return covered / len(found)


def run_share(text: str) -> float:
    """Letters in runs of one to four that are there ten times and more in a row, over characters that are not white space."""
    solid = solid_chars(text)
    return sum(len(found.group()) for found in _RUN.finditer(text)) / solid if solid else 0.0


def symbol_share(text: str) -> float:
    """Characters that are neither letters, digits, marks, punctuation nor white space, or that were read in a wrong encoding, over those that
    are not white space."""
    solid = solid_chars(text)
    left = _MISREAD.sub("", _WIDE.sub(lambda run: "" if _is_misread(run.group()) else run.group(), text))
    return (solid - solid_chars(left) + len(_SYMBOL.findall(left))) / solid if solid else 0.0


def _is_misread(run: str) -> bool:
    """Whether it is UTF-8 that was read as GB 18030; whoever did it may have lost some of it."""
    data = run.encode("gb18030", "ignore")
    return 3 * len(_HAN.findall(data.decode("utf-8", "ignore"))) >= MISREAD * len(data)


def solid_chars(text: str) -> int:
    """Characters without white space."""
    return sum(len(part) for part in text.split())


def language(text: str) -> tuple[str, float]:
    """BCP 47 language, one of LANGUAGES, and confidence 0..1 (py3langid; the first DECISIVE characters decide)."""
    lang, score = identifier().classify(text[:DECISIVE])
    return str(lang), float(score)


@cache
def identifier() -> Any:
    """The identifier of languages, which chooses among LANGUAGES."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    found = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    found.set_languages(LANGUAGES.split())
    return found


def _told(found: Sequence[str]) -> int:
    """How many words there are; none where nearly all of them are numbers, or but one is not."""
    spelt = sum(any(map(str.isalpha, word)) for word in found)
    return len(found) if 3 * spelt >= len(found) and (spelt > 1 or spelt == len(found)) else 0


def measure_text(text: str) -> dict[str, Any]:
    """The text columns of `clips`."""
    found = words(text)
    bare = _MASK.sub("", text)
    lang, score = language(bare) if len(_LETTER.findall(bare[:DECISIVE])) >= 2 else (None, None)
    return {
        "text": text, "text_chars": solid_chars(text), "text_words": _told(found),
        "repetition_share": max(repetition_share(found), run_share(text)), "symbol_share": symbol_share(bare), "markup_share": markup_share(bare),
        "boilerplate_share": boilerplate_share(text), "lang_detected": lang, "lang_score": score,
    }


def text_clip(source: Mapping[str, Any]) -> dict[str, Any]:
    """The clip of a text source: a span of no length."""
    return {"clip_id": row_id(source["source_id"], 0.0, 0.0), "start_s": 0.0, "end_s": 0.0, "duration_s": 0.0,
            **measure_text(source["text"])}

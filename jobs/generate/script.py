"""Cuts a narration into lines: clauses short enough to be read at once, each with the language that it is spoken in."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from jobs.prompts.analyse import HAN, clauses, letters, sentences
from jobs.prompts.storyboard import ends_sentence

IDEOGRAPHS, LETTERS = 26, 64
"""Longest line: two rows of a portrait picture."""
SENTENCE_PAUSE_S, CLAUSE_PAUSE_S, SOFT_PAUSE_S = 0.42, 0.2, 0.05
_WIDE = re.compile(f"[{HAN}]")


@dataclass(frozen=True)
class Line:
    """One clause: what the subtitle shows, the shot it belongs to, its language, and the pause behind it in seconds."""

    text: str
    shot: int
    lang: str
    pause_s: float


def lines(narrations: Sequence[str], lang: str) -> list[Line]:
    """The lines of a script, one narration a shot."""
    found: list[Line] = []
    for shot, narration in enumerate(narrations):
        for sentence in sentences(narration) or ([narration] if letters(narration) else []):
            parts = [piece for clause in clauses(sentence) for piece in _pieces(clause)]
            for i, (text, soft) in enumerate(parts):
                last = i == len(parts) - 1 and ends_sentence(text)
                pause = SENTENCE_PAUSE_S if last else SOFT_PAUSE_S if soft else CLAUSE_PAUSE_S
                found.append(Line(text, shot, _language(text, lang), pause))
    return found


def _pieces(clause: str) -> Iterator[tuple[str, bool]]:
    """A clause in readable pieces, and whether one is followed by another of the same clause."""
    wide = len(_WIDE.findall(clause))
    limit = IDEOGRAPHS if wide * 2 > len(clause) else LETTERS
    count = -(-len(clause) // limit)
    words = _words(clause)
    piece, left = "", count
    total = len(clause)
    for word in words:
        full = len(piece) >= total / count * 0.85 and left > 1
        if piece and (full or len(piece) + len(word) > limit) and not re.match(r"[\s，。！？；：、,.!?;:”’）)」』]", word):
            yield piece.strip(), True
            piece, left = "", left - 1
        piece += word
    yield piece.strip(), False


def _words(clause: str) -> list[str]:
    if not _WIDE.search(clause):
        return re.findall(r"\S+\s*", clause)
    import logging

    import jieba

    jieba.setLogLevel(logging.WARNING)
    return [str(w) for w in jieba.cut(clause)]


def _language(text: str, lang: str) -> str:
    """Clauses in Latin letters inside a Chinese text are spoken as English, ideographs inside an English one as Chinese."""
    wide, latin = len(_WIDE.findall(text)), len(re.findall(r"[A-Za-z]", text))
    if lang in ("zh", "yue") and not wide and latin >= 4:
        return "en"
    if lang == "en" and wide and not latin:
        return "zh"
    return lang

"""Cuts a narration into lines: clauses short enough to be read at once, each with the language that it is spoken in."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from jobs.prompts.analyse import HAN, clauses, letters, sentences
from jobs.prompts.storyboard import ends_sentence

IDEOGRAPHS, LETTERS = 26, 64
"""Longest line: two rows of a portrait picture."""
SENTENCE_PAUSE_S, CLAUSE_PAUSE_S, SOFT_PAUSE_S = 0.42, 0.2, 0.05
_WIDE = re.compile(f"[{HAN}]")
_BEGINS = re.compile(r"(?i)and|or|but|so|that|which|who|where|when|while|because|if|as|than|with|without|for|from|to|into|in|on|at|by|of|over|"
                     r"under|between|through|before|after|until|和|与|跟|或|但|而|在|从|把|被|让|为|对|向|当|因为|所以|如果|就|也|还|又|都|才")
"""Words that a phrase begins with: the better places to part one."""
_LEANS_ON = re.compile(r"(?i)a|an|the|my|your|his|her|its|our|their|this|that|these|those|very|more|most|no|not|is|are|was|were|be|been|to|of|in|on|"
                       r"at|by|for|with|from|and|or|和|与|跟|或|在|从|把|被|让|为|对|向|很|最|更|不|没|一个|这|那|这个|那个|每")
"""Words that nothing should end with."""
_LEANS_BACK = re.compile(r"[\s，。！？；：、,.!?;:”’）)」』的了着过地得们吗呢吧啊呀]")
"""What nothing should begin with."""


@dataclass(frozen=True)
class Line:
    """One clause: what the subtitle shows, the shot it belongs to, its language, and the pause behind it in seconds."""

    text: str
    shot: int
    lang: str
    pause_s: float


def lines(narrations: Sequence[str], lang: str, spoken: Collection[str]) -> list[Line]:
    """The lines of a script, one narration a shot, in its language and others that the voice has (`spoken`)."""
    found: list[Line] = []
    for shot, narration in enumerate(narrations):
        for sentence in sentences(narration) or ([narration] if letters(narration) else []):
            parts = [piece for clause in clauses(sentence) for piece in _pieces(clause)]
            for i, (text, soft) in enumerate(parts):
                last = i == len(parts) - 1 and ends_sentence(text)
                pause = SENTENCE_PAUSE_S if last else SOFT_PAUSE_S if soft else CLAUSE_PAUSE_S
                own = _language(text, lang)
                found.append(Line(text, shot, own if own in spoken else lang, pause))
    return found


def _pieces(clause: str) -> Iterator[tuple[str, bool]]:
    """A clause in readable pieces, and whether one is followed by another of the same clause.

    Pieces are of about the same length; they part where a new phrase begins, and not behind a word that leans on the next.
    """
    wide = len(_WIDE.findall(clause))
    limit = IDEOGRAPHS if wide * 2 > len(clause) else LETTERS
    words = [word[i:i + limit] for word in _words(clause) for i in range(0, len(word), limit)]
    left = -(-len(clause) // limit)
    while left > 1 and len(words) > 1:
        share = sum(map(len, words)) / left
        size, best, cost = 0, 1, float("inf")
        for i, word in enumerate(words[:-1], 1):
            size += len(word)
            if _LEANS_BACK.match(words[i]):
                continue
            leans = 0.5 if _LEANS_ON.fullmatch(word.strip()) else 0.0
            begins = 0.0 if _BEGINS.fullmatch(words[i].strip()) or not word.strip()[-1:].isalnum() else 0.2
            if (here := abs(size - share) / share + leans + begins + (9.0 if size > limit else 0.0)) < cost:
                best, cost = i, here
        piece, words, left = "".join(words[:best]), words[best:], left - 1
        yield piece.strip(), True
    yield "".join(words).strip(), False


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

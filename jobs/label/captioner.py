"""What a vision-language model is asked about a clip, and what of its answer is believed.

An answer is either a set of parts or a status that says why not: truncated, refused, failed and unanswered are never texts.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Literal, TypeAlias

from jobs.chat import THOUGHT
from jobs.clean.markup import without_tags
from jobs.collect.pii import clean, mask
from jobs.label.words import han_share, japanese, latin_share
from jobs.version import digest

PARTS = ("subject", "action", "setting", "camera", "style", "mood")
LANGS = ("en", "zh")
ASK = (
    "These pictures are frames of one video clip, in order. Describe only what can be seen. Answer with one JSON object and nothing else: "
    '{"en": {' + ", ".join(f'"{p}": "..."' for p in PARTS) + '}, "zh": {' + ", ".join(f'"{p}": "..."' for p in PARTS) + "}}. "
    "English under en, Simplified Chinese under zh, one short phrase each; an empty string for what cannot be told."
)
MAX_TOKENS = 600
MOST_CHARS = 1 << 16
"""Of an answer; a longer one is none, and braces in braces take the square of their number to read."""
MAX_CHARS = 300
"""Of one phrase; more is no short phrase but a model that runs on."""
MOSTLY_LATIN = 0.5
"""Share of Latin letters up to which a phrase is not English."""
NOTHING = frozenset(
    {"none", "null", "nothing", "n/a", "na", "unknown", "not visible", "cannot be told", "无", "没有", "未知", "不详", "无法判断"}
)
"""Words for a part that cannot be told."""
SORRY = re.compile(
    r"\s*(i'?m (very |so )?sorry|sorry|i apologi[sz]e|i can ?(no|')t|i am (unable|not able)|i'?m (unable|not able)|as an ai|(很|非常|十分|真的)?抱歉|对不起|我无法|我不能|无法提供)",
    re.IGNORECASE,
)
"""How an answer that is no JSON begins if it is an apology."""
SORRY_FOR = re.compile(
    r"(i'?m|i am) ((very|so) )?sorry|sorry,? (but )?i\b|i apologi[sz]e|(i|i'?m|i am) (can ?not|can't|unable to|not able to) (help|assist|see|view|describe|identify|provide|comply|tell)"
    r"|as an ai\b|((很|非常|十分|真的)?抱歉|对不起)[，,。！!]? ?我|(很|非常|十分)抱歉|我(无法|不能)",
    re.IGNORECASE,
)
"""How a phrase begins if it is one: a sign may say that the shop is sorry."""
_FORMAT = re.compile("[\u00ad\u200c-\u200f\u202a-\u202e\u2061-\u2069]")
"""Signs that are not seen and that neither language is written with: they turn round what follows, or join it."""
_TRAILING = re.compile(r",(?=\s*[}\]])")
"""A comma behind the last part, which models write and JSON does not know."""
Status = Literal["ok", "truncated", "refused", "failed", "unanswered"]
PASSING = frozenset({"unanswered"})
"""What says nothing of the clip: it is asked about again."""


@dataclass(frozen=True)
class Cost:
    """Tokens that a model read and wrote and both together, as far as it says."""

    read: int | None = None
    written: int | None = None
    total: int | None = None


@dataclass(frozen=True)
class Reply:
    """What a model answered.

    Attributes:
        status: ok, truncated (ran into the token limit), refused, failed (no such JSON), or unanswered (an endpoint that answers others had a
            fault in every try).
        parts: Language -> part -> phrase; empty unless ok.
        cost: Tokens spent.
    """

    status: Status
    parts: dict[str, dict[str, str]] = field(default_factory=dict)
    cost: Cost = Cost()


Pictures: TypeAlias = Sequence[bytes]
"""JPEGs of one clip in order."""


@dataclass(frozen=True)
class Captioner:
    """A model that can be asked.

    Attributes:
        name: As in Settings, with its address or path.
        ask: Clips to replies as they come, each with the number of its clip; now and then none, while all are waited for. When it raises,
            what came before has been said.
    """

    name: str
    ask: Callable[[Sequence[Pictures]], Iterator[Sequence[tuple[int, Reply]]]]

    def key(self, pictures: Pictures) -> str:
        """Of a question: all that its answer depends on."""
        return digest([self.name, ASK, MAX_TOKENS, [sha256(picture).hexdigest() for picture in pictures]])


def parsed(text: str, cost: Cost = Cost()) -> Reply:
    """A finished answer as parts; anything but the JSON asked for is `failed`, an apology `refused`."""
    text = text.rpartition(THOUGHT)[2]
    if len(text) > MOST_CHARS:
        return Reply("failed", {}, cost)
    facts = _object(text)
    parts = {lang: _phrases(facts, lang) for lang in LANGS}
    if any(any(phrases.values()) for phrases in parts.values()):
        return Reply("ok", parts, cost)
    sorry = SORRY.match(_straight(text)) or any(_apologises(phrase) for given in facts.values() if isinstance(given, dict) for phrase in given.values())
    return Reply("refused" if sorry else "failed", {}, cost)


def _straight(text: str) -> str:
    return text.replace("\u2019", "'")


def _apologises(phrase: object) -> bool:
    return isinstance(phrase, str) and SORRY_FOR.match(_straight(phrase.strip())) is not None


def _object(text: str) -> dict[str, Any]:
    """What the JSON objects in a text say, the last one of each language that says anything: a model may think aloud, fence its answer, give one
    a language or a name, or repeat the form that it was asked to fill in."""
    text = _TRAILING.sub("", text)
    found: dict[str, Any] = {}
    at, decoder = text.find("{"), json.JSONDecoder()
    while at >= 0:
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            end = at + 1
        else:
            inside = next((v for v in value.values() if isinstance(v, dict) and any(lang in v for lang in LANGS)), {})
            given = value if any(lang in value for lang in LANGS) else inside
            found |= {lang: given[lang] for lang in LANGS if lang in given and (lang not in found or any(_phrases(given, lang).values()))}
        at = text.find("{", end)
    return found


def _phrases(facts: dict[str, Any], lang: str) -> dict[str, str]:
    """The parts of one language; those in another one are empty."""
    given = facts.get(lang)
    phrases = {part: _phrase(given.get(part)) if isinstance(given, dict) else "" for part in PARTS}
    phrases = {part: phrase if _is_in(lang, phrase) else "" for part, phrase in phrases.items()}
    return dict.fromkeys(PARTS, "") if lang == "zh" and han_share("".join(phrases.values())) == 0 else phrases


def _is_in(lang: str, phrase: str) -> bool:
    """Whether a phrase can be of a language. Without Han it is Chinese as a name (`IMAX`, `iPhone 15`), not as words in small letters."""
    if lang == "en":
        return latin_share(phrase) > MOSTLY_LATIN
    if japanese(phrase):
        return False
    if han_share(phrase) > 0:
        return True
    letters = [c for c in phrase if c.isalpha()]
    return all(c.isascii() for c in letters) and not any(word.isalpha() and word.islower() for word in phrase.split())


def _phrase(value: object) -> str:
    if isinstance(value, list):
        value = ", ".join(v for v in value if isinstance(v, str))
    said = " ".join(_FORMAT.sub("", without_tags(clean(value))).split()) if isinstance(value, str) else ""
    if said.casefold().strip(" .。") in NOTHING or not any(c.isalnum() for c in said) or len(said) > MAX_CHARS or _apologises(said):
        return ""
    return mask(said)[0]


def joined(parts: dict[str, str], lang: str) -> str:
    """The parts of one language as one caption."""
    said = [parts[p].rstrip(".。,，; ；") for p in PARTS if parts[p]]
    return "，".join(said) + "。" if lang == "zh" else ", ".join(said) + "."

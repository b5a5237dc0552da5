"""From a text to shots: what is seen, what is said, and for how long at least.

A shot takes whole clauses until they fill about the seconds of its preset. A storyboard is JSON that a person may edit before
anything is generated: `as_request` writes it, and a prompt that is such JSON is used as it stands.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from types import MappingProxyType
from typing import Any, Literal

from jobs.prompts import grammar
from jobs.prompts.analyse import HAN, analyse, clauses, proper, sentences

Words = Literal["world", "plain"]
"""What the generator understands: the words of the embedded world, or plain sentences."""


@dataclass(frozen=True)
class Shot:
    """One shot of a storyboard.

    Attributes:
        prompt: What is seen, in words that the generator knows.
        narration: What is said; may be empty.
        duration_s: At least so long; the shot lasts as long as it takes to say its narration if that is longer.
        note: How the text was read, for people.
    """

    prompt: str
    narration: str
    duration_s: float | None
    note: str | None = None


@dataclass(frozen=True)
class Preset:
    """How a storyboard of one purpose is cut and looks.

    Attributes:
        shot_s: Spoken seconds that a shot is filled up to.
        min_s: Least length of a shot.
        look: Words of style for plain generators, English and Chinese.
    """

    shot_s: float
    min_s: float
    look: tuple[str, str]


PRESETS: Mapping[str, Preset] = MappingProxyType({
    "creation": Preset(3.0, 2.0, ("cinematic, natural light, rich detail", "电影质感，自然光，细节丰富")),
    "education": Preset(6.0, 3.0, ("documentary style, clear, steady camera", "纪录片风格，画面清晰，镜头平稳")),
    "entertainment": Preset(2.5, 1.6, ("vivid colours, lively, dynamic camera", "色彩鲜艳，活泼，镜头富有动感")),
    "promotion": Preset(2.5, 2.0, ("polished commercial look, bright", "商业广告质感，明亮，主体突出")),
})
"""One for each value of `prompts.style`. The lengths are choices of taste: fast for entertainment, slow for education."""

WORDS_PER_S, IDEOGRAPHS_PER_S = 2.6, 4.2
"""Rates of espeak-ng at its default settings here; only used to divide text into shots, never to time anything."""
MAX_SHOTS = 64


def spoken_s(text: str) -> float:
    """Rough seconds that it takes to say a text."""
    return len(re.findall(f"[{HAN}]", text)) / IDEOGRAPHS_PER_S + len(re.findall(r"[A-Za-z0-9À-ɏ'’]+", text)) / WORDS_PER_S


def storyboard(text: str, lang: str, style: str, words: Words) -> list[Shot]:
    """The shots of a cleaned text, at most MAX_SHOTS; longer texts get longer shots, very many sentences share some."""
    preset = PRESETS[style]
    lines = _lines(text, max(preset.shot_s, spoken_s(text) / MAX_SHOTS))
    each = -(-len(lines) // MAX_SHOTS)
    lines = [reduce(_join, lines[i:i + each]) for i in range(0, len(lines), each or 1)]
    if words == "plain":
        return _plain(lines, lang, preset)
    shots: list[Shot] = []
    before: Mapping[str, str] | None = None
    settled = False
    for index, line in enumerate(lines):
        seen = grammar.see(line, index, before, same_sentence=settled)
        before = seen.attributes if "place" in seen.attributes else before
        settled = not ends_sentence(line) and (settled or bool(grammar.find(line, "place")))
        shots.append(Shot(grammar.caption(seen.attributes, lang), line, preset.min_s, seen.note))
    return shots


def ends_sentence(line: str) -> bool:
    """Whether a line ends with the mark of a sentence."""
    return line.rstrip("”’」』）)\"' ").endswith(("。", "！", "？", "!", "?", ".", "…", "；", ";"))


def _plain(lines: Sequence[str], lang: str, preset: Preset) -> list[Shot]:
    """Shots for a model that sees one sentence at a time: what it says, the place and time told before, and the look."""
    wide = lang in ("zh", "yue")
    shots, known, name = [], dict[str, str](), ""
    for line in lines:
        said = analyse(line, lang)
        names, places = proper(line), said.places[:1]
        if name and places and not names and grammar.is_weak(places[0]):
            places = ()  # the tower is one of the town that was named
        name = names[0] if names else "" if places else name
        here = {"place": places, "time": tuple(t.lower() for t in said.times[:1])}
        carried = {key: word for key, word in known.items() if not here[key]}
        known |= {key: found[0] for key, found in here.items() if found}
        parts = [re.sub(r"[\s。，！？；.,!?;]+$", "", line), *carried.values(), preset.look[wide]]
        note = "; ".join(f"{key} {word} carried over" for key, word in carried.items()) or None
        shots.append(Shot(("，" if wide else ", ").join(parts), line, preset.min_s, note))
    return shots


def _lines(text: str, shot_s: float) -> list[str]:
    """Clauses joined to lines of about `shot_s` seconds; a line never runs over the end of a sentence."""
    lines: list[str] = []
    for sentence in sentences(text):
        line = ""
        for clause in clauses(sentence):
            joined = _join(line, clause)
            if line and (spoken_s(line) >= 0.6 * shot_s and spoken_s(joined) > 1.3 * shot_s):
                lines.append(line)
                line = clause
            else:
                line = joined
        lines.append(line)
    return lines


def _join(a: str, b: str) -> str:
    wide = re.compile(f"[{HAN}，。！？；：、”」）]")
    return a + b if not a or wide.match(a[-1]) or wide.match(b[0]) else f"{a} {b}"


def narrated(narrations: Iterable[str]) -> str:
    """What shots say as one text: a space between words of letters, none beside an ideograph or its punctuation."""
    return reduce(_join, (n for n in narrations if n), "")


def as_request(row: Mapping[str, Any]) -> str:
    """A row of `prompts` as the JSON that a person edits and gives back as a prompt."""
    shots = [{k: v for k, v in shot.items() if v is not None} for shot in row["shots"]]
    keep = {key: row[key] for key in ("text", "lang", "style", "aspect", "seed")}
    return json.dumps({**keep, "shots": shots}, ensure_ascii=False, indent=1)


def edited(shots: Any) -> list[Shot]:
    """The shots of an edited storyboard.

    Raises:
        ValueError: no list of shots, or one that is not a shot, with its number.
    """
    if not isinstance(shots, list):
        raise ValueError(f"shots = {str(shots)[:60]} is not a list")
    found = []
    for number, shot in enumerate(shots, 1):
        if not isinstance(shot, dict):
            raise ValueError(f"shot {number} has no `prompt`")
        if unknown := set(shot) - {"prompt", "narration", "duration_s", "note"}:
            raise ValueError(f"shot {number} has the unknown field {sorted(unknown)[0]!r}")
        for name in ("prompt", "narration", "note"):
            if not isinstance(shot.get(name), str | None):
                raise ValueError(f"shot {number}: {name} = {str(shot[name])[:60]} is not a text")
        if not (prompt := (shot.get("prompt") or "").strip()):
            raise ValueError(f"shot {number} has no `prompt`")
        length = shot.get("duration_s")
        if length is not None and not (isinstance(length, int | float) and not isinstance(length, bool) and 0.2 <= length <= 60):
            raise ValueError(f"shot {number}: duration_s = {length!r} is not between 0.2 and 60 seconds")
        found.append(Shot(prompt, (shot.get("narration") or "").strip(), None if length is None else float(length), shot.get("note")))
    if not 1 <= len(found) <= MAX_SHOTS:
        raise ValueError(f"{len(found)} shots; a storyboard has 1 to {MAX_SHOTS}")
    return found

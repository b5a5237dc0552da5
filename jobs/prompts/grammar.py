"""From free text to words that the generator knows.

The embedded model knows one small world; `grammar.json` says which everyday words mean which part of it, and what is shown
where a text names none. Other models take the sentence itself with words of style. What was mapped is written down beside the
shot, so that nobody mistakes a default scene for an answer.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jobs.prompts.simplified import simplified
from jobs.train import words as world

FILE = Path(__file__).with_name("grammar.json")
_PLACE, _OBJECT = ("place", "time", "weather", "camera"), ("shape", "colour", "direction", "background")


@dataclass(frozen=True)
class Seen:
    """What a shot shows.

    Attributes:
        attributes: Of the world: place, time, weather and camera, or shape, colour, direction and background.
        note: What was read out of the text and what was not, for people.
    """

    attributes: Mapping[str, str]
    note: str


@cache
def _data() -> Mapping[str, Any]:
    return MappingProxyType(json.loads(FILE.read_text(encoding="utf-8")))


@cache
def _pattern(key: str) -> tuple[re.Pattern[str], Mapping[str, str]]:
    """One pattern of all words for an attribute, longest first, and what each word means."""
    means = {simplified(word.lower()): value for value, names in _data()["words"][key].items() for word in names}
    for lang in world.WORDS:  # the names that the model was trained with are always understood
        means |= {simplified(name.lower()): value for value, names in world.WORDS[lang].get(key, {}).items() for name in names
                  if len(name) > 1 or key == "colour"}
    longest = sorted(means, key=lambda w: (-len(w), w))
    latin = [re.escape(w) for w in longest if w.isascii()]
    other = [re.escape(w) for w in longest if not w.isascii()]
    alternatives = ([rf"(?<![a-z])(?:{'|'.join(latin)})(?:s|es)?(?![a-z])"] if latin else []) + other
    return re.compile("|".join(alternatives), re.IGNORECASE), MappingProxyType(means)


def fingerprint() -> str:
    """Changes with the data file and with the model's words: it bears on the rows of `prompts`."""
    known = json.dumps({lang: {k: dict(v) for k, v in names.items()} for lang, names in world.WORDS.items()},
                       ensure_ascii=False)
    return hashlib.sha256(FILE.read_bytes() + known.encode()).hexdigest()[:12]


def find(text: str, key: str) -> tuple[str, str] | None:
    """The first word for an attribute and its value: `find("去西藏", "place")` is ("西藏", "mountains"). Traditional signs are read as simplified ones."""
    pattern, means = _pattern(key)
    match = pattern.search(simplified(text))
    if match is None:
        return None
    word = match.group().lower()
    for stem in (word, word.removesuffix("s"), word.removesuffix("es")):
        if stem in means:
            return text[match.start():match.end()], means[stem]
    return None


def named(text: str, key: str) -> list[str]:
    """All words of a text for an attribute, in order."""
    return [text[match.start():match.end()] for match in _pattern(key)[0].finditer(simplified(text))]


def see(text: str, index: int, before: Mapping[str, str] | None, *, same_sentence: bool = False) -> Seen:
    """What the shot of a text shows; what it leaves open is carried over from the shot before, else from the defaults. Another
    place has its own weather.

    Weak words (a shore, a street) name a place only where the sentence has not named one: the sand beside the sea is no desert.
    """
    if (thing := find(text, "shape")) and any(find(text, key) for key in _OBJECT[1:]) and not find(text, "place"):
        return _object(text, thing)
    default, said = dict(_data()["default"]), []
    attributes: dict[str, str] = {}
    for key in _PLACE[:3]:
        hit = _place(text, settled=same_sentence) if key == "place" else find(text, key)
        if hit:
            attributes[key] = hit[1]
            said.append(f"{hit[0]} → {key} {hit[1]}")
        elif before and key in before and not (key == "weather" and attributes["place"] != before["place"]):
            attributes[key] = before[key]
        else:
            attributes[key] = default[key]
            if key == "place":
                said.append(f"no place that the embedded model knows: default scene {default[key]}")
    hit = find(text, "camera")
    attributes["camera"] = hit[1] if hit else _data()["cameras"][index % len(_data()["cameras"])]
    if before and not any("place" in s for s in said):
        said.append(f"place {attributes['place']} carried over")
    return Seen(MappingProxyType(attributes), "; ".join(said))


def _place(text: str, *, settled: bool) -> tuple[str, str] | None:
    """The first strong word for a place, else, where the sentence has not settled it, the first weak one."""
    hits = [hit for word in named(text, "place") if (hit := find(word, "place"))]
    weak = {w.lower() for w in _data()["weak"]}
    strong = [hit for hit in hits if not {word := simplified(hit[0].lower()), word.removesuffix("s")} & weak]
    return strong[0] if strong else hits[0] if hits and not settled else None


def _object(text: str, thing: tuple[str, str]) -> Seen:
    attributes, said = {"shape": thing[1]}, [f"{thing[0]} → shape {thing[1]}"]
    for key in _OBJECT[1:]:
        hit = find(text, key)
        if key == "background":
            hit = _ground(text)
        attributes[key] = hit[1] if hit else _data()["default"][key]
        said.append(f"{hit[0]} → {key} {hit[1]}" if hit else f"{key} left open: {attributes[key]}")
    return Seen(MappingProxyType(attributes), "; ".join(said))


def _ground(text: str) -> tuple[str, str] | None:
    """The colour word beside the word for background, which a colour of the object must not be taken for."""
    for near in re.finditer(r"(\w+)\s+(?:background|ground)|([\u4e00-\u9fff]{1,4})背景", text, re.IGNORECASE):
        if hit := find(near.group(1) or near.group(2), "background"):
            return hit
    return None


def caption(attributes: Mapping[str, str], lang: str) -> str:
    """The scene in a sentence that the embedded model was trained on."""
    return world.captions(attributes, "zh" if lang in ("zh", "yue") else "en")[0]

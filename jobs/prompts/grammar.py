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
    other = [re.escape(w) + (r"(?![\u4e00-\u9fff])" if w.startswith("的") else "") for w in longest if not w.isascii()]
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
    default, said, rest = dict(_data()["default"]), [], text
    attributes: dict[str, str] = {}
    for key in _PLACE[:3]:
        hit = _place(text, settled=same_sentence) if key == "place" else find(rest, key)
        if hit:
            attributes[key] = hit[1]
            rest = rest.replace(hit[0], " ", 1) if key == "place" else rest  # snowy mountains have no snow in the air
            said.append(f"{hit[0]} → {key} {hit[1]}")
        elif before and key in before and not (key == "weather" and attributes["place"] != before["place"]):
            attributes[key] = before[key]
        else:
            attributes[key] = default[key]
            said.append(f"no place that the embedded model knows: default scene {default[key]}" if key == "place" else f"{key} left open: {default[key]}")
    hit = find(text, "camera")
    attributes["camera"] = hit[1] if hit else _data()["cameras"][index % len(_data()["cameras"])]
    if before and not any("place" in s for s in said):
        said.append(f"place {attributes['place']} carried over")
    return Seen(MappingProxyType(attributes), "; ".join(said))


def is_weak(word: str) -> bool:
    """Whether a word for a place may be one of many in another: a tower, a street, a tree."""
    plain = simplified(word.lower())
    return bool({plain, plain.removesuffix("s")} & {w.lower() for w in _data()["weak"]})


def _place(text: str, *, settled: bool) -> tuple[str, str] | None:
    """The first strong word for a place, else, where the sentence has not settled it, the first weak one."""
    hits = [hit for word in named(text, "place") if (hit := find(word, "place"))]
    strong = [hit for hit in hits if not is_weak(hit[0])]
    return strong[0] if strong else hits[0] if hits and not settled else None


def _object(text: str, thing: tuple[str, str]) -> Seen:
    attributes, said = {"shape": thing[1]}, [f"{thing[0]} → shape {thing[1]}"]
    ground, rest = _ground(text)
    hits = {"colour": find(rest, "colour"), "direction": _way(rest), "background": ground}
    for key, hit in hits.items():
        attributes[key] = hit[1] if hit else _data()["default"][key]
        said.append(f"{hit[0]} → {key} {hit[1]}" if hit else f"{key} left open: {attributes[key]}")
    return Seen(MappingProxyType(attributes), "; ".join(said))


@cache
def _grounds() -> re.Pattern[str]:
    """What a ground is told by, its colour in the group: one of any thing, known as a ground or not."""
    english = "|".join(sorted({re.escape(name) for key in ("colour", "background") for names in world.WORDS["en"][key].values() for name in names}))
    return re.compile(
        rf"(?:(?:on|over|against|before|in front of)\s+)?(?:an?\s+|the\s+)?\b([a-z]+)(?:[ -]colou?red)?\s+(?:background|backdrop|ground)\b|\bbackground (?:is |of |in )?({english})\b"
        rf"|\b(?:on|over|against)\s+(?:an?\s+|the\s+)?({english})\b(?!\s+[a-z]*(?:circle|square|triangle|star|heart|ring|ball|box|disc))"
        r"|([\u4e00-\u9fff]{1,3}?)色?的?(?:背景|底色|底(?![部下]))|背景[是为]?([\u4e00-\u9fff]{1,3}?)色", re.IGNORECASE)


def _ground(text: str) -> tuple[tuple[str, str] | None, str]:
    """The colour of the ground as it is named, and the text without what names it: that colour is not one of the object's."""
    rest, plain, found = text, simplified(text), None
    for near in _grounds().finditer(plain):
        (place,) = (i for i in range(1, 6) if near.group(i))
        name = text[near.start(place):near.end(place)]
        hit = next((hit for word in (name, f"{name}色") if (hit := find(word, "background"))), None)
        rest = rest[:near.start()] + " " * (near.end() - near.start()) + rest[near.end():]
        found = found or (hit and (name, hit[1]))
    return found, rest


_WAYS = {"right": r"left (?:side )?to (?:the )?right|[从由自]左[侧边]?[到往向至]右", "left": r"right (?:side )?to (?:the )?left|[从由自]右[侧边]?[到往向至]左",
         "down": r"top to (?:the )?bottom|[从由自]上[面方]?[到往向至]下", "up": r"bottom to (?:the )?top|[从由自]下[面方]?[到往向至]上"}


def _way(text: str) -> tuple[str, str] | None:
    """Where an object moves to: of two sides the one that it comes to."""
    for way, words in _WAYS.items():
        if match := re.search(words, text, re.IGNORECASE):
            return match.group(), way
    return find(text, "direction")


def caption(attributes: Mapping[str, str], lang: str) -> str:
    """The scene in a sentence that the embedded model was trained on."""
    return world.captions(attributes, "zh" if lang in ("zh", "yue") else "en")[0]

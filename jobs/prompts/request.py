"""What a user asks for: a text, or a JSON object with the text and any of style, aspect, seed, lang and a storyboard."""

import contextlib
import json
import re
from dataclasses import dataclass
from typing import Any, get_args

from jobs.prompts.storyboard import Shot, edited, narrated
from schemas.settings import Prompts

FIELDS = ("text", "style", "aspect", "seed", "lang", "shots")
ASPECTS: tuple[str, ...] = get_args(Prompts.model_fields["aspect"].annotation)
STYLES: tuple[str, ...] = get_args(Prompts.model_fields["style"].annotation)

_BEGINS = re.compile(r"""\s*\{\s*["'“”][^"'“”]*["'“”]\s*:""")
"""A brace and a name in any quotes: a {laugh} is none."""


@dataclass(frozen=True)
class Request:
    """One prompt of a user; what is not given comes from Settings."""

    text: str
    style: str
    aspect: str
    seed: int
    lang: str = ""
    shots: tuple[Shot, ...] = ()


def parse(given: str, defaults: Prompts) -> Request:
    """Read a prompt.

    Raises:
        ValueError: broken JSON, or a field that is unknown or does not hold.
    """
    fields = _object(given)
    if fields is None:
        return Request(given, defaults.style, defaults.aspect, defaults.seed)
    if unknown := set(fields) - set(FIELDS):
        raise ValueError(f"unknown field {sorted(unknown)[0]!r}; known are {', '.join(FIELDS)}")
    style, aspect = fields.get("style") or defaults.style, fields.get("aspect") or defaults.aspect
    if style not in STYLES:
        raise ValueError(f"style = {style!r} is none of {', '.join(STYLES)}")
    if aspect not in ASPECTS:
        raise ValueError(f"aspect = {aspect!r} is none of {', '.join(ASPECTS)}")
    seed = _whole(fields.get("seed"), defaults.seed)
    if not 0 <= seed < 1 << 63:
        raise ValueError(f"seed = {seed} does not fit between 0 and 2^63")
    if not isinstance(fields.get("text"), str | None):
        raise ValueError(f"text = {str(fields['text'])[:60]} is not a text")
    shots = tuple(edited(fields["shots"])) if fields.get("shots") else ()
    text = str(fields.get("text") or narrated(s.narration for s in shots))
    return Request(text, str(style), str(aspect), seed, _lang(str(fields.get("lang") or "")), shots)


def _lang(tag: str) -> str:
    """The language of a tag of BCP 47 (`zh-Hans`, `en_US`, `EN`), as texts are told by."""
    base = re.split("[-_]", tag.strip().lower())[0]
    return "zh" if base == "cmn" else base


def _whole(given: Any, otherwise: int) -> int:
    """A seed as JSON has it, or as a cell of a CSV."""
    if given in (None, ""):
        return otherwise
    try:
        if type(given) in (int, str):  # not True, which is an int
            return int(given)
    except ValueError:
        pass
    with contextlib.suppress(ValueError):  # 3.0, as pandas writes whole numbers of a column with an empty cell
        if type(given) in (float, str) and (number := float(given)).is_integer() and abs(number) < 1 << 53:
            return int(number)
    raise ValueError(f"seed = {str(given)[:60]!r} is not a whole number")


def _object(given: str) -> dict[str, Any] | None:
    """The fields of a text that begins like an object of JSON; None for any other text.

    Raises:
        ValueError: it begins so and is none; filmed as it stands, its braces and names would be read out.
    """
    if not _BEGINS.match(given):
        return None
    try:
        fields: dict[str, Any] = json.loads(given)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"begins like an object of JSON and is none ({error})") from None
    return fields

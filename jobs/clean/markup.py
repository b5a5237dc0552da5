"""How much of a text is markup: tags, scripts, entities, BBCode, short codes, templates, pictures of Markdown, style sheets, JSON and code in
braces, and signs that are still escaped."""

import regex

_TAGS = regex.compile(
    r"<!?/?[A-Za-z][^<>]{0,1000}>|&(?:#\d{1,7}|#x[0-9A-Fa-f]{1,6}|[A-Za-z]{2,10});"
    r"|\[/?(?:b|i|u|url|img|quote|code|size|color|font)(?:=[^\]\n]{0,200})?\]|\{\{[^{}]{0,500}\}\}|\{%[^{}]{0,500}%\}"
    r"|\[[A-Za-z][\w-]{0,30}(?: [\w-]{1,30}=[\"'][^\"'\]\n]{0,300}[\"']){1,9} ?/?\]"
    r"|\[!\[[^\]\n]{0,200}\]\([^)\s]{0,1000}\)\]\([^)\s]{0,1000}\)|!\[[^\]\n]{0,200}\]\([^)\s]{0,1000}\)"
    r"|(?:\\u[0-9A-F]{4}|\\x[0-9A-F]{2}){2,}|(?<!\S)(?:%[0-9A-F]{2}){3,}",
    regex.S | regex.I)
_BLOCKS = tuple((regex.compile(opening, regex.I), regex.compile(closing, regex.I)) for opening, closing in (
    (r"<(?:script|style)\b[^>]{0,1000}>", r"</(?:script|style)\s*>"), ("<!--", "-->"), (r"\{\|", r"\|\}")))
"""Scripts, comments and wiki tables: everything from the one to the other is markup."""
_SQUARE = regex.compile(r"\[(?P<end>/)?(?P<name>[A-Za-z][\w-]{0,30})(?:[ =][^\]\n]{0,300})?\]")
_BRACES = regex.compile(r"\{[^{}]{0,5000}\}")
_CODE = regex.compile(r";|[\w\"')\]] ?=(?!=)|(?:[A-Za-z_-]{2,30}|[\"']) ?:|\(\)")
"""What stands in braces of code, style sheets and JSON, and not in those of a set or of a name to fill in."""
DEPTH = 8
"""Braces in braces that are looked into."""


def markup_share(text: str) -> float:
    """Characters of markup over all characters, 0..1."""
    return 1 - len(_without_braces(_without_pairs(_TAGS.sub("", _without_blocks(text))))) / len(text) if text else 0.0


def without_tags(text: str) -> str:
    """The text without tags, and without scripts and style sheets and what stands in them."""
    return str(_TAGS.sub(" ", _without_blocks(text)))


def _without_blocks(text: str) -> str:
    """The text without its blocks; one that is never closed is none, and costs one look to the end, not one for each."""
    for opening, closing in _BLOCKS:
        kept, at = [], 0
        while (begun := opening.search(text, at)) and (ended := closing.search(text, begun.end())):
            kept.append(text[at:begun.start()])
            at = ended.end()
        text = "".join(kept) + text[at:]
    return text


def _without_pairs(text: str) -> str:
    """Without `[name …]` and `[/name]`, where the name is closed somewhere."""
    closed = {found["name"].lower() for found in _SQUARE.finditer(text) if found["end"]}
    return str(_SQUARE.sub(lambda found: "" if found["name"].lower() in closed else found.group(), text)) if closed else text


def _without_braces(text: str) -> str:
    """Without code in braces, from the innermost on; other braces stay."""
    for _ in range(DEPTH):
        left = str(_BRACES.sub(lambda found: "" if _CODE.search(found.group()) else f"({found.group()[1:-1]})", text))
        if left == text:
            break
        text = left
    return text

"""How Chinese or Western a text is."""

import regex

_LATIN = regex.compile(r"\p{Latin}")
_KANA = regex.compile("[\u3041-\u30ff]{2}")


def japanese(text: str) -> bool:
    """Whether kana stand together: a single one is in Chinese names too."""
    return _KANA.search(text) is not None


def han_share(text: str) -> float:
    """Share of the letters of a text that are Han, 0..1; 0 without letters."""
    letters = [c for c in text if c.isalpha()]
    return sum("\u3400" <= c <= "\u9fff" for c in letters) / len(letters) if letters else 0.0


def latin_share(text: str) -> float:
    """Share of the letters of a text that are Latin, 0..1; 0 without letters."""
    letters = [c for c in text if c.isalpha()]
    return sum(_LATIN.match(c) is not None for c in letters) / len(letters) if letters else 0.0

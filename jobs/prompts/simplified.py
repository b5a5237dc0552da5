"""Traditional ideographs as simplified ones, sign by sign: a place in the one text is a place in the other."""

from pathlib import Path

_SIMPLE = str.maketrans(*Path(__file__).with_name("traditional.txt").read_text(encoding="utf-8").split())
"""Ideographs of Big5-HKSCS, from OpenCC 1.1 (TSCharacters, Apache-2.0), the first where it has several."""


def simplified(text: str) -> str:
    """The text in simplified signs."""
    return text.translate(_SIMPLE)

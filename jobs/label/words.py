"""What a text holds: blocked words, Chinese letters."""

import re
from collections.abc import Sequence


def blocked_word(texts: Sequence[str | None], words: Sequence[str]) -> str | None:
    """The first of `words` that occurs in a text: Latin words as whole words, others anywhere; case does not matter."""
    for word in words:
        pattern = re.escape(word.casefold())
        if word.isascii():
            pattern = rf"(?<![a-z0-9]){pattern}(?![a-z0-9])"
        if any(text and re.search(pattern, text.casefold()) for text in texts):
            return word
    return None


def han_share(text: str) -> float:
    """Share of the letters of a text that are Han, 0..1; 0 without letters."""
    letters = [c for c in text if c.isalpha()]
    return sum("\u3400" <= c <= "\u9fff" for c in letters) / len(letters) if letters else 0.0

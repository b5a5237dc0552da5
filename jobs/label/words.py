"""How Chinese a text is."""


def han_share(text: str) -> float:
    """Share of the letters of a text that are Han, 0..1; 0 without letters."""
    letters = [c for c in text if c.isalpha()]
    return sum("\u3400" <= c <= "\u9fff" for c in letters) / len(letters) if letters else 0.0

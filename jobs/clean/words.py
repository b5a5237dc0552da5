"""Words of a text in any script."""

import regex

_UNSPACED = r"[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Hiragana}\p{Katakana}ー]"
_OTHER = rf"[[\p{{L}}\p{{M}}\p{{N}}_]--\p{{Han}}--{_UNSPACED}]"
_WORD = regex.compile(
    rf"\p{{Han}}|(?:(?=\p{{L}}|\p{{N}}){_UNSPACED}\p{{M}}*+){{1,4}}+|{_OTHER}++(?:['’-][[\p{{L}}\p{{M}}\p{{N}}]--\p{{Han}}--{_UNSPACED}]++){{0,99}}+", regex.V1)
"""Possessive: a word of millions of signs would otherwise be remembered sign by sign."""
ADDRESS = regex.compile(r"(?:https?://|(?<![\w.])www\.)[!-~]+", regex.I)


def words(text: str) -> list[str]:
    """Words in lower case; an ideograph is one, and so are up to four letters of scripts that put no space between words (a Thai word has about
    four). Addresses of pages are none."""
    return [str(word) for word in _WORD.findall(ADDRESS.sub(" ", text).lower())]

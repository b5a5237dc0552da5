"""Markup, by construction."""

import pytest

from jobs.clean.markup import markup_share


@pytest.mark.parametrize(("text", "share"), [
    ("word[row a=\"1\"]word", 11 / 19), ("[col]word[/col]", 11 / 15), ("[note] word", 0.0), ("{% if x %}word", 10 / 14),
    ("![a](b.png)word", 11 / 15), ("[![a](b.png)](c)word", 16 / 20), ("[a](https://a.example) word", 0.0),
    ("p{margin:0;}word", 11 / 16), ("a{b{c: 1;}d: 2;}", 15 / 16), ('{"a": {"b": 1}}', 1.0), ("() => { return x.map(); }word", 19 / 29),
    ("\\u4eca\\u5929word", 12 / 16), ("\\xe4\\xbb\\x8aword", 12 / 16), ("%E4%BB%8A word", 9 / 14),
    ("https://zh.example.org/wiki/%E8%A5%BF%E8%97%8F", 0.0), ("{1, 2, 3} and {x : x > 0}", 0.0), ("Dear {name}, welcome", 0.0),
    ("{;" * 50_000, 0.0), ("[a" * 50_000, 0.0),
], ids=str)
def test_signs_of_markup_over_all_signs(text, share):
    assert markup_share(text) == pytest.approx(share)

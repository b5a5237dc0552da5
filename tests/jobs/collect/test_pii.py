"""What is masked and what is left alone, and that no masked number survives."""

import random
import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.collect.fields import stored
from jobs.collect.pii import clean, mask, unhidden
from tests.jobs.collect.pii_forms import (
    ABROAD,
    ALIKE,
    CLOSE,
    COUNTED,
    FAR,
    LEFT,
    MASKED,
    NO_HOUSES,
    NO_SIGNS,
    NOBODYS,
    NOT_COUNTED,
    OTHER_SIGNS,
    PAPERS_AND_HOUSES,
    SAID,
    SCENES,
    SPELT,
)


@pytest.mark.parametrize(("text", "masked"), (MASKED | SPELT | PAPERS_AND_HOUSES | OTHER_SIGNS | ABROAD | NOT_COUNTED | CLOSE | SAID).items())
def test_personal_data_is_masked(text, masked):
    assert mask(text) == (masked, masked.count("<"))


@pytest.mark.parametrize("text", LEFT + COUNTED + ALIKE + NO_HOUSES + NO_SIGNS + NOBODYS + FAR + SCENES)
def test_what_only_looks_like_it_is_left(text):
    assert mask(text) == (text, 0)


@pytest.mark.parametrize(("text", "masked"), [
    ("or write to 138 1234\n5678 thanks", "or write to <PHONE> thanks"),
    ("my number is 415\n555 0137", "my number is <PHONE>"),
    ("call (415)\n555-0137\nor come", "call <PHONE>\nor come"),
    ("电话是138\n1234 5678", "电话是<PHONE>"),
    ("in 2019\n300 people came", "in 2019\n300 people came")])
def test_a_number_that_goes_over_two_lines_of_subtitles_is_masked(text, masked):
    assert mask(text, over_lines=True)[0] == masked
    assert stored({"transcript": text}, True)["transcript"] == masked


@pytest.mark.parametrize(("page", "masked"), [
    ("<p>Mail john&#64;example.com or call <b>138</b>1234<b>5678</b></p>", "<p>Mail <EMAIL> or call <b><PHONE></b></p>"), ("<p>电话：138&nbsp;1234&nbsp;5678</p>", "<p>电话：<PHONE></p>"),
    ('<a href="mailto:john%40example.com">', '<a href="mailto:<EMAIL>">'), ('<a href="tel:138%201234%205678">', '<a href="tel:<PHONE>">'), ("<b>jane</b>@example.com", "<b><EMAIL>"),
    ("<td>138</td><td>1234</td><td>5678</td> &amp; 100%40", "<td>138</td><td>1234</td><td>5678</td> &amp; 100%40")])
def test_no_entity_and_no_tag_hides_what_a_browser_shows(page, masked):
    assert mask(unhidden(page))[0] == masked


def citizen(rng: random.Random) -> str:
    body = f"{rng.choice([110105, 440301, 310115])}{rng.randint(1940, 2015)}{rng.randint(1, 12):02}{rng.randint(1, 28):02}"
    body += f"{rng.randint(0, 999):03}"
    total = sum(int(c) * w for c, w in zip(body, (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2), strict=True))
    return body + "10X98765432"[total % 11]


def card(rng: random.Random) -> str:
    body = rng.choice(["4", "51", "622"]) + "".join(rng.choices("0123456789", k=15))
    body = body[:15]
    for check in "0123456789":
        digits = [int(c) for c in body + check]
        if sum(d if i % 2 == 0 else sum(divmod(2 * d, 10)) for i, d in enumerate(reversed(digits))) % 10 == 0:
            return body + check
    raise AssertionError


def mobile(rng: random.Random) -> str:
    digits = f"1{rng.randint(3, 9)}{rng.randint(0, 10**9 - 1):09}"
    gap = rng.choice(["", "-", " "])
    return rng.choice(["", "+86 ", "86-"]) + gap.join((digits[:3], digits[3:7], digits[7:]))


def email(rng: random.Random) -> str:
    return f"{''.join(rng.choices('abcdefghij', k=8))}{rng.randint(10, 99)}@{rng.choice(['qq.com', 'mail.example.org'])}"


@given(st.integers(0, 10**9), st.sampled_from([citizen, card, mobile, email]),
       st.sampled_from([("请联系 ", "，谢谢"), ("reach me: ", " any time"), ("", ""),
                        ("（", "）"), ("号码", "。"), ("x\n", "\ny")]))
def test_no_number_survives_wherever_it_stands(seed, make, around):
    number = make(random.Random(seed))
    text, count = mask(around[0] + number + around[1])
    assert count == 1
    assert number not in text
    assert not any(c.isdigit() for c in text)
    assert text.startswith(around[0])
    assert text.endswith(around[1])


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200)
       | st.text(alphabet="0123456789 -+().@微信qQ:", max_size=60))
def test_masking_leaves_nothing_to_mask(text):
    once, _ = mask(clean(text))
    assert mask(once) == (once, 0)


@given(st.text(max_size=200))
def test_cleaned_text_can_be_stored_and_is_stable(text):
    once = clean(text)
    once.encode("utf-8")
    assert "\0" not in once
    assert "\r" not in once
    assert clean(once) == once


def test_signs_that_hide_a_number_are_taken_out_before():
    assert mask(clean("138\u200b1234\u200b5678"))[0] == "<PHONE>"


@pytest.mark.parametrize("text", [
    "Call me: (415)\u00a0555-0123 tonight", "+1\u00a0415\u00a0555\u00a00123", "找我 138\u00a01234\u00a05678", "+33\u202f6\u202f12\u202f34\u202f56\u202f78",
    "Card 4111\u00a01111\u00a01111\u00a01111", "415\u2212555\u22120123", "Social Security Number (SSN): 123-45-6789", "SSN# 123-45-6789",
    "social security #: 123-45-6789", "her SSN = 123-45-6789", "Office (01223) 765432", "text Bruce on 0412 345 678", "1(415)555-0123", "企鹅号 123456789"])
def test_forms_of_blanks_names_and_lands_are_masked(text):
    assert mask(text)[1] == 1


@pytest.mark.parametrize("text", [
    "ISBN 978-986-1234-56-7", "$13800000000", "¥13800000000", "热门手机1999-2999元", "小米手机 5000-6000 毫安", "phone 1000-1500 dollars", "新手机 2023-11-28 发布",
    "抖音1000000粉丝", "支付宝100000元", "B站1000000播放", "微博2023-11-28热搜", "微信2023-2024年度报告", "南极有企鹅50000只", "Medicare 2021-2022 spending",
    "RAM: 17179869184 bytes"])
def test_prices_dates_and_counts_behind_a_name_are_left(text):
    assert mask(text) == (text, 0)


def test_masking_a_long_list_takes_as_long_as_its_length():
    """A book of telephones: what is cut out for each piece must not be the whole text."""
    from jobs.collect.pii import _put

    count, digits = 200_000, "1234567 "
    spans = [(i * len(digits), i * len(digits) + 7) for i in range(count)]
    assert _put(digits * count, spans, "<PHONE>") == "<PHONE> " * count
    assert _put("tail", [], "<PHONE>") == "tail"


def test_who_signed_is_masked_in_licence_and_consent():
    row = stored({"licence": "CC-BY-4.0, li@qq.com", "consent": "signed, tel 13812345678"}, True)
    assert row == {"pii_count": 2, "licence": "CC-BY-4.0, <EMAIL>", "consent": "signed, tel <PHONE>"}


@pytest.mark.parametrize("sign", ["\u200b", "\u00ad", "\u200d", "\u200e", "\u2063", "\u202c", "\ufeff"])
def test_no_invisible_sign_hides_a_number(sign):
    assert mask(clean(f"call 138{sign}1234{sign}5678"))[0] == "call <PHONE>"
    assert clean("👩\u200d🚀") == "👩\u200d🚀"


@pytest.mark.parametrize("unit", ["一号楼", "大学路一号楼二号楼", "A-", "1 Aa ", "NUMBER PLATE ", "account ", "微信 "])
@pytest.mark.parametrize("gap", ["", " ", "\n", "1 ", "a."])
def test_no_text_keeps_the_masks_busy(unit, gap):
    """Forty-nine characters of buildings took ten seconds once, and a name with a hundred blanks behind it eighteen."""

    def late(*_):
        raise AssertionError("the masks look at a text again and again")

    before = signal.signal(signal.SIGVTALRM, late)
    signal.setitimer(signal.ITIMER_VIRTUAL, 20)
    try:
        mask(unit * 40 + gap * 4000 + "!")
        mask(unit + gap * 4000 + "!")
        mask((unit + gap) * 4000)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)

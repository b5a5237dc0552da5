"""Measurements of texts, by construction."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.clean.texts import (
    boilerplate_share,
    language,
    markup_share,
    measure_text,
    repetition_share,
    run_share,
    symbol_share,
    text_clip,
    words,
)
from jobs.collect.pii import MASKS, clean


@pytest.mark.parametrize(("text", "count"), [
    ("A cat sits on the mat.", 6), ("今天去了西藏", 6), ("我爱 Python 3 语言", 6), ("don't stop-gap", 2), ("... !!! ---", 0),
    ("", 0), ("https://a.example/x?y=1 a cat www.b.example/z", 2), ("เด็กวิ่งเล่นริมชายหาด", 4), ("あのねきょうはとてもたのしかったよ", 5), ("カメラで猫を見る", 5),
])
def test_words_of_both_scripts_are_counted(text, count):
    assert len(words(text)) == count


@pytest.mark.parametrize(("text", "count"), [("A" * 12_000_000, 1), ("a-" * 6_000_000, 60_000)], ids=["letters", "hyphens"])
def test_a_word_of_millions_of_signs_is_a_word_and_no_lack_of_memory(text, count):
    assert len(words(text)) == count


def test_every_mask_is_known():
    assert all(measure_text(f"we met {mask} here")["markup_share"] == 0 for mask in MASKS)


@pytest.mark.parametrize(("count", "share"), [(1, 0.0), (2, 0.5), (4, 0.75)])
def test_a_text_said_n_times_repeats_all_but_one_of_them(count, share):
    sentence = "the quick brown fox jumps over a lazy dog today "
    assert repetition_share(words(sentence * count)) == pytest.approx(share)


@given(st.lists(st.integers(0, 10_000).map(str), min_size=0, max_size=60, unique=True))
def test_different_words_never_repeat(found):
    assert repetition_share(found) == 0.0


@given(st.lists(st.sampled_from("ab"), max_size=60))
def test_repetition_is_a_share(found):
    assert 0.0 <= repetition_share(found) <= 1.0


def test_shares_by_construction():
    assert symbol_share("aaaa$$$$") == 0.5
    assert symbol_share("Hello, world! 你好，世界。") == 0.0
    assert markup_share("<b>ab</b>xx") == pytest.approx(7 / 11)
    assert markup_share("a < b and c > d") == 0.0
    assert boilerplate_share("Click here\nA fox runs over the field.\n\n版权所有\n他在草原上骑马。") == 0.5
    assert symbol_share("") == markup_share("") == boilerplate_share("") == 0.0


def test_a_sentence_that_mentions_cookies_at_length_is_no_boilerplate():
    prose = "She baked cookies. The committee debated the privacy policy of the new archive " + "for many long hours " * 8
    assert boilerplate_share(prose) == 0.0


def test_masks_are_neither_markup_nor_symbols():
    row = measure_text("Write to <EMAIL> or call <PHONE> for more about the house by the lake.")
    assert (row["markup_share"], row["symbol_share"]) == (0.0, 0.0)


@pytest.mark.parametrize(("text", "share"), [("o" * 20, 1.0), ("ha" * 10, 1.0), ("haha", 0.0), ("no goal " + "o" * 14, 14 / 20), ("-" * 40, 0.0)])
def test_runs_of_the_same_letters_repeat(text, share):
    assert run_share(text) == pytest.approx(share)
    assert measure_text(text)["repetition_share"] == pytest.approx(share)


@pytest.mark.parametrize("text", ["今天天气很好，我们去公园玩。", "Старый трамвай едет по мосту", "눈 덮인 산길을 따라 걷는다", "夕焼けの海辺を歩く二人"])
@pytest.mark.parametrize("wrong", ["cp1252", "latin-1"])
def test_what_was_read_in_a_western_encoding_is_symbols(text, wrong):
    assert symbol_share(text) == 0.0
    assert symbol_share(clean(text.encode().decode(wrong, "replace"))) > 0.5


def test_what_was_read_as_gb_18030_is_symbols_and_chinese_is_not():
    text = "清晨的古镇还没有完全醒来，石板路上只有扫地的老人和几只麻雀。"
    assert symbol_share(text) == symbol_share("联通联通联通联通联通") == 0.0
    assert symbol_share(text.encode().decode("gb18030", "replace")) > 0.9


def test_accents_and_quotes_are_no_wrong_encoding():
    assert symbol_share("«Été» à l’école… “Straße” – ÀÉ »ß«") == 0.0


@pytest.mark.parametrize(("text", "lang"), [
    ("The river runs through the old town and under three bridges.", "en"),
    ("今天去了西藏，风景真的很美，我想和朋友们分享这个时刻。", "zh"),
    ("Le fleuve traverse la vieille ville et passe sous trois ponts.", "fr"),
    ("地上放着三个泰迪熊毛绒玩具", "zh"),
    ("一个男人在海边的沙滩上放风筝", "zh"),
    ("A red panda sits on a branch and eats.", "en"),
])
def test_languages_are_told_apart(text, lang):
    found, score = language(text)
    assert found == lang
    assert 0.5 < score <= 1.0


@pytest.mark.parametrize("text", ["😀😀😀", "5", "... 12:30 ...", "<PHONE>"])
def test_what_has_no_letters_has_no_language(text):
    row = measure_text(text)
    assert (row["lang_detected"], row["lang_score"]) == (None, None)


def test_a_text_becomes_a_clip_without_length():
    one = text_clip({"source_id": "a", "text": "Some words about a day at the sea."})
    assert (one["start_s"], one["end_s"], one["duration_s"], one["text_words"]) == (0.0, 0.0, 0.0, 8)
    assert one["clip_id"] != text_clip({"source_id": "b", "text": "Some words about a day at the sea."})["clip_id"]


@given(st.text(max_size=300))
def test_any_text_can_be_measured(text):
    row = measure_text(text)
    assert all(0.0 <= row[n] <= 1.0 for n in ("repetition_share", "symbol_share", "markup_share", "boilerplate_share"))
    assert row["text_words"] >= 0
    assert row["text_chars"] <= len(text)


@pytest.mark.parametrize(("text", "share"), [
    ("<script>let a = '<b>';</script>word", 1 - 4 / 35),
    ("word<!-- <p> -->", 12 / 16), ("{|\n| a || b\n|}word", 14 / 18), ("<style>p{}</style>", 1.0),
    ("<!--" * 100_000, 0.0), ("{|" * 100_000, 0.0), ("<script>" * 50_000, 1.0),
], ids=["script", "comment", "table", "style", "comments never closed", "tables never closed", "scripts never closed"])
def test_blocks_of_markup_are_markup_and_one_that_is_never_closed_ends_nothing(text, share):
    assert markup_share(text) == pytest.approx(share)


@pytest.mark.parametrize("numbers", ["1 2 3 4 5 6 7 8 9 10 11 12", "0.12 0.33 0.55 0.71 0.98", "00:00:01,000 --> 00:00:04,000", "2023-08-15 18:30:00 2023-08-15 18:31:00"])
def test_numbers_are_no_words(numbers):
    assert measure_text(numbers)["text_words"] == 0


@pytest.mark.parametrize(("title", "count"), [("iPhone 15 vs iPhone 14", 5), ("Top 10 goals of 2023", 5), ("Formula 1: 2023 Monaco GP", 5), ("2023 世界杯 3 比 3", 7), ("猫", 1)])
def test_a_number_is_a_word_of_a_title(title, count):
    assert measure_text(title)["text_words"] == count

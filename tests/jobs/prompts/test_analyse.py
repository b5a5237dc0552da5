import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.prompts.analyse import analyse, clauses, clean, language, letters, sentences, words

SEED = "今天去了西藏，风景真的很美，我想和朋友们分享这个时刻。"


@pytest.mark.parametrize(("given_", "left"), [
    ("<b>Hello</b> <script>alert('x')</script>world", "Hello world"),
    ("# Title\n- one\n- **two**\n[link](http://x.y)", "Title\none\ntwo\nlink"),
    ("see https://example.org/a?b=c now", "see now"),
    ("5*3*2 = 30, 3*4*5立方米, 2**3**2", "5*3*2 = 30, 3*4*5立方米, 2**3**2"),
    ("***very*** `x` *好*的**5**个", "very x 好的5个"),
    ("详情见https://example.com，明天上午十点开始。请带伞。", "详情见，明天上午十点开始。请带伞。"),
    ("看www.example.com/a?b=c#d吧“https://x.y/z”——真的", "看吧“”——真的"),
    ("We met at https://x.y/z. Then, see\nwww.a.b/?q=c, we left", "We met at. Then, see\n, we left"),
    ("去\u200b西藏\x07🏔️😀！", "去西藏！"),
    ("a &amp; b &lt;i&gt;c&lt;/i&gt;", "a & b c"),
    ("25 ℃ and 3 < 5", "25 ℃ and 3 < 5"),
    ("🎉🎉🎉", ""),
    ("ℹ️ 海边◾很◻️美◼️ ⤴️⤵️↔️〰️好", "海边很美 好"),
    ("太美了‼️真的⁉️ 1️⃣ #️⃣ ©️™️ a → b", "太美了!!真的!? 1 # ©™ a → b"),
    ("we \x1b[31mred\x1b[0m and \x1b]0;title\x07blue", "we red and blue"),
    ("Ｗｅ ｗｅｎｔ ２０２６", "We went 2026"),
    ("Z\u0338\u0322a\u0337lgo ca\u0301fe", "Zalgo cáfe"),
    ("by day\u2028by night\x0bat sea", "by day\nby night\nat sea"),
    ("CO₂ and H₂O, 5 m²", "CO2 and H2O, 5 m²"),
    ("  \t\n \u3000 ", ""),
])
def test_what_cannot_be_said_is_taken_out(given_: str, left: str) -> None:
    assert clean(given_) == left


@given(st.text(max_size=300))
def test_cleaning_twice_changes_no_letter_and_leaves_no_control_character(text: str) -> None:
    once = clean(text)
    assert all(c == "\n" or c.isprintable() for c in once)
    assert letters(once) <= letters(text) + len(text)  # entities may become letters, nothing else is added


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        (SEED, "zh"),
        ("The sea at sunset", "en"),
        ("hello", "en"),
        ("今日は海に行きました", "ja"),
        ("안녕하세요 여러분", "ko"),
        ("Привет, сегодня мы поехали в горы", "ru"),
        ("我哋今日去咗海边，啲风景好靓", "yue"),
        ("我爱 Python 和 AI 视频生成", "zh"),
        ("Le ciel est bleu et la mer est calme aujourd'hui", "fr"),
        ("We saw 西藏 and it was very beautiful", "en"),
        ("2026", "und"),
        ("The São Paulo skyline at night", "en"),
        ("José and María dance tango", "en"),
        ("Snow leopards prowl Himalayan ridges", "en"),
        ("NASA launches Artemis II", "en"),
        ("Sushi chef slicing tuna", "en"),
        ("hello sea", "en"),
        ("a cat", "en"),
        ("piano solo", "en"),
        ("Ich liebe dich", "de"),
        ("Ciao, oggi andiamo al mare", "it"),
        ("Bugün denize gittik", "tr"),
        ("Hôm nay trời đẹp", "vi"),
        ("วันนี้เราไปทะเล", "th"),
        ("ذهبنا اليوم إلى البحر", "ar"),
        ("我哋去食飯", "yue"),
        ("“唔该”是粤语里的谢谢", "zh"),
    ],
)
def test_language(text: str, lang: str) -> None:
    assert language(text) == lang


def test_sentences_end_at_marks_and_not_inside_numbers_or_abbreviations() -> None:
    assert sentences("He paid 3.50 to Dr. Smith. Then he left!") == ["He paid 3.50 to Dr. Smith.", "Then he left!"]
    assert sentences("第一句。第二句！“第三句？”他说。") == ["第一句。", "第二句！", "“第三句？”", "他说。"]
    assert clauses("It cost 1,000 yuan, not more") == ["It cost 1,000 yuan,", "not more"]
    assert clauses(SEED) == ["今天去了西藏，", "风景真的很美，", "我想和朋友们分享这个时刻。"]


@given(
    st.lists(
        st.sampled_from(["风景很美", "we went home", "3.5 km", "，", "。", ", ", ". ", "! ", "\n", "“”", " "]), max_size=20
    )
)
def test_no_letter_is_lost_in_cutting(pieces: list[str]) -> None:
    text = clean("".join(pieces))
    kept = "".join(c for s in sentences(text) for c in s)
    assert [c for c in kept if c.isalnum()] == [c for c in text if c.isalnum()]
    cut = "".join(c for s in sentences(text) for c in clauses(s))
    assert [c for c in cut if c.isalnum()] == [c for c in text if c.isalnum()]


def test_the_seed_sentence_is_understood() -> None:
    found = analyse(SEED)
    assert found.lang == "zh"
    assert "西藏" in found.places
    assert "今天" in found.times
    assert {"风景", "朋友"} <= set(found.subjects)


def test_english_phrases_and_places() -> None:
    found = analyse("Last week we drove to Lhasa. The mountains were quiet and the mountains were white at dawn.")
    assert "Lhasa" in found.places
    assert found.phrases[0] == "mountains"
    assert any("dawn" in t for t in found.times)
    assert ("the", "x") in words("the lake", "en")

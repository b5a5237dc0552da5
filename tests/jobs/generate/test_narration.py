import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from jobs.errors import Terminal
from jobs.generate import narrator, normalise, script
from jobs.generate.narrator import Sound, Unspoken
from jobs.generate.script import Line

SEED = "今天去了西藏，风景真的很美，我想和朋友们分享这个时刻。"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026年", "二零二六年"),
        ("100年以后", "一百年以后"),
        ("2026-11-24", "二零二六年十一月二十四日"),
        ("涨了20%", "涨了百分之二十"),
        ("-5℃", "负五摄氏度"),
        ("10203个", "一万零二百零三个"),
        ("2个人", "两个人"),
        ("12个", "十二个"),
        ("3.14", "三点一四"),
        ("10:05", "十点零五分"),
        ("8:00", "八点整"),
        ("5km", "五公里"),
        ("120km/h", "一百二十公里每小时"),
        ("¥99", "九十九元"),
        ("13800138000", "一三八零零一三八零零零"),
        ("3-5天", "三到五天"),
        ("7~10个", "七到十个"),
        ("1,000,000元", "一百万元"),
        ("100000001", "一亿零一"),
        ("110", "一百一十"),
        ("10010", "一万零一十"),
        ("0.5", "零点五"),
        ("**重点**", "重点"),
    ],
)
def test_chinese_is_written_out(text: str, said: str) -> None:
    assert normalise.spoken(text, "zh").replace(" ", "") == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("In 2026", "In twenty twenty-six"),
        ("1905", "nineteen oh five"),
        ("2005", "two thousand and five"),
        ("1,203.5", "one thousand two hundred and three point five"),
        ("20%", "twenty percent"),
        ("-5℃", "minus five degrees Celsius"),
        ("1 km", "one kilometre"),
        ("50 km of", "fifty kilometres of"),
        ("2026-11-24", "November twenty-fourth, twenty twenty-six"),
        ("7:05", "seven oh five"),
        ("9:00", "nine o'clock"),
        ("$5", "five dollars"),
        ("the 21st", "the twenty-first"),
        ("the 1990s", "the nineteen nineties"),
        ("3-5 days", "three to five days"),
        ("100 feet", "one hundred feet"),
        ("12th", "twelfth"),
        ("30th", "thirtieth"),
        ("R&D", "R and D"),
        ("`code` **bold**", "code bold"),
        ("3,000 people", "three thousand people"),
    ],
)
def test_english_is_written_out(text: str, said: str) -> None:
    assert normalise.spoken(text, "en") == said


@given(st.text(alphabet="0123456789.,%℃-: kmg年月日个$¥abc", max_size=40), st.sampled_from(["zh", "en", "yue"]))
def test_no_digit_is_left_to_the_voice(text: str, lang: str) -> None:
    assert not any(c in "0123456789" for c in normalise.spoken(text, lang))


@given(st.integers(0, 10**16 - 1))
def test_a_chinese_number_can_be_read_back(value: int) -> None:
    assert read_chinese(normalise.chinese_number(str(value))) == value


def read_chinese(words: str) -> int:
    """The value of a Chinese number: powers of 10 000 apart, each group read by its own units."""
    total = 0
    for power, unit in ((10**12, "万亿"), (10**8, "亿"), (10**4, "万"), (1, "")):
        group, found, rest = words.partition(unit) if unit else (words, "", "")
        if unit and not found:
            continue
        total += power * read_group(group)
        words = rest
    return total


def read_group(words: str) -> int:
    value = digit = 0
    for c in words:
        if c in "十百千":
            value += (digit or 1) * {"十": 10, "百": 100, "千": 1000}[c]
            digit = 0
        else:
            digit = "零一二三四五六七八九".index(c)
    return value + digit


def test_lines_fit_and_lose_nothing() -> None:
    narrations = [
        SEED,
        "We " + "walked and talked and " * 12 + "slept.",
        "人" * 70 + "。",
        "我们用 Python 写程序，It works very well indeed.",
    ]
    lines = script.lines(narrations, "zh")
    for shot, narration in enumerate(narrations):
        said = "".join(line.text for line in lines if line.shot == shot)
        assert [c for c in said if c.isalnum()] == [c for c in narration if c.isalnum()]
    assert all(len(line.text) <= 1.25 * script.LETTERS for line in lines)
    assert all(len(line.text) <= 1.25 * script.IDEOGRAPHS for line in lines if line.text[0] == "人")
    assert {line.lang for line in lines if "works" in line.text} == {"en"}
    assert {line.lang for line in lines if "Python" in line.text} == {"zh"}


def test_a_sentence_pauses_longer_than_a_clause() -> None:
    first, second, third = script.lines([SEED], "zh")
    assert first.pause_s == second.pause_s == script.CLAUSE_PAUSE_S < third.pause_s == script.SENTENCE_PAUSE_S


class Tones:
    """Says each letter as 50 ms of tone between silences, so that its length is known."""

    def speak(self, text: str, lang: str) -> tuple[Sound, int]:
        if lang == "xx":
            raise Unspoken("no")
        rate = 8000
        tone = 0.5 * np.sin(2 * np.pi * 500 * np.arange(int(len(text) * 0.05 * rate)) / rate)
        still = np.zeros(rate // 5)
        return np.concatenate([still, tone, still]).astype(np.float32), rate


@hypothesis_settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 20), st.integers(0, 2)), min_size=1, max_size=6), st.floats(0, 3))
def test_cues_stand_where_the_sound_is(words: list[tuple[int, int]], least: float) -> None:
    words = sorted(words, key=lambda w: w[1])
    lines = [Line("字" * n, shot, "zh", 0.2) for n, shot in words]
    speech = narrator.narrate(Tones(), lines, {0: least, 1: least, 2: least})
    loud = np.abs(speech.sound) > 0.05
    for cue, (n, _) in zip(speech.cues, words, strict=True):
        inside = loud[round(cue.start_s * speech.rate):round(cue.end_s * speech.rate)]
        assert inside.sum() == pytest.approx(n * 0.05 * speech.rate * 0.94, rel=0.1, abs=20)  # a sine is loud 94 % of the time
        assert cue.end_s - cue.start_s == pytest.approx(n * 0.05 + 2 * narrator.KEEP_S, abs=0.012)
        loud[round(cue.start_s * speech.rate):round(cue.end_s * speech.rate)] = False
    assert not loud.any()
    assert speech.shots[0] == 0
    assert speech.shots[-1] == speech.duration_s
    for i in range(3):
        assert speech.shots[i + 1] - speech.shots[i] >= least - 1e-3
        assert all(speech.shots[i] <= c.start_s < speech.shots[i + 1] for c in speech.cues if c.shot == i)


def test_a_language_that_the_voice_lacks_and_a_voice_that_says_nothing() -> None:
    with pytest.raises(Unspoken):
        narrator.narrate(Tones(), [Line("x", 0, "xx", 0)], {0: 1.0})

    class Mute:
        def speak(self, text: str, lang: str) -> tuple[Sound, int]:
            return np.zeros(100, np.float32), 8000

    with pytest.raises(Unspoken, match="said nothing"):
        narrator.narrate(Mute(), [Line("x", 0, "zh", 0)], {0: 1.0})


def test_a_storyboard_without_words_is_silent_and_as_long_as_it_wishes() -> None:
    speech = narrator.narrate(Tones(), [], {0: 2.0, 1: 1.0})
    assert speech.cues == ()
    assert speech.shots[1] == pytest.approx(2.0, abs=1e-3)
    assert speech.duration_s == pytest.approx(3.0 + narrator.TAIL_S, abs=1e-3)


@pytest.mark.parametrize(("lang", "text", "low_s", "high_s"), [
    ("zh", SEED, 4.0, 11.0), ("en", "We reached the sea at last.", 0.8, 3.5), ("yue", "我哋今日去咗海边", 0.8, 4.0),
])
def test_espeak_speaks_the_same_twice(lang: str, text: str, low_s: float, high_s: float) -> None:
    voice = narrator.load("espeak")
    sound, rate = voice.speak(text, lang)
    assert sound.dtype == np.float32
    assert low_s < len(sound) / rate < high_s
    assert 0.05 < np.abs(sound).max() <= 1.0
    voice.speak("something else in between", "en")
    assert np.array_equal(voice.speak(text, lang)[0], sound)


def test_espeak_names_a_language_that_it_lacks() -> None:
    with pytest.raises(Unspoken, match="'fr'"):
        narrator.load("espeak").speak("bonjour", "fr")


def test_the_time_of_speech_in_real_voices_is_where_the_cues_are() -> None:
    """Energy of espeak-ng inside the cues against outside: nothing is said where no cue is."""
    lines = script.lines([SEED], "zh")
    speech = narrator.narrate(narrator.load("espeak"), lines, {0: 0.0})
    mask = np.zeros(len(speech.sound), bool)
    for cue in speech.cues:
        mask[round(cue.start_s * speech.rate):round(cue.end_s * speech.rate)] = True
    assert float((speech.sound[~mask] ** 2).sum()) < 1e-4 * float((speech.sound[mask] ** 2).sum())


@pytest.mark.parametrize(
    ("voice", "says"),
    [
        ("robot", "no narrator 'robot'"),
        ("espeak:/x", "takes no model"),
        ("piper:/nowhere.onnx", "no such model"),
        ("kokoro:/nowhere", "no folder with"),
    ],
)
def test_a_wrong_voice_says_what_to_do(voice: str, says: str) -> None:
    with pytest.raises(Terminal, match=says):
        narrator.load(voice)


def test_neural_voices_without_their_package_say_so(tmp_path: object) -> None:
    import importlib.util
    from pathlib import Path

    folder = Path(str(tmp_path))
    for name in ("v.onnx", "v.onnx.json", "voices.bin"):
        (folder / name).write_bytes(b"{}")
    for voice, package, said in (
        (f"piper:{folder / 'v.onnx'}", "piper", "piper-tts"),
        (f"kokoro:{folder}", "kokoro_onnx", "kokoro-onnx"),
    ):
        if importlib.util.find_spec(package) is None:
            with pytest.raises(Terminal, match=f"pip install {said}"):
                narrator.load(voice)

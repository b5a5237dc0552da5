import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from jobs.errors import Terminal
from jobs.generate import narrator, script
from jobs.generate.narrator import Sound, Unspoken
from jobs.generate.script import Line

SEED = "今天去了西藏，风景真的很美，我想和朋友们分享这个时刻。"


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

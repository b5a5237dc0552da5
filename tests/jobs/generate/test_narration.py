import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from jobs.errors import Terminal
from jobs.generate import narrator, script
from jobs.generate.narrator import Sound, Unspoken
from jobs.generate.narrators import kokoro
from jobs.generate.script import Line

BOTH = frozenset({"zh", "yue", "en"})
SEED = "今天去了西藏，风景真的很美，我想和朋友们分享这个时刻。"


def test_lines_fit_and_lose_nothing() -> None:
    narrations = [
        SEED,
        "We " + "walked and talked and " * 12 + "slept.",
        "人" * 70 + "。",
        "我们用 Python 写程序，It works very well indeed.",
    ]
    lines = script.lines(narrations, "zh", BOTH)
    for shot, narration in enumerate(narrations):
        said = "".join(line.text for line in lines if line.shot == shot)
        assert [c for c in said if c.isalnum()] == [c for c in narration if c.isalnum()]
    assert all(len(line.text) <= 1.25 * script.LETTERS for line in lines)
    assert all(len(line.text) <= 1.25 * script.IDEOGRAPHS for line in lines if line.text[0] == "人")
    assert {line.lang for line in lines if "works" in line.text} == {"en"}
    assert {line.lang for line in lines if "Python" in line.text} == {"zh"}


@pytest.mark.parametrize(("clause", "lang", "pieces"), [
    ("where snow was still lying between the pines and the air smelled of resin and cold stone;", "en",
     ["where snow was still lying between the pines", "and the air smelled of resin and cold stone;"]),
    ("when the sea was still grey and the gulls were asleep on the masts of the fishing boats.", "en",
     ["when the sea was still grey and the gulls were asleep", "on the masts of the fishing boats."]),
    ("昨天下午我和我的朋友们一起坐着火车去了一个非常美丽而且安静的海边小镇看日落。", "zh",
     ["昨天下午我和我的朋友们一起坐着火车去了", "一个非常美丽而且安静的海边小镇看日落。"]),
    ("a" * 150, "en", ["a" * 64, "a" * 64, "a" * 22]),
])
def test_a_long_clause_parts_where_a_phrase_begins(clause: str, lang: str, pieces: list[str]) -> None:
    assert [line.text for line in script.lines([clause], lang, BOTH)] == pieces


def test_a_sentence_pauses_longer_than_a_clause() -> None:
    first, second, third = script.lines([SEED], "zh", BOTH)
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
    lines = script.lines([SEED], "zh", BOTH)
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


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Model files, and packages with the calls of piper-tts 1.8 and kokoro-onnx 0.6 that say a tone."""
    for name in ("zh.onnx", "de.onnx"):
        (tmp_path / name).write_bytes(b"{}")
    with (tmp_path / "voices-v1.bin").open("wb") as file:
        np.savez(file, bf_emma=np.zeros(1), am_adam=np.zeros(1), jf_alpha=np.zeros(1), zm_yunxi=np.zeros(1))
    (tmp_path / "zh.onnx.json").write_text('{"espeak": {"voice": "cmn"}}')
    (tmp_path / "de.onnx.json").write_text('{"espeak": {"voice": "de"}, "language": {"code": "de_DE", "family": "de"}}')

    def tone(text: str) -> Sound:
        if "unsayable" in text:
            raise ValueError("no phonemes")
        return (0.3 * np.sin(np.arange(len(text) * 2000) / 20)).astype(np.float32)

    class PiperVoice:
        config = SimpleNamespace(espeak_voice="cmn", sample_rate=22050)

        @staticmethod
        def load(path: str) -> "PiperVoice":
            if Path(path).read_bytes() != b"{}":
                raise RuntimeError("protobuf parsing failed")
            return PiperVoice()

        def synthesize(self, text: str) -> Iterator[Any]:
            for part in text.split("，"):
                if part:
                    yield SimpleNamespace(sample_rate=22050, audio_float_array=tone(part))

    class Kokoro:
        def __init__(self, model: str, voices: str) -> None:
            if Path(model).read_bytes() != b"{}":
                raise RuntimeError("protobuf parsing failed")

            self.tokenizer = SimpleNamespace(phonemize=lambda text, lang: f"<{lang}:{text.strip()}>")
            self.given: list[str] = []

        def create(self, text: str, voice: str, speed: float = 1.0, lang: str = "en-us", is_phonemes: bool = False) -> tuple[Sound, int]:
            assert (voice, is_phonemes) in {("am_adam", False), ("zm_yunxi", True)}
            self.given.append(text)
            return tone(text), 24000

    class ZHG2P:
        def __call__(self, text: str) -> tuple[str, None]:
            return f"<zh:{text.strip()}>", None

    monkeypatch.setattr(kokoro, "_misaki", lambda: True)
    monkeypatch.setitem(sys.modules, "misaki.zh", SimpleNamespace(ZHG2P=ZHG2P))
    monkeypatch.setitem(sys.modules, "piper", SimpleNamespace(PiperVoice=PiperVoice))
    monkeypatch.setitem(sys.modules, "kokoro_onnx", SimpleNamespace(Kokoro=Kokoro))
    return tmp_path


@pytest.mark.parametrize(("voice", "lang", "lacks", "rate"), [("piper:{}/zh.onnx", "zh", "en", 22050), ("kokoro:{}", "en", "yue", 24000)])
def test_neural_voices_by_path_speak_what_they_can(models: Path, voice: str, lang: str, lacks: str, rate: int) -> None:
    loaded = narrator.load(voice.format(models))
    text = "今天去了西藏，Hello World，很美。" if lang == "zh" else "We went home, 真好。"
    speech = narrator.narrate(loaded, script.lines([text], lang, narrator.languages(voice.format(models))), {0: 0.0})
    assert speech.rate == rate
    assert len(speech.cues) == (3 if lang == "zh" else 2)
    with pytest.raises(Unspoken, match=repr(lacks)):
        loaded.speak("x", lacks)
    with pytest.raises(Unspoken, match="no phonemes"):
        loaded.speak("unsayable", lang)
    assert narrator.load(voice.format(models)) is loaded  # it stays resident


def test_kokoro_is_given_chinese_as_the_phonemes_that_it_learnt(models: Path) -> None:
    loaded: Any = narrator.load(f"kokoro:{models}")
    loaded.speak("我爱 Python 和 AI。", "zh")
    assert loaded._model.given == ["<zh:我爱> <en-us:Python> <zh:和> <en-us:AI> <zh:。>"]


def test_kokoro_speaks_what_its_file_has_voices_for_and_chinese_with_misaki_only(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert narrator.languages(f"kokoro:{models}") == {"en", "zh"}
    monkeypatch.setattr(kokoro, "_misaki", lambda: False)
    assert narrator.languages(f"kokoro:{models}") == {"en"}
    (models / "voices-v1.bin").write_bytes(b"no archive")
    with pytest.raises(Terminal, match=r"voices-v1\.bin: it holds no voices"):
        narrator.languages(f"kokoro:{models}")


def test_the_language_of_a_piper_voice_is_that_of_its_description(models: Path) -> None:
    assert narrator.languages(f"piper:{models / 'zh.onnx'}") == {"zh"}
    assert narrator.languages(f"piper:{models / 'de.onnx'}") == {"de"}
    (models / "de.onnx.json").write_text("[]")
    with pytest.raises(Terminal, match=r"de\.onnx\.json: it does not say which language"):
        narrator.languages(f"piper:{models / 'de.onnx'}")


@pytest.mark.parametrize("voice", ["piper:{}/zh.onnx", "kokoro:{}"])
def test_a_damaged_model_of_a_voice_is_named(models: Path, voice: str) -> None:
    for file in models.glob("*.onnx"):
        file.write_bytes(b"damaged")
    with pytest.raises(Terminal, match="cannot be loaded.*protobuf"):
        narrator.load(voice.format(models))


@pytest.mark.parametrize(("voice", "package", "said"), [
    ("piper:{}/zh.onnx", "piper", "piper-tts"), ("kokoro:{}", "kokoro_onnx", "kokoro-onnx"),
])
def test_neural_voices_without_their_package_say_so(
    models: Path, monkeypatch: pytest.MonkeyPatch, voice: str, package: str, said: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(Terminal, match=f"pip install {said}"):
        narrator.load(voice.format(models))

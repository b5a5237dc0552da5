import wave
from pathlib import Path

import numpy as np
import pytest

from jobs.errors import Terminal
from jobs.generate import audio, narrator

SEED = "今天去了西藏，风景真的很美，我想和朋友们分享这个时刻。"


@pytest.mark.parametrize("target", [-16.0, -14.0])
@pytest.mark.parametrize(("text", "lang"), [(SEED, "zh"), ("We reached the sea at last.", "en"), ("好。", "zh")])
def test_short_speech_reaches_its_loudness_below_the_peak(target: float, text: str, lang: str) -> None:
    sound, rate = narrator.load("espeak").speak(text, lang)
    made = audio.finish(sound, rate, len(sound) / rate + 0.5, target)
    assert audio.loudness_lufs(made) == pytest.approx(target, abs=0.5)
    assert audio.true_peak_dbtp(made) <= audio.PEAK_DBTP
    assert made.shape == (round((len(sound) / rate + 0.5) * audio.RATE), 2)


def test_loudness_and_peak_against_known_tones() -> None:
    """A 997 Hz sine of amplitude A on both channels has 20 log10 A LUFS by BS.1770 (the -0.691 and the K weighting cancel, a
    mono tone is 3.01 LU less); the true peak of a sine at a quarter of the rate, sampled 45 degrees off, is 3.01 dB over its
    samples."""
    t = np.arange(5 * audio.RATE) / audio.RATE
    tone = audio.stereo((0.1 * np.sin(2 * np.pi * 997 * t)).astype(np.float32))
    assert audio.loudness_lufs(tone) == pytest.approx(-20.0, abs=0.1)
    off = audio.stereo((0.5 * np.sin(2 * np.pi * (audio.RATE / 4) * t + np.pi / 4)).astype(np.float32))
    assert 20 * np.log10(np.abs(off).max()) == pytest.approx(-9.03, abs=0.02)
    assert audio.true_peak_dbtp(off) == pytest.approx(-6.02, abs=0.2)


def test_silence_stays_silent() -> None:
    made = audio.finish(np.zeros(22050, np.float32), 22050, 1.0, -16.0)
    assert np.abs(made).max() == 0
    assert audio.loudness_lufs(made) == -np.inf


def music(folder: Path, seconds: float = 2.0) -> str:
    t = np.arange(int(seconds * 44100)) / 44100
    data = (8000 * np.sin(2 * np.pi * 220 * t)).astype("<i2")
    with wave.open(str(folder / "bed.wav"), "wb") as file:
        file.setnchannels(1), file.setsampwidth(2), file.setframerate(44100)
        file.writeframes(data.tobytes())
    return str(folder / "bed.wav")


def test_music_is_looped_ducked_under_speech_and_faded(tmp_path: Path) -> None:
    """Speech is a 1 kHz tone from 2 to 4 s; the bed is a 220 Hz tone, seen apart by its frequency."""
    rate, seconds = 22050, 7.0
    t = np.arange(int(seconds * rate)) / rate
    speech = np.where((t > 2) & (t < 4), 0.3 * np.sin(2 * np.pi * 1000 * t), 0).astype(np.float32)
    made = audio.finish(speech, rate, seconds, -16.0, music(tmp_path))

    def bed_db(start: float, end: float) -> float:
        piece = made[int(start * audio.RATE):int(end * audio.RATE), 0].astype(np.float64)
        wave_ = np.exp(-2j * np.pi * 220 * np.arange(len(piece)) / audio.RATE)
        return float(20 * np.log10(2 * abs(piece @ wave_) / len(piece) + 1e-9))

    assert bed_db(2.5, 3.8) < bed_db(1.0, 1.8) - 6
    assert bed_db(5.0, 5.6) > bed_db(2.5, 3.8) + 6
    assert bed_db(6.9, 7.0) < bed_db(5.0, 5.5) - 6
    assert bed_db(0.0, 0.05) < bed_db(1.0, 1.8) - 6
    assert audio.true_peak_dbtp(made) <= audio.PEAK_DBTP
    assert len(made) == round(seconds * audio.RATE)


@pytest.mark.parametrize("target", [-16.0, -14.0])
@pytest.mark.parametrize("text", ["好。", "我们到了海边。"])
def test_two_seconds_of_speech_over_music_reach_the_loudness(tmp_path: Path, text: str, target: float) -> None:
    sound, rate = narrator.load("espeak").speak(text, "zh")
    made = audio.finish(sound, rate, 2.0, target, music(tmp_path))
    assert audio.loudness_lufs(made) == pytest.approx(target, abs=0.5)
    assert audio.true_peak_dbtp(made) <= audio.PEAK_DBTP


@pytest.mark.parametrize("content", [b"", b"not music at all", None])
def test_a_music_bed_that_is_none_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "bed.mp3"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(Terminal, match=r"bed\.mp3"):
        audio.finish(np.ones(100, np.float32), 22050, 1.0, -16.0, str(file))

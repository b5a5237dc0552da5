"""The voice detector against the one that it is, run by onnxruntime."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from jobs.media import voice
from jobs.media.sound import listen_file

MEDIA = Path(__file__).parents[4] / "shared" / "media"


def hum(seconds: int) -> np.ndarray:
    """A buzz of 120 Hz through two formants, four syllables a second: enough of a voice for the detector to waver."""
    t = np.arange(seconds * voice.RATE_HZ) / voice.RATE_HZ
    tones = sum(np.sin(2 * np.pi * 120 * k * t) / (1 + ((120 * k - 600) / 150) ** 2) for k in range(1, 30))
    return (0.1 * tones * np.maximum(np.sin(2 * np.pi * 4 * t), 0)).astype(np.float32)


def windows(name: str) -> np.ndarray:
    if name == "hum":
        heard = hum(8)
    elif MEDIA.is_dir():
        heard = listen_file(str(MEDIA / "audio" / name), 0.0, 8.0, voice.RATE_HZ)
    else:
        pytest.skip("the collection of real media is not there")
    line = np.concatenate([np.zeros(voice.CONTEXT, np.float32), heard])
    return np.lib.stride_tricks.sliding_window_view(line, voice.CONTEXT + voice.CHUNK)[::voice.CHUNK]


@pytest.mark.parametrize("name", ["hum", "jfk.flac", "198-209-0000.ogg", "Kevin_MacLeod_-_Vibe_Ace.ogg", "rain.mp3"])
def test_probabilities_are_those_of_the_model_whatever_the_pieces(name: str) -> None:
    import onnxruntime

    data = Path(importlib.util.find_spec("silero_vad").origin).parent / "data"
    state = np.zeros((1, 1, voice.CELLS), np.float32)
    seen = windows(name)
    expected = onnxruntime.InferenceSession(str(data / "silero_vad_16k_sequence.onnx"), providers=["CPUExecutionProvider"]).run(
        None, {"input": np.ascontiguousarray(seen), "h": state, "c": state})[0]
    detector = voice.Voice()
    found = np.concatenate([detector.speech(piece) for piece in np.split(seen, [1, 40, 41, 150])])
    assert np.ptp(expected) > 0.02
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_model_of_another_form_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = Path(importlib.util.find_spec("silero_vad").origin).parent / "data"
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "silero_vad_16k_sequence.onnx").write_bytes((data / "silero_vad_op18_ifless.onnx").read_bytes())
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: type("Spec", (), {"origin": str(tmp_path / "__init__.py")}))
    voice.weights.cache_clear()
    try:
        with pytest.raises(ValueError, match="holds another model"):
            voice.weights()
    finally:
        voice.weights.cache_clear()

"""A Kokoro voice by path (`kokoro:/models/kokoro`, a folder with an `.onnx` and a `voices*.bin`).

The package kokoro-onnx is the user's to install.
"""

import importlib
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from jobs.errors import Terminal
from jobs.generate.narrator import Sound, Unspoken

VOICES = MappingProxyType({"en": ("af_heart", "en-us"), "zh": ("zf_xiaobei", "cmn")})
"""BCP 47 tag -> voice of the model and language of its phonemes."""


class Kokoro:
    """One loaded model."""

    def __init__(self, model: Path, voices: Path) -> None:
        try:
            Model = importlib.import_module("kokoro_onnx").Kokoro
        except ImportError:
            raise Terminal("the narrator `kokoro` needs the package kokoro-onnx; `pip install kokoro-onnx`, "
                           "or set publish.voice=espeak") from None
        try:
            self._model: Any = Model(str(model), str(voices))
        except Exception as error:  # ONNX Runtime has a class for each kind of damage
            raise Terminal(f"publish.voice = 'kokoro:{model.parent}': the model cannot be loaded ({type(error).__name__}: "
                           f"{str(error)[:200]})") from None

    def speak(self, text: str, lang: str) -> tuple[Sound, int]:
        """See Narrator."""
        if lang not in VOICES:
            raise Unspoken(f"kokoro is set up for {', '.join(sorted(VOICES))}, not for {lang!r}")
        voice, phonemes = VOICES[lang]
        try:
            sound, rate = self._model.create(text, voice=voice, speed=1.0, lang=phonemes)
        except (ValueError, KeyError, RuntimeError) as error:
            raise Unspoken(f"kokoro could not speak {text[:60]!r} ({type(error).__name__}: {str(error)[:200]})") from None
        return np.asarray(sound, np.float32), int(rate)


def languages(path: str) -> frozenset[str]:
    """Those that a voice is chosen for."""
    return frozenset(VOICES)


@cache
def load(path: str) -> Kokoro:
    """The model of a folder."""
    models, voices = sorted(Path(path).glob("*.onnx")), sorted(Path(path).glob("voices*.bin"))
    if not models or not voices:
        raise Terminal(f"publish.voice = 'kokoro:{path}': no folder with an .onnx and a voices*.bin")
    return Kokoro(models[0], voices[0])

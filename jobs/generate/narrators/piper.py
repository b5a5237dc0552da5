"""A piper voice by path (`piper:/models/zh_CN-huayan-medium.onnx`, its `.onnx.json` beside it).

The package piper-tts is the user's to install.
"""

import importlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from jobs.errors import Terminal
from jobs.generate.narrator import Sound, Unspoken

LANGUAGES = frozenset({"zh", "en"})
"""What texts are normalised for; which of them a model speaks is written in the model's own file."""


class Piper:
    """One loaded voice."""

    def __init__(self, path: Path) -> None:
        try:
            PiperVoice = importlib.import_module("piper").PiperVoice
        except ImportError:
            raise Terminal("the narrator `piper` needs the package piper-tts (GPL-3.0); `pip install piper-tts`, "
                           "or set publish.voice=espeak") from None
        self._voice: Any = PiperVoice.load(str(path))
        self._lang = str(getattr(self._voice.config, "espeak_voice", "")).split("-")[0].replace("cmn", "zh")

    def speak(self, text: str, lang: str) -> tuple[Sound, int]:
        """See Narrator."""
        if self._lang and lang != self._lang:
            raise Unspoken(f"this piper voice speaks {self._lang!r}, not {lang!r}")
        chunks = list(self._voice.synthesize(text))
        if not chunks:
            return np.zeros(0, np.float32), int(self._voice.config.sample_rate)
        return np.concatenate([np.asarray(c.audio_float_array, np.float32) for c in chunks]), int(chunks[0].sample_rate)


@cache
def load(path: str) -> Piper:
    """The voice of a model file."""
    file = Path(path)
    if not file.is_file() or not file.with_name(file.name + ".json").is_file():
        raise Terminal(f"publish.voice = 'piper:{path}': there is no such model with its .json beside it")
    return Piper(file)

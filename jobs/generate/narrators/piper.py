"""A piper voice by path (`piper:/models/zh_CN-huayan-medium.onnx`, its `.onnx.json` beside it).

The package piper-tts is the user's to install.
"""

import importlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from jobs.errors import Terminal
from jobs.generate.narrator import Sound, Unspoken


class Piper:
    """One loaded voice."""

    def __init__(self, path: Path) -> None:
        try:
            PiperVoice = importlib.import_module("piper").PiperVoice
        except ImportError:
            raise Terminal("the narrator `piper` needs the package piper-tts (GPL-3.0); `pip install piper-tts`, "
                           "or set publish.voice=espeak") from None
        try:
            self._voice: Any = PiperVoice.load(str(path))
        except Exception as error:  # ONNX Runtime has a class for each kind of damage
            raise Terminal(f"publish.voice = 'piper:{path}': the model cannot be loaded ({type(error).__name__}: {str(error)[:200]})") from None
        (self._lang,) = languages(str(path))

    def speak(self, text: str, lang: str) -> tuple[Sound, int]:
        """See Narrator."""
        if lang != self._lang:
            raise Unspoken(f"this piper voice speaks {self._lang!r}, not {lang!r}")
        try:
            chunks = list(self._voice.synthesize(text))
        except (ValueError, KeyError, RuntimeError) as error:
            raise Unspoken(f"piper could not speak {text[:60]!r} ({type(error).__name__}: {str(error)[:200]})") from None
        if not chunks:
            return np.zeros(0, np.float32), int(self._voice.config.sample_rate)
        return np.concatenate([np.asarray(c.audio_float_array, np.float32) for c in chunks]), int(chunks[0].sample_rate)


def languages(path: str) -> frozenset[str]:
    """The one language of the model, as its own `.onnx.json` has it.

    Raises:
        Terminal: there is no such model, or its description says nothing.
    """
    file = Path(path)
    beside = file.with_name(file.name + ".json")
    if not file.is_file() or not beside.is_file():
        raise Terminal(f"publish.voice = 'piper:{path}': there is no such model with its .json beside it")
    try:
        facts = json.loads(beside.read_text(encoding="utf-8"))
        tag = str((facts.get("language") or {}).get("family") or facts["espeak"]["voice"])
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Terminal(f"{beside}: it does not say which language the voice speaks; fetch it again with its model") from None
    return frozenset({{"cmn": "zh"}.get(primary := tag.replace("_", "-").split("-")[0].lower(), primary)})


@cache
def load(path: str) -> Piper:
    """The voice of a model file."""
    languages(path)
    return Piper(Path(path))

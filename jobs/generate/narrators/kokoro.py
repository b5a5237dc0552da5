"""A Kokoro voice by path (`kokoro:/models/kokoro`, a folder with an `.onnx` and a `voices*.bin`).

The package kokoro-onnx is the user's to install; for Chinese misaki[zh] as well: the phonemes of espeak-ng, which kokoro-onnx writes
by itself, are not those that the model learnt for Chinese, and what it makes of them is babble.
"""

import importlib
import re
import zipfile
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from jobs.errors import Terminal
from jobs.generate.narrator import Sound, Unspoken

VOICES = MappingProxyType({"en": ("af_heart", "ab"), "zh": ("zf_xiaobei", "z")})
"""BCP 47 tag -> the voice that is taken where the file has it, and the first letters of the names of all in that language."""
_LATIN = re.compile(r"[A-Za-z][A-Za-z '’-]*|[^A-Za-z]+")


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
        self._voices = _spoken(voices)

    def speak(self, text: str, lang: str) -> tuple[Sound, int]:
        """See Narrator."""
        if lang not in self._voices:
            raise Unspoken(f"this kokoro speaks {', '.join(sorted(self._voices))}, not {lang!r}")
        try:
            if lang == "zh":
                sound, rate = self._model.create(self._chinese(text), voice=self._voices[lang], is_phonemes=True)
            else:
                sound, rate = self._model.create(text, voice=self._voices[lang], lang="en-us")
        except (ValueError, KeyError, RuntimeError) as error:
            raise Unspoken(f"kokoro could not speak {text[:60]!r} ({type(error).__name__}: {str(error)[:200]})") from None
        return np.asarray(sound, np.float32), int(rate)

    def _chinese(self, text: str) -> str:
        """Phonemes of a Chinese text; Latin words in it are read as English."""
        english = self._model.tokenizer.phonemize
        return " ".join(english(part, "en-us") if part[0].isascii() and part[0].isalpha() else self._phonemes(part)[0]
                        for part in _LATIN.findall(text))

    @cached_property
    def _phonemes(self) -> Any:
        return importlib.import_module("misaki.zh").ZHG2P()


def languages(path: str) -> frozenset[str]:
    """Those that the file has a voice for, Chinese if misaki[zh] is there.

    Raises:
        Terminal: there is no such model.
    """
    return frozenset(_spoken(_files(path)[1]))


def _files(path: str) -> tuple[Path, Path]:
    models, voices = sorted(Path(path).glob("*.onnx")), sorted(Path(path).glob("voices*.bin"))
    if not models or not voices:
        raise Terminal(f"publish.voice = 'kokoro:{path}': no folder with an .onnx and a voices*.bin")
    return models[0], voices[0]


def _spoken(voices: Path) -> dict[str, str]:
    """Language -> voice."""
    try:
        with zipfile.ZipFile(voices) as archive:
            names = sorted(name.removesuffix(".npy") for name in archive.namelist())
    except (OSError, zipfile.BadZipFile) as error:
        raise Terminal(f"{voices}: it holds no voices ({error}); fetch it again") from None
    found = {}
    for lang, (liked, letters) in VOICES.items():
        fitting = [name for name in names if name[:1] in letters]
        if fitting and (lang != "zh" or _misaki()):
            found[lang] = liked if liked in fitting else fitting[0]
    return found


def _misaki() -> bool:
    return all(find_spec(name) is not None for name in ("misaki", "pypinyin", "cn2an"))


@cache
def load(path: str) -> Kokoro:
    """The model of a folder."""
    return Kokoro(*_files(path))

"""espeak-ng from its wheel: library and data in one, no model, no network; Mandarin, Cantonese and English. Sounds robotic.

espeak-ng keeps its state in the process, so that calls take a lock; the voice is set before every clause.
"""

import ctypes
import threading
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np

from jobs.errors import Terminal
from jobs.generate.narrator import Sound, Unspoken

VOICES = MappingProxyType({"zh": (b"cmn", 160), "en": (b"en-us", 160), "yue": (b"yue", 160)})
"""BCP 47 tag -> voice and words a minute."""
LANGUAGES = frozenset(VOICES)

_LOCK = threading.Lock()
_SYNCHRONOUS, _UTF8, _RATE_PARAMETER = 2, 1, 1


class Espeak:
    """The one espeak-ng of this process."""

    def __init__(self) -> None:
        try:
            import espeakng_loader
        except ImportError:
            raise Terminal("the narrator `espeak` needs the package espeakng-loader; `pip install espeakng-loader`") from None
        self._library: Any = ctypes.CDLL(espeakng_loader.get_library_path())
        self._library.espeak_Synth.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint,
                                               ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p]
        self._rate = int(self._library.espeak_Initialize(_SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), 0))
        if self._rate <= 0:
            raise Terminal("espeak-ng did not start: its data folder is missing; reinstall espeakng-loader")
        self._heard = bytearray()
        kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
        self._callback = kind(self._hear)  # the library keeps only a pointer to it
        self._library.espeak_SetSynthCallback(self._callback)

    def _hear(self, samples: int | None, count: int, events: object) -> int:
        if samples and count > 0:
            self._heard.extend(ctypes.string_at(samples, 2 * count))
        return 0

    def say(self, text: str, lang: str) -> tuple[Sound, int]:
        """See Narrator."""
        if lang not in VOICES:
            raise Unspoken(f"espeak-ng is set up for {', '.join(sorted(VOICES))}, not for {lang!r}")
        voice, rate = VOICES[lang]
        data = text.encode() + b"\0"
        with _LOCK:
            if self._library.espeak_SetVoiceByName(voice) != 0:
                raise Unspoken(f"espeak-ng has no voice {voice.decode()!r}")
            self._library.espeak_SetParameter(_RATE_PARAMETER, rate, 0)
            self._heard.clear()
            self._library.espeak_Synth(data, len(data), 0, 1, 0, _UTF8, None, None)
            self._library.espeak_Synchronize()
            return np.frombuffer(bytes(self._heard), "<i2").astype(np.float32) / 32768, self._rate


@cache
def _only() -> Espeak:
    return Espeak()


def load(path: str) -> Espeak:
    """The voice of this process; it has no model and takes no path."""
    if path:
        raise Terminal(f"publish.voice = 'espeak:{path}': espeak takes no model; write `espeak`")
    return _only()

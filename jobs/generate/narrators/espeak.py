"""espeak-ng from its wheel: library and data in one, no model, no network; Mandarin, Cantonese and English. Sounds robotic.

Every clause is spoken by a process of its own: the library keeps its state (phases, flutter) from call to call, even over a new
start, so that the second time a text is spoken in one process it differs. A process costs some 30 ms.
"""

import subprocess
import sys
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

import numpy as np

from jobs.errors import Terminal, Transient
from jobs.generate import espeak_child
from jobs.generate.narrator import Sound, Unspoken

VOICES = MappingProxyType({"zh": ("cmn", 160), "en": ("en-us", 160), "yue": ("yue", 160)})
"""BCP 47 tag -> voice and words a minute."""
LIMIT_S = 120.0


class Espeak:
    """The voices of the wheel."""

    @cached_property
    def _command(self) -> list[str]:
        try:
            import espeakng_loader
        except ImportError:
            raise Terminal("the narrator `espeak` needs the package espeakng-loader; `pip install espeakng-loader`") from None
        return [sys.executable, "-I", "-S", str(Path(espeak_child.__file__)), str(espeakng_loader.get_library_path()),
                str(espeakng_loader.get_data_path())]

    def speak(self, text: str, lang: str) -> tuple[Sound, int]:
        """See Narrator."""
        if lang not in VOICES:
            raise Unspoken(f"espeak-ng is set up for {', '.join(sorted(VOICES))}, not for {lang!r}")
        voice, words_per_minute = VOICES[lang]
        try:
            done = subprocess.run([*self._command, voice, str(words_per_minute)], input=text.replace("\0", " ").encode(),
                                  capture_output=True, timeout=LIMIT_S, check=False)
        except subprocess.TimeoutExpired:
            raise Unspoken(f"espeak-ng took more than {LIMIT_S:.0f} s for {text[:60]!r}") from None
        if done.returncode == espeak_child.NO_START:
            raise Terminal("espeak-ng did not start: its data folder is missing; reinstall espeakng-loader")
        if done.returncode == espeak_child.NO_VOICE:
            raise Unspoken(f"espeak-ng has no voice {voice!r}")
        if done.returncode < 0:
            raise Unspoken(f"espeak-ng crashed (signal {-done.returncode}) at {text[:60]!r}")
        if done.returncode:
            raise Transient(f"espeak-ng could not be run: {done.stderr.decode(errors='replace')[-300:]}")
        samples = np.frombuffer(done.stdout[4:], "<i2").astype(np.float32) / np.float32(32768)
        return samples, int.from_bytes(done.stdout[:4], "little")


NARRATOR = Espeak()


def languages(path: str) -> frozenset[str]:
    """Those of the wheel that are set up here."""
    return frozenset(VOICES)


def load(path: str) -> Espeak:
    """The voices of the wheel; they have no model and take no path."""
    if path:
        raise Terminal(f"publish.voice = 'espeak:{path}': espeak takes no model; write `espeak`")
    return NARRATOR

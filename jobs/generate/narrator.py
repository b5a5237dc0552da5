"""What a narrator is, and how a script becomes speech with cues timed on the sound.

A narrator turns one clause into samples. The script is cut into clauses that fit on the screen, each is spoken alone, trimmed
and put in its place, so that the time of every cue is counted in samples for any engine.
"""

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from jobs.errors import Terminal
from jobs.generate import narrators
from jobs.generate.normalise import spoken
from jobs.generate.script import Line

Sound = NDArray[np.float32]


class Unspoken(ValueError):
    """The voice has no such language, or said nothing."""


class Narrator(Protocol):
    """A voice. A file of `jobs/generate/narrators` has `languages(path)` and `load(path) -> Narrator`."""

    def speak(self, text: str, lang: str) -> tuple[Sound, int]:
        """Speak a normalised text: mono samples in -1..1 and their rate in hertz.

        Raises:
            Unspoken: no voice for the language.
        """


@dataclass(frozen=True)
class Cue:
    """A piece of the narration: when it sounds in seconds, what the subtitle shows, and the shot that it belongs to."""

    start_s: float
    end_s: float
    text: str
    shot: int


@dataclass(frozen=True)
class Speech:
    """A spoken script.

    Attributes:
        sound: Mono samples.
        rate: Hertz.
        cues: In order; times are counted in samples.
        shots: Start of each shot in seconds, and last the end of the whole.
    """

    sound: Sound
    rate: int
    cues: tuple[Cue, ...]
    shots: tuple[float, ...]

    @property
    def duration_s(self) -> float:
        return len(self.sound) / self.rate


LEAD_S, TAIL_S = 0.35, 0.75
"""Stillness before the first word and after the last."""
QUIET, KEEP_S = 0.008, 0.025
"""Amplitude below which the ends of a clause are silence (-42 dBFS), and how much of that is kept."""


def voices() -> list[str]:
    """Names of the narrators that there are files for."""
    return sorted(m.name for m in pkgutil.iter_modules(narrators.__path__))


def languages(voice: str) -> frozenset[str]:
    """BCP 47 tags that a voice speaks; no model is loaded.

    Raises:
        Terminal: there is no such narrator, or its model is not where it should be.
    """
    module, path = _module(voice)
    return frozenset(module.languages(path))


def load(voice: str) -> Narrator:
    """The narrator of `publish.voice`: a name, with the path of its model after a colon where it needs one.

    Raises:
        Terminal: there is no such narrator, its package is missing, or its model is not where it should be.
    """
    module, path = _module(voice)
    narrator: Narrator = module.load(path)
    return narrator


def _module(voice: str) -> tuple[ModuleType, str]:
    name, _, path = voice.partition(":")
    if name not in voices():
        raise Terminal(f"publish.voice = {voice!r}: there is no narrator {name!r}; known are {', '.join(voices())}")
    return importlib.import_module(f"jobs.generate.narrators.{name}"), path


def narrate(narrator: Narrator, lines: Sequence[Line], least_s: Mapping[int, float]) -> Speech:
    """Speak a script.

    Args:
        narrator: The voice.
        lines: Clauses in order, each with its shot, its language and the pause behind it.
        least_s: Least length of each shot in seconds; every shot has an entry, also one that says nothing.

    Raises:
        Unspoken: a language that the voice lacks, or a script of which it said nothing.
    """
    spoken_lines = [_trimmed(*narrator.speak(spoken(line.text, line.lang), line.lang)) for line in lines]
    rates = {rate for _, rate in spoken_lines}
    if len(rates) > 1:
        raise Unspoken(f"the voice changed its rate: {sorted(rates)}")
    rate = rates.pop() if rates else 22050
    if lines and not any(len(sound) for sound, _ in spoken_lines):
        raise Unspoken("the voice said nothing")
    parts, cues = [_silence(LEAD_S, rate)], list[Cue]()
    starts: list[float] = []
    at = len(parts[0])
    for shot in sorted(least_s):
        start = 0 if not starts else at
        starts.append(start / rate)
        for line, (sound, _) in zip(lines, spoken_lines, strict=True):
            if line.shot != shot or not len(sound):
                continue
            cues.append(Cue(at / rate, (at + len(sound)) / rate, line.text, shot))
            pause = _silence(line.pause_s, rate)
            parts += [sound, pause]
            at += len(sound) + len(pause)
        if (missing := least_s[shot] - (at - start) / rate) > 0:
            parts.append(_silence(missing, rate))
            at += len(parts[-1])
    parts.append(_silence(TAIL_S, rate))
    sound = np.concatenate(parts)
    return Speech(sound, rate, tuple(cues), (*starts, len(sound) / rate))


def _silence(seconds: float, rate: int) -> Sound:
    return np.zeros(round(seconds * rate), np.float32)


def _trimmed(sound: Sound, rate: int) -> tuple[Sound, int]:
    loud = np.flatnonzero(np.abs(sound) > QUIET)
    if not len(loud):
        return sound[:0], rate
    keep = round(KEEP_S * rate)
    return sound[max(0, loud[0] - keep):loud[-1] + keep], rate

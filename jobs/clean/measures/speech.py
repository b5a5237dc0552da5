"""Speech.

speech_share: share of the blocks of 128 ms (16 kHz mono) in which the voice detector's mean probability is at least 0.5. Blocks
below -60 dBFS are not speech. Version 2. Source: silero-vad, threshold its default; how it is run: `jobs.media.voice`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.clean.measures import MONO_BLOCK, Hearer, Measurement, Sound, Span
from jobs.media.voice import CHUNK, CONTEXT, Voice

THRESHOLD, SILENT = 0.5, 1e-6


def hear(rate_hz: int, channels: Sequence[str]) -> Hearer:
    voice, context = Voice(), np.zeros(CONTEXT, np.float32)

    def blocks(sound: Sound) -> NDArray[np.float64]:
        nonlocal context
        rows = np.zeros((len(sound), 1))
        heard = np.einsum("ij,ij->i", sound, sound) / MONO_BLOCK >= SILENT
        if heard.any():
            line = np.concatenate([context, sound.ravel()])
            windows = np.lib.stride_tricks.sliding_window_view(line, CONTEXT + CHUNK)[::CHUNK]
            rows[:, 0] = np.where(heard, voice.speech(windows).reshape(len(sound), -1).mean(axis=1), 0.0)
        context = sound[-1, -CONTEXT:]
        return rows

    return blocks


def reduce(span: Span) -> dict[str, Any]:
    rows = span.sounds["speech"]
    return {"speech_share": float((rows[:, 0] >= THRESHOLD).mean()) if rows.size else None}


MEASURE = Measurement("speech", 2, ("speech_share",), reduce, needs="sound", width=1, hear=hear, ear="mono")

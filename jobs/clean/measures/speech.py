"""Speech.

speech_share: share of the blocks of 128 ms (16 kHz mono) in which the voice detector's mean probability is at least 0.5. Blocks
below -60 dBFS are not speech. Version 1. Source: silero-vad (its ONNX for whole sequences at 16 kHz, which gives the same
probabilities as the one for single chunks in a third of the time), threshold its default.
"""

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.clean.measures import MONO_BLOCK, Hearer, Measurement, Sound, Span

THRESHOLD, SILENT = 0.5, 1e-6
CHUNK, CONTEXT = 512, 64


@cache
def detector() -> Any:
    """The voice detector, one thread."""
    import onnxruntime

    found = importlib.util.find_spec("silero_vad")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("silero-vad is not installed; it is among the requirements of reelmill")
    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = options.intra_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(str(Path(found.origin).parent / "data" / "silero_vad_16k_sequence.onnx"), options,
                                        providers=["CPUExecutionProvider"])


def hear(rate_hz: int, channels: int) -> Hearer:
    session = detector()
    hidden, cell = (np.zeros((1, 1, 128), np.float32) for _ in range(2))
    context = np.zeros(CONTEXT, np.float32)

    def blocks(sound: Sound) -> NDArray[np.float64]:
        nonlocal hidden, cell, context
        rows = np.zeros((len(sound), 1))
        heard = np.einsum("ij,ij->i", sound, sound) / MONO_BLOCK >= SILENT
        if heard.any():
            line = np.concatenate([context, sound.ravel()])
            windows = np.lib.stride_tricks.sliding_window_view(line, CONTEXT + CHUNK)[::CHUNK]
            speech, hidden, cell = session.run(None, {"input": np.ascontiguousarray(windows), "h": hidden, "c": cell})
            rows[:, 0] = np.where(heard, speech.reshape(len(sound), -1).mean(axis=1), 0.0)
        context = sound[-1, -CONTEXT:]
        return rows

    return blocks


def reduce(span: Span) -> dict[str, Any]:
    rows = span.sounds["speech"]
    return {"speech_share": float((rows[:, 0] >= THRESHOLD).mean()) if rows.size else None}


MEASURE = Measurement("speech", 1, ("speech_share",), reduce, needs="sound", width=1, hear=hear, ear="mono")

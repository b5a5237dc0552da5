"""Speech.

speech_share: share of the blocks of 128 ms (16 kHz mono) in which the voice detector's mean probability is at least 0.5. Blocks
below -60 dBFS are not speech and are not asked. Version 1. Source: silero-vad (ONNX of its wheel, 16 kHz), threshold its default.
"""

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from jobs.clean.measures import MONO_RATE_HZ, Hearer, Measurement, Sound, Span

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
    return onnxruntime.InferenceSession(str(Path(found.origin).parent / "data" / "silero_vad.onnx"), options,
                                        providers=["CPUExecutionProvider"])


def hear(rate_hz: int, channels: int) -> Hearer:
    session = detector()
    state, context = np.zeros((2, 1, 128), np.float32), np.zeros((1, CONTEXT), np.float32)
    rate = np.array(MONO_RATE_HZ, np.int64)

    def block(sound: Sound) -> tuple[float]:
        nonlocal state, context
        mono = sound[0]
        if mono.size < CHUNK or float(np.dot(mono, mono)) / mono.size < SILENT:
            state = np.zeros((2, 1, 128), np.float32)
            return (0.0,)
        total, chunks = 0.0, 0
        for start in range(0, mono.size - CHUNK + 1, CHUNK):
            piece = mono[None, start:start + CHUNK]
            probability, state = session.run(None, {"input": np.concatenate([context, piece], axis=1), "state": state, "sr": rate})
            context = piece[:, -CONTEXT:]
            total, chunks = total + float(probability[0, 0]), chunks + 1
        return (total / chunks,)

    return block


def reduce(span: Span) -> dict[str, Any]:
    rows = span.sounds["speech"]
    return {"speech_share": float((rows[:, 0] >= THRESHOLD).mean()) if rows.size else None}


MEASURE = Measurement("speech", 1, ("speech_share",), reduce, needs="sound", width=1, hear=hear, ear="mono")

"""Clipping, silence and signal to noise.

clipping_share: share of samples inside runs of at least three equal ones whose absolute value is at least 0.999 of the full
scale or within 0.1 % of the greatest of the block and above 0.9. silence_share: share of 100 ms blocks whose RMS over all
channels is below -50 dBFS. snr_db: 95th percentile of the block levels minus the 10th, dB, over blocks above -90 dBFS,
0..90; an estimate: it sees noise only where the signal pauses. Null without such blocks. Version 1. Source of -50 dBFS: the
silencedetect default of -60 dB is for studio sound.
"""

import math
from typing import Any

import numpy as np

from jobs.clean.measures import Hearer, Measurement, Sound, Span
from jobs.media.kernel import kernel

SILENT_DBFS, FLOOR_DBFS = -50.0, -90.0


@kernel("Tuple((float64, float64))(Array(float32, 2, 'C', readonly=True))")
def _levels(block: Any) -> tuple[float, float]:
    """Mean square over all channels, and the share of clipped samples."""
    channels, size = block.shape
    square, clipped = 0.0, 0
    for c in range(channels):
        run = 0
        before = np.float32(0.0)
        for i in range(size):
            value = block[c, i]
            square += float(value) * float(value)
            if abs(value) >= 0.9 and abs(value - before) <= 1e-4:
                run += 1
                if run == 2:
                    clipped += 3
                elif run > 2:
                    clipped += 1
            else:
                run = 0
            before = value
    count = max(channels * size, 1)
    return square / count, clipped / count


def hear(rate_hz: int, channels: int) -> Hearer:
    def block(sound: Sound) -> tuple[float, float]:
        square, clipped = _levels(sound)
        return 10 * math.log10(square) if square > 0 else -200.0, clipped

    return block


def reduce(span: Span) -> dict[str, Any]:
    levels, clipped = span.sounds["level"].T
    heard = levels[levels > FLOOR_DBFS]
    snr = float(np.percentile(heard, 95) - np.percentile(heard, 10)) if heard.size else None
    return {"clipping_share": float(clipped.mean()), "silence_share": float((levels < SILENT_DBFS).mean()), "snr_db": snr}


MEASURE = Measurement("level", 1, ("clipping_share", "silence_share", "snr_db"), reduce, needs="sound", width=2, hear=hear)

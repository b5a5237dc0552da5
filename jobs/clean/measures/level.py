"""Clipping, silence and signal to noise.

clipping_share: share of clipped samples. In sound as it was clipped: samples in runs of at least three equal ones (within 1e-4) of at
least 0.9 of full scale. A lossy codec rounds the flat tops off, so half waves are looked at too: between two changes of sign, of at
least 6 samples and with a peak of at least 0.9; where 0.45 of its samples or more reach 0.85 of its peak (or of full scale, if that is
less), the half wave is flat and these samples count, unless half as many are in runs, which tell it exactly. A sine has 0.35 of them
there, a sine clipped by 3 dB 0.58. Mean over blocks of 100 ms. Music and speech clipped by 6 to 20 dB have 0.5 to 1.1 of the true share
behind AAC, MP3 and Opus of 64 and 128 kbit/s.
silence_share: share of 100 ms blocks whose RMS over all channels is below -50 dBFS (the silencedetect default of -60 dB is for studio
sound). snr_db: 95th percentile of the block levels minus the 10th, dB, over blocks above -90 dBFS, 0..90; an estimate: it sees noise
only where the signal pauses. Null without such blocks. Version 2.
"""

import math
from typing import Any

import numpy as np

from jobs.clean.measures import Hearer, Measurement, Span
from jobs.media.kernel import kernel

SILENT_DBFS, FLOOR_DBFS = -50.0, -90.0


TOP, FLAT_NEAR, FLAT_SHARE, LEAST_WAVE = 0.9, 0.85, 0.45, 6


@kernel("float64[:, ::1](Array(float32, 2, 'C', readonly=True), Array(int64, 1, 'C', readonly=True))")
def _levels(sound: Any, edges: Any) -> Any:
    """Of every block the mean square over all channels in dBFS, and the share of clipped samples."""
    channels = sound.shape[0]
    rows = np.empty((edges.size - 1, 2))
    for block in range(len(rows)):
        start, end = edges[block], edges[block + 1]
        square, runs, flat = 0.0, 0, 0
        for c in range(channels):
            peak = np.float32(0.0)
            for i in range(start, end):
                value = sound[c, i]
                square += float(value) * float(value)
                peak = max(peak, abs(value))
            if peak < TOP:
                continue
            run, begin, top = 0, start, np.float32(0.0)
            for i in range(start, end + 1):
                value = sound[c, min(i, end - 1)]
                if i == end or (i > begin and (value >= 0) != (sound[c, begin] >= 0)):
                    if top >= TOP and i - begin >= LEAST_WAVE:
                        high = 0
                        for k in range(begin, i):
                            if abs(sound[c, k]) >= FLAT_NEAR * min(top, np.float32(1.0)):
                                high += 1
                        if high >= FLAT_SHARE * (i - begin):
                            flat += high
                    begin, top = i, np.float32(0.0)
                top = max(top, abs(value))
                if start < i < end and abs(value) >= TOP and abs(value - sound[c, i - 1]) <= 1e-4:
                    run += 1
                    runs += 3 if run == 2 else 1 if run > 2 else 0
                else:
                    run = 0
        count = max(channels * (end - start), 1)
        rows[block, 0] = 10 * math.log10(square / count) if square > 0 else -200.0
        rows[block, 1] = (runs if 2 * runs >= flat else flat) / count
    return rows


def hear(rate_hz: int, channels: int) -> Hearer:
    return _levels


def reduce(span: Span) -> dict[str, Any]:
    levels, clipped = span.sounds["level"].T
    heard = levels[levels > FLOOR_DBFS]
    snr = float(np.percentile(heard, 95) - np.percentile(heard, 10)) if heard.size else None
    return {"clipping_share": float(clipped.mean()), "silence_share": float((levels < SILENT_DBFS).mean()), "snr_db": snr}


MEASURE = Measurement("level", 2, ("clipping_share", "silence_share", "snr_db"), reduce, needs="sound", width=2, hear=hear)

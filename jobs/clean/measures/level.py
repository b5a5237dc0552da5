"""Clipping, silence and signal to noise.

clipping_share: share of clipped samples. In sound as it was clipped: samples in runs of at least three equal ones (within 1e-4) of at
least 0.9 of full scale. A lossy codec rounds the flat tops off, so half waves are looked at too: between two changes of sign, of at
least 6 samples and with a peak of at least 0.9; where 0.45 of its samples or more reach 0.85 of its peak (or of full scale, if that is
less), the half wave is flat and these samples count, unless half as many are in runs, which tell it exactly. A sine has 0.35 of them
there, a sine clipped by 3 dB 0.58. Mean over blocks of 100 ms. Music and speech clipped by 6 to 20 dB have 0.5 to 1.1 of the true share
behind AAC, MP3 and Opus of 64 and 128 kbit/s. Sound that was clipped and then made quieter does not come near full scale: in every fourth
block below it flat half waves with at least 0.7 of its peak count, where that peak is at least 0.7 of what nine tenths of the
blocks have at most; not those of blocks that are flat throughout, which are square waves of a synthesiser. The greater of both shares.
silence_share: share of 100 ms blocks whose RMS over all channels, without their offset, is below -50 dBFS (the silencedetect default of
-60 dB is for studio sound). snr_db: 95th percentile of the block levels minus the 10th, dB, over blocks above -90 dBFS, 0..90; an
estimate: it sees noise only where the signal pauses. Null without such blocks. Version 3.
"""

import math
from typing import Any

import numpy as np

from jobs.clean.measures import Hearer, Measurement, Span
from jobs.clean.measures.loudness import greatest_of
from jobs.media.kernel import kernel

SILENT_DBFS, FLOOR_DBFS = -50.0, -90.0


TOP, FLAT_NEAR, FLAT_SHARE, LEAST_WAVE = 0.9, 0.85, 0.45, 6
LEAST_PEAK, NEAR_PEAK, USUAL, SQUARE, EVERY = 0.03, 0.7, 90, 0.8, 4
"""Of sound that was made quieter: least peak looked at, how near the peak a half wave must come, and the block's the peaks of this
percentile (a codec overshoots in some blocks), share of flat samples from which a block is a square wave, and one of how many blocks is looked at."""


@kernel(None)
def _flat(sound: Any, start: int, end: int, least: Any) -> Any:
    """Samples near the top of flat half waves with a peak of at least `least`."""
    flat, begin, top = 0, start, np.float32(0.0)
    for i in range(start, end + 1):
        value = sound[min(i, end - 1)]
        if i == end or (i > begin and (value >= 0) != (sound[begin] >= 0)):
            whole = least >= TOP or (start < begin and i < end)  # what the block cuts off of a round half wave may look flat
            if top >= least and i - begin >= LEAST_WAVE and whole:
                high = 0
                for k in range(begin, i):
                    if abs(sound[k]) >= FLAT_NEAR * min(top, np.float32(1.0)):
                        high += 1
                if high >= FLAT_SHARE * (i - begin):
                    flat += high
            begin, top = i, np.float32(0.0)
        top = max(top, abs(value))
    return flat


@kernel("float64[:, ::1](Array(float32, 2, 'C', readonly=True), Array(int64, 1, 'C', readonly=True), int64)")
def _levels(sound: Any, edges: Any, number: int) -> Any:
    """Of every block, of which the first has this number: the mean square over all channels without their offsets in dBFS, the share of
    samples clipped at full scale, the share in flat half waves below it (NaN where that is not looked at), and the peak."""
    channels = sound.shape[0]
    rows = np.empty((edges.size - 1, 4))
    for block in range(len(rows)):
        start, end = edges[block], edges[block + 1]
        square, runs, flat, greatest = 0.0, 0, 0, np.float32(0.0)
        for c in range(channels):
            own, total = 0.0, 0.0
            for i in range(start, end):
                value = float(sound[c, i])
                own += value * value
                total += value
            peak = greatest_of(sound[c, start:end])
            square += max(own - total * total / max(end - start, 1), 0.0)
            greatest = max(greatest, peak)
            if peak < TOP:
                continue
            flat += _flat(sound[c], start, end, np.float32(TOP))
            run = 0
            for i in range(start + 1, end):
                if abs(sound[c, i]) >= TOP and abs(sound[c, i] - sound[c, i - 1]) <= 1e-4:
                    run += 1
                    runs += 3 if run == 2 else 1 if run > 2 else 0
                else:
                    run = 0
        quieter = np.nan
        count = max(channels * (end - start), 1)
        if (number + block) % EVERY == 0:
            quieter = 0.0
            if LEAST_PEAK <= greatest < TOP:
                for c in range(channels):
                    quieter += _flat(sound[c], start, end, np.float32(NEAR_PEAK * greatest)) / count
        # 1e-13 is what is left of an offset by the arithmetic of single precision
        rows[block, 0] = 10 * math.log10(square / count) if square > 1e-13 * count else -200.0
        rows[block, 1] = (runs if 2 * runs >= flat else flat) / count
        rows[block, 2], rows[block, 3] = quieter, greatest
    return rows


def hear(rate_hz: int, channels: int) -> Hearer:
    number = 0

    def blocks(sound: Any, edges: Any) -> Any:
        nonlocal number
        number += edges.size - 1
        return _levels(sound, edges, number - edges.size + 1)

    return blocks


def reduce(span: Span) -> dict[str, Any]:
    levels, clipped, quieter, peaks = span.sounds["level"].T
    heard = levels[levels > FLOOR_DBFS]
    snr = float(np.percentile(heard, 95) - np.percentile(heard, 10)) if heard.size else None
    share, looked_at = float(clipped.mean()), np.isfinite(quieter)
    if looked_at.any():
        near = (peaks >= NEAR_PEAK * np.percentile(peaks, USUAL)) & (quieter < SQUARE)
        share = max(share, float(np.where(near, quieter, 0.0)[looked_at].mean()))
    return {"clipping_share": share, "silence_share": float((levels < SILENT_DBFS).mean()), "snr_db": snr}


MEASURE = Measurement("level", 3, ("clipping_share", "silence_share", "snr_db"), reduce, needs="sound", width=4, hear=hear)

"""Clipping, silence and signal to noise.

clipping_share: share of clipped samples. In sound as it was clipped: samples in runs of at least three equal ones (within 1e-4) of at
least 0.9 of full scale. A lossy codec rounds the flat tops off, so half waves are looked at too: between two changes of sign, of at
least 6 samples and with a peak of at least 0.9; where 0.45 of its samples or more reach 0.85 of its peak (or of full scale, if that is
less), the half wave is flat and these samples count, unless half as many are in runs, which tell it exactly. A sine has 0.35 of them
there, a sine clipped by 3 dB 0.58. Mean over blocks of 100 ms. Music and speech clipped by 6 to 20 dB have 0.5 to 1.1 of the true share
behind AAC, MP3 and Opus of 64 and 128 kbit/s. Sound that was clipped and then made quieter, or on one side only,
does not come near full scale there: in every second block, for the half waves above and below zero each, flat ones with at least 0.7 of the
block's peak count, where that peak is below 0.9 of full scale and at least 0.7 of what nine tenths of the blocks have at most. They count
where 0.6 of their samples have tops within a fifth of the median, for clipping has one level and a decaying note has none; where at least
two of ten blocks or more have some; and where 0.1 % of the usual loud block is in half waves that end lower, without which it is a square
wave of a synthesiser. The greater of both shares.
silence_share: share of 100 ms blocks whose RMS over all channels, without their offset, is below -50 dBFS (the silencedetect default of
-60 dB is for studio sound). snr_db: 95th percentile of the block levels minus the 10th, dB, over blocks above -90 dBFS, 0..90; an
estimate: it sees noise only where the signal pauses. Null without such blocks. Version 4.
Sources: FFmpeg's silencedetect and the flat factor of its astats; the rules for lossy and quieter sound are ours (`tests/bench/faults.md`).
"""

import math
from typing import Any

import numpy as np

from jobs.clean.measures import Hearer, Measurement, Span
from jobs.clean.measures.loudness import SIGN, greatest_of, peak_of
from jobs.media.kernel import kernel

SILENT_DBFS, FLOOR_DBFS = -50.0, -90.0


TOP, FLAT_NEAR, FLAT_SHARE, LEAST_WAVE = 0.9, 0.85, 0.45, 6
LEAST_PEAK, NEAR_PEAK, LOW_PEAK, USUAL, EVERY = 0.03, 0.7, 0.1, 90, 2
"""Of sound that may have been made quieter: least peak of a block looked at, how near the peak a flat half wave must come and how low another
may end, the block's the peaks of this percentile (a codec overshoots in some blocks), and one of how many blocks is looked at."""
WITHIN, ONE_LEVEL, LOWER, LEAST_BLOCKS, LEAST_FLAT = 1.2, 0.6, 0.001, 10, 2
"""How far from their median tops of one level are, the share of flat samples that has it, the share of samples of the
usual loud block in half waves that end lower, how many blocks can tell, and how many must have flat tops."""


@kernel(None)
def _flat(sound: Any, start: int, end: int, least: Any, parts: bool, sides: Any) -> Any:
    """Samples near the top of flat half waves, those above zero with a peak of at least least[0], those below of least[1]. Added to `sides`,
    a row for either: these samples, the same times the peak that they belong to, and the samples of half waves that end lower.

    Args:
        parts: Whether what the block cuts off of a half wave counts; of a round one it may look flat.
    """
    flat, begin = 0, start
    while begin < end:
        side, after = 0 if sound[begin] >= 0 else 1, begin + 1
        while after < end and (0 if sound[after] >= 0 else 1) == side:
            after += 1
        if after - begin >= LEAST_WAVE and (parts or (start < begin and after < end)):
            wave = sound[begin:after]
            top = greatest_of(wave)
            if top >= least[side]:
                high: Any = np.int32(0)
                near = np.float32(FLAT_NEAR) * min(top, np.float32(1.0))
                for k in range(wave.size):
                    high += np.int32(abs(wave[k]) >= near)
                if high >= FLAT_SHARE * wave.size:
                    flat += high
                    sides[side, 0] += high
                    sides[side, 1] += high * top
            elif top >= LOW_PEAK / NEAR_PEAK * least[side]:
                sides[side, 2] += wave.size
        begin = after
    return flat


@kernel("float64[:, ::1](Array(float32, 2, 'C', readonly=True), Array(int64, 1, 'C', readonly=True), int64)")
def _levels(sound: Any, edges: Any, number: int) -> Any:
    """Of every block, of which the first has this number: the mean square over all channels without their offsets in dBFS and the share of
    samples clipped at full scale; then of its half waves above and of those below zero the peak, the shares of samples at flat tops and these
    times their level, and the share in half waves that end lower (NaN where that is not looked at)."""
    channels = sound.shape[0]
    rows = np.empty((edges.size - 1, 10))
    sides, full = np.empty((2, 3)), np.full(2, np.float32(TOP))
    for block in range(len(rows)):
        start, end = edges[block], edges[block + 1]
        square, runs, flat = 0.0, 0, 0
        for c in range(channels):
            own, total, line = 0.0, 0.0, sound[c, start:end]
            for i in range(line.size):  # a loop over a part of its own becomes vectors
                value = float(line[i])
                own += value * value
                total += value
            peak = greatest_of(line)
            square += max(own - total * total / max(end - start, 1), 0.0)
            if peak < TOP:
                continue
            flat += _flat(sound[c], start, end, full, True, sides)
            run = 0
            for i in range(start + 1, end):
                if abs(sound[c, i]) >= TOP and abs(sound[c, i] - sound[c, i - 1]) <= 1e-4:
                    run += 1
                    runs += 3 if run == 2 else 1 if run > 2 else 0
                else:
                    run = 0
        count = max(channels * (end - start), 1)
        # 1e-13 is what is left of an offset by the arithmetic of single precision
        rows[block, 0] = 10 * math.log10(square / count) if square > 1e-13 * count else -200.0
        rows[block, 1] = (runs if 2 * runs >= flat else flat) / count
        rows[block, 2:] = np.nan
        if (number + block) % EVERY == 0:
            sides[:], high, low = 0.0, 0.0, 0.0
            for c in range(channels):
                line = sound[c, start:end]
                high, low = max(high, peak_of(line, np.int32(0))), max(low, peak_of(line, SIGN))
            if max(high, low) >= LEAST_PEAK:
                floor = np.array([NEAR_PEAK * max(high, LEAST_PEAK), NEAR_PEAK * max(low, LEAST_PEAK)], np.float32)
                for c in range(channels):
                    _flat(sound[c], start, end, floor, False, sides)
            rows[block, 2], rows[block, 3:6] = high, sides[0] / count
            rows[block, 6], rows[block, 7:] = low, sides[1] / count
    return rows


def hear(rate_hz: int, channels: int) -> Hearer:
    number = 0

    def blocks(sound: Any, edges: Any) -> Any:
        nonlocal number
        number += edges.size - 1
        return _levels(sound, edges, number - edges.size + 1)

    return blocks


def reduce(span: Span) -> dict[str, Any]:
    rows = span.sounds["level"]
    levels, clipped = rows[:, 0], rows[:, 1]
    heard = levels[levels > FLOOR_DBFS]
    snr = float(np.percentile(heard, 95) - np.percentile(heard, 10)) if heard.size else None
    share, looked_at = float(clipped.mean()), rows[np.isfinite(rows[:, 2])]
    if len(looked_at) >= LEAST_BLOCKS and _lower(looked_at) >= LOWER:
        flat, blocks = np.sum([_one_level(*looked_at[:, side:side + 3].T) for side in (2, 6)], axis=0)
        share = max(share, float(flat)) if blocks >= LEAST_FLAT else share
    return {"clipping_share": share, "silence_share": float((levels < SILENT_DBFS).mean()), "snr_db": snr}


def _lower(rows: Any) -> float:
    """Share of the usual loud block that is in half waves that end lower."""
    peaks = np.maximum(rows[:, 2], rows[:, 6])
    return float(np.median((rows[:, 5] + rows[:, 9])[peaks >= NEAR_PEAK * np.percentile(peaks, USUAL)]))


def _one_level(peaks: Any, flat: Any, high: Any) -> tuple[float, int]:
    """Share of samples at flat tops of one level below full scale, and in how many blocks they are, of the half waves of one sign."""
    flat = np.where(peaks < TOP, flat, 0.0)
    if not flat.any():
        return 0.0, 0
    tops = high / np.maximum(flat, 1e-12)
    order = np.argsort(tops)
    usual = tops[order][np.searchsorted(np.cumsum(flat[order]), flat.sum() / 2)]
    same = flat * ((tops >= usual / WITHIN) & (tops <= usual * WITHIN))
    near = same[peaks >= NEAR_PEAK * np.percentile(peaks, USUAL)]
    return (float(near.sum()) / len(flat), int((near > 0).sum())) if same.sum() >= ONE_LEVEL * flat.sum() else (0.0, 0)


MEASURE = Measurement("level", 4, ("clipping_share", "silence_share", "snr_db"), reduce, needs="sound", width=10, hear=hear)

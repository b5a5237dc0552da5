"""Clipping, silence and signal to noise.

clipping_share: share of clipped samples. In sound as it was clipped: samples in runs of at least three equal ones (within 1e-4) of at
least 0.9 of full scale, with a step of at least 1e-3 before or behind them, which the crest of a low tone has not. A lossy codec rounds the
flat tops off, so half waves are looked at too: between two changes of sign, of at least 6 samples and with a peak of at least 0.9; where
0.45 of its samples or more, and at least four, reach 0.85 of its peak (or of full scale, if that is less), the half wave is flat and these
samples count, unless half as many are in runs, which tell it exactly. A sine has 0.35 of them there, a sine clipped by 3 dB 0.58. Mean over
blocks of 100 ms. Music and speech clipped by 6 to 20 dB have 0.5 to 1.1 of the true share behind AAC, MP3 and Opus of 64 and 128 kbit/s.
Sound that was clipped and then made quieter, or on one side only, does not come near full scale there: in every second block, for the half
waves above and below zero each, flat ones with at least 0.7 of the block's peak count, where that peak is below 0.9 of full scale and at least
0.7 of what nine tenths of the blocks have at most. They count where 0.9 of their samples (0.6 if they are 0.015 of all) have tops within a tenth
of the median, for clipping has one level and a decaying note or a limiter that saturates has none; where the middle half of the tops is
higher than the rest of them by at most 0.035 of the peak, up or down, for clipped ones are flat (-0.03 to 0.032), and saturated ones are round
(up to 0.06) and those of two voices of a synthesiser may be hollow (-0.11); where at least two of ten blocks or more have some; and where
0.1 % of the usual loud block is in half waves that end lower, without which it is a square wave. The greater of both shares.
What was built of levels is not clipped: square and pulse waves are flat by nature, and behind a lossy codec they look like clipped ones. Between
its tops a sound that was recorded climbs at every slope, and one of levels stands or jumps. So how even the slopes are tells them apart: over
65 microseconds, where the sound is below 0.7 of the peak of its block, the mean step over the root of the mean square of the steps (1 for a
triangle, 0.8 for noise). Clipped speech, music and rain have 0.55 to 0.84, sums of square waves 0.2 to 0.54, a tone whose crests are broad 0.9 and
more. With ten blocks to tell by, nothing is clipped where the median of the loud ones is below 0.53, and nothing below full scale above 0.87.
A wave of two levels alone has no slopes but its edges, so that these tell nothing. It is known by both of two things: less than 0.1 % of the usual
loud block is in half waves that end lower (recordings clipped by 26 dB have 1.6 % and more), and from one sample to the next it goes by more than
0.85 of its peak (a tone of 440 Hz clipped by 20 dB by 0.6). Then it is not clipped at full scale either.
silence_share: share of 100 ms blocks whose RMS over all channels, without their offset, is below -50 dBFS (the silencedetect default of
-60 dB is for studio sound). Within 0.03 of silencedetect at -50 dB where sound stops; what is quiet and crackles is silent here and not there,
for it asks every sample. snr_db: 95th percentile of the block levels minus the 10th, dB, over blocks above -90 dBFS, 0..90; an
estimate: it sees noise only where the signal pauses. Null without such blocks. Version 7.
Sources: FFmpeg's silencedetect and the flat factor of its astats; the rules for lossy and quieter sound are ours (`tests/bench/faults.md`).
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from jobs.clean.measures import Hearer, Measurement, Span
from jobs.clean.measures.loudness import SIGN, greatest_of, peak_of
from jobs.media.kernel import kernel

SILENT_DBFS, FLOOR_DBFS = -50.0, -90.0


TOP, EQUAL, KINK = 0.9, 1e-4, 1e-3
FLAT_NEAR, FLAT_SHARE, LEAST_WAVE, LEAST_HIGH = 0.85, 0.45, 6, 4
LEAST_PEAK, NEAR_PEAK, LOW_PEAK, USUAL, EVERY, STEP_S = 0.03, 0.7, 0.1, 90, 2, 65e-6
"""Of sound that may have been made quieter: least peak of a block looked at, how near the peak a flat half wave must come and how low
another may end, the block's the peaks of this percentile (a codec overshoots in some blocks), one of how many blocks is looked at, and what
the slopes are taken over, s."""
WITHIN, ONE_LEVEL, PLENTY, PLENTY_LEVEL, ROUND = 1.1, 0.9, 0.015, 0.6, 0.035
LOWER, LEAST_BLOCKS, LEAST_FLAT, EVEN, JUMP = 0.001, 10, 2, (0.53, 0.87), 0.85
"""How far from their median tops of one level are, the share of flat samples that has it, of how many samples less of them must, and how round
tops may be, of the peak; the share of samples of the usual loud block in half waves that end lower, how many blocks can tell, how many must
have flat tops, how even the slopes of sound are that may be clipped, and what step of the peak is an edge of a square wave."""


@kernel(None)
def _round(wave: Any, near: Any) -> Any:
    """By how much the middle half of what lies between the first and the last sample of at least `near` is higher on average than the rest."""
    first, last = 0, wave.size - 1
    while abs(wave[first]) < near:
        first += 1
    while abs(wave[last]) < near:
        last -= 1
    count = last - first + 1
    low, high = first + (count + 2) // 4, last + 1 - (count + 2) // 4
    middle, outer = 0.0, 0.0
    for k in range(first, last + 1):
        if low <= k < high:
            middle += abs(wave[k])
        else:
            outer += abs(wave[k])
    return middle / (high - low) - outer / (count - high + low)


@kernel(None)
def _flat(sound: Any, start: int, end: int, least: Any, sides: Any) -> Any:
    """Samples near the top of flat half waves, those above zero with a peak of at least least[0], those below of least[1]. Added to `sides`,
    a row for either: these samples, the same times the peak that they belong to, the samples of half waves that end lower, and the first times how
    round the tops are. Half waves that the block cuts are left out: a part of a round one may be flat."""
    flat, begin = 0, start
    while begin < end:
        side, after = 0 if sound[begin] >= 0 else 1, begin + 1
        while after < end and (0 if sound[after] >= 0 else 1) == side:
            after += 1
        if after - begin >= LEAST_WAVE and start < begin and after < end:
            wave = sound[begin:after]
            top = greatest_of(wave)
            if top >= least[side]:
                high: Any = np.int32(0)
                near = np.float32(FLAT_NEAR) * min(top, np.float32(1.0))
                for k in range(wave.size):
                    high += np.int32(abs(wave[k]) >= near)
                if high >= max(FLAT_SHARE * wave.size, LEAST_HIGH):
                    flat += high
                    sides[side, 0] += high
                    sides[side, 1] += high * top
                    sides[side, 3] += high * _round(wave, near) / top
            elif top >= LOW_PEAK / NEAR_PEAK * least[side]:
                sides[side, 2] += wave.size
        begin = after
    return flat


@kernel("float64[:, ::1](Array(float32, 2, 'C', readonly=True), Array(int64, 1, 'C', readonly=True), int64, int64)")
def _levels(sound: Any, edges: Any, number: int, lag: int) -> Any:
    """Of every block, of which the first has this number: the mean square over all channels without their offsets in dBFS and the share of
    samples clipped at full scale; then of its half waves above and of those below zero the peak, the shares of samples at flat tops and these
    times their level, the share in half waves that end lower and the first times how round the tops are; and how even slopes over so many samples
    are (NaN where none is looked at); the greatest step from sample to sample over the peak at full scale (NaN elsewhere)."""
    channels = sound.shape[0]
    rows = np.empty((edges.size - 1, 14))
    sides, full = np.empty((2, 4)), np.full(2, np.float32(TOP))
    for block in range(len(rows)):
        start, end = edges[block], edges[block + 1]
        square, runs, flat, jump = 0.0, 0, 0, 0.0
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
            flat += _flat(sound[c], start, end, full, sides)
            run, before, leap = 0, 0.0, 0.0
            for i in range(start + 1, end):
                step = abs(sound[c, i] - sound[c, i - 1])
                leap = max(leap, step)
                if step <= EQUAL and abs(sound[c, i]) >= TOP:
                    run += 1
                    continue
                if run >= 2 and max(before, step) >= KINK:
                    runs += run + 1
                run, before = 0, step
            if run >= 2 and before >= KINK:
                runs += run + 1
            jump = max(jump, leap / peak)
        count = max(channels * (end - start), 1)
        # 1e-13 is what is left of an offset by the arithmetic of single precision
        rows[block, 0] = 10 * math.log10(square / count) if square > 1e-13 * count else -200.0
        rows[block, 1] = (runs if 2 * runs >= flat else flat) / count
        rows[block, 2:] = np.nan
        if jump > 0.0:
            rows[block, 13] = jump
        if (number + block) % EVERY == 0:
            sides[:], high, low, steps, step_squares, between = 0.0, 0.0, 0.0, 0.0, 0.0, 0
            for c in range(channels):
                line = sound[c, start:end]
                high, low = max(high, peak_of(line, np.int32(0))), max(low, peak_of(line, SIGN))
            if max(high, low) >= LEAST_PEAK:
                floor = np.array([NEAR_PEAK * max(high, LEAST_PEAK), NEAR_PEAK * max(low, LEAST_PEAK)], np.float32)
                top = np.float32(NEAR_PEAK * max(high, low))
                for c in range(channels):
                    _flat(sound[c], start, end, floor, sides)
                    line = sound[c, start:end]
                    if greatest_of(line) >= top:
                        for i in range(lag, line.size):
                            inside = abs(line[i] + line[i - lag]) < 2 * top
                            step = float(abs(line[i] - line[i - lag])) * inside
                            steps += step
                            step_squares += step * step
                            between += inside
                if step_squares > 0.0:
                    rows[block, 12] = steps / math.sqrt(step_squares * between)
            rows[block, 2], rows[block, 3:7] = high, sides[0] / count
            rows[block, 7], rows[block, 8:12] = low, sides[1] / count
    return rows


def hear(rate_hz: int, channels: Sequence[str]) -> Hearer:
    number = 0

    def blocks(sound: Any, edges: Any) -> Any:
        nonlocal number
        number += edges.size - 1
        return _levels(sound, edges, number - edges.size + 1, max(round(STEP_S * rate_hz), 1))

    return blocks


def reduce(span: Span) -> dict[str, Any]:
    rows = span.sounds["level"]
    levels, clipped = rows[:, 0], rows[:, 1]
    heard = levels[levels > FLOOR_DBFS]
    snr = float(np.percentile(heard, 95) - np.percentile(heard, 10)) if heard.size else None
    share, looked_at = float(clipped.mean()), rows[np.isfinite(rows[:, 2])]
    if len(looked_at) >= LEAST_BLOCKS:
        lower, even, roundness = _usual(looked_at)
        flat, blocks = np.sum([_one_level(*looked_at[:, side:side + 3].T) for side in (2, 7)], axis=0)
        if blocks >= LEAST_FLAT and lower >= LOWER and even <= EVEN[1] and abs(roundness) <= ROUND:
            share = max(share, float(flat))
        jumps = rows[np.isfinite(rows[:, 13]), 13]
        square = lower < LOWER and jumps.size and np.median(jumps) > JUMP
        share = 0.0 if even < EVEN[0] or square else share
    return {"clipping_share": share, "silence_share": float((levels < SILENT_DBFS).mean()), "snr_db": snr}


def _usual(rows: Any) -> tuple[float, float, float]:
    """Of the loud blocks: the usual share of samples in half waves that end lower, how even the slopes usually are, and how round flat tops are."""
    peaks = np.maximum(rows[:, 2], rows[:, 7])
    loud = rows[peaks >= NEAR_PEAK * np.percentile(peaks, USUAL)]
    even, flat = loud[np.isfinite(loud[:, 12]), 12], float(loud[:, (3, 8)].sum())
    return (float(np.median(loud[:, 5] + loud[:, 10])), float(np.median(even)) if even.size else math.nan,
            float(loud[:, (6, 11)].sum()) / flat if flat else 0.0)


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
    share = float(near.sum()) / len(flat)
    return (share, int((near > 0).sum())) if same.sum() >= (ONE_LEVEL if share < PLENTY else PLENTY_LEVEL) * flat.sum() else (0.0, 0)


MEASURE = Measurement("level", 7, ("clipping_share", "silence_share", "snr_db"), reduce, needs="sound", width=14, hear=hear)

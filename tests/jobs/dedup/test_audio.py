"""Correlation against NumPy, what is filed, and drawn sounds under delays, bands and noise."""

import numpy as np
import pytest

from jobs.clean.measures import MONO_BLOCK, MONO_RATE_HZ
from jobs.clean.measures.fingerprint import hear
from jobs.dedup import audio

SECONDS = 6


def heard(samples):
    blocks = samples[:len(samples) // MONO_BLOCK * MONO_BLOCK].astype(np.float32).reshape(-1, MONO_BLOCK)
    return hear(MONO_RATE_HZ, ["FC"])(blocks).ravel().astype(np.uint32)


def found(a, b):
    """Whether a word of one and a word of the other are in one bucket and near."""
    one, two = audio.keys(a), audio.keys(b)
    return any(bin(int(v ^ w)).count("1") <= audio.WORD_BITS for k, v in one for w in two[two[:, 0] == k, 1])


def same(a, b):
    return audio.telling(a) and audio.telling(b) and found(a, b) and audio.align(a, b)[0] >= audio.AGREEMENT


def tones(seed, partials):
    """A tune of notes of a quarter of a second or longer."""
    rng = np.random.default_rng(seed)
    out = np.zeros(0)
    while len(out) < SECONDS * MONO_RATE_HZ:
        t = np.arange(int(rng.uniform(0.25, 0.6) * MONO_RATE_HZ)) / MONO_RATE_HZ
        hz = rng.uniform(300, 1200)
        out = np.concatenate([out, np.exp(-t) * sum(np.sin(2 * np.pi * hz * k * t) / k for k in range(1, partials + 1))])
    return 0.2 * out[:SECONDS * MONO_RATE_HZ]


def band(seed, low, high):
    """Noise between two frequencies, louder and quieter in turn."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft(rng.normal(size=SECONDS * MONO_RATE_HZ))
    hz = np.fft.rfftfreq(SECONDS * MONO_RATE_HZ, 1 / MONO_RATE_HZ)
    loud = np.interp(np.arange(SECONDS * MONO_RATE_HZ), np.arange(0, (SECONDS + 1) * MONO_RATE_HZ, 6000), rng.random(SECONDS * 3 + 1)[:19])
    return 0.1 * loud * np.fft.irfft(np.where((hz > low) & (hz < high), spectrum, 0))


SOUNDS = {"tune": lambda seed: tones(seed, 8), "pure tones": lambda seed: tones(seed, 1), "wide noise": lambda seed: band(seed, 200, 7500),
          "narrow noise": lambda seed: band(seed, 300, 1200)}


@pytest.mark.parametrize("kind", SOUNDS)
def test_a_sound_is_found_again_wherever_its_copy_begins(kind):
    sound = SOUNDS[kind](1)
    given = heard(sound)
    for start in range(MONO_BLOCK * 4, MONO_BLOCK * 5, MONO_BLOCK // 4):  # delays against the blocks of the original, half a block among them
        copy = heard(sound[start:] / 4)
        assert same(given, copy), start
        assert audio.align(given, copy)[1] == pytest.approx(start / MONO_BLOCK, abs=0.3)


@pytest.mark.parametrize("kind", SOUNDS)
def test_a_sound_is_found_again_in_noise_and_another_of_its_kind_is_not(kind):
    sound = SOUNDS[kind](1)
    noise = np.random.default_rng(9).normal(size=len(sound)) * sound.std() / 10
    assert same(heard(sound), heard(sound + noise))
    assert audio.align(heard(sound), heard(SOUNDS[kind](2)))[0] < 0.3


def test_a_narrow_band_of_a_sound_is_found():
    sound = band(3, 200, 7500)
    spectrum = np.fft.rfft(sound)
    hz = np.fft.rfftfreq(len(sound), 1 / MONO_RATE_HZ)
    telephone = np.fft.irfft(np.where((hz > 300) & (hz < 3400), spectrum, 0))
    assert same(heard(sound), heard(telephone))


@pytest.mark.parametrize("samples", [np.zeros(SECONDS * MONO_RATE_HZ), np.ones(1), np.zeros(0), np.ones(SECONDS * MONO_RATE_HZ),
                                     0.3 * np.sin(np.arange(SECONDS * MONO_RATE_HZ) * 0.2), np.full(SECONDS * MONO_RATE_HZ, 1e-6)])
def test_silence_a_click_and_a_steady_tone_prove_nothing(samples):
    assert not audio.telling(heard(samples) if len(samples) >= MONO_BLOCK else np.zeros(0, np.uint32))


def test_a_beep_over_and_over_proves_nothing_but_is_heard():
    t = np.arange(SECONDS * MONO_RATE_HZ) / MONO_RATE_HZ
    words = heard(np.sin(2 * np.pi * 1000 * t) * (t % 1.024 < 0.256))
    assert words.any()
    assert len(np.unique(words[words > 0])) < audio.LEAST_KINDS


def test_near_words_of_a_small_bucket_meet():
    rng = np.random.default_rng(1)
    bucket, node, value = (np.array(of) for of in zip(*{(b, n, v) for b, n, v in rng.integers(0, (40, 30, 64), (300, 3)).tolist()}, strict=True))
    wanted = {(int(min(node[i], node[j])), int(max(node[i], node[j]))) for i in range(len(bucket)) for j in range(i)
              if bucket[i] == bucket[j] and node[i] != node[j] and (int(value[i]) ^ int(value[j])).bit_count() <= audio.WORD_BITS}
    assert np.bincount(bucket).max() <= audio.WHOLE
    src, dst = audio.meet(bucket.astype(np.uint64), node, value.astype(np.uint64))
    assert sorted(zip(src.tolist(), dst.tolist(), strict=True)) == sorted(wanted)


def test_a_sound_of_thousands_meets_few_and_the_least_of_them(fingerprint):
    """Copies with bits turned in other words each: every turned word is near the one that all others hold."""
    rng, words, rows = np.random.default_rng(2), fingerprint(6, 60), []
    for node in range(1000):
        copy = words.copy()
        copy[rng.integers(0, len(copy), 5)] ^= np.uint32(1) << rng.integers(0, 32, 5).astype(np.uint32)
        rows.append(np.insert(audio.keys(copy), 1, node, axis=1))
    bucket, node, value = np.concatenate(rows).T
    src, dst = audio.meet(bucket, node.astype(np.int64), value)
    assert set(dst[src == 0].tolist()) == set(range(1, 1000))
    assert len(src) < 1000 * 100  # of 499,500


@pytest.mark.parametrize("words", [[], [5], [1, 2, 3], [2**32 - 1] * 301])
def test_a_list_that_ends_within_a_block_does_no_harm(words, fingerprint):
    given = np.array(words, np.uint32)
    assert audio.keys(given).shape[1] == 2
    assert audio.align(given, fingerprint(1, 40))[0] < audio.AGREEMENT
    odd = fingerprint(1, 40)[:-1]
    assert same(odd, fingerprint(1, 40))


def trits(words):
    bits = (words.reshape(-1, 2)[:, :, None] >> np.arange(32, dtype=np.uint32) & 1).astype(int)
    return bits[:, 0] - bits[:, 1]


@pytest.mark.parametrize("sizes", [(40, 40), (60, 25), (9, 30)])
def test_correlation_is_that_of_numpy(fingerprint, sizes):
    a, b = fingerprint(1, sizes[0]), fingerprint(2, sizes[1])
    x, y = trits(a), trits(b)
    least = max(audio.LEAST_BLOCKS, int(np.ceil(audio.LEAST_OVERLAP * min(sizes))))

    def overlap(s):
        first, last = max(0, s), min(len(x), len(y) + s)
        u, v = x[first:last], y[first - s:last - s]
        return (u * v).sum() / np.sqrt(np.abs(u).sum() * np.abs(v).sum())

    shifts = range(least - len(y), len(x) - least + 1)
    whole = {float(s): overlap(s) for s in shifts}
    steady = np.sqrt(np.prod([max(0, (z[1:] * z[:-1]).sum()) / np.abs(z).sum() for z in (x, y)]))
    halves = {s - 0.5: (whole[s] + whole[s - 1]) / np.sqrt(2 * (1 + steady)) for s in whole if s - 1 in whole}
    score, shift = audio.align(a, b)
    wanted = whole | halves
    assert score == pytest.approx(max(wanted.values()))
    assert wanted[shift] == pytest.approx(score)


@pytest.mark.parametrize("seed", range(20))
def test_the_shift_of_a_sound_is_found_and_other_sound_does_not_agree(fingerprint, seed):
    rng = np.random.default_rng(seed)
    length, skipped = int(rng.integers(20, 80)), int(rng.integers(0, 30))
    words = fingerprint(seed, length + 40)
    copy = words[2 * skipped:2 * (skipped + length)] & ~np.bitwise_and.reduce(rng.integers(0, 2**32, (3, 2 * length), np.uint32))  # an eighth of the bits
    assert audio.align(words, copy) == (pytest.approx((7 / 8)**0.5, abs=0.03), skipped)
    assert audio.align(words, fingerprint(seed + 100, length))[0] < audio.AGREEMENT


def test_a_sound_is_itself_and_too_little_of_it_is_not(fingerprint):
    words = fingerprint(3, 50)
    assert audio.align(words, words) == (pytest.approx(1.0), 0.0)
    assert audio.align(words, words[:2 * audio.LEAST_BLOCKS - 2])[0] == 0.0
    padded = np.concatenate([words, np.zeros(200, np.uint32)])
    assert audio.align(padded, np.concatenate([np.zeros(200, np.uint32), fingerprint(4, 50)]))[0] < 0.3  # silence lies over silence


def test_words_are_filed_once_and_few_bits_with_those_that_follow(fingerprint):
    words = fingerprint(5, 30)
    assert len(audio.keys(np.tile(words, 2))) <= len(audio.keys(words)) + 4 * 2 * 2 * 2 * max(audio.LATER)
    few = np.zeros(60, np.uint32)
    few[::8] = 0b11 << np.arange(8)  # two bits in every fourth block
    assert found(few, np.concatenate([np.zeros(6, np.uint32), few]))
    other = np.zeros(60, np.uint32)
    other[::8] = 0b101 << np.arange(8)
    assert not found(few, other)
    extra = few.copy()
    extra[1::8] = 0b1111 << 20  # harmonics in the other half
    assert found(few, extra)

"""The resampler against the one of FFmpeg that it repeats."""

import numpy as np
import pytest

from jobs.media import resample

TO_HZ = 16_000
RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 88200, 96000, 192000)


def noise(count: int) -> np.ndarray:
    return np.random.default_rng(count).normal(0, 0.3, count).astype(np.float32)


def taken(machine: resample.Resampler, sound: np.ndarray, cuts: list[int]) -> np.ndarray:
    return np.concatenate([*(machine.feed(piece) for piece in np.split(sound, cuts)), machine.end()])


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("odd", [0, 1, 777])
def test_sound_is_resampled_as_by_ffmpeg_up_to_its_ends(rate: int, odd: int) -> None:
    sound = noise(rate + odd)
    expected = taken(resample._Graph(rate, TO_HZ), sound, [rate // 2])
    made = resample.resampler(rate, TO_HZ)
    assert isinstance(made, resample._Polyphase)
    found = taken(made, sound, [rate // 2])
    assert found.size == -(-sound.size * TO_HZ // rate)
    assert found.size - expected.size in (0, 1)  # FFmpeg leaves out a last one that it would make of a mirrored sample
    np.testing.assert_allclose(found[:expected.size], expected, atol=1e-6)


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
def test_pieces_of_any_length_give_the_same_bits(rate: int) -> None:
    sound = noise(rate)
    whole = taken(resample.resampler(rate, TO_HZ), sound, [])
    for cuts in ([1, 2, 3, 20, 90, 200, 5000], [rate - 1], [40, 40, 41]):
        assert np.array_equal(taken(resample.resampler(rate, TO_HZ), sound, cuts), whole)


@pytest.mark.parametrize("count", [0, 1, 2, 30, 60, 200])
def test_sound_shorter_than_the_filter_has_its_length_and_level(count: int) -> None:
    found = taken(resample.resampler(48_000, TO_HZ), np.full(count, 0.5, np.float32), [])
    assert found.size == -(-count // 3)
    np.testing.assert_allclose(found, 0.5, atol=1e-3)


@pytest.mark.parametrize("rate", [44_056, 47_999, 5_000_011])
def test_rates_without_a_common_measure_are_resampled_too(rate: int) -> None:
    t = np.arange(2 * rate) / rate
    found = taken(resample.resampler(rate, TO_HZ), np.sin(2 * np.pi * 440 * t).astype(np.float32), [rate])
    assert abs(found.size - 2 * TO_HZ) <= 1
    expected = np.sin(2 * np.pi * 440 * np.arange(found.size) / TO_HZ)
    np.testing.assert_allclose(found[500:-500], expected[500:-500], atol=2e-3)

"""Every measurement of sound against a reference implementation, or against what was put into it; `test_measures_reference` has FFmpeg's filters."""

import itertools
import math
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyloudnorm
import pytest

from jobs.clean.heard import Listening, _mix
from jobs.clean.measure import measure_file
from jobs.clean.measures import MONO_BLOCK, bandwidth, fingerprint, loudness
from jobs.media.encode import encode_audio
from schemas.settings import Measure

RATE = 48_000
SETTINGS = Measure().model_dump()


def heard(tmp_path: Path, line: np.ndarray, rate: int = RATE) -> dict[str, Any]:
    """The clip of a WAV of float samples."""
    path = tmp_path / "sound.wav"
    planar = np.ascontiguousarray(np.atleast_2d(line.T))
    with av.open(str(path), "w") as out:
        stream = out.add_stream("pcm_f32le", rate=rate, layout="mono" if planar.shape[0] == 1 else "stereo")
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(planar.T.reshape(1, -1).astype(np.float32)), format="flt",
                                           layout="mono" if planar.shape[0] == 1 else "stereo")
        frame.sample_rate = rate
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return measure_file(str(path), "audio", Measure(max_clip_s=600).model_dump())["clips"][0]


@pytest.mark.parametrize("rate", [8000, 22_050, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_loudness_agrees_with_pyloudnorm(tmp_path: Path, rate: int, channels: int) -> None:
    random = np.random.default_rng(rate)
    line = random.normal(0, 0.1, (rate * 6, channels)) * np.repeat([0.02, 1, 0.3, 1, 0.001, 0.8], rate)[:, None]
    line += 0.2 * np.sin(np.arange(rate * 6) * 2 * np.pi * 997 / rate)[:, None]
    line = line.clip(-1, 1).astype(np.float32)
    wanted = pyloudnorm.Meter(rate, filter_class="DeMan").integrated_loudness(line.astype(np.float64))
    assert heard(tmp_path, line, rate)["loudness_lufs"] == pytest.approx(wanted, abs=0.1)


def test_a_full_scale_tone_has_the_loudness_of_the_standard(tmp_path: Path) -> None:
    """BS.1770: 997 Hz at 0 dBFS in one channel is -3.01 LUFS."""
    line = np.sin(np.arange(RATE * 5) * 2 * np.pi * 997 / RATE).astype(np.float32)
    assert heard(tmp_path, line)["loudness_lufs"] == pytest.approx(-3.01, abs=0.05)


@pytest.mark.parametrize("rate", [1000, 2000, 2400, 3000, 3364])
def test_sound_of_a_rate_without_room_for_the_shelf_has_a_loudness(tmp_path: Path, rate: int) -> None:
    """Far below the shelf there is but the high pass of second order at 38 Hz: of a tone its mean square, less 0.691, is left but for that."""
    line = 0.5 * np.sin(np.arange(rate * 5) * 2 * np.pi * 200 / rate)
    assert heard(tmp_path, line.astype(np.float32), rate)["loudness_lufs"] == pytest.approx(10 * math.log10(0.125) - 0.691 - 20 * math.log10(1 + (38.135 / 200) ** 2), abs=0.2)


def test_what_is_louder_than_a_number_can_say_has_no_number(tmp_path: Path) -> None:
    line = np.where(np.arange(RATE) % 4 < 2, 3.4e38, -3.4e38).astype(np.float32)
    assert all(math.isfinite(value) for value in heard(tmp_path, line).values() if isinstance(value, float))


def test_the_true_peak_lies_between_the_samples(tmp_path: Path) -> None:
    """A tone at a quarter of the rate, sampled at 45 degrees, peaks 3 dB above its samples."""
    line = (0.5 * np.sin(np.arange(RATE) * np.pi / 2 + np.pi / 4)).astype(np.float32)
    clip = heard(tmp_path, line)
    assert np.abs(line).max() == pytest.approx(0.3536, abs=1e-3)
    assert clip["true_peak_dbtp"] == pytest.approx(20 * math.log10(0.5), abs=0.35)


def test_the_interpolator_is_a_sinc() -> None:
    assert loudness.interpolator().sum(axis=1) == pytest.approx([1, 1, 1])
    assert loudness.interpolator()[0] == pytest.approx(loudness.interpolator()[2][::-1])


def coded(tmp_path: Path, line: np.ndarray, codec: str, container: str) -> dict[str, Any]:
    """The clip of mono sound behind a codec."""
    frame = av.AudioFrame.from_ndarray(line.clip(-1, 1).astype(np.float32)[None], format="fltp", layout="mono")
    frame.sample_rate = RATE
    with av.open(str(tmp_path / "coded"), "w", format=container) as out:
        stream = out.add_stream(codec, rate=RATE, layout="mono")
        fitted = av.AudioResampler(stream.format, "mono", RATE, stream.codec_context.frame_size or 1024)
        for piece in [*fitted.resample(frame), *fitted.resample(None)]:
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    return measure_file(str(tmp_path / "coded"), "audio", SETTINGS)["clips"][0]


LOSSY = [("aac", "adts"), ("libmp3lame", "mp3"), ("libopus", "ogg")]


def syllables() -> np.ndarray:
    """A few harmonics with noise, peaks at 1."""
    random = np.random.default_rng(3)
    t = np.arange(RATE * 4) / RATE
    voice = sum(np.sin(2 * np.pi * 140 * k * t + random.uniform(0, 6)) / k for k in range(1, 9))
    line = voice * (0.4 + 0.6 * np.sin(2 * np.pi * 1.7 * t) ** 2) + random.normal(0, 0.05, t.size)
    return line / np.abs(line).max()


@pytest.mark.parametrize(("codec", "container"), LOSSY)
@pytest.mark.parametrize("gain_db", [-1, 12, 18])
def test_clipping_is_seen_through_a_lossy_codec(tmp_path: Path, codec: str, container: str, gain_db: float) -> None:
    """The codec rounds the tops off, so that no two samples are equal."""
    line = syllables() * 10 ** (gain_db / 20)
    share = coded(tmp_path, line, codec, container)["clipping_share"]
    wanted = float((np.abs(line) > 1).mean())
    assert (share, wanted) == (0, 0) if gain_db < 0 else 0.5 * wanted < share < 1.2 * wanted, (share, wanted)


@pytest.mark.parametrize(("codec", "container"), [*LOSSY, ("pcm_s16le", "wav")])
@pytest.mark.parametrize(("level", "voices"), [(0.3, 1), (0.6, 1), (1.0, 1), (0.3, 2), (0.97, 2), (0.97, 3)])
def test_square_waves_are_flat_and_not_clipped(tmp_path: Path, codec: str, container: str, level: float, voices: int) -> None:
    """A tune of a games console: notes of square and pulse waves, of a level each."""
    t, random = np.arange(RATE * 4) / RATE, np.random.default_rng(voices)
    line = np.zeros(t.size)
    for voice in range(voices):
        tones = 131 * 2 ** (random.integers(0, 24, 20) / 12)
        line += (1 - 0.3 * voice) * np.where(t * tones[(t / 0.2).astype(int)] % 1 < 0.5 / (1 + voice), 1, -1)
    assert coded(tmp_path, level * line / np.abs(line).max(), codec, container)["clipping_share"] == 0


@pytest.mark.parametrize(("codec", "container"), [*LOSSY, ("pcm_s16le", "wav")])
@pytest.mark.parametrize("gain_db", [6, 14])
def test_a_clipped_tone_is_told_from_a_square_wave(tmp_path: Path, codec: str, container: str, gain_db: float) -> None:
    line = 10 ** (gain_db / 20) * np.sin(np.arange(RATE * 4) * 2 * np.pi * 300 / RATE)
    share = coded(tmp_path, line, codec, container)["clipping_share"]
    assert share == pytest.approx(float((np.abs(line) > 1).mean()), rel=0.2)


@pytest.mark.parametrize(("codec", "container"), LOSSY)
def test_sound_that_was_clipped_and_made_quieter_is_told_from_what_was_saturated(tmp_path: Path, codec: str, container: str) -> None:
    """Clipping has one level; a soft limiter has as many as the sound that drives it."""
    line = syllables()
    assert coded(tmp_path, 0.4 * (line * 4).clip(-1, 1), codec, container)["clipping_share"] > 0.1
    assert coded(tmp_path, 0.4 * np.tanh(line * 1.6) / np.tanh(1.6), codec, container)["clipping_share"] < 0.005


@pytest.mark.parametrize("tone_hz", [35, 47, 50, 63, 440, 3700, 4000])
def test_a_tone_is_not_clipped_however_few_samples_it_has(tmp_path: Path, tone_hz: int) -> None:
    """The crest of a low one has samples that are nearly equal, and a block may end within it; half a wave of a high one has six in all."""
    tone = 0.97 * np.sin(np.arange(RATE * 4) * 2 * np.pi * tone_hz / RATE)
    assert heard(tmp_path, tone)["clipping_share"] == 0
    assert coded(tmp_path, tone, "libmp3lame", "mp3")["clipping_share"] < 0.001


def test_silence_clipping_and_noise_are_told(tmp_path: Path) -> None:
    tone = 0.4 * np.sin(np.arange(RATE * 4) / 12).astype(np.float32)
    quiet = tone.copy()
    quiet[RATE:RATE * 2] = 0
    assert heard(tmp_path, quiet)["silence_share"] == pytest.approx(0.25, abs=0.03)
    assert heard(tmp_path, tone)["clipping_share"] == 0
    clipped = (tone * 5).clip(-1, 1)
    assert heard(tmp_path, clipped)["clipping_share"] == pytest.approx(float((np.abs(clipped) >= 0.9999).mean()), abs=0.02)
    noise = np.random.default_rng(0).normal(0, 1, RATE * 4).astype(np.float32)
    gate = np.repeat([1, 0, 1, 0, 1, 0, 1, 0], RATE // 2)
    for level in (0.001, 0.03):
        snr = heard(tmp_path, (tone * gate + noise * level).astype(np.float32))["snr_db"]
        assert snr == pytest.approx(20 * math.log10(0.283 / level), abs=2)
    silence = heard(tmp_path, np.zeros(RATE * 2, np.float32))
    assert (silence["silence_share"], silence["loudness_lufs"], silence["true_peak_dbtp"], silence["bandwidth_hz"]) == (
        1.0,
        None,
        None,
        None,
    )


@pytest.mark.parametrize("cut_hz", [4000, 8000, 16_000])
def test_bandwidth_is_where_the_energy_ends(tmp_path: Path, cut_hz: int) -> None:
    random = np.random.default_rng(1)
    spectrum = np.fft.rfft(random.normal(0, 0.1, RATE * 4))
    spectrum[int(cut_hz * 4):] = 0
    line = np.fft.irfft(spectrum).astype(np.float32)
    assert heard(tmp_path, line)["bandwidth_hz"] == pytest.approx(cut_hz, abs=2 * RATE / 128)


def test_fingerprints_survive_gain_and_coding_and_tell_sounds_apart(tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    def tune(seed: int) -> np.ndarray:
        r = np.random.default_rng(seed)
        notes = [np.sin(np.arange(RATE // 4) * 2 * np.pi * f / RATE) * np.linspace(1, 0.3, RATE // 4)
                 + 0.5 * np.sin(np.arange(RATE // 4) * 2 * np.pi * 2.01 * f / RATE) for f in r.uniform(200, 900, 40)]
        return (0.2 * np.concatenate(notes) + random.normal(0, 0.005, RATE * 10)).astype(np.float32)

    def words(line: np.ndarray) -> np.ndarray:
        return np.array(heard(tmp_path, line)["audio_fingerprint"], np.uint32)

    def alike(a: np.ndarray, b: np.ndarray) -> float:
        """Share of the bits set in either that are set in both."""
        size = min(a.size, b.size)
        return float(np.bitwise_count(a[:size] & b[:size]).sum() / np.bitwise_count(a[:size] | b[:size]).sum())

    one = tune(1)
    (tmp_path / "coded.m4a").write_bytes(encode_audio(one, RATE, 64_000))
    coded = np.array(measure_file(str(tmp_path / "coded.m4a"), "audio", SETTINGS)["clips"][0]["audio_fingerprint"], np.uint32)
    assert len(words(one)) == pytest.approx(2 * 10 / 0.128, abs=4)
    assert not (words(one)[::2] & words(one)[1::2]).any()
    assert alike(words(one), words(one * np.float32(0.3))) > 0.98
    assert alike(words(one), coded) > 0.8
    assert alike(words(one), words(tune(2))) < 0.3


def test_the_words_of_a_fingerprint_are_those_of_its_formula() -> None:
    random = np.random.default_rng(6)
    sound = (random.normal(0, 1, (40, MONO_BLOCK)) * 10 ** random.uniform(-4, -1, (40, 1))).astype(np.float32)
    line = np.concatenate([np.zeros(fingerprint.WINDOW - fingerprint.HOP), sound.ravel()])
    windows = np.lib.stride_tricks.sliding_window_view(line, fingerprint.WINDOW)[::fingerprint.HOP]
    power = np.abs(np.fft.rfft(windows * np.hanning(fingerprint.WINDOW) / (fingerprint.WINDOW * np.sqrt(0.375)))) ** 2
    edges = np.round(np.geomspace(*fingerprint.RANGE_HZ, fingerprint.BANDS + 1) * fingerprint.WINDOW / 16_000).astype(int)
    bands = np.stack([power[:, a:b].sum(axis=1) for a, b in itertools.pairwise(edges)], axis=1)
    energy = bands[::2] + bands[1::2]
    wanted = np.zeros((len(sound), 2))
    for n in range(3, len(sound)):
        floor = fingerprint.FLOOR * energy[max(n - fingerprint.MEMORY, 0):n + 1].max() + fingerprint.SILENT
        grown = np.log(energy[n] + energy[n - 1] + floor) - np.log(energy[n - 2] + energy[n - 3] + floor)
        more = grown[:-1] - grown[1:]
        wanted[n] = [float((change > fingerprint.STEP) @ 2.0 ** np.arange(fingerprint.BANDS - 1)) for change in (more, -more)]
    assert np.array_equal(fingerprint.hear(16_000, ["FC"])(sound), wanted)


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_the_bands_of_a_block_are_those_of_its_spectrum(channels: int) -> None:
    sound = np.random.default_rng(7).normal(0, 0.1, (channels, 6000)).astype(np.float32)
    ends = np.array([[0, 1600], [1600, 3000], [3000, 5500], [5500, 5550]])
    rows = bandwidth.hear(RATE, ["FC"] * channels)(sound, ends)
    for row, (start, end) in zip(rows, ends, strict=True):
        line = np.zeros(bandwidth.SIZE)
        part = sound[:, start:min(end, start + bandwidth.SIZE)].mean(axis=0)  # channels alike count alike
        line[:part.size] = part * np.hanning(bandwidth.SIZE)[:part.size] if part.size >= bandwidth.LEAST else 0
        wanted = (np.abs(np.fft.rfft(line)[1:]) ** 2).reshape(bandwidth.BANDS, -1).sum(axis=1)
        assert row == pytest.approx(wanted, rel=1e-5, abs=1e-12)
    assert bandwidth.hear(RATE, ["FC"] * channels)(sound, ends[:0]).shape == (0, bandwidth.BANDS)


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_noticed_in_any_channel_and_only_where_it_is(odd: float) -> None:
    room = np.random.default_rng(8).normal(0, 3, (6, 900)).astype(np.float32)
    room[4, 100] = odd
    mono, shares = np.empty(700, np.float32), np.array([0.3, 0.3, 0.4, 0, 0, 0], np.float32)
    assert not _mix(room, shares, 100, mono)
    assert _mix(room, shares, 101, mono)
    np.testing.assert_allclose(mono, shares[:3] @ room[:3, 101:801], rtol=1e-5, atol=1e-6)


def test_the_rows_of_a_fingerprint_do_not_depend_on_how_sound_comes() -> None:
    sound = np.random.default_rng(2).normal(0, 0.1, (40, MONO_BLOCK)).astype(np.float32)
    whole = fingerprint.hear(16_000, ["FC"])(sound)
    hear = fingerprint.hear(16_000, ["FC"])
    assert np.array_equal(np.concatenate([hear(part) for part in np.split(sound, [1, 2, 9, 30])]), whole)
    assert not whole[:3].any()
    assert whole[3:].all()
    later = fingerprint.hear(16_000, ["FC"])(sound[20:])
    assert np.array_equal(later[fingerprint.MEMORY + 1:], whole[20 + fingerprint.MEMORY + 1:])


MEDIA = Path(__file__).parents[4] / "shared" / "media"


@pytest.mark.skipif(not MEDIA.is_dir(), reason="the collection of real media is not there")
def test_speech_is_told_from_music_and_rain() -> None:
    share = {
        name: np.mean([c["speech_share"] for c in measure_file(str(MEDIA / "audio" / name), "audio", SETTINGS)["clips"]])
        for name in (
            "jfk.flac",
            "LJ001-0001.flac",
            "198-209-0000.ogg",
            "test.wav",
            "sorohanro_-_solo-trumpet-06.ogg",
            "rain.mp3",
        )
    }
    assert min(share[n] for n in ("jfk.flac", "LJ001-0001.flac", "198-209-0000.ogg", "test.wav")) > 0.45
    assert max(share[n] for n in ("sorohanro_-_solo-trumpet-06.ogg", "rain.mp3")) < 0.1


def test_long_sound_is_parted_evenly(tmp_path: Path) -> None:
    (tmp_path / "long.m4a").write_bytes(encode_audio(np.full(RATE * 25, 0.1, np.float32), RATE))
    clips = measure_file(str(tmp_path / "long.m4a"), "audio", SETTINGS)["clips"]
    assert [c["duration_s"] for c in clips] == [pytest.approx(12.5, abs=0.05)] * 2


@pytest.mark.parametrize("later", [("5.1", 48_000), ("mono", 48_000), ("stereo", 32_000)])
def test_sound_that_changes_its_channels_or_its_rate_is_heard_to_its_end(tmp_path: Path, later: tuple[str, int]) -> None:
    """As between a film and its advertisements: a tone goes on while AC-3 changes its form."""
    whole = b""
    for layout, rate in (("stereo", 48_000), later):
        target = tmp_path / f"{layout}-{rate}.ac3"
        line = np.tile(0.25 * np.sin(np.arange(2 * rate) * 2 * np.pi * 440 / rate), (av.AudioLayout(layout).nb_channels, 1)).astype(np.float32)
        with av.open(str(target), "w", format="ac3") as out:
            stream = out.add_stream("ac3", rate=rate, layout=layout)
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(line), format="fltp", layout=layout)
            frame.sample_rate = rate
            for piece in av.AudioResampler("fltp", layout, rate, stream.codec_context.frame_size or 1536).resample(frame):
                out.mux(stream.encode(piece))
            out.mux(stream.encode(None))
        whole += target.read_bytes()
    (tmp_path / "film.ac3").write_bytes(whole)
    (clip,) = measure_file(str(tmp_path / "film.ac3"), "audio", SETTINGS)["clips"]
    assert clip["duration_s"] == pytest.approx(4, abs=0.15)
    assert (clip["sample_rate_hz"], clip["channels"]) == (48_000, 2)
    assert clip["silence_share"] < 0.1


def test_sound_that_cannot_be_brought_to_what_it_was_is_counted_as_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refuses:
        def __init__(self, *_: Any) -> None:
            raise ValueError("no such layout")

    monkeypatch.setattr(av, "AudioResampler", Refuses)
    listening = Listening(RATE, ["FL", "FR"], "stereo", 0.0, lambda number: 0.0 if number < 1 else math.inf, False, 0, math.inf, lambda _: None)
    frame = av.AudioFrame.from_ndarray(np.zeros((6, 1536), np.float32), format="fltp", layout="5.1")
    frame.sample_rate = RATE
    listening.hear(frame, 0.0)
    assert (listening.lost, listening.seconds) == (1, 0.0)

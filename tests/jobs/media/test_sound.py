"""The sound of a span for models that listen."""

import math
import wave
from fractions import Fraction

import av
import numpy as np
import pytest

from jobs.media.faults import MediaFault, NoMedia
from jobs.media.sound import listen, sound_of


@pytest.fixture
def tones(tmp_path):
    """Ten seconds of 44.1 kHz stereo: in second n a tone of (n + 1) * 200 Hz, on the left alone."""
    t = np.arange(44_100) / 44_100
    left = np.concatenate([0.5 * np.sin(2 * math.pi * 200 * (n + 1) * t) for n in range(10)])
    with wave.open(str(tmp_path / "tones.wav"), "wb") as file:
        file.setparams((2, 2, 44_100, 0, "NONE", ""))
        file.writeframes((np.stack([left, np.zeros_like(left)], axis=1) * 32767).astype("<i2").tobytes())
    return tmp_path / "tones.wav"


def pitch(sound, rate):
    return np.fft.rfftfreq(len(sound), 1 / rate)[np.abs(np.fft.rfft(sound)).argmax()]


@pytest.mark.parametrize("rate", [16_000, 8_000])
def test_a_span_is_one_channel_from_exactly_its_start(tones, rate):
    for second in (0, 3, 9):
        sound = listen(tones, second, second + 1, rate)
        assert (sound.shape, sound.dtype) == ((rate,), np.float32)
        assert pitch(sound, rate) == pytest.approx((second + 1) * 200, abs=2)
    both = listen(tones, 4.5, 5.5, rate)
    assert pitch(both[: rate // 2], rate) == pytest.approx(1000, abs=4)
    assert pitch(both[rate // 2 :], rate) == pytest.approx(1200, abs=4)


def test_beyond_the_end_is_silence_and_nothing_at_all_is_a_fault(tones, tmp_path):
    sound = listen(tones, 9.5, 11.0, 16_000)
    assert np.abs(sound[:7_000]).max() > 0.1
    assert np.abs(sound[9_000:]).max() == 0
    with pytest.raises(NoMedia):
        listen(tones, 30.0, 31.0, 16_000)
    (tmp_path / "text.wav").write_text("no sound at all")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    for name in ("text.wav", "picture.png", "gone.wav"):
        with pytest.raises(MediaFault):
            listen(tmp_path / name, 0.0, 1.0, 16_000)


@pytest.mark.parametrize(("layout", "rate"), [("5.1", 48_000), ("mono", 48_000), ("stereo", 32_000)])
def test_sound_that_changes_on_the_way_keeps_its_pitch(tmp_path, layout, rate):
    import av

    whole = b""
    for form, hz in (("stereo", 48_000), (layout, rate)):
        line = np.tile(0.25 * np.sin(np.arange(2 * hz) * 2 * np.pi * 440 / hz), (av.AudioLayout(form).nb_channels, 1)).astype(np.float32)
        with av.open(str(tmp_path / "part.ac3"), "w", format="ac3") as out:
            stream = out.add_stream("ac3", rate=hz, layout=form)
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(line), format="fltp", layout=form)
            frame.sample_rate = hz
            for piece in av.AudioResampler("fltp", form, hz, stream.codec_context.frame_size or 1536).resample(frame):
                out.mux(stream.encode(piece))
            out.mux(stream.encode(None))
        whole += (tmp_path / "part.ac3").read_bytes()
    (tmp_path / "film.ac3").write_bytes(whole)
    for second in (0.5, 2.5):
        assert pitch(listen(tmp_path / "film.ac3", second, second + 1, 16_000), 16_000) == pytest.approx(440, abs=3)


def test_channels_that_have_no_place_are_heard_as_one(tmp_path):
    """Nine without names, and ambisonics, of which the first hears all around and the others come from sides."""
    tone = 0.3 * np.sin(2 * math.pi * 440 * np.arange(96_000) / 48_000)
    with wave.open(str(tmp_path / "nine.wav"), "wb") as file:
        file.setparams((9, 2, 48_000, 0, "NONE", ""))
        file.writeframes((np.repeat(tone[:, None], 9, axis=1) * 32767).astype("<i2").tobytes())
    with av.open(str(tmp_path / "around.mkv"), "w") as out:
        stream = out.add_stream("libopus", rate=48_000, layout="ambisonic 1", options={"mapping_family": "2"})
        around = np.stack([tone, -tone, -tone, -tone], axis=1).astype(np.float32)
        for at in range(0, len(tone), 960):
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(around[at:at + 960]).reshape(1, -1), format="flt", layout="ambisonic 1")
            frame.sample_rate, frame.pts, frame.time_base = 48_000, at, Fraction(1, 48_000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    for name in ("nine.wav", "around.mkv"):
        sound = listen(tmp_path / name, 0.5, 1.5, 16_000)
        assert pitch(sound, 16_000) == pytest.approx(440, abs=2)
        assert np.abs(sound).max() == pytest.approx(0.3, abs=0.03)


def test_samples_that_are_no_numbers_are_silence(tmp_path):
    import av

    line = (0.25 * np.sin(np.arange(96_000) / 20)).astype(np.float32)
    line[1000:1003] = np.nan
    with av.open(str(tmp_path / "odd.wav"), "w") as out:
        stream = out.add_stream("pcm_f32le", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(line[None], format="flt", layout="mono")
        frame.sample_rate = 48_000
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    assert np.isfinite(listen(tmp_path / "odd.wav", 0.0, 2.0, 16_000)).all()


def test_a_first_frame_that_bears_the_time_of_one_before_it_does_not_shift_what_follows(tmp_path):
    """A seek into the middle of a packet of MPEG-PS tears frames: all sound of the clip lay a frame or two, 24 or 48 ms, beside its picture."""
    noise = np.repeat(np.random.default_rng(5).normal(0, 0.2, 48000 * 3 // 8), 8).astype(np.float32)
    path = tmp_path / "sound.mkv"
    with av.open(str(path), "w") as target:
        stream = target.add_stream("mp2", rate=48000, layout="mono")
        stream.bit_rate = 192000
        for start in range(0, len(noise) - 1152, 1152):
            frame = av.AudioFrame.from_ndarray((noise[None, start:start + 1152] * 32767).clip(-32767, 32767).astype(np.int16), format="s16", layout="mono")
            frame.sample_rate, frame.pts = 48000, start
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))

    def heard(first, early_s):
        with av.open(str(path)) as container:
            packets = [p for p in container.demux(audio=0) if p.pts is not None][first:]
            packets[0].pts -= round(early_s / packets[0].time_base)
            return sound_of(packets, 0.0, 1.0, 2.5)[0][:, 0]

    true = heard(0, 0.0)[4800:]
    for frames in (1, 2):
        shifted = heard(42, frames * 0.024)[4800:]
        likeness = np.fft.irfft(np.fft.rfft(shifted, 2 * len(true)) * np.conj(np.fft.rfft(true, 2 * len(true))))
        late = (int(likeness.argmax()) + len(true)) % (2 * len(true)) - len(true)
        assert abs(late) <= 48, "to the millisecond that Matroska counts in"

"""Sound whose times have gaps and overlaps: it is measured where it is heard, and every clip of it can be cut."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from jobs.clean.measure import measure_file
from jobs.media.cut import cut_file
from schemas.settings import Measure

RATE, PIECE = 16_000, 800
SHORT = Measure(max_clip_s=5.0).model_dump()


def recorded(path: Path, pieces: Sequence[tuple[float, float]], level: Sequence[float] = (0.2,) * 99, picture_s: float = 0.0) -> str:
    """A Matroska of tones, each with its time and length in seconds, and of a moving picture if that has any length."""
    with av.open(str(path), "w", format="matroska") as target:
        packets: list[Any] = []
        sound = target.add_stream("pcm_s16le", rate=RATE, layout="mono")
        if picture_s:
            picture = target.add_stream("mpeg4", rate=10, options={"g": "10"})
            picture.width, picture.height, picture.pix_fmt = 96, 64, "yuv420p"
            ground = np.random.default_rng(0).integers(0, 255, (64, 96, 3), np.uint8)
            for i in range(round(10 * picture_s)):
                frame = av.VideoFrame.from_ndarray(np.roll(ground, i, axis=1), format="rgb24").reformat(format="yuv420p")
                frame.pts, frame.time_base = i, Fraction(1, 10)
                packets += picture.encode(frame)
            packets += picture.encode(None)
        for (start_s, length_s), loud in zip(pieces, level, strict=False):
            tone = (32767 * loud * np.sin(2 * np.pi * 440 * np.arange(round(RATE * length_s)) / RATE)).astype(np.int16)
            for at in range(0, len(tone), PIECE):
                frame = av.AudioFrame.from_ndarray(tone[None, at : at + PIECE], format="s16", layout="mono")
                frame.sample_rate, frame.pts, frame.time_base = RATE, round(start_s * RATE) + at, Fraction(1, RATE)
                packets += sound.encode(frame)
        for packet in sorted(packets, key=lambda p: p.dts * p.time_base):
            target.mux(packet)
    return str(path)


@pytest.mark.parametrize("picture_s", [0.0, 30.0], ids=["sound-alone", "with-a-picture"])
def test_a_pause_of_a_muted_recorder_is_silence_at_its_place(picture_s: float, tmp_path: Path) -> None:
    path = recorded(tmp_path / "muted", [(0, 5), (20, 10)], (0.2, 0.05), picture_s)
    made = measure_file(path, "video" if picture_s else "audio", SHORT)
    assert made["duration_s"] == pytest.approx(30, abs=0.1)
    told = [(c["start_s"], c["loudness_lufs"], c["silence_share"]) for c in made["clips"]]
    loud = {0: -17.0, 5: None, 10: None, 15: None, 20: -29.0, 25: -29.0}
    assert [round(start) for start, *_ in told] == list(loud)
    for start, lufs, silence in told:
        wanted = loud[round(start)]
        assert silence == pytest.approx(1.0 if wanted is None else 0.0, abs=0.05), start
        assert (lufs is None or lufs < -50) if wanted is None else lufs == pytest.approx(wanted, abs=1.0), start  # filters ring out
    if picture_s:
        assert abs(made["clips"][0]["av_skew_s"]) < 0.1
    for clip in (c for c in made["clips"] if picture_s or c["silence_share"] < 0.5):
        assert cut_file(path, clip["start_s"], clip["end_s"], "encode", 20)["video" if picture_s else "audio"]


def test_a_long_recording_with_a_pause_is_as_long_as_its_clock(tmp_path: Path) -> None:
    made = measure_file(recorded(tmp_path / "long", [(0, 5), (12, 68)]), "audio", Measure(max_clip_s=10.0).model_dump())
    assert made["duration_s"] == pytest.approx(80, abs=0.1)
    assert made["clips"][-1]["end_s"] == pytest.approx(80, abs=0.1)
    assert made["clips"][-1]["loudness_lufs"] == pytest.approx(-17, abs=1)


def test_sound_that_is_there_twice_is_heard_once(tmp_path: Path) -> None:
    """Ten pieces of 2.2 s, two seconds apart, each louder than the one before: what is at ten seconds is not heard at eleven."""
    levels = [0.05 * 1.2**i for i in range(10)]
    made = measure_file(recorded(tmp_path / "twice", [(2.0 * i, 2.2) for i in range(10)], levels), "audio", Measure(max_clip_s=2.02).model_dump())
    assert made["duration_s"] == pytest.approx(20.2, abs=0.05)
    for clip in made["clips"]:
        middle = (clip["start_s"] + clip["end_s"]) / 2
        assert clip["loudness_lufs"] == pytest.approx(20 * np.log10(levels[min(int(middle / 2.0), 9)]) - 3.0, abs=1.2)


def test_an_hour_of_silence_costs_no_memory_and_years_are_none(tmp_path: Path) -> None:
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    made = measure_file(recorded(tmp_path / "hour", [(0, 5), (3000, 5)]), "audio", Measure(max_clip_s=20.0).model_dump())
    assert made["duration_s"] == pytest.approx(3005, abs=0.2)
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < 120
    with pytest.raises(Exception, match="of what the header promises"):  # a jump of the clock: only what is there counts
        measure_file(recorded(tmp_path / "years", [(0, 5), (80_000, 5)]), "audio", SHORT)


@pytest.mark.parametrize(("length_s", "told"), [(0.35, False), (0.39, False), (0.4, True), (0.5, True)])
def test_loudness_is_told_from_four_tenths_of_a_second_on(length_s: float, told: bool, tmp_path: Path) -> None:
    (clip,) = measure_file(recorded(tmp_path / "short", [(0, length_s)]), "audio", SHORT)["clips"]
    assert (clip["loudness_lufs"] is not None) is told

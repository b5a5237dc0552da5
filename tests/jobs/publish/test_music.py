import io
import wave
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jobs.errors import Terminal
from jobs.lake import Lake, Slice, Version
from jobs.publish import job, music
from schemas import SAMPLES


def sound(pitch: float, seconds: float = 4.0) -> bytes:
    t = np.arange(int(seconds * 22050)) / 22050
    sink = io.BytesIO()
    with wave.open(sink, "wb") as file:
        file.setnchannels(1), file.setsampwidth(2), file.setframerate(22050)
        file.writeframes((9000 * np.sin(2 * np.pi * pitch * t)).astype("<i2").tobytes())
    return sink.getvalue()


def release(tmp_path: Path, **speech: float) -> Version:
    """Sounds by name with their share of speech, and a video without any."""
    lake = Lake(str(tmp_path / "music")).open(create=True)
    rows = [
        {"sample_id": name, "source_id": f"of {name}", "modality": "audio", "split": "train", "uri": name, "start_s": 0.0, "end_s": 4.0,
         "duration_s": 1.0 if name == "brief" else 4.0, "labels": [], "cut": "whole", "speech_share": share,
         "loudness_lufs": -70.0 if name == "still" else -20.0, "audio": sound(220), "audio_type": "audio/wav"}
        for name, share in speech.items()
    ]
    rows.append(rows[0] | {"sample_id": "film", "modality": "video", "audio": None})
    facts = lake.write_part(SAMPLES, "v", "p.parquet", SAMPLES.rows(rows))
    return Version(lake, SAMPLES, "v", {"files": [facts], "table": "samples"})


def test_only_sounds_without_speech_that_last_and_are_heard_serve(tmp_path: Path) -> None:
    found = music.beds(release(tmp_path, waltz=0.0, talk=0.8, brief=0.0, still=0.0, rain=0.05))
    assert [bed.sample_id for bed in found] == ["rain", "waltz"]
    assert found[0].read() == sound(220)
    picked = {music.pick(found, f"prompt {i}").sample_id for i in range(20)}
    assert picked == {"rain", "waltz"}
    more = [*found, replace(found[0], sample_id="drums")]
    changed = {music.pick(more, f"prompt {i}").sample_id for i in range(20) if music.pick(more, f"prompt {i}") != music.pick(found, f"prompt {i}")}
    assert changed == {"drums"}


def test_a_corpus_without_music_or_a_lake_without_a_release_is_named(tmp_path: Path) -> None:
    with pytest.raises(Terminal, match="no sound of the release"):
        music.beds(release(tmp_path, talk=0.8))
    with pytest.raises(Terminal, match="no release to take music from"):
        music.release(Lake(str(tmp_path / "empty")).open(create=True))


def test_a_video_with_music_of_the_corpus_names_it_for_a_takedown(quick: Any, task: Any, tmp_path: Path) -> None:
    settings = quick("publish.music=corpus")
    bed = music.pick(music.beds(release(tmp_path, waltz=0.0)), "p")
    assert isinstance(bed.part, Slice)
    plain = task(settings)
    (row,) = job.work(replace(plain, bed=bed), settings).tables["publications"].to_pylist()
    assert row["sample_ids"] == ["waltz"]
    assert row["loudness_lufs"] == pytest.approx(-16, abs=0.5)
    (file,) = (tmp_path / "out").glob("*.mp4")

    from jobs.generate import audio

    heard = audio.read(file)[:, 0].astype(np.float64)
    lead = heard[int(0.1 * audio.RATE):int(0.3 * audio.RATE)]  # before the first word
    assert abs(lead @ np.exp(-2j * np.pi * 220 * np.arange(len(lead)) / audio.RATE)) / len(lead) > 1e-3
    job.work(replace(plain, bed=bed), settings)
    assert list((tmp_path / "out").glob("*.mp4")) == [file]

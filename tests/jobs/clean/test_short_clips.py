"""Short clips have pictures and numbers like long ones, wherever they lie in a shot."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image, ImageDraw

from jobs.clean.measure import measure_file
from schemas.settings import Measure

FPS, SIZE = 25, (320, 192)


@cache
def page(number: int) -> np.ndarray:
    """A page full of lines of small letters."""
    image = Image.new("L", SIZE, 235)
    draw = ImageDraw.Draw(image)
    rng = np.random.default_rng(number)
    for line in range(1, 17):
        draw.text((8, 11 * line - 6), "".join(rng.choice(list("abcdefghijklmnop   "), 46)), fill=int(rng.integers(0, 60)))
    return np.asarray(image).astype(np.float32)


def filmed(path: Path, seconds: float, shown: Callable[[float], np.ndarray]) -> str:
    with av.open(str(path), "w", format="mp4") as target:
        stream = target.add_stream("libx264", rate=FPS, options={"crf": "20", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for i in range(round(seconds * FPS)):
            grey = shown(i / FPS).clip(0, 255).astype(np.uint8)
            target.mux(stream.encode(av.VideoFrame.from_ndarray(np.repeat(grey[..., None], 3, axis=2), format="rgb24").reformat(format="yuv420p")))
        target.mux(stream.encode(None))
    return str(path)


def dissolving(every_s: float, over_s: float = 0.6) -> Callable[[float], np.ndarray]:
    def shown(t: float) -> np.ndarray:
        number, into = divmod(t, every_s)
        one, other = (page(n) for n in (int(number), int(number) + 1))
        share = max(0.0, (into - (every_s - over_s)) / over_s)
        return (1 - share) * one + share * other

    return shown


def in_one_light_after_the_other(t: float) -> np.ndarray:
    """One page all the time, without a jump."""
    return np.asarray(page(0) * (0.9 + 0.1 * np.sin(t)))


@pytest.mark.parametrize("every_s", [1.75, 1.9, 2.3])
def test_clips_between_dissolves_have_frames_and_all_numbers(every_s: float, tmp_path: Path) -> None:
    made = measure_file(filmed(tmp_path / "film", 24, dissolving(every_s)), "video", Measure(min_clip_s=0.5).model_dump())
    clips = [c for c in made["clips"] if c["duration_s"] >= 0.5]
    assert len(clips) >= 6
    _whole(clips)


@pytest.mark.parametrize("max_clip_s", [1.0, 1.5, 2.0])
def test_short_clips_of_one_long_shot_have_frames_and_all_numbers(max_clip_s: float, tmp_path: Path) -> None:
    made = measure_file(filmed(tmp_path / "film", 30, in_one_light_after_the_other), "video", Measure(min_clip_s=0.5, max_clip_s=max_clip_s).model_dump())
    assert len(made["clips"]) >= 14
    _whole(made["clips"])


def test_clips_of_a_long_shot_store_as_many_frames_as_they_are_to(tmp_path: Path) -> None:
    made = measure_file(filmed(tmp_path / "film", 30, in_one_light_after_the_other), "video", Measure(max_clip_s=5.0).model_dump())
    assert [len(clip["frames"]) for clip in made["clips"]] == [4] * 6


def _whole(clips: list[dict[str, Any]]) -> None:
    for clip in clips:
        assert clip["frames"], clip["start_s"]
        missing = [name for name in ("text_area_share", "colourfulness", "acutance", "sharpness", "luma_mean") if clip[name] is None]
        assert not missing, (clip["start_s"], clip["end_s"], missing)
        assert clip["text_area_share"] > 0.2

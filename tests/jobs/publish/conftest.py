"""A finished prompt in a small lake: its clips as `generate` leaves them, and settings for a quick video."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobs.lake import Lake, Slice
from jobs.prompts import job as prompts
from jobs.publish.job import Clip, Task
from schemas import GENERATIONS
from schemas.loading import load
from schemas.settings import Settings

TEXT = "今天去了西藏，风景真的很美。"


@pytest.fixture(autouse=True, scope="session")
def own_key(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A test key of this session, not of the user's cache."""
    patch = pytest.MonkeyPatch()
    patch.setenv("REELMILL_CACHE", str(tmp_path_factory.mktemp("cache")))
    yield
    patch.undo()


@pytest.fixture
def quick(tmp_path: Path) -> Callable[..., Settings]:
    """Settings of a small, coarse video in a folder of this test."""

    def quick(*more: str) -> Settings:
        return load(
            [
                f"runtime.lake={tmp_path / 'lake'}",
                f"runtime.out={tmp_path / 'out'}",
                "publish.short_side_px=240",
                "publish.fps=12",
                "prompts.aspect=1:1",
                *more,
            ],
            env={},
        )

    return quick


@pytest.fixture
def task(tmp_path: Path) -> Callable[..., Task]:
    """A task of `publish` for a text: its storyboard, and a rendered clip for each shot."""

    def task(settings: Settings, text: str = TEXT, lang: str = "", without: tuple[int, ...] = ()) -> Task:
        from jobs.generate.asset import encoded
        from jobs.train.world import Scene, render

        row, why = prompts.judged(text, settings)
        assert row is not None, why
        row["lang"] = lang or row["lang"]
        rows = []
        for i, shot in enumerate(row["shots"]):
            frames = render(
                Scene(place="mountains", time="day", weather="clear", camera="right"), width=64, height=64, frames=8, seed=i
            )
            rows.append(
                {
                    "generation_id": f"g{i}",
                    "prompt_id": row["prompt_id"],
                    "shot": i,
                    "attempt": 0,
                    "prompt": shot["prompt"],
                    "model": "m",
                    "revision": "r",
                    "family": "f",
                    "seed": i,
                    "steps": 1,
                    "width": 64,
                    "height": 64,
                    "frames": 8,
                    "fps": 8.0,
                    "scores": [],
                    "verdict": "accepted",
                    "video": encoded(frames, 8.0, {}),
                }
            )
        lake = Lake(str(tmp_path / "clips"))
        lake.write_part(GENERATIONS, "v", "p.parquet", GENERATIONS.rows(rows))
        part = Slice(lake.root, lake.path("generations", "v", "p.parquet"), (0,), len(rows))
        clips = tuple(None if i in without else Clip(f"g{i}", part) for i in range(len(rows)))
        return Task(row, clips, "hash", "run")

    return task

"""The three jobs as they run: on Spark, through the lake, with a real pipeline that nobody trained (its pictures are noise)."""

import json
from pathlib import Path
from typing import Any

import pytest

from jobs import job as jobs_of
from jobs.errors import Terminal
from jobs.lake import Lake
from jobs.run import execute
from schemas import GENERATIONS, PROMPTS, PUBLICATIONS, REJECTS
from schemas.loading import load
from schemas.settings import Settings

pytestmark = [pytest.mark.spark]
TEXTS = ["今天去了西藏。", "🎉", "We reached the sea."]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, untrained: Path) -> Settings:
    folder = tmp_path_factory.mktemp("videos")
    return load(
        [
            f"runtime.lake={folder / 'lake'}",
            f"generate.model={untrained}",
            f"prompts.texts={json.dumps(TEXTS)}",
            "master=local[1]",
            "prompts.aspect=1:1",
            "publish.short_side_px=240",
            "publish.fps=12",
            "policy.preset=everything",
            "generate.batch=1",
            "progress=false",
        ],
        env={},
    )


@pytest.fixture(scope="module", autouse=True)
def only_videos() -> Any:
    """The jobs of the corpus are not asked: prompts of a user need no release."""
    patch = pytest.MonkeyPatch()
    patch.setattr(jobs_of, "ORDER", {n: where for n, where in jobs_of.ORDER.items() if n in jobs_of.VIDEOS})
    yield
    patch.undo()


def test_texts_become_published_videos_and_a_second_run_does_nothing(settings: Settings) -> None:
    outcomes = {name: execute(name, settings) for name in jobs_of.VIDEOS}
    assert {n: (o.seen, o.kept) for n, o in outcomes.items()} == {"prompts": (3, 2), "generate": (2, 2), "publish": (2, 2)}
    lake = Lake(settings.runtime.lake)
    versions = {
        t.name: lake.version(t, outcomes[job].fingerprint)
        for job, t in (("prompts", PROMPTS), ("generate", GENERATIONS), ("publish", PUBLICATIONS), ("publish", REJECTS))
    }
    rows = {name: v.read().to_pylist() for name, v in versions.items() if v is not None}
    assert [r["lang"] for r in rows["prompts"]] == [r["lang"] for r in rows["publications"]]
    assert {r["family"] for r in rows["generations"]} == {"WanPipeline"}
    assert [r["reason"] for r in rows["rejects"]] == ["empty_prompt"]
    for row in rows["publications"]:
        assert (Path(settings.runtime.lake) / "videos" / row["uri"]).is_file()
    measured = versions["generations"].manifest["measured"]  # type: ignore[union-attr]
    by_asset = {m["generation_id"]: m for m in measured if "generation_id" in m}
    assert set(by_asset) == {row["generation_id"] for row in rows["generations"]}
    assert all(m["seconds"] > 0 and m["peak_bytes"] > 0 for m in by_asset.values())
    again = {name: execute(name, settings) for name in jobs_of.VIDEOS}
    assert all(o.stood for o in again.values())


def test_a_video_that_was_deleted_is_published_again(settings: Settings) -> None:
    stood = {name: execute(name, settings) for name in jobs_of.VIDEOS}
    gone = min((Path(settings.runtime.lake) / "videos").glob("*.mp4"))
    gone.unlink()
    again = execute("publish", settings)
    assert (again.stood, again.fingerprint) == (False, stood["publish"].fingerprint)
    assert gone.is_file()
    assert execute("publish", settings).stood


def test_a_new_look_is_composed_anew_from_the_same_clips(settings: Settings) -> None:
    cropped = settings.model_copy(update={"recipe": settings.recipe.model_copy(update={
        "publish": settings.recipe.publish.model_copy(update={"fps": 10})})})
    outcomes = {name: execute(name, cropped) for name in jobs_of.VIDEOS}
    assert [o.stood for o in outcomes.values()] == [True, True, False]
    assert len(list((Path(settings.runtime.lake) / "videos").glob("*.mp4"))) == 4


def test_an_unsafe_model_ends_the_run_before_spark(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "weights.ckpt").write_bytes(b"x")
    unsafe = load(
        [f"runtime.lake={settings.runtime.lake}", f"generate.model={tmp_path}", 'prompts.texts=["hello there"]'], env={}
    )
    execute("prompts", unsafe)
    with pytest.raises(Terminal, match="pickled checkpoint"):
        execute("generate", unsafe)

import json
from typing import Any

import numpy as np
import pytest

from jobs.errors import Terminal
from jobs.generate import generator, job, judge
from jobs.generate.generator import Failed
from schemas import GENERATIONS, REJECTS
from schemas.loading import load

SETTINGS = load(["generate.reseeds=2"], env={})


def task(*prompts: str) -> job.Batch:
    return job.Batch(tuple(job.ShotTask(f"p{i}", 0, prompt, 0, "1:1") for i, prompt in enumerate(prompts)), "hash", "run")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, stub: Any) -> Any:
    def run(behave: Any, *prompts: str) -> Any:
        made = stub(behave)
        monkeypatch.setattr(generator, "_load", lambda *a: made)
        part = job.work(task(*prompts), SETTINGS)
        return part, part.tables["generations"].to_pylist(), part.tables["rejects"].to_pylist(), made

    return run


def view(seed: int) -> Any:
    from jobs.train.world import Scene, render

    return render(
        Scene(place="mountains", time="day", weather="clear", camera="right"), width=64, height=64, frames=12, seed=seed % 1000
    )


def test_good_clips_are_accepted_at_the_first_seed(run: Any) -> None:
    part, rows, rejects, made = run(lambda ask: view(ask.seed), "mountains", "more mountains")
    assert (part.seen, part.kept, rejects) == (2, 2, [])
    assert [(r["attempt"], r["verdict"], r["frames"], r["width"]) for r in rows] == [(0, "accepted", 12, 64)] * 2
    assert len({r["generation_id"] for r in rows}) == 2
    assert {"motion", "luma_mean", "black_share"} <= {s["name"] for s in rows[0]["scores"]}
    assert GENERATIONS.conform(part.tables["generations"]).num_rows == 2
    assert len({ask.seed for ask in made.asked}) == 2


def test_seconds_and_memory_of_every_asset_are_on_record_the_failed_ones_too(run: Any) -> None:
    part, rows, rejects, _ = run(lambda ask: view(ask.seed) if ask.prompt == "good" else Failed("no"), "good", "bad")
    of_assets, (batch,) = [[m for m in part.measured if ("generation_id" in m) == each] for each in (True, False)]
    tried = SETTINGS.recipe.generate.reseeds + 1
    assert [m["seconds"] for m in of_assets] == [1.5, 1.5, *[3.0] * (tried - 1)]
    assert {m["peak_bytes"] for m in of_assets} == {7}
    assert {r["generation_id"] for r in rows} | {r["sample_id"] for r in rejects} <= {m["generation_id"] for m in of_assets}
    assert (batch["clips"], batch["load_seconds"]) == (tried + 1, 0.5 * tried)


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        (np.zeros((12, 64, 64, 3), np.uint8), "black"),
        (np.full((12, 64, 64, 3), 3, np.uint8), "black"),
        (np.repeat(view(1)[:1], 12, axis=0), "static"),
        (
            np.clip(
                np.repeat(view(1)[:1], 12, axis=0) + np.random.default_rng(0).integers(0, 2, (12, 64, 64, 1)), 0, 255
            ).astype(np.uint8),
            "static",
        ),
    ],
)
def test_black_and_static_clips_are_caught_reseeded_and_quarantined(run: Any, frames: Any, reason: str) -> None:
    part, rows, rejects, made = run(lambda ask: frames, "mountains")
    assert (part.seen, part.kept) == (1, 0)
    assert [r["reason"] for r in rejects] == [reason]
    assert [r["verdict"] for r in rows] == ["rejected"] * 3
    assert [r["attempt"] for r in rows] == [0, 1, 2]
    assert all(r["scores"] for r in rows)
    assert len({ask.seed for ask in made.asked}) == 3
    assert rejects[0]["sample_id"] == rows[-1]["generation_id"]
    assert "3 seeds tried" in rejects[0]["detail"]
    assert REJECTS.conform(part.tables["rejects"]).num_rows == 1


def test_a_second_seed_saves_a_shot_and_only_that_shot_is_made_again(run: Any) -> None:
    def behave(ask: Any) -> Any:
        first = ask.prompt == "unlucky" and len([a for a in seen if a == "unlucky"]) == 0
        seen.append(ask.prompt)
        return np.zeros((12, 64, 64, 3), np.uint8) if first else view(ask.seed)

    seen: list[str] = []
    part, rows, rejects, _ = run(behave, "lucky", "unlucky")
    assert (part.seen, part.kept, rejects) == (2, 2, [])
    assert seen == ["lucky", "unlucky", "unlucky"]
    assert [(r["prompt"], r["attempt"], r["verdict"]) for r in rows] == [
        ("lucky", 0, "accepted"), ("unlucky", 0, "rejected"), ("unlucky", 1, "accepted")]


def test_what_is_no_video_is_a_reject_without_an_asset(run: Any) -> None:
    part, rows, rejects, _ = run(lambda ask: Failed("the model returned an array of shape (3,)"), "mountains")
    assert (part.seen, part.kept, rows) == (1, 0, [])
    assert (rejects[0]["reason"], "shape (3,)" in rejects[0]["detail"]) == ("generation_failed", True)


def test_rows_are_the_same_twice(run: Any) -> None:
    first, *_ = run(lambda ask: view(ask.seed), "mountains")
    second, *_ = run(lambda ask: view(ask.seed), "mountains")
    assert first.tables["generations"].equals(second.tables["generations"])


def test_a_jump_inside_a_clip_is_a_missed_cut(run: Any) -> None:
    from jobs.train.world import Scene, render

    other = render(Scene(place="desert", time="night", weather="clear", camera="left"), width=64, height=64, frames=12, seed=2)
    jumping = np.concatenate([view(1), other])
    _, _, (reject,), _ = run(lambda ask: jumping, "mountains")
    assert reject["reason"] == "missed_cut"


def test_a_least_similarity_without_a_model_is_no_silent_pass(monkeypatch: pytest.MonkeyPatch, good: Any, stub: Any) -> None:
    from dataclasses import replace

    from jobs.generate.asset import encoded

    wants = replace(stub.profile, min_similarity=0.2)
    monkeypatch.setattr(judge, "similarity", lambda *a: None)
    assert judge.judge(good, encoded(good, 8.0, {}), "x", wants, SETTINGS).why.reason == "off_prompt"  # type: ignore[union-attr]
    monkeypatch.setattr(judge, "similarity", lambda *a: 0.1)
    why = judge.judge(good, encoded(good, 8.0, {}), "x", wants, SETTINGS).why
    assert (why.reason, why.value, why.threshold) == ("off_prompt", 0.1, 0.2)  # type: ignore[union-attr]
    monkeypatch.setattr(judge, "similarity", lambda *a: 0.3)
    found = judge.judge(good, encoded(good, 8.0, {}), "x", wants, SETTINGS)
    assert (found.why, found.scores["similarity"]) == (None, 0.3)


def test_what_a_clip_model_cannot_tell_is_no_similarity(good: Any) -> None:
    """The embedded one knows scenes that it was taught, and texts in two languages."""
    assert judge.similarity(good, "mountains at sunset", SETTINGS) is not None
    assert judge.similarity(good, "закат в горах", SETTINGS) is None
    photo = np.random.default_rng(0).integers(0, 256, good.shape, dtype=np.uint8)
    assert judge.similarity(photo, "mountains at sunset", SETTINGS) is None


def test_an_unsafe_picture_or_a_blocked_word_is_rejected(monkeypatch: pytest.MonkeyPatch, good: Any, stub: Any) -> None:
    from dataclasses import replace

    from jobs.generate.asset import encoded
    from jobs.label.labeler import Found, labelers

    video = encoded(good, 8.0, {})
    wordy = load(["label.blocklist=[\"acme\"]"], env={})
    assert judge.judge(good, video, "a mountain", stub.profile, wordy).why is None
    assert judge.judge(good, video, "a mountain of Acme", stub.profile, wordy).why.reason == "unsafe"  # type: ignore[union-attr]

    seen: list[Any] = []
    looks = replace(labelers()["safety"], label=lambda state, batch: (seen.extend(batch.rows), [Found("", "unsafe", 0.7)])[1])
    monkeypatch.setattr(judge, "labelers", lambda: labelers() | {"safety": looks})
    found = judge.judge(good, video, "a mountain", stub.profile, load(["label.max_unsafe=0.6"], env={}))
    assert (found.why.reason, found.why.value, found.why.threshold) == ("unsafe", 0.7, 0.6)  # type: ignore[union-attr]
    assert found.scores["unsafe"] == 0.7
    assert judge.judge(good, video, "a mountain", stub.profile, load(["label.max_unsafe=0.8"], env={})).why is None
    assert seen[0]["frames"]  # it looks at the frames that the measuring pass kept
    assert judge.safety_identity(wordy) != judge.safety_identity(SETTINGS)


def test_a_threshold_that_nothing_is_held_against_is_told_before_anything_is_drawn(tmp_path: Any) -> None:
    with pytest.raises(Terminal, match=r"label\.max_unsafe=0\.6 would let every generated clip pass"):
        job.outside(load(["label.max_unsafe=0.6"], env={}))
    other = tmp_path / "another"
    other.mkdir()
    looks = [f"label.clip_model=local-dir:{other}", "label.max_unsafe=0.6"]
    with pytest.raises(Terminal) as told:  # of an empty folder it is told that it holds no model
        job.outside(load(looks, env={}))
    assert "would let" not in str(told.value)


def test_seeds_are_fixed_by_prompt_shot_and_attempt() -> None:
    shot = job.ShotTask("p", 1, "x", 7, "1:1")
    seeds = [shot.seed_of(n) for n in range(50)]
    assert len(set(seeds)) == 50
    assert all(0 <= s < 2**31 for s in seeds)
    assert seeds[0] == job.ShotTask("p", 1, "other words", 7, "9:16").seed_of(0)
    assert seeds[0] != job.ShotTask("p", 2, "x", 7, "1:1").seed_of(0)


def test_a_still_picture_is_not_called_static(good: Any) -> None:
    assert judge.plain_fault(judge.plain_scores(good[:1])) is None
    assert judge.plain_fault(judge.plain_scores(good)) is None


def test_the_request_bears_the_identity_of_an_asset_but_the_batch_does_not() -> None:
    base = json.loads(job._request(SETTINGS))
    assert "batch" not in base
    assert job._request(load(["generate.steps=9"], env={})) != job._request(SETTINGS)
    assert job._request(load(["generate.batch=9"], env={})) == job._request(load([], env={}))


def test_an_interrupted_run_goes_on_at_the_first_missing_asset(monkeypatch: pytest.MonkeyPatch, stub: Any, tmp_path: Any) -> None:
    """On a machine with one GPU, where tasks run in turn in this process; `tests/e2e/test_killed.py` kills real processes."""
    from jobs import job as jobs_of
    from jobs import spark
    from jobs.lake import Lake
    from jobs.run import execute

    monkeypatch.setattr(jobs_of, "ORDER", {n: where for n, where in jobs_of.ORDER.items() if n in jobs_of.VIDEOS})
    monkeypatch.setattr(spark, "_usable_gpu", lambda: True)
    texts = json.dumps(["We reached the sea. We drove to the desert. We slept in the forest.", "今天去了西藏，风景真的很美。"])
    settings = load([f"runtime.lake={tmp_path}", f"prompts.texts={texts}", "generate.batch=1", "progress=false"], env={})
    execute("prompts", settings)

    def breaks(ask: Any) -> Any:
        if len(made.asked) == 3:
            raise KeyboardInterrupt
        return view(ask.seed)

    made = stub(breaks)
    monkeypatch.setattr(generator, "_load", lambda *a: made)
    with pytest.raises(KeyboardInterrupt):
        execute("generate", settings)
    assert not Lake(str(tmp_path)).current("generate")
    again = stub(lambda ask: view(ask.seed))
    monkeypatch.setattr(generator, "_load", lambda *a: again)
    outcome = execute("generate", settings)
    assert (outcome.seen, outcome.kept) == (4, 4)
    assert [a.prompt for a in again.asked] == [made.asked[2].prompt, *[a.prompt for a in again.asked[1:]]]
    assert len(again.asked) == 2
    assert {a.seed for a in made.asked[:2]}.isdisjoint({a.seed for a in again.asked})

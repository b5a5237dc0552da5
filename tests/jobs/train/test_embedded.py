"""The embedded models: small, safe to load, loaded by the stock calls with no network, and obedient to an honest floor."""

import json
import random
import socket
from pathlib import Path
from typing import Any

import pytest

from jobs.train import world

EMBEDDED = Path(world.__file__).parent / "embedded"
CLIP, T2V = EMBEDDED / "clip", EMBEDDED / "t2v"
MEBIBYTE = 2**20


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("an embedded model reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize(("folder", "limit"), [(CLIP, 8 * MEBIBYTE), (T2V, 16 * MEBIBYTE)], ids=["clip", "t2v"])
def test_a_model_is_small_enough_for_the_repository(folder: Path, limit: int) -> None:
    assert 0 < sum(path.stat().st_size for path in files(folder)) <= limit


def test_no_embedded_file_is_a_pickle_or_code() -> None:
    assert {path.suffix for path in files(EMBEDDED)} <= {".json", ".safetensors", ".jinja", ".txt"}
    for path in files(EMBEDDED):
        assert path.read_bytes()[:2] not in (b"\x80\x02", b"\x80\x04", b"PK"), path


@pytest.mark.parametrize("folder", [CLIP, T2V], ids=["clip", "t2v"])
def test_a_card_says_what_was_measured_and_what_it_cost(folder: Path) -> None:
    card = json.loads((folder / "card.json").read_text())
    assert card["training"]["cpu_seconds"] > 0
    assert {"kind", "corpus", "clips", "seed", "size_bytes", "evaluation"} <= set(card)


def accuracy(rows: list[dict[str, Any]], key: str) -> float:
    return min(row["accuracy"][key]["accuracy"] for row in rows)


def test_the_clip_model_names_fresh_pictures() -> None:
    from jobs.train.run import clip_figures

    seen = clip_figures(CLIP, 60)["seen"]
    floors = {"time": 0.9, "background": 0.9, "colour": 0.8, "place": 0.75, "shape": 0.6}
    for feed in ("painted_64x64", "h264_640x360"):
        assert all(accuracy(seen[feed], key) >= floor for key, floor in floors.items()), seen


def test_the_video_model_draws_what_it_is_told() -> None:
    from jobs.train import run, t2v

    scenes = run.exam(None, 32, seed=random.Random(5).randrange(1000))
    floors = {"background": 0.45, "time": 0.75, "colour": 0.35, "place": 0.45, "direction": 0.45}  # chance: 0.2 0.25 0.13 0.13 0.25
    for lang in ("en", "zh"):
        row = t2v.evaluate(T2V, scenes, lang=lang, seed=5)
        assert all(accuracy([row], key) >= floor for key, floor in floors.items()), row


def test_the_profile_is_what_the_pipeline_needs() -> None:
    from jobs.train import latents, t2v

    profile = json.loads((T2V / "reelmill.json").read_text())
    assert profile["latent_init"] == "coords"
    pipe = t2v.load(T2V)
    start = latents.coords(pipe, 2)
    assert start.shape[0] == 2
    assert start.shape[2] == profile["num_frames"]
    assert start[0, -2, 0, 0].tolist() == pytest.approx(start[1, -1, 3, :, 2].tolist()), "columns and rows are ramps of the same reach"

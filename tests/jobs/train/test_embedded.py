"""The embedded models: small, safe to load, loaded by the stock calls with no network, and obedient to an honest floor."""

import json
import random
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from jobs.train import reading, world

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


def test_no_embedded_file_says_on_which_machine_it_was_made() -> None:
    for path in files(EMBEDDED):
        if path.suffix == ".json":
            assert "_name_or_path" not in path.read_text(), path


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
    floors = {"time": 0.95, "background": 0.95, "colour": 0.95, "place": 0.95, "shape": 0.95}
    for feed in ("painted_64x64", "h264_640x360"):
        assert all(accuracy(seen[feed], key) >= floor for key, floor in floors.items()), seen


def test_the_video_model_draws_what_it_is_told() -> None:
    from jobs.train import run, t2v

    scenes = run.exam(None, 12, seed=random.Random(5).randrange(1000))
    for lang in ("en", "zh"):
        row = t2v.evaluate(T2V, scenes, lang=lang, seed=5)
        for key in ("background", "time", "colour", "place", "direction", "shape"):
            assert accuracy([row], key) >= 5 / 6, row  # at most one of six wrong; chance is a quarter at best


def test_a_stranger_needs_no_more_than_the_stock_call() -> None:
    from diffusers import DiffusionPipeline

    from jobs.train import words

    scene = world.Scene(shape="heart", colour="red", direction="right", background="navy")
    pipe = DiffusionPipeline.from_pretrained(T2V)
    pipe.set_progress_bar_config(disable=True)
    torch.manual_seed(3)
    frames = pipe(words.captions(scene.attributes, "en")[0], height=128, width=128, num_frames=16, num_inference_steps=8).frames[0]
    assert frames.shape == (17, 128, 128, 3), "WanPipeline counts one up"
    assert reading.measure((frames * 255).round().astype(np.uint8)) == scene.attributes


def test_the_profile_is_what_generate_understands() -> None:
    from jobs.generate.profile import frame_count, grammar_of_model, of_folder

    found = of_folder(T2V, "WanPipeline")
    assert (frame_count(found), found.counts_up, found.width, found.height) == (16, 1, 128, 128)
    assert grammar_of_model(str(T2V)) == "world"

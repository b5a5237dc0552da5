"""`reelmill train` on a release that `reelmill build` made: one command, killed in the middle, with the weights of one that was not."""

import csv
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jobs.train import world

pytestmark = [pytest.mark.spark, pytest.mark.heavy]

SIDE_PX, FPS, FRAMES = 192, 12, 18


@pytest.fixture(scope="module")
def world_lake(reelmill, tmp_path_factory):
    """A lake with a release of drawn scenes and their captions."""
    from jobs.media.encode import encode_video

    folder = tmp_path_factory.mktemp("world") / "sources"
    folder.mkdir()
    scenes = [s for s in world.scenes() if s.place][::48] + [s for s in world.scenes() if s.shape in ("star", "circle")][::53]
    with (folder / "captions.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "caption", "lang"])
        for i, scene in enumerate(scenes):
            frames = world.render(scene, width=SIDE_PX, height=SIDE_PX, frames=FRAMES, seed=i)
            (folder / f"{i:02d}.mp4").write_bytes(encode_video(frames, FPS, 18))
            rows.writerow([f"{i:02d}.mp4", world.captions(scene, ("en", "zh")[i % 2])[0], ("en", "zh")[i % 2]])
    lake = folder.parent / "lake"
    code, _, said = reelmill("build", folder, "--lake", lake, "--set", "policy.preset=everything")
    assert code == 0, said
    return lake


def weights(folder: Path) -> dict[str, str]:
    """Checksum of every file of weights."""
    return {
        str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in sorted(folder.rglob("*.safetensors"))
    }


@pytest.mark.parametrize(("kind", "steps"), [("clip", 12), ("t2v", 24)])
def test_one_command_trains_and_a_kill_changes_nothing(kind, steps, world_lake, reelmill, tmp_path):
    def words(out):
        return ["train", kind, "--release", "latest", "--lake", world_lake, "--out", out, "--steps", steps,
                "--batch", 4, "--seed", 3, "--evaluate", 2, "--set", "device=cpu"]

    code, said, error = reelmill(*words(tmp_path / "whole"), "--json")
    assert code == 0, error
    assert json.loads(said)["model"] == str(tmp_path / "whole")
    card = json.loads((tmp_path / "whole" / "card.json").read_text())
    release = sorted(p.name for p in (world_lake / "releases").iterdir())[-1]
    assert (card["kind"], card["corpus"], card["seed"]) == (kind, release, 3)
    assert card["clips"] > 0
    assert card["training"]["cpu_seconds"] > 0
    assert {row["lang"] for row in languages(card)} == {"en", "zh"}
    assert len(weights(tmp_path / "whole")) == (1 if kind == "clip" else 4)

    kill_at_a_checkpoint(words(tmp_path / "killed"), tmp_path / "killed.work")
    assert not (tmp_path / "killed" / "card.json").exists()
    code, _, error = reelmill(*words(tmp_path / "killed"))
    assert code == 0, error
    assert weights(tmp_path / "killed") == weights(tmp_path / "whole")
    assert not (tmp_path / "killed.work").exists()


def languages(card):
    seen = card["evaluation"]["seen"]
    return seen if isinstance(seen, list) else seen["painted_64x64"]


def kill_at_a_checkpoint(words, work):
    """Start the command in a group of its own and kill the group as soon as a checkpoint lies there, of the last part if there are parts."""
    last = "low/checkpoint.pt" if "t2v" in words else "checkpoint.pt"
    started = subprocess.Popen(
        [sys.executable, "-m", "jobs", *map(str, words)], start_new_session=True, env=os.environ,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 240
    while time.monotonic() < until and started.poll() is None and not (work / last).exists():
        time.sleep(0.005)
    os.killpg(started.pid, signal.SIGKILL)
    assert started.wait(30) == -signal.SIGKILL, "it was done before it could be killed"
    assert (work / last).exists()


def test_a_release_that_was_tampered_with_is_not_trained_on(world_lake, reelmill, tmp_path):
    import shutil

    lake = shutil.copytree(world_lake, tmp_path / "lake")
    release = next((lake / "releases").iterdir())
    shard = lake / json.loads((release / "release.json").read_text())["shards"][0]["path"]
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    code, _, said = reelmill("train", "clip", "--release", release, "--out", tmp_path / "m", "--steps", 3)
    assert code == 64
    assert "other bytes than released" in said


@pytest.mark.parametrize(("more", "says"), [
    (("--release", "2001.01.01"), "no release is called '2001.01.01'"),
    (("--steps", "0"), "--steps 0: give 3 or more"),
])
def test_what_cannot_be_trained_is_said_in_one_sentence(more, says, world_lake, reelmill, tmp_path):
    code, _, said = reelmill("train", "t2v", "--lake", world_lake, "--out", tmp_path / "m", *more)
    assert code == 64
    assert says in said

"""A tiny corpus of real files, and the command line as a user calls it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

FPS = 12


def moving(seconds, colour, seed=0, width=320, height=320):
    """A textured ball crossing a textured ground: sharp, moving, neither black nor frozen."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(-25, 25, (height // 10, width // 10, 1))
    ground = np.clip(np.kron(coarse, np.ones((10, 10, 1))) + np.array(colour), 20, 235)
    y, x = np.mgrid[:height, :width]
    frames = []
    for i in range(round(seconds * FPS)):
        at = width * (0.15 + 0.7 * i / max(1, round(seconds * FPS) - 1))
        ball = ((x - at) ** 2 + (y - height / 2) ** 2 < (height / 6) ** 2)[..., None]
        frames.append(np.where(ball, 250 - ground, ground))
    return np.stack(frames).astype(np.uint8)


def tone(seconds, pitch=330.0, rate=48000):
    t = np.arange(int(seconds * rate)) / rate
    return (0.2 * np.sin(2 * np.pi * pitch * t) * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * t))).astype(np.float32)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    """Two videos (one of two shots), a copy, a picture, a sound, two texts, and three faults."""
    from PIL import Image

    from jobs.media.encode import encode_video

    folder = tmp_path_factory.mktemp("tiny") / "sources"
    folder.mkdir()
    two = np.concatenate([moving(2.5, (200, 60, 40), 1), moving(2.5, (40, 90, 200), 2)])
    (folder / "two-shots.mp4").write_bytes(encode_video(two, FPS, 20, audio=(tone(5.0), 48000)))
    one = encode_video(moving(3, (60, 170, 80), 3), FPS, 20)
    (folder / "one.mp4").write_bytes(one)
    (folder / "one-copy.mp4").write_bytes(one)
    (folder / "black.mp4").write_bytes(encode_video(np.full((36, 320, 320, 3), 6, np.uint8), FPS, 20))
    (folder / "zero.mp4").write_bytes(b"")
    Image.fromarray(moving(0.1, (150, 150, 60), 4)[0]).save(folder / "named-wrong.mp4", "PNG")
    Image.fromarray(moving(0.1, (90, 60, 150), 5, 400, 300)[0]).save(folder / "picture.png")
    lines = [
        {"text": "The ferry crosses the strait twice a day, and in winter the crew break the ice from the ramp by hand.", "lang": "en"},
        {"text": "渡船每天往返海峡两次，冬天船员要用手把坡道上的冰敲掉，乘客在舱里喝着热茶等待开船。", "lang": "zh"},
    ]
    (folder / "texts.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    (folder / "captions.csv").write_text(
        "file,caption,lang,licence\none.mp4,a pale ball crosses a green field from left to right,en,CC0-1.0\n", encoding="utf-8"
    )
    return folder


@pytest.fixture(scope="session")
def reelmill():
    """Call the command line; returns (exit code, standard output, standard error)."""

    def call(*words, env=None, cwd=None, timeout=600):
        done = subprocess.run(
            [sys.executable, "-m", "jobs", *map(str, words)],
            capture_output=True,
            text=True,
            cwd=cwd,
            env=os.environ | (env or {}),
            timeout=timeout,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    return call


@pytest.fixture(scope="session")
def built(tiny, reelmill, tmp_path_factory) -> Path:
    """A lake that was built from the tiny corpus without disturbance; not to be changed."""
    lake = tmp_path_factory.mktemp("built") / "lake"
    code, _, said = reelmill("build", tiny, "--lake", lake)
    assert code == 0, said
    return lake


@pytest.fixture
def facts_of():
    """The facts of every file that a job's current version holds: what an undisturbed run must reproduce."""

    def read(lake, job):
        fingerprint = json.loads((lake / "_current" / f"{job}.json").read_text())["fingerprint"]
        manifests = [json.loads(m.read_text()) for m in sorted(lake.glob(f"*/{fingerprint}/manifest.json"))]
        assert manifests
        return {m["table"]: [(f["path"], f["rows"], f["bytes"], f["sha256"]) for f in m["files"]] for m in manifests}

    return read

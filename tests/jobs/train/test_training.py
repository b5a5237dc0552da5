"""Training is software: it reads releases, resumes, and gives the same weights for the same seed."""

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from jobs.train import data, world
from jobs.train.loop import CHECKPOINT, Budget, Plan, optimise
from jobs.train.run import train
from jobs.train.world import Scene

SCENES = (Scene(place="sea", time="sunset", weather="clear", camera="left"),
          Scene(shape="ring", colour="red", direction="down", background="gray"))


def line(folder: Path, steps: int, *, resume: bool = False, seed: int = 1) -> torch.Tensor:
    """Fit y = 2x by the shared loop and return the averaged weights."""
    torch.manual_seed(0)
    model = torch.nn.Linear(1, 1)

    def loss(generator: torch.Generator) -> torch.Tensor:
        x = torch.randn(8, 1, generator=generator)
        return ((model(x) - 2 * x) ** 2).mean()

    plan = Plan(Budget(steps=steps), seed, learning_rate=0.05, weight_decay=0.0, betas=(0.9, 0.99))
    trained = optimise(model, loss, plan, folder=folder, resume=resume, label="line")
    assert trained.steps == steps
    return torch.cat([p.flatten() for p in trained.model.parameters()])


def test_a_seed_decides_everything(tmp_path: Path) -> None:
    first, again, other = line(tmp_path / "a", 30), line(tmp_path / "b", 30), line(tmp_path / "c", 30, seed=2)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_stopped_training_goes_on(tmp_path: Path) -> None:
    line(tmp_path, 20)
    assert (tmp_path / CHECKPOINT).exists()
    resumed = line(tmp_path, 300, resume=True)
    assert abs(float(resumed[0]) - 2) < 0.5


def test_a_budget_must_end() -> None:
    with pytest.raises(ValueError, match="seconds or steps"):
        Budget()


def mp4(scene: Scene) -> bytes:
    import av

    held = io.BytesIO()
    with av.open(held, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=8)
        stream.width, stream.height, stream.pix_fmt = 160, 90, "yuv420p"
        for picture in world.render(scene, width=160, height=90, frames=20, seed=3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return held.getvalue()


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """Two captioned training videos, one for validation, and a text, in the columns that training reads."""
    rows = [{"split": "train", "modality": "video", "caption": world.captions(s, "en")[0], "video": mp4(s)} for s in SCENES]
    rows.append({"split": "validation", "modality": "video", "caption": "kept away", "video": rows[0]["video"]})
    rows.append({"split": "train", "modality": "text", "caption": None, "video": None})
    schema = pa.schema([("split", pa.string()), ("modality", pa.string()), ("caption", pa.string()), ("video", pa.large_binary())])
    folder = tmp_path / "release"
    folder.mkdir()
    pq.write_table(pa.Table.from_pylist(rows, schema), folder / "part-0.parquet", row_group_size=2)
    return folder


def test_a_release_becomes_clips(release: Path, tmp_path: Path) -> None:
    clips = data.fill(data.ReleaseClips(release), tmp_path / "clips", workers=0)
    assert clips.attributes == tuple(scene.attributes for scene in SCENES)
    assert clips.frames.shape == (2, 16, 64, 64, 3)
    for frames, scene in zip(clips.frames, SCENES, strict=True):
        assert world.measure(np.asarray(frames)) == scene.attributes


def test_a_stopped_fill_goes_on(release: Path, tmp_path: Path) -> None:
    whole = data.fill(data.ReleaseClips(release), tmp_path / "clips", workers=0)
    log = tmp_path / "clips" / "captions.jsonl"
    log.write_text(log.read_text().splitlines()[0] + "\n")
    again = data.fill(data.ReleaseClips(release), tmp_path / "clips", workers=0)
    assert again.captions == whole.captions
    assert np.array_equal(again.frames, whole.frames)


def test_a_folder_without_shards_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no Parquet shards"):
        data.ReleaseClips(tmp_path)


def test_only_known_kinds_are_trained(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there are: clip, t2v"):
        train("gan", out=tmp_path / "m", steps=1)


@pytest.mark.heavy
@pytest.mark.parametrize("kind", ["clip", "t2v"])
def test_twenty_seconds_make_a_model_folder(kind: str, release: Path, tmp_path: Path) -> None:
    out = train(kind, out=tmp_path / kind, release=release, seconds=20, seed=0, evaluate=2)
    assert (out / "card.json").exists()
    assert not out.with_name(kind + ".work").exists()

"""Training is software: it reads releases, resumes, and gives the same weights for the same seed."""

import copy
import errno
import io
import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from diffusers import WanTransformer3DModel

from jobs.errors import Terminal
from jobs.lake import Lake
from jobs.train import codec, data, reading, t2v, words, world
from jobs.train.codes import Codes
from jobs.train.loop import CHECKPOINT, Budget, Plan, optimise
from jobs.train.run import device_of, measure, one_in, read_card, splits, train, withheld
from jobs.train.sky import SKIES, described
from jobs.train.world import Scene

SCENES = (Scene(place="sea", time="sunset", weather="clear", camera="left"),
          Scene(shape="ring", colour="red", direction="down", background="gray"))


def line(
    folder: Path, steps: int, *, resume: bool = False, seed: int = 1, killed_at: int = 0, killed: type[Exception] = Exception
) -> torch.Tensor:
    """Fit y = 2x by the shared loop and return the averaged weights."""
    torch.manual_seed(0)
    model = torch.nn.Linear(1, 1)
    calls = 0

    def loss(generator: torch.Generator) -> torch.Tensor:
        nonlocal calls
        calls += 1
        if calls == killed_at:
            raise killed
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


def test_a_killed_training_ends_with_the_weights_of_one_that_was_not(tmp_path: Path) -> None:
    whole = line(tmp_path / "whole", 40)

    class Killed(Exception):
        pass

    with pytest.raises(Killed):
        line(tmp_path / "killed", 40, killed_at=27, killed=Killed)
    assert (tmp_path / "killed" / CHECKPOINT).exists(), "a tenth of the budget is never lost"
    assert torch.equal(line(tmp_path / "killed", 40, resume=True), whole)


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


def of(release: Path) -> data.ReleaseClips:
    return data.ReleaseClips(data.released(str(release))[1], side=64)


def test_a_release_becomes_clips(release: Path, tmp_path: Path) -> None:
    clips = data.fill(of(release), tmp_path / "clips", workers=0)
    assert clips.attributes == tuple(scene.attributes for scene in SCENES)
    assert clips.frames.shape == (2, 16, 64, 64, 3)
    for i, scene in enumerate(SCENES):
        assert reading.measure(np.asarray(clips[i])) == scene.attributes


def test_a_stopped_fill_goes_on(release: Path, tmp_path: Path) -> None:
    whole = data.fill(of(release), tmp_path / "clips", workers=0)
    log = tmp_path / "clips" / "captions.jsonl"
    first, second = log.read_text().splitlines()
    log.write_text(f"{first}\n{second[:5]}")  # killed in the middle of a line
    again = data.fill(of(release), tmp_path / "clips", workers=0)
    assert again.captions == whole.captions
    assert np.array_equal(again.frames, whole.frames)


def test_the_room_for_all_clips_is_taken_before_the_first_is_written(release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int, start: int, size: int) -> None:
        assert size > 2 * 16 * 64 * 64 * 3
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    sparse = tmp_path / "sparse"
    sparse.touch()
    os.truncate(sparse, 1 << 20)
    data._claim(sparse)
    assert sparse.stat().st_blocks * 512 >= 1 << 20, "a disk that gets full now does no harm"
    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="No space left"):
        data.fill(of(release), tmp_path / "clips", workers=0)
    assert list((tmp_path / "clips").iterdir()) == []


def test_a_folder_without_shards_says_so(tmp_path: Path) -> None:
    with pytest.raises(Terminal, match="neither a release.json nor Parquet files"):
        data.released(str(tmp_path))


def test_a_name_without_a_lake_and_one_that_its_lake_does_not_know_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(Terminal, match="no lake here"):
        data.released("latest", str(tmp_path / "nowhere"))
    root = Lake(str(tmp_path / "lake")).open(create=True).root
    with pytest.raises(Terminal, match=f"no release is called 'latest' in {root}; there are: none"):
        data.released("latest", root)


def test_a_release_without_captions_says_so(release: Path) -> None:
    _, slices = data.released(str(release))
    with pytest.raises(Terminal, match="no captioned videos"):
        data.ReleaseClips(slices[1:], side=64)


def test_work_files_of_another_training_are_not_gone_on_with(release: Path, tmp_path: Path) -> None:
    data.fill(of(release), tmp_path / "m.work" / "clips", workers=0)
    (tmp_path / "m.work" / "asked.json").write_text('{"kind": "t2v", "corpus": "release", "seed": 1, "hold_out": null}')
    with pytest.raises(Terminal, match=r"another seed \(1, not 2\).*--fresh"):
        train("t2v", out=tmp_path / "m", release=release, steps=2, seed=2, resume=True)


def test_a_training_with_another_base_is_another_training(release: Path, tmp_path: Path) -> None:
    (tmp_path / "m.work").mkdir()
    (tmp_path / "m.work" / "asked.json").write_text('{"kind": "clip", "corpus": "release", "seed": 0, "hold_out": null}')
    base = Path(world.__file__).parent / "embedded" / "clip"
    with pytest.raises(Terminal, match=r"another base \(None, not"):
        train("clip", out=tmp_path / "m", release=release, steps=2, resume=True, base=base, device="cpu")


@pytest.mark.parametrize(("kind", "hold_out", "says"), [("clip", None, "no caption names a thing of the sample world"), ("t2v", 8, "none is left to learn from")])
def test_a_release_of_other_things_is_told_before_anything_is_trained(kind: str, hold_out: int | None, says: str, release: Path, tmp_path: Path) -> None:
    table = pq.read_table(release / "part-0.parquet")
    captions = pa.array([text and "a man cooks noodles in a kitchen" for text in table["caption"].to_pylist()], pa.string())
    pq.write_table(table.set_column(2, "caption", captions), release / "part-0.parquet")
    with pytest.raises(Terminal, match=says):
        train(kind, out=tmp_path / "m", release=release, steps=3, hold_out=hold_out, device="cpu")


def test_a_release_that_only_says_where_its_videos_lie_is_told(release: Path) -> None:
    table = pq.read_table(release / "part-0.parquet")
    pq.write_table(table.set_column(3, "video", pa.nulls(table.num_rows, pa.large_binary())), release / "part-0.parquet")
    with pytest.raises(Terminal, match=r"fuse\.cut"):
        of(release)


def change(release: Path, name: str, column: pa.Array) -> None:
    table = pq.read_table(release / "part-0.parquet")
    pq.write_table(table.set_column(table.schema.get_field_index(name), name, column), release / "part-0.parquet", row_group_size=2)


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("bad", [b"garbage", b"", None])
def test_a_video_that_cannot_be_decoded_is_named(bad: bytes | None, workers: int, release: Path, tmp_path: Path) -> None:
    held = pq.read_table(release / "part-0.parquet")["video"].to_pylist()
    change(release, "video", pa.array([held[0], bad, *held[2:]], pa.large_binary()))
    with pytest.raises(Terminal, match=r"part-0\.parquet, row group 0, row 1: its video cannot be decoded \("):
        data.fill(of(release), tmp_path / "clips", workers=workers)


def test_columns_of_other_types_are_named(release: Path) -> None:
    change(release, "caption", pa.array(range(4)))
    with pytest.raises(Terminal, match="'caption' holds int64 and no texts"):
        of(release)


def test_the_same_folder_with_other_clips_and_another_batch_are_other_trainings(release: Path, tmp_path: Path) -> None:
    asked = {"device": "cpu", "out": tmp_path / "m", "release": release, "resume": True, "base": None}
    with pytest.raises(RuntimeError, match="killed"), pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "fill", lambda *a, **k: (_ for _ in ()).throw(RuntimeError("killed")))
        train("clip", steps=3, batch=2, **asked)
    with pytest.raises(Terminal, match=r"another batch \(2, not 4\).*--fresh"):
        train("clip", steps=3, batch=4, **asked)
    change(release, "caption", pa.array(["a red ring moves down", "b", "c", None]))
    with pytest.raises(Terminal, match=r"another state of the corpus.*--fresh"):
        train("clip", steps=3, batch=2, **asked)
    (tmp_path / "m.work" / "asked.json").write_text("")
    with pytest.raises(Terminal, match=r"asked\.json: is damaged.*--fresh"):
        train("clip", steps=3, batch=2, **asked)


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    line(tmp_path, 5)
    whole = (tmp_path / CHECKPOINT).read_bytes()
    for damaged in (whole[:100], whole[: len(whole) // 2], b"", b"x" * 500):
        (tmp_path / CHECKPOINT).write_bytes(damaged)
        with pytest.raises(Terminal, match=r"checkpoint is damaged.*--fresh"):
            line(tmp_path, 6, resume=True)


@pytest.mark.parametrize("weights", [None, b"short", b"\xff" * 64])
def test_a_base_whose_weights_are_damaged_is_told_before_anything_is_painted(weights: bytes | None, tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "card.json").write_text('{"kind": "clip"}')
    shipped = Path(world.__file__).parent / "embedded" / "clip"
    for name in ("open_clip_config.json", "tokenizer.json", "tokenizer_config.json"):
        (tmp_path / "base" / name).write_bytes((shipped / name).read_bytes())
    if weights is not None:
        (tmp_path / "base" / "open_clip_model.safetensors").write_bytes(weights)
    with pytest.raises(Terminal, match=r"base: its weights cannot be loaded"):
        train("clip", out=tmp_path / "out", steps=3, base=tmp_path / "base", device="cpu")
    assert not (tmp_path / "out.work").exists()
    (tmp_path / "base" / "card.json").write_text("[1]")
    with pytest.raises(Terminal, match=r"no card\.json"):
        train("clip", out=tmp_path / "out", steps=3, base=tmp_path / "base", device="cpu")


@pytest.mark.parametrize("kind", ["clip", "t2v"])
def test_something_is_held_out_however_little_is_asked_for(kind: str) -> None:
    from jobs.train.run import exam

    for name, split in splits(kind, 5000).items():
        assert exam(split, 4, 0), name


def test_one_combination_in_a_few_is_held_out_and_always_the_same() -> None:
    objects = [s.attributes for s in world.scenes() if s.shape]
    held = one_in(5, "t2v")
    share = sum(map(held, objects)) / len(objects)
    assert 0.1 < share < 0.3
    for scene in objects:
        assert held(scene) == held({**scene, "background": "gray"}), "a ground is no part of the combination"
        assert held({k: v for k, v in scene.items() if k != "colour"}), "what is not said may be one that is held out"


def test_what_is_held_out_is_drawn_by_the_seed() -> None:
    drawn = [withheld(("place", "time"), 8, seed) for seed in range(4)]
    assert {len(pairs) for pairs in drawn} == {4}, "one in eight of 32"
    assert drawn[0] == withheld(("place", "time"), 8, 0)
    assert len(set(drawn)) == 4


def test_an_exam_of_what_was_held_out_has_nothing_that_training_saw() -> None:
    held = one_in(8, "clip", 3, unsaid=False)
    exams = splits("clip", 8, seed=3)
    for scene in world.scenes():
        asked = [name for name, wanted in exams.items() if wanted is not None and wanted(scene.attributes)]
        assert asked in (["held_out"], ["held_out_pairs"]) if held(scene.attributes) else asked == ["seen"], scene.name
    assert not any(held(scene.attributes) for scene in world.beside()), "a light without a name is no hour that is held out"


def test_clips_beside_the_grid_are_drawn_less_often_and_say_what_they_show() -> None:
    painted = data.WorldClips(repeats=1, seed=1, side=8, beside=1)
    scenes = [scene for scene, _ in painted.items]
    assert len(scenes) == 3 * 384 + 960 + 4 * 96 + 120
    said = [words.parse(world.captions(scene, "en")[0]) for scene in scenes]
    assert all({k: v for k, v in scene.attributes.items() if k != "direction"} == {k: v for k, v in found.items() if k != "direction"}
               for scene, found in zip(scenes, said, strict=True))
    chance = data.Clips(np.zeros(0, np.uint8), tuple(range(len(scenes))), ("",) * len(scenes), tuple(s.attributes for s in scenes)).chance()
    places = torch.tensor([bool(s.place) for s in scenes])
    grid = torch.tensor([data.whole(s.attributes) for s in scenes])
    assert torch.allclose(torch.stack([chance[places].sum(), chance[~grid].sum()]), torch.tensor([0.5, data.BESIDE]), atol=1e-4)


def test_tokens_of_pure_noise_learn_where_they_lie_and_the_model_that_is_kept_says_nothing_of_it() -> None:
    torch.manual_seed(0)
    small = WanTransformer3DModel(
        patch_size=(2, 1, 1), num_attention_heads=4, attention_head_dim=24, in_channels=4, out_channels=4, text_dim=16, freq_dim=16, ffn_dim=192,
        num_layers=2, cross_attn_norm=True, rope_max_seq_len=16,
    )
    names = set(small.state_dict())
    placed, generator = t2v.Placed(small, (2, 4, 4)), torch.Generator().manual_seed(1)
    assert all(answer.out_features == 16 for answer in placed.answers)
    optimiser, lost = torch.optim.AdamW(placed.parameters(), lr=3e-3, betas=(0.9, 0.98)), []
    for _ in range(160):
        noise = torch.randn(32, 4, 2, 4, 4, generator=generator)
        guess, wrong = placed(noise, torch.ones(32), torch.zeros(32, 1, 16))
        optimiser.zero_grad()
        wrong.backward()
        torch.nn.utils.clip_grad_norm_(placed.parameters(), 1.0)
        optimiser.step()
        lost.append(float(wrong))
    assert guess.shape == noise.shape
    assert lost[0] == pytest.approx(2 * math.log(16), rel=0.2), "two blocks are asked, which know nothing of sixteen places"
    assert lost[-1] < 0.3
    assert set(small.state_dict()) == names
    assert not any(block._forward_hooks for block in small.blocks)


def test_a_light_without_a_name_is_told_by_the_clip_that_stands_in_it() -> None:
    scenes = (world.beside()[0], world.scenes()[0], world.beside()[-1])
    painted = data.WorldClips(repeats=1, seed=1, side=8, scenes=scenes)
    assert painted.lights().keys() == {i for i, (scene, _) in enumerate(painted.items) if scene == scenes[0]}
    whole = data.Clips(np.zeros(0, np.uint8), (0, 1, 2), ("",) * 3, tuple(s.attributes for s in scenes), painted.lights())
    part = whole.only([2, 0])
    assert part.light(0) is None
    assert np.array_equal(part.light(1), whole.light(0))


def test_a_borrowed_light_is_of_no_hour_though_parts_of_it_are() -> None:
    numbers = np.stack([described(sky) for sky in SKIES.values()])
    lights = np.stack([world.light_of(world.beside()[0], seed, borrow=True) for seed in range(200)])
    same = np.isclose(lights[:, None], numbers[None]).mean(-1)
    assert same.max() < 0.85, "no hour is told whole"
    assert (np.isclose(lights[:, None], numbers[None]).any(1).mean(0) > 0.3).all(), "every number is met as an hour has it"
    plain = world.light_of(world.beside()[0], 0)
    assert not np.array_equal(plain, lights[0])
    picture, other = (world.render(world.beside()[0], width=16, height=16, frames=1, seed=0, borrow=borrow) for borrow in (False, True))
    assert not np.array_equal(picture, other)


def test_a_light_is_told_apart_from_others_and_an_hour_is_told_as_its_light(monkeypatch: pytest.MonkeyPatch) -> None:
    scene, codes = world.beside()[0], Codes(t2v.WIDTH, lit=True)
    lights = [world.light_of(scene, seed) for seed in range(20)]
    assert np.array_equal(lights[3], world.light_of(scene, 3)), "the same as is painted, each time"
    told = torch.stack([codes({"place": "sea"}, light) for light in lights])
    assert (torch.cdist(told, told) + torch.eye(20) > 0.2).all()
    for hour in words.ENGLISH["time"]:
        monkeypatch.setattr(world, "unearthly", lambda rng, hour=hour: world.SKIES[hour])
        assert torch.equal(codes({"place": "sea"}, world.light_of(scene, 0)), codes({"place": "sea", "time": hour}))
        alone = world.render(scene, width=16, height=16, frames=1, seed=0)
        at_the_hour = [s for s in world.scenes() if s.time == hour and {**s.attributes, "time": ""} == {**scene.attributes, "time": ""}]
        assert np.abs(alone.astype(int) - world.render(at_the_hour[0], width=16, height=16, frames=1, seed=0)).mean() < 12, "what is told is what is drawn"


@pytest.mark.parametrize("name", ["high", "low"])
def test_drawing_learns_from_clips_and_returns_the_stock_transformer(name: str, tmp_path: Path) -> None:
    clips = data.Clips(np.zeros(0, np.uint8), (0, 1), ("", ""), (SCENES[0].attributes, {"place": "sea", "weather": "fog"}))
    latents = torch.randn(2, codec.CHANNELS, 16, 16, 16, generator=torch.Generator().manual_seed(0)).half()
    torch.manual_seed(0)
    plan = Plan(Budget(steps=3), 0, learning_rate=1e-3, weight_decay=0.0, betas=(0.9, 0.98), warm_up_steps=1)
    before = t2v.transformer(t2v.EXPERTS[name])
    trained = t2v.train(copy.deepcopy(before), name, clips, latents, plan, folder=tmp_path, resume=False, batch=2)
    assert trained.steps == 3
    after = trained.model.state_dict()
    assert after.keys() == before.state_dict().keys()
    assert not any(torch.equal(after[name], value) for name, value in before.named_parameters() if "ffn" in name)


def test_each_expert_trains_on_all_the_noise_that_it_draws_at_and_some_beyond() -> None:
    generator = torch.Generator().manual_seed(0)
    levels = {name: t2v.noise_levels(4000, expert.noise, generator) for name, expert in t2v.EXPERTS.items()}
    for name, expert in t2v.EXPERTS.items():
        assert expert.noise[0] <= levels[name].min()
        assert levels[name].max() <= expert.noise[1]
    assert (levels["high"] > 0.99).float().mean() > 0.1, "what is drawn first is drawn from nothing but noise"
    assert t2v.EXPERTS["low"].noise[0] == 0
    assert t2v.EXPERTS["high"].noise[0] <= t2v.BOUNDARY < t2v.EXPERTS["low"].noise[1]
    assert sum(expert.share for expert in t2v.EXPERTS.values()) == 1


def test_only_known_kinds_are_trained(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there are: clip, t2v"):
        train("gan", out=tmp_path / "m", steps=1)


def test_a_loss_that_is_no_number_ends_the_training(tmp_path: Path) -> None:
    model = torch.nn.Linear(1, 1)
    plan = Plan(Budget(steps=60), 0, learning_rate=0.1, weight_decay=0.0, betas=(0.9, 0.99))
    with pytest.raises(Terminal, match="diverged at step 20"):
        optimise(model, lambda g: model(torch.full((1, 1), torch.inf)).sum() * 0, plan, folder=tmp_path, resume=False, label="line")


def test_a_device_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device_of("auto") == "cpu"
    with pytest.raises(Terminal, match=r"no usable CUDA device"):
        device_of("cuda")


def test_a_model_without_a_card_is_nothing_to_go_on_from(tmp_path: Path) -> None:
    with pytest.raises(Terminal, match=r"no card\.json"):
        read_card(tmp_path)


@pytest.mark.parametrize(("kind", "complaint"), [("clip", "of kind 't2v', and 'clip' is to be trained"), ("t2v", "one transformer")])
def test_a_base_that_is_no_such_model_is_told_before_anything_is_painted(kind: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "card.json").write_text('{"kind": "t2v"}')
    with pytest.raises(Terminal, match=complaint):
        train(kind, out=tmp_path / "out", steps=1, base=tmp_path / "base", device="cpu")
    assert not (tmp_path / "out.work").exists()


def test_a_model_of_another_kind_is_not_measured(tmp_path: Path) -> None:
    (tmp_path / "card.json").write_text('{"kind": "clip"}')
    with pytest.raises(Terminal, match="a model of kind 'clip', and 't2v' is to be measured"):
        measure("t2v", tmp_path, 2)


@pytest.mark.heavy
@pytest.mark.parametrize("kind", ["clip", "t2v"])
def test_a_model_folder_comes_out_and_another_training_goes_on_from_it(kind: str, release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts: list[str] = []
    monkeypatch.setattr(t2v, "optimise", lambda *given, label, **more: (parts.append(label), optimise(*given, label=label, **more))[1])
    first = train(kind, out=tmp_path / kind, release=release, device="cpu", steps=4, batch=2, evaluate=2)
    parts.clear()
    assert not first.with_name(kind + ".work").exists()
    second = train(kind, out=tmp_path / "more", release=release, device="cpu", steps=4, batch=2, evaluate=2, base=first)
    assert parts == (["high", "low"] if kind == "t2v" else []), "it reads texts already"
    card = read_card(second)
    assert card["base"] == read_card(first)
    assert not [path for path in second.rglob("*.json") if str(tmp_path) in path.read_text()], "the model says where it was made"
    if kind == "t2v":
        words = json.loads((first / "tokenizer" / "tokenizer.json").read_text())
        assert (words["truncation"], words["padding"]) == (None, None), "a training that went on later would give another file"
        stock = t2v.load(second)
        assert stock.config.boundary_ratio == t2v.BOUNDARY
        assert [stock.transformer.config.patch_size, stock.transformer_2.config.patch_size] == [list(e.patch) for e in t2v.EXPERTS.values()]
    assert card["training"]["device"] == "cpu"
    assert {row["lang"] for row in languages(card)} == {"en", "zh"}


def languages(card: dict[str, Any]) -> list[dict[str, Any]]:
    seen = card["evaluation"]["seen"]
    return list(seen if isinstance(seen, list) else seen["painted_64x64"])

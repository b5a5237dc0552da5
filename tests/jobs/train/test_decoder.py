"""A decoder that learns: it begins as the linear one, goes on where it was killed, and changes nothing else of a model."""

import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import unpatchify

from jobs.errors import Terminal
from jobs.generate.profile import EMBEDDED
from jobs.train import codec, data, decoder, t2v, world
from jobs.train.data import Clips
from jobs.train.loop import Budget, Plan
from jobs.train.run import read_card, train

SCENES = [scene for scene in world.scenes() if scene.time == "night" or scene.colour == "red"][::60]


@pytest.fixture(scope="module")
def clips() -> Clips:
    frames = np.stack([world.render(scene, width=64, height=64, frames=8, seed=i) for i, scene in enumerate(SCENES)])
    return Clips(frames, tuple(range(len(SCENES))), ("",) * len(SCENES), tuple(scene.attributes for scene in SCENES))


@pytest.fixture(scope="module")
def axes(clips: Clips) -> codec.Axes:
    return codec.fit(codec.as_video(torch.from_numpy(clips.frames)))


@pytest.fixture(scope="module")
def pairs(clips: Clips, axes: codec.Axes) -> decoder.Pairs:
    """What a model would draw: the clips with some noise."""
    clean = axes.encode(codec.as_video(torch.from_numpy(clips.frames)))
    return decoder.Pairs((clean + 0.2 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(3))).half(), tuple(range(len(clips))))


def plan(steps: int) -> Plan:
    return Plan(Budget(steps=steps), 0, decoder.RATE, 0.0, (0.5, 0.9), average=0.5, checkpoint_every_share=0.2)


def test_it_begins_as_the_linear_one(clips: Clips, axes: codec.Axes) -> None:
    torch.manual_seed(0)
    vae, scaled = codec.build(axes, width=decoder.WIDTH), axes.scale.view(1, -1, 1, 1, 1)
    latents = axes.encode(codec.as_video(torch.from_numpy(clips.frames[:4])))
    with torch.no_grad():
        made = unpatchify(vae.decoder(latents * scaled), codec.PATCH_PX)
        one_by_one = vae.decode(latents * scaled).sample
    wanted = axes.decode(latents)
    assert float((made - wanted).abs().mean()) < 0.05 * float(wanted.std())
    assert torch.allclose(made.clamp(-1, 1), one_by_one, atol=1e-4), "frame by frame, as pipelines decode, or all at once, as it learns"


def test_a_killed_training_ends_with_the_weights_of_one_that_was_not(clips: Clips, axes: codec.Axes, pairs: decoder.Pairs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, _ = decoder.train(clips, pairs, axes, plan(4), folder=tmp_path / "whole", resume=False)
    real, calls = decoder.Learning.__call__, []

    def killed(self: decoder.Learning, generator: torch.Generator) -> torch.Tensor:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(self, generator)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(decoder.Learning, "__call__", killed)
        decoder.train(clips, pairs, axes, plan(4), folder=tmp_path / "killed", resume=True)
    rest, trained = decoder.train(clips, pairs, axes, plan(4), folder=tmp_path / "killed", resume=True)
    assert trained.steps == 4
    for (name, a), b in zip(whole.state_dict().items(), rest.state_dict().values(), strict=True):
        assert torch.equal(a, b), name


def test_it_learns_to_paint_what_is_drawn(clips: Clips, axes: codec.Axes, pairs: decoder.Pairs, tmp_path: Path) -> None:
    """Seeds fixed; the noise of these pairs is no seam, but it is to go."""
    true = codec.as_video(torch.from_numpy(clips.frames))
    scaled = axes.scale.view(1, -1, 1, 1, 1)

    def error(steps: int) -> float:
        vae, _ = decoder.train(clips, pairs, axes, plan(steps), folder=tmp_path / str(steps), resume=False)
        with torch.no_grad():
            return float((vae.decode(pairs.latents.float() * scaled).sample - true).abs().mean())

    assert error(25) < 0.99 * error(1)


def test_the_critic_sees_consecutive_frames_of_each_clip() -> None:
    video = torch.arange(2 * 3 * 8).float().view(2, 3, 8, 1, 1)
    seen = decoder._looks(video, [[0, 5], [2, 2]])
    assert seen.shape == (4, 3 * decoder.SIGHT, 1, 1)
    assert torch.equal(seen[1].flatten(), video[1, :, 5:8].flatten())
    assert torch.equal(seen[2].flatten(), video[0, :, 2:5].flatten())


def test_pairs_are_kept(pairs: decoder.Pairs, tmp_path: Path) -> None:
    pairs.save(tmp_path / "pairs.pt")
    again = decoder.Pairs.load(tmp_path / "pairs.pt")
    assert again.of == pairs.of
    assert torch.equal(again.latents, pairs.latents)
    assert [path.name for path in tmp_path.iterdir()] == ["pairs.pt"]


def test_clips_of_which_not_everything_is_said_are_none_to_draw(clips: Clips) -> None:
    from types import SimpleNamespace

    some = Clips(clips.frames, clips.rows, clips.captions, tuple({"place": "sea"} for _ in clips.rows))
    with pytest.raises(Terminal, match="no caption tells a scene of the sample world in full"):
        decoder.drawn(SimpleNamespace(vae=codec.build(codec.fit(codec.as_video(torch.from_numpy(clips.frames))))), some, 0, 8, steps=10, guidance=2.5)


def test_only_the_decoder_of_a_standing_model_is_trained_alone(tmp_path: Path) -> None:
    for kind, base in (("clip", EMBEDDED), ("t2v", None)):
        with pytest.raises(Terminal, match="--only decoder and its folder as --base"):
            train(kind, out=tmp_path / "out", steps=3, only="decoder", base=base, device="cpu")
    for out, batch in ((EMBEDDED, None), (tmp_path / "out", 8)):
        with pytest.raises(Terminal, match="give no --batch, and another folder as --out"):
            train("t2v", out=out, steps=3, only="decoder", base=EMBEDDED, batch=batch, device="cpu")
    assert not list(tmp_path.iterdir())


@pytest.mark.heavy
def test_a_model_with_another_decoder_is_the_same_model_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder, "PAIRS", 8)
    monkeypatch.setattr(data, "WorldClips", partial(data.WorldClips, scenes=SCENES))
    base = tmp_path / "base"
    shutil.copytree(EMBEDDED, base)
    out = train("t2v", out=tmp_path / "out", steps=3, only="decoder", base=base, device="cpu", evaluate=2)
    own = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert own == {path.relative_to(base).as_posix() for path in base.rglob("*") if path.is_file()}
    changed = {name for name in own if (out / name).read_bytes() != (base / name).read_bytes()}
    assert changed - {"vae/config.json"} == {"card.json", "vae/diffusion_pytorch_model.safetensors"}
    card = read_card(out)
    assert card["base"] == read_card(base)
    assert card["training"]["parts"]["decoder"]["steps"] == 3
    pipe = t2v.load(out)
    assert torch.allclose(codec.axes_of(pipe.vae).rows, codec.axes_of(t2v.load(base).vae).rows, atol=2e-3), "what it reads is as before"

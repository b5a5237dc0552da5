"""The families of real models: a checkpoint of each one's own classes, shrunk and untrained, goes through our loader and profile."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jobs.errors import Terminal
from jobs.generate import profile
from jobs.generate.generator import Ask, Failed, Made
from jobs.generate.generators import text_to_video as t2v
from schemas.loading import load
from schemas.settings import Generate

WORDS = ("a", "boat", "on", "the", "sea", "city", "at", "night", "<|end_header_id|>", "user", "system")
TEXT_WIDTH = 32


def tokenizer(length: int) -> Any:
    """A tokenizer of words, as a `tokenizer.json` that holds it whole."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    known = {word: i for i, word in enumerate(("<pad>", "</s>", "<unk>", *WORDS))}
    made = Tokenizer(models.WordLevel(known, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", model_max_length=length
    )


def t5(umt5: bool = False) -> Any:
    from transformers import T5Config, T5EncoderModel, UMT5Config, UMT5EncoderModel

    facts: dict[str, Any] = {"vocab_size": 64, "d_model": TEXT_WIDTH, "d_kv": 8, "d_ff": 32, "num_layers": 1, "num_heads": 2,
                             "feed_forward_proj": "gated-gelu", "pad_token_id": 0, "eos_token_id": 1}
    return UMT5EncoderModel(UMT5Config(**facts)) if umt5 else T5EncoderModel(T5Config(**facts))


def wan() -> Any:
    from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanPipeline, WanTransformer3DModel

    return WanPipeline(
        tokenizer=tokenizer(512),
        text_encoder=t5(umt5=True),
        transformer=WanTransformer3DModel(
            num_attention_heads=2, attention_head_dim=24, in_channels=4, out_channels=4, text_dim=TEXT_WIDTH, freq_dim=32, ffn_dim=64,
            num_layers=1, cross_attn_norm=True, rope_max_seq_len=64),
        vae=AutoencoderKLWan(base_dim=8, decoder_base_dim=8, z_dim=4, num_res_blocks=1, latents_mean=[0.0] * 4, latents_std=[1.0] * 4),
        scheduler=UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0),
    )


def ltx() -> Any:
    from diffusers import AutoencoderKLLTXVideo, FlowMatchEulerDiscreteScheduler, LTXPipeline, LTXVideoTransformer3DModel

    return LTXPipeline(
        tokenizer=tokenizer(128),
        text_encoder=t5(),
        transformer=LTXVideoTransformer3DModel(
            in_channels=8, out_channels=8, num_attention_heads=4, attention_head_dim=8, cross_attention_dim=32, num_layers=1,
            caption_channels=TEXT_WIDTH),
        vae=AutoencoderKLLTXVideo(
            latent_channels=8, block_out_channels=(8, 8, 8, 8), decoder_block_out_channels=(8, 8, 8, 8), layers_per_block=(1,) * 5,
            decoder_layers_per_block=(1,) * 5),
        scheduler=FlowMatchEulerDiscreteScheduler(),
    )


def cogvideox() -> Any:
    from diffusers import AutoencoderKLCogVideoX, CogVideoXDDIMScheduler, CogVideoXPipeline, CogVideoXTransformer3DModel

    return CogVideoXPipeline(
        tokenizer=tokenizer(226),
        text_encoder=t5(),
        transformer=CogVideoXTransformer3DModel(
            num_attention_heads=4, attention_head_dim=8, in_channels=4, out_channels=4, time_embed_dim=4, text_embed_dim=TEXT_WIDTH,
            num_layers=1, sample_width=8, sample_height=8, sample_frames=9),
        vae=AutoencoderKLCogVideoX(block_out_channels=(8, 8, 8, 8), latent_channels=4, layers_per_block=1, norm_num_groups=2),
        scheduler=CogVideoXDDIMScheduler(),
    )


def hunyuan_video() -> Any:
    from diffusers import (
        AutoencoderKLHunyuanVideo,
        FlowMatchEulerDiscreteScheduler,
        HunyuanVideoPipeline,
        HunyuanVideoTransformer3DModel,
    )
    from transformers import CLIPTextConfig, CLIPTextModel, LlamaConfig, LlamaModel

    small: dict[str, Any] = {"vocab_size": 64, "intermediate_size": 32, "num_attention_heads": 4, "pad_token_id": 0, "eos_token_id": 1,
                             "bos_token_id": 2}
    return HunyuanVideoPipeline(
        tokenizer=tokenizer(512),
        text_encoder=LlamaModel(LlamaConfig(hidden_size=16, num_hidden_layers=4, **small)),
        tokenizer_2=tokenizer(77),
        text_encoder_2=CLIPTextModel(CLIPTextConfig(hidden_size=8, num_hidden_layers=1, **small)),
        transformer=HunyuanVideoTransformer3DModel(
            in_channels=4, out_channels=4, num_attention_heads=2, attention_head_dim=10, num_layers=1, num_single_layers=1,
            num_refiner_layers=1, text_embed_dim=16, pooled_projection_dim=8, rope_axes_dim=(2, 4, 4)),
        vae=AutoencoderKLHunyuanVideo(latent_channels=4, block_out_channels=(8, 8, 8, 8), layers_per_block=1, norm_num_groups=4),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=7.0),
    )


def ltx_image_to_video() -> Any:
    from diffusers import LTXImageToVideoPipeline

    return LTXImageToVideoPipeline(**ltx().components)


def stable_diffusion() -> Any:
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    return StableDiffusionPipeline(
        vae=AutoencoderKL(
            block_out_channels=(8, 8), down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
            latent_channels=4, norm_num_groups=4, sample_size=64),
        text_encoder=CLIPTextModel(CLIPTextConfig(
            hidden_size=TEXT_WIDTH, num_hidden_layers=1, vocab_size=64, intermediate_size=32, num_attention_heads=4, pad_token_id=0,
            eos_token_id=1, bos_token_id=2)),
        tokenizer=tokenizer(77),
        unet=UNet2DConditionModel(
            block_out_channels=(8, 16), layers_per_block=1, sample_size=32, down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), cross_attention_dim=TEXT_WIDTH, attention_head_dim=8, norm_num_groups=4),
        scheduler=DDIMScheduler(),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )


ROUTES: Mapping[str, Callable[[], Any]] = {f.__name__: f for f in (ltx_image_to_video, stable_diffusion)}
FAMILIES: Mapping[str, Callable[[], Any]] = {f.__name__: f for f in (wan, ltx, cogvideox, hunyuan_video)}


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a family, as `save_pretrained` writes it: safetensors, and no word of ours beside them."""
    import torch

    made: dict[str, Path] = {}

    def folder(name: str) -> Path:
        if name not in made:
            torch.manual_seed(0)
            made[name] = tmp_path_factory.mktemp(name)
            ({**FAMILIES, **ROUTES})[name]().save_pretrained(made[name], safe_serialization=True)
        return made[name]

    return folder


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_checkpoint_of_the_family_makes_clips_by_path(name: str, checkpoint: Callable[[str], Path], no_network: None) -> None:
    asks = [Ask("a boat on the sea", 1, "16:9"), Ask("the city at night", 2, "16:9")]
    pipe = t2v.load(Generate(model=str(checkpoint(name)), width=64, height=64, frames=8, steps=2, batch=2), "cpu")
    family = profile.families()[pipe.family]
    assert family["family"] == name
    results = pipe.make(asks)
    for result in results:
        assert isinstance(result, Made), result
        assert result.frames.shape == (9, 64, 64, 3), "eight frames are none of the family's lengths; the nearest is nine"
        assert (result.fps, result.steps, result.guidance) == (family["fps"], 2, family["guidance"])
    assert not np.array_equal(results[0].frames, results[1].frames)  # type: ignore[union-attr]
    again = pipe.make(asks[1:])
    assert not isinstance(again[0], Failed)
    assert np.abs(again[0].frames.astype(int) - results[1].frames).max() <= 2, "a clip is that of its own seed"  # type: ignore[union-attr]


def test_a_picture_of_one_model_becomes_the_first_frame_of_another(checkpoint: Callable[[str], Path], no_network: None) -> None:
    pictures = checkpoint("stable_diffusion")
    (pictures / "reelmill.json").write_text('{"width": 64, "height": 64, "steps": 2}')
    wanted = Generate(model=str(checkpoint("ltx_image_to_video")), picture_model=str(pictures), width=64, height=64, frames=9, steps=2)
    pipe = t2v.load(wanted, "cpu")
    result, other = pipe.make([Ask("a boat on the sea", 1, "16:9"), Ask("a boat on the sea", 2, "16:9")])
    assert isinstance(result, Made), result
    assert isinstance(other, Made), other
    assert result.frames.shape == (9, 64, 64, 3)
    assert not np.array_equal(result.frames, other.frames)
    assert pipe.revision.count("+") == 1, "both models are named"


def test_a_pipeline_that_starts_from_a_picture_asks_for_one_though_its_signature_does_not(checkpoint: Callable[[str], Path]) -> None:
    with pytest.raises(Terminal, match=r"starts from a picture; set generate\.picture_model"):
        t2v.load(Generate(model=str(checkpoint("ltx_image_to_video"))), "cpu")


@pytest.mark.parametrize("name", FAMILIES)
def test_a_pickle_beside_the_weights_is_refused_before_anything_is_loaded(
    name: str, checkpoint: Callable[[str], Path], tmp_path: Path
) -> None:
    import shutil

    folder = shutil.copytree(checkpoint(name), tmp_path / name)
    weights = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".bin"))
    with pytest.raises(Terminal, match=r"transformer.diffusion_pytorch_model\.bin: a pickled checkpoint"):
        t2v.load(Generate(model=str(folder)), "cpu")


@pytest.mark.parametrize("part", ["text_encoder", "tokenizer", "transformer"])
def test_a_part_that_brings_code_is_refused(part: str, checkpoint: Callable[[str], Path], tmp_path: Path) -> None:
    import shutil

    folder = shutil.copytree(checkpoint("ltx"), tmp_path / "ltx")
    file = folder / part / ("tokenizer_config.json" if part == "tokenizer" else "config.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | {"auto_map": {"AutoModel": "mine--module.Model"}}))
    with pytest.raises(Terminal, match="auto_map"):
        t2v.load(Generate(model=str(folder)), "cpu")


def test_damaged_weights_are_named(checkpoint: Callable[[str], Path], tmp_path: Path) -> None:
    import shutil

    folder = shutil.copytree(checkpoint("ltx"), tmp_path / "ltx")
    (folder / "vae" / "diffusion_pytorch_model.safetensors").write_bytes(b"not safetensors at all")
    with pytest.raises(Terminal, match="could not be loaded"):
        t2v.load(Generate(model=str(folder)), "cpu")


def test_weights_of_another_shape_are_named(checkpoint: Callable[[str], Path], tmp_path: Path) -> None:
    import shutil

    folder = shutil.copytree(checkpoint("ltx"), tmp_path / "ltx")
    file = folder / "transformer" / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"num_attention_heads": 8}))
    with pytest.raises(Terminal, match="could not be loaded"):
        t2v.load(Generate(model=str(folder)), "cpu")


def test_weights_that_are_missing_are_no_random_model(checkpoint: Callable[[str], Path], tmp_path: Path) -> None:
    import shutil

    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(checkpoint("ltx"), tmp_path / "ltx")
    file = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(file)
    tensors.pop(sorted(tensors)[0])
    save_file(tensors, file)
    with pytest.raises(Terminal, match="incomplete|missing"):
        t2v.load(Generate(model=str(folder)), "cpu")


def test_a_text_encoder_that_lacks_weights_is_no_random_one(checkpoint: Callable[[str], Path], tmp_path: Path) -> None:
    """transformers makes up what is missing."""
    import shutil

    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(checkpoint("ltx"), tmp_path / "ltx")
    file = folder / "text_encoder" / "model.safetensors"
    tensors = load_file(file)
    name = next(name for name in sorted(tensors) if "layer" in name)
    tensors.pop(name)
    save_file(tensors, file, metadata={"format": "pt"})
    with pytest.raises(Terminal, match=f"text_encoder: 1 weights are missing, {name}"):
        t2v.load(Generate(model=str(folder)), "cpu")


@pytest.mark.parametrize("file", ["text_encoder/model.safetensors", "tokenizer/tokenizer.json"])
def test_a_part_of_transformers_that_was_cut_off_is_named(file: str, checkpoint: Callable[[str], Path], tmp_path: Path) -> None:
    import shutil

    folder = shutil.copytree(checkpoint("ltx"), tmp_path / "ltx")
    (folder / file).write_bytes((folder / file).read_bytes()[:200])
    with pytest.raises(Terminal, match=r"cannot load it|could not be loaded|cannot be read"):
        t2v.load(Generate(model=str(folder)), "cpu")


@pytest.mark.parametrize(("library", "known"), [("stable_diffusion", True), ("os", False), ("..utils", False), ("mine", False)])
def test_parts_that_diffusers_keeps_with_a_pipeline_are_its_own(library: str, known: bool, checkpoint: Callable[[str], Path], tmp_path: Path) -> None:
    """The index of Stable Diffusion names `stable_diffusion` as the place of its safety checker."""
    import shutil

    from jobs.generate.weights import checked

    folder = shutil.copytree(checkpoint("stable_diffusion"), tmp_path / "sd")
    index = json.loads((folder / "model_index.json").read_text()) | {"safety_checker": [library, "StableDiffusionSafetyChecker"]}
    (folder / "model_index.json").write_text(json.dumps(index))
    if known:
        assert checked(folder)["safety_checker"][0] == library
    else:
        with pytest.raises(Terminal, match="'safety_checker' comes from"):
            checked(folder)


def test_a_tokenizer_that_is_missing_is_no_tokenizer_without_words(checkpoint: Callable[[str], Path], tmp_path: Path) -> None:
    import shutil

    folder = shutil.copytree(checkpoint("ltx"), tmp_path / "ltx")
    (folder / "tokenizer" / "tokenizer.json").unlink()
    (folder / "tokenizer" / "tokenizer_config.json").write_text('{"tokenizer_class": "T5Tokenizer"}')
    index = json.loads((folder / "model_index.json").read_text()) | {"tokenizer": ["transformers", "T5Tokenizer"]}  # as in LTX itself
    (folder / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(Terminal, match="ltx/tokenizer: its tokenizer knows no words"):
        t2v.load(Generate(model=str(folder)), "cpu")


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_goes_through_the_whole_job(name: str, checkpoint: Callable[[str], Path]) -> None:
    """Generated, encoded, measured and judged; what an untrained model draws is accepted or has a reason, never lost."""
    from jobs.generate import job

    settings = load([f"generate.model={checkpoint(name)}", "generate.width=64", "generate.height=64", "generate.frames=25",
                     "generate.steps=1", "generate.reseeds=0", "runtime.device=cpu", "policy.preset=everything"], env={})
    part = job.work(job.Batch((job.ShotTask("p", 0, "a boat on the sea", 0, "16:9"),), "hash", "run"), settings)
    (row,) = part.tables["generations"].to_pylist()
    assert (part.seen, part.kept + part.tables["rejects"].num_rows) == (1, 1)
    assert row["family"] == type_of(checkpoint(name))
    assert len(row["revision"]) == 12
    assert {s["name"] for s in row["scores"]} >= {"brightest_luma", "greatest_step"}


def type_of(folder: Path) -> str:
    return str(json.loads((folder / "model_index.json").read_text())["_class_name"])


def test_an_unreachable_hub_name_says_what_to_do_offline(tmp_path: Path) -> None:
    """In a process of its own, because the hub library reads its settings when it is imported."""
    code = (
        "from jobs.errors import Terminal\n"
        "from jobs.generate import weights\n"
        "from schemas.settings import Generate\n"
        "try:\n    weights.folder_of(Generate(model='Wan-AI/Wan2.1-T2V-1.3B-Diffusers'))\n"
        "except Terminal as error:\n    print(error)\n"
    )
    env = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, timeout=300, check=False)
    assert "hf download Wan-AI/Wan2.1-T2V-1.3B-Diffusers --local-dir DIR" in done.stdout, done.stdout + done.stderr
    assert "generate.model=DIR" in done.stdout

"""What the tests of several jobs share."""

import json
from pathlib import Path

import pytest

from jobs.lake import RUN_ENV

SIDECAR = {
    "family": "wan",
    "width": 64,
    "height": 64,
    "num_frames": 9,
    "fps": 8,
    "steps": 2,
    "guidance": 1.5,
    "max_sequence_length": 16,
}


@pytest.fixture(scope="session")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained WanPipeline of 0.5 MB: its pictures are noise."""
    import torch
    from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanPipeline, WanTransformer3DModel
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, UMT5Config, UMT5EncoderModel

    torch.manual_seed(0)
    words = Tokenizer(models.WordLevel({"<pad>": 0, "</s>": 1, "<unk>": 2, "sea": 3, "city": 4}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", model_max_length=32
    )
    text = UMT5EncoderModel(UMT5Config(vocab_size=64, d_model=32, d_kv=8, d_ff=32, num_layers=1, num_heads=2, dropout_rate=0.0,
                                       feed_forward_proj="gated-gelu", pad_token_id=0, eos_token_id=1))
    transformer = WanTransformer3DModel(
        patch_size=(1, 2, 2),
        num_attention_heads=2,
        attention_head_dim=24,
        in_channels=4,
        out_channels=4,
        text_dim=32,
        freq_dim=32,
        ffn_dim=64,
        num_layers=1,
        cross_attn_norm=True,
        rope_max_seq_len=64,
    )
    vae = AutoencoderKLWan(base_dim=8, decoder_base_dim=8, z_dim=4, dim_mult=[1, 1, 1, 1], num_res_blocks=1, attn_scales=[],
                           temperal_downsample=[False, True, True], latents_mean=[0.0] * 4, latents_std=[1.0] * 4)
    scheduler = UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True)
    folder = tmp_path_factory.mktemp("untrained")
    WanPipeline(tokenizer=tokenizer, text_encoder=text, vae=vae, scheduler=scheduler, transformer=transformer).save_pretrained(
        folder
    )
    (folder / "reelmill.json").write_text(json.dumps(SIDECAR))
    return folder


@pytest.fixture
def turn(monkeypatch):
    """What follows is done by a command of this run of Airflow; of none by default."""
    def of(run=None):
        for name, value in zip(RUN_ENV, ("a_dag", run) if run else (None, None), strict=True):
            monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name, raising=False)

    of()
    return of

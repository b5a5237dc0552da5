"""Tokenizers that came without their files, or are of another model: neither may turn texts into made-up vectors."""

import json
import shutil

import pytest

from jobs.errors import Terminal
from jobs.label import clip
from jobs.label.weights import from_folder
from schemas.settings import Label


def without_words(random_clip, folder, of):
    """A model whose tokenizer's words got lost, and what is left says only of which class it is."""
    shutil.copytree(random_clip, folder, dirs_exist_ok=True)
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": of}))
    return folder


@pytest.mark.parametrize("of", ["BertTokenizer", "T5Tokenizer", "CLIPTokenizer", "GPT2Tokenizer", "GemmaTokenizer"])
def test_a_tokenizer_without_its_words_is_refused(random_clip, tmp_path, of):
    from transformers import AutoTokenizer

    folder = without_words(random_clip, tmp_path / "mute", of)
    with pytest.raises(Terminal, match="mute.*its tokenizer knows no words"):
        from_folder(AutoTokenizer, str(folder))
    with pytest.raises(Terminal, match=r"mute/open_clip_model\.safetensors: its tokenizer knows no words"):
        clip.tower(Label(clip_model=f"local-dir:{folder}"), "cpu")


def test_a_tokenizer_with_more_words_than_the_weights_is_an_error_that_names_the_file(random_clip, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "small"
    shutil.copytree(random_clip, folder)
    facts = json.loads((folder / "open_clip_config.json").read_text())
    facts["model_cfg"]["text_cfg"]["vocab_size"] = 20
    (folder / "open_clip_config.json").write_text(json.dumps(facts))
    weights = load_file(folder / "open_clip_model.safetensors")
    weights["token_embedding.weight"] = weights["token_embedding.weight"][:20].clone()
    save_file(weights, folder / "open_clip_model.safetensors")
    tower = clip.tower(Label(clip_model=f"local-dir:{folder}"), "cpu")
    with pytest.raises(Terminal, match=r"open_clip_model\.safetensors: tokenizer and weights are not of one model"):
        tower.text(["snowy mountains"])

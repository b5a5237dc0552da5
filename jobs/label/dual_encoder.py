"""A CLIP, SigLIP or Chinese-CLIP folder as transformers writes it (config.json, model.safetensors), with the face of an open_clip model."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from jobs.errors import Terminal
from jobs.label.weights import from_folder


class DualEncoder:
    """`encode_image`, `encode_text`, `logit_scale` and `visual.image_size` as in open_clip."""

    def __init__(self, network: Any) -> None:
        self.network = network
        self.logit_scale = network.logit_scale
        self.visual = SimpleNamespace(image_size=network.config.vision_config.image_size)

    def encode_image(self, pixels: Any, normalize: bool) -> Any:
        """[batch, width] of length 1."""
        return _unit(self.network.get_image_features(pixel_values=pixels))

    def encode_text(self, tokens: Any, normalize: bool) -> Any:
        """[batch, width] of length 1."""
        return _unit(self.network.get_text_features(**tokens))


def _unit(found: Any) -> Any:
    import torch

    return torch.nn.functional.normalize(getattr(found, "pooler_output", found), dim=-1)


def load(folder: Path, device: str) -> tuple[DualEncoder, Any, Any]:
    """The model of a folder, what makes a picture fit it, and what makes texts fit it.

    Raises:
        Terminal: transformers cannot load it, weights are missing, or it takes pictures of any size.
    """
    import torch
    from open_clip.tokenizer import get_clean_fn
    from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

    processor, tokenizer = from_folder(AutoImageProcessor, str(folder)), from_folder(AutoTokenizer, str(folder))
    network = from_folder(AutoModel, str(folder), dtype=torch.float32).to(device).eval().requires_grad_(False)
    if not isinstance(getattr(network.config.vision_config, "image_size", None), int):
        raise Terminal(f"{folder}: takes pictures of any size, which is not supported; use a variant of fixed size")
    longest = network.config.text_config.max_position_embeddings

    # texts as these were trained on them, in small letters and without marks; the tokenizers of SigLIP 2 that transformers writes do not see to it
    fitted = get_clean_fn("canonicalize") if network.config.model_type.startswith("siglip") else str

    def tokens(texts: Sequence[str]) -> Any:
        return tokenizer([fitted(text) for text in texts], padding="max_length", truncation=True, max_length=longest, return_tensors="pt")

    return DualEncoder(network), lambda picture: processor(images=picture, return_tensors="pt")["pixel_values"][0], tokens

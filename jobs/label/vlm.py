"""A captioner from a transformers image-text-to-text folder on this machine: greedy decoding, several clips at a time on a GPU."""

from collections.abc import Iterator, Sequence
from typing import Any

from jobs.label.captioner import ASK, MAX_TOKENS, Captioner, Cost, Pictures, Reply, parsed
from jobs.label.pixels import opened
from jobs.label.weights import from_folder

AT_ONCE = {"cuda": 8, "cpu": 1}
"""Clips per generation."""


def folder_model(name: str, device: str) -> Captioner:
    """A captioner from a folder (safetensors, no code of its own).

    Raises:
        Terminal: transformers cannot load it, or weights are missing.
    """
    import torch
    from transformers import AutoModelForImageTextToText, AutoProcessor

    torch.set_num_threads(1)
    processor = from_folder(AutoProcessor, name)
    network = from_folder(AutoModelForImageTextToText, name, dtype=torch.bfloat16 if device == "cuda" else torch.float32)
    network = network.to(device).eval()
    tokenizer = getattr(processor, "tokenizer", processor)
    tokenizer.padding_side = "left"
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    ends = network.generation_config.eos_token_id
    ends = {ends} if isinstance(ends, int) else set(ends or ())

    def asked(clips: Sequence[Pictures]) -> Any:
        pictures = [[picture for jpeg in jpegs if (picture := opened(jpeg)) is not None] for jpegs in clips]
        if getattr(processor, "chat_template", None):
            said = [
                [{"role": "user", "content": [*({"type": "image", "image": p} for p in some), {"type": "text", "text": ASK}]}]
                for some in pictures
            ]
            return processor.apply_chat_template(
                said, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt", processor_kwargs={"padding": True}
            )
        marker = getattr(processor, "image_token", None) or "<image>"
        return processor(images=pictures, text=[marker * len(some) + ASK for some in pictures], return_tensors="pt", padding=True)

    def ask(clips: Sequence[Pictures]) -> Iterator[list[tuple[int, Reply]]]:
        for start in range(0, len(clips), AT_ONCE[device]):
            inputs = asked(clips[start : start + AT_ONCE[device]]).to(device)
            with torch.inference_mode():
                made = network.generate(**inputs, max_new_tokens=MAX_TOKENS, do_sample=False, pad_token_id=tokenizer.pad_token_id)
            new = made[:, inputs["input_ids"].shape[1] :].tolist()
            facts = zip(new, inputs["attention_mask"].sum(dim=1), strict=True)
            yield [(start + i, _reply(tokenizer, ids, int(read), ends)) for i, (ids, read) in enumerate(facts)]

    return Captioner(name, ask)


def _reply(tokenizer: Any, ids: list[int], read: int, ends: set[int]) -> Reply:
    end = next((i for i, token in enumerate(ids) if token in ends), None)
    written = len(ids) if end is None else end + 1
    cost = Cost(read, written, read + written)
    if end is None and len(ids) >= MAX_TOKENS:
        return Reply("truncated", {}, cost)
    return parsed(tokenizer.decode(ids[:end], skip_special_tokens=True), cost)

"""Asks a vision-language model for a caption in parts: a model folder on this machine, or an OpenAI-compatible endpoint.

What comes back is either a complete set of parts or a status that says why not: truncated, refused and failed are never texts.
"""

import base64
import json
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from jobs.errors import Terminal, Transient
from jobs.label.weights import refuse_remote_code, sha256_12

PARTS = ("subject", "action", "setting", "camera", "style", "mood")
LANGS = ("en", "zh")
ASK = (
    "These pictures are frames of one video clip, in order. Describe only what can be seen. Answer with one JSON object and nothing else: "
    '{"en": {' + ", ".join(f'"{p}": "..."' for p in PARTS) + '}, "zh": {' + ", ".join(f'"{p}": "..."' for p in PARTS) + "}}. "
    "English under en, Simplified Chinese under zh, one short phrase each; an empty string for what cannot be told."
)
MAX_TOKENS = 600
KEY_ENV = "REELMILL_CAPTION_KEY"
TRIES, TIMEOUT_S, FIRST_WAIT_S = 4, 120.0, 0.5
Status = Literal["ok", "truncated", "refused", "failed"]


@dataclass(frozen=True)
class Reply:
    """What a model answered.

    Attributes:
        status: ok, truncated (ran into the token limit), refused, or failed (no such JSON).
        parts: Language -> part -> phrase; empty unless ok.
        tokens: Tokens read and written, where the model says.
    """

    status: Status
    parts: dict[str, dict[str, str]]
    tokens: int | None = None


Captioner = Callable[[Sequence[bytes]], Reply]
"""JPEGs of one clip to a reply."""


def parsed(text: str, tokens: int | None = None) -> Reply:
    """A finished answer as parts; anything but the JSON asked for is `failed`, an apology `refused`."""
    match = re.search(r"\{.*\}", text, re.DOTALL)
    try:
        facts = json.loads(match.group(0)) if match else None
        parts = {lang: {p: str(facts[lang][p]).strip() for p in PARTS} for lang in LANGS} if facts else {}
    except (ValueError, KeyError, TypeError):
        parts = {}
    if not parts or not any(any(p.values()) for p in parts.values()):
        sorry = re.match(r"\s*(i'?m sorry|i can(no|')t|i am unable|抱歉|对不起|我无法)", text, re.IGNORECASE)
        return Reply("refused" if sorry else "failed", {}, tokens)
    return Reply("ok", parts, tokens)


def joined(parts: dict[str, str], lang: str) -> str:
    """The parts of one language as one caption."""
    said = [parts[p].rstrip(".。,，; ；") for p in PARTS if parts[p]]
    return "，".join(said) + "。" if lang == "zh" else ", ".join(said) + "."


def is_endpoint(name: str) -> bool:
    """Whether a `label.caption_model` is an address and not a folder."""
    return name.startswith(("http://", "https://"))


def revision(name: str) -> str:
    """Revision of the weights of a folder; an endpoint does not tell its own, its model's name stands for it.

    Raises:
        Terminal: no such folder, no safetensors, or code of its own.
    """
    if is_endpoint(name):
        return name.partition("#")[2] or "default"
    folder = Path(name)
    if not (folder / "config.json").is_file():
        raise Terminal(f"{folder}: no transformers model here (label.caption_model); give a folder with config.json and safetensors")
    found = sorted(folder.glob("*.safetensors"))
    if not found:
        raise Terminal(f"{folder}: holds no .safetensors; pickles are refused, convert them first")
    refuse_remote_code(folder)
    return "-".join(sha256_12(f) for f in found)[:12]


def endpoint(address: str) -> Captioner:
    """A captioner that asks `POST <address>/chat/completions`; the key comes from REELMILL_CAPTION_KEY.

    Busy and broken answers (429, 5xx, no connection) are tried again with growing pauses.

    Raises (when asked):
        Transient: still no answer after the last try.
        Terminal: the endpoint rejects the request itself.
    """
    base, _, model = address.partition("#")

    def ask(pictures: Sequence[bytes]) -> Reply:
        images = [{"type": "image_url", "image_url": {"url": "data:image/jpeg;base64," + base64.b64encode(p).decode()}} for p in pictures]
        body = {
            "model": model or "default",
            "temperature": 0,
            "seed": 0,
            "max_tokens": MAX_TOKENS,
            "messages": [{"role": "user", "content": [*images, {"type": "text", "text": ASK}]}],
        }
        answer = _post(f"{base.rstrip('/')}/chat/completions", body)
        try:
            choice = answer["choices"][0]
            tokens = answer.get("usage", {}).get("total_tokens")
            if choice.get("finish_reason") == "length":
                return Reply("truncated", {}, tokens)
            if choice.get("finish_reason") == "content_filter" or choice["message"].get("refusal"):
                return Reply("refused", {}, tokens)
            return parsed(choice["message"]["content"] or "", tokens)
        except (KeyError, IndexError, TypeError, AttributeError):
            return Reply("failed", {})

    return ask


def _post(url: str, body: dict[str, Any]) -> Any:
    headers = {"Content-Type": "application/json"}
    if key := os.environ.get(KEY_ENV):
        headers["Authorization"] = f"Bearer {key}"
    why = ""
    for attempt in range(TRIES):
        if attempt:
            time.sleep(FIRST_WAIT_S * 2 ** (attempt - 1))
        request = urllib.request.Request(url, json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
                return json.loads(response.read())
        except urllib.error.HTTPError as error:
            if error.code != 429 and error.code < 500:
                raise Terminal(f"{url} answers {error.code} {error.reason}; check label.caption_model and {KEY_ENV}") from None
            why = f"{error.code} {error.reason}"
        except (urllib.error.URLError, OSError, ValueError) as error:
            why = str(getattr(error, "reason", error))
    raise Transient(f"{url}: no answer after {TRIES} tries ({why})")


def folder_model(name: str, device: str) -> Captioner:
    """A captioner from a transformers image-text-to-text folder (safetensors, no code of its own), greedy decoding.

    Raises:
        Terminal: transformers cannot load it.
    """
    import io

    import torch
    from PIL import Image
    from transformers import AutoModelForImageTextToText, AutoProcessor

    torch.set_num_threads(1)
    try:
        processor = AutoProcessor.from_pretrained(name, local_files_only=True, trust_remote_code=False)
        network = (
            AutoModelForImageTextToText.from_pretrained(
                name,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                dtype=torch.bfloat16 if device == "cuda" else torch.float32,
            )
            .to(device)
            .eval()
        )
    except Exception as error:  # transformers raises whatever its parts raise; the user needs the folder and the cause
        raise Terminal(f"{name}: transformers cannot load it as an image-text-to-text model: {str(error)[:300]}") from None

    def ask(pictures: Sequence[bytes]) -> Reply:
        images = [Image.open(io.BytesIO(p)).convert("RGB") for p in pictures]
        content = [*({"type": "image", "image": i} for i in images), {"type": "text", "text": ASK}]
        if getattr(processor, "chat_template", None):
            inputs = processor.apply_chat_template(
                [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
            )
        else:
            marker = getattr(processor, "image_token", None) or "<image>"
            inputs = processor(images=images, text=marker * len(images) + ASK, return_tensors="pt")
        inputs = inputs.to(device)
        with torch.inference_mode():
            made = network.generate(**inputs, max_new_tokens=MAX_TOKENS, do_sample=False)
        new = made[0, inputs["input_ids"].shape[1] :]
        if len(new) >= MAX_TOKENS:
            return Reply("truncated", {}, len(made[0]))
        return parsed(processor.batch_decode(new[None], skip_special_tokens=True)[0], len(made[0]))

    return ask

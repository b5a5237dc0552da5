"""The text encoder of the small video model: a UMT5 of half a million weights that turns a caption into the codes of its attributes.

It learns from sentences alone, so it knows every combination of attributes, also those that no clip shows.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from pathlib import Path

import torch
from torch.nn import functional
from transformers import PreTrainedTokenizerBase, UMT5Config, UMT5EncoderModel

from jobs.train import tokens, words, world
from jobs.train.codes import Codes
from jobs.train.loop import Plan, Trained, optimise

WIDTH = 128
"""Size of a text state; the codes are as many orthogonal directions in it."""
PROMPT_TOKENS = 64
BATCH = 48


def encoder() -> UMT5EncoderModel:
    """Untrained."""
    return UMT5EncoderModel(
        UMT5Config(
            vocab_size=tokens.VOCABULARY,
            d_model=WIDTH,
            d_kv=32,
            d_ff=256,
            num_layers=3,
            num_heads=4,
            feed_forward_proj="gated-gelu",
            dropout_rate=0.0,
            pad_token_id=tokens.PAD,
            eos_token_id=tokens.EOS,
            relative_attention_num_buckets=16,
            relative_attention_max_distance=48,
        )
    )


def said(rng: random.Random) -> tuple[str, dict[str, str]]:
    """A random text and the attributes it names."""
    scene, lang = rng.choice(world.scenes()), rng.choice(words.LANGUAGES)
    match rng.randrange(10):
        case 0:
            return rng.choice(("", words.unrelated(rng))), {}
        case 1 | 2 | 3 | 4:
            return rng.choice(words.captions(scene.attributes, lang)), scene.attributes
        case _:
            return words.remark(scene.attributes, lang, rng)


def _confusion(states: torch.Tensor, mask: torch.Tensor, named: Sequence[dict[str, str]], codes: Codes) -> torch.Tensor:
    """Cross-entropy of every said value against the others of its attribute, on every token, as the codes read it."""
    total = states.new_zeros(())
    for key in words.ENGLISH:
        rows = [i for i, attributes in enumerate(named) if key in attributes]
        if not rows:
            continue
        names, directions = codes.values(key)
        truth = torch.tensor([names.index(named[i][key]) for i in rows], device=states.device)[:, None].expand(-1, states.shape[1])
        real = mask[rows].bool()
        right = functional.cross_entropy((states[rows] @ directions.T.to(states.device))[real], truth[real])
        total = total + right * len(rows) / len(named)
    return total


def train(tokenizer: PreTrainedTokenizerBase, plan: Plan, *, folder: Path, resume: bool) -> Trained:
    """Teach every token of a caption to carry the code of the whole caption.

    The distance to the code alone is slow to tell apart the values of an attribute with many names: after 120 CPU seconds it took one
    place in three for another. Asking every token for every value as well settles that in 50.
    """
    torch.manual_seed(plan.seed)
    codes, model = Codes(WIDTH, lit=True), encoder()

    def loss(generator: torch.Generator) -> torch.Tensor:
        rng = random.Random(int(torch.randint(2**31, (1,), generator=generator)))
        batch = [said(rng) for _ in range(BATCH)]
        ids = tokenizer([text for text, _ in batch], padding=True, truncation=True, max_length=PROMPT_TOKENS, return_tensors="pt").to(plan.device)
        states = model(ids.input_ids, ids.attention_mask).last_hidden_state.float()
        wanted = torch.stack([codes(named) for _, named in batch])[:, None].to(plan.device) * math.sqrt(WIDTH)
        error = ((states - wanted) ** 2).mean(-1) * ids.attention_mask
        distance = error.sum() / ids.attention_mask.sum()
        return distance + 0.5 * _confusion(states, ids.attention_mask, [named for _, named in batch], codes)

    return optimise(model, loss, plan, folder=folder, resume=resume, label="text")

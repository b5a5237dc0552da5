"""A small bilingual tokenizer: byte-level pairs learned from the captions of the sample world.

Every Han character stands alone: without that, the pairs swallow whole Chinese clauses and nothing composes.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from jobs.train import words, world

VOCABULARY = 1536
PAD, EOS = 0, 1


def sentences(count: int, seed: int) -> Iterator[str]:
    """Captions, remarks and unrelated phrases in both languages."""
    rng = random.Random(seed)
    grid = world.scenes()
    for _ in range(count):
        scene, lang = rng.choice(grid), rng.choice(words.LANGUAGES)
        yield rng.choice(words.captions(scene.attributes, lang))
        yield words.remark(scene.attributes, lang, rng)[0]
        yield words.unrelated(rng)


def make_tokenizer(folder: Path, *, length: int, seed: int = 0) -> PreTrainedTokenizerFast:
    """Learn the pairs and save the tokenizer as a transformers folder."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(r"\p{Han}"), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        sentences(6000, seed),
        trainers.BpeTrainer(
            vocab_size=VOCABULARY,
            special_tokens=["<pad>", "</s>", "<s>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", EOS)])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", bos_token="<s>", model_max_length=length
    )
    fast.save_pretrained(folder)
    return fast

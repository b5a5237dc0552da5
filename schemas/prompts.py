"""`prompts`: a curated prompt with its storyboard."""

import pyarrow as pa

from schemas.table import Table, col, maybe

SHOT = pa.struct([
    pa.field("prompt", pa.string(), nullable=False),
    pa.field("narration", pa.string(), nullable=False),
    pa.field("duration_s", pa.float64()),
    pa.field("note", pa.string()),
])
"""One shot: what is to be seen (in words the generator knows), what is said, a wished length (at least so long; null: as long
as it is said), and how the text was read where its words were mapped to those of the generator."""

PROMPTS = Table(
    "prompts",
    key=("prompt_id",),
    personal=("text", "shots"),
    schema=pa.schema([
        col("prompt_id", pa.string(), "first 32 hex digits of sha256 over text, language, style, aspect, seed and what the shots show and say"),
        col("text", pa.string(), "the prompt"),
        col("lang", pa.string(), "BCP 47"),
        col("origin", pa.string(), "release or user"),
        col("sample_ids", pa.list_(pa.string()), "samples that it was drawn from"),
        maybe("cluster", pa.int32(), "cluster of the release that it stands for"),
        col("style", pa.string(), "preset"),
        col("aspect", pa.string(), "9:16, 16:9 or 1:1"),
        col("seed", pa.int64(), "first seed"),
        col("safety", pa.string(), "verdict: ok; anything else is in `rejects`"),
        col("shots", pa.list_(SHOT), "storyboard in order"),
    ]),
)

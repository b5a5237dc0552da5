"""`generations`: one generated asset.

Its seconds and peak memory stand in the manifest, under `measured` by generation id: rows are the same in every run.
"""

import pyarrow as pa

from schemas.table import Table, col, maybe

SCORE = pa.struct([pa.field("name", pa.string(), nullable=False), pa.field("value", pa.float64())])

GENERATIONS = Table(
    "generations",
    key=("generation_id",),
    personal=("prompt",),
    schema=pa.schema([
        col("generation_id", pa.string(), "first 32 hex digits of sha256 over prompt, shot, model revision, seed and request"),
        col("prompt_id", pa.string(), "prompt in `prompts`"),
        col("shot", pa.int32(), "index in the storyboard"),
        col("attempt", pa.int32(), "0 for the first seed"),
        col("prompt", pa.string(), "text given to the model"),
        col("model", pa.string(), "as named in Settings"),
        col("revision", pa.string(), "of the weights"),
        col("family", pa.string(), "pipeline class"),
        col("seed", pa.int64(), "of this attempt"),
        col("steps", pa.int32(), "denoising steps"),
        maybe("guidance", pa.float64(), "guidance scale"),
        col("width", pa.int32(), "pixels as generated"),
        col("height", pa.int32(), "pixels as generated"),
        col("frames", pa.int32(), "frames as generated"),
        col("fps", pa.float64(), "frames a second"),
        maybe("ladder", pa.string(), "what was given up for memory: batch, offload, resolution"),
        col("scores", pa.list_(SCORE), "measurements of the asset by the pass that collected clips go through"),
        col("verdict", pa.string(), "accepted or rejected"),
        col("video", pa.large_binary(), "H.264 in MP4 without sound"),
        maybe("thumbnail", pa.large_binary(), "small JPEG"),
    ]),
)

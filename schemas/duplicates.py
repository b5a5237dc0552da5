"""`duplicates`: one loser and its keeper."""

import pyarrow as pa

from schemas.table import Table, col, maybe

METHODS = ("exact", "minhash", "perceptual", "semantic", "audio")

DUPLICATES = Table(
    "duplicates",
    key=("loser_id",),
    schema=pa.schema([
        col("loser_id", pa.string(), "clip that goes"),
        col("keeper_id", pa.string(), "clip that stays"),
        col("method", pa.string(), "one of METHODS: the strongest evidence between the two"),
        col("score", pa.float64(), "similarity by that method, 0..1"),
        col("cluster_id", pa.string(), "least clip id of the component"),
        maybe("offset_s", pa.float64(), "loser time minus keeper time, where the method tells"),
        maybe("matched_in", pa.string(), "release that the keeper belongs to; null when of the same batch"),
        maybe("evidence", pa.string(), "chain of edges from loser to keeper: `a -method score- b -method score- c`"),
    ]),
)

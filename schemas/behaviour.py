"""`behaviour`: engagement of one source, aggregated; never a raw user id."""

import pyarrow as pa

from schemas.table import Table, col, maybe

BEHAVIOUR = Table(
    "behaviour",
    key=("source_id",),
    schema=pa.schema([
        col("source_id", pa.string(), "source in `sources`"),
        col("views", pa.int64(), "plays"),
        maybe("completion", pa.float64(), "mean watched share of the length, 0..1"),
        col("likes", pa.int64(), "likes"),
        col("shares", pa.int64(), "shares"),
        col("k", pa.int64(), "distinct people behind the row; below the k of the recipe a source has no row"),
    ]),
)

"""`labels`: long; one label of one clip."""

import pyarrow as pa

from schemas.table import Table, col, maybe

LABELS = Table(
    "labels",
    key=("clip_id", "labeler", "key"),
    personal=("text", "vector"),
    schema=pa.schema([
        col("clip_id", pa.string(), "clip in `clips`"),
        col("labeler", pa.string(), "file in jobs/label/labelers"),
        col("labeler_version", pa.int32(), "raised when the same input would get another label"),
        maybe("model", pa.string(), "name as given in Settings"),
        maybe("revision", pa.string(), "first 12 hex digits of sha256 over the weights, or the hub revision"),
        col("key", pa.string(), "which label: a tag, `title`, `embedding`, ..."),
        maybe("score", pa.float64(), "unit and range are the labeler's"),
        maybe("text", pa.string(), "a label that is a text"),
        maybe("vector", pa.list_(pa.float16()), "a label that is a unit vector; as wide as its labeler's model makes it, all alike in a version"),
    ]),
)

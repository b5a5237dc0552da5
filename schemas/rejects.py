"""`rejects`: why something left the funnel. One row per failed check; exactly one row per sample and stage is decisive."""

from dataclasses import dataclass

import pyarrow as pa

from schemas.table import Table, col, maybe

REJECTS = Table(
    "rejects",
    key=("sample_id", "stage", "check"),
    personal=("detail",),
    schema=pa.schema([
        col("sample_id", pa.string(), "what was dropped: a source id before clips exist, a clip, prompt or generation id after"),
        maybe("source_id", pa.string(), "the source it came from"),
        col("stage", pa.string(), "job that dropped it"),
        col("check", pa.string(), "what was checked"),
        maybe("value", pa.float64(), "measured value"),
        maybe("op", pa.string(), "the comparison that failed it: <, >, == or >="),
        maybe("threshold", pa.float64(), "threshold in force"),
        col("reason", pa.string(), "code of the fixed vocabulary in `schemas.reasons`"),
        col("decisive", pa.bool_(), "the first failing check of this sample in this stage; the funnel counts these"),
        maybe("detail", pa.string(), "what a person needs to understand it"),
        col("policy_hash", pa.string(), "first 12 hex digits of sha256 over the recipe sections in force"),
        col("run_id", pa.string(), "job and version that decided, so that the same decision has the same bytes"),
    ]),
)


@dataclass(frozen=True)
class Why:
    """Why something is rejected, as columns of `rejects`."""

    check: str
    reason: str
    value: float | None = None
    op: str | None = None
    threshold: float | None = None
    detail: str | None = None

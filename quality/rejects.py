"""The gate of `rejects`: every reason is a known word, agrees with its numbers, and each sample falls once per stage."""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from quality.gate import ACCOUNTED, Around, Example, Gate, accounts, holds, joined, matches, one_of, rate, share
from schemas import REJECTS
from schemas.reasons import REASONS


def derive(rows: pa.Table, around: Around) -> Mapping[str, pa.Array]:
    """Numbers that agree with the comparison, and one decisive row per sample and stage."""
    below = pc.and_(pc.equal(rows["op"], "<"), pc.greater_equal(rows["value"], rows["threshold"]))
    over = pc.and_(pc.equal(rows["op"], ">"), pc.less_equal(rows["value"], rows["threshold"]))
    return {
        "numbers_agree": joined(pc.invert(pc.or_(below, over))),
        "one_decisive": _one_decisive(rows),
    }


def _one_decisive(rows: pa.Table) -> pa.Array:
    flagged = rows.select(["sample_id", "stage"]).append_column("decisive", pc.cast(rows["decisive"], pa.int64()))
    counted = flagged.group_by(["sample_id", "stage"]).aggregate([("decisive", "sum")])
    wrong = counted.filter(pc.not_equal(counted["decisive_sum"], 1)).select(["sample_id", "stage"]).to_pylist()
    pairs = {(w["sample_id"], w["stage"]) for w in wrong}
    if not pairs:
        return pa.array([True] * rows.num_rows, pa.bool_())
    ids, stages = rows["sample_id"].to_pylist(), rows["stage"].to_pylist()
    return pa.array([pair not in pairs for pair in zip(ids, stages, strict=True)], pa.bool_())


def facts(rows: pa.Table, around: Around) -> Mapping[str, float | None]:
    """Whether rows and manifest tell the same story, and how much one reason alone took."""
    manifest = around.manifest
    told = dict(manifest.get("rejected", {}))
    whole = rows.num_rows == manifest.get("rows")
    mine = rows.filter(pc.and_(rows["decisive"], pc.equal(rows["stage"], manifest.get("job", ""))))
    counted = {r["values"]: r["counts"] for r in mine["reason"].value_counts().to_pylist()}
    differ = float(sum(abs(counted.get(r, 0) - told.get(r, 0)) for r in counted.keys() | told.keys()))
    return accounts(around) | {
        "untold": differ if whole else None,
        "greatest_reason_share": share(max(told.values(), default=0), manifest.get("seen", 0)),
    }


_ROW = {"sample_id": "1" * 32, "source_id": "a" * 32, "stage": "judge", "check": "duration", "value": 0.4, "op": "<",
        "threshold": 1.0, "reason": "too_short", "decisive": True, "policy_hash": "0" * 12, "run_id": "judge-000000000000"}

GATE = Gate(
    REJECTS,
    checks=(
        one_of("reason", tuple(REASONS)),
        one_of("op", ("<", ">", "==", ">=")),
        matches("stage", "^[a-z][a-z_]*$", "stage must be the name of a job"),
        matches("check", r"^\S+$", "check must be a word"),
        matches("policy_hash", "^[0-9a-f]{12}$", "policy_hash must be 12 hex digits"),
        holds("numbers_agree", "value must fail the threshold by its own comparison"),
        holds("one_decisive", "a sample must have exactly one decisive row per stage"),
        ACCOUNTED,
        rate("untold", 0, 0, "decisive rows of this job must be those that its manifest counts"),
        rate("kept_share", 0.05, None, "at least a twentieth of the samples should pass", "warn"),
        rate("greatest_reason_share", 0, 0.8, "one reason alone should not take four fifths of the samples", "warn"),
    ),
    derive=derive,
    facts=facts,
    good=Example(
        [_ROW, {**_ROW, "check": "black", "value": 0.99, "op": ">", "threshold": 0.5, "reason": "black", "decisive": False},
         {**_ROW, "sample_id": "b" * 32, "stage": "collect", "check": "bytes", "value": None, "op": None, "threshold": None,
          "reason": "empty_file"}],
        manifest={"job": "judge", "seen": 5, "kept": 4, "rejected": {"too_short": 1}}),
    bad=Example(
        [_ROW, {**_ROW, "check": "black", "reason": "gloomy"}, {**_ROW, "sample_id": "2" * 32, "value": 2.0}],
        manifest={"job": "judge", "seen": 5, "kept": 4, "rejected": {"too_short": 1}},
        fails=("reason_known", "numbers_agree", "one_decisive", "untold")),
)

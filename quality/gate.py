"""What a gate is: the promises of a contract and what the contract cannot say, as Great Expectations to be met.

A check is data until it is run (`quality.expect`), so that reading the gates costs nothing. Checks look at one of three
frames: `rows` (the flat columns of the table and the columns that the gate derives from them), `columns` (the names that
the files hold) and `facts` (one row of numbers about the whole: shares, rates, counts).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from schemas import Table

Severity = Literal["stop", "warn"]
NOT_NULL = "ExpectColumnValuesToNotBeNull"
Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Check:
    """One expectation.

    Attributes:
        name: Word by which verdicts and tests call it.
        expectation: Class in `great_expectations.expectations`.
        kwargs: Its arguments.
        says: What must be true, in words.
        severity: `stop` breaks the DAG, `warn` is a line in the report.
        on: Frame that it looks at.
    """

    name: str
    expectation: str
    kwargs: Mapping[str, Any]
    says: str
    severity: Severity = "stop"
    on: Literal["rows", "columns", "facts"] = "rows"


class Around(Protocol):
    """What a gate may ask about the table's surroundings."""

    @property
    def manifest(self) -> Mapping[str, Any]:
        """Of the version that is checked."""

    def parent(self, table: Table, columns: Sequence[str]) -> pa.Table | None:
        """Some columns of the version of another table that this one was made from: all rows, or of a large table the share by
        the first column that this table is looked at by (`Gate.by`)."""

    def among(self, table: Table, columns: Sequence[str], ids: pa.ChunkedArray | pa.Array) -> pa.Table | None:
        """Some columns of such a version, of one that was made with this one, or of this very one: the rows whose first column is one of these
        ids."""

    def previous(self, columns: Sequence[str]) -> pa.Table | None:
        """Some columns of the version of this table before this one; of a large one an even share of its rows."""


@dataclass(frozen=True)
class Example:
    """A fabricated table, for the tests of its gate.

    Attributes:
        rows: Its rows; columns left out are null.
        parents: Rows of the tables that it was made from, by name.
        manifest: What its manifest says beside rows and parents.
        fails: Names of the checks that it must fail; empty for an example that passes.
    """

    rows: Rows
    parents: Mapping[str, Rows] = field(default_factory=dict)
    manifest: Mapping[str, Any] = field(default_factory=dict)
    fails: tuple[str, ...] = ()


def _no_columns(rows: pa.Table, around: Around) -> Mapping[str, pa.Array]:
    return {}


def _no_facts(rows: pa.Table, around: Around) -> Mapping[str, float | None]:
    return {}


@dataclass(frozen=True)
class Gate:
    """What must be true of a table before anyone reads it.

    Attributes:
        table: The contract.
        checks: What it cannot say.
        good: A table that passes.
        bad: A table that does not.
        by: Id by which a large table is thinned, so that rows which are compared are looked at together; none: the first of its key.
        reads: Nested columns that `derive` looks at, beside the flat ones that are always read.
        derive: Makes boolean columns for checks that need more than one column or table.
        facts: Makes numbers about the whole.
    """

    table: Table
    checks: tuple[Check, ...]
    good: Example
    bad: Example
    by: str | None = None
    reads: tuple[str, ...] = ()
    derive: Callable[[pa.Table, Around], Mapping[str, pa.Array]] = _no_columns
    facts: Callable[[pa.Table, Around], Mapping[str, float | None]] = _no_facts

    @property
    def all_checks(self) -> tuple[Check, ...]:
        """The promises of the contract and the checks of this gate."""
        return promised(self.table) + self.checks

    @property
    def emptied(self) -> frozenset[str]:
        """Columns that are read as empty texts where they are not null."""
        return WORDY - {c.kwargs.get("column") for c in self.all_checks if c.expectation != NOT_NULL} - {*self.table.key, self.by, *self.reads}


def flat(table: Table) -> list[str]:
    """Columns that are always read: numbers, truth values, times and short texts; never media, lists or long texts."""
    return [f.name for f in table.schema if not (pa.types.is_nested(f.type) or pa.types.is_large_binary(f.type)
                                                 or pa.types.is_large_string(f.type) or pa.types.is_binary(f.type))]


WORDY = frozenset({"title", "caption", "transcript", "text", "detail", "evidence", "prompt", "narration", "uri", "rel_path", "licence", "consent"})
"""Columns of which a gate keeps no more than whether there is a value, unless one of its checks names them: a transcript is that of a whole film,
once for every clip of it."""


def promised(table: Table) -> tuple[Check, ...]:
    """What the contract already says: its columns, its key, what may not be null, shares in 0..1, finite numbers."""
    read = set(flat(table))
    key = list(table.key)
    kind, names = (("ExpectColumnValuesToBeUnique", {"column": key[0]}) if len(key) == 1 else
                   ("ExpectCompoundColumnsToBeUnique", {"column_list": key}))
    unique = Check("key_unique", kind, names, f"{', '.join(key)} must name one row")
    return (
        Check("columns", "ExpectTableColumnsToMatchSet", {"column_set": table.schema.names, "exact_match": True},
              "the columns must be those of the contract", on="columns"),
        unique,
        *(not_null(f.name) for f in table.schema if not f.nullable and f.name in read),
        *(rate(f"nulls_in_{f.name}", 0, 0, f"{f.name} must not be null")
          for f in table.schema if not f.nullable and f.name not in read),
        *(between(f.name, 0, 1) for f in table.schema if f.name.endswith("_share")),
        rate("not_finite", 0, 0, "numbers must be finite or null, never NaN or infinite"),
    )


# ---- the words that gates are written in


def not_null(column: str, severity: Severity = "stop") -> Check:
    """Every row has a value."""
    return Check(f"{column}_not_null", NOT_NULL, {"column": column}, f"{column} must not be null",
                 severity)


def between(column: str, low: float | None, high: float | None = None, severity: Severity = "stop", *,
            above: bool = False) -> Check:
    """Values that are not null lie in low..high; `above` leaves `low` itself out."""
    bounds = [f"greater than {low:g}" if above else f"at least {low:g}"] if low is not None else []
    bounds += [f"at most {high:g}"] if high is not None else []
    return Check(f"{column}_range", "ExpectColumnValuesToBeBetween",
                 {"column": column, "min_value": low, "max_value": high, "strict_min": above},
                 f"{column} must be {' and '.join(bounds)}", severity)


def one_of(column: str, values: Sequence[object], severity: Severity = "stop") -> Check:
    """Values that are not null belong to a fixed vocabulary."""
    shown = ", ".join(map(str, values)) if len(values) <= 8 else f"one of {len(values)} known words"
    return Check(f"{column}_known", "ExpectColumnValuesToBeInSet", {"column": column, "value_set": list(values)},
                 f"{column} must be {shown}", severity)


def matches(column: str, pattern: str, says: str, severity: Severity = "stop") -> Check:
    """Values that are not null match a regular expression from their start."""
    return Check(f"{column}_form", "ExpectColumnValuesToMatchRegex", {"column": column, "regex": pattern}, says, severity)


def holds(column: str, says: str, severity: Severity = "stop") -> Check:
    """A derived column is true wherever it is not null."""
    return Check(column, "ExpectColumnValuesToBeInSet", {"column": column, "value_set": [True]}, says, severity)


def rate(name: str, low: float | None, high: float | None, says: str, severity: Severity = "stop") -> Check:
    """A fact lies in low..high; a fact that is null (there is nothing to count) passes."""
    return Check(name if severity == "stop" else f"{name}_{severity}", "ExpectColumnValuesToBeBetween",
                 {"column": name, "min_value": low, "max_value": high}, says, severity, on="facts")


# ---- what several gates derive


def known(ids: pa.ChunkedArray, around: Around, table: Table, column: str) -> pa.Array:
    """Whether each id is one of another table's column; null where that table is not there."""
    others = around.among(table, [column], ids)
    if others is None:
        return pa.nulls(len(ids), pa.bool_())
    return joined(pc.is_in(ids, value_set=joined(others[column])))


def joined(values: pa.ChunkedArray | pa.Array) -> pa.Array:
    """One array of a column's chunks."""
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values


def share(part: float, whole: float) -> float | None:
    """part of whole; null where there is no whole."""
    return part / whole if whole else None


def accounts(around: Around) -> dict[str, float | None]:
    """Facts of the manifest: the kept share, and what is neither kept nor rejected."""
    manifest = around.manifest
    if "seen" not in manifest:
        return {"kept_share": None, "unaccounted": None}
    seen, kept, rejected = manifest["seen"], manifest["kept"], sum(manifest["rejected"].values())
    return {"kept_share": share(kept, seen), "unaccounted": float(abs(seen - kept - rejected))}


ACCOUNTED = rate("unaccounted", 0, 0, "what goes in must be kept or rejected")

"""Checks a version of a table: reads it within bounded memory, meets its gate, and keeps the verdict beside the lake.

A verdict of the same gate stands: asking again reads one small file and imports nothing heavy.
"""

import hashlib
import importlib
import importlib.util
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from quality.expect import Failure, unmet
from quality.gate import Gate, flat
from quality.reader import Standing, one_in, parent, previous, sample, table_named, thinned
from schemas import Table

MAX_ROWS = 500_000
"""Rows that a gate holds in memory. Of a larger table every row is passed by, and an even share is kept by an id (`Gate.by`): whatever
repeats a key is kept with it."""
GATED = ("sources", "behaviour", "clips", "rejects", "duplicates", "labels", "samples", "prompts", "generations", "publications")
"""Tables, all of which have a gate: one file of that name each."""


@dataclass(frozen=True)
class Verdict:
    """What came out of a gate.

    Attributes:
        table: Name of the table.
        fingerprint: Version that was checked.
        gate: Digest of the code of the gate.
        job: Job that made the version.
        rows: Rows of the version.
        rows_read: Rows that were looked at.
        checks: Number of checks.
        failures: Those that were not met.
        facts: Numbers about the whole, as the gate made them.
    """

    table: str
    fingerprint: str
    gate: str
    job: str
    rows: int
    rows_read: int
    checks: int
    failures: tuple[Failure, ...]
    facts: Mapping[str, float | None]

    @property
    def stops(self) -> tuple[Failure, ...]:
        """Failures that stop the DAG."""
        return tuple(f for f in self.failures if f.severity == "stop")

    @property
    def warnings(self) -> tuple[Failure, ...]:
        """Failures that do not."""
        return tuple(f for f in self.failures if f.severity == "warn")

    @property
    def ok(self) -> bool:
        """Whether the table may be read."""
        return not self.stops

    @property
    def line(self) -> str:
        """One line for people: that it passed, or what, how many and which ids."""
        name = f"{self.table}@{self.fingerprint}"
        if self.ok:
            extra = f", {len(self.warnings)} warnings" if self.warnings else ""
            return f"gate passed: {name}, {self.rows} rows, {self.checks} checks{extra}"
        more = f" (and {len(self.stops) - 1} more)" if len(self.stops) > 1 else ""
        return f"gate stopped {name}: {self.stops[0].line}{more}"

    def lines(self) -> list[str]:
        """`line`, then one line per failure."""
        return [self.line, *(f"  {f.severity}: {f.check}: {f.line}" for f in self.failures)]

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> "Verdict":
        """The verdict that `write_json` kept."""
        failures = tuple(Failure(**{**f, "ids": tuple(f["ids"])}) for f in facts["failures"])
        return cls(**{**facts, "failures": failures})


def check(version: Standing) -> Verdict:
    """The verdict on a version: the one that stands, or a new one.

    Raises:
        KeyError: the table has no gate.
    """
    if version.table.name not in GATED:
        raise KeyError(f"the table {version.table.name!r} has no gate; gates are {', '.join(GATED)}")
    if standing := verdict_of(version):
        return standing
    gate = gate_of(version.table.name)
    verdict = judged(gate, version)
    version.lake.write_json(asdict(verdict), "_gates", verdict.table, f"{verdict.fingerprint}.json")
    return verdict


def verdict_of(version: Standing) -> Verdict | None:
    """The verdict of today's gate on a version, if one stands."""
    facts = version.lake.read_json("_gates", version.table.name, f"{version.fingerprint}.json")
    if facts is None or facts.get("gate") != gate_digest(version.table.name):
        return None
    return Verdict.from_json(facts)


def gate_of(table: str) -> Gate:
    """The gate of a table."""
    found = importlib.import_module(f"quality.{table}").GATE
    assert isinstance(found, Gate), table
    return found


def gate_digest(table: str) -> str:
    """First 12 hex digits of sha256 over the contract and the source of the files that a verdict depends on."""
    digest = hashlib.sha256(table_named(table).schema.to_string(show_field_metadata=False).encode())
    for module in ("quality.gate", "quality.expect", "quality.run", "quality.reader", "quality.drift", f"quality.{table}"):
        spec = importlib.util.find_spec(module)
        if spec is None or spec.origin is None:
            raise ImportError(f"{module} has no source file")
        digest.update(Path(spec.origin).read_bytes())
    return digest.hexdigest()[:12]


def judged(gate: Gate, version: Standing, max_rows: int = MAX_ROWS) -> Verdict:
    """Read a version and meet its gate."""
    if gate.table.name != version.table.name:
        raise ValueError(f"the gate of {gate.table.name} cannot judge {version.table.name}")
    every = one_in(version, max_rows)
    names, nulls, rows = _read(version, gate, every)
    surroundings = _Surroundings(version, every, max_rows)
    derived = gate.derive(rows, surroundings)
    wide = rows.select([n for n in flat(gate.table) if n in rows.column_names])
    for name, values in derived.items():
        wide = wide.append_column(name, values)
    facts: dict[str, float | None] = {f"nulls_in_{name}": float(count) for name, count in nulls.items()}
    facts |= {"not_finite": float(_not_finite(rows))} | dict(gate.facts(rows, surroundings))
    frames = {"columns": _frame(pa.table({n: pa.array([], pa.string()) for n in names})), "rows": _frame(wide),
              "facts": _frame(pa.table({n: pa.array([v], pa.float64()) for n, v in facts.items()}))}
    checks = tuple(c for c in gate.all_checks if c.on != "facts" or facts.get(c.kwargs["column"]) is not None)
    return Verdict(gate.table.name, version.fingerprint, gate_digest(gate.table.name), str(version.manifest["job"]),
                   int(version.manifest["rows"]), rows.num_rows, len(checks), unmet(frames, checks, gate.table.key), facts)


@dataclass(frozen=True)
class _Surroundings:
    version: Standing
    every: int
    max_rows: int

    @cached_property
    def manifest(self) -> Mapping[str, Any]:
        return self.version.manifest

    def parent(self, table: Table, columns: Sequence[str]) -> pa.Table | None:
        found = parent(self.version, table)
        return _gathered(found, columns, lambda part: thinned(part, columns[0], self.every)) if found else None

    def among(self, table: Table, columns: Sequence[str], ids: pa.ChunkedArray | pa.Array) -> pa.Table | None:
        version = self.version
        found = version if table.name == version.table.name else parent(version, table) or version.lake.version(table, version.fingerprint)
        wanted = pc.unique(ids)
        return _gathered(found, columns, lambda part: part.filter(pc.is_in(part[columns[0]], value_set=wanted))) if found else None

    def previous(self, columns: Sequence[str]) -> pa.Table | None:
        found = previous(self.version)
        return sample(found, columns, one_in(found, self.max_rows)) if found else None


def _gathered(version: Standing, columns: Sequence[str], kept: Callable[[pa.Table], pa.Table]) -> pa.Table:
    """Some rows of a version, part by part."""
    parts = version.each(kept, columns)
    return pa.concat_tables(parts) if parts else pa.schema([version.table.schema.field(n) for n in columns]).empty_table()


def _read(version: Standing, gate: Gate, every: int) -> tuple[list[str], dict[str, int], pa.Table]:
    """Column names of the files, nulls in what must not be null and is not flat, and one row in `every`, row group by row group."""
    table, by = version.table, gate.by or version.table.key[0]
    wanted = [*flat(table), *gate.reads]
    nulls = {f.name: 0 for f in table.schema if not f.nullable and f.name not in flat(table)}

    def part(path: str) -> tuple[list[str], dict[str, int], list[pa.Table]]:
        with version.lake.parquet(path) as file:
            there = file.schema_arrow.names
            columns = [n for n in wanted if n in there]
            groups = [_emptied(thinned(file.read_row_group(g, columns=columns), by, every), gate.emptied) for g in range(file.num_row_groups)]
            return there, {name: _nulls(file, name) for name in set(nulls) & set(there)}, groups

    names, kept = list(table.schema.names), []
    for there, counts, groups in version.lake.spread(part, version.files()):
        if sorted(there) != sorted(table.schema.names):
            names = there
        for name, count in counts.items():
            nulls[name] += count
        kept += groups
    empty = pa.schema([table.schema.field(n) for n in wanted]).empty_table()
    return names, nulls, pa.concat_tables(kept, promote_options="default") if kept else empty


def _emptied(rows: pa.Table, columns: Collection[str]) -> pa.Table:
    """The rows with texts of no signs in these columns wherever there are any."""
    for i, name in enumerate(rows.column_names):
        if name in columns:
            rows = rows.set_column(i, name, pc.if_else(pc.is_valid(rows[name]), "", pa.scalar(None, pa.string())))
    return rows


def _nulls(file: pq.ParquetFile, name: str) -> int:
    """Nulls in a column, by the file's schema and statistics where they tell, so that no media byte is read."""
    if not file.schema_arrow.field(name).nullable:
        return 0
    if pa.types.is_nested(file.schema_arrow.field(name).type):
        return sum(int(file.read_row_group(g, columns=[name])[name].null_count) for g in range(file.num_row_groups))
    index = next(i for i in range(file.metadata.num_columns) if file.metadata.schema.column(i).path == name)
    columns = (file.metadata.row_group(g).column(index) for g in range(file.num_row_groups))
    return sum(int(c.statistics.null_count or 0) for c in columns if c.statistics is not None)


def _not_finite(rows: pa.Table) -> int:
    floats = [n for n in rows.column_names if pa.types.is_floating(rows.schema.field(n).type)]
    return sum(rows.num_rows - rows[n].null_count - (pc.sum(pc.is_finite(rows[n])).as_py() or 0) for n in floats)


def _frame(rows: pa.Table) -> Any:
    """pandas, with truth values and numbers in the plain types that expectations compare well."""
    return rows.to_pandas(timestamp_as_object=False, self_destruct=False)



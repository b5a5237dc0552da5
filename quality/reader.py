"""What a gate needs of the lake: versions that stand, their manifests and their parts. `jobs.lake` fits it as it is."""

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from schemas import TABLES, Table

T = TypeVar("T")


class Standing(Protocol):
    """A version of a table that stands (`jobs.lake.Version`)."""

    @property
    def lake(self) -> "Files": ...

    @property
    def table(self) -> Table: ...

    @property
    def fingerprint(self) -> str: ...

    @property
    def manifest(self) -> Mapping[str, Any]: ...

    def files(self) -> list[str]: ...

    def whole(self) -> bool: ...

    def each(self, work: Callable[[pa.Table], T], columns: Sequence[str] | None = None) -> list[T]: ...


class Files(Protocol):
    """The lake around it (`jobs.lake.Lake`)."""

    @property
    def fs(self) -> Any: ...

    def parquet(self, path: str) -> AbstractContextManager[Any]: ...

    def spread(self, work: Callable[[Any], T], items: Iterable[Any]) -> list[T]: ...

    def read_json(self, *parts: str) -> dict[str, Any] | None: ...

    def write_json(self, facts: Mapping[str, Any], *parts: str) -> None: ...

    def names(self, *parts: str) -> list[str]: ...

    def version(self, table: Table, fingerprint: str) -> Standing | None: ...

    def current(self, job: str) -> str | None: ...


def parent(version: Standing, table: Table) -> Standing | None:
    """The version of `table` that this version was made from, as its manifest says; None where there is none."""
    for name, fingerprint in version.manifest.get("parents", {}).items():
        if name.partition("@")[0] == table.name:
            return version.lake.version(table, fingerprint)
    return None


def previous(version: Standing) -> Standing | None:
    """The version of the same table that was finished last before this one was started; None for the first.

    One that has lost files is passed over: `takedown --erase` removes shards of earlier releases.
    """
    others = (version.lake.version(version.table, name) for name in version.lake.names(version.table.name)
              if name != version.fingerprint)
    earlier = [v for v in others if v is not None and v.manifest["finished"] <= version.manifest["started"]]
    latest_first = sorted(earlier, key=lambda v: str(v.manifest["finished"]), reverse=True)
    return next((v for v in latest_first if v.whole()), None)


def table_named(name: str) -> Table:
    """The contract of that name.

    Raises:
        KeyError: there is none; the message lists those there are.
    """
    for table in TABLES:
        if table.name == name:
            return table
    raise KeyError(f"there is no table {name!r}; tables are {', '.join(t.name for t in TABLES)}")


@dataclass(frozen=True)
class Made:
    """What one job made last.

    Attributes:
        job: Its name.
        versions: By table name.
        manifest: What its tables' manifests have in common.
        stale: A job before it has made another version since.
    """

    job: str
    versions: Mapping[str, Standing]
    manifest: Mapping[str, Any]
    stale: bool


def made(lake: Files) -> tuple[Made, ...]:
    """What every job made last, each behind those whose tables it read."""
    found: dict[str, tuple[dict[str, Standing], Mapping[str, Any]]] = {}
    for name in lake.names("_current"):
        job = name.removesuffix(".json")
        fingerprint = lake.current(job) or ""
        versions = {t.name: v for t in TABLES if fingerprint and (v := lake.version(t, fingerprint))}
        if versions:
            found[job] = versions, next(iter(versions.values())).manifest
    ordered: dict[str, Made] = {}
    while len(ordered) < len(found):
        ready = [j for j in found if j not in ordered and not (_parents(found[j][1]).keys() & found.keys()) - ordered.keys()]
        for job in sorted(ready or found.keys() - ordered.keys(), key=lambda j: str(found[j][1]["started"])):
            versions, manifest = found[job]
            stale = any(by in found and (ordered[by].stale or ordered[by].manifest["fingerprint"] != fingerprint)
                        for by, fingerprint in _parents(manifest).items() if by in ordered)
            ordered[job] = Made(job, versions, manifest, stale)
    return tuple(ordered.values())


def _parents(manifest: Mapping[str, Any]) -> dict[str, str]:
    named = (name.partition("@") + (fingerprint,) for name, fingerprint in manifest["parents"].items())
    return {job: fingerprint for table, _, job, fingerprint in named if any(t.name == table for t in TABLES)}


def sample(version: Standing, columns: Sequence[str], every: int, by: str | None = None) -> pa.Table:
    """Some columns of one row in `every`, row group by row group: an even share by an id (`thinned`), the first of the key unless said."""
    table, by = version.table, by or version.table.key[0]
    schema = pa.schema([table.schema.field(n) for n in columns])

    def part(path: str) -> list[pa.Table]:
        with version.lake.parquet(path) as file:
            wanted = [n for n in {*columns, by} if n in file.schema_arrow.names]
            groups = (thinned(file.read_row_group(group, columns=wanted), by, every) for group in range(file.num_row_groups))
            return [rows.select([n for n in columns if n in wanted]) for rows in groups]

    kept = list(itertools.chain.from_iterable(version.lake.spread(part, version.files())))
    return pa.concat_tables(kept, promote_options="default") if kept else schema.empty_table()


def one_in(version: Standing, max_rows: int) -> int:
    """One row in how many leaves about `max_rows` of a version; 1 where it has no more."""
    return max(1, math.ceil(int(version.manifest["rows"]) / max_rows))


def thinned(rows: pa.Table, column: str, every: int) -> pa.Table:
    """One row in `every`, by an id: ids are hashes in hexadecimal, so those below a bound are an even share, and the same one in
    every table that has them. Whatever repeats an id is kept with it."""
    if every == 1 or column not in rows.column_names:
        return rows
    return rows.filter(pc.less(rows[column], f"{(1 << 32) // every:08x}"))


def find(version: Standing, ids: Sequence[str], columns: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Rows of some ids (first key column), media included if asked for; row groups without any of them are not read."""
    key, wanted, found = version.table.key[0], pa.array(sorted(set(ids)), pa.string()), dict[str, dict[str, Any]]()

    def inside(rows: pa.Table) -> Any:
        return pc.is_in(rows[key], value_set=wanted)

    for path in version.files():
        with version.lake.parquet(path) as file:
            for group in range(file.num_row_groups):
                if len(found) == len(wanted):
                    return found
                if pc.any(inside(file.read_row_group(group, columns=[key]))).as_py():
                    rows = file.read_row_group(group, columns=[key, *(c for c in columns if c != key)])
                    found |= {str(row[key]): row for row in rows.filter(inside(rows)).to_pylist()}
    return found

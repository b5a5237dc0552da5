"""What a gate needs of the lake: versions that stand, their manifests and their parts. `jobs.lake` fits it as it is."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import pyarrow as pa

from schemas import TABLES, Table


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

    def read(self, columns: Sequence[str] | None = None) -> pa.Table: ...


class Files(Protocol):
    """The lake around it (`jobs.lake.Lake`)."""

    @property
    def fs(self) -> Any: ...

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
    """The version of the same table that was finished last before this one was started; None for the first."""
    others = (version.lake.version(version.table, name) for name in version.lake.names(version.table.name)
              if name != version.fingerprint)
    earlier = [v for v in others if v is not None and v.manifest["finished"] <= version.manifest["started"]]
    return max(earlier, key=lambda v: str(v.manifest["finished"]), default=None)


def table_named(name: str) -> Table:
    """The contract of that name.

    Raises:
        KeyError: there is none; the message lists those there are.
    """
    for table in TABLES:
        if table.name == name:
            return table
    raise KeyError(f"there is no table {name!r}; tables are {', '.join(t.name for t in TABLES)}")

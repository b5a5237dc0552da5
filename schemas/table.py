"""What a contract is: a named, keyed Arrow schema that every reader and writer of a table goes through."""

from dataclasses import dataclass

import pyarrow as pa

SCHEMA_VERSION = 1
"""Raised when a column of any table changes meaning, type or name; a lake of another version is refused."""
ERASED = "erased"
"""Stands where a text was erased that must not be null."""


@dataclass(frozen=True)
class Table:
    """One table of the lake.

    Attributes:
        name: Folder name under the lake root.
        schema: Columns in their order; each field carries a `doc` in its metadata.
        key: Columns whose values together name one row.
        personal: Columns by which a person may be recognised: what they look and sound like, what was said and written, and what
            of it another recording could be matched with. `takedown --erase` empties them.
    """

    name: str
    schema: pa.Schema
    key: tuple[str, ...]
    personal: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for what, names in (("key", self.key), ("personal", self.personal)):
            if missing := set(names) - set(self.schema.names):
                raise ValueError(f"{self.name}: {what} {sorted(missing)} not in schema")

    def conform(self, data: pa.Table) -> pa.Table:
        """Select and cast to the contract: a missing, null or lossy column raises here, not downstream."""
        data = data.select(self.schema.names)
        if not data.schema.equals(self.schema, check_metadata=True):
            return data.cast(self.schema)
        if missing := [f.name for f in self.schema if not f.nullable and data[f.name].null_count]:  # a cast finds it too, but imports compute
            raise ValueError(f"{self.name}: {missing} hold nulls and must not")
        return data

    def rows(self, rows: list[dict[str, object]]) -> pa.Table:
        """Rows as a conforming table; absent nullable columns become null, unknown columns are an error."""
        known = set(self.schema.names)
        for row in rows:
            if unknown := row.keys() - known:
                raise ValueError(f"{self.name}: unknown columns {sorted(unknown)}")
        return self.conform(pa.Table.from_pylist(rows, schema=self.schema))

    def empty(self) -> pa.Table:
        """A table of no rows."""
        return self.schema.empty_table()


def col(name: str, type_: pa.DataType, doc: str, *, nullable: bool = False) -> pa.Field:
    """A documented column; not null unless said so."""
    return pa.field(name, type_, nullable=nullable, metadata={"doc": doc})


def maybe(name: str, type_: pa.DataType, doc: str) -> pa.Field:
    """A documented column that is null where the fact is unknown or does not apply."""
    return col(name, type_, doc, nullable=True)

"""Sources that were taken down: one small file each under `_takedowns`, which every later collect and fuse honours."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from jobs.errors import Terminal
from jobs.lake import Lake, Version
from jobs.version import digest

FOLDER = "_takedowns"
COLUMNS = ("source_id", "sha256", "uri")
LINE = re.compile(r"#L\d+$")
"""How the address of a line ends."""


@dataclass(frozen=True)
class Tombstones:
    """What must not come back.

    Attributes:
        source_ids: Sources by id.
        sha256: Their bytes, of a line of a collection those of its text: the same under another name is the same work.
        uris: Where they were collected, for files that change. A line is held by its number only where nothing else is known of it: after
            one more line above, another text stands there.
    """

    source_ids: frozenset[str] = frozenset()
    sha256: frozenset[str] = frozenset()
    uris: frozenset[str] = frozenset()

    def hold(self, source: Mapping[str, Any]) -> bool:
        """Whether a row of `sources` (or anything with some of source_id, sha256 and uri) was taken down."""
        return source.get("source_id") in self.source_ids or source.get("uri") in self.uris or source.get("sha256") in self.sha256

    def held(self, sources: pa.Table) -> pa.Array:
        """Which rows of `sources` (COLUMNS of it) were taken down: likewise, many at once."""
        def among(name: str, known: frozenset[str]) -> pa.Array:
            return pc.is_in(sources[name], value_set=pa.array(sorted(known), pa.string()))

        return pc.or_(pc.or_(among("source_id", self.source_ids), among("uri", self.uris)), among("sha256", self.sha256))

    def ids(self, sources: Version) -> set[str]:
        """Ids of the rows of a version of `sources` that were taken down."""
        found = sources.each(lambda part: part.filter(self.held(part))["source_id"].to_pylist(), COLUMNS)
        return {name for part in found for name in part}

    @property
    def facts(self) -> dict[str, str]:
        """For a job's `outside`: empty as long as nothing was taken down."""
        everything = [sorted(self.source_ids), sorted(self.sha256), sorted(self.uris)]
        return {"takedowns": digest(everything)[:12]} if any(everything) else {}


def buried(lake: Lake) -> list[dict[str, Any]]:
    """What was taken down: source_id, sha256, uri and reason of each."""
    found = {name: lake.read_json(FOLDER, name) or {} for name in lake.names(FOLDER) if name.endswith(".json")}
    for name, stone in found.items():
        if "source_id" not in stone:
            raise Terminal(f"{lake.url(FOLDER, name)}: says of no source that it was taken down; remove it, or restore it if it was damaged")
    return list(found.values())


def tombstones(lake: Lake) -> Tombstones:
    """All tombstones of a lake."""
    return stones_of(buried(lake))


def stones_of(sources: Sequence[Mapping[str, Any]]) -> Tombstones:
    """The tombstones of some sources (source_id, sha256, uri)."""

    def all_of(key: str) -> frozenset[str]:
        return frozenset(str(source[key]) for source in sources if source.get(key))

    uris = frozenset(str(s["uri"]) for s in sources if s.get("uri") and not (s.get("sha256") and LINE.search(str(s["uri"]))))
    return Tombstones(all_of("source_id"), all_of("sha256"), uris)


def bury(lake: Lake, source: Mapping[str, Any], reason: str) -> None:
    """Write the tombstone of a source; the same source twice is one stone."""
    facts = {"source_id": source["source_id"], "sha256": source["sha256"], "uri": source["uri"], "reason": reason}
    lake.write_json(facts, FOLDER, f"{source['source_id']}.json")

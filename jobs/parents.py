"""Which versions a job reads: of every job before it the one that the others were made from, so that no two generations are joined.

What a run of Airflow has made itself it reads, and for the rest it goes by what that was made from, whatever others make meanwhile. Outside of
one a job reads what was made last; where that does not fit together, somebody has to run what lies between first.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from jobs.errors import Terminal
from jobs.job import Job, job, maker, upstream
from jobs.lake import Lake, Version


@dataclass(frozen=True)
class _Link:
    """That what a job made was made from a version of a table; optional tables bind nobody."""

    reader: str
    table: str
    by: str
    fingerprint: str


def parents(reader: Job, lake: Lake) -> dict[str, Version]:
    """The versions that a job reads, by table name; a missing optional table has no entry.

    Raises:
        Terminal: a table is missing, or one was made from other versions than those that count now.
    """
    chain, links = _chain(reader, lake)
    found = {}
    for table in reader.reads:
        by = maker(table, reader.name)
        fingerprint = (chain.get(by) or lake.current(by)) if by else None
        standing = lake.version(table, fingerprint) if fingerprint else None
        if standing is not None:
            found[table.name] = standing
        elif table not in reader.optional:
            raise Terminal(f"{lake.root}: there is no `{table.name}` yet; run `reelmill run {by}` first")
    if stale := [link for link in links if chain[link.by] != link.fingerprint]:
        first, *others = _again(reader, chain, links)
        why = next(link for link in stale if link.reader == first)
        raise Terminal(f"{lake.root}: {first} has not run since {why.by} made other `{why.table}`; run `reelmill run {first}` first"
                       + (f", then {', '.join(others)}" if others else ""))
    return found


def generation(reader: Job, lake: Lake) -> dict[str, str]:
    """Fingerprint of the version that counts for a job, by the name of every job that its tables come from."""
    return _chain(reader, lake)[0]


def _chain(reader: Job, lake: Lake) -> tuple[dict[str, str], list[_Link]]:
    """The same, and what each of these versions was made from."""
    chain: dict[str, str] = {}
    links: list[_Link] = []
    wanted = {maker(table, reader.name) for table in reader.reads if table not in reader.optional}
    for by in upstream(reader.name):  # nearest first: who reads of a job comes before it
        if by in wanted:
            told = next((link.fingerprint for link in links if link.by == by), None)
            fingerprint = lake.decided(by) or told or lake.current(by)
            if fingerprint is not None:
                chain[by] = fingerprint
                links += _made_from(by, fingerprint, lake)
                wanted |= {link.by for link in links}
    return chain, links


def _made_from(name: str, fingerprint: str, lake: Lake) -> Iterator[_Link]:
    made = job(name)
    standing = next((version for table in made.writes if (version := lake.version(table, fingerprint))), None)
    told: Mapping[str, str] = standing.manifest["parents"] if standing else {}
    for table in made.reads:
        by = maker(table, name)
        if by and table not in made.optional and (parent := told.get(f"{table.name}@{by}")):
            yield _Link(name, table.name, by, parent)


def _again(reader: Job, chain: Mapping[str, str], links: list[_Link]) -> list[str]:
    """The jobs that have to run before `reader` may, in this order."""
    found: list[str] = []
    for name in reversed(upstream(reader.name)):
        if any(link.by in found or chain[link.by] != link.fingerprint for link in links if link.reader == name):
            found.append(name)
    return found

"""What stands in a lake: the current version of every table, the funnel, the gates passed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobs.errors import Terminal
from jobs.job import CORPUS, ORDER, VIDEOS
from jobs.job import job as find_job
from jobs.lake import Lake, Version
from schemas import REJECTS, TABLES
from schemas.settings import Policy, Settings


@dataclass(frozen=True)
class Made:
    """What one job made last."""

    job: str
    versions: Mapping[str, Version]
    """By table name."""
    manifest: Mapping[str, Any]
    stale: bool
    """A job before it has made another version since."""


def made(lake: Lake) -> dict[str, Made]:
    """What every job made last, in the order of the data."""
    found: dict[str, Made] = {}
    for name in ORDER:
        fingerprint = lake.current(name)
        versions = {t.name: v for t in find_job(name).writes if fingerprint and (v := lake.version(t, fingerprint))}
        if not versions:
            continue
        manifest = next(iter(versions.values())).manifest
        parents = [key.split("@") + [fp] for key, fp in manifest["parents"].items() if "@" in key]
        stale = any(by not in found or found[by].stale or found[by].versions[table].fingerprint != fp
                    for table, by, fp in parents if table in (t.name for t in TABLES))
        found[name] = Made(name, versions, manifest, stale)
    return found


def judged_by(lake: Lake) -> Policy:
    """The policy that the clips were judged by last, or the default one where none were."""
    standing = made(lake).get("judge")
    return Policy.model_validate(standing.manifest["recipe"]["policy"]) if standing else Policy()


def current(lake: Lake) -> Iterator[tuple[str, Made, Version]]:
    """(table, its maker, version) of every table that stands; rejects once for the corpus and once for the videos."""
    everything = made(lake)
    for table in TABLES:
        for chain in (VIDEOS, CORPUS) if table is REJECTS else (tuple(ORDER),):
            makers = [everything[n] for n in chain if n in everything and table.name in everything[n].versions]
            if makers:
                last = next((m for m in reversed(makers) if not m.stale), makers[-1])
                yield table.name, last, last.versions[table.name]


def table_version(lake: Lake, name: str, chain: Sequence[str] = tuple(ORDER)) -> Version:
    """The current version of one table.

    Raises:
        Terminal: there is no such table, no version of it yet, or the one job of the chain does not make it.
    """
    if name not in (t.name for t in TABLES):
        raise Terminal(f"there is no table {name!r}; the tables are {', '.join(t.name for t in TABLES)}")
    if len(chain) == 1:
        if name not in (makes := [t.name for t in find_job(chain[0]).writes]):
            raise Terminal(f"{chain[0]} makes no `{name}`; it makes {', '.join(makes)}")
        found = [m.versions[name] for m in made(lake).values() if m.job in chain and name in m.versions]
    else:
        found = [v for table, by, v in current(lake) if table == name and by.job in chain]
    if not found:
        raise Terminal(f"{lake.root}: there is no `{name}` yet")
    return found[-1]


def funnel_lines(lake: Lake) -> Sequence[Any]:
    """The stages that stand, corpus first; stale ones are left out."""
    from quality.funnel import funnel

    return funnel([m.manifest for m in made(lake).values() if not m.stale])


def checked(settings: Settings, job: str) -> list[dict[str, Any]]:
    """Pass every table that a job has just made through its gate.

    Raises:
        Terminal: a gate of severity `stop` failed.
    """
    from quality.run import GATED

    lake = Lake(settings.runtime.lake)
    fingerprint = lake.current(job) or ""
    versions = (lake.version(table, fingerprint) for table in find_job(job).writes if table.name in GATED)
    return [gate(version) for version in versions if version is not None]


def gate(version: Version) -> dict[str, Any]:
    """Pass one version through its gate and return the verdict.

    Raises:
        Terminal: it failed; the message says what, how many and which. Or parts of it are gone, whatever was said of it before.
    """
    from quality.run import check

    if gone := version.gone():
        raise Terminal(f"{version.table.name}@{version.fingerprint}: {len(gone)} of its {len(version.files())} files are gone or of another size, {gone[0]} for one; "
                       "`reelmill build` makes them again, or restore them")

    verdict = check(version)
    if not verdict.ok:
        raise Terminal(verdict.line)
    return {"table": verdict.table, "version": verdict.fingerprint, "rows": verdict.rows, "checks": verdict.checks,
            "line": verdict.line, "warnings": [f"{w.check}: {w.line}" for w in verdict.warnings]}


def release_of(settings: Settings) -> dict[str, Any]:
    """The release of the current samples, made if it is not there yet."""
    from jobs.fuse.release import release

    return dict(release(Lake(settings.runtime.lake), settings))

"""What a job is, what one of its tasks returns, and the list of all jobs in the order in which data flows."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from jobs.lake import ROW_GROUP_BYTES
from schemas import Table
from schemas.settings import Recipe, Settings

if TYPE_CHECKING:
    from jobs.run import Run


@dataclass(frozen=True)
class Job:
    """Tables in, tables out.

    Attributes:
        name: What `reelmill run` calls it; also the `stage` of its rejects and its line in the funnel.
        reads: Tables it needs; each comes from the nearest job before it that writes it.
        writes: Tables it makes; REJECTS among them is cumulative: what earlier jobs rejected is carried along.
        code: Raised when the same input would give other rows.
        recipe: Sections of the recipe that bear on its rows.
        run: Does the work: calls `run.parts(...)` or `run.put(...)`.
        optional: Tables in `reads` that may be missing.
        outside: Further facts that bear identity, by name (the listing of the sources, for example).
        holds: Whether what a standing version put outside the lake is still there; if not, the job runs again.
        needs_kept: A run that keeps nothing is an error, not a success.
    """

    name: str
    reads: tuple[Table, ...]
    writes: tuple[Table, ...]
    code: int
    recipe: tuple[str, ...]
    run: "Callable[[Run], None]"
    optional: tuple[Table, ...] = ()
    outside: Callable[[Settings], Mapping[str, str]] = field(default=lambda settings: {})
    holds: "Callable[[Run], bool]" = field(default=lambda run: True)
    needs_kept: bool = True

    def sections(self, recipe: Recipe) -> dict[str, Any]:
        """Its sections of the recipe by name."""
        return {name: getattr(recipe, name) for name in self.recipe}


@dataclass(frozen=True)
class Part:
    """What one task made.

    Attributes:
        tables: Rows by table name; tables of no rows may be left out.
        seen: Samples that entered the task.
        kept: Samples that leave it; seen - kept must equal the decisive rejects among `tables`.
        measured: Facts that differ from run to run (seconds, memory); they go to the manifest, not into rows.
        row_group_bytes: Size of the row groups of its tables, roughly.
    """

    tables: Mapping[str, pa.Table]
    seen: int
    kept: int
    measured: Sequence[Mapping[str, Any]] = ()
    row_group_bytes: int = ROW_GROUP_BYTES


ORDER: Mapping[str, str] = {
    "collect": "jobs.collect.job:COLLECT",
    "measure": "jobs.clean.job:MEASURE",
    "judge": "jobs.clean.job:JUDGE",
    "dedup": "jobs.dedup.job:DEDUP",
    "label": "jobs.label.job:LABEL",
    "fuse": "jobs.fuse.job:FUSE",
    "prompts": "jobs.prompts.job:PROMPTS_JOB",
    "generate": "jobs.generate.job:GENERATE",
    "publish": "jobs.publish.job:PUBLISH",
}
"""All jobs in the order of the data; imported on demand, so that naming them costs nothing."""

STAGES: Mapping[str, tuple[str, ...]] = {"clean": ("measure", "judge")}
"""Stages of several jobs: `reelmill run clean` runs both."""

CORPUS = ("collect", "measure", "judge", "dedup", "label", "fuse")
VIDEOS = ("prompts", "generate", "publish")


def job(name: str) -> Job:
    """The job of that name."""
    module, attribute = ORDER[name].split(":")
    found = getattr(importlib.import_module(module), attribute)
    assert isinstance(found, Job), ORDER[name]
    return found


def upstream(name: str) -> tuple[str, ...]:
    """Jobs before it, nearest first. Rejects of the videos do not continue those of the corpus (see `maker`)."""
    names = list(ORDER)
    return tuple(reversed(names[: names.index(name)]))


def maker(table: Table, reader: str) -> str | None:
    """The nearest job before `reader` that writes `table`."""
    for name in upstream(reader):
        if table.name == "rejects" and (name in VIDEOS) != (reader in VIDEOS):
            continue
        if any(t.name == table.name for t in job(name).writes):
            return name
    return None

"""The shell round any job: settings, parents, fingerprint, work, commit. The same work is never done twice."""

import errno
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from socket import gethostname
from typing import Any

import pyarrow as pa

from jobs import cost
from jobs.errors import RunError, Terminal, Transient
from jobs.job import Job, Part
from jobs.job import job as find_job
from jobs.lake import MANIFEST, Lake, Version
from jobs.lock import still_held
from jobs.parents import parents
from jobs.version import digest, fingerprint
from schemas import REJECTS, SCHEMA_VERSION, Table
from schemas.settings import Settings


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    job: str
    fingerprint: str
    stood: bool
    """The version stood already: nothing was done."""
    seen: int
    kept: int
    rejected: Mapping[str, int]


@dataclass
class Run:
    """One run of a job: what its function is given."""

    job: Job
    settings: Settings
    lake: Lake
    parents: Mapping[str, Version]
    """By table name; a missing optional table has no entry."""
    fingerprint: str
    _done: dict[int, dict[str, Any]] = field(default_factory=dict)
    _before: frozenset[int] = frozenset()
    """Tasks that an interrupted run has done."""
    _cpu_s: float = field(default_factory=cost.cpu_s)

    @property
    def policy_hash(self) -> str:
        """For `rejects.policy_hash`."""
        sections = self.job.sections(self.settings.recipe)
        return digest({n: s.model_dump(mode="json") for n, s in sections.items()})[:12]

    @property
    def run_id(self) -> str:
        """For `rejects.run_id`: the decision, not the attempt."""
        return f"{self.job.name}-{self.fingerprint}"

    def input(self, table: Table) -> Version:
        """The version of a table in `job.reads` that this run reads."""
        return self.parents[table.name]

    def optional(self, table: Table) -> Version | None:
        """Likewise, or None for an optional table that is not there."""
        return self.parents.get(table.name)

    def parts(self, tasks: Sequence[Any], work: Callable[[Any, Settings], Part], *, weight: str = "task", gpu: bool = False) -> None:
        """Run `work(task, settings)` for every task on Spark; finished tasks of an interrupted run are not done again.

        A job of two steps calls it twice, the second time with the tasks of both.

        Args:
            tasks: Small picklable descriptions, in an order that depends on the input alone; they name no media bytes.
            work: A function of a module.
            weight: What a task is called on the progress bar.
            gpu: Whether a task wants a GPU to itself, where there are any.
        """
        standing = self._standing(len(tasks))
        self._before |= standing.keys() - self._done.keys()
        self._done |= standing
        todo = [i for i in range(len(tasks)) if i not in self._done]
        if todo:
            from jobs.spark import each_task

            each_task(self, [(i, tasks[i]) for i in todo], work, weight, gpu)
            self._done |= self._standing(len(tasks))
        if missing := [i for i in range(len(tasks)) if i not in self._done]:
            raise Transient(f"{self.job.name}: {len(missing)} of {len(tasks)} tasks did not finish; run it again")

    def put(self, part: Part) -> None:
        """Write what the driver itself made (small results of a Spark query)."""
        index = max(self._done, default=-1) + 1
        self._done[index] = write(self.lake.root, self.job.name, self.fingerprint, index, part)

    def rejects(self, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
        """Rows of `rejects`, with stage, policy hash and run id filled in."""
        return reject_rows(rows, self.job.name, self.policy_hash, self.run_id)

    def rejected_ids(self) -> pa.Array:
        """Ids that earlier jobs rejected, each once; what is not among them goes on."""
        import pyarrow.compute as pc

        return pc.unique(self.input(REJECTS).read(["sample_id"])["sample_id"].cast(pa.large_string()))

    def _standing(self, count: int) -> dict[int, dict[str, Any]]:
        names = [n for n in self.lake.names("_work", self.run_id) if n.endswith(".json") and int(n.removesuffix(".json")) < count]
        notes = self.lake.spread(lambda name: self.lake.read_json("_work", self.run_id, name), names)
        return {int(name.removesuffix(".json")): facts for name, facts in zip(names, notes, strict=True) if facts is not None}


def reject_rows(rows: Sequence[Mapping[str, Any]], stage: str, policy_hash: str, run_id: str) -> pa.Table:
    """Rows of `rejects`; `decisive` defaults to true."""
    common = {"stage": stage, "policy_hash": policy_hash, "run_id": run_id, "decisive": True}
    return REJECTS.rows([common | dict(row) for row in rows])


def work_off(root: str, job: str, version: str, index: int, task: Any, work: Callable[[Any, Settings], Part], settings: Settings) -> None:
    """Do one task and write what it made and what it cost. Runs on a worker."""
    before = cost.cpu_s()
    _without_pandas()
    part = work(task, settings)
    write(root, job, version, index, part, {"cpu_s": round(cost.cpu_s() - before, 3), "peak_mb": round(cost.peak_mb()), "host": gethostname()})


class _Hidden:
    """A finder of modules that says of pandas that it is not there."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name)


@cache
def _without_pandas() -> None:
    """Have pyarrow make its first array: that is when it imports pandas if there is one, for a fifth of a second in every worker, and no
    task needs it. Whoever asks for pandas itself later (`to_pandas`) finds it."""
    if "pandas" not in sys.modules:
        sys.meta_path.insert(0, _Hidden)
        try:
            pa.array(())
        finally:
            sys.meta_path.remove(_Hidden)


def write(root: str, job: str, version: str, index: int, part: Part, spent: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Write the tables of one task and, last, the note that it is done. Runs on a worker."""
    lake, made = Lake(root), find_job(job)
    files = {}
    for table in made.writes:
        data = part.tables.get(table.name)
        if data is not None and data.num_rows:
            files[table.name] = lake.write_part(table, version, f"{job}-{index:05d}.parquet", data, part.row_group_bytes)
    if unknown := set(part.tables) - {t.name for t in made.writes}:
        raise Terminal(f"{job} made tables that it does not declare: {sorted(unknown)}")
    rejected = _reasons(part)
    if part.seen != part.kept + sum(rejected.values()):
        raise Terminal(f"{job}, task {index}: {part.seen} samples in, but {part.kept} kept and {sum(rejected.values())} rejected; "
                       "this is a fault of the job")
    facts = {"files": files, "seen": part.seen, "kept": part.kept, "rejected": rejected,
             "measured": [dict(m) for m in part.measured], "spent": dict(spent or {})}
    lake.write_json(facts, "_work", f"{job}-{version}", f"{index:05d}.json")
    return facts


def _reasons(part: Part) -> dict[str, int]:
    rejects = part.tables.get(REJECTS.name)
    if rejects is None:
        return {}
    decisive = zip(rejects["reason"].to_pylist(), rejects["decisive"].to_pylist(), strict=True)
    return dict(sorted(Counter(reason for reason, holds in decisive if holds).items()))


def execute(name: str, settings: Settings) -> Outcome:
    """Run a job unless its version stands, and make that version the current one.

    Raises:
        Terminal: a parent is missing or made from others than stand by now, the lake is of another schema, or nothing was kept.
        Transient: the disk is full or the lake is busy.
    """
    made = find_job(name)
    lake, creates = Lake(settings.runtime.lake), all(table in made.optional for table in made.reads)
    if not creates:
        lake.open(create=False)
    try:
        with lake.lock(f"`reelmill run {name}`"):  # held from here on: no parent may become another one until the version is committed
            known = dict(made.outside(settings))  # before there is a lake: a missing folder must leave no trace
            read = parents(made, lake.open(create=creates))
            known = {f"{t}@{v.manifest['job']}": v.fingerprint for t, v in read.items()} | known
            run = Run(made, settings, lake, read, fingerprint(name, made.code, made.sections(settings.recipe), known))
            if (facts := _stands(run)) and made.holds(run):
                lake.make_current(name, run.fingerprint)
                return _outcome(run, facts, stood=True)
            started = datetime.now(UTC)
            made.run(run)
            return _outcome(run, _commit(run, known, started), stood=False)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Transient(f"{lake.root}: the disk is full; free some space and run the same command again, which goes on where this one ended") from error
        raise


def _stands(run: Run) -> Mapping[str, Any] | None:
    facts: Mapping[str, Any] | None = None
    for table in run.job.writes:
        standing = run.lake.version(table, run.fingerprint)
        if standing is None or standing.gone():  # parts that were lost are made again
            return None
        facts = standing.manifest
    return facts


def _commit(run: Run, known: Mapping[str, str], started: datetime) -> dict[str, Any]:
    done = [run._done[i] for i in sorted(run._done)]
    rejected: dict[str, int] = {}
    for facts in done:
        for reason, count in facts["rejected"].items():
            rejected[reason] = rejected.get(reason, 0) + count
    manifest = {
        "fingerprint": run.fingerprint, "job": run.job.name, "code": run.job.code, "schema_version": SCHEMA_VERSION,
        "recipe": {n: s.model_dump(mode="json") for n, s in run.job.sections(run.settings.recipe).items()},
        "parents": dict(known), "seen": sum(f["seen"] for f in done), "kept": sum(f["kept"] for f in done),
        "rejected": dict(sorted(rejected.items())), "measured": [m for f in done for m in f["measured"]],
        "cost": _cost(run, done), "started": started.isoformat(timespec="milliseconds"),
        "finished": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }
    if run.job.needs_kept and not manifest["kept"]:
        why = ", ".join(f"{n} {r}" for r, n in rejected.items()) or "there was nothing to work on"
        _keep_rejects_readable(run, manifest, done)
        raise Terminal(f"{run.job.name} kept nothing of {manifest['seen']}: {why}{_example(run)}")
    still_held(run.lake)
    for table in run.job.writes:
        _write_manifest(run, table, manifest, done)
    run.lake.make_current(run.job.name, run.fingerprint)
    run.lake.remove("_work", run.run_id)
    return manifest


def _cost(run: Run, done: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """CPU seconds of the driver and all below it, and of tasks done elsewhere or by an earlier try; the most memory of a task, MB."""
    here, spent = gethostname(), [f.get("spent") or {} for f in done]
    apart = sum(s["cpu_s"] for i, s in zip(sorted(run._done), spent, strict=True) if s and (i in run._before or s["host"] != here))
    return {"cpu_s": round(max(0.0, cost.cpu_s() - run._cpu_s) + apart, 2), "peak_mb": max([s["peak_mb"] for s in spent if s], default=0)}


def _write_manifest(run: Run, table: Table, manifest: Mapping[str, Any], done: Sequence[Mapping[str, Any]]) -> None:
    carried = _carry_rejects(run) if table.name == REJECTS.name else []
    files = carried + [f["files"][table.name] for f in done if table.name in f["files"]]
    wanted = {f["path"] for f in files} | {MANIFEST}
    for stray in set(run.lake.names(table.name, run.fingerprint)) - wanted:
        run.lake.remove(table.name, run.fingerprint, stray)
    run.lake.write_json({**manifest, "table": table.name, "rows": sum(f["rows"] for f in files), "files": files},
                        table.name, run.fingerprint, MANIFEST)


def _carry_rejects(run: Run) -> list[dict[str, Any]]:
    """Copy the files of the rejects before, so that one version tells the whole funnel."""
    before = run.parents.get(REJECTS.name)
    if before is None:
        return []
    source = before.fingerprint

    def copy(file: dict[str, Any]) -> dict[str, Any]:
        run.lake.copy(run.lake.path(REJECTS.name, source, file["path"]), REJECTS.name, run.fingerprint, file["path"])
        return file

    return run.lake.spread(copy, before.manifest["files"])


def _keep_rejects_readable(run: Run, manifest: Mapping[str, Any], done: Sequence[Mapping[str, Any]]) -> None:
    """A run that kept nothing leaves its reasons behind, but no other table and no current version."""
    if REJECTS in run.job.writes:
        _write_manifest(run, REJECTS, manifest, done)


def _example(run: Run) -> str:
    """What the first reject of a run that kept nothing says; empty where none says anything."""
    rejects = run.lake.version(REJECTS, run.fingerprint) if REJECTS in run.job.writes else None
    rows = rejects.read(["stage", "detail"]).to_pylist() if rejects else []
    detail = next((row["detail"] for row in rows if row["stage"] == run.job.name and row["detail"]), "")
    return f"; for example: {detail[:300]}" if detail else ""


def _outcome(run: Run, facts: Mapping[str, Any], *, stood: bool) -> Outcome:
    return Outcome(run.job.name, run.fingerprint, stood, int(facts["seen"]), int(facts["kept"]), dict(facts["rejected"]))


__all__ = ["Outcome", "Run", "RunError", "execute", "reject_rows", "write"]

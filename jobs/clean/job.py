"""Measures every source in one decode pass, and judges what was measured: two jobs, so that a threshold never decodes a frame.

A source that is dearer than a task (`jobs.clean.plan`) is read in parts, each by a task of its own, and a small task makes one
whole of them, with the numbers that one pass would have given. What goes wrong with a source is a row of `rejects`; only our own
faults end a task.
"""

import io
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from jobs.clean import policy
from jobs.clean.plan import Task, grouped, plan
from jobs.collect.opened import changed
from jobs.collect.source import local, lost, opened
from jobs.job import Job, Part
from jobs.lake import Lake
from jobs.media.faults import MediaFault
from jobs.media.wire import pack, unpack
from jobs.run import Run, reject_rows
from jobs.version import digest, row_id
from schemas import CLIPS, REJECTS, SOURCES
from schemas.settings import Settings
from schemas.table import ERASED

if TYPE_CHECKING:
    from jobs.clean.found import Measured

T = TypeVar("T")
GIVEN = ("title", "caption", "lang", "transcript", "licence", "pii_count")
"""What clips take over from their source."""
FACTS = ("source_id", "modality", "uri", "sha256", "size_bytes", "duration_s", "fetched_at", *GIVEN)
TEXT_FACTS = ("source_id", "modality", "sha256", "size_bytes", "error", "text", "fetched_at", *GIVEN)


# ---- measure


def measure(run: Run) -> None:
    """Plan on the driver, measure in tasks."""
    tasks, joins = plan(run)
    run.parts(tasks, measure_task, weight="batch")
    if joins:
        run.parts(tasks + joins, measure_task, weight="batch")


def measure_task(task: Task, settings: Settings) -> Part:
    """Measure the sources of a task: media in the sandbox, texts here."""
    if task.part is not None:
        return _read_part(task, settings)
    clips: list[dict[str, Any]] = []
    rejects: list[dict[str, Any]] = []
    seen = 0
    for source in _sources(task):
        seen += 1
        if (source["text"] is None) if source["modality"] == "text" else source["uri"] == ERASED:
            rejects.append(_rejected(source, "taken_down", "takedown", "it was taken down and erased after it was collected"))
            continue
        if source["modality"] == "text":
            from jobs.clean.texts import text_clip

            clips.append(_clip(source, text_clip(source)))
            continue
        made = _measured(source, settings) if task.parts == 1 else _joined(source, task, settings)
        if isinstance(made, dict):
            rejects.append(made)
        else:
            clips += made
    return Part(
        tables={"clips": CLIPS.rows(clips), "rejects": reject_rows(rejects, "measure", task.policy_hash, task.run_id)},
        seen=seen, kept=seen - len(rejects),
    )


def _sources(task: Task) -> Iterator[Mapping[str, Any]]:
    for rows in task.sources:
        yield from rows.read(FACTS).to_pylist()
    for part in task.slices:
        for row in part.read(TEXT_FACTS).to_pylist():
            if row["error"] is None and row["modality"] == "text":
                yield row


def _measured(source: Mapping[str, Any], settings: Settings) -> list[dict[str, Any]] | dict[str, Any]:
    """The clips of a source, or the row of `rejects` that says why there are none."""
    from jobs.clean.sandboxed import measure_source

    made = _tried(source, lambda path: measure_source(path, source["modality"], settings.recipe.measure))
    return made if isinstance(made, dict) else _clips(source, made)


def _read_part(task: Task, settings: Settings) -> Part:
    """Read some chapters of a source and stage their numbers, or why that failed, for the task that joins them."""
    from jobs.clean.sandboxed import Part as Read
    from jobs.clean.sandboxed import read_part

    (source,), number = _sources(task), task.part
    assert number is not None
    def work(file: BinaryIO) -> "Read":
        return read_part(file, number, task.parts, settings.recipe.measure)

    made = _opened(source, work)
    staged = {"reject": made} if isinstance(made, dict) else {"found": made.found, "numbers": made.numbers}
    Lake(settings.runtime.lake).put(pack(staged), "_work", task.run_id, _staged_name(source, number, task.parts))
    return Part(tables={}, seen=0, kept=0)


def _joined(source: Mapping[str, Any], task: Task, settings: Settings) -> list[dict[str, Any]] | dict[str, Any]:
    """The clips of a source from its parts, or the reject of the first part that failed. Parts that do not fit together, since the
    file is not what its index says, are left aside, and the source is measured in one go; only then is its file opened."""
    from jobs.clean.sandboxed import Part as Read
    from jobs.clean.sandboxed import measure_parts

    lake = Lake(settings.runtime.lake)
    staged = [unpack(io.BytesIO(lake.fs.cat_file(lake.path("_work", task.run_id, _staged_name(source, i, task.parts)))).read)
              for i in range(task.parts)]
    rejected = next((part["reject"] for part in staged if "reject" in part), None)
    if rejected is not None:
        return dict(rejected)
    read = [Read(part["found"], part["numbers"]) for part in staged]
    made = _decoded(source, source["uri"], lambda: measure_parts(read, settings.recipe.measure))
    if made is None:
        return _measured(source, settings)
    return made if isinstance(made, dict) else _clips(source, made)


def _staged_name(source: Mapping[str, Any], part: int, of: int) -> str:
    return f"{source['source_id']}-{part}-of-{of}.part"


def _tried(source: Mapping[str, Any], work: Callable[[str], T]) -> T | dict[str, Any]:
    """What `work` makes of the file of a source, or the row of `rejects` that says why it cannot."""
    try:
        with local(source["uri"]) as path:
            why = changed(source, path)
            return _decoded(source, path, lambda: work(path)) if why is None else _rejected(source, "unreadable", "readable", f"it {why}")
    except OSError as error:
        reason, detail = lost(error, source["uri"])
        return _rejected(source, reason, "readable", detail)


def _opened(source: Mapping[str, Any], work: Callable[[BinaryIO], T]) -> T | dict[str, Any]:
    """The same for work on the open file, wherever it is."""
    try:
        why = changed(source, source["uri"]) if "://" not in source["uri"] else None
        if why is not None:
            return _rejected(source, "unreadable", "readable", f"it {why}")
        with opened(source["uri"]) as file:
            if (size := file.seek(0, os.SEEK_END)) != source["size_bytes"]:
                return _rejected(source, "unreadable", "readable",
                                 f"it has {size} bytes now and had {source['size_bytes']} when it was collected; collect it again")
            file.seek(0)
            return _decoded(source, source["uri"], lambda: work(file))
    except OSError as error:
        reason, detail = lost(error, source["uri"])
        return _rejected(source, reason, "readable", detail)


def _decoded(source: Mapping[str, Any], path: str, work: Callable[[], T]) -> T | dict[str, Any]:
    """What `work` makes, or the row of `rejects` that names the fault of the file, which lies at `path`."""
    try:
        return work()
    except MediaFault as fault:
        return _rejected(source, fault.reason, "decodable", plain(fault.detail, path))


def _clips(source: Mapping[str, Any], found: "Measured") -> list[dict[str, Any]] | dict[str, Any]:
    if not found.clips:
        return _rejected(source, "too_short", "spans", f"no span to keep in {found.frames} frames of {found.duration_s:.3f} s")
    return [_clip(source, clip) | {"modality": found.modality} for clip in found.clips]


def _clip(source: Mapping[str, Any], measured: Mapping[str, Any]) -> dict[str, Any]:
    ids = {"clip_id": row_id(source["source_id"], float(measured["start_s"]), float(measured["end_s"])),
           "source_id": source["source_id"], "modality": source["modality"], "source_sha256": source["sha256"],
           "source_bytes": source["size_bytes"], "source_fetched_at": source["fetched_at"]}
    if source.get("duration_s"):
        ids["source_bytes_per_s"] = source["size_bytes"] / source["duration_s"]
    return {**{name: source[name] for name in GIVEN}, **measured, **ids}


def _rejected(source: Mapping[str, Any], reason: str, check: str, detail: str) -> dict[str, Any]:
    return {"sample_id": source["source_id"], "source_id": source["source_id"], "check": check, "reason": reason,
            "detail": detail}


_PASSING = re.compile(r" at 0x[0-9a-f]+|<_io\.[^>]*>", re.I)


def plain(detail: str, path: str) -> str:
    """A message without what differs from machine to machine and run to run: folders, handles, addresses."""
    name = PurePath(path).name
    return _PASSING.sub("", detail.replace(path, name).replace(str(PurePath(path).parent), "")).strip() or "no message"


# ---- judge


def judge(run: Run) -> None:
    """Plan on the driver, judge in tasks."""
    tasks = [Task((), tuple(group), run.policy_hash, run.run_id) for group in grouped(run.input(CLIPS).slices())]
    run.parts(tasks, judge_task, weight="batch")


def judge_task(task: Task, settings: Settings) -> Part:
    """Judge the clips of a task by their stored numbers."""
    checks = policy.resolve(settings.recipe.policy)
    names = policy.columns(checks)
    rejects: list[dict[str, Any]] = []
    warned = Counter[str]()
    seen = kept = 0
    for part in task.slices:
        for row in part.read(names).to_pylist():
            verdict = policy.judge(row, checks)
            seen += 1
            kept += verdict.kept
            rejects += policy.reject_rows(row, verdict)
            warned.update(check.name for check, _ in verdict.warnings)
    return Part(tables={"rejects": reject_rows(rejects, "judge", task.policy_hash, task.run_id)}, seen=seen, kept=kept,
                measured=[{"warned": dict(sorted(warned.items()))}] if warned else [])


# ---- what a version depends on beside its recipe


def measured_by(settings: Settings) -> dict[str, str]:
    """The measurements and their versions: a new one measures anew."""
    from jobs.clean.measures import measurements

    return {"measurements": digest({name: found.version for name, found in measurements().items()})}


def judged_by(settings: Settings) -> dict[str, str]:
    """Every threshold in force, defaults too: a changed default judges anew. Names that do not exist end here.

    Raises:
        SettingsError: the policy names what does not exist.
    """
    checks = policy.resolve(settings.recipe.policy)
    return {"checks": digest({check.name: check.config.model_dump(mode="json") for check in checks})}


MEASURE = Job("measure", reads=(SOURCES, REJECTS), writes=(CLIPS, REJECTS), code=22, recipe=("measure",), run=measure,
              outside=measured_by)
JUDGE = Job("judge", reads=(CLIPS, REJECTS), writes=(REJECTS,), code=5, recipe=("policy",), run=judge, outside=judged_by)

"""LABEL: clips that are still in the funnel -> rows of `labels`.

Each labeler's rows are named by what they depend on (its version, its model's revision, its options); a standing version's rows
of the same name, on clips that did not change, are copied and not made again. So `--only clip_tags`, a new model of one labeler
or a day's new clips cost only what is new. Tasks are cut from the clips alone, and a score does not depend on the batch it was
made in, so a copied version has the bytes of one made from scratch.

Rows that tell of a fault that may pass (`Labeler.passing`) are not copied: their clips are asked about again by every run that makes a
version, and by one for that labeler by name (`--only`) even if nothing else has changed.
"""

import logging
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from jobs.errors import Terminal
from jobs.job import Job, Part, maker
from jobs.label.labeler import Batch, Cast, Found, Model, cast, labelers
from jobs.label.plan import bundles, same_measuring, unchanged
from jobs.label.replies import Replies
from jobs.lake import Lake, Slice, Version, with_nulls
from jobs.parents import generation
from jobs.rows import Holders, Numbered, Numbers, Rows, numbers, whole
from jobs.run import Run
from schemas import CLIPS, LABELS, REJECTS, SOURCES
from schemas.settings import Label, Settings

log = logging.getLogger(__name__)

FACT = "labeler "
"""Prefix of a labeler's entry among the parents in the manifest."""
SOURCE = ("source_id", "uri", "size_bytes", "sha256", "fetched_at")
"""What a labeler that listens is told of a source."""
KEPT = "kept "
"""Prefix of the identity of a labeler whose rows were kept while clips came or went: it did not see all clips of the version,
so a later run that asks for it starts over."""
AGAIN = "asked again"
"""Entry among the parents: how often labelers were run by name to ask about such clips again."""


@dataclass(frozen=True)
class Task:
    """One bundle of clips.

    Attributes:
        clips: Those in the funnel.
        same: Which of them the standing labels saw as they are.
        make: Labelers that label all of them.
        add: Labelers that label those that are not the same; standing rows say the rest.
        keep: Labelers whose standing rows of the same ones are copied.
        models: Model of every labeler that runs.
        standing: Where those rows are.
        sources: Sources of the clips, where a labeler listens.
        replies: Folder in the lake for what the labelers are answered.
        before: Rows of the clips that the standing labels saw, where these are of another version: which are as they were is for the worker to
            see, whose share of texts is small.
    """

    clips: tuple[Rows, ...]
    same: NDArray[np.bool_]
    make: tuple[str, ...]
    add: tuple[str, ...]
    keep: tuple[str, ...]
    models: Mapping[str, Model]
    standing: tuple[Slice, ...]
    sources: tuple[Rows, ...]
    replies: tuple[str, ...]
    before: tuple[Rows, ...] = ()


def outside(settings: Settings) -> dict[str, str]:
    """Identity of every labeler whose rows the version holds: those that run, and, in a restricted run, those kept as they stand."""
    label, chosen = settings.recipe.label, cast(settings.recipe.label)
    facts = {name: labelers()[name].identity(label, model) for name, model in chosen.models.items()}
    standing = _standing(settings)
    whole = standing is not None and _of_today(standing)
    again = _rounds(standing, label.labelers) if standing and whole else 0
    if label.labelers and standing:
        kept = {n: fact if whole else KEPT + fact.removeprefix(KEPT) for n, fact in _standing_facts(standing).items()}
        facts = kept | facts
    return {f"{FACT}{name}": fact for name, fact in sorted(facts.items())} | ({AGAIN: str(again)} if again else {})


def _rounds(standing: Version, named: Sequence[str]) -> int:
    """How often clips were asked about again, this run included if it names a labeler to which some are left."""
    left = {m["labeler"] for m in standing.manifest["measured"] if m.get("passing")}
    return int(standing.manifest["parents"].get(AGAIN, 0)) + bool(left.intersection(named))


def _standing(settings: Settings) -> Version | None:
    lake = Lake(settings.runtime.lake)
    current = lake.current("label")
    return lake.version(LABELS, current) if current else None


def _of_today(standing: Version) -> bool:
    """Whether the standing labels were made of the clips and rejects that this run would read."""
    now, told = generation(LABEL, standing.lake), standing.manifest["parents"]
    return all(told.get(f"{t.name}@{by}") == now.get(by) for t in (CLIPS, REJECTS) if (by := maker(t, "label")))


def _standing_facts(standing: Version | None) -> dict[str, str]:
    parents = standing.manifest["parents"] if standing else {}
    return {name.removeprefix(FACT): fact for name, fact in parents.items() if name.startswith(FACT)}


def run(run: Run) -> None:
    """Plan the tasks and run them."""
    chosen = cast(run.settings.recipe.label)
    for name, why in chosen.absent.items():
        log.warning("labeler %s is not at hand and makes no labels: %s", name, why)
    run.parts(plan(run, chosen), work, weight="batch")
    if chosen.absent:
        run.put(Part({}, seen=0, kept=0, measured=[{"labeler": n, "absent": why} for n, why in chosen.absent.items()]))


def plan(run: Run, chosen: Cast) -> list[Task]:
    """One task per bundle of clips, in the order of the table."""
    clips, label = Numbered(run.input(CLIPS)), run.settings.recipe.label
    ids = whole(clips.version.read(["clip_id"])["clip_id"])
    live = ~np.asarray(pc.is_in(ids, value_set=run.rejected_ids()))
    listens = any(labelers()[n].listens for n in chosen.models)
    sources, of = _sources(run, clips.version) if listens else (None, np.zeros(0, np.int64))
    standing = _standing(run.settings)
    facts = _standing_facts(standing)
    same, before, at = _same(run, standing, ids) if standing else (np.zeros(len(ids), bool), None, None)
    held = Holders(standing, ids) if standing and same.any() else None
    reused = {n for n, m in chosen.models.items() if facts.get(n) == labelers()[n].identity(label, m)}
    carried = set(facts) - set(chosen.models) if label.labelers else set[str]()
    make, add, keep = (tuple(sorted(names)) for names in (chosen.models.keys() - reused, reused, reused | carried))
    tasks = []
    for number, (start, end) in enumerate(bundles(clips.slices)):
        here = start + np.flatnonzero(live[start:end])
        old = here[same[here]]
        rows = held.of(old) if held and keep else ()
        heard = sources.rows(np.unique(of[here])) if sources else ()
        replies = ("_work", run.run_id, "replies", f"{number:05d}")
        seen = before.rows(at[old]) if before and at is not None else ()
        tasks.append(Task(clips.rows(here), same[here], make, add, keep, chosen.models, rows, heard, replies, seen))
    return tasks


def _sources(run: Run, clips: Version) -> tuple[Numbered, NDArray[np.int64]]:
    """The sources, and the number of that of each clip."""
    version = run.input(SOURCES)
    return Numbered(version), numbers(clips.read(["source_id"])["source_id"], whole(version.read(["source_id"])["source_id"]))


def _same(run: Run, standing: Version, ids: pa.LargeStringArray) -> tuple[NDArray[np.bool_], Numbered | None, Numbers | None]:
    """Which clips the standing labels saw, measured alike; and, if in another version, that and the number there of each: whether they have the
    same texts and numbers is left to the tasks."""
    parents = standing.manifest["parents"]
    seen = {
        t.name: next((v for p, fp in parents.items() if p.startswith(f"{t.name}@") and (v := run.lake.version(t, fp))), None)
        for t in (CLIPS, REJECTS)
    }
    old_clips, old_rejects, clips = seen[CLIPS.name], seen[REJECTS.name], run.input(CLIPS)
    if old_clips is None or old_rejects is None or not same_measuring(clips.manifest, old_clips.manifest):
        return np.zeros(len(ids), bool), None, None
    same = ~np.asarray(pc.is_in(ids, value_set=whole(old_rejects.read(["sample_id"])["sample_id"])))
    if clips.fingerprint == old_clips.fingerprint:
        return same, None, None
    at = numbers(pa.chunked_array([ids]), whole(old_clips.read(["clip_id"])["clip_id"]))
    return same & (at >= 0), Numbered(old_clips), at


def _unchanged(task: Task) -> NDArray[np.bool_]:
    """Which clips of a task the standing labels saw as they are."""
    if not task.before or not task.same.any():
        return task.same
    columns = ["clip_id", *sorted({c for labeler in labelers().values() for c in labeler.needs} - {"frames", "clip_id"})]
    schema = pa.schema([CLIPS.schema.field(name) for name in columns])
    now, before = (pa.concat_tables([with_nulls(rows.read(columns).select(columns), schema) for rows in some]) for some in (task.clips, task.before))
    as_before: NDArray[np.bool_] = np.asarray(pc.is_in(whole(now["clip_id"]), value_set=whole(unchanged(now, before))))
    return task.same & as_before


def work(task: Task, settings: Settings) -> Part:
    """Label one bundle. Runs on a worker; models stay loaded in its process."""
    measured: list[dict[str, Any]] = []
    ids = [name for rows in task.clips for name in rows.read(["clip_id"])["clip_id"].to_pylist()]
    as_before = _unchanged(task)
    old = tuple(name for name, same in zip(ids, as_before, strict=True) if same)
    new = tuple(name for name, same in zip(ids, as_before, strict=True) if not same)
    copied, again = _copied(task, old)
    asked = {n: (*(ids if n in task.make else new if n in task.add else ()), *again.get(n, ())) for n in task.models}
    parts, make = [copied], {n: names for n, names in asked.items() if names}
    if make:
        wanted = frozenset(name for names in make.values() for name in names)
        columns = sorted({"clip_id", *(c for n in make for c in labelers()[n].needs)})
        rows = [_told(row) for piece in task.clips for row in piece.read(columns).to_pylist() if row["clip_id"] in wanted]
        sources = {row["source_id"]: row for piece in task.sources for row in piece.read(SOURCE).to_pylist()}
        batch = Batch(sorted(rows, key=lambda row: str(row["clip_id"])), sources, Replies(Lake(settings.runtime.lake), task.replies))
        device = worker_device(settings.runtime.device) if any(m.name for m in task.models.values()) else "cpu"
        for name, names in make.items():
            state = _loaded(name, settings.recipe.label.model_dump_json(), device)
            started = time.process_time()
            found = labelers()[name].label(state, batch.only(frozenset(names)))
            measured.append({"labeler": name, "clips": len(names), "rows": len(found), "cpu_s": round(time.process_time() - started, 3)})
            parts.append(_rows(name, task.models[name], found))
    table = pa.concat_tables(parts).sort_by([(key, "ascending") for key in LABELS.key])
    measured += [{"labeler": name, "vector_width": width} for name, width in widths(table).items()]
    measured += [{"labeler": name, "passing": len(ids)} for name, ids in _passing(table).items()]
    return Part({LABELS.name: table}, seen=len(ids), kept=len(ids), measured=measured)


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row without its measurements that are no numbers: nothing can be said from them."""
    return {key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in row.items()}


def widths(labels: pa.Table) -> dict[str, int]:
    """How many numbers the vectors of each labeler have that makes any.

    Raises:
        Terminal: not all of a labeler have as many; they could not be compared.
    """
    vectors = labels.filter(pc.is_valid(labels["vector"]))
    facts = pa.table({"labeler": vectors["labeler"], "width": pc.list_value_length(vectors["vector"])})
    found: dict[str, int] = {}
    for row in facts.group_by(["labeler", "width"]).aggregate([]).to_pylist():
        if found.setdefault(row["labeler"], row["width"]) != row["width"]:
            raise Terminal(
                f"vectors of {row['labeler']} have {found[row['labeler']]} numbers for some clips and {row['width']} for others: no one model "
                "made them; remove the standing version from the lake's folder `labels` and label again"
            )
    return found


def _copied(task: Task, ids: Sequence[str]) -> tuple[pa.Table, dict[str, tuple[str, ...]]]:
    """Standing rows of these clips that are copied, and the clips to ask about again by labeler: none of those that do not run."""
    parts = [LABELS.empty()]
    for piece in task.standing:
        rows = piece.read(LABELS.schema.names).cast(LABELS.schema)
        parts += [rows.filter(_of(rows, name, ids)) for name in task.keep]
    copied = pa.concat_tables(parts)
    again = {name: names for name, names in _passing(copied).items() if name in task.models}
    for name, names in again.items():
        copied = copied.filter(pc.invert(_of(copied, name, names)))
    return copied, again


def _of(rows: pa.Table, name: str, ids: Sequence[str]) -> Any:
    """Which rows are a labeler's of some clips."""
    return pc.and_(pc.equal(rows["labeler"], name), pc.is_in(rows["clip_id"], value_set=pa.array(ids, pa.string())))


def _passing(labels: pa.Table) -> dict[str, tuple[str, ...]]:
    """By labeler the clips of which it could not say anything for a fault that may pass."""
    status = labels.filter(pc.equal(labels["key"], "status"))
    found = {}
    for name, labeler in labelers().items():
        if not labeler.passing:
            continue
        hit = pc.and_(pc.equal(status["labeler"], name), pc.is_in(status["text"], value_set=pa.array(sorted(labeler.passing), pa.string())))
        if ids := status["clip_id"].filter(hit).to_pylist():
            found[name] = tuple(ids)
    return found


def _rows(name: str, model: Model, found: list[Found]) -> pa.Table:
    version = labelers()[name].version
    return LABELS.rows(
        [
            {
                "clip_id": f.clip_id,
                "labeler": name,
                "labeler_version": version,
                "model": model.name,
                "revision": model.revision,
                "key": f.key,
                "score": f.score,
                "text": f.text,
                "vector": f.vector,
            }
            for f in found
        ]
    )


@cache
def _loaded(name: str, label_json: str, device: str) -> Any:
    return labelers()[name].load(Label.model_validate_json(label_json), device)


def worker_device(wanted: str) -> str:
    """The device of this worker: `auto` is CUDA where there is one.

    Raises:
        Terminal: CUDA was asked for by name and is not there.
    """
    if wanted == "cpu":
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if wanted == "cuda":
        raise Terminal("runtime.device=cuda, but PyTorch sees no CUDA device on this worker; set runtime.device=auto")
    return "cpu"


LABEL = Job(
    "label", reads=(CLIPS, REJECTS, SOURCES), optional=(SOURCES,), writes=(LABELS,), code=3, recipe=("label",), run=run, outside=outside
)

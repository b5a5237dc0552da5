"""FUSE: what is left of the clips, joined with labels, texts, behaviour and media bytes into shards of `samples`.

The driver plans with ids and sizes alone; every shard is one task, in which media are cut in the sandbox. What labels forbid,
what cannot be cut and what was taken down leaves the funnel here, with its reason.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from jobs.collect.opened import opened
from jobs.fuse import shards
from jobs.fuse.behaviour import engagement
from jobs.fuse.join import COPIED, Media, sample, verdict
from jobs.fuse.media import media_of
from jobs.fuse.split import groups, sides
from jobs.fuse.tombstones import tombstones
from jobs.job import Job, Part
from jobs.label.plan import Holders
from jobs.lake import Lake, Slice
from jobs.media.faults import MediaFault
from jobs.run import Run, reject_rows
from schemas import BEHAVIOUR, CLIPS, DUPLICATES, LABELS, REJECTS, SAMPLES, SOURCES
from schemas.settings import Settings

PLANNED = ("clip_id", "source_id", "source_sha256", "modality", "duration_s", "end_s", "has_audio", "text_chars")
CLIP = ("clip_id", *COPIED, "lang", "lang_detected", "frames")
SOURCE = ("source_id", "uri", "sha256", "size_bytes", "duration_s", "fetched_at")


@dataclass(frozen=True)
class Source:
    """What a task knows of a source."""

    facts: Mapping[str, Any]
    engagement: float | None
    taken_down: bool


@dataclass(frozen=True)
class Task:
    """One shard."""

    split: str
    ids: tuple[str, ...]
    clips: tuple[Slice, ...]
    labels: tuple[Slice, ...]
    sources: Mapping[str, Source]
    policy_hash: str
    run_id: str


def outside(settings: Settings) -> dict[str, str]:
    """Sources that were taken down bear identity."""
    return tombstones(Lake(settings.runtime.lake)).facts


def run(run: Run) -> None:
    """Plan the shards and make them."""
    run.parts(plan(run), work, weight="shard")


def plan(run: Run) -> list[Task]:
    """One task per shard; depends on the tables alone."""
    fuse, clips = run.settings.recipe.fuse, run.input(CLIPS)
    every = clips.read(list(PLANNED))
    rejected = run.rejected_ids()
    sources = {row["source_id"]: row for row in run.input(SOURCES).read(list(SOURCE)).to_pylist()}
    left = every.filter(pc.invert(pc.is_in(every["clip_id"], value_set=pa.array(sorted(rejected), pa.string()))))
    if not left.num_rows:
        return []
    group_of = groups(every, run.input(DUPLICATES).read(["loser_id", "keeper_id"]))
    side_of = sides(group_of, set(left["source_id"].to_pylist()), fuse.validation_share)
    sizes = shards.estimated_bytes(_with_sources(left, every, sources), media=fuse.cut != "range")
    of = left["source_id"].to_pylist()
    planned = shards.cut([side_of[s] for s in of], [int(s) for s in sizes], fuse.shard_bytes)
    prior = _prior(run)
    stones = tombstones(run.lake)
    where, labels, ids = Holders(clips, "clip_id"), Holders(run.input(LABELS), "clip_id"), left["clip_id"].to_pylist()
    tasks = []
    for shard in planned:
        here = tuple(ids[i] for i in shard.rows)
        known = {s: Source(sources[s], prior.get(s), stones.hold(sources[s])) for s in sorted({of[i] for i in shard.rows})}
        tasks.append(Task(shard.split, here, where.of(here), labels.of(here), known, run.policy_hash, run.run_id))
    return tasks


def _prior(run: Run) -> dict[str, float]:
    behaviour = run.optional(BEHAVIOUR)
    return engagement(behaviour.read(), run.settings.recipe.collect.k_anonymity) if behaviour is not None else {}


def _with_sources(left: pa.Table, every: pa.Table, sources: Mapping[str, Mapping[str, Any]]) -> pa.Table:
    """Size and length of each clip's source; the length is at least the end of its last clip."""
    ends: dict[str, float] = defaultdict(float)
    for source, end in zip(every["source_id"].to_pylist(), every["end_s"].to_pylist(), strict=True):
        ends[source] = max(ends[source], end)
    of = left["source_id"].to_pylist()
    left = left.append_column("size_bytes", pa.array([sources[s]["size_bytes"] for s in of], pa.int64()))
    return left.append_column("source_s", pa.array([max(sources[s]["duration_s"] or 0.0, ends[s]) for s in of], pa.float64()))


def work(task: Task, settings: Settings) -> Part:
    """Make one shard. Runs on a worker."""
    wanted = pa.array(task.ids, pa.string())
    clips = {row["clip_id"]: row for row in _rows(task.clips, CLIP, wanted)}
    labels: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in _rows(task.labels, ("clip_id", "labeler", "key", "score", "text", "vector"), wanted):
        labels[row["clip_id"]].append(row)
    kept: list[dict[str, Any]] = []
    dropped: list[dict[str, Any]] = []
    for ids in _by_source(task, clips):
        source = task.sources[clips[ids[0]]["source_id"]]
        for clip_id, media in _fused([clips[i] for i in ids], labels, source, settings):
            clip = clips[clip_id]
            if isinstance(media, Media):
                said = sorted(labels[clip_id], key=lambda row: (row["labeler"], row["key"]))
                kept.append(sample(clip, source.facts, said, media, task.split, source.engagement))
            else:
                dropped.append({"sample_id": clip_id, "source_id": clip["source_id"], **media})
    order = {clip_id: i for i, clip_id in enumerate(task.ids)}
    kept.sort(key=lambda row: order[row["sample_id"]])
    tables = {
        SAMPLES.name: SAMPLES.rows(kept),
        REJECTS.name: reject_rows(sorted(dropped, key=lambda row: order[row["sample_id"]]), "fuse", task.policy_hash, task.run_id),
    }
    return Part(tables, seen=len(task.ids), kept=len(kept), row_group_bytes=settings.recipe.fuse.row_group_bytes)


def _rows(slices: Sequence[Slice], columns: Sequence[str], ids: pa.Array) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for piece in slices:
        data = piece.read(columns)
        found += data.filter(pc.is_in(data["clip_id"], value_set=ids)).to_pylist()
    return found


def _by_source(task: Task, clips: Mapping[str, Mapping[str, Any]]) -> list[list[str]]:
    """The ids of the shard by source, so that each source is opened and compared once."""
    held: dict[str, list[str]] = defaultdict(list)
    for clip_id in task.ids:
        held[clips[clip_id]["source_id"]].append(clip_id)
    return list(held.values())


def _fused(
    clips: Sequence[Mapping[str, Any]], labels: Mapping[str, Sequence[Mapping[str, Any]]], source: Source, settings: Settings
) -> Iterator[tuple[str, Media | dict[str, Any]]]:
    """The media of every clip of one source, or the facts of its reject."""
    good = []
    for clip in clips:
        if source.taken_down:
            yield clip["clip_id"], {"check": "takedown", "reason": "taken_down"}
        elif (why := verdict(clip, labels[clip["clip_id"]], settings.recipe.label)) is not None:
            yield clip["clip_id"], vars(why)
        elif clip["modality"] == "text":
            yield clip["clip_id"], Media("whole", 0.0)
        else:
            good.append(clip)
    if not good:
        return
    fuse, left = settings.recipe.fuse, list(good)
    try:
        with opened(source.facts, verify=fuse.cut != "range") as path:
            for clip in good:
                try:
                    made: Media | dict[str, Any] = media_of(clip, path, fuse)
                except MediaFault as fault:
                    made = {"check": "cut", "reason": "uncuttable", "detail": fault.detail}
                left.remove(clip)
                yield clip["clip_id"], made
    except MediaFault as fault:
        for clip in left:
            yield clip["clip_id"], {"check": "source", "reason": fault.reason, "detail": fault.detail}


FUSE = Job(
    "fuse",
    reads=(CLIPS, REJECTS, DUPLICATES, LABELS, SOURCES, BEHAVIOUR),
    optional=(BEHAVIOUR,),
    writes=(SAMPLES, REJECTS),
    code=2,
    recipe=("label", "fuse"),
    run=run,
    outside=outside,
)

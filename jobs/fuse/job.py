"""FUSE: what is left of the clips, joined with labels, texts, behaviour and media bytes into shards of `samples`.

The driver plans with ids and sizes alone; every shard is one task, in which media are cut in the sandbox. What labels forbid,
what cannot be cut and what was taken down leaves the funnel here, with its reason.
"""

import errno
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from jobs.collect.opened import opened
from jobs.dedup.job import components_by
from jobs.fuse import shards, split
from jobs.fuse.behaviour import engagement
from jobs.fuse.join import COPIED, Media, judgeable, sample, verdict
from jobs.fuse.media import WEB_PICTURES, media_of
from jobs.fuse.tombstones import COLUMNS, tombstones
from jobs.job import Job, Part
from jobs.lake import Lake, Slice
from jobs.media.faults import MediaFault, MissingFile
from jobs.rows import Holders, Numbered, Rows, floats, numbers, whole
from jobs.run import Run, reject_rows
from schemas import BEHAVIOUR, CLIPS, DUPLICATES, LABELS, REJECTS, SAMPLES, SOURCES
from schemas.settings import Settings

PLANNED = ("clip_id", "source_id", "source_sha256", "modality", "duration_s", "end_s", "has_audio", "text_chars")
CLIP = ("clip_id", *COPIED, "lang", "lang_detected", "frames")
SEEN = pa.array(["video", "image"])
SOURCE = ("source_id", "uri", "sha256", "size_bytes", "fetched_at")


@dataclass(frozen=True)
class Task:
    """One shard.

    Attributes:
        clips: Its clips, in order.
        sources: Their sources.
        engagement: The prior of each of these, NaN where there is none.
        taken_down: Which of them were taken down.
        labels: Row groups that hold labels of the clips.
    """

    split: str
    clips: tuple[Rows, ...]
    sources: tuple[Rows, ...]
    engagement: NDArray[np.float64]
    taken_down: NDArray[np.bool_]
    labels: tuple[Slice, ...]
    policy_hash: str
    run_id: str


def outside(settings: Settings) -> dict[str, str]:
    """Sources that were taken down bear identity."""
    return tombstones(Lake(settings.runtime.lake)).facts


def run(run: Run) -> None:
    """Plan the shards and make them."""
    run.parts(plan(run), work, weight="shard")


def plan(run: Run) -> list[Task]:
    """One task per shard; depends on the tables alone.

    Raises:
        Terminal: a threshold is set that nothing could be held against.
    """
    fuse, clips, sources = run.settings.recipe.fuse, Numbered(run.input(CLIPS)), Numbered(run.input(SOURCES))
    every = clips.version.read(list(PLANNED))
    left = np.flatnonzero(~np.asarray(pc.is_in(every["clip_id"].cast(pa.large_string()), value_set=run.rejected_ids())))
    if not len(left):
        return []
    judgeable(run.settings.recipe.label, run.input(LABELS), bool(pc.any(pc.is_in(every["modality"].take(left), SEEN)).as_py()))
    facts = sources.version.read(["source_id", "size_bytes", "duration_s", "container", "width", "height"])
    ids = whole(facts["source_id"])
    of = numbers(every["source_id"], ids)
    assert (of >= 0).all(), "a clip has a source that is not in `sources`"
    sizes = shards.estimated_bytes(_with_sources(every, facts, of), media=fuse.cut != "range")[left]
    duplicates = run.input(DUPLICATES).read(["loser_id", "keeper_id"])
    validation = split.validation(split.groups(every, duplicates, components_by(run.settings)).take(pa.array(left)), fuse.validation_share)
    labels, prior, gone = Holders(run.input(LABELS), whole(every["clip_id"])), _prior(run, ids), _taken_down(run, len(ids))
    tasks = []
    for shard in shards.cut(validation, sizes, fuse.shard_bytes):
        here = left[shard.rows]
        known = np.unique(of[here])
        tasks.append(Task(shard.split, clips.rows(here), sources.rows(known), prior[known], gone[known], labels.of(here), run.policy_hash, run.run_id))
    return tasks


def _with_sources(clips: pa.Table, sources: pa.Table, of: NDArray[np.int64]) -> pa.Table:
    """The clips with size, length (`source_s`) and pixels of their sources, whose numbers are `of`; the length is at least the end of the last
    clip, and of pictures that are stored as they are coded pixels do not count."""
    seconds = floats(sources, "duration_s").copy()
    np.maximum.at(seconds, of, floats(clips, "end_s"))
    clips = clips.append_column("size_bytes", pa.array(floats(sources, "size_bytes")[of]))
    coded = np.asarray(pc.is_in(sources["container"], value_set=pa.array(list(WEB_PICTURES))), bool)
    pixels = np.where(coded, 0.0, floats(sources, "width") * floats(sources, "height"))
    clips = clips.append_column("png_pixels", pa.array(pixels[of]))
    return clips.append_column("source_s", pa.array(seconds[of]))


def _prior(run: Run, sources: pa.LargeStringArray) -> NDArray[np.float64]:
    """How well each source was liked; NaN where nobody knows."""
    found, behaviour = np.full(len(sources), np.nan), run.optional(BEHAVIOUR)
    if behaviour is not None:
        liked = engagement(behaviour.read(), run.settings.recipe.collect.k_anonymity)
        at = numbers(liked["source_id"], sources)
        found[at[at >= 0]] = np.asarray(liked["engagement"])[at >= 0]
    return found


def _taken_down(run: Run, sources: int) -> NDArray[np.bool_]:
    """Which of the sources were taken down."""
    stones = tombstones(run.lake)
    if not stones.facts:
        return np.zeros(sources, bool)
    return np.concatenate([np.zeros(0, bool), *run.input(SOURCES).each(lambda part: np.asarray(stones.held(part)), COLUMNS)])


def work(task: Task, settings: Settings) -> Part:
    """Make one shard. Runs on a worker."""
    clips = {row["clip_id"]: row for rows in task.clips for row in rows.read(CLIP).to_pylist()}
    read = [row for rows in task.sources for row in rows.read(SOURCE).to_pylist()]
    sources = {row["source_id"]: (row, None if np.isnan(liked) else float(liked), bool(gone))
               for row, liked, gone in zip(read, task.engagement, task.taken_down, strict=True)}
    labels: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in _labels(task.labels, pa.array(list(clips), pa.string())):
        labels[row["clip_id"]].append(row)
    kept: list[dict[str, Any]] = []
    dropped: list[dict[str, Any]] = []
    for source_id, of_one in _by_source(clips.values()).items():
        source, liked, gone = sources[source_id]
        for clip_id, media in _fused(of_one, labels, source, gone, settings):
            clip = clips[clip_id]
            if isinstance(media, Media):
                said = sorted(labels[clip_id], key=lambda row: (row["labeler"], row["key"]))
                kept.append(sample(clip, source, said, media, task.split, liked))
            else:
                dropped.append({"sample_id": clip_id, "source_id": source_id, **media})
    order = {clip_id: i for i, clip_id in enumerate(clips)}
    kept.sort(key=lambda row: order[row["sample_id"]])
    tables = {
        SAMPLES.name: SAMPLES.rows(kept),
        REJECTS.name: reject_rows(sorted(dropped, key=lambda row: order[row["sample_id"]]), "fuse", task.policy_hash, task.run_id),
    }
    return Part(tables, seen=len(clips), kept=len(kept), row_group_bytes=settings.recipe.fuse.row_group_bytes)


def _labels(slices: Sequence[Slice], ids: pa.Array) -> Iterator[dict[str, Any]]:
    for piece in slices:
        data = piece.read(("clip_id", "labeler", "key", "score", "text", "vector"))
        yield from data.filter(pc.is_in(data["clip_id"], value_set=ids)).to_pylist()


def _by_source(clips: Iterable[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """The clips of the shard by source, so that each source is opened and compared once."""
    held: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for clip in clips:
        held[clip["source_id"]].append(clip)
    return held


def _fused(
    clips: Sequence[Mapping[str, Any]], labels: Mapping[str, Sequence[Mapping[str, Any]]], source: Mapping[str, Any], taken_down: bool,
    settings: Settings,
) -> Iterator[tuple[str, Media | dict[str, Any]]]:
    """The media of every clip of one source, or the facts of its reject."""
    good = []
    for clip in clips:
        if taken_down:
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
        with opened(source, verify=fuse.cut != "range") as path:
            for clip in good:
                try:
                    made: Media | dict[str, Any] = media_of(clip, path, fuse)
                except MissingFile as fault:  # it went while it was cut
                    raise FileNotFoundError(errno.ENOENT, fault.detail) from None
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
    code=8,
    recipe=("label", "fuse"),
    run=run,
    outside=outside,
)

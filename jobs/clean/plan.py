"""Cuts the sources into tasks that depend on the table alone: balanced by what decoding is likely to cost, the dearest first, their number
growing with the corpus and not with the cluster.

The driver holds some numbers of every source; a task is told the places of its rows and reads them itself. Sources are dealt out among
neighbours, ROWS_PER_TASK and more at a time, so that a task reads few row groups and what it makes lies near what it was made of.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from jobs.clean.chapters import CHAPTER_S
from jobs.clean.cost import cost_s
from jobs.lake import Slice
from jobs.rows import Numbered, Rows, filled, floats
from jobs.run import Run
from schemas import SOURCES

MEDIA = ("video", "image", "audio")
HEADER = ("modality", "error", "size_bytes", "duration_s", "width", "height", "fps", "video_codec", "audio_codec")

LEAST_TASK_S, MOST_TASK_S, TASKS = 3.0, 300.0, 256
"""CPU seconds that a task is planned to take: the whole work in TASKS tasks, within these bounds."""
ROWS_PER_TASK = 20_000


@dataclass(frozen=True)
class Task:
    """What one task works on: sources to decode, or row groups to read.

    Attributes:
        parts: How many parts a single source is read in. part: Which of them this task reads; None for the task that joins them.
    """

    sources: tuple[Rows, ...]
    slices: tuple[Slice, ...]
    policy_hash: str
    run_id: str
    parts: int = 1
    part: int | None = None


class Headers(NamedTuple):
    """What the plan is made of, one number a source.

    Attributes:
        cost: CPU seconds that it is likely to cost; 0 if it is not decoded.
        chapters: Parts that it could be read in.
        text: Whether it is a text.
    """

    cost: NDArray[np.float64]
    chapters: NDArray[np.int32]
    text: NDArray[np.bool_]


def headers(sources: pa.Table) -> Headers:
    """Of rows of `sources`."""
    decoded = np.asarray(pc.and_(pc.is_null(sources["error"]), pc.is_in(sources["modality"], value_set=pa.array(MEDIA))))
    video, text = (np.asarray(pc.equal(sources["modality"], kind)) for kind in ("video", "text"))
    chapters = np.where(video, np.clip(floats(sources, "duration_s") / CHAPTER_S, 1, 1e6), 1).astype(np.int32)
    return Headers(np.where(decoded, cost_s(sources), 0.0), chapters, text)


def plan(run: Run) -> tuple[list[Task], list[Task]]:
    """The tasks of `measure`, and those that join the parts of long sources after them."""
    sources = Numbered(run.input(SOURCES))
    read = sources.version.each(headers, HEADER) or [headers(SOURCES.empty())]
    cost, chapters, text = (np.concatenate(column) for column in zip(*read, strict=True))
    target = task_s(cost)
    count = parts(cost, chapters, target)
    long = _dearest_first(np.flatnonzero(count > 1), cost)

    def task(wanted: NDArray[np.int64], *, of: int = 1, part: int | None = None) -> Task:
        return Task(sources.rows(wanted), (), run.policy_hash, run.run_id, of, part)

    tasks = [task(np.array([i]), of=int(count[i]), part=part) for i in long for part in range(count[i])]
    joins = [task(np.array([i]), of=int(count[i])) for i in long]
    start = 0
    for group in grouped(sources.slices):
        end = start + sum(piece.rows for piece in group)
        ranked = _dearest_first(start + np.flatnonzero((cost[start:end] > 0) & (count[start:end] == 1)), cost)
        tasks += [task(ranked[some]) for some in filled(cost[ranked], target)]
        start = end
    ends = sources.ends.tolist()
    texts = (piece for piece, end in zip(sources.slices, ends, strict=True) if text[end - piece.rows : end].any())
    tasks += [Task((), tuple(group), run.policy_hash, run.run_id) for group in grouped(texts)]
    return tasks, joins


def task_s(cost: NDArray[np.float64]) -> float:
    """CPU seconds that a task is planned to take."""
    return min(MOST_TASK_S, max(LEAST_TASK_S, float(cost.sum()) / TASKS))


def parts(cost: NDArray[np.float64], chapters: NDArray[np.int32], target_s: float) -> NDArray[np.int64]:
    """In how many parts each source is read: as many as its chapters and tasks of the planned length allow."""
    return np.maximum(1, np.minimum(chapters, np.ceil(cost / target_s))).astype(np.int64)


def _dearest_first(sources: NDArray[np.int64], cost: NDArray[np.float64]) -> NDArray[np.int64]:
    return sources[np.argsort(-cost[sources], kind="stable")]


def grouped(slices: Sequence[Slice] | Iterator[Slice]) -> Iterator[list[Slice]]:
    """Row groups in order, in groups of ROWS_PER_TASK or one larger one."""
    every = list(slices)
    for some in filled(np.array([piece.rows for piece in every], np.int64), ROWS_PER_TASK):
        yield every[some]

"""A lake whose clips and rejects are given as rows, and dedup run over it."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from jobs.dedup import job as dedup_job
from jobs.job import Part
from jobs.lake import Lake, Version
from jobs.run import Run, reject_rows
from schemas import CLIPS, DUPLICATES, REJECTS, Table
from schemas.loading import load

Row = dict[str, Any]


def _clip(clip_id: str, **facts: Any) -> Row:
    return {"clip_id": clip_id, "source_id": f"source-{clip_id}", "modality": "text", "source_sha256": f"bytes-{clip_id}",
            "start_s": 0.0, "end_s": 0.0, "duration_s": 0.0} | facts


def _stand(lake: Lake, table: Table, rows: Sequence[Row], pieces: int) -> Version:
    files = []
    for i in range(pieces):
        if part := list(rows[i * len(rows) // pieces:(i + 1) * len(rows) // pieces]):
            files.append(lake.write_part(table, "given", f"p-{i:05d}.parquet", table.rows(part)))
    return Version(lake, table, "given", {"rows": len(rows), "files": files})


@pytest.fixture
def clip() -> Callable[..., Row]:
    """A row of clips: a text unless it says otherwise, of a source of its own."""
    return _clip


@pytest.fixture
def fingerprint() -> Callable[[int, int], NDArray[np.uint32]]:
    """A drawn audio fingerprint, seed and blocks: in each block a quarter of the bands rise and others fall."""

    def draw(seed: int, blocks: int) -> NDArray[np.uint32]:
        rise, other, third = np.random.default_rng(seed).integers(0, 2**32, (3, blocks), np.uint32)
        return np.stack([rise & other, ~rise & third], axis=1).ravel()

    return draw


@pytest.fixture
def numbered(tmp_path: Path) -> Iterator[Path]:
    """Folders for lakes, one after another."""
    return (tmp_path / f"lake{i}" for i in range(1000))


@pytest.fixture
def lake_run(numbered: Iterator[Path]) -> Callable[..., Run]:
    """A run of dedup over a fresh lake of given clips, cut into so many files."""

    def make(clips: Sequence[Row], *sets: str, rejected: Sequence[str] = (), pieces: int = 1) -> Run:
        lake = Lake(str(next(numbered)))
        rejects = reject_rows([{"sample_id": r, "check": "c", "reason": "black"} for r in rejected], "judge", "0", "judge-0")
        return Run(dedup_job.DEDUP, load([*sets, "runtime.master=local[2]"]), lake,
                   {"clips": _stand(lake, CLIPS, clips, pieces), "rejects": _stand(lake, REJECTS, rejects.to_pylist(), 1)}, "f")

    return make


class Found(dict[str, Row]):
    """Rows of duplicates by loser, and what the parts count."""

    rejects: list[Row]
    seen: int
    kept: int

    def pairs(self) -> dict[str, str]:
        return {loser: row["keeper_id"] for loser, row in self.items()}


def _deduped(run: Run) -> Found:
    parts: list[Part] = []
    run.put = parts.append  # type: ignore[method-assign]
    dedup_job.dedup(run)
    rows = {table.name: pa.concat_tables([table.empty(), *(p.tables[table.name] for p in parts if table.name in p.tables)])
            for table in (DUPLICATES, REJECTS)}
    found = Found({row["loser_id"]: row for row in rows["duplicates"].to_pylist()})
    found.rejects, found.seen, found.kept = rows["rejects"].to_pylist(), sum(p.seen for p in parts), sum(p.kept for p in parts)
    assert found.seen == found.kept + len(found.rejects)
    assert list(found) == sorted(found) == [row["sample_id"] for row in found.rejects]
    assert not set(found.pairs().values()) & set(found)
    return found


@pytest.fixture
def deduped() -> Callable[[Run], Found]:
    """What a run of dedup finds."""
    return _deduped


@pytest.fixture
def find(lake_run: Callable[..., Run]) -> Callable[..., Found]:
    """What dedup finds among given clips."""
    return lambda clips, *sets, **how: _deduped(lake_run(clips, *sets, **how))

"""A lake whose clips and rejects are given as rows, and dedup run over it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jobs.dedup import job as dedup_job
from jobs.job import Part
from jobs.lake import Lake, Version
from jobs.run import Run, reject_rows
from schemas import CLIPS, REJECTS, Table
from schemas.settings import Settings, load

Row = dict[str, Any]


def clip(clip_id: str, **facts: Any) -> Row:
    """A row of clips; a text unless it says otherwise, of a source of its own."""
    return {"clip_id": clip_id, "source_id": f"source-{clip_id}", "modality": "text", "source_sha256": f"bytes-{clip_id}",
            "start_s": 0.0, "end_s": 0.0, "duration_s": 0.0} | facts


def stand(lake: Lake, table: Table, rows: Sequence[Row], pieces: int) -> Version:
    """A version of a table in so many files."""
    files = []
    for i in range(pieces):
        part = list(rows[i * len(rows) // pieces:(i + 1) * len(rows) // pieces])
        if part:
            files.append(lake.write_part(table, "given", f"p-{i:05d}.parquet", table.rows(part)))
    return Version(lake, table, "given", {"rows": len(rows), "files": files})


def make_run(root: Path, clips: Sequence[Row], rejected: Sequence[str] = (), sets: Sequence[str] = (), pieces: int = 1) -> Run:
    settings: Settings = load([*sets, "runtime.master=local[2]"])
    lake = Lake(str(root))
    rejects = reject_rows([{"sample_id": r, "check": "c", "reason": "black"} for r in rejected], "judge", "0", "judge-0")
    return Run(dedup_job.DEDUP, settings, lake,
               {"clips": stand(lake, CLIPS, clips, pieces), "rejects": stand(lake, REJECTS, rejects.to_pylist(), 1)}, "f")


@pytest.fixture
def found(tmp_path: Path) -> Callable[..., list[Part]]:
    """Parts that dedup makes of rows of clips."""

    def run(clips: Sequence[Row], **how: Any) -> list[Part]:
        made = make_run(tmp_path, clips, **how)
        parts: list[Part] = []
        made.put = parts.append  # type: ignore[method-assign]
        dedup_job.dedup(made)
        return parts

    return run


__all__ = ["clip", "make_run", "replace", "stand"]

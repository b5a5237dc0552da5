"""The plan of `measure`: every source in one task, none of them dearer than planned, each near what it is made of."""

from pathlib import Path

import numpy as np
import pytest

from jobs.clean import plan as planning
from jobs.clean.cost import cost_s
from jobs.clean.job import MEASURE
from jobs.lake import Lake, Version
from jobs.run import Run
from schemas import SOURCES
from schemas.settings import Settings

KINDS = (("video", None), ("image", None), ("audio", None), ("text", None), ("sidecar", None), ("video", "unreadable"))


@pytest.fixture
def sources(tmp_path: Path) -> Version:
    """600 of every kind, in five parts of three row groups."""
    random = np.random.default_rng(0)
    rows = []
    for i in range(600):
        modality, error = KINDS[random.integers(len(KINDS))]
        rows.append({"source_id": f"s{i:03d}", "modality": modality, "uri": f"/{i}", "rel_path": f"{i}", "connector": "file", "error": error, "pii_count": 0,
                     "size_bytes": int(random.integers(10**5, 10**8)), "duration_s": float(random.uniform(1, 400)), "width": 640, "height": 360,
                     "fps": 25.0, "video_codec": "h264" if modality == "video" else None, "audio_codec": "aac" if i % 2 else None})
    rows[17] |= {"modality": "video", "error": None, "duration_s": 40_000.0, "size_bytes": 10**11, "video_codec": "h264"}
    lake = Lake(str(tmp_path / "lake")).open(create=True)
    files = [lake.write_groups(SOURCES, "v", f"{i}.parquet", [SOURCES.rows(rows[j : j + 40]) for j in range(i, i + 120, 40)])
             for i in range(0, 600, 120)]
    return Version(lake, SOURCES, "v", {"files": files, "rows": 600})


@pytest.mark.parametrize("window", [30, 100, 20_000])
def test_every_source_is_in_one_task_of_the_planned_length(sources: Version, window: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "ROWS_PER_TASK", window)
    tasks, joins = planning.plan(Run(MEASURE, Settings(), sources.lake, {"sources": sources}, "v"))
    table = sources.read()
    cost = dict(zip(table["source_id"].to_pylist(), cost_s(table).tolist(), strict=True))
    facts = {row["source_id"]: row for row in table.to_pylist()}
    decoded = {name for name, row in facts.items() if row["error"] is None and row["modality"] in ("video", "image", "audio")}
    target = planning.task_s(np.array([cost[name] for name in decoded]))

    parts = [t for t in tasks if t.parts > 1]
    whole = [[row["source_id"] for rows in t.sources for row in rows.read(["source_id"]).to_pylist()] for t in tasks if t.sources and t.parts == 1]
    assert [t.part for t in parts] == list(range(parts[0].parts))
    assert {rows.read(["source_id"])["source_id"][0].as_py() for t in (*parts, *joins) for rows in t.sources} == {"s017"}
    assert len(joins) == 1
    assert joins[0].part is None
    assert sorted(name for names in whole for name in names) == sorted(decoded - {"s017"})
    assert all(sum(cost[name] for name in names) <= target * (1 + 1e-9) or len(names) == 1 for names in whole)
    assert all(max(int(name[1:]) for name in names) - min(int(name[1:]) for name in names) < max(window, 40) for names in whole)

    read = [piece for t in tasks for piece in t.slices]
    texts = {name for name, row in facts.items() if row["modality"] == "text"}
    assert len(read) == len(set(read))
    assert texts <= {name for piece in read for name in piece.read(["source_id"])["source_id"].to_pylist()}
    assert all(sum(piece.rows for piece in t.slices) <= max(window, 40) for t in tasks)


def test_no_sources_are_no_tasks(tmp_path: Path) -> None:
    empty = Version(Lake(str(tmp_path)), SOURCES, "v", {"files": [], "rows": 0})
    assert planning.plan(Run(MEASURE, Settings(), empty.lake, {"sources": empty}, "v")) == ([], [])

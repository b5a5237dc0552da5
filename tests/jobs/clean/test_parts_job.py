"""The job `measure` with a source that is dearer than a task: parts, a join, the same rows; faults, interruptions, sums."""

import functools
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow as pa
import pytest

from jobs.clean import job as clean
from jobs.clean import plan as planning
from jobs.clean import sandboxed
from jobs.errors import Terminal, Transient
from jobs.lake import Lake
from jobs.media import sandbox
from jobs.media.faults import DecodeTimeout
from jobs.run import Run, execute, work_off
from schemas import CLIPS, REJECTS, SOURCES
from schemas.settings import Settings

CHAPTER = 4.0


@pytest.fixture(scope="module", autouse=True)
def _end() -> Iterator[None]:
    yield
    sandbox.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film of 24 s and one of 3."""
    root = tmp_path_factory.mktemp("parts") / "sources"
    root.mkdir()
    noise = np.random.default_rng(0).integers(0, 255, (10, 12, 3), dtype=np.uint8)
    for name, seconds in (("long.mp4", 24), ("short.mp4", 3)):
        with av.open(str(root / name), "w") as out:
            stream = out.add_stream("libx264", rate=24, options={"g": "48", "preset": "ultrafast"})
            stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
            for i in range(24 * seconds):
                picture = np.roll(np.kron(noise, np.ones((24, 27, 1), np.uint8))[:, :320], 2 * i, axis=1)
                out.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")))
            out.mux(stream.encode(None))
    return root


class Bench:
    """Jobs on one lake whose tasks run here, one after the other."""

    def __init__(self, lake: Path, folder: Path) -> None:
        self.settings = Settings.model_validate({"runtime": {"lake": str(lake), "sources": [str(folder)], "progress": False}})
        self.lake = Lake(str(lake))
        self.calls: list[tuple[int, int | None]] = []

    def each_task(self, run: Run, tasks: Sequence[tuple[int, Any]], work: Callable[..., Any], weight: str, gpu: bool = False) -> None:
        for index, task in tasks:
            self.calls.append((index, getattr(task, "part", None)))
            work_off(run.lake.root, run.job.name, run.fingerprint, index, task, work, run.settings)

    def rows(self, table: Any) -> list[dict[str, Any]]:
        version = self.lake.version(table, str(self.lake.current("measure")))
        assert version is not None
        names = [n for n in table.schema.names if n != "run_id"]
        return sorted(version.read(names).to_pylist(), key=lambda row: str(sorted((k, str(v)) for k, v in row.items())))

    def manifest(self) -> Any:
        version = self.lake.version(CLIPS, str(self.lake.current("measure")))
        assert version is not None
        return version.manifest


@pytest.fixture
def bench(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    made = Bench(tmp_path / "lake", folder)
    monkeypatch.setattr("jobs.spark.each_task", made.each_task)
    monkeypatch.setattr(planning, "CHAPTER_S", CHAPTER)
    monkeypatch.setattr(planning, "LEAST_TASK_S", 0.1)
    for name in ("measure_source", "read_part"):
        monkeypatch.setattr(sandboxed, name, functools.partial(getattr(sandboxed, name), chapter_s=CHAPTER))
    execute("collect", made.settings)
    made.calls.clear()
    return made


def test_a_dear_source_is_read_in_parts_and_gives_the_rows_of_one_task(bench: Bench, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = execute("measure", bench.settings)
    assert [part for _, part in bench.calls if part is not None] == list(range(len(bench.calls) - 2)), "parts, then a batch, then a join"
    assert len(bench.calls) >= 4
    assert (outcome.seen, outcome.kept, dict(outcome.rejected)) == (2, 2, {})
    assert bench.lake.names("_work") == [], "what was staged is gone"

    monkeypatch.setattr(planning, "LEAST_TASK_S", planning.MOST_TASK_S)
    other = Bench(tmp_path / "other", folder)
    monkeypatch.setattr("jobs.spark.each_task", other.each_task)
    execute("collect", other.settings)
    execute("measure", other.settings)
    assert all(part is None for _, part in other.calls)
    assert other.rows(CLIPS) == bench.rows(CLIPS)
    assert other.lake.current("measure") == bench.lake.current("measure"), "identity knows nothing of parts"


def test_an_interrupted_run_reads_no_part_twice(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    read = clean._joined

    def killed(*words: Any) -> Any:
        raise Transient("killed")

    monkeypatch.setattr(clean, "_joined", killed)
    with pytest.raises(Transient):
        execute("measure", bench.settings)
    assert bench.lake.current("measure") is None
    first = list(bench.calls)
    bench.calls.clear()
    monkeypatch.setattr(clean, "_joined", read)
    assert execute("measure", bench.settings).seen == 2
    assert bench.calls == first[-1:], "the join alone"
    assert bench.manifest()["seen"] == 2


def test_the_task_that_joins_opens_the_file_only_if_the_parts_do_not_fit(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A remote file would be fetched whole for it."""
    opened = []
    for name in ("local", "opened"):
        monkeypatch.setattr(clean, name, functools.partial(lambda how, uri: opened.append(uri) or how(uri), getattr(clean, name)))
    execute("measure", bench.settings)
    parts = sum(part is not None for _, part in bench.calls)
    assert sum(uri.endswith("long.mp4") for uri in opened) == parts
    bench.lake.fs.rm(bench.lake.path(), recursive=True)
    execute("collect", bench.settings)
    opened.clear()
    monkeypatch.setattr(sandboxed, "misfit", lambda found: "they do not fit")
    execute("measure", bench.settings)
    assert sum(uri.endswith("long.mp4") for uri in opened) == parts + 1


def test_a_part_that_fails_rejects_the_source_with_its_reason(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    part = sandboxed.read_part

    def slow(file: Any, number: int, of: int, *rest: Any) -> Any:
        if number > 0:
            raise DecodeTimeout(f"part {number} took too long")
        return part(file, number, of, *rest)

    monkeypatch.setattr(sandboxed, "read_part", slow)
    outcome = execute("measure", bench.settings)
    assert (outcome.seen, outcome.kept, dict(outcome.rejected)) == (2, 1, {"decode_timeout": 1})
    (row,) = bench.rows(REJECTS)
    assert row["detail"] == "part 1 took too long"
    assert len({c["source_id"] for c in bench.rows(CLIPS)}) == 1


def test_parts_that_do_not_fit_are_left_aside(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (execute("measure", bench.settings), bench.rows(CLIPS))[1]
    shutil.rmtree(bench.lake.path("clips"))
    monkeypatch.setattr(sandboxed, "measure_parts", lambda parts, settings: None)
    assert execute("measure", bench.settings).kept == 2
    assert bench.rows(CLIPS) == before


def test_an_error_of_ours_ends_the_run(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*words: Any) -> Any:
        raise Terminal("a fault of ours")

    monkeypatch.setattr(sandboxed, "read_part", wrong)
    with pytest.raises(Terminal):
        execute("measure", bench.settings)


def test_the_number_of_parts_follows_from_cost_and_length() -> None:
    film = {"modality": "video", "uri": "/a.mp4", "size_bytes": 10**10, "duration_s": 7_200.0, "width": 1280, "height": 720, "fps": 30.0,
            "video_codec": "h264", "audio_codec": "aac"}

    def parts(target_s: float, **other: Any) -> int:
        told = planning.headers(pa.table({f.name: pa.array([(film | other).get(f.name)], f.type) for f in SOURCES.schema}))
        return int(planning.parts(told.cost, told.chapters, target_s)[0])

    cost = float(planning.headers(pa.table({f.name: pa.array([film.get(f.name)], f.type) for f in SOURCES.schema})).cost[0])
    assert 600 < cost < 1_200
    assert parts(300.0) == -(-cost // 300)
    assert parts(3.0) == 7_200 // planning.CHAPTER_S, "no more than chapters"
    assert parts(3.0, uri="s3://bucket/a.mp4") == 7_200 // planning.CHAPTER_S, "each reads its part of the file"
    assert parts(3.0, duration_s=200.0) == parts(3.0, duration_s=None) == parts(3.0, modality="audio") == 1
    assert parts(3.0, duration_s=1e300) < 10**7, "a lie about the length"

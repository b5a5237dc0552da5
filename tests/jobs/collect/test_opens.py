"""A source is opened once to be collected and once to be measured, as the kernel counts it, over all processes."""

import ctypes
import os
import struct
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jobs.clean import job as clean
from jobs.collect.job import Task, batches, collect_task, plan
from jobs.collect.source import listing
from jobs.lake import Lake, Slice
from jobs.media.encode import encode_audio, encode_video
from jobs.rows import Rows
from schemas import SOURCES
from schemas.settings import Settings
from schemas.table import ERASED

IN_OPEN = 0x20
IN_ACCESS = 0x1
EVENT = struct.Struct("iIII")


def opens(file: Path, work: Callable[[], object]) -> int:
    """How often a file is opened meanwhile. Reads are watched too, so that two opens with one between are two events."""
    libc = ctypes.CDLL(None, use_errno=True)
    watch = libc.inotify_init1(os.O_CLOEXEC)
    assert libc.inotify_add_watch(watch, os.fsencode(file), IN_OPEN | IN_ACCESS) > 0
    seen: list[int] = []

    def read() -> None:
        while True:
            data = os.read(watch, 1 << 16)
            for at in range(0, len(data), EVENT.size):  # a watched file, unlike a folder, has events without a name
                _, mask, _, _ = EVENT.unpack_from(data, at)
                if mask & ~(IN_OPEN | IN_ACCESS):
                    return
                seen.append(mask)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        work()
    finally:
        libc.inotify_rm_watch(watch, 1)  # ends the reader: its last event says that nothing is watched any more
        reader.join()
        os.close(watch)
    return sum(mask & IN_OPEN > 0 for mask in seen)


def test_opens_are_counted_in_other_processes_too(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    assert opens(tmp_path / "a", lambda: None) == 0
    assert opens(tmp_path / "a", lambda: [(tmp_path / "a").read_text(), os.system(f"cat {tmp_path / 'a'} > /dev/null")]) == 2


def kept(lake: Path, rows: list[dict[str, object]]) -> Rows:
    """The rows as a task is told of them."""
    facts = Lake(str(lake)).write_part(SOURCES, "s", "s.parquet", SOURCES.rows(rows))
    return Rows(Slice(str(lake), str(lake / "sources" / "s" / "s.parquet"), (0,), facts["rows"]), np.arange(len(rows), dtype=np.int32))


@pytest.mark.parametrize("name", ["a.mp4", "b.png", "c.m4a", "d.txt"])
def test_a_source_is_opened_once_by_each_job(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    file = folder / name
    tone = (0.5 * np.sin(np.arange(32_000) / 8)).astype(np.float32)
    if name == "a.mp4":
        file.write_bytes(encode_video(np.random.default_rng(0).integers(0, 255, (20, 64, 64, 3), np.uint8), 10, audio=(tone, 16_000)))
    elif name == "b.png":
        Image.new("RGB", (90, 60), (200, 10, 90)).save(file)
    elif name == "c.m4a":
        file.write_bytes(encode_audio(tone, 16_000))
    else:
        file.write_text("A text that is long enough to be taken for one. " * 3)
    settings = Settings()
    rows: list[dict[str, object]] = []

    def collect() -> None:
        (batch,) = batches(list(plan(listing([str(folder)], follow_links=False), 5)))
        rows.extend(collect_task(Task(tuple(batch), "p", "r"), settings).tables["sources"].to_pylist())

    assert opens(file, collect) == 1
    assert [(row["error"], row["size_bytes"]) for row in rows] == [(None, file.stat().st_size)]
    asked = clean.Task((kept(tmp_path / "lake", rows),), (), "p", "r")
    if rows[0]["modality"] != "text":
        assert opens(file, lambda: clean.measure_task(asked, settings)) == 1


def test_a_file_that_grew_or_went_since_it_was_collected_is_said_to_have(tmp_path: Path) -> None:
    """What it holds now is not what its hash in `sources` says: it was measured all the same."""
    for name, seed in (("grown.png", 1), ("gone.png", 2), ("good.png", 3), ("other.png", 4), ("touched.png", 5)):
        Image.fromarray(np.random.default_rng(seed).integers(0, 255, (80, 120, 3), dtype=np.uint8)).save(tmp_path / name)
    batch = next(batches(list(plan(listing([str(tmp_path)]), 5))))
    settings = Settings()
    rows = collect_task(Task(tuple(batch), "p", "r"), settings).tables["sources"].to_pylist()
    with (tmp_path / "grown.png").open("ab") as file:
        file.write(b"more")
    (tmp_path / "gone.png").unlink()
    data = bytearray((tmp_path / "other.png").read_bytes())
    data[-40] ^= 1
    (tmp_path / "other.png").write_bytes(data)  # as many bytes as before
    for name in ("other.png", "touched.png"):
        os.utime(tmp_path / name, (1e9, 1e9))
    part = clean.measure_task(clean.Task((kept(tmp_path / "lake", rows),), (), "p", "r"), settings)
    names = {row["source_id"]: row["rel_path"] for row in rows}
    said = {names[row["source_id"]]: (row["reason"], row["detail"]) for row in part.tables["rejects"].to_pylist()}
    assert said["gone.png"][0] == "missing_file"
    assert said["grown.png"][0] == "unreadable"
    assert "collect it again" in said["grown.png"][1]
    assert said["other.png"] == ("unreadable", "it has other bytes now than when it was collected; collect it again")
    assert str(tmp_path) not in str(said)
    assert sorted(names[row["source_id"]] for row in part.tables["clips"].to_pylist()) == ["good.png", "touched.png"]


def test_what_was_erased_since_it_was_collected_is_said_to_have_been(tmp_path: Path) -> None:
    """`collect` stands, with emptied rows: a text without words ended the job with a trace."""
    common = {"sha256": "0" * 64, "size_bytes": 9, "connector": "file", "rel_path": ERASED, "uri": ERASED, "pii_count": 0}
    rows: list[dict[str, object]] = [{**common, "source_id": "1" * 32, "modality": "image"}, {**common, "source_id": "2" * 32, "modality": "text"}]
    picture = kept(tmp_path / "lake", rows[:1])
    facts = Lake(str(tmp_path / "lake")).write_part(SOURCES, "s", "t.parquet", SOURCES.rows(rows[1:]))
    text = Slice(str(tmp_path / "lake"), str(tmp_path / "lake" / "sources" / "s" / "t.parquet"), (0,), facts["rows"])
    part = clean.measure_task(clean.Task((picture,), (text,), "p", "r"), Settings())
    assert {r["source_id"]: r["reason"] for r in part.tables["rejects"].to_pylist()} == {"1" * 32: "taken_down", "2" * 32: "taken_down"}
    assert (part.seen, part.kept, part.tables["clips"].num_rows) == (2, 0, 0)

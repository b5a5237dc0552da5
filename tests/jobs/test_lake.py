import errno
import os
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.errors import Terminal, Transient
from jobs.lake import Lake
from schemas import DUPLICATES


@pytest.fixture
def lake(tmp_path):
    return Lake(str(tmp_path / "lake")).open(create=True)


def some_rows(count=3):
    return DUPLICATES.rows([{"loser_id": f"l{i}", "keeper_id": "k", "method": "exact", "score": 1.0, "cluster_id": "c"}
                            for i in range(count)])


def test_a_version_without_a_manifest_does_not_exist(lake):
    lake.write_part(DUPLICATES, "abc", "dedup-00000.parquet", some_rows())
    assert lake.version(DUPLICATES, "abc") is None


def test_the_same_rows_have_the_same_bytes(lake):
    first = lake.write_part(DUPLICATES, "abc", "a.parquet", some_rows())
    second = lake.write_part(DUPLICATES, "abc", "b.parquet", some_rows())
    assert first["sha256"] == second["sha256"]
    assert (first["rows"], first["bytes"]) == (3, os.path.getsize(lake.path("duplicates", "abc", "a.parquet")))


def test_row_groups_are_cut_by_bytes(lake):
    facts = lake.write_part(DUPLICATES, "abc", "a.parquet", some_rows(1000), group_bytes=10_000)
    lake.write_json({"rows": 1000, "files": [facts]}, "duplicates", "abc", "manifest.json")
    version = lake.version(DUPLICATES, "abc")
    assert len(version.slices()) > 3
    assert pa.concat_tables([s.read() for s in version.slices()])["loser_id"].to_pylist() == [f"l{i}" for i in range(1000)]
    assert version.read(["loser_id"]).num_rows == 1000


def test_threads_of_arrow_hold_no_file_of_python_s(lake, monkeypatch):
    """Else a command that ends while one of them drops it aborts."""
    facts = lake.write_part(DUPLICATES, "abc", "a.parquet", some_rows(1000), group_bytes=10_000)
    lake.write_json({"rows": 1000, "files": [facts]}, "duplicates", "abc", "manifest.json")
    version = lake.version(DUPLICATES, "abc")
    monkeypatch.setattr(type(lake.fs), "open", lambda *a, **k: pytest.fail("opened by Python"))
    assert version.read().num_rows == sum(piece.read().num_rows for piece in version.slices()) == 1000


def test_a_lake_that_is_no_folder_is_read_as_well():
    lake = Lake("memory://lake").open(create=True)
    facts = lake.write_part(DUPLICATES, "abc", "a.parquet", some_rows(1000), group_bytes=10_000)
    lake.write_json({"rows": 1000, "files": [facts]}, "duplicates", "abc", "manifest.json")
    version = lake.version(DUPLICATES, "abc")
    assert version.read().num_rows == sum(piece.read().num_rows for piece in version.slices()) == 1000


@pytest.mark.parametrize("root", ["folder", "memory://copies"])
def test_a_copy_stays_as_it_is_whatever_becomes_of_the_first(tmp_path, root):
    lake = Lake(root if "://" in root else str(tmp_path / root)).open(create=True)
    lake.put(b"rows", "rejects", "a", "0.parquet")
    for _ in range(2):  # a run that is done again
        lake.copy(lake.path("rejects", "a", "0.parquet"), "rejects", "b", "0.parquet")
    assert lake.fs.cat_file(lake.path("rejects", "b", "0.parquet")) == b"rows"
    lake.put(b"emptied", "rejects", "a", "0.parquet")
    assert lake.fs.cat_file(lake.path("rejects", "b", "0.parquet")) == b"rows"
    lake.remove("rejects", "a")
    assert lake.fs.cat_file(lake.path("rejects", "b", "0.parquet")) == b"rows"
    lake.copy(lake.path("rejects", "b", "0.parquet"), "rejects", "b", "0.parquet")
    assert lake.fs.cat_file(lake.path("rejects", "b", "0.parquet")) == b"rows"
    with pytest.raises((FileNotFoundError, Terminal)):
        lake.copy(lake.path("rejects", "a", "0.parquet"), "rejects", "c", "0.parquet")


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.EXDEV, errno.EMLINK, errno.EACCES])
def test_a_disk_without_links_copies(lake, monkeypatch, number):
    def refused(*words):
        raise OSError(number, "no links here")

    lake.put(b"rows", "rejects", "a", "0.parquet")
    monkeypatch.setattr(os, "link", refused)
    lake.copy(lake.path("rejects", "a", "0.parquet"), "rejects", "b", "0.parquet")
    assert lake.fs.cat_file(lake.path("rejects", "b", "0.parquet")) == b"rows"


@pytest.fixture(params=["folder", "store"])
def notes(request, lake, monkeypatch):
    """A lake, and how notes of runs of Airflow that are so many days old come into it."""
    where = lake if request.param == "folder" else Lake(f"memory://{os.urandom(4).hex()}").open(create=True)

    def of(run, days, *jobs):
        for job in jobs:
            where.write_json({"fingerprint": "a" * 12}, "_runs", run, f"{job}.json")
            path, when = where.path("_runs", run, f"{job}.json"), datetime.now(UTC) - timedelta(days=days)
            if where.local:
                os.utime(path, (when.timestamp(), when.timestamp()))
            else:
                where.fs.store[path].modified = when

    return where, of


def test_notes_of_runs_that_are_over_are_removed_when_another_run_begins(notes, monkeypatch):
    lake, of = notes
    of("over", 31, "collect", "measure")
    of("goes on", 31, "collect")
    of("goes on", 29, "measure")
    of("waits for a person", 300, "prompts", "generate")
    of("was published", 31, "prompts", "generate", "publish")
    monkeypatch.setenv("AIRFLOW_CTX_DAG_ID", "a_dag")
    monkeypatch.setenv("AIRFLOW_CTX_DAG_RUN_ID", "a run")
    lake.make_current("collect", "b" * 12)
    mine, = {*lake.names("_runs")} - {"goes on", "waits for a person"}
    assert lake.names("_runs", mine) == ["collect.json"]
    of("over since it began", 31, "collect")
    of(mine, 31, "collect")
    lake.make_current("measure", "c" * 12)
    assert "over since it began" in lake.names("_runs"), "they are looked at once a run"
    assert (lake.decided("collect"), lake.decided("measure")) == ("a" * 12, "c" * 12)


def test_a_lake_of_another_schema_version_is_refused_by_name(lake):
    lake.write_json({"schema_version": 99}, "lake.json")
    with pytest.raises(Terminal, match="schema version 99"):
        lake.open(create=True)


def test_no_lake_says_how_to_make_one(tmp_path):
    with pytest.raises(Terminal, match="reelmill build"):
        Lake(str(tmp_path / "none")).open(create=False)
    assert not (tmp_path / "none").exists()


def test_a_write_that_fails_leaves_nothing_behind(lake, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda fd: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        lake.put(b"x", "duplicates", "abc", "a.parquet")
    assert lake.names("duplicates", "abc") == []


def test_a_column_that_came_into_the_contract_later_is_null_in_older_parts(lake):
    """Else another threshold on a lake of last month's program ends in a KeyError."""
    older = some_rows().drop_columns(["offset_s"])
    sink = pa.BufferOutputStream()
    pq.write_table(older, sink)
    lake.put(sink.getvalue(), "duplicates", "abc", "a.parquet")
    lake.write_json({"rows": 3, "files": [{"path": "a.parquet"}]}, "duplicates", "abc", "manifest.json")
    (piece,) = lake.version(DUPLICATES, "abc").slices()
    assert piece.read(["loser_id", "offset_s"]).to_pylist() == [{"loser_id": f"l{i}", "offset_s": None} for i in range(3)]


@pytest.mark.parametrize("damaged", [b"{", b"\xff\xfe{}", b"[1]", b'["abc"]'])
def test_a_damaged_manifest_is_named(lake, damaged):
    lake.put(damaged, "duplicates", "abc", "manifest.json")
    with pytest.raises(Terminal, match=r"manifest\.json is damaged"):
        lake.version(DUPLICATES, "abc")


def test_a_lake_of_an_unknown_kind_is_named():
    with pytest.raises(Terminal, match=r"nosuch://x/y: Protocol not known"):
        Lake("nosuch://x/y").open(create=True)


@pytest.mark.parametrize(("error", "kind"), [
    (RuntimeError("Unable to locate credentials"), Terminal), (PermissionError(13, "Forbidden"), Terminal),
    (RuntimeError("Could not connect to the endpoint URL"), Transient), (OSError("timed out"), Transient)])
def test_an_object_store_that_does_not_answer_is_said_with_its_address(monkeypatch, error, kind):
    lake = Lake("memory://far")

    def fails(path, *data, **more):
        raise error

    for name in ("cat_file", "pipe_file"):
        monkeypatch.setattr(lake.fs, name, fails)
    for touch in (lambda: lake.open(create=True), lambda: lake.lock("test").__enter__(), lambda: lake.put(b"x", "a")):
        with pytest.raises(kind, match=r"^memory://.*far/(lake\.json|_lock\.json|a): cannot be reached"):
            touch()

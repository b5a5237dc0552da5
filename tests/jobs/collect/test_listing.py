"""Listing: every object is found, nothing is opened, and what leads out or is no file says so."""

import errno
import json
import os
import socket
import subprocess

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFile, MemoryFileSystem

from jobs.collect.source import fingerprint, listing, local, lost, opened, written_to
from jobs.collect.sources.file import hollow
from jobs.errors import Terminal, Transient
from jobs.run import execute
from schemas.loading import load
from schemas.settings import Runtime


def by_path(*roots, **options):
    return {f.rel_path: f for f in listing([str(r) for r in roots], **options)}


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "corpus"
    (root / "sub").mkdir(parents=True)
    (root / "a.mp4").write_bytes(b"a")
    (root / "sub" / "b 'quoted' \n😀.mp4").write_bytes(b"bb")
    (root / "zero.mp4").write_bytes(b"")
    (root / ".hidden").write_bytes(b"x")
    (root / ".git").mkdir()
    (root / ".git" / "config").write_bytes(b"x")
    os.mkfifo(root / "pipe.mp4")
    (tmp_path / "secret").write_text("secret")
    (root / "out.mp4").symlink_to(tmp_path / "secret")
    (root / "in.mp4").symlink_to(root / "a.mp4")
    (root / "gone.mp4").symlink_to(root / "nothing")
    (root / "loop").symlink_to(root)
    (root / "updir").symlink_to(tmp_path)
    return root


def test_everything_is_listed_once_with_a_reason_where_it_cannot_be_used(tree):
    found = by_path(tree)
    assert {path: f.error for path, f in found.items()} == {
        "a.mp4": None, "sub/b 'quoted' \n😀.mp4": None, "zero.mp4": None, "pipe.mp4": "not_regular_file",
        "out.mp4": "outside_root",
        "in.mp4": "not_regular_file", "gone.mp4": "missing_file", "loop": "not_regular_file", "updir": "outside_root"}
    assert all(f.detail for f in found.values() if f.error)
    assert list(found) == sorted(found)


def test_links_inside_are_followed_only_if_wished(tree):
    found = by_path(tree, follow_links=True)
    assert found["in.mp4"].error is None
    assert found["in.mp4"].size_bytes == 1
    assert found["out.mp4"].error == "outside_root"
    assert found["loop"].error == "not_regular_file"


def test_a_socket_is_no_file(tmp_path):
    (tmp_path / "a.txt").write_text("a")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        assert "socket" in by_path(tmp_path)["s"].detail


def test_a_name_that_is_not_utf8_is_listed_and_refused(tmp_path):
    with open(os.fsencode(tmp_path) + b"/caf\xe9.mp4", "wb") as file:
        file.write(b"x")
    (found,) = by_path(tmp_path).values()
    assert found.rel_path == "caf\\xe9.mp4"
    assert found.error == "unreadable"
    assert "rename" in found.detail


def test_the_fingerprint_changes_with_the_files_and_with_nothing_else(tree):
    before = fingerprint(listing([str(tree)]))
    assert fingerprint(listing([str(tree)])) == before
    os.utime(tree / "a.mp4", ns=(1, 1))
    touched = fingerprint(listing([str(tree)]))
    assert touched != before
    (tree / ".hidden").write_bytes(b"more")
    assert fingerprint(listing([str(tree)])) == touched
    (tree / "new.mp4").write_bytes(b"")
    assert fingerprint(listing([str(tree)])) != touched


def test_equal_paths_below_several_roots_do_not_collide(tmp_path):
    for place in ("one/media", "two/media", "other"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "a.mp4").write_bytes(b"x")
    single = tmp_path / "other" / "a.mp4"
    assert set(by_path(tmp_path / "one/media")) == {"a.mp4"}
    assert set(by_path(tmp_path / "one/media", tmp_path / "two/media")) == {"one/media/a.mp4", "two/media/a.mp4"}
    assert set(by_path(tmp_path / "one/media", tmp_path / "other")) == {"media/a.mp4", "other/a.mp4"}
    assert set(by_path(tmp_path / "one/media", single)) == {"media/a.mp4", "a.mp4"}
    assert set(by_path(single)) == {"a.mp4"}


def test_a_root_that_is_named_like_the_beginning_of_another_does_not_write_over_it(tmp_path, monkeypatch):
    """The labels 2024 and 2024/cam differ, and yet 2024/cam/1.mp4 was a file of both: one of them vanished."""
    for place in ("w/2024/cam", "m/2024/cam", "m/2025/cam", "w/in/a~1", "w/a/in"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "1.mp4").write_bytes(b"x")
    monkeypatch.chdir(tmp_path / "w")
    for roots in (["2024", tmp_path / "m/2024/cam", tmp_path / "m/2025/cam"], ["a", "in/a~1", "in"], ["in", "a", "a"]):
        assert {f.uri for f in by_path(*roots).values()} == {str(f) for root in roots for f in (tmp_path / "w" / root).resolve().rglob("1.mp4")}


def test_a_name_that_is_written_out_does_not_write_over_the_file_that_is_called_so(tmp_path):
    (tmp_path / r"caf\xe9.mp4").write_bytes(b"mine")
    with open(os.fsencode(tmp_path) + b"/caf\xe9.mp4", "wb") as file:
        file.write(b"x")
    found = by_path(tmp_path)
    assert sorted(str(f.error) for f in found.values()) == ["None", "unreadable"]
    assert found[r"caf\xe9.mp4"].error is None


def test_an_object_below_two_roots_is_collected_once(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.mp4").write_bytes(b"x")
    assert len(by_path(tmp_path, tmp_path / "in")) == 1


@pytest.mark.parametrize("roots", [[], ["{0}/nowhere"], ["{0}/empty"], ["http://example.com/list"], ["nonsense://x"]])
def test_a_root_that_is_not_there_or_empty_is_named(tmp_path, roots):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / ".DS_Store").write_bytes(b"x")
    named = [r.format(tmp_path) for r in roots]
    with pytest.raises(Terminal, match=named[0] if named else "name folders"):
        listing(named)


def test_an_address_of_files_is_a_path(tree):
    assert by_path(f"file://{tree}") == by_path(tree)
    assert list(by_path(f"file://{tree}/a.mp4")) == ["a.mp4"]


def test_a_root_without_a_name_is_not_the_folder_that_one_is_in(tmp_path, monkeypatch):
    (tmp_path / "mine.mp4").write_bytes(b"a")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Terminal, match="no name"):
        listing([str(tmp_path), ""])


def test_a_pipe_that_took_the_place_of_a_file_never_waits(tmp_path):
    os.mkfifo(tmp_path / "a")
    with pytest.raises(OSError, match="not a regular file"), opened(str(tmp_path / "a")):
        pass


def test_a_lake_in_its_source_is_no_source(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("a quiet morning at the lake")
    (tmp_path / "lakeside.txt").write_text("a loud evening at the lake")
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "film.mp4").write_bytes(b"x")
    settings = load(["sources=[\".\"]", "lake=./lake", "out=made", "progress=false"], env={})
    first = execute("collect", settings)
    assert (tmp_path / "lake" / "sources").is_dir()
    assert (first.seen, first.kept) == (2, 2)
    assert execute("collect", settings).stood


@pytest.mark.parametrize(("source", "lake"), [("data", "./data/lake"), ("./data/", "data/deep/../lake"), ("file://{}/data", "link/lake"), ("link", "data/lake"), (".", "link")])
def test_however_the_lake_in_a_source_is_named_it_is_said_once_that_it_is_none(tmp_path, monkeypatch, caplog, source, lake):
    (tmp_path / "data" / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to("data" if lake != "link" else "data/lake")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data" / "a.txt").write_text("a quiet morning at the lake")
    (tmp_path / "data" / "lake.txt").write_text("a loud evening at the lake")
    (tmp_path / "data" / "lake").mkdir()
    settings = load([f"sources={json.dumps([source.format(tmp_path)])}", f"lake={lake}", "progress=false"], env={})
    assert execute("collect", settings).kept == 2
    for part in ("_work/measure-1", "_runs/x", "videos", "exports"):
        (tmp_path / "data" / "lake" / part).mkdir(parents=True)
        (tmp_path / "data" / "lake" / part / "b.txt").write_text("what reelmill writes itself")
    caplog.clear()
    caplog.set_level("WARNING", logger="jobs")  # Airflow sets that of the root, if it ran before in this process
    assert execute("collect", settings).stood
    assert [r.getMessage() for r in caplog.records] == [f"{tmp_path}/data/lake lies in a source: nothing of it is collected, for reelmill writes to it itself"]


@pytest.mark.parametrize("out", ["", "made"])
def test_the_lake_itself_is_no_source(tmp_path, monkeypatch, out):
    """`cd media; reelmill build . --lake .` collected its own tables, more of them each time."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "made").mkdir()
    settings = load([f'sources=["{out or "."}"]', f"lake={'lake' if out else '.'}", f"out={out}"], env={})
    with pytest.raises(Terminal, match="this is the lake itself, or where videos are published to, and no source"):
        execute("collect", settings)
    assert {path.name for path in tmp_path.iterdir()} == {"a.txt", "made"}


def test_a_lake_in_an_object_store_is_no_source(caplog):
    caplog.set_level("WARNING", logger="jobs")
    memory, root = fsspec.filesystem("memory"), f"memory://{os.urandom(4).hex()}"
    for name in ("a.mp4", "lake.mp4", "lake/sources/part.parquet", "lake/_work/x/0.part"):
        memory.pipe(f"{root}/{name}", b"abc")
    assert list(by_path(root, ours=written_to(Runtime(lake=f"{root}/lake/")))) == ["a.mp4", "lake.mp4"]
    assert len(caplog.records) == 1
    with pytest.raises(Terminal, match="the lake itself"):
        by_path(f"{root}/", ours=written_to(Runtime(lake=root)))


def test_a_link_into_the_lake_is_no_way_round(tmp_path):
    (tmp_path / "lake" / "videos").mkdir(parents=True)
    (tmp_path / "lake" / "videos" / "made.mp4").write_bytes(b"x")
    (tmp_path / "a.mp4").write_bytes(b"x")
    (tmp_path / "to-a.mp4").symlink_to("a.mp4")
    (tmp_path / "to-lake.mp4").symlink_to("lake/videos/made.mp4")
    ours = written_to(Runtime(lake=str(tmp_path / "lake")))
    assert list(by_path(tmp_path, follow_links=True, ours=ours)) == ["a.mp4", "to-a.mp4"]


def test_a_source_in_the_lake_is_collected_where_it_is_named(tmp_path):
    (tmp_path / "lake" / "in").mkdir(parents=True)
    file = tmp_path / "lake" / "in" / "a.txt"
    file.write_text("a")
    (tmp_path / "lake" / "b.txt").write_text("b")
    ours = [str(tmp_path / "lake")]
    assert list(by_path(tmp_path / "lake" / "b.txt", ours=ours)) == ["b.txt"]
    assert [f.rel_path for root in (file, file.parent) for f in listing([str(root)], ours=ours)] == ["a.txt", "a.txt"]
    with pytest.raises(Terminal, match="the lake itself"):
        listing([str(tmp_path)], ours=ours)


def test_objects_behind_a_url_are_listed_and_fetched():
    memory = fsspec.filesystem("memory")
    memory.pipe("/bucket/a.mp4", b"abc")
    memory.pipe("/bucket/sub/.hidden", b"abc")
    found = by_path("memory://bucket")
    assert list(found) == ["a.mp4"]
    assert found["a.mp4"].connector == "memory"
    memory.pipe("/bucket/lake/sources/part.parquet", b"abc")
    assert list(by_path("memory://bucket", ours=written_to(Runtime(lake="memory://bucket/lake")))) == ["a.mp4"]
    with local(found["a.mp4"].uri) as path, open(path, "rb") as file:
        assert file.read() == b"abc"
    assert not os.path.exists(path)
    memory.rm("/bucket", recursive=True)
    with pytest.raises(Terminal, match="memory://bucket"):
        listing(["memory://bucket"])


class LibraryFault(Exception):
    """Like those of botocore: no OSError."""


def fails(*_, **__):
    raise LibraryFault("Could not connect to the endpoint URL")


def test_errors_of_a_store_s_own_library_are_told_in_a_sentence(monkeypatch):
    """A dead endpoint ended the program with a traceback: errors of botocore are no OSErrors."""
    memory = fsspec.filesystem("memory")
    memory.pipe("/shelf/a.txt", b"one\ntwo\n" * 20_000)
    with opened("memory://shelf/a.txt") as file:
        assert file.readline() == b"one\n"
        file.seek(4)
        assert file.read(3) == b"two"
        file.seek(0)
        assert file.read() == b"one\ntwo\n" * 20_000
    with monkeypatch.context() as patch:
        patch.setattr(MemoryFileSystem, "find", fails)
        with pytest.raises(Transient, match="memory:///shelf: cannot be reached .*Could not connect"):
            listing(["memory://shelf"])
    for broken in (MemoryFile, "read"), (MemoryFileSystem, "open"):
        with monkeypatch.context() as patch:
            patch.setattr(*broken, fails)
            with pytest.raises(OSError, match="LibraryFault: Could not connect"), opened("memory://shelf/a.txt") as file:
                file.read()
    with pytest.raises(LibraryFault), opened("memory://shelf/a.txt"):
        raise LibraryFault("of who reads it")
    with pytest.raises(FileNotFoundError), opened("memory://shelf/b.txt"):
        pass
    memory.rm("/shelf", recursive=True)


def test_folders_nest_as_deep_as_a_path_is_long(tmp_path):
    """1,100 of them ended the run with a RecursionError; what lies deeper than a path may be long is a row."""
    where = os.open(tmp_path, os.O_RDONLY)
    for _ in range(2500):
        os.mkdir("d", dir_fd=where)
        below = os.open("d", os.O_RDONLY, dir_fd=where)
        os.close(where)
        where = below
    os.close(where)
    (tmp_path / ("d/" * 1100) / "a.mp4").write_bytes(b"x")
    try:
        found = by_path(tmp_path)
    finally:
        subprocess.run(["rm", "-rf", tmp_path / "d"], check=True)  # what pytest removes folders with recurses
    assert found["d/" * 1100 + "a.mp4"].error is None
    assert [f.error for f in found.values()] == [None, "unreadable"]


def test_an_unreachable_place_is_tried_again_and_a_lost_file_is_not():
    assert lost(FileNotFoundError(2, "gone"), "s3://b/a")[0] == "missing_file"
    assert lost(PermissionError(13, "denied"), "s3://b/a")[0] == "unreadable"
    assert lost(OSError(5, "Input/output error"), "/a") == ("unreadable", "Input/output error")
    for error, uri in ((OSError("timed out"), "s3://b/a"), (OSError(28, "No space left on device"), "/a")):
        with pytest.raises(Transient):
            lost(error, uri)


@pytest.mark.parametrize("error", [FileNotFoundError(2, "gone"), OSError(5, "Input/output error")])
def test_a_file_whose_folder_is_away_is_tried_again_and_one_of_others_is_lost(tmp_path, error):
    for folder in ("whole", "unmounted"):
        (tmp_path / folder).mkdir()
    (tmp_path / "whole" / "b").touch()
    assert lost(error, str(tmp_path / "whole" / "a"))[0] in ("missing_file", "unreadable")
    for folder in ("unmounted", "away"):
        with pytest.raises(Transient, match="is a disk away"):
            lost(error, str(tmp_path / folder / "a"))


def test_a_file_system_of_another_machine_that_does_not_answer_is_tried_again(tmp_path):
    (tmp_path / "b").touch()
    for number in (errno.ESTALE, errno.ENOTCONN, errno.ETIMEDOUT):
        with pytest.raises(Transient):
            lost(OSError(number, os.strerror(number)), str(tmp_path / "a"))


def test_a_large_file_that_was_hardly_written_is_told_from_one_that_was(tmp_path):
    sparse, whole = tmp_path / "sparse.mp4", tmp_path / "whole.mp4"
    with open(sparse, "wb") as file:
        file.write(b"x" * 70_000)
        file.seek(1 << 30)
        file.write(b"y" * 70_000)
        file.truncate(300 << 30)
    whole.write_bytes(b"z" * 70_000)
    with open(sparse, "r+b") as gappy, open(whole, "rb") as full:
        assert (hollow(gappy.fileno()), hollow(full.fileno())) == (True, False)
        assert gappy.read(3) == b"xxx", "it stands where it stood"
        gappy.truncate(100 << 20)
        assert not hollow(gappy.fileno())

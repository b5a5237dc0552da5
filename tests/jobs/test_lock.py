"""One writer at a time: who is told to wait, and whose lock is taken over."""

import errno
import json
import os
import threading
import time

import pytest

from jobs import lock
from jobs.errors import Transient
from jobs.lake import Lake
from jobs.lock import LOCK_ENV, _born


@pytest.fixture(params=[None, errno.EPERM, errno.ENOSYS], ids=["links", "EPERM", "ENOSYS"])
def lake(tmp_path, monkeypatch, request):
    """A lake in a folder; also on disks that know no links, as many that are mounted from elsewhere do not."""
    if request.param:
        monkeypatch.setattr(os, "link", lambda *_: without_links(request.param))
    return Lake(str(tmp_path / "lake")).open(create=True)


def without_links(number):
    raise OSError(number, os.strerror(number))


def test_a_second_writer_is_told_who_holds_the_lake(lake):
    lake.put(json.dumps({"token": "t", "host": os.uname().nodename, "pid": 1, "what": "`reelmill build`", "since": "now"}).encode(), "_lock.json")
    with pytest.raises(Transient, match=r"`reelmill build` has been writing .*process 1 on "), lake.lock("test"):
        pass


def test_the_lock_of_a_killed_process_is_taken_over(lake):
    gone = os.fork()
    if gone == 0:
        os._exit(0)
    os.waitpid(gone, 0)
    lake.put(json.dumps({"token": "t", "host": os.uname().nodename, "pid": gone, "what": "x", "since": "y"}).encode(), "_lock.json")
    with lake.lock("test"):
        assert lake.read_json("_lock.json")["what"] == "test"
    assert lake.read_json("_lock.json") is None


def test_a_process_that_has_the_number_of_a_killed_one_is_not_taken_for_it(lake):
    held = {"token": "t", "host": os.uname().nodename, "pid": os.getppid(), "what": "x", "since": "y"}
    lake.write_json({**held, "born": "1"}, "_lock.json")
    with lake.lock("test"):
        assert lake.read_json("_lock.json")["what"] == "test"
    lake.write_json({**held, "born": _born(os.getppid())}, "_lock.json")
    with pytest.raises(Transient, match=r"if no such process is left, remove .*/lake/_lock\.json"), lake.lock("test"):
        pass


def test_a_lock_that_somebody_else_took_over_meanwhile_is_left_to_him(lake, monkeypatch):
    """Two commands find the lock of a killed one; the slower of them must not remove that of the faster."""
    gone = {"token": "t", "host": os.uname().nodename, "pid": 1 << 30, "what": "gone", "since": "y"}
    lake.write_json(gone, "_lock.json")

    def slow(pid, born=None):
        lake.write_json({**gone, "token": "u", "pid": os.getpid(), "what": "faster"}, "_lock.json")
        return pid == os.getpid()

    monkeypatch.setattr("jobs.lock._alive", slow)
    with pytest.raises(Transient, match="faster has been writing"), lake.lock("slower"):
        pass
    assert lake.read_json("_lock.json")["token"] == "u"
    assert [name for name in lake.names() if "lock" in name] == ["_lock.json"]


def test_commands_started_by_the_holder_share_its_lock(lake):
    with lake.lock("outer"):
        assert os.environ[LOCK_ENV]
        with lake.lock("inner"):
            assert lake.read_json("_lock.json")["what"] == "outer"
    assert LOCK_ENV not in os.environ


@pytest.fixture
def fast(monkeypatch):
    """A heart that beats twenty times a second and counts as dead after a second."""
    monkeypatch.setattr(lock, "BEAT_S", 0.05)
    monkeypatch.setattr(lock, "DEAD_S", 1.0)


@pytest.fixture(params=["folder", "store"])
def anywhere(request, lake):
    """A lake in a folder, and one in an object store."""
    if request.param == "folder":
        return lake
    return Lake(f"memory://{os.urandom(4).hex()}").open(create=True)


def of_another_machine(lake, **facts):
    lake.put(json.dumps({"token": "t", "host": "a pod", "pid": 1, "what": "`reelmill run fuse`", "since": "now", "beat_s": 0.05} | facts).encode(), "_lock.json")


def test_a_lock_of_another_machine_is_taken_when_its_heart_has_stopped(anywhere, fast):
    of_another_machine(anywhere)
    with pytest.raises(Transient, match="process 1 on a pod"), anywhere.lock("too early"):
        pass
    time.sleep(1.1)
    with anywhere.lock("heir"):
        assert anywhere.read_json("_lock.json")["what"] == "heir"
    assert anywhere.read_json("_lock.json") is None


def test_a_lock_that_never_had_a_heart_is_left_to_whoever_made_it(lake, fast):
    of_another_machine(lake)
    lake.write_json({k: v for k, v in lake.read_json("_lock.json").items() if k != "beat_s"}, "_lock.json")
    os.utime(lake.path("_lock.json"), (0, 0))
    with pytest.raises(Transient, match="process 1 on a pod"), lake.lock("test"):
        pass


def test_a_clock_that_is_wrong_takes_nothing_from_a_heart_that_beats(lake, fast):
    of_another_machine(lake)
    ended = threading.Event()

    def beats():
        for i in range(1, 1 << 30):
            os.utime(lake.path("_lock.json"), (i, i))  # long ago, by the clock of who looks on
            if ended.wait(0.02):
                return

    other = threading.Thread(target=beats)
    other.start()
    try:
        with pytest.raises(Transient, match="process 1 on a pod"), lake.lock("test"):
            pass
    finally:
        ended.set()
        other.join()


def test_a_held_lock_is_touched_as_long_as_it_is_held(anywhere, fast):
    with anywhere.lock("long work"):
        time.sleep(1.5)
        mine = anywhere.read_json("_lock.json")
        assert not lock._gone(anywhere, mine | {"host": "seen from another"})


def test_who_stood_still_and_lost_the_lake_ends_and_commits_nothing(anywhere, fast):
    with pytest.raises(Transient, match="stood still for so long that `reelmill run fuse` took the lake over"), anywhere.lock("laptop asleep"):
        anywhere.remove("_lock.json")
        of_another_machine(anywhere)
        with pytest.raises(Transient):
            lock.still_held(anywhere)
        time.sleep(30)
        pytest.fail("went on")
    assert anywhere.read_json("_lock.json")["token"] == "t", "the lock of the other one stays"


def test_of_many_who_want_a_lake_one_has_it_at_a_time(lake):
    """Each notes that it came in and that it goes; on a disk without links the lock is empty for a moment."""
    log = os.path.join(lake.root, "log")

    def worker():
        for _ in range(20):
            try:
                with lock.held(lake, "one of many"):
                    with open(log, "a") as file:
                        file.write("in\n")
                    time.sleep(0.002)
                    with open(log, "a") as file:
                        file.write("out\n")
            except Transient:
                time.sleep(0.001)

    children = []
    for _ in range(4):
        if (child := os.fork()) == 0:
            code = 1
            try:
                worker()
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    assert all(os.waitpid(child, 0)[1] == 0 for child in children)
    with open(log) as file:
        lines = file.read().split()
    assert lines
    assert lines == ["in", "out"] * (len(lines) // 2)


def test_a_lock_whose_maker_was_killed_over_it_is_taken_like_any_other(lake, fast, monkeypatch):
    monkeypatch.setattr(lock, "MADE_S", 0.05)
    lake.put(b"", "_lock.json")
    with pytest.raises(Transient, match="a command has been writing to this lake since a moment ago"), lake.lock("too early"):
        pass
    time.sleep(1.1)
    with lake.lock("heir"):
        assert lake.read_json("_lock.json")["what"] == "heir"


def test_a_command_that_ends_before_it_made_anything_leaves_no_folder(tmp_path):
    with pytest.raises(ValueError, match="wrong"), Lake(str(tmp_path / "a" / "b" / "lake")).lock("test"):
        raise ValueError("wrong")
    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_cannot_be_written_leaves_nothing(lake, monkeypatch):
    def full(*words):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", full)
        patch.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space"), lake.lock("test"):
            pass
    assert lake.names() == ["lake.json"]

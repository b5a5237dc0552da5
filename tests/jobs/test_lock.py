"""One writer at a time: who is told to wait, and whose lock is taken over."""

import json
import os

import pytest

from jobs.errors import Transient
from jobs.lake import Lake
from jobs.lock import LOCK_ENV, _born


@pytest.fixture
def lake(tmp_path):
    return Lake(str(tmp_path / "lake")).open(create=True)


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

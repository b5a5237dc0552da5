"""One writer at a time: a lake is held by a small file that names who holds it, on which machine and since when.

The holder touches the file again and again. Where it has not for a while it may have died on a machine that is gone, and the lake is taken from
it; a holder that only stood still (stopped, asleep) finds that out, ends, and commits nothing.
"""

import contextlib
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from jobs.errors import Terminal, Transient

if TYPE_CHECKING:
    from jobs.lake import Lake

LOCK, LOCK_ENV = "_lock.json", "REELMILL_LOCK"
BEAT_S = 30.0
"""How often the holder touches its lock."""
DEAD_S = 300.0
"""A lock untouched for so long, by the clock of its file, and for two beats more by that of who looks on, is that of nobody."""
MADE_S = 1.0
"""How long a lock may be read as an empty file while it is being made."""


@contextlib.contextmanager
def held(lake: "Lake", what: str) -> Iterator[None]:
    """See `Lake.lock`."""
    token = f"{socket.gethostname()}:{os.getpid()}:{time.time_ns()}"
    if (inherited := os.environ.get(LOCK_ENV)) and (_holder(lake) or {}).get("token") == inherited:
        yield
        return
    facts = {"token": token, "host": socket.gethostname(), "pid": os.getpid(), "born": _born(os.getpid()), "what": what, "beat_s": BEAT_S,
             "since": datetime.now(UTC).isoformat(timespec="seconds")}
    new = _missing(lake.path()) if lake.local else []
    taken = _take(lake, facts)
    before = os.environ.get(LOCK_ENV)
    os.environ[LOCK_ENV] = token
    done, lost = threading.Event(), threading.Event()
    beat = threading.Thread(target=_beat, args=(lake, facts, taken, done, lost), daemon=True)
    beat.start()
    try:
        yield
    except KeyboardInterrupt:
        if lost.is_set():
            still_held(lake)
        raise
    finally:
        done.set()
        beat.join()
        if taken is not None:
            os.close(taken)
        if before is None:
            os.environ.pop(LOCK_ENV, None)
        else:
            os.environ[LOCK_ENV] = before
        if (_holder(lake) or {}).get("token") == token:
            lake.remove(LOCK)
        with contextlib.suppress(OSError):
            for folder in new:
                os.rmdir(folder)  # a command that ended before it made anything leaves no folder


def _missing(folder: str) -> list[str]:
    """The folders that are not there yet on the way to one, itself first."""
    found = []
    while folder and not os.path.exists(folder):
        found.append(folder)
        folder = os.path.dirname(folder)
    return found


def still_held(lake: "Lake") -> None:
    """What is asked before anything is committed.

    Raises:
        Transient: another process has taken the lake meanwhile.
    """
    holder = _holder(lake) or {}
    if (mine := os.environ.get(LOCK_ENV)) and holder.get("token") != mine:
        raise Transient(f"{lake.root}: this command stood still for so long that {holder.get('what', 'another one')} took the lake over; run it again")


def _beat(lake: "Lake", facts: Mapping[str, Any], taken: int | None, done: threading.Event, lost: threading.Event) -> None:
    """Touch the lock until `done`; where it is another's by now, set `lost` and interrupt the process."""
    while not done.wait(BEAT_S):
        with contextlib.suppress(OSError, Transient):  # the next beat may reach it
            if taken is not None:
                os.utime(taken)  # this file and no other, whatever lies under its name by now
            if (_holder(lake) or {}).get("token") != facts["token"]:
                lost.set()
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
                return
            if taken is None:
                lake.put(json.dumps(facts).encode(), LOCK)


def _take(lake: "Lake", facts: Mapping[str, Any]) -> int | None:
    """Make the lock; of a folder of this machine the descriptor of its file."""
    path, data = lake.path(LOCK), json.dumps(facts).encode()
    for _ in range(3):
        try:
            if not lake.local:
                with lake.reached(LOCK):
                    lake.fs.pipe_file(path, data, mode="create")
                return None
            return _made(path, data)
        except FileExistsError:
            held = _holder(lake)
            if held is None:
                continue
            if _gone(lake, held):
                _drop(lake, held)
                continue
            raise Transient(f"{lake.root}: {held['what']} has been writing to this lake since {held['since']} "
                            f"(process {held['pid']} on {held['host']}); try again when it is done, or, if no such process is left, "
                            f"remove {lake.url(LOCK)}") from None
    raise Transient(f"{lake.root}: the lake's lock changes hands too quickly; try again")


def _made(path: str, data: bytes) -> int:
    """Make the file of a lock, whole and exclusive, by a link; on a disk without links by its name alone, under which it is empty at first.

    Raises:
        FileExistsError: there is one.
    """
    os.makedirs(os.path.dirname(path), exist_ok=True)
    passing = f"{path}.{os.getpid()}.tmp"
    with open(passing, "wb", buffering=0) as file:
        try:
            file.write(data)
            os.link(passing, path)
            return os.dup(file.fileno())
        except FileExistsError:
            raise
        except OSError:  # each disk says in its own way that it knows no links; what else is wrong the next lines will tell
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        finally:
            os.unlink(passing)
    try:
        os.write(handle, data)
    except BaseException:
        os.close(handle)
        os.unlink(path)
        raise
    return handle


def _holder(lake: "Lake", name: str = LOCK) -> dict[str, Any] | None:
    """What a lock says, None where there is none; while it is being made, or where whoever made it was killed over it, that nobody knows."""
    if not lake.local:
        return lake.read_json(name)
    for _ in range(5):
        with contextlib.suppress(Terminal):  # half of it
            return lake.read_json(name)
        time.sleep(MADE_S / 5)
    return {"token": None, "host": "some machine", "pid": "unknown", "what": "a command", "beat_s": BEAT_S, "since": "a moment ago"}


def _gone(lake: "Lake", held: Mapping[str, Any]) -> bool:
    """Whether nobody holds this lock any more: its process was killed on this machine, or it has stood still for long and goes on doing so."""
    if held["host"] == socket.gethostname() and not _alive(int(held["pid"]), held.get("born")):
        return True
    touched = _touched(lake)
    if "beat_s" not in held or touched is None or (datetime.now(UTC) - touched).total_seconds() < DEAD_S:
        return False
    time.sleep(2 * held["beat_s"])  # clocks of two machines may differ by more than that
    return _touched(lake) == touched


def _touched(lake: "Lake") -> datetime | None:
    lake.fs.invalidate_cache()
    with contextlib.suppress(FileNotFoundError):
        when: datetime = lake.fs.modified(lake.path(LOCK))
        return when
    return None


def _drop(lake: "Lake", held: Mapping[str, Any]) -> None:
    """Remove the lock of a process that is gone, unless another one has done so and holds the lake by now."""
    if not lake.local:
        lake.remove(LOCK)
        return
    path = lake.path(LOCK)
    aside = f"{path}.{os.getpid()}.gone"
    with contextlib.suppress(FileNotFoundError):
        os.rename(path, aside)
        try:
            if (_holder(lake, os.path.basename(aside)) or {}).get("token") != held["token"]:
                _put_back(aside, path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(aside)


def _put_back(aside: str, path: str) -> None:
    """Where a third one has taken the lake meanwhile it is his; on a disk without links the third one's lock goes, as he will find out."""
    try:
        os.link(aside, path)
    except FileExistsError:
        pass
    except OSError:
        os.rename(aside, path)


def _alive(pid: int, born: str | None = None) -> bool:
    """Whether the process that had this number, and began then where that is known, still runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return born is None or _born(pid) in (born, None)


def _born(pid: int) -> str | None:
    """When a process began, in ticks since the machine did (proc_pid_stat(5), field 22); numbers of processes are used again."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None

"""One writer at a time: a lake is held by a small file that names who holds it, on which machine and since when."""

import contextlib
import json
import os
import socket
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from jobs.errors import Transient

if TYPE_CHECKING:
    from jobs.lake import Lake

LOCK, LOCK_ENV = "_lock.json", "REELMILL_LOCK"


@contextlib.contextmanager
def held(lake: "Lake", what: str) -> Iterator[None]:
    """See `Lake.lock`."""
    token = f"{socket.gethostname()}:{os.getpid()}:{time.time_ns()}"
    if (inherited := os.environ.get(LOCK_ENV)) and (lake.read_json(LOCK) or {}).get("token") == inherited:
        yield
        return
    facts = {"token": token, "host": socket.gethostname(), "pid": os.getpid(), "born": _born(os.getpid()), "what": what,
             "since": datetime.now(UTC).isoformat(timespec="seconds")}
    new = lake.local and not os.path.exists(lake.path())
    _take(lake, facts)
    before = os.environ.get(LOCK_ENV)
    os.environ[LOCK_ENV] = token
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(LOCK_ENV, None)
        else:
            os.environ[LOCK_ENV] = before
        if (lake.read_json(LOCK) or {}).get("token") == token:
            lake.remove(LOCK)
        if new:
            with contextlib.suppress(OSError):
                os.rmdir(lake.path())  # a command that ended before it made anything leaves no folder


def _take(lake: "Lake", facts: Mapping[str, Any]) -> None:
    path, data = lake.path(LOCK), json.dumps(facts).encode()
    for _ in range(3):
        try:
            if lake.local:
                os.makedirs(os.path.dirname(path), exist_ok=True)
                passing = f"{path}.{os.getpid()}.tmp"
                with open(passing, "wb") as file:
                    file.write(data)
                try:
                    os.link(passing, path)  # whole and exclusive: a reader never sees half a lock
                finally:
                    os.unlink(passing)
            else:
                with lake.reached(LOCK):
                    lake.fs.pipe_file(path, data, mode="create")
            return
        except FileExistsError:
            held = lake.read_json(LOCK)
            if held is None:
                continue
            if held["host"] == socket.gethostname() and not _alive(int(held["pid"]), held.get("born")):
                _drop(lake, held)  # its holder was killed
                continue
            raise Transient(f"{lake.root}: {held['what']} has been writing to this lake since {held['since']} "
                            f"(process {held['pid']} on {held['host']}); try again when it is done, or, if no such process is left, "
                            f"remove {lake.url(LOCK)}") from None
    raise Transient(f"{lake.root}: the lake's lock changes hands too quickly; try again")


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
            if (lake.read_json(os.path.basename(aside)) or {}).get("token") != held["token"]:
                with contextlib.suppress(FileExistsError):
                    os.link(aside, path)
        finally:
            os.unlink(aside)


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

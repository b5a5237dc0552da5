"""One child process per worker in which untrusted media are probed, decoded and cut, under limits.

    measured = call("jobs.clean.measure:measure_file", {"path": path, ...}, Limits(per_media_s=20))

The child is reused from call to call and replaced when it dies, runs out of memory or breaks its time limit. It has no
network, starts no programs, writes nothing (`jobs.media.confine`), is not told our keys, and dies with this process even when that is killed.
What goes wrong with a medium comes back as a `MediaFault` with its reason code; a child that does not even start is a fault of the
machine, and ends the run.
"""

import atexit
import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from jobs.errors import RunError, Terminal, Transient
from jobs.media.child import ONE_THREAD
from jobs.media.faults import BY_REASON, DecodeCrash, DecodeMemory, DecodeTimeout, MediaFault
from jobs.media.wire import WireError, pack, unpack

START_S = 120.0
"""Time for a child to start: the first one on a machine compiles its kernels."""
WALL_OVER_CPU = 4.0
"""A machine may be busy with others: the wall clock limit is this many times the limit of CPU seconds."""
MOST_SERVED = 64 << 20
"""Bytes of a file that the child may have read for it at a time."""
CALLS_PER_CHILD = 500
"""After so many calls a child is replaced, so that leaks of decoders stay small."""

PASSED = frozenset({"PATH", "HOME", "TMPDIR", "TZ", "LANG", "LANGUAGE", "VIRTUAL_ENV", "XDG_CACHE_HOME", "REELMILL_CACHE", "GLIBC_TUNABLES"})
PASSED_WITH = ("LC_", "LD_", "PYTHON", "NUMBA_", "OMP_", "OPENBLAS_", "MKL_", "OPENCV_", "MALLOC_")
"""What a child is told of our environment, by name and by how the name begins: what libraries need to start, no key and no token."""


@dataclass(frozen=True)
class Limits:
    """What one call may use.

    Attributes:
        cpu_s: CPU seconds whatever the length.
        per_media_s: CPU seconds for every second of media decoded, if that is more.
        memory_mb: Address space beyond that of the idle child.
        most_s: CPU seconds at most, however much is said to be decoded: that is the child's word, or its file's.
    """

    cpu_s: float = 60.0
    per_media_s: float = 20.0
    memory_mb: int = 2048
    most_s: float = 86_400.0


def call(function: str, args: Mapping[str, Any], limits: Limits = Limits(), take: Callable[[Any], None] | None = None,
         file: BinaryIO | None = None) -> Any:
    """The value of `module:function(**args)` run in this process's child.

    Args:
        function: A function of the `jobs` packages that takes and returns plain values (see `jobs.media.wire`).
        args: Its arguments by name.
        limits: What it may use.
        take: Takes parts of the result that come before the call is over (`jobs.media.child.hand`).
        file: An open file that the function gets as its argument `file`, at its beginning: nothing is opened again. Of one that has no
            handle, since it is far away, this process reads what the function asks for, and no more.

    Raises:
        MediaFault: one of its subclasses, with `.reason` and `.detail`.
        Transient: a child could not be started, and may be later.
        Terminal: a child cannot be started here.
    """
    return _child(function.partition(":")[0]).call(function, args, limits, take, file)


def close() -> None:
    """End the child; the next call starts another."""
    global _current
    if _current is not None:
        _current.end()
        _current = None


class Child:
    """A running child process that has these modules imported."""

    def __init__(self, modules: frozenset[str]) -> None:
        self.modules = modules
        self.owner = os.getpid()
        self.calls = 0
        try:
            with tempfile.TemporaryFile() as said:
                self._start(said)
        except OSError as error:  # no more processes, handles, memory or disk
            raise Transient(f"no decoder process could be started: {error}") from None

    def _start(self, said: BinaryIO) -> None:
        passed = {name: value for name, value in os.environ.items() if name in PASSED or name.startswith(PASSED_WITH)}
        environment = {**passed, **dict.fromkeys(ONE_THREAD, "1"), "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
                       "PYTHONDONTWRITEBYTECODE": "1", "OPENCV_LOG_LEVEL": "SILENT"}
        self.files, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jobs.media.child", str(self.owner), str(theirs.fileno()), *sorted(self.modules)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, env=environment, close_fds=True, pass_fds=(theirs.fileno(),))
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.send_fd, self.read_fd = self.process.stdin.fileno(), self.process.stdout.fileno()
        for end in (self.send_fd, self.read_fd, self.files.fileno()):
            os.set_blocking(end, False)
        self.deadline = _Deadline(self.process.pid, Limits(cpu_s=START_S), "starting")
        try:
            self.confined = bool(unpack(self._read)["ready"])
        except DecodeTimeout as error:
            self.end()
            raise Transient(f"the decoder process did not start: {error}") from None
        except EOFError:
            raise _unstarted(self._died(), said) from None

    def call(self, function: str, args: Mapping[str, Any], limits: Limits, take: Callable[[Any], None] | None = None,
             file: BinaryIO | None = None) -> Any:
        """See `call`."""
        handle = _handle(file)
        served = None if file is None or handle is not None else _Served(file)
        self.calls += 1
        self.deadline = _Deadline(self.process.pid, limits, "decoding")
        try:
            if handle is not None:
                self._send_handle(handle)
            self._write(pack({"function": function, "args": dict(args), "memory_mb": limits.memory_mb, "handle": handle is not None,
                              "served": served.size if served is not None else None}))
            while True:
                answer = unpack(self._read)
                if "progress" in answer:
                    self.deadline.extend(float(answer["progress"]))
                elif "read" in answer and served is not None:
                    with self.deadline.paused():
                        data = served.read(*answer["read"])
                    self._write(pack({"data": data}))
                elif "hand" in answer and take is not None:
                    take(answer["hand"])
                else:
                    break
        except EOFError:
            code = self._died()
            raise (DecodeMemory(f"the decoder ended at its memory limit of {limits.memory_mb} MB")
                   if self.deadline.near_memory_limit else DecodeCrash(_ending(code))) from None
        except (WireError, TypeError, ValueError) as error:
            self.end()
            raise DecodeCrash(f"the decoder answered with nonsense: {error}") from None
        except BaseException:
            self.end()
            raise
        if "fault" in answer:
            fault = BY_REASON.get(str(answer["fault"]), MediaFault)(str(answer.get("detail", "")))
            if isinstance(fault, DecodeMemory):
                self.end()
            raise fault
        return answer["value"]

    @property
    def usable(self) -> bool:
        """Alive, ours (not inherited by a fork) and not worn out."""
        return self.owner == os.getpid() and self.process.poll() is None and self.calls < CALLS_PER_CHILD

    def end(self) -> int:
        """Kill it; returns its exit status."""
        if self.owner != os.getpid():
            return 0
        with contextlib.suppress(OSError):
            self.process.kill()
        for stream in (self.process.stdin, self.process.stdout, self.files):
            with contextlib.suppress(OSError):
                if stream is not None:
                    stream.close()
        status = self.process.wait()
        return status if self.deadline.killed is None else -9

    def _died(self) -> int:
        """Exit status of one that has closed its pipe: its own, where it ends within a moment."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(1)
        return self.end()

    def _send_handle(self, handle: int) -> None:
        try:
            socket.send_fds(self.files, [b"f"], [handle])
        except OSError:
            raise EOFError from None

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                self.deadline.check()
                if select.select([], [self.send_fd], [], 0.25)[1]:
                    view = view[os.write(self.send_fd, view):]
        except BrokenPipeError:
            raise EOFError from None

    def _read(self, size: int) -> bytes:
        parts: list[bytes] = []
        while size:
            self.deadline.check()
            if not select.select([self.read_fd], [], [], 0.25)[0]:
                continue
            data = os.read(self.read_fd, min(size, 1 << 20))
            if not data:
                raise EOFError
            parts.append(data)
            size -= len(data)
        return b"".join(parts)


def _handle(file: BinaryIO | None) -> int | None:
    try:
        return None if file is None else file.fileno()
    except OSError:  # that of a file object that is none of the system's
        return None


class _Served:
    """A file that is read here for the child, which says where and how much: within the file, and not for ever."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.size = file, file.seek(0, os.SEEK_END)
        self.left = 4 * self.size + MOST_SERVED

    def read(self, place: int, size: int) -> bytes:
        """Raises ValueError when that makes no sense."""
        if not (place >= 0 and 0 <= size <= MOST_SERVED):
            raise ValueError(f"it wants {size} bytes at {place}")
        self.file.seek(place)
        data = self.file.read(size)
        self.left -= max(len(data), 4096)
        if self.left < 0:
            raise ValueError("it reads its file over and over")
        return data


class _Deadline:
    """CPU time of the child since the call began, against a limit that grows with the media decoded."""

    def __init__(self, pid: int, limits: Limits, doing: str) -> None:
        self.pid, self.limits, self.doing = pid, limits, doing
        self.limit_s = limits.cpu_s
        self.cpu_before, self.address_before = _usage(pid)
        self.began = self.checked = time.monotonic()
        self.near_memory_limit = False
        self.killed: str | None = None

    def extend(self, media_s: float) -> None:
        self.limit_s = max(self.limits.cpu_s, min(media_s * self.limits.per_media_s, self.limits.most_s))

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """What happens meanwhile is not the child's: its wall clock stands still."""
        before = time.monotonic()
        yield
        self.began += time.monotonic() - before

    def check(self) -> None:
        now = time.monotonic()
        if now - self.checked < 0.2:
            return
        self.checked = now
        cpu, address = _usage(self.pid)
        self.near_memory_limit = address - self.address_before > 0.8 * (self.limits.memory_mb << 20)
        spent = cpu - self.cpu_before
        if spent > self.limit_s or now - self.began > WALL_OVER_CPU * self.limit_s:
            self.killed = (
                f"{self.doing} took more than {self.limit_s:.0f} s of CPU ({spent:.0f} s) or {WALL_OVER_CPU:.0f} times that"
            )
            raise DecodeTimeout(self.killed)


def _usage(pid: int) -> tuple[float, int]:
    """CPU seconds and address space in bytes of a process; zeros when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return 0.0, 0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), int(fields[20])


def _unstarted(status: int, said: BinaryIO) -> RunError:
    """Why a child ended before it had seen a medium, by its last words. One that was killed, for want of memory say, may start another time."""
    if status == -signal.SIGKILL:
        return Transient(f"the decoder process did not start: {_ending(status)}")
    said.seek(0)
    words = said.read().decode(errors="replace").strip().rpartition("\n")[2][-300:]
    return Terminal(f"the decoder process cannot start: {words or _ending(status)}")


def _ending(status: int) -> str:
    return (
        f"the decoder process was ended by signal {-status}"
        if status < 0
        else f"the decoder process ended with status {status}"
    )


_current: Child | None = None


def _child(module: str) -> Child:
    """The child; one that does not know `module` is replaced by one that does, beside what it knew: a job that only reads headers
    need not wait for kernels."""
    global _current
    known = _current.modules if _current is not None else frozenset[str]()
    if _current is None or module not in known or not _current.usable:
        close()
        _current = Child(known | {module})
    return _current


atexit.register(close)

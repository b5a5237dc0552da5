"""The child process in which all decoding runs: reads calls, answers with values or faults, and can do little else.

Started by `jobs.media.sandbox` as `python -m jobs.media.child PARENT_PID SOCKET MODULE...`; speaks `jobs.media.wire` on its standard streams
and is handed open files through the socket. What it says on standard error while it starts is for its parent; afterwards nobody hears it.
The modules, those of the functions that will be called, are imported before the process is confined: what they would compile and
cache later is refused. A module that has to load more for that says so in a function `warm`.
"""

import errno
import importlib
import io
import os
import re
import resource
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")

progress: Callable[[float], None] = lambda media_s: None  # noqa: E731
"""Tells the parent how many seconds of media have been decoded: the time limit grows with them."""
hand: Callable[[Mapping[str, Any]], None] = lambda values: None  # noqa: E731
"""Gives the parent a part of the result before the call is over, so that it need not be kept here."""
in_sandbox = False
"""This process is the child."""
_NOT_WANTED = ("scipy", "cffi", "yaml")
"""What numba would load and no kernel needs: a BLAS, a parser of C, settings from a file; together a quarter of the start."""


def heed(error: OSError) -> None:
    """What FFmpeg could not do for want of memory is no fault of the file.

    Raises:
        MemoryError: it says so.
    """
    if error.errno == errno.ENOMEM:
        raise MemoryError from None


def main(parent: int, files: int, modules: Sequence[str]) -> None:
    """Serve calls until the parent closes the pipe."""
    from jobs.media import confine

    confine.die_with(parent)
    calls, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    silence = os.open(os.devnull, os.O_RDWR)
    os.dup2(silence, 0)
    os.dup2(silence, 1)
    sys.modules.update(dict.fromkeys(_NOT_WANTED))  # type: ignore[arg-type]
    for name in filter(_callable, modules):
        warm = getattr(importlib.import_module(name), "warm", None)
        if warm is not None:
            warm()
    _quiet()
    _slim()
    os.dup2(silence, 2)
    confine.limit()
    confined = confine.confine()
    _serve(calls, answers, socket.socket(fileno=files), confined)


def _serve(calls: Any, answers: Any, files: socket.socket, confined: bool) -> None:
    from jobs.media.wire import pack, unpack

    def read(size: int) -> bytes:
        data: bytes = calls.read(size)
        if len(data) != size:
            raise EOFError
        return data

    def send(value: Mapping[str, Any]) -> None:
        answers.write(pack(value))
        answers.flush()

    def ask(place: int, size: int) -> bytes:
        if not size:
            return b""
        send({"read": [place, size]})
        data: bytes = unpack(read)["data"]
        return data

    def hand_over(values: Mapping[str, Any]) -> None:
        send({"hand": values})
        _trim()  # what is handed over was gathered over minutes, among much that is gone

    vars(importlib.import_module("jobs.media.child")).update(
        progress=_every_second(lambda media_s: send({"progress": media_s})), hand=hand_over, in_sandbox=True)
    send({"ready": confined})
    while True:
        try:
            call = unpack(read)
        except EOFError:
            return
        if call["handle"]:
            _, (handle,), _, _ = socket.recv_fds(files, 1, 1)
            with os.fdopen(handle, "rb", buffering=0) as file:
                file.seek(0)
                call["args"]["file"] = file
                send(answer(call))
        elif call["served"] is not None:
            call["args"]["file"] = Served(int(call["served"]), ask)
            send(answer(call))
        else:
            send(answer(call))


class Served(io.RawIOBase):
    """A file of `size` bytes that the parent reads: `ask(place, size)` gives bytes of it."""

    def __init__(self, size: int, ask: Callable[[int, int], bytes]) -> None:
        self.size, self.ask, self.place = size, ask, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        place = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self.place, io.SEEK_END: self.size}[whence]
        if place < 0:
            raise OSError(errno.EINVAL, "a place before the file")
        self.place = place
        return place

    def readinto(self, buffer: Any) -> int:
        data = self.ask(self.place, min(len(buffer), max(self.size - self.place, 0), 1 << 20))
        buffer[:len(data)] = data
        self.place += len(data)
        return len(data)


def _callable(module: str) -> bool:
    return module.startswith("jobs.")


def answer(call: Mapping[str, Any]) -> dict[str, Any]:
    """The result of one call, or its fault by reason code."""
    from jobs.media.faults import MediaFault

    module, _, function = str(call["function"]).partition(":")
    if not _callable(module):
        return {"fault": "decode_crash", "detail": f"{module} is not called in the sandbox"}
    _allow_memory(int(call["memory_mb"]) << 20)
    try:
        return {"value": getattr(importlib.import_module(module), function)(**call["args"])}
    except MediaFault as fault:
        return {"fault": fault.reason, "detail": fault.given}
    except MemoryError:
        return {"fault": "decode_memory", "detail": f"needed more than {call['memory_mb']} MB beyond the idle process"}
    except Exception as error:
        return {"fault": _reason(error), "detail": f"{type(error).__name__}: {error}"}
    finally:
        _allow_memory(None)


def _reason(error: Exception) -> str:
    import av

    if getattr(error, "errno", None) == errno.ENOMEM or any(word in str(error) for word in _NO_MEMORY):
        return "decode_memory"
    return "undecodable" if isinstance(error, av.error.FFmpegError) else "decode_crash"


_NO_MEMORY = ("bad_alloc", "Insufficient memory", "Failed to allocate", "Cannot allocate memory")
"""How the libraries that decode and compute put it."""


def _allow_memory(extra: int | None) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if extra is None:
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
        return
    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    wanted = used + extra
    resource.setrlimit(resource.RLIMIT_AS, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def _every_second(tell: Callable[[float], None]) -> Callable[[float], None]:
    import time

    last = time.monotonic()

    def seldom(media_s: float) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= 1:
            last = now
            tell(media_s)

    return seldom


def _slim() -> None:
    """Give back what was only needed to start: free memory of the heap, and pages of libraries, which are read again when they are used.

    Only mappings of which this process has changed nothing are let go, so that nothing can be lost.
    """
    import ctypes

    libc = ctypes.CDLL(None)
    _trim()
    with open("/proc/self/smaps") as file:
        text = file.read()
    for start, end, fields in _MAPPING.findall(text):
        if "Private_Dirty:         0 kB" in fields and "Anonymous:             0 kB" in fields:
            libc.madvise(ctypes.c_void_p(int(start, 16)), ctypes.c_size_t(int(end, 16) - int(start, 16)), _MADV_DONTNEED)


def _trim() -> None:
    """Give back free memory of the heap."""
    import ctypes

    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)


def keep_freed() -> None:
    """Let the heap keep what is freed, as it does by itself once a very large array has passed: arrays of seconds of sound and small
    pictures would be mapped, cleared and given back time and again."""
    import ctypes

    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_M_MMAP_THRESHOLD, 32 << 20)
        libc.mallopt(_M_TRIM_THRESHOLD, 64 << 20)


_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_MADV_DONTNEED = 4
_MAPPING = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) r-[x-]p \S+ \S+ \d+ +/\S[^\n]*\n((?:[A-Z]\w+:[^\n]*\n)+)", re.M)
"""A mapping of a file that is not written to, in /proc/self/smaps: where it begins and ends, and its lines of figures."""


def _quiet() -> None:
    import av

    av.logging.set_level(av.logging.PANIC)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])

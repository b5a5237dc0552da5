"""The child in which decoding runs: what it may not do, and what happens when it breaks."""

import errno
import hashlib
import io
import math
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jobs.clean.job import FACTS, _measured
from jobs.clean.sandboxed import measure_source
from jobs.errors import Terminal, Transient
from jobs.media import child, confine, sandbox
from jobs.media.encode import encode_video
from jobs.media.faults import BY_REASON, DecodeCrash, DecodeMemory, DecodeTimeout, MediaFault, NotRegularFile, TooManyPixels
from schemas.reasons import REASONS
from schemas.settings import Measure, Settings


@pytest.fixture(scope="module")
def long_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A minute of noise in 640 x 360: some seconds of work."""
    random = np.random.default_rng(0)
    pictures = random.integers(0, 255, (8, 360, 640, 3), dtype=np.uint8)
    path = tmp_path_factory.mktemp("long") / "noise.mp4"
    path.write_bytes(encode_video((pictures[i % 8] for i in range(600)), 10, crf=40, preset="ultrafast"))
    return path


@pytest.fixture(scope="module", autouse=True)
def _end() -> Iterator[None]:
    yield
    sandbox.close()


def arguments(path: Path, **changes: object) -> dict[str, object]:
    return {"path": str(path), "modality": "video", "settings": Measure.model_validate(changes).model_dump()}


MEASURE = "jobs.clean.measure:measure_file"


def test_every_fault_has_a_reason_of_the_vocabulary() -> None:
    assert set(BY_REASON) <= set(REASONS)
    assert all(BY_REASON[reason].reason == reason for reason in BY_REASON)


def test_the_child_is_reused(long_video: Path) -> None:
    small = Measure()
    measure_source(long_video, "video", small)
    before = sandbox._child("jobs.clean.measure").process.pid
    with pytest.raises(TooManyPixels, match="640 x 360"):
        measure_source(long_video, "video", Measure(max_pixels=1000))
    assert sandbox._child("jobs.clean.measure").process.pid == before


def test_a_child_knows_what_it_was_started_for_and_learns_by_being_replaced(long_video: Path) -> None:
    """A job that only reads headers does not wait for kernels; one that does both in turn does not wait each time."""
    sandbox.close()

    def facts() -> None:
        with open(long_video, "rb") as file:
            file.seek(100)
            assert sandbox.call("jobs.collect.facts:facts", {}, file=file)["width"] == 640

    facts()
    assert loaded("numba") == 0, "reading headers compiles nothing"
    measure_source(long_video, "video", Measure())
    assert loaded("numba") > 0
    assert loaded("scipy") == loaded("pyarrow") == loaded("pydantic_core") == 0, "start-up that nobody needs"
    before = sandbox._child("jobs.clean.measure").process.pid
    facts()
    assert sandbox._child("jobs.clean.measure").process.pid == before


def loaded(package: str) -> int:
    """Libraries of a package that the child has mapped."""
    current = sandbox._current
    assert current is not None
    return sum(f"/{package}/" in line for line in Path(f"/proc/{current.process.pid}/maps").read_text().splitlines())


def test_what_takes_too_long_is_ended(long_video: Path) -> None:
    began = time.monotonic()
    with pytest.raises(DecodeTimeout, match="CPU"):
        sandbox.call(MEASURE, arguments(long_video), sandbox.Limits(cpu_s=0.3, per_media_s=0.0))
    assert time.monotonic() - began < 60
    assert measure_source(long_video, "video", Measure()).frames == 600


def test_the_limit_grows_with_the_length_that_was_decoded(long_video: Path) -> None:
    sandbox.call(MEASURE, arguments(long_video), sandbox.Limits(cpu_s=1.5, per_media_s=100.0))


def test_too_much_memory_is_refused(long_video: Path, tmp_path: Path) -> None:
    Image.new("RGB", (8000, 8000)).save(tmp_path / "large.png")
    with pytest.raises(DecodeMemory):
        sandbox.call(MEASURE, arguments(tmp_path / "large.png"), sandbox.Limits(memory_mb=100))
    assert measure_source(long_video, "video", Measure()).frames == 600


def test_a_child_that_dies_is_replaced(long_video: Path) -> None:
    pid = sandbox._child("jobs.clean.measure").process.pid
    killer = threading.Timer(0.3, os.kill, (pid, signal.SIGKILL))
    killer.start()
    with pytest.raises(DecodeCrash, match="signal 9"):
        measure_many(long_video)
    killer.join()
    assert measure_source(long_video, "video", Measure()).frames == 600
    assert sandbox._child("jobs.clean.measure").process.pid != pid


def measure_many(path: Path) -> None:
    """Long enough for anything to happen meanwhile."""
    for _ in range(50):
        measure_source(path, "video", Measure())


def test_a_file_that_is_far_away_is_read_for_the_child_within_bounds(long_video: Path) -> None:
    data = long_video.read_bytes()
    assert sandbox.call("jobs.collect.facts:facts", {}, file=io.BytesIO(data))["width"] == 640
    served = sandbox._Served(io.BytesIO(b"0123456789"))
    assert (served.read(8, 100), served.read(20, 1)) == (b"89", b"")
    for place, size in ((-1, 1), (0, -1), (0, 1 << 40)):
        with pytest.raises(ValueError, match="wants"):
            served.read(place, size)
    with pytest.raises(ValueError, match="over and over"):
        for _ in range(1 << 20):
            served.read(0, 10)


def test_a_place_that_fails_while_it_is_read_is_no_fault_of_the_file(long_video: Path) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError("connection reset")

    with pytest.raises(OSError, match="reset"):
        sandbox.call("jobs.collect.facts:facts", {}, file=Broken(long_video.read_bytes()))
    with open(long_video, "rb") as file:
        assert sandbox.call("jobs.collect.facts:facts", {}, file=file)["height"] == 360


def test_a_child_that_takes_no_answer_holds_nobody_up(long_video: Path) -> None:
    """More than a pipe holds is written to one that reads no more."""
    class Stopping(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            data = super().read(size)
            if len(data) > 1 << 16:
                os.kill(sandbox._child("jobs.collect.facts").process.pid, signal.SIGSTOP)
            return data

    began = time.monotonic()
    with pytest.raises(DecodeTimeout, match="CPU"):
        sandbox.call("jobs.collect.facts:facts", {}, sandbox.Limits(cpu_s=0.5), file=Stopping(long_video.read_bytes()))
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(("media_s", "limit_s"), [(0.0, 2.0), (5.0, 100.0), (1e9, 1000.0), (math.inf, 1000.0), (math.nan, 2.0)])
def test_a_time_limit_grows_with_what_is_decoded_and_no_further_than_it_may(media_s: float, limit_s: float) -> None:
    deadline = sandbox._Deadline(os.getpid(), sandbox.Limits(cpu_s=2.0, per_media_s=20.0, most_s=1000.0), "decoding")
    deadline.extend(media_s)
    assert deadline.limit_s == limit_s


def test_only_functions_of_the_jobs_are_called() -> None:
    with pytest.raises(DecodeCrash, match="not called"):
        sandbox.call("os:getcwd", {})


def test_an_error_no_one_foresaw_is_a_fault_with_its_name() -> None:
    with pytest.raises(DecodeCrash, match="TypeError"):
        sandbox.call(MEASURE, {"nonsense": 1})


def test_a_pipe_and_a_folder_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    began = time.monotonic()
    for path in (tmp_path / "pipe.mp4", tmp_path):
        with pytest.raises(NotRegularFile):
            measure_source(path, "video", Measure())
    assert time.monotonic() - began < 30


def test_a_missing_and_a_forbidden_file_say_so(tmp_path: Path) -> None:
    with pytest.raises(MediaFault) as raised:
        measure_source(tmp_path / "none.mp4", "video", Measure())
    assert raised.value.reason == "missing_file"


def test_a_confined_process_cannot_write_connect_or_start_anything(tmp_path: Path) -> None:
    script = textwrap.dedent(f"""
        import ctypes, os, socket, subprocess, sys, threading
        import fcntl, resource, signal, struct, termios
        from jobs.media import confine
        libc = ctypes.CDLL(None, use_errno=True)
        other = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)  # ends with this
        terminal, _ = os.openpty()
        ends, _ = os.pipe()
        def call(number, *args):
            if libc.syscall(number, *args) < 0:
                raise OSError(ctypes.get_errno(), "refused")
        def numbered(name):
            return confine.REFUSED[name][confine._ARCHITECTURES[os.uname().machine][0]]
        landlock = libc.syscall(444, None, 0, 1) > 0
        os.dup2(os.open(os.devnull, os.O_RDWR), 2)
        confine.limit()
        assert confine.confine()
        done = []
        for name, act in {{
            "write": lambda: open({str(tmp_path / 'x')!r}, "w"),
            "append": lambda: os.open({str(tmp_path / 'keep')!r}, os.O_RDWR),
            "remove": lambda: os.unlink({str(tmp_path / 'keep')!r}),
            "rename": lambda: os.rename({str(tmp_path / 'keep')!r}, "y"),
            "folder": lambda: os.mkdir({str(tmp_path / 'd')!r}),
            "connect": lambda: socket.socket(),
            "pair": lambda: socket.socketpair(),
            "fork": os.fork,
            "start": lambda: subprocess.run(["true"]),
            "execute": lambda: os.execv("/bin/true", ["true"]),
            "kill": lambda: os.kill(os.getppid(), 0),
            "kill by queue": lambda: call(numbered("rt_sigqueueinfo"), other.pid, signal.SIGKILL, struct.pack("iii29I", 9, 0, -1, *[0] * 29)),
            "kill by owner": lambda: fcntl.fcntl(ends, fcntl.F_SETOWN, other.pid),
            "kill by limit": lambda: resource.prlimit(other.pid, resource.RLIMIT_CPU, (1, 1)),
            "outlive": lambda: call({{"x86_64": 157, "aarch64": 167}}[os.uname().machine], 1, 0, 0, 0, 0),
            "type": lambda: fcntl.ioctl(terminal, termios.TIOCSTI, b"x"),
            "attribute": lambda: os.setxattr({str(tmp_path / 'keep')!r}, "user.x", b""),
            "mode": lambda: os.chmod({str(tmp_path / 'keep')!r}, 0o777),
            "new mode": lambda: call(452, -100, {str(tmp_path / 'keep').encode()!r}, 0o777, 0),
            "shared memory": lambda: call(numbered("shmget"), 0, 4096, 0o1666),
            "look": lambda: open(f"/proc/{{other.pid if landlock else -1}}/mem", "rb"),
        }}.items():
            try:
                act()
            except OSError:
                continue
            done.append(name)
        threading.Thread(target=lambda: None).start()
        done += [name for name, numbers in confine.REFUSED.items() if (number := numbers[confine._ARCHITECTURES[os.uname().machine][0]]) >= 0
                 and not (libc.syscall(number, -1, -1, -1, -1, -1, -1) == -1 and ctypes.get_errno() == 1)]
        done += [number for number in range(424, 600) if not (libc.syscall(number, -1, -1, -1, -1, -1, -1) == -1 and ctypes.get_errno() == 38)]
        done += ["killed"] * (other.poll() is not None)
        print(open({str(tmp_path / 'keep')!r}).read(), done)
    """)
    (tmp_path / "keep").write_text("kept")
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "kept []"


@pytest.mark.parametrize(("machine", "header"), [("x86_64", "x86_64-linux-gnu/asm/unistd_64.h"), ("aarch64", "asm-generic/unistd.h")])
def test_the_numbers_of_what_is_refused_are_those_of_the_kernel(machine: str, header: str) -> None:
    path = Path("/usr/include") / header
    if not path.exists():
        pytest.skip("the headers of the kernel are not installed")
    known = {name: int(number) for name, number in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", path.read_text())}
    column, _ = confine._ARCHITECTURES[machine]
    assert {name: numbers[column] for name, numbers in confine.REFUSED.items()} == {name: known.get(name, -1) for name in confine.REFUSED}
    some = {**{name: numbers for name, (numbers, _, _) in confine._REFUSED_WITH.items()}, "open": confine._OPEN, "openat": confine._OPENAT,
            "clone": confine._CLONE, "tgkill": confine._TGKILL, "prlimit64": confine._PRLIMIT}
    assert {name: numbers[column] for name, numbers in some.items()} == {name: known.get(name, -1) for name in some}


def test_a_child_is_told_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("NUMBA_CPU_NAME", "host")
    sandbox.close()
    told = Path(f"/proc/{sandbox._child('jobs.collect.facts').process.pid}/environ").read_bytes()
    assert b"secret" not in told
    assert b"NUMBA_CPU_NAME=host" in told


def test_the_child_is_confined() -> None:
    assert sandbox._child("jobs.clean.measure").confined


def test_a_child_that_cannot_start_ends_the_run_and_rejects_nothing(
    long_video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else every source of an image without weights would be a reject of a version that stands when the image is mended."""
    source = {**dict.fromkeys(FACTS), "source_id": "s", "modality": "video", "uri": str(long_video), "size_bytes": long_video.stat().st_size,
              "sha256": hashlib.sha256(long_video.read_bytes()).hexdigest()}
    sandbox.close()
    with monkeypatch.context() as broken:
        (tmp_path / "silero_vad").mkdir()
        (tmp_path / "silero_vad" / "__init__.py").touch()
        broken.syspath_prepend(tmp_path)
        with pytest.raises(Terminal, match="silero_vad"):
            _measured(source, Settings())
    with monkeypatch.context() as full:
        full.setattr(subprocess, "Popen", _no_process)
        with pytest.raises(Transient, match="temporarily unavailable"):
            _measured(source, Settings())
    with monkeypatch.context() as slow:
        slow.setattr(sandbox, "START_S", 0.01)
        before = children()
        with pytest.raises(Transient, match="starting took more than"):
            _measured(source, Settings())
        assert children() == before
    with monkeypatch.context() as killed:
        killed.setattr(sys, "executable", str(tmp_path / "killed"))
        (tmp_path / "killed").write_text("#!/bin/sh\nkill -9 $$\n")
        (tmp_path / "killed").chmod(0o755)
        with pytest.raises(Transient, match="signal 9"):
            _measured(source, Settings())
    assert isinstance(_measured(source, Settings()), list)


def _no_process(*_: object, **__: object) -> None:
    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))


def children() -> set[str]:
    """Process ids of the decoder processes of this one."""
    commands = {path.parent.name: _read(path) for path in Path("/proc").glob("[0-9]*/cmdline")}
    return {pid for pid, command in commands.items() if f"jobs.media.child\0{os.getpid()}\0".encode() in command}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_the_child_dies_with_its_parent(tmp_path: Path) -> None:
    script = "from jobs.media import sandbox; import time; print(sandbox._child('jobs.collect.facts').process.pid, flush=True); time.sleep(600)"
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    for _ in range(100):
        if not _alive(child):
            break
        time.sleep(0.1)
    assert not _alive(child)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def test_a_decoder_without_memory_is_no_fault_of_the_file() -> None:
    with pytest.raises(MemoryError):
        child.heed(OSError(errno.ENOMEM, "Cannot allocate memory"))
    child.heed(OSError(errno.EINVAL, "Invalid data"))

"""`reelmill up` leaves nothing behind, however it is ended."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from jobs.__main__ import main
from schemas.loading import load

STARTS = """
import sys
from jobs.__main__ import main
sys.executable = {server!r}
sys.exit(main(["up", "--lake", {lake!r}, "--home", {lake!r}]))
"""


def test_the_settings_of_the_words_are_those_of_the_runs(tmp_path: Path) -> None:
    server, note = tmp_path / "server", tmp_path / "environment"
    server.write_text(f"#!/bin/sh\nenv -0 > {note}\n")
    server.chmod(0o755)
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"dedup": {"threshold": 0.5, "shingle": 4}, "label": {"blocklist": ["一", "b"]}}))
    sets = ["dedup.threshold=0.7", "policy.filters.duration.min_s=3", "generate.revision=12e5", "generate.guidance=null"]
    code = STARTS.format(server=str(server), lake=str(tmp_path / "lake")).replace('"--lake"', f'"--settings", {str(file)!r}, *{[w for s in sets for w in ("--set", s)]!r}, "--lake"')
    other = {"REELMILL_POLICY__FILTERS__DURATION__MIN_S": "2", "REELMILL_DEDUP__HAMMING": "3", "REELMILL_GPU_POOL": "mine"}
    subprocess.run([sys.executable, "-c", code], env=os.environ | other, check=True, timeout=120, stderr=subprocess.DEVNULL)
    env = dict(line.split("=", 1) for line in note.read_text().split("\0") if line)
    assert load(env=env) == load([*sets, f"lake={tmp_path / 'lake'}"], str(file), env=other)
    assert env["REELMILL_GPU_POOL"] == "mine"


@pytest.mark.parametrize("port", ["0", "65536", "99999999", "-1", "http"])
def test_a_port_that_there_cannot_be_is_refused(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["up", f"--port={port}"])
    assert ended.value.code == 64
    assert "port" in capsys.readouterr().err


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_the_server_and_its_children_end_with_it(tmp_path: Path, how: signal.Signals) -> None:
    server, note = tmp_path / "server", tmp_path / "pids"
    server.write_text(f"#!/bin/sh\nsleep 600 &\necho $$ $! > {note}.new\nmv {note}.new {note}\nwait\n")
    server.chmod(0o755)
    code = STARTS.format(server=str(server), lake=str(tmp_path / "lake"))
    ignoring = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)}  # as a shell does for `command &`
    up = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL, **ignoring)  # type: ignore[call-overload]
    until = time.monotonic() + 60
    while not note.exists() and time.monotonic() < until:
        time.sleep(0.05)
    pids = [int(p) for p in note.read_text().split()]
    up.send_signal(how)
    assert up.wait(60) == 0
    assert not [pid for pid in pids if runs(pid)]


@pytest.mark.airflow
@pytest.mark.heavy
def test_nothing_listens_to_other_machines(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [sys.executable, "-m", "jobs", "up", "--lake", str(tmp_path / "lake"), "--home", str(tmp_path / "home"), "--port", str(port)]
    with (tmp_path / "log").open("wb") as log:
        up = subprocess.Popen(words, stdout=log, stderr=log)
    try:
        until, well = time.monotonic() + 240, False
        while not well and time.monotonic() < until:
            time.sleep(1)
            with contextlib.suppress(OSError):
                told = json.loads(urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v2/monitor/health", timeout=10).read())
                well = all(told[part]["status"] == "healthy" for part in ("scheduler", "triggerer", "dag_processor"))
        assert well, (tmp_path / "log").read_text()[-3000:]
        time.sleep(5)  # a server of logs starts beside its component
        assert listening(family(up.pid)) == {f"0100007F:{port:04X}"}
    finally:
        up.send_signal(signal.SIGINT)
        up.wait(60)


def family(pid: int) -> set[int]:
    """A process and all below it."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text().rsplit(")", 1)[1].split()[1])
    mine, more = set[int](), {pid}
    while more:
        mine |= more
        more = {child for child, parent in parents.items() if parent in mine} - mine
    return mine


def listening(pids: set[int]) -> set[str]:
    """Addresses, as proc(5) writes them, on which any of these processes listens."""
    sockets = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            sockets |= {os.readlink(fd) for fd in Path(f"/proc/{pid}/fd").iterdir()}
    lines = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    return {line[1] for line in lines if line[3] == "0A" and f"socket:[{line[9]}]" in sockets}


def runs(pid: int) -> bool:
    """Whether a process lives; one that is dead and not yet reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False

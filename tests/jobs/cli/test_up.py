"""`reelmill up` leaves nothing behind, however it is ended."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

STARTS = """
import sys
from jobs.__main__ import main
sys.executable = {server!r}
sys.exit(main(["up", "--lake", {lake!r}, "--home", {lake!r}]))
"""


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


def runs(pid: int) -> bool:
    """Whether a process lives; one that is dead and not yet reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False

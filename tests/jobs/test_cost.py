"""CPU seconds count wherever below this process they were spent, and once."""

import json
import subprocess
import sys

import pytest

from jobs import cost

SPIN = "import time\nwhile time.process_time() < 0.5: pass\n"


CHILD = """
import json, subprocess, sys, time
from jobs import cost

before = cost.cpu_s()
until = time.process_time() + 0.3
while time.process_time() < until:
    pass
subprocess.run([sys.executable, "-S", "-c", SPIN], check=True)
print(json.dumps(cost.cpu_s() - before))
"""


def alone(program: str):
    """What the program prints, run in a process of its own: what other tests left running below this one may end meanwhile, and take its seconds along."""
    done = subprocess.run([sys.executable, "-c", f"SPIN = {SPIN!r}\n{program}"], check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def test_this_process_and_a_child_that_has_ended_are_counted():
    assert alone(CHILD) == pytest.approx(0.8, abs=0.2)


GRANDCHILD = """
import json, subprocess, sys
from jobs import cost

before = cost.cpu_s()
words = f"{sys.executable} -S -c '{SPIN}import sys; print(1, flush=True); sys.stdin.read()'; true"
with subprocess.Popen(["sh", "-c", words], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as shell:
    assert shell.stdout.readline() == b"1\\n"
    running = cost.cpu_s() - before
print(json.dumps([running, cost.cpu_s() - before]))
"""


def test_a_grandchild_that_still_runs_is_counted():
    running, ended = alone(GRANDCHILD)
    assert running == pytest.approx(0.5, abs=0.2)
    assert ended >= running - 0.05  # it has ended, and its seconds stay


def test_memory_is_told_in_megabytes():
    assert 20 < cost.peak_mb() < 100_000

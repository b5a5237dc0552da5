"""`kill -9` in the middle of any job, then the same command again: the manifest of an undisturbed run, no row twice."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from jobs.job import ORDER, VIDEOS, job

pytestmark = [pytest.mark.spark, pytest.mark.heavy]

WAITS_TO_COMMIT = """
import sys, time, jobs.run
jobs.run._commit = lambda *words: time.sleep(600)
from jobs.__main__ import main
sys.exit(main(sys.argv[1:]))
"""
"""The command, but it never gets past its last task: a job of one quick task could else be done before it is killed."""
PROMPT = 'prompts.texts=["今天去了西藏，风景真的很美，我想和朋友们分享这个时刻。"]'
ONE_BY_ONE = "generate.batch=1"
"""Two shots and a task for each: the second is missing when the first is done."""


@pytest.fixture(scope="module")
def finished(built, reelmill, tmp_path_factory):
    """The lake of the tiny corpus with a video made as well."""
    lake = shutil.copytree(built, tmp_path_factory.mktemp("finished") / "lake")
    for name in VIDEOS:
        code, _, said = reelmill("run", name, "--lake", lake, "--set", PROMPT, "--set", ONE_BY_ONE, "--set", f"out={lake.parent / 'videos'}")
        assert code == 0, said
    return lake


@pytest.mark.parametrize("name", ORDER)
def test_a_killed_job_ends_as_if_it_had_not_been(name, finished, tiny, reelmill, tmp_path, facts_of):
    lake = tmp_path / "lake"
    shutil.copytree(finished, lake)
    for later in list(ORDER)[list(ORDER).index(name) :]:
        fingerprint = json.loads((lake / "_current" / f"{later}.json").read_text())["fingerprint"]
        for table in job(later).writes:
            shutil.rmtree(lake / table.name / fingerprint, ignore_errors=True)
        (lake / "_current" / f"{later}.json").unlink()
    words = ["run", name, "--lake", str(lake)]
    words += ["--source", str(tiny)] if name == "collect" else []
    words += ["--set", PROMPT, "--set", ONE_BY_ONE, "--set", f"out={tmp_path / 'videos'}"] if name in VIDEOS else []
    kill_when_the_first_task_is_done(words, lake)
    assert not (lake / "_current" / f"{name}.json").exists()
    code, _, said = reelmill(*words)
    assert code == 0, said
    assert facts_of(lake, name) == facts_of(finished, name)
    code, _, said = reelmill(*words)
    assert "nothing was done" in said


def kill_when_the_first_task_is_done(words, lake):
    """Start the command in a group of its own and kill the group as soon as a part of its work lies in the lake."""
    started = subprocess.Popen(
        [sys.executable, "-c", WAITS_TO_COMMIT, *words], start_new_session=True, env=os.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    until = time.monotonic() + 240
    while time.monotonic() < until and started.poll() is None:
        if list(lake.glob("_work/*/*.json")):
            break
        time.sleep(0.005)
    os.killpg(started.pid, signal.SIGKILL)
    assert started.wait(30) == -signal.SIGKILL, "it was done before it could be killed"

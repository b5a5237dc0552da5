"""A person approves before anything is published: the DAG waits for the answer, and only a yes posts a video."""

import json
import os
import stat
import subprocess
import sys

import pytest

pytestmark = pytest.mark.airflow

PATIENCE_S = 240
"""A run that waits for a person waits for ever, and Airflow's own timers disarm those of the tests: it runs as a child with this limit."""


@pytest.fixture
def said(tmp_path, monkeypatch):
    """Words of every call of a command `reelmill` that stands in front of the PATH and does nothing else."""
    folder = tmp_path / "bin"
    folder.mkdir()
    command = folder / "reelmill"
    command.write_text(f'#!/bin/bash\necho "$1 $2" >> {folder}/words\necho "did $2"\n')
    command.chmod(command.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}")
    return lambda: (folder / "words").read_text().splitlines()


PERSON = """
import json, sys, time
from types import SimpleNamespace
from airflow.api_fastapi.core_api.datamodels.hitl import UpdateHITLDetailPayload
from airflow.api_fastapi.core_api.routes.public.hitl import update_hitl_detail
from airflow.models.taskinstance import TaskInstance
from airflow.utils.session import create_session
from sqlalchemy import select
from sqlalchemy.orm import joinedload

words, answer = sys.argv[1:]
asked = select(TaskInstance).where(TaskInstance.task_id == "approve", TaskInstance.state == "awaiting_input").options(joinedload(TaskInstance.hitl_detail))
while True:
    time.sleep(0.5)
    with create_session(scoped=False) as session:
        if (waiting := session.scalar(asked)) is None:
            continue
        seen = {"body": waiting.hitl_detail.body, "before": open(words).read().splitlines()}
        user = SimpleNamespace(get_id=lambda: "1", get_name=lambda: "a person")
        update_hitl_detail(waiting.dag_id, waiting.run_id, waiting.task_id, UpdateHITLDetailPayload(chosen_options=[answer]), user, session)
    print(json.dumps(seen))
    break
"""
"""Waits until something is asked and answers it by the function that stands behind the page and the REST API."""


@pytest.fixture
def person(tmp_path, airflow_home):
    """Somebody at another desk, in a process of their own; ends with the test."""
    started = []

    def answers(answer):
        words = [sys.executable, "-c", PERSON, str(tmp_path / "bin" / "words"), answer]
        started.append(subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield answers
    for child in started:
        child.kill()
        child.communicate()


def run(home, approval: bool) -> subprocess.CompletedProcess:
    conf = json.dumps({"prompts": ["今天去了西藏"], "settings": {"recipe": {"publish": {"approval": approval}}}})
    words = [sys.executable, "-m", "dags.run_once", "generate_videos", "--home", str(home), "--conf", conf]
    return subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE_S)


@pytest.mark.parametrize(("answer", "published"), [("Approve", True), ("Reject", False)])
def test_only_a_yes_publishes(answer, published, said, person, airflow_home):
    child = person(answer)
    done = run(airflow_home, approval=True)
    out, error = child.communicate(timeout=60)
    assert out, error
    seen = json.loads(out)
    assert "did generate" in seen["body"], "what was generated is said where the question is asked"
    assert "run publish" not in seen["before"], "nothing was published before the answer"
    assert done.returncode == 0, done.stderr
    assert ("run publish" in said()) is published
    assert ("check publications" in said()) is published


def test_without_the_setting_nobody_is_asked(said, airflow_home):
    assert run(airflow_home, approval=False).returncode == 0
    assert "run publish" in said()

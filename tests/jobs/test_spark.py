"""What is spread over Spark, and what is not."""

import json
import os
import subprocess
import sys

import pytest

from jobs import spark
from jobs.run import execute
from schemas.settings import load


class Started(Exception):
    """Spark would have started."""


@pytest.fixture
def no_spark(monkeypatch):
    def session(runtime, java_options=()):
        raise Started

    monkeypatch.setattr(spark, "session", session)


def collected(tmp_path, *words):
    folder = tmp_path / "sources"
    folder.mkdir()
    (folder / "texts.jsonl").write_text(json.dumps({"text": "a quiet morning at the lake"}) + "\n")
    place = (f"runtime.lake={tmp_path / 'lake'}", f"runtime.sources={json.dumps([str(folder)])}", "runtime.progress=false")
    return execute("collect", load((*place, *words), env={}))


def test_a_single_task_on_this_machine_needs_no_spark(tmp_path, no_spark):
    assert collected(tmp_path).kept == 1


def test_a_cluster_gets_even_a_single_task(tmp_path, no_spark):
    with pytest.raises(Started):
        collected(tmp_path, "master=spark://127.0.0.1:7077")


COUNTS = """
from jobs import spark
from schemas.settings import Runtime
session = spark.session(Runtime(master="local[1]"))
print(session.sparkContext.parallelize([1, 2], 1).map(lambda x: x + 1).collect())
"""


@pytest.mark.spark
def test_a_broken_archive_of_classes_does_not_keep_spark_from_starting(tmp_path):
    (tmp_path / spark.ARCHIVE).write_bytes(b"no archive")
    done = subprocess.run([sys.executable, "-c", COUNTS], env=os.environ | {"REELMILL_CACHE": str(tmp_path)}, capture_output=True,
                          text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[2, 3]"

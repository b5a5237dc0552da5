"""What is spread over Spark, and what is not."""

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from jobs import spark
from jobs.errors import Terminal, Transient
from jobs.run import execute
from schemas.loading import load
from schemas.settings import Runtime


class Started(Exception):
    """Spark would have started."""


@pytest.fixture
def no_spark(monkeypatch):
    def session(runtime, java_options=(), conf=None):
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


ARCHIVES = """
from jobs import spark
spark.archive_classes()
print((spark.cache_home() / spark.ARCHIVE).stat().st_size > 1_000_000)
"""


@pytest.mark.spark
@pytest.mark.parametrize(("code", "java", "says"), [(ARCHIVES, None, "True"), (COUNTS, "nowhere", "[2, 3]"), (COUNTS, "java 8", "[2, 3]")])
def test_spark_starts_in_a_folder_with_blanks_and_whatever_java_the_environment_names(code, java, says, tmp_path):
    cache = tmp_path / 'my "big" cache'
    cache.mkdir()
    old = tmp_path / "java 8" / "bin" / "java"
    old.parent.mkdir(parents=True)
    old.write_text("#!/bin/sh\necho 'openjdk version \"1.8.0_402\"' >&2\n")
    old.chmod(0o755)
    env = os.environ | {"REELMILL_CACHE": str(cache)}
    if java:
        (cache / spark.ARCHIVE).write_bytes(b"is passed on, and Java goes on without")
        env |= {"JAVA_HOME": str(tmp_path / java)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False, timeout=300)
    assert done.stdout.splitlines()[-1:] == [says], done.stderr


def test_why_spark_did_not_start_is_one_sentence():
    jvm = ("WARNING: Using incubator modules\nException in thread \"main\" org.apache.spark.SparkException: Master must either be yarn or\n"
           "\tat org.apache.spark.deploy\n[JAVA_GATEWAY_EXITED] Java gateway process exited")
    said = spark._not_started(Runtime(master="lokal"), jvm)
    assert isinstance(said, Terminal)
    assert str(said) == "Spark does not start with runtime.master='lokal' and runtime.driver_memory='2g': Master must either be yarn or"
    lost = "26/11/27 ERROR StandaloneSchedulerBackend: Application has been killed. Reason: All masters are unresponsive! Giving up.\nx"
    away = spark._not_started(Runtime(master="spark://far:7077"), lost)
    assert isinstance(away, Transient)
    assert "runtime.master='spark://far:7077' (All masters are unresponsive! Giving up.)" in str(away)
    assert "Java gateway" in str(spark._not_started(Runtime(), "Java gateway process exited"))


@pytest.mark.spark
def test_a_master_that_is_none_ends_in_a_sentence(tmp_path):
    """In a process of its own: one that has a session keeps it."""
    (tmp_path / "a.txt").write_text("a quiet morning at the lake")
    words = ["run", "collect", "--source", str(tmp_path), "--lake", str(tmp_path / "lake"), "--set", "master=lokal"]
    ended = subprocess.run([sys.executable, "-m", "jobs", *words], capture_output=True, text=True, timeout=300)
    assert ended.returncode == 64
    assert ended.stderr.splitlines()[-1].startswith("reelmill: Spark does not start with runtime.master='lokal'")


GPUS = """
import json, os, sys, time
from types import SimpleNamespace
from jobs import run, spark
from schemas.loading import load

spark_session = spark.session
cluster = json.loads(sys.argv[1])
spark.session = lambda runtime, java_options=(), conf={}: spark_session(runtime, java_options, {**cluster, **conf})
run.work_off = lambda root, job, version, index, task, work, settings: work(task, settings)


def work(task, settings):
    started = time.time()
    time.sleep(0.3)
    with open(f"{settings.runtime.out}/{task}", "w") as note:
        json.dump([started, time.time(), os.getpid(), os.environ.get("CUDA_VISIBLE_DEVICES")], note)


lake = SimpleNamespace(root="")
job = SimpleNamespace(name="generate")
for first, gpu in ((0, True), (6, False)):
    settings = load([f"runtime.out={sys.argv[2]}", "master=local-cluster[1,2,1024]", "progress=false"], env={})
    spark.each_task(SimpleNamespace(lake=lake, job=job, fingerprint="", settings=settings), [(i, i) for i in range(first, first + 6)], work, "task", gpu)
"""


@pytest.mark.spark
@pytest.mark.heavy
def test_on_a_cluster_with_gpus_each_task_has_one_to_itself_and_workers_stay(tmp_path):
    import pyspark

    found = tmp_path / "gpus.sh"
    found.write_text('#!/bin/sh\necho \'{"name": "gpu", "addresses": ["3"]}\'\n')
    found.chmod(0o755)
    out = tmp_path / "out"
    out.mkdir()
    where = {"spark.worker.resource.gpu": ("amount", "discoveryScript"), "spark.executor.resource.gpu": ("amount", "discoveryScript")}
    conf = {f"{name}.{key}": "1" if key == "amount" else str(found) for name, keys in where.items() for key in keys}
    home = tmp_path / "spark"  # its workers keep their files in the home of Spark
    home.mkdir()
    for entry in Path(pyspark.__file__).parent.iterdir():
        (home / entry.name).symlink_to(entry)
    subprocess.run([sys.executable, "-c", GPUS, json.dumps(conf), str(out)], env=os.environ | {"SPARK_HOME": str(home)}, check=True,
                   capture_output=True, timeout=300)
    notes = [json.loads((out / str(i)).read_text()) for i in range(12)]
    alone = sorted(notes[:6])
    assert all(end <= start for (_, end, *_), (start, *_) in itertools.pairwise(alone))
    assert {gpu for *_, gpu in alone} == {"3"}
    assert len({pid for _, _, pid, _ in alone}) == 1  # a model stays loaded
    assert {gpu for *_, gpu in notes[6:]} == {None}  # and the next job takes none


ENDS = """
import os, sys, time
from types import SimpleNamespace
from jobs import run, spark
from jobs.errors import Terminal, Transient
from schemas.loading import load

run.work_off = lambda root, job, version, index, task, work, settings: work(task, settings)


def work(task, settings):
    with open(f"{settings.runtime.out}/{task}", "a") as note:
        note.write("x")
    if task == 3:
        raise {"Terminal": Terminal, "Transient": Transient}[kind]("no: such\\nmodel: x")
    time.sleep(0.2)


kind = sys.argv[2]
of = SimpleNamespace(lake=SimpleNamespace(root=""), job=SimpleNamespace(name="label"), fingerprint="",
                     settings=load([f"runtime.out={sys.argv[1]}", "master=local[2,4]", "progress=false"], env={}))
try:
    spark.each_task(of, [(i, i) for i in range(40)], work, "task")
except (Terminal, Transient) as error:
    print(type(error).__name__, repr(str(error)))
"""
"""The fourth of forty tasks ends with an error, on a master that tries a task four times as a cluster does."""


@pytest.mark.spark
@pytest.mark.parametrize("kind", ["Terminal", "Transient"])
def test_a_terminal_ends_the_job_at_once_and_a_transient_when_it_was_tried_again(tmp_path, kind):
    said = subprocess.run([sys.executable, "-c", ENDS, str(tmp_path), kind], capture_output=True, text=True, check=True, timeout=300).stdout
    tries = {int(path.name): len(path.read_text()) for path in tmp_path.iterdir()}
    if kind == "Terminal":
        assert said.strip() == r"Terminal 'no: such\nmodel: x'"
        assert tries[3] == 1
        assert max(tries) < 15, "most tasks were never begun"
    else:
        assert said.startswith("Transient 'no: such")
        assert tries[3] == 4


SHARED = ENDS.replace("kind = sys.argv[2]", "spark.MOST_SPARK_TASKS = 6").replace("if task == 3:", "if False:")


@pytest.mark.spark
def test_very_many_tasks_share_those_of_spark_and_each_is_done_once(tmp_path):
    assert SHARED.count("MOST_SPARK_TASKS") == 1
    subprocess.run([sys.executable, "-c", SHARED, str(tmp_path)], check=True, timeout=300)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {str(i): "x" for i in range(40)}


def test_tasks_that_share_the_gpu_of_this_machine_run_one_after_the_other(tmp_path, no_spark, monkeypatch):
    from types import SimpleNamespace

    from jobs import run

    monkeypatch.setattr(run, "write", lambda *words: order.append(words[3]))
    order = []
    settings = load(["master=local[4]", "progress=false"], env={})
    of = SimpleNamespace(lake=SimpleNamespace(root=""), job=SimpleNamespace(name="generate"), fingerprint="", settings=settings)
    monkeypatch.setattr(spark, "_usable_gpu", lambda: True)
    spark.each_task(of, [(i, i) for i in range(3)], lambda task, settings: None, "task", gpu=True)
    assert order == [0, 1, 2]
    monkeypatch.setattr(spark, "_usable_gpu", lambda: False)
    with pytest.raises(Started):
        spark.each_task(of, [(i, i) for i in range(3)], lambda task, settings: None, "task", gpu=True)

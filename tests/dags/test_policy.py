"""Every DAG is documented, owned, retried and light, starts jobs that exist in an order that works, and checks its form."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.job import CORPUS, ORDER, VIDEOS
from jobs.job import job as find_job
from schemas.loading import known_names
from schemas.settings import Settings

pytestmark = pytest.mark.airflow
ROOT = Path(__file__).resolve().parents[2]
DAGS = ("build_and_generate", "build_corpus", "capture_live", "generate_videos", "relabel")
STANDING = {"generate_videos": {"samples", "clips", "labels"}, "relabel": {"sources", "clips", "rejects", "duplicates"}}
"""Tables that a DAG may find in the lake because another one made them."""


def words(task) -> tuple[str, str] | None:
    """(run, JOB) or (check, TABLE) of a task that starts a command."""
    command = getattr(task, "bash_command", "").split()
    return (command[1], command[2]) if command[:1] == ["reelmill"] else None


def before(dag, task) -> list:
    return [dag.task_dict[i] for i in task.get_flat_relative_ids(upstream=True)]


def test_the_dags_are_read_without_an_error(bag):
    assert bag.import_errors == {}
    assert tuple(sorted(bag.dags)) == DAGS


@pytest.mark.parametrize("name", DAGS)
def test_a_dag_is_documented_tagged_owned_and_retried(bag, name):
    dag = bag.dags[name]
    assert len(dag.doc_md.splitlines()) > 3
    assert "Safe to re-run" in dag.doc_md
    assert dag.tags
    assert not dag.catchup
    assert dag.max_active_runs == 1
    for task in dag.tasks:
        assert task.retries >= 1, task.task_id
        assert task.owner not in ("", "airflow"), task.task_id
        assert task.retry_exponential_backoff >= 2, task.task_id
        assert task.max_retry_delay, task.task_id
        assert task.execution_timeout or task.task_id == "approve", task.task_id


def test_all_jobs_are_started_and_all_that_is_started_is_a_job(bag):
    started = {words(t)[1] for dag in bag.dags.values() for t in dag.tasks if words(t) and words(t)[0] == "run"}
    assert started == set(ORDER)


def test_the_flows_are_the_jobs_in_their_order(bag):
    def jobs(name):
        return tuple(words(t)[1] for t in bag.dags[name].topological_sort() if words(t) and words(t)[0] == "run")

    assert jobs("build_corpus") == CORPUS
    assert jobs("generate_videos") == VIDEOS
    assert jobs("build_and_generate") == CORPUS + VIDEOS
    assert jobs("relabel") == ("label",)


@pytest.mark.parametrize("name", DAGS)
def test_no_dag_runs_a_job_before_its_inputs(bag, name):
    dag = bag.dags[name]
    for task in dag.tasks:
        if words(task) and words(task)[0] == "run":
            job = find_job(words(task)[1])
            made = {t.name for up in before(dag, task) if words(up) and words(up)[0] == "run"
                    for t in find_job(words(up)[1]).writes}
            wanted = {t.name for t in job.reads} - {t.name for t in job.optional}
            assert wanted <= made | STANDING.get(name, set()), task.task_id


@pytest.mark.parametrize("name", DAGS)
def test_a_gate_stands_between_every_table_and_who_reads_it(bag, name):
    dag = bag.dags[name]
    for task in dag.tasks:
        if not words(task) or words(task)[0] != "run":
            continue
        writes = {t.name for t in find_job(words(task)[1]).writes}
        checks = [d.bash_command.split()[2:] for d in task.downstream_list if words(d) and words(d)[0] == "check"]
        follows = {word for line in checks for word in line[:line.index("--of" if "--of" in line else "--set")]}
        assert follows, f"{task.task_id} has no gate behind it"
        assert follows <= writes
        assert writes - follows <= {"rejects"}, task.task_id  # the vocabulary of rejects is checked where policy decides
        passing = [d for d in task.downstream_list if not (words(d) and words(d)[0] == "check")]
        assert not passing, "nothing but its gate may follow a job"


def test_the_release_is_the_asset_that_starts_the_videos(bag):
    asset, = bag.dags["build_corpus"].task_dict["check_samples"].outlets
    assert asset.name == "samples"
    assert [a.name for a in bag.dags["generate_videos"].timetable.asset_condition.objects] == ["samples"]


def test_both_halves_in_one_run_start_no_second_run_of_the_videos(bag):
    assert [t.task_id for t in bag.dags["build_and_generate"].tasks if t.outlets] == []


def test_generation_takes_a_slot_of_the_gpu_pool(bag):
    pools = {t.task_id: t.pool for dag in bag.dags.values() for t in dag.tasks}
    assert {task for task, pool in pools.items() if pool == "gpu"} == {"generate"}


@pytest.mark.parametrize("name", DAGS)
def test_the_form_takes_every_setting_and_refuses_other_names(bag, name):
    from airflow.sdk.exceptions import ParamValidationError

    param = bag.dags[name].params.get_param("settings")
    for dotted in known_names():
        for spelled in (dotted, dotted.split(".", 1)[1]):
            tree: dict = {}
            for part in reversed(spelled.split(".")):
                tree = {part: tree}
            param.resolve(tree)
    assert param.resolve({"recipe": Settings().recipe.model_dump(mode="json")})
    for wrong in ({"recipe": {"dedup": {"treshold": 0.8}}}, {"dedupe": {}}, {"runtime": {"lakes": "x"}}):
        with pytest.raises(ParamValidationError):
            param.resolve(wrong)


@pytest.mark.parametrize(("zone", "at", "day"), [("UTC", "2026-03-05T00:00:00", "2026-03-04"), ("Asia/Shanghai", "2026-03-04T16:00:00", "2026-03-04")])
def test_the_run_of_midnight_is_about_the_day_that_is_over(airflow_home, zone, at, day):
    """At midnight the folder of the day that begins is empty."""
    code = f"""
import dags.build_corpus as made, pendulum
from types import SimpleNamespace
from airflow.serialization.serialized_objects import DagSerialization
from airflow.timetables.base import TimeRestriction
from dags.common.tasks import day_of
clock = DagSerialization.from_dict(DagSerialization.to_dict(made.build_corpus())).timetable
run = clock.next_dagrun_info(last_automated_data_interval=None, restriction=TimeRestriction(pendulum.parse("2026-03-04", tz="{zone}"), None, True))
print(run.run_after.in_timezone("UTC").strftime("%Y-%m-%dT%H:%M:%S"), day_of(SimpleNamespace(logical_date=run.logical_date, run_after=run.run_after)))
"""
    env = os.environ | {"REELMILL_CORPUS_SCHEDULE": "0 0 * * *", "REELMILL_TIMEZONE": zone}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].split() == [at, day]


@pytest.mark.parametrize("module", [f"dags.{name}" for name in DAGS])
def test_reading_a_dag_is_light(module):
    heavy = {"torch", "pyspark", "pandas", "great_expectations", "cv2", "av", "jobs", "quality"}
    code = f"import sys, {module}; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_files_beside_the_dags_are_ignored(bag):
    assert {Path(dag.fileloc).name for dag in bag.dags.values()} == {f"{name}.py" for name in DAGS}
    assert json.dumps(sorted(bag.dagbag_stats and [Path(s.file).name for s in bag.dagbag_stats])) == json.dumps(
        [f"{name}.py" for name in DAGS])

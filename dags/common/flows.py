"""The order of jobs and gates, once for every DAG that has them: a gate stands behind every table."""

from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import chain, task

from dags.common.defaults import GPU_POOL
from dags.common.tasks import Command, asset, check, day_of, effective, run
from schemas import BEHAVIOUR, CLIPS, DUPLICATES, GENERATIONS, LABELS, PROMPTS, PUBLICATIONS, REJECTS, SAMPLES, SOURCES


def corpus(*, announced: bool = True) -> tuple[Command, Command]:
    """Raw media to a release: its first and its last task. A release that is announced starts `generate_videos`."""
    first, last = run("collect"), check(SAMPLES, "fuse", outlets=[asset(SAMPLES)] if announced else [])
    chain(
        first, check(SOURCES, "collect", BEHAVIOUR),
        run("measure"), check(CLIPS, "measure"),
        run("judge"), check(REJECTS, "judge"),
        run("dedup"), check(DUPLICATES, "dedup"),
        *labels(),
        run("fuse"), last,
    )
    return first, last


def labels() -> tuple[Command, Command]:
    """Labels of clips and their gate."""
    return run("label"), check(LABELS)


def videos() -> tuple[Command, Command]:
    """A release to published videos: its first and its last task. A person is asked first where the settings say so."""
    first, made, published = run("prompts"), check(GENERATIONS, "generate"), run("publish", trigger_rule="none_failed_min_one_success")
    last = check(PUBLICATIONS, "publish")
    ask = approval_wanted()
    approve = ApprovalOperator(
        task_id="approve",
        subject="Publish the generated videos?",
        body="{{ ti.xcom_pull(task_ids='generate') }}\n\nThe report page shows them. Reject, and nothing is published.",
        execution_timeout=None,
    )
    chain(first, check(PROMPTS, "prompts"), run("generate", pool=GPU_POOL), made, ask)
    ask >> [approve, published]
    approve >> published >> last
    return first, last


@task.branch(task_id="approval_wanted")  # type: ignore[untyped-decorator]
def approval_wanted(**context: Any) -> str:
    """Which way to publish: past a person (recipe.publish.approval) or at once."""
    settings = effective(context["params"], context.get("triggering_asset_events"), day_of(context["dag_run"]))
    return "approve" if settings.recipe.publish.approval else "publish"

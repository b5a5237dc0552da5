"""Turns raw media into a release: a deduplicated, labelled corpus of Parquet shards.

Collects what is new, measures it in one decode pass, judges the numbers by policy, drops duplicates, labels and fuses. A gate
behind every table stops the run with a readable reason. The release is the asset `samples`; `generate_videos` waits for it.

Safe to re-run: every job skips a version that stands, so a retry or a second run does only what is missing. Sources may
name `{date}`: a scheduled or backfilled run then reads the folder of its day. `REELMILL_CORPUS_SCHEDULE` sets the clock.
"""

from airflow.sdk import dag

from dags.common.defaults import DEFAULTS, START, corpus_params, schedule
from dags.common.flows import corpus
from dags.common.tasks import MACROS


@dag(schedule=schedule("corpus"), start_date=START, catchup=False, max_active_runs=1, doc_md=__doc__, tags=["corpus"],
     default_args=DEFAULTS, params=corpus_params(), user_defined_macros=MACROS)  # type: ignore[untyped-decorator]
def build_corpus() -> None:
    """The DAG."""
    corpus()


build_corpus()

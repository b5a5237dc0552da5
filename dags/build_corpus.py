"""Turns raw media into a release: a deduplicated, labelled corpus of Parquet shards.

Collects what is new, measures it in one decode pass, judges the numbers by policy, drops duplicates, labels and fuses. A gate
behind every table stops the run with a readable reason. The release is the asset `samples`; `generate_videos` waits for it.

Safe to re-run: every job skips a version that stands, so a retry or a second run does only what is missing. Sources may
name `{date}`. A scheduled or backfilled run reads the folder of its day, which is over when the run starts: with `0 2 * * *` the
run of two o'clock is that of the day before. One that was asked for reads that of the date it was given, or of today.
`REELMILL_CORPUS_SCHEDULE` sets the clock, `REELMILL_TIMEZONE` the zone of clock and days (UTC).
"""

from airflow.sdk import dag

from dags.common.defaults import DEFAULTS, START, by_day, corpus_params, schedule
from dags.common.flows import corpus
from dags.common.tasks import MACROS


@dag(schedule=by_day(schedule("corpus")), start_date=START, catchup=False, max_active_runs=1, doc_md=__doc__, tags=["corpus"],
     default_args=DEFAULTS, params=corpus_params(), user_defined_macros=MACROS)  # type: ignore[untyped-decorator]
def build_corpus() -> None:
    """The DAG."""
    corpus()


build_corpus()

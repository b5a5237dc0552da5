"""Turns a release into narrated, composed, labelled and published videos.

Starts when `build_corpus` has made a release, with the settings of that run (of the last one, where there were several meanwhile),
or by hand with prompts of your own.
Generation takes slots of the pool `gpu`. With `recipe.publish.approval` a person approves in the Airflow UI first.

Safe to re-run: a finished generation is not made again, and a publication carries a key by which a retry never posts it twice.
"""

from airflow.sdk import dag

from dags.common.defaults import DEFAULTS, START, video_params
from dags.common.flows import videos
from dags.common.tasks import MACROS, asset
from schemas import SAMPLES


@dag(schedule=[asset(SAMPLES)], start_date=START, catchup=False, max_active_runs=1, doc_md=__doc__, tags=["videos"],
     default_args=DEFAULTS, params=video_params(), user_defined_macros=MACROS)  # type: ignore[untyped-decorator]
def generate_videos() -> None:
    """The DAG."""
    videos()


generate_videos()

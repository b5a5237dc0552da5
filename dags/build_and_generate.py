"""Both in one run: raw media in; a release and finished videos out.

For trying settings from end to end, by hand, with a form: say where the media are, and what to film or how many prompts to draw.
Day to day `build_corpus` and `generate_videos` do the same apart; this one makes its own videos and starts neither.

Safe to re-run: every job skips a version that stands.
"""

from airflow.sdk import dag

from dags.common.defaults import DEFAULTS, START, corpus_params, video_params
from dags.common.flows import corpus, videos
from dags.common.tasks import MACROS


@dag(schedule=None, start_date=START, catchup=False, max_active_runs=1, doc_md=__doc__, tags=["corpus", "videos"],
     default_args=DEFAULTS, params=corpus_params() | video_params(), user_defined_macros=MACROS)  # type: ignore[untyped-decorator]
def build_and_generate() -> None:
    """The DAG."""
    release, prompts = corpus(announced=False)[1], videos()[0]
    release >> prompts


build_and_generate()

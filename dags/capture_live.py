"""Records live streams into a landing folder, for `build_corpus` to collect.

Streams are HLS playlists; several are recorded at once. `REELMILL_CAPTURE_LIVE_SCHEDULE` sets the clock; without it the DAG is started by
hand. Name the landing folder among the sources of `build_corpus`.

Safe to re-run: a second run records what is on air then, under other names; what is recorded twice is dropped as a duplicate.
"""

from airflow.sdk import Param, dag

from dags.common.defaults import DEFAULTS, START, schedule, settings_param
from dags.common.tasks import MACROS, Command


@dag(schedule=schedule("capture_live"), start_date=START, catchup=False, max_active_runs=1, doc_md=__doc__,  # type: ignore[untyped-decorator]
     tags=["corpus"], default_args=DEFAULTS, user_defined_macros=MACROS, params={
         "streams": Param(None, type=["null", "array"], items={"type": "string"}, title="Streams",
                          description="Addresses of HLS playlists, one a line."),
         "folder": Param(None, type=["null", "string"], title="Landing folder", description="Named from the root."),
         "seconds": Param(None, type=["null", "number"], exclusiveMinimum=0, title="Seconds", description="Length to record of each."),
         "settings": settings_param(),
     })
def capture_live() -> None:
    """The DAG."""
    Command(task_id="capture", words="capture")


capture_live()

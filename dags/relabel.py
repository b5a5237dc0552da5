"""Labels the standing clips again, with other labelers or another model, and checks the labels.

Decodes no picture: labelers read the stored frames (transcripts hear the sound of the sources). Rows of labelers that are not
asked for are copied as they stand; where labelers, model and clips are as before, it does nothing. The release takes the new
labels up with the next `build_corpus` of the same label settings: keep those in the environment or a settings file, since a
build with others goes by its own. `REELMILL_RELABEL_SCHEDULE` sets the clock, weekly by default.

Safe to re-run: a version of labels that stands is not made again.
"""

from airflow.sdk import Param, chain, dag

from dags.common.defaults import DEFAULTS, START, lake_param, schedule, settings_param
from dags.common.flows import labels
from dags.common.tasks import MACROS


@dag(schedule=schedule("relabel", "@weekly"), start_date=START, catchup=False, max_active_runs=1,  # type: ignore[untyped-decorator]
     doc_md=__doc__, tags=["corpus"], default_args=DEFAULTS, user_defined_macros=MACROS, params={
         "labelers": Param(None, type=["null", "array"], items={"type": "string"}, title="Labelers",
                           description="Names, one a line; empty: all whose models are at hand."),
         "lake": lake_param(),
         "settings": settings_param(),
     })
def relabel() -> None:
    """The DAG."""
    chain(*labels())


relabel()

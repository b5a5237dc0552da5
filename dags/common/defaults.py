"""What every task inherits, and the form that a person fills in to start a run."""

import os
from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import CronDataIntervalTimetable, Param
from pydantic import BaseModel

from schemas.settings import Policy, Prompts, Recipe, Runtime, Settings

OWNER = "data-engineering"
TIMEZONE = os.environ.get("REELMILL_TIMEZONE", "UTC")
"""In which clocks are read and days begin."""
START = pendulum.datetime(2026, 1, 1, tz=TIMEZONE)
JOB_TIMEOUT = timedelta(hours=12)
"""A batch that takes longer is too large: cut it."""
CHECK_TIMEOUT = timedelta(hours=1)
GPU_POOL = os.environ.get("REELMILL_GPU_POOL", "gpu")
"""Airflow pool with a slot per GPU; `airflow pools set gpu 1 "one per GPU"` makes it."""

DEFAULTS: dict[str, Any] = {
    "owner": OWNER,
    "retries": 20,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=15),
    "execution_timeout": JOB_TIMEOUT,
}
"""Retries half a minute to a quarter of an hour apart, four hours in all: so long a lake may be held by another run, and a disk be full. What fails
in another way is tried thrice (`dags.common.tasks.Command`), wrong input once."""


MORE = "More"
"""Section of the form for what is seldom filled in; it is folded up at first."""


def schedule(name: str, default: str | None = None) -> str | None:
    """The schedule of a DAG: `REELMILL_<NAME>_SCHEDULE` (cron or preset, empty for none) where it is set, else the default."""
    return os.environ.get(f"REELMILL_{name.upper()}_SCHEDULE", default or "") or None


def by_day(cron: str | None) -> CronDataIntervalTimetable | str | None:
    """The clock of a DAG whose runs are about the time that has gone by since the run before, at the end of which they start.

    Of itself Airflow takes a cron expression for the times of runs that are about the moment: at midnight that is a day in which nothing is yet.
    """
    return cron if cron in (None, "@once", "@continuous") else CronDataIntervalTimetable(cron, TIMEZONE)


def lake_param() -> Param:
    """Where the lake is."""
    return Param(None, type=["null", "string"], title="Lake", description=f"{_doc('lake')} Empty: as the worker is set up.", section=MORE)


def corpus_params() -> dict[str, Param]:
    """The form of a corpus build."""
    return {
        "sources": Param(None, type=["null", "array"], items={"type": "string"}, title="Sources",
                         description="Folders and files, one a line; {date} stands for the day of the run (on request: today)."),
        "lake": lake_param(),
        "preset": _choice(Policy, "preset", title="Policy", description="A named set of thresholds.", section=MORE),
        "settings": settings_param(),
    }


def video_params() -> dict[str, Param]:
    """The form of a generation run."""
    return {
        "prompts": Param(None, type=["null", "array"], items={"type": "string"}, title="Prompts",
                         description="One a line; empty: drawn from the release."),
        "count": Param(None, type=["null", "integer"], minimum=1, title="Count",
                       description=f"How many prompts are drawn where none is given. Empty: {Prompts().count}."),
        "aspect": _choice(Prompts, "aspect", title="Aspect", description="Shape of the videos."),
        "style": _choice(Prompts, "style", title="Style", description="Preset of the storyboards."),
        "lake": lake_param(),
        "settings": settings_param(),
    }


def settings_param() -> Param:
    """Any other setting; a name that is not one is refused when the run is asked for."""
    return Param({}, title="Settings", description='Overrides, e.g. {"recipe": {"dedup": {"threshold": 0.75}}}', section=MORE,
                 **names_schema() | {"type": ["object", "null"]})


def names_schema() -> dict[str, Any]:
    """JSON schema of the names of all settings and no more; `recipe.` and `runtime.` may be left out, as on the command line.

    Values are checked by the command itself. Airflow checks a schema against the metaschema for every param of every task each
    time that it reads a DAG: with the whole schema of Settings a run of two DAGs spent 25 s of CPU on nothing else.
    """
    sections: dict[str, type[BaseModel]] = {n: type(getattr(Recipe(), n)) for n in Recipe.model_fields}
    names = {n: {"propertyNames": {"enum": list(kind.model_fields)}} for n, kind in (sections | {"runtime": Runtime}).items()}
    allowed = [*Settings.model_fields, *sections, *Runtime.model_fields]
    return {"type": "object", "propertyNames": {"enum": allowed}, "properties": names | {"recipe": {"$ref": "#"}}}


def _doc(name: str) -> str:
    return str(Runtime.model_fields[name].description)


def _choice(of: type[BaseModel], name: str, **words: str) -> Param:
    """A field with the values of a setting to choose from; the empty choice leaves it to the settings."""
    facts = of.model_json_schema()["properties"][name]
    return Param(None, type=["null", "string"], enum=[None, *facts["enum"]], values_display={"null": f"as set ({facts['default']})"}, **words)

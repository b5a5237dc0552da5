"""The one way a DAG starts work: a command line, never an import."""

import difflib
import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import pendulum
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import Asset
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from dags.common.defaults import CHECK_TIMEOUT, TIMEZONE
from schemas import REJECTS, Table
from schemas.loading import load, spelled
from schemas.settings import Runtime, Settings, SettingsError

TERMINAL, BUSY = 64, 75
"""Exit codes of a command that would fail again on the same inputs, and of one that has to wait its turn."""
TRIES = 3
"""Of a task that fails in any other way: time enough for a worker or an object store to come back."""


class Refused(AirflowFailException):  # type: ignore[misc]
    """The command said that another try would end the same: no retry."""

    exit_code = TERMINAL


class Failed(AirflowException):  # type: ignore[misc]
    """The command failed in a way that another try may mend."""

    def __init__(self, reason: str, exit_code: int) -> None:
        super().__init__(reason)
        self.exit_code = exit_code


class Command(BashOperator):  # type: ignore[misc]
    """A `reelmill` command whose last line is its outcome; exit code 64 is not tried again, 75 as often as the task is, any other failure twice.

    Its settings travel in a file that lasts as long as it does, so that nothing a person typed is ever part of a shell command, nor too long
    for one.
    """

    env: dict[str, str]

    def __init__(self, *, words: str, **kwargs: Any) -> None:
        super().__init__(
            bash_command=f'reelmill {words} --set "@$REELMILL_SETTINGS"',  # stronger than the worker's environment
            env={"REELMILL_SETTINGS": "{{ settings_of(params, triggering_asset_events, day_of(dag_run)) }}"},
            append_env=True,
            skip_on_exit_code=None,
            **kwargs,
        )

    def execute(self, context: Any) -> str:
        """Run it, and hand the settings on with each asset that it makes.

        Raises:
            Refused: it would work in a folder of nowhere, or has failed often enough.
        """
        told = self.env["REELMILL_SETTINGS"]
        if self.cwd is None and (astray := _astray(load([told]).runtime, self.bash_command)):
            raise Refused(f"{astray} is relative, and to nothing: a task has no folder of its own that lasts; name it from the root or as a URL")
        with NamedTemporaryFile("w", prefix="reelmill-", suffix=".json") as file:  # readable by its owner alone
            file.write(told)
            file.flush()
            self.env = {"REELMILL_SETTINGS": file.name}
            try:
                last = super().execute(context)
            except Failed as error:
                if error.exit_code != BUSY and _tries(context["ti"], self.retries) >= TRIES:
                    raise Refused(str(error)) from None
                raise
        for asset in self.outlets:
            context["outlet_events"][asset].extra = {"settings": json.loads(told), "outcome": last}
        return str(last)

    def _run_inline_command(self, bash_path: str, env: dict[str, str]) -> Any:
        result = super()._run_inline_command(bash_path=bash_path, env=env)
        if result.exit_code == TERMINAL:
            raise Refused(result.output)
        if result.exit_code != 0:
            raise Failed(result.output or f"{self.task_id} ended with exit code {result.exit_code}", result.exit_code)
        return result


def _tries(ti: Any, retries: int) -> int:
    """How often it was tried since the run began or was cleared, which leaves it as many tries as before."""
    return int(ti.try_number + retries - ti.max_tries)


def _astray(runtime: Runtime, command: str) -> str | None:
    """The first folder that this command would look for in the one it is started in; Airflow starts each in one that it removes."""
    if command.startswith("reelmill capture "):
        named = [("capture.folder", runtime.capture.folder)]
    else:
        named = [("lake", runtime.lake), *(("sources", source) for source in runtime.sources), ("out", runtime.out or runtime.lake)]
    return next((f"{name} {folder!r}" for name, folder in named if "://" not in folder and not Path(folder).is_absolute()), None)


def run(job: str, **kwargs: Any) -> Command:
    """The task of a job; it carries the job's name."""
    return Command(task_id=job, words=f"run {job}", **kwargs)


def check(table: Table, of: str = "", *also: Table, **kwargs: Any) -> Command:
    """The task of a table's gate, and of those of what the job `of` wrote with it, its rejects among them. It stops the DAG with the gate's reason."""
    words = " ".join(dict.fromkeys((table.name, *(t.name for t in also), REJECTS.name))) + f" --of {of}" if of else table.name
    return Command(task_id=f"check_{table.name}", words=f"check {words}", execution_timeout=CHECK_TIMEOUT, **kwargs)


def asset(table: Table) -> Asset:
    """A table as an Airflow asset; its events carry the settings of the run that made it."""
    return Asset(name=table.name, uri=f"reelmill://{table.name}")


def settings_of(params: Mapping[str, Any], events: Any = None, day: str | None = None) -> str:
    """The settings of a run as JSON: those that came with the newest event of the triggering asset, then the form's own settings, then its fields.

    Args:
        params: The form.
        events: Triggering asset events of the run by asset; empty for one that a person or the clock started.
        day: What replaces `{date}` in sources, wherever these are named.

    Raises:
        Refused: a field that no form has, which the API would take, and the run would go its own way without it; or a setting that does not
            exist or hold.
    """
    if strange := sorted(set(params) - {*FIELDS, "settings"}):
        near = difflib.get_close_matches(strange[0], [*FIELDS, "settings"], n=1, cutoff=0.0)[0]
        raise Refused(f"there is no field {strange[0]!r} in the form of this run; the nearest is {near!r}")
    try:
        tree = merged(_newest(events), spelled(params.get("settings") or {}))
        for field, (section, name) in FIELDS.items():
            if params.get(field) is not None:
                tree = merged(tree, _nested(section, name, params[field]))
        sources = load([json.dumps(tree)]).runtime.sources if day else ()
    except SettingsError as error:
        raise Refused(str(error)) from None
    if day and any("{date}" in source for source in sources):
        tree = merged(tree, {"runtime": {"sources": [source.replace("{date}", day) for source in sources]}})
    return json.dumps(tree)  # halves of characters as well: a command says what it makes of them


FIELDS: Mapping[str, tuple[str, str]] = {
    "sources": ("runtime", "sources"),
    "lake": ("runtime", "lake"),
    "streams": ("runtime.capture", "streams"),
    "folder": ("runtime.capture", "folder"),
    "seconds": ("runtime.capture", "seconds"),
    "preset": ("recipe.policy", "preset"),
    "prompts": ("recipe.prompts", "texts"),
    "count": ("recipe.prompts", "count"),
    "aspect": ("recipe.prompts", "aspect"),
    "style": ("recipe.prompts", "style"),
    "labelers": ("recipe.label", "labelers"),
}
"""Fields of the forms and the settings that they stand for."""


def effective(params: Mapping[str, Any], events: Any = None, day: str | None = None) -> Settings:
    """The settings as the commands of the run see them, environment and defaults included."""
    return load([settings_of(params, events, day)])


def merged(below: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Both trees in one; where they differ `over` wins."""
    both = dict(below)
    for name, value in over.items():
        old = both.get(name)
        both[name] = merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return both


def _nested(section: str, name: str, value: Any) -> dict[str, Any]:
    tree: dict[str, Any] = {name: value}
    for part in reversed(section.split(".")):
        tree = {part: tree}
    return tree


def _newest(events: Any) -> dict[str, Any]:
    """Settings of the release that was made last; nothing of the others that came since the run before is mixed in.

    Raises:
        Refused: they lie in several lakes, all but one of which would be passed over.
    """
    every = sorted((event for of_asset in dict(events or {}).values() for event in of_asset), key=lambda e: str(e.timestamp))
    told = [spelled((event.extra or {}).get("settings", {})) for event in every]
    if len(lakes := sorted({str(tree.get("runtime", {}).get("lake", "that of the worker")) for tree in told})) > 1:
        raise Refused(f"releases in several lakes came since the last run: {', '.join(lakes)}; start one by hand for each, with its lake in the form")
    return told[-1] if told else {}


def day_of(run: Any) -> str:
    """The day that a run is about: on which the time that it covers began, or, where it covers none, on which it was asked for."""
    return str(pendulum.instance(run.logical_date or run.run_after).in_timezone(TIMEZONE).to_date_string())


MACROS = {"settings_of": settings_of, "day_of": day_of}
"""What templates of these tasks call; every DAG names it in `user_defined_macros`."""

"""Runs DAGs once, one after the other, in this process: no scheduler, no server, Airflow's metadata in one SQLite file.

    python -m dags.run_once build_corpus generate_videos --conf '{"sources": ["media"], "lake": "lake"}'

What runs are the DAGs themselves (`dag.test`). A line per task tells its state and seconds; the exit code is that of the task
that failed: 64 when another try would end the same, 75 when it may not, 1 for anything else.
"""

import argparse
import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HOME = Path(os.environ.get("REELMILL_CACHE", Path.home() / ".cache" / "reelmill")) / "airflow"
"""Where Airflow keeps its database of such runs."""
DAGS = Path(__file__).parent


@dataclass
class Board:
    """What happened so far; prints a line as each task ends.

    Attributes:
        quiet: Print nothing but failures.
        seconds: Seconds by task.
        reason: Last words of the task that failed first.
        exit_code: Its exit code; 0 while all is well.
    """

    quiet: bool = False
    seconds: dict[str, float] = field(default_factory=dict)
    reason: str = ""
    exit_code: int = 0
    _started: dict[str, float] = field(default_factory=dict)

    def begin(self, context: Mapping[str, Any]) -> None:
        """A task starts."""
        self._started[context["ti"].task_id] = time.monotonic()

    def done(self, context: Mapping[str, Any]) -> None:
        """A task succeeded."""
        self._end(context, "success", str(context["ti"].xcom_pull(task_ids=context["ti"].task_id) or ""))

    def failed(self, context: Mapping[str, Any]) -> None:
        """A task failed for good."""
        error = context.get("exception")
        reason = str(error or "no reason given")
        self._end(context, "failed", reason)
        if not self.exit_code:
            self.reason, self.exit_code = reason, getattr(error, "exit_code", 1) or 1

    def _end(self, context: Mapping[str, Any], state: str, last: str) -> None:
        task = context["ti"].task_id
        self.seconds[task] = time.monotonic() - self._started.get(task, time.monotonic())
        if not self.quiet or state == "failed":
            print(f"  {state:<8} {task:<20} {self.seconds[task]:6.1f} s  {last}", flush=True)


def environment(home: Path) -> dict[str, str]:
    """Airflow's settings for such a run."""
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "SCARF_ANALYTICS": "false",
        "DO_NOT_TRACK": "1",
        "PATH": _path(),
    }


def _path() -> str:
    """PATH on which this environment's commands are found; one that is there already keeps its place."""
    bin_, path = str(Path(sys.executable).parent), os.environ.get("PATH", "")
    return path if bin_ in path.split(os.pathsep) else os.pathsep.join((bin_, path))


def lay_out(home: Path, names: Sequence[str]) -> None:
    """Make `dags` of the home a folder of links to these DAG files: each run reads and stores every DAG that it finds there."""
    folder = home / "dags"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.py"):
        old.unlink()
    for name in names:
        (folder / f"{name}.py").symlink_to(DAGS / f"{name}.py")


def migrate(home: Path) -> None:
    """Make the metadata database unless it was made by this release of Airflow before."""
    import airflow

    mark = home / f"migrated-{airflow.__version__}"
    if mark.exists() and (home / "airflow.db").exists():
        return
    from airflow.utils.db import initdb

    initdb()
    mark.touch()


def run(home: Path, names: Sequence[str], conf: Mapping[str, Any], board: Board) -> int:
    """Run DAGs in order; the first one that fails is the last one that runs.

    Returns:
        The exit code.
    """
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(str(home / "dags"))
    if bag.import_errors:
        raise SystemExit("\n".join(bag.import_errors.values()))
    for name in names:
        dag = bag.dags[name]
        for task in dag.tasks:
            task.retries = 0  # who started this is the one who tries again
            task.cwd = os.getcwd()  # ... and who says where a relative folder lies
            task.on_execute_callback = [board.begin]
            task.on_success_callback = [board.done]
            task.on_failure_callback = [board.failed]
        if not board.quiet:
            print(f"{name}", flush=True)
        known = {k: v for k, v in conf.items() if k in dag.params}
        finished = dag.test(run_conf=known)
        if board.exit_code:
            return board.exit_code
        if str(finished.state) != "success":
            board.reason = f"{name} ended {finished.state}"
            return 1
    return 0


@contextlib.contextmanager
def _hushed() -> Iterator[None]:
    """Airflow's own log lines go to a file of its home; what the board prints goes to the terminal."""
    import logging
    import warnings

    warnings.simplefilter("ignore")
    logging.disable(logging.ERROR)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def main(argv: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m dags.run_once", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dags", nargs="+", metavar="DAG", choices=sorted(p.stem for p in DAGS.glob("[a-z]*.py")
                                                                         if p.stem not in ("run_once", "serve")))
    parser.add_argument("--conf", default="{}", help="form of the runs as JSON")
    parser.add_argument("--home", type=Path, default=HOME, help="folder of Airflow's metadata (%(default)s)")
    parser.add_argument("--quiet", action="store_true", help="print failures only")
    given = parser.parse_args(argv)
    home = given.home.resolve()
    lay_out(home, given.dags)
    os.environ.update(environment(home))
    from dags.common.tasks import TERMINAL, Refused, settings_of
    from schemas.loading import load
    from schemas.settings import SettingsError

    try:
        conf = json.loads(given.conf)
    except json.JSONDecodeError as error:
        parser.error(f"--conf is not JSON: {error}")
    if not isinstance(conf, dict):
        parser.error(f"--conf is no JSON object: {given.conf[:60]}")
    try:
        load([settings_of(conf)])
    except (SettingsError, Refused) as error:
        print(error, file=sys.stderr)
        return TERMINAL
    board = Board(given.quiet)
    with _hushed():
        migrate(home)
        code = run(home, given.dags, conf, board)
    if code:
        print(f"{board.reason}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())

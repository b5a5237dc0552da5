"""Starts Airflow on this machine with the DAGs, a pool for the GPU and the quality page; `reelmill up` calls it.

    python -m dags.serve --home airflow --port 8080 --lake lake

It goes on as `airflow standalone`. End the whole process group: the parent of standalone leaves its components behind.
"""

import argparse
import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dags.run_once import DAGS, environment, migrate

PLUGIN = "from quality.plugin import DataQuality\n\n__all__ = [\"DataQuality\"]\n"


def settings(home: Path, port: int, lake: str) -> dict[str, str]:
    """Airflow's settings of such a server; everything listens on 127.0.0.1 only."""
    url = f"http://127.0.0.1:{port}"
    return environment(home) | {
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(home / "plugins"),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "simple_auth_manager_passwords.json.generated"),
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API_AUTH__JWT_SECRET": _secret(home / "jwt_secret"),
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "30",
        "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "2",
        "REELMILL_RUNTIME__LAKE": lake,
    }


def _secret(file: Path) -> str:
    """The key that Airflow's components sign their tokens with: made once, readable by its owner alone."""
    if not file.exists():
        with os.fdopen(os.open(file, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "w") as opened:
            opened.write(secrets.token_hex(64))
    return file.read_text()


def standalone() -> None:
    """`airflow standalone` without the servers of logs, which listen on every address: all here read the same folder."""
    from airflow.cli.commands import standalone_command

    class Component(standalone_command.SubCommand):  # type: ignore[misc]
        def __init__(self, parent: Any, name: str, command: list[str], env: dict[str, str]) -> None:
            super().__init__(parent, name, [*command, *(["--skip-serve-logs"] if name in ("scheduler", "triggerer") else [])], env)

    standalone_command.SubCommand = Component
    standalone_command.StandaloneCommand().run()


def main(argv: Sequence[str] | None = None) -> int:
    """The command; it does not return while Airflow runs."""
    parser = argparse.ArgumentParser(prog="python -m dags.serve", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--lake", required=True)
    parser.add_argument("--gpus", type=int, default=1, help="slots of the pool that generation takes (%(default)s)")
    given = parser.parse_args(argv)
    home = given.home.resolve()
    (home / "plugins").mkdir(parents=True, exist_ok=True)
    (home / "plugins" / "reelmill_quality.py").write_text(PLUGIN)
    os.environ.update(settings(home, given.port, given.lake))
    os.environ.setdefault("REELMILL_RELABEL_SCHEDULE", "")  # nothing runs here but what a person starts
    migrate(home)
    from airflow.models.pool import Pool

    from dags.common.defaults import GPU_POOL

    Pool.create_or_update_pool(GPU_POOL, given.gpus, "one slot per GPU", include_deferred=False)
    standalone()
    return 0


if __name__ == "__main__":
    sys.exit(main())

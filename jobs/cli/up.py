"""`reelmill up`: Airflow on this machine with the DAGs, the GPU pool and the quality page."""

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

from jobs.cli.common import nonempty, note, settings_of, settings_words


def arguments(parser: argparse.ArgumentParser) -> None:
    """Words of the command."""
    parser.add_argument("--home", type=nonempty, default="airflow", metavar="DIR", help="folder of Airflow's database and logs (default ./airflow)")
    parser.add_argument("--port", type=int, default=8080)
    settings_words(parser)


def main(args: argparse.Namespace) -> int:
    """Run until interrupted; everything that was started is ended with it."""
    settings = settings_of(args)
    home = Path(args.home).absolute()
    words = [
        sys.executable,
        "-m",
        "dags.serve",
        "--home",
        str(home),
        "--port",
        str(args.port),
        "--lake",
        str(Path(settings.runtime.lake).absolute()) if "://" not in settings.runtime.lake else settings.runtime.lake,
    ]
    note(
        f"Airflow will be at http://127.0.0.1:{args.port}; user admin, password in "
        f"{home / 'simple_auth_manager_passwords.json.generated'}; Ctrl-C ends it"
    )
    for ending in (signal.SIGINT, signal.SIGTERM):  # also where a shell started us with Ctrl-C ignored
        signal.signal(ending, _interrupted)
    child = subprocess.Popen(words, start_new_session=True)  # its own group: Airflow's parent leaves its children behind
    try:
        return child.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        for how, patience in ((signal.SIGTERM, 15), (signal.SIGKILL, 5)):
            try:
                os.killpg(child.pid, how)
                child.wait(patience)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue


def _interrupted(number: int, frame: object) -> None:
    raise KeyboardInterrupt

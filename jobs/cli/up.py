"""`reelmill up`: Airflow on this machine with the DAGs, the GPU pool and the quality page."""

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

from jobs.cli.common import nonempty, note, settings_of, settings_words
from schemas.loading import as_variables, is_setting


def arguments(parser: argparse.ArgumentParser) -> None:
    """Words of the command."""
    parser.add_argument("--home", type=nonempty, default="airflow", metavar="DIR", help="folder of Airflow's database and logs (default ./airflow)")
    parser.add_argument("--port", type=_port, default=8080)
    settings_words(parser)


def _port(word: str) -> int:
    if not word.isdecimal() or not 1 <= int(word) <= 65535:
        raise argparse.ArgumentTypeError(f"{word!r} is no port; give a number from 1 to 65535")
    return int(word)


def main(args: argparse.Namespace) -> int:
    """Run until interrupted; everything that was started is ended with it. Its runs have these settings unless their forms say otherwise."""
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
    env = {name: value for name, value in os.environ.items() if not is_setting(name)} | as_variables(settings)
    child = subprocess.Popen(words, env=env, start_new_session=True)  # its own group: Airflow's parent leaves its children behind
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

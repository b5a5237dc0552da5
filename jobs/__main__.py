"""The `reelmill` command: parses words, calls `jobs.cli`, and turns errors into one sentence and an exit code.

Exit codes: 0 done, 1 an unforeseen fault, 64 the same command will fail again, 75 try again, 130 interrupted, 141 whoever read the output
went away before its end.
"""

import argparse
import difflib
import errno
import importlib
import io
import os
import re
import sys
from collections.abc import Sequence

from jobs.errors import RunError, Terminal, Transient

COMMANDS = {
    "demo": ("jobs.cli.demo", "render a sample corpus with planted faults and run the whole flow on it"),
    "build": ("jobs.cli.build", "build a release from folders and files"),
    "generate": ("jobs.cli.generate", "make videos from prompts, or from a release"),
    "run": ("jobs.cli.run", "run one job (what the DAGs call)"),
    "check": ("jobs.cli.check", "check the current version of a table against its gate"),
    "list": ("jobs.cli.list", "list tables with their current version, or the jobs and settings"),
    "funnel": ("jobs.cli.funnel", "print the stages with what was kept and why the rest was dropped"),
    "whatif": ("jobs.cli.whatif", "show the funnel under other thresholds, from stored numbers"),
    "calibrate": ("jobs.cli.calibrate", "propose thresholds from a person's marks or a target yield"),
    "explain": ("jobs.cli.explain", "tell the story of one source, clip or sample"),
    "report": ("jobs.cli.report", "write the quality page of a lake"),
    "release": ("jobs.cli.release", "list, show, compare and export releases"),
    "takedown": ("jobs.cli.takedown", "remove a source from the release and list the videos that came from it"),
    "train": ("jobs.cli.train", "train the embedded models"),
    "capture": ("jobs.cli.capture", "record live streams into a folder that build collects"),
    "trigger": ("jobs.cli.trigger", "trigger a DAG of a running Airflow"),
    "up": ("jobs.cli.up", "start Airflow with the DAGs and the quality page on this machine"),
}


OF_A_NAME = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY, errno.ENAMETOOLONG, errno.ELOOP)
"""What is wrong with the name of a file, and not with the program or the machine."""


class Parser(argparse.ArgumentParser):
    """Wrong words are a terminal error with one line."""

    def error(self, message: str) -> None:  # type: ignore[override]
        """Exit with 64 and a pointer to the help."""
        self.exit(64, f"reelmill: {message}; see `{self.prog} --help`\n")


def parser_of(name: str) -> Parser:
    """The parser of one command."""
    module, about = COMMANDS[name]
    parser = Parser(prog=f"reelmill {name}", description=about[0].upper() + about[1:] + ".", allow_abbrev=False)
    importlib.import_module(module).arguments(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    _whole_streams()
    if not words or words[0] in ("-h", "--help", "help"):
        print(_help())
        return 0 if words else 64
    if words[0] == "--version":
        from importlib.metadata import version

        print(version("reelmill"))
        return 0
    if words[0] not in COMMANDS:
        near = "".join(f"; the nearest is {name!r}" for name in difflib.get_close_matches(words[0], COMMANDS, n=1))
        print(f"reelmill: there is no command {words[0]!r}{near}; see `reelmill --help`", file=sys.stderr)
        return 64
    return _guarded(words[0], words[1:])


def _whole_streams() -> None:
    """Standard output and error take every character, also on a terminal that cannot show it; one that is closed leads nowhere, so that
    nothing else is opened under its number."""
    for name, number in (("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, name)
        if stream is None:
            hole = os.open(os.devnull, os.O_WRONLY)
            if hole != number:
                os.dup2(hole, number)
                os.close(hole)
            setattr(sys, name, os.fdopen(number, "w"))
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _guarded(name: str, words: Sequence[str]) -> int:
    from jobs.cli.common import note, unread
    from schemas.settings import SettingsError

    try:
        args = parser_of(name).parse_args(words)
        code = int(importlib.import_module(COMMANDS[name][0]).main(args) or 0)
        sys.stdout.flush()
        return code
    except SettingsError as error:
        return _say(Terminal(str(error)))
    except RunError as error:
        return _say(error)
    except KeyboardInterrupt:
        note("reelmill: interrupted; the same command continues where it stopped")
        return 130
    except BrokenPipeError:
        unread(sys.stdout)
        return 141  # as a process that SIGPIPE ends
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return _say(Transient(f"the disk is full ({error.filename or 'while writing'}); free some space and try again"))
        if error.filename is None:
            raise
        named = re.sub(r"\.\d+\.tmp$", "", str(error.filename))  # the name under which a file passes is no name that a user gave
        if isinstance(error, PermissionError) or error.errno == errno.EROFS:
            return _say(Terminal(f"{named}: not allowed to read or write it; change its permissions or use another folder"))
        if error.errno in OF_A_NAME:
            return _say(Terminal(f"{named}: {str(error.strerror).lower()}; give the path of another file or folder"))
        raise


def _say(error: RunError) -> int:
    from jobs.cli.common import note

    note(f"reelmill: {error}")
    if os.environ.get("REELMILL_DEBUG"):
        import traceback

        traceback.print_exc()
    return error.exit_code


def _help() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {about}" for name, (_, about) in COMMANDS.items()]
    return "\n".join([
        "usage: reelmill COMMAND …", "", "Curates text-to-video training corpora and turns them into finished videos.", "",
        *lines, "", "Each command has --help. Exit codes: 0 done, 64 will fail again, 75 try again, 130 interrupted, 141 nobody read the result."])


if __name__ == "__main__":
    sys.exit(main())

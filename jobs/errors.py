"""What can go wrong with a run. A bad video is not here: it is a row in `rejects`.

* RunError       exit code 1
  - Terminal     64: the same inputs will fail again, no retry
  - Transient    75: worth another try
"""


class RunError(Exception):
    """A run that ended with one sentence for the user."""

    exit_code = 1


class Terminal(RunError):
    """The same inputs will fail again."""

    exit_code = 64


class Transient(RunError):
    """Worth another try."""

    exit_code = 75

"""Replies that were waited and paid for, kept in the lake while a run is under way: whoever does its task again asks only for the rest.

They lie in the run's work folder, which goes when it commits: one object for each try of a task, written anew whenever some more have
come (and another one after PER_OBJECT replies), so that a run of a hundred million clips has hardly more of them than tasks.
"""

import time
from collections.abc import Mapping
from functools import cached_property
from typing import Any
from uuid import uuid4

from jobs.lake import Lake

AFTER, AFTER_S = 8, 5.0
"""Replies after which, and seconds after which what came is written: as much is lost with a worker that is killed. One that ends with an
error loses none."""
PER_OBJECT = 256


class Replies:
    """The replies of one task by what was asked. Two that do the same task at a time never write the same object.

    Args:
        lake: None: nothing is known and nothing kept.
        folder: Of this task in the lake.
    """

    def __init__(self, lake: Lake | None = None, folder: tuple[str, ...] = ()) -> None:
        self._lake, self._folder = lake, folder
        self._begin()

    def _begin(self) -> None:
        self._name, self._came = f"{uuid4().hex}.json", dict[str, Any]()
        self._written, self._written_s = 0, time.monotonic()

    @cached_property
    def _known(self) -> Mapping[str, Any]:
        if self._lake is None:
            return {}
        names = [name for name in self._lake.names(*self._folder) if name.endswith(".json")]  # what a kill cut short has another name
        return {key: reply for name in names for key, reply in (self._lake.read_json(*self._folder, name) or {}).items()}

    def get(self, key: str) -> Any:
        """What came before this try, or None."""
        return self._known.get(key)

    def add(self, replies: Mapping[str, Any]) -> None:
        """Take what came, and write it if it is time; to be called every second or so."""
        self._came.update(replies)
        if len(self._came) - self._written >= AFTER or time.monotonic() - self._written_s >= AFTER_S:
            self.write()

    def write(self) -> None:
        """Write all that came."""
        if self._lake is not None and len(self._came) > self._written:
            self._lake.write_json(self._came, *self._folder, self._name)
        self._written, self._written_s = len(self._came), time.monotonic()
        if self._written >= PER_OBJECT:
            self._begin()

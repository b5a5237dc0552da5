"""Where videos are published to: a target is one file of `jobs/publish/targets` with `load(place, settings) -> Target`.

A target keeps what it was given under the video's key, gives it back to be read again, and never takes the same key twice.
"""

import importlib
import pkgutil
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from jobs.errors import Terminal
from jobs.lake import Lake
from jobs.publish import targets
from schemas.settings import Settings


@dataclass(frozen=True)
class Item:
    """What a target shows of a video."""

    key: str
    title: str
    narration: str
    lang: str
    aspect: str
    width: int
    height: int
    duration_s: float
    label: str
    c2pa: str
    test_key: bool


class Target(Protocol):
    """A place for finished videos.

    Attributes:
        name: For `publications.target`; not its location, so that rows are the same wherever they are made.
    """

    name: str

    def has(self, key: str) -> bool:
        """Whether a video was published under a key and is still there, with the bytes that its note counts."""

    def fetch(self, key: str, folder: Path) -> Path | None:
        """A local copy of what lies under a key (it may be the file itself), whatever it is; None where nothing or an empty file does. `folder` takes downloads."""

    def post(self, item: Item, file: Path) -> str:
        """Publish a file, also in the place of an empty one; posting a key again changes nothing. Returns its place relative to the target."""

    def finish(self) -> None:
        """Renew pages and feeds; called once, after all videos."""


def load(spec: str, settings: Settings) -> Target:
    """The target of a word of `publish.targets`.

    Raises:
        Terminal: there is no such target, or its place is missing or of the wrong kind.
    """
    name, _, place = spec.partition(":")
    known = sorted(m.name for m in pkgutil.iter_modules(targets.__path__))
    if name not in known:
        raise Terminal(f"publish.targets: there is no target {name!r}; known are {', '.join(known)}")
    module = importlib.import_module(f"jobs.publish.targets.{name}")
    target: Target = module.load(place, settings)
    return target


def target_root(settings: Settings) -> str:
    """Where the first target keeps its videos: an absolute folder, or a URL.

    Raises:
        Terminal: neither `runtime.out` nor a local lake says where.
    """
    if settings.runtime.out:
        return settings.runtime.out if "://" in settings.runtime.out else str(Path(settings.runtime.out).absolute())
    lake = Lake(settings.runtime.lake)
    if not lake.local:
        raise Terminal(f"{settings.runtime.lake}: this lake is no folder of this machine; say where videos go with --out")
    return str(Path(lake.path("videos")).absolute())


"""What a labeler is, and how they are found: one file in `labelers/` that defines `LABELER`; no list to edit.

A labeler reads rows of `clips` (their small frames, measurements and texts) and writes rows of `labels`. What it cannot say
it does not say: a row that would need a guess is absent.
"""

import difflib
import importlib
import pkgutil
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from jobs.errors import Terminal
from jobs.label.replies import Replies
from jobs.version import digest
from schemas.settings import Label

Row: TypeAlias = Mapping[str, Any]
T = TypeVar("T")

DIGITS = 5
"""Decimals of a stored score: far below what any labeler can tell apart, and free of the last bits of a float32."""


class Absent(Exception):
    """A labeler that cannot run here, and why: no model was given, or it does not fit."""


@dataclass(frozen=True)
class Model:
    """The model behind a labeler: its name as given in Settings and the revision of its weights; none for plain rules."""

    name: str | None = None
    revision: str | None = None


RULES = Model()


@dataclass(frozen=True)
class Found:
    """One label of one clip. `score` has the labeler's unit; `vector` has length 1."""

    clip_id: str
    key: str
    score: float | None = None
    text: str | None = None
    vector: NDArray[np.float16] | None = None


@dataclass
class Batch:
    """The clips of one task; what several labelers derive from them (embedded frames) is made once and shared.

    Attributes:
        rows: Rows of `clips`, with the columns that the labelers need.
        sources: Rows of `sources` by id, for labelers that listen.
        replies: What an earlier try of the task was answered, for labelers whose answers are dear.
    """

    rows: Sequence[Row]
    sources: Mapping[str, Row] = field(default_factory=dict)
    replies: Replies = field(default_factory=Replies)
    _shared: dict[Hashable, Any] = field(default_factory=dict)

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` returns, made once for this task."""
        if key not in self._shared:
            self._shared[key] = make()
        return self._shared[key]  # type: ignore[no-any-return]

    def only(self, ids: frozenset[str]) -> "Batch":
        """The same task with fewer clips; what was made already stays shared."""
        return Batch([row for row in self.rows if row["clip_id"] in ids], self.sources, self.replies, self._shared)


@dataclass(frozen=True)
class Labeler:
    """One kind of label.

    Attributes:
        name: File in `labelers/`; `labels.labeler`.
        version: Raised when the same input would get another label.
        needs: Columns of `clips` that it reads.
        options: Fields of `Settings.recipe.label` that bear on its rows; the others never make it run again.
        model: Names its model and revision without loading it. Raises Absent when there is none, Terminal when the one asked
            for is refused or out of reach.
        load: Gets it ready on a device ("cpu" or "cuda"), once per worker process.
        label: What it says of the clips of a batch, given what `load` returned.
        passing: Texts of its key `status` that tell of a fault that may pass: such rows are never copied, the clips are asked about again.
        listens: It hears the sound, which is not stored with the clips: it reads the sources again.
        examples: Batches of rows, each with the `(key, text)` pairs it must yield at default settings; its first tests.
            Empty for labelers that need a model.
    """

    name: str
    version: int
    needs: tuple[str, ...]
    label: Callable[[Any, Batch], list[Found]]
    options: tuple[str, ...] = ()
    model: Callable[[Label], Model] = lambda settings: RULES
    load: Callable[[Label, str], Any] = lambda settings, device: settings
    passing: frozenset[str] = frozenset()
    listens: bool = False
    examples: tuple[tuple[Row, tuple[tuple[str, str | None], ...]], ...] = ()

    def identity(self, settings: Label, model: Model) -> str:
        """What its rows depend on besides the clips: equal identities label equal clips equally."""
        chosen = settings.model_dump(mode="json", include=set(self.options))
        return f"{self.version}/{model.revision or '-'}/{digest(chosen)[:12]}"


@cache
def labelers() -> Mapping[str, Labeler]:
    """All labelers by name."""
    root = importlib.import_module("jobs.label.labelers")
    found = [importlib.import_module(f"{root.__name__}.{m.name}").LABELER for m in pkgutil.iter_modules(root.__path__)]
    return MappingProxyType({labeler.name: labeler for labeler in sorted(found, key=lambda labeler: labeler.name)})


def named(settings: Label) -> None:
    """Whether there is every labeler that the settings name.

    Raises:
        Terminal: there is not; names the nearest.
    """
    if settings.labelers and (unknown := sorted(set(settings.labelers) - set(labelers()))):
        near = difflib.get_close_matches(unknown[0], labelers(), n=1, cutoff=0.0)
        raise Terminal(f"there is no labeler {unknown[0]!r}; the nearest is {near[0]!r}")


@dataclass(frozen=True)
class Cast:
    """Who labels in a run: the models in force by labeler, and why the others stay out."""

    models: Mapping[str, Model]
    absent: Mapping[str, str]


def cast(settings: Label) -> Cast:
    """The labelers of these settings whose models are at hand.

    Raises:
        Terminal: a labeler asked for by name is unknown or cannot run, or a model is refused or out of reach.
    """
    known = labelers()
    named(settings)
    models, absent = {}, {}
    for name in settings.labelers or tuple(known):
        try:
            models[name] = known[name].model(settings)
        except Absent as why:
            if settings.labelers:
                raise Terminal(f"labeler {name!r} cannot run: {why}") from None
            absent[name] = str(why)
    return Cast(models, absent)


def rounded(score: float) -> float:
    """A score as it is stored."""
    return round(float(score), DIGITS) + 0.0

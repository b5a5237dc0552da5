"""What a filter is: thresholds, the numbers they are compared with, and a word for why not.

A filter is one file in `filters/`. It reads stored numbers only, so a changed threshold costs nothing.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.reasons import REASONS
from schemas.rejects import Why

Row = Mapping[str, Any]
Severity = Literal["stop", "warn", "off"]
Share = Annotated[float, Field(ge=0, le=1, strict=True)]
"""A threshold of what lies between none and all: a percent typed for a share would let everything pass."""
Amount = Annotated[float, Field(ge=0, strict=True)]
"""A threshold of what is never negative."""
Level = Annotated[float, Field(strict=True)]
"""A threshold that may be negative: decibels."""
Example = tuple[Row, str | None] | tuple[Row, str | None, Mapping[str, Any]]

VIDEO, IMAGE, AUDIO, TEXT = "video", "image", "audio", "text"
RANK = {code: place for place, code in enumerate(REASONS)}
"""Place in the vocabulary, which lists plain facts of form before judgements: the order in which reasons are decisive."""


@dataclass(frozen=True)
class Reason:
    """Why a row must go: a word of the fixed vocabulary and the numbers that `rejects` keeps."""

    code: str
    value: float | None = None
    op: str | None = None
    threshold: float | None = None
    detail: str | None = None

    def by(self, check: str) -> Why:
        """The same with the name of the filter that says it."""
        return Why(check, self.code, self.value, self.op, self.threshold, self.detail)


class FilterConfig(BaseModel):
    """Thresholds of one filter. `severity`: stop drops the clip, warn counts it, off does not look."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    severity: Severity = "stop"

    @model_validator(mode="after")
    def _something_passes(self) -> Self:
        """A least above the most would drop everything."""
        for name, least in self:
            most = getattr(self, name.replace("min_", "max_", 1), None) if name.startswith("min_") else None
            if least is not None and most is not None and least > most:
                raise ValueError(f"{name} = {least:g} is more than {name.replace('min_', 'max_', 1)} = {most:g}: nothing would be kept")
        return self


@dataclass(frozen=True)
class Limit:
    """One comparison: the clip goes with `code` when `value(row) op threshold`.

    Attributes:
        code: Reason of the vocabulary.
        op: `<` or `>`.
        field: Name of the threshold in the filter's Config; a threshold of None compares nothing.
        value: Name of a column, or a function of the row that returns None where the limit does not apply.
    """

    code: str
    op: Literal["<", ">"]
    field: str
    value: str | Callable[[Row], float | None]

    @property
    def name(self) -> str:
        """Name of what is compared."""
        return self.value if isinstance(self.value, str) else self.value.__name__

    def number(self, row: Row) -> float | None:
        """The measured value that is compared."""
        found = row.get(self.value) if isinstance(self.value, str) else self.value(row)
        return None if found is None else float(found)

    def judge(self, row: Row, config: FilterConfig) -> Reason | None:
        """The reason, if the limit is broken. A value that is not a number breaks every limit."""
        threshold = getattr(config, self.field)
        if threshold is None or (value := self.number(row)) is None:
            return None
        holds = value >= threshold if self.op == "<" else value <= threshold
        return None if holds else Reason(self.code, value, self.op, float(threshold))


@dataclass(frozen=True)
class Within:
    """The judge of most filters: every limit holds; the first broken one is the reason."""

    limits: tuple[Limit, ...]

    def __call__(self, row: Row, config: Any) -> Reason | None:
        for limit in self.limits:
            if why := limit.judge(row, config):
                return why
        return None


def within(*limits: Limit) -> Within:
    """A judge that wants all limits to hold."""
    return Within(limits)


@dataclass(frozen=True)
class Filter:
    """A check of one clip.

    Attributes:
        name: Name of its file and of its section in `policy.filters`; `check` in `rejects`.
        codes: Reasons that it can give.
        applies: Modalities that it looks at.
        needs: Columns of `clips`; a clip in which one of them is null is not judged.
        config: Its thresholds.
        judge: The first reason, or None to keep.
        examples: Rows with the reason code that they must get (None means kept), and thresholds where the defaults do not
            show it.
        also: Columns that it reads where they are there.
    """

    name: str
    codes: tuple[str, ...]
    applies: tuple[str, ...]
    needs: tuple[str, ...]
    config: type[FilterConfig]
    judge: Callable[[Row, Any], Reason | None]
    examples: tuple[Example, ...]
    also: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that it reads."""
        return self.needs + self.also

    @property
    def limits(self) -> tuple[Limit, ...]:
        """Its comparisons, where it is made of such."""
        return self.judge.limits if isinstance(self.judge, Within) else ()

    def verdict(self, row: Row, config: FilterConfig) -> Reason | None:
        """The reason, for any row: of another modality or without the numbers needed it is None."""
        if row["modality"] not in self.applies:
            return None
        for name in self.needs:  # a loop: this line is the hottest of `judge`
            if row[name] is None:
                return None
        return self.judge(row, config)


@cache
def filters() -> Mapping[str, Filter]:
    """All filters by name, found by walking the folder, in the order in which they are decisive."""
    package = importlib.import_module("jobs.clean.filters")
    found: Sequence[Filter] = [importlib.import_module(f"{package.__name__}.{m.name}").FILTER
                               for m in pkgutil.iter_modules(package.__path__)]
    return MappingProxyType({f.name: f for f in sorted(found, key=lambda f: (min(RANK[c] for c in f.codes), f.name))})

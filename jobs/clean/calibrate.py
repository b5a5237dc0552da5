"""Thresholds from a person's marks, or from a wished yield, instead of from other people's papers.

A mark says of a clip whether it should be kept. For every limit of every check the threshold is proposed that tells the
marked clips apart best, with its precision and recall as a detector of clips to drop, and the intervals of both: with a
hundred marks a perfect recall is still 0.9 or so.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from jobs.clean.filter import Filter, Limit
from jobs.clean.policy import Check, columns, resolve
from jobs.lake import Version
from quality.reader import one_in, thinned
from schemas.settings import Policy

Z95 = 1.959963984540054
"""Standard normal quantile of 0.975."""
MOST = 200_000
"""Clips whose numbers are held in memory, some 500 MB; a quantile of so many is known to a thousandth."""


@dataclass(frozen=True)
class Rate:
    """A share with its 95 % interval (Wilson 1927)."""

    hits: int
    of: int

    @property
    def value(self) -> float | None:
        """The share; None when there is nothing to share."""
        return self.hits / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson score interval: it stays within 0..1 and holds for few marks."""
        if not self.of:
            return (0.0, 1.0)
        p, z2 = self.hits / self.of, Z95 * Z95
        middle = (p + z2 / (2 * self.of)) / (1 + z2 / self.of)
        half = Z95 / (1 + z2 / self.of) * math.sqrt(p * (1 - p) / self.of + z2 / (4 * self.of * self.of))
        return (0.0 if self.hits == 0 else middle - half, 1.0 if self.hits == self.of else middle + half)


@dataclass(frozen=True)
class Proposal:
    """A threshold for one limit.

    Attributes:
        check: Filter.
        field: Threshold within it: `policy.filters.<check>.<field>`.
        measured: What is compared with it: a column of `clips`, or what the filter makes of some.
        op: A clip goes when its number `op` threshold.
        current: Threshold in force.
        proposed: Threshold that is better on what was given; None when none helps.
        precision: Of the clips that it would drop, those that should go; None without marks.
        recall: Of the clips that should go, those that it would drop; other checks have their own share of them.
        dropped: Share of all clips with this number that it would drop.
    """

    check: str
    field: str
    measured: str
    op: str
    current: float | None
    proposed: float | None
    precision: Rate | None
    recall: Rate | None
    dropped: Rate


def calibrate(clips: Version, marks: Mapping[str, bool], policy: Policy, *, min_precision: float = 0.9) -> list[Proposal]:
    """Thresholds from marks.

    Args:
        clips: Where the numbers are.
        marks: Clip id -> whether a person would keep it; ids that are not in `clips` are an error of the caller's file.
        policy: Thresholds in force.
        min_precision: Least share of rightly dropped clips among those that a limit drops; the best F1 within it wins, if
            its precision is beyond chance.

    Raises:
        ValueError: marks for unknown clips, only one kind of mark, or a precision outside 0..1.
    """
    if not 0 <= min_precision <= 1:
        raise ValueError(f"a precision of {min_precision} is not within 0..1")
    checks = resolve(policy)
    marked = pa.array(sorted(marks), pa.string())
    rows = _rows(clips, checks, lambda part: part.filter(pc.is_in(part["clip_id"], value_set=marked)))
    if unknown := sorted(set(marks) - {row["clip_id"] for row in rows}):
        raise ValueError(f"{len(unknown)} marked clips are not in the table, the first is {unknown[0]!r}; "
                         "mark clips of this version")
    if len(set(marks.values())) < 2:
        given = f"all {len(marks)} say {'keep' if any(marks.values()) else 'drop'}" if marks else "there are none"
        raise ValueError(f"marks of both kinds are needed, clips to keep and clips to drop; {given}")
    to_drop = sum(not keep for keep in marks.values())
    found = []
    for check, limit, numbers in _numbers(checks, rows):
        pairs = [(value, not marks[row["clip_id"]]) for row, value in numbers]
        threshold = _best(pairs, limit, to_drop, min_precision)
        current = getattr(check.config, limit.field)
        shown = threshold if threshold is not None else current
        hit = [bad for value, bad in pairs if shown is not None and _fails(value, limit, shown)]
        found.append(Proposal(check.name, limit.field, limit.name, limit.op, current, threshold, Rate(sum(hit), len(hit)),
                              Rate(sum(hit), to_drop), Rate(len(hit), len(pairs))))
    return found


def quantiles(clips: Version, target_yield: float, policy: Policy) -> list[Proposal]:
    """Thresholds under which each limit alone keeps `target_yield` of the clips that it looks at; none where they are too few to tell, or
    so alike that the limit would be stricter than the one in force and drop none of them: it would drop what comes next.
    Of a table of more than MOST clips an even share is looked at.

    Raises:
        ValueError: a yield outside 0..1.
    """
    if not 0 < target_yield <= 1:
        raise ValueError(f"a yield of {target_yield} is not within 0..1")
    checks = resolve(policy)
    found = []
    every = one_in(clips, MOST)
    rows = _rows(clips, checks, lambda part: thinned(part, "clip_id", every))
    for check, limit, numbers in _numbers(checks, rows):
        values = sorted((value for _, value in numbers), reverse=limit.op == ">")
        current, share = getattr(check.config, limit.field), len(values) * (1 - target_yield) + 1e-9
        told = share >= 1 or target_yield == 1
        threshold = values[min(len(values) - 1, math.floor(share))] if told else None
        if threshold is not None and target_yield < 1 and _stricter(threshold, limit, current) and not any(_fails(v, limit, threshold) for v in values):
            told, threshold = False, None
        shown = threshold if told else current
        dropped = sum(shown is not None and _fails(value, limit, shown) for value in values)
        found.append(Proposal(check.name, limit.field, limit.name, limit.op, current, threshold, None, None, Rate(dropped, len(values))))
    return found


def overrides(found: Sequence[Proposal]) -> dict[str, dict[str, float]]:
    """The proposals as `policy.filters`; of two for one threshold, of letterbox and pillarbox say, the one that drops less. Where the least would be
    more than the most, of a yield below a half or of what is in force, neither is proposed: together they would keep nothing."""
    in_force = {(p.check, p.field): p.current for p in found}
    settings: dict[str, dict[str, float]] = {}
    for p in found:
        if p.proposed is not None:
            before = settings.setdefault(p.check, {}).get(p.field, p.proposed)
            settings[p.check][p.field] = min(before, p.proposed) if p.op == "<" else max(before, p.proposed)
    for check, least in [key for key in in_force if key[1].startswith("min_")]:
        most, fields = least.replace("min_", "max_", 1), settings.get(check, {})
        low, high = (fields.get(field, in_force.get((check, field))) for field in (least, most))
        if low is not None and high is not None and low > high:
            fields.pop(least, None)
            fields.pop(most, None)
    return {check: fields for check, fields in settings.items() if fields}


def _rows(clips: Version, checks: Sequence[Check], kept: Callable[[pa.Table], pa.Table]) -> list[dict[str, Any]]:
    return [row for part in clips.each(kept, columns(checks)) for row in part.to_pylist()]


def _numbers(checks: Sequence[Check], rows: Sequence[Mapping[str, Any]]) -> Iterable[
        tuple[Check, Limit, list[tuple[Mapping[str, Any], float]]]]:
    for check in checks:
        for limit in check.filter.limits:
            numbers = [(row, value) for row in rows if _judged(check.filter, row) and (value := limit.number(row)) is not None
                       and not math.isnan(value)]
            if numbers:
                yield check, limit, numbers


def _judged(found: Filter, row: Mapping[str, Any]) -> bool:
    return row["modality"] in found.applies and all(row.get(name) is not None for name in found.needs)


def _fails(value: float, limit: Limit, threshold: float) -> bool:
    return value < threshold if limit.op == "<" else value > threshold


def _stricter(threshold: float, limit: Limit, current: float | None) -> bool:
    return current is None or _fails(current, limit, threshold)


def _best(pairs: Sequence[tuple[float, bool]], limit: Limit, to_drop: int, min_precision: float) -> float | None:
    """The threshold half way between two values with the best F1 among those that are precise enough; one sweep over the
    sorted values. Some threshold looks good on any numbers: the lower end of the precision's interval must lie half way from
    the share of clips to drop to 1."""
    ranked = sorted(pairs, reverse=limit.op == ">")
    beyond_chance = (1 + sum(bad for _, bad in pairs) / len(pairs)) / 2
    best, threshold, hits = 0.0, None, 0
    for place, (value, bad) in enumerate(ranked, start=1):
        hits += bad
        after = ranked[place][0] if place < len(ranked) else None
        if after is None or after == value or hits / place < min_precision or Rate(hits, place).interval[0] < beyond_chance:
            continue
        f1 = 2 * hits / (place + to_drop)
        if f1 > best:
            best, threshold = f1, (value + after) / 2
    return threshold

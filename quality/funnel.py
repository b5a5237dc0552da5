"""The funnel: what went into each job, what it kept, and what it rejected why; a job whose rows do not add up raises."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from unicodedata import east_asian_width


class Unaccounted(ValueError):
    """Samples that were neither kept nor rejected; the message names the job and the numbers."""


@dataclass(frozen=True)
class StageLine:
    """One job of the funnel.

    Attributes:
        stage: Name of the job.
        seen: Samples that entered.
        kept: Samples that left it for the next.
        rejected: Samples by reason, most first.
    """

    stage: str
    seen: int
    kept: int
    rejected: Mapping[str, int]

    @property
    def dropped(self) -> int:
        """All that it rejected."""
        return sum(self.rejected.values())

    @property
    def kept_share(self) -> float | None:
        """kept of seen, 0..1."""
        return self.kept / self.seen if self.seen else None


def funnel(manifests: Iterable[Mapping[str, Any]]) -> tuple[StageLine, ...]:
    """One line per job from the manifests of what the jobs wrote, in the order given; several tables of a job are one line.

    Raises:
        Unaccounted: kept and rejected do not make seen.
    """
    lines: dict[str, StageLine] = {}
    for manifest in manifests:
        rejected = {str(r): int(n) for r, n in manifest["rejected"].items() if n}
        ranked = dict(sorted(rejected.items(), key=lambda item: (-item[1], item[0])))
        line = StageLine(str(manifest["job"]), int(manifest["seen"]), int(manifest["kept"]), ranked)
        if line.seen != line.kept + line.dropped:
            raise Unaccounted(f"{line.stage}: {line.seen} samples in, but {line.kept} kept and {line.dropped} rejected")
        lines.setdefault(line.stage, line)
    return tuple(lines.values())


def breaks(lines: Sequence[StageLine], grows: Sequence[str] = ("measure", "prompts", "generate")) -> list[str]:
    """Where a job saw another number than the job before it kept; empty when the chain holds.

    Args:
        grows: Jobs whose output is counted in another unit than their input (a source has several clips, a prompt several
            shots): what follows them, or they themselves, need not match.
    """
    found = []
    for before, after in pairwise(lines):
        if before.stage in grows or after.stage in grows:
            continue
        if before.kept != after.seen:
            found.append(f"{before.stage} kept {before.kept}, but {after.stage} saw {after.seen}")
    return found


def table(lines: Sequence[StageLine], reasons: int = 6) -> str:
    """The funnel as plain text: a line per job, aligned, wide characters counted as two."""
    rows = [("stage", "in", "kept", "share", "rejected", "why")]
    for line in lines:
        share = f"{line.kept_share:.1%}" if line.kept_share is not None else "-"
        rows.append((line.stage, str(line.seen), str(line.kept), share, str(line.dropped), _why(line.rejected, reasons)))
    widths = [max(width(row[i]) for row in rows) for i in range(5)]
    return "".join(_line(row, widths) for row in rows)


def _why(rejected: Mapping[str, int], most: int) -> str:
    shown = [f"{reason} {count}" for reason, count in list(rejected.items())[:most]]
    rest = sum(list(rejected.values())[most:])
    return ", ".join(shown + ([f"others {rest}"] if rest else []))


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    numbers = "  ".join(" " * (w - width(cell)) + cell for cell, w in zip(row[1:5], widths[1:], strict=True))
    return f"{row[0]}{' ' * (widths[0] - width(row[0]))}  {numbers}  {row[5]}".rstrip() + "\n"


def width(text: str) -> int:
    """Columns that a text takes on a terminal."""
    return sum(2 if east_asian_width(c) in "WF" else 1 for c in text)

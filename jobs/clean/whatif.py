"""The funnel that another policy would give, from stored numbers: nothing is decoded and nothing is written."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from jobs.clean.policy import columns, judge, resolve
from jobs.lake import Version
from quality.reader import one_in, thinned
from schemas.settings import Policy

MOST = 500_000
"""Clips that are judged, some 30 s. Of a table of more it is an even share, and what is counted is multiplied: a reason of one clip in a
thousand is then known to 5 %."""


@dataclass(frozen=True)
class Funnel:
    """What a policy does to a version of `clips`.

    Attributes:
        seen: Clips.
        kept: Clips that no check stops.
        rejected: Decisive reason -> clips; with `kept` they add up to `seen`.
        failed: Check -> clips that it has something against, decisive or not.
        alone: Check -> clips that it alone drops: what turning it off would win back.
        warned: Check -> clips that it takes note of.
        every: One clip in how many was judged.
    """

    seen: int
    kept: int
    rejected: Mapping[str, int]
    failed: Mapping[str, int]
    alone: Mapping[str, int]
    warned: Mapping[str, int]
    every: int = 1

    def text(self) -> str:
        """As lines: clips, kept, then the reasons, most frequent first."""
        rows = [(self.seen, "clips"), (self.kept, "kept"), *((n, reason) for reason, n in _by_count(self.rejected))]
        lines = [f"{n:>8}  {what}" for n, what in rows]
        return "\n".join(lines + [f"{n:>8}  {check} (warning)" for check, n in _by_count(self.warned)]) + "\n"


def whatif(clips: Version, policy: Policy) -> Funnel:
    """The funnel of `clips` under `policy`.

    Raises:
        SettingsError: the policy names what does not exist.
    """
    checks = resolve(policy)
    names, every = columns(checks), one_in(clips, MOST)
    kept = seen = 0
    rejected, failed, alone, warned = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for part in clips.slices():
        for row in thinned(part.read(names), "clip_id", every).to_pylist():
            verdict = judge(row, checks)
            seen += every
            kept += every * verdict.kept
            failed.update({check.name: every for check, _ in verdict.stops})
            warned.update({check.name: every for check, _ in verdict.warnings})
            if verdict.stops:
                rejected[verdict.stops[0][1].code] += every
            if len(verdict.stops) == 1:
                alone[verdict.stops[0][0].name] += every
    return Funnel(seen, kept, rejected, failed, alone, warned, every)


def _by_count(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))

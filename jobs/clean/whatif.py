"""The funnel that another policy would give, from stored numbers: nothing is decoded and nothing is written."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from jobs.clean.policy import columns, judge, resolve
from jobs.lake import Version
from schemas.settings import Policy


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
    """

    seen: int
    kept: int
    rejected: Mapping[str, int]
    failed: Mapping[str, int]
    alone: Mapping[str, int]
    warned: Mapping[str, int]

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
    names = columns(checks)
    kept = seen = 0
    rejected, failed, alone, warned = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for part in clips.slices():
        for row in part.read(names).to_pylist():
            verdict = judge(row, checks)
            seen += 1
            kept += verdict.kept
            failed.update(check.name for check, _ in verdict.stops)
            warned.update(check.name for check, _ in verdict.warnings)
            if verdict.stops:
                rejected[verdict.stops[0][1].code] += 1
            if len(verdict.stops) == 1:
                alone[verdict.stops[0][0].name] += 1
    return Funnel(seen, kept, rejected, failed, alone, warned)


def _by_count(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))

"""Holds the result of a build against the planted truth: what was missed and what was wrongly dropped, by name."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from jobs.demo.corpus import Truth
from jobs.job import CORPUS
from jobs.lake import Lake
from jobs.state import table_version

CUT_TOLERANCE_S = 0.15


@dataclass(frozen=True)
class Finding:
    """What became of one planted source."""

    name: str
    expected: str
    found: str
    ok: bool


@dataclass
class _Fate:
    clips: int = 0
    kept: int = 0
    reasons: tuple[str, ...] = ()
    bounds_s: tuple[float, ...] = ()
    words: str = ""


def compare(lake: Lake, truths: Mapping[str, Truth]) -> list[Finding]:
    """One finding for every planted source, in the order of the truth."""
    fates = _fates(lake)
    return [_finding(name, truth, fates.get(name)) for name, truth in truths.items()]


def _fates(lake: Lake) -> Mapping[str, _Fate]:
    names = {r["source_id"]: r["rel_path"] for r in table_version(lake, "sources").read(["source_id", "rel_path"]).to_pylist()}
    fates: dict[str, _Fate] = defaultdict(_Fate)
    for name in names.values():
        fates[name] = _Fate()
    for clip in table_version(lake, "clips").read(["source_id", "start_s", "end_s"]).to_pylist():
        fate = fates[names[clip["source_id"]]]
        fate.clips += 1
        fate.bounds_s += (clip["start_s"], clip["end_s"])
    for row in table_version(lake, "rejects", CORPUS).read(["sample_id", "source_id", "reason"]).to_pylist():
        fate = fates[names[row["source_id"] or row["sample_id"]]]
        fate.reasons += (row["reason"],)
    columns = ["source_id", "title", "caption", "transcript", "text"]
    for sample in table_version(lake, "samples").read(columns).to_pylist():
        fate = fates[names[sample["source_id"]]]
        fate.kept += 1
        fate.words += " ".join(str(sample[c] or "") for c in columns[1:])
    return fates


def _finding(name: str, truth: Truth, fate: _Fate | None) -> Finding:
    expected = {
        "keep": "kept",
        "masked": "kept, personal data masked",
        "duplicate": "dropped: duplicate",
        "reject": f"dropped: {' or '.join(truth.reasons)}",
    }[truth.expect] + (f" ({truth.fault})" if truth.fault else "")
    if fate is None:
        return Finding(name, expected, "not collected at all", False)
    reasons = sorted(set(fate.reasons))
    found = f"kept {fate.kept} of {fate.clips}" if fate.clips else "kept nothing"
    found += f", dropped: {', '.join(reasons)}" if reasons else ""
    if truth.expect == "reject":
        return Finding(name, expected, found, not fate.kept and bool(set(reasons) & set(truth.reasons)))
    if truth.expect == "duplicate":
        return Finding(name, expected, found, not fate.kept and reasons == ["duplicate"])
    leaked = [word for word in truth.hidden if word in fate.words]
    uncut = [cut for cut in truth.cuts_s if not any(abs(cut - at) <= CUT_TOLERANCE_S for at in fate.bounds_s)]
    found += "".join(f", leaked {word}" for word in leaked) + "".join(f", no cut at {cut:g} s" for cut in uncut)
    whole = fate.kept == fate.clips == len(truth.cuts_s) + 1
    return Finding(name, expected, found, whole and not leaked and not uncut)

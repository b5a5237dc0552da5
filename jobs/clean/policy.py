"""What is good enough: the presets, and the checks that a policy comes down to.

A preset is data: overrides of the defaults that stand in the filters themselves, each there with its source.
"""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from jobs.clean.filter import Filter, FilterConfig, Reason, Row, filters
from schemas.settings import Policy, SettingsError

Overrides = Mapping[str, Mapping[str, Any]]

PRESETS: Mapping[str, Overrides] = MappingProxyType({
    # the defaults of the filters: drop what is broken, keep what can be learned from
    "pretrain": {},
    # the small last stage: better few and good
    "finetune": {
        "duration": {"min_s": 2.0, "max_s": 20.0},         # Cosmos-Curate from 2 s; as long as `measure.max_clip_s` cuts (Movie Gen: 16)
        "resolution": {"min_short_side_px": 480.0},        # EasyAnimate, Open-Sora 1.2: 512; 480p is next to it
        "aspect_ratio": {"min_ratio": 9 / 21, "max_ratio": 21 / 9},
        "frame_rate": {"min_fps": 16.0},                   # Wan 2.1 is trained at 16
        "black": {"max_share": 0.1},
        "exposure": {"min_bright": 64.0, "max_mean": 240.0, "min_std": 10.0},
        "sharpness": {"min_acutance": 0.24, "min_variance": 30.0},  # all footage in focus that was measured has more
        "frozen": {"max_share": 0.2},
        "slideshow": {"max_share": 0.6},
        "still": {"min_motion": 0.005},                    # EasyAnimate and Data-Juicer's recipe drop the stillest tiers
        "shake": {"max_motion": 1.0},
        "flicker": {"max_change": 6.0},
        "bars": {"max_share": 0.02},
        "blocks": {"max_ratio": 1.6},
        "text_area": {"max_share": 0.02},                  # EasyAnimate: 0.02 of the middle frame
        "residual_cut": {"max_score": 0.8},
        "interlacing": {"severity": "stop"},
        "clipping": {"max_share": 0.001},
        "noise": {"severity": "stop", "min_snr_db": 10.0},
        "bandwidth": {"severity": "stop", "min_hz": 1000.0},
        "av_sync": {"max_skew_s": 0.2},
        "text_length": {"min_words": 10.0},
        "repetition": {"max_share": 0.15},                 # Gopher
        "symbols": {"max_share": 0.1},                     # NeMo Curator
        "personal_data": {"max_pieces": 3.0},
    },
    # measure, count, drop nothing
    "everything": {"*": {"severity": "warn"}},
})


@dataclass(frozen=True)
class Check:
    """A filter with the thresholds in force."""

    filter: Filter
    config: FilterConfig

    @property
    def name(self) -> str:
        """Name of the filter: `check` in `rejects`."""
        return self.filter.name


@dataclass(frozen=True)
class Verdict:
    """What the checks say of one clip: reasons to drop it, the first one decisive, and reasons to take note of."""

    stops: tuple[tuple[Check, Reason], ...]
    warnings: tuple[tuple[Check, Reason], ...]

    @property
    def kept(self) -> bool:
        """Whether the clip goes on."""
        return not self.stops


def resolve(policy: Policy) -> tuple[Check, ...]:
    """The checks in force, in the order in which they are decisive; those that are off are left out.

    Raises:
        SettingsError: an unknown filter or threshold, with the nearest name, or a value that does not hold.
    """
    known = filters()
    for name in policy.filters:
        if name not in known:
            raise SettingsError(f"policy.filters: there is no filter {name!r}; the nearest is {_nearest(name, known)!r}")
    checks = [Check(f, _config(f, PRESETS[policy.preset], policy.filters.get(f.name, {}))) for f in known.values()]
    return tuple(c for c in checks if c.config.severity != "off")


def thresholds(policy: Policy) -> dict[str, Any]:
    """Every setting of every filter as this policy has it, by `filter.name`; also of filters that are off.

    Raises:
        SettingsError: as `resolve`.
    """
    resolve(policy)
    configs = {f.name: _config(f, PRESETS[policy.preset], policy.filters.get(f.name, {})) for f in filters().values()}
    return {f"{name}.{field}": value for name, config in configs.items() for field, value in config.model_dump(mode="json").items()}


def columns(checks: Iterable[Check]) -> list[str]:
    """What must be read of `clips` to judge: ids and the columns that the checks use, in the order of the names."""
    used = {name for check in checks for name in check.filter.columns}
    return sorted(used | {"clip_id", "source_id", "modality"})


def judge(row: Row, checks: Iterable[Check]) -> Verdict:
    """Everything that the checks have against a clip."""
    stops: list[tuple[Check, Reason]] = []
    warnings: list[tuple[Check, Reason]] = []
    for check in checks:
        if why := check.filter.verdict(row, check.config):
            (stops if check.config.severity == "stop" else warnings).append((check, why))
    return Verdict(tuple(stops), tuple(warnings))


def reject_rows(row: Row, verdict: Verdict) -> list[dict[str, Any]]:
    """The rows of `rejects` for a clip, without stage, policy and run: one per failed check, the first decisive."""
    return [{"sample_id": row["clip_id"], "source_id": row["source_id"], "decisive": place == 0, **vars(why.by(check.name))}
            for place, (check, why) in enumerate(verdict.stops)]


def _config(found: Filter, preset: Overrides, given: Mapping[str, Any]) -> FilterConfig:
    values = {**preset.get("*", {}), **preset.get(found.name, {}), **given}
    for field in values:
        if field not in found.config.model_fields:
            near = _nearest(field, found.config.model_fields)
            raise SettingsError(f"policy.filters.{found.name}: there is no threshold {field!r}; the nearest is {near!r}")
    try:
        return found.config.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        if not first["loc"]:
            raise SettingsError(f"policy.filters.{found.name}: {first['msg'].removeprefix('Value error, ')}") from None
        where = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"policy.filters.{found.name}.{where} = {first.get('input')!r}: {first['msg']}") from None


def _nearest(name: str, known: Iterable[str]) -> str:
    return difflib.get_close_matches(name, list(known), n=1, cutoff=0.0)[0]

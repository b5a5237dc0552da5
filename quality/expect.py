"""Runs checks on frames with Great Expectations in a context of their own, and says in one line each what failed."""

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from quality.gate import Check, Severity

SHOWN = 5
"""Ids named per failed check."""


@dataclass(frozen=True)
class Failure:
    """A check that was not met.

    Attributes:
        check: Its name.
        severity: stop or warn.
        says: One line: what must be true, and how many rows or which number broke it.
        ids: Keys of some rows that did, at most SHOWN.
    """

    check: str
    severity: Severity
    says: str
    ids: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """With the ids."""
        return f"{self.says}, e.g. {', '.join(self.ids)}" if self.ids else self.says


def unmet(frames: Mapping[str, Any], checks: Sequence[Check], key: Sequence[str]) -> tuple[Failure, ...]:
    """Checks that the frames (pandas, by the name in `Check.on`) do not meet, in the order of the checks."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    import great_expectations as gx
    import great_expectations.expectations as gxe

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    assets = context.data_sources.add_pandas("tables")
    failures: dict[str, Failure] = {}
    for name, frame in frames.items():
        todo = [c for c in checks if c.on == name]
        if not todo:
            continue
        suite = gx.ExpectationSuite(name=name)
        for check in todo:
            suite.add_expectation(getattr(gxe, check.expectation)(**check.kwargs, meta={"check": check.name}))
        batch = assets.add_dataframe_asset(name).add_batch_definition_whole_dataframe(name).get_batch({"dataframe": frame})
        form = {"result_format": "SUMMARY", "partial_unexpected_count": SHOWN}
        if name == "rows":
            form["unexpected_index_column_names"] = list(key)
        by_name = {c.name: c for c in todo}
        for result in batch.validate(suite, result_format=form).results:
            if not result.success:
                check = by_name[result.expectation_config.meta["check"]]
                failures[check.name] = Failure(check.name, check.severity, _says(check, result), _ids(result, key))
    return tuple(failures[c.name] for c in checks if c.name in failures)


def _says(check: Check, result: Any) -> str:
    for error in (result.exception_info or {}).values():
        if isinstance(error, dict) and error.get("raised_exception"):  # keyed by metric when a metric raised
            return f"{check.says}: {error['exception_message']}"
    found = result.result or {}
    if check.on == "columns":
        wrong = found.get("details", {}).get("mismatched", {})
        return f"{check.says}: " + "; ".join(f"{kind} {', '.join(names)}" for kind, names in sorted(wrong.items()))
    if check.on == "facts":
        value = found["partial_unexpected_list"][0]
        return f"{check.says}: {check.kwargs['column']} is {value:.4g}"
    count, whole = found.get("unexpected_count", 0), found.get("element_count", 0)
    said = f"{check.says}: {count} of {whole} rows ({found.get('unexpected_percent') or 0:.3g} %) do not hold"
    values = [v for v in found.get("partial_unexpected_list", []) if v is not False and v is not None and v == v]
    if values and check.name != "key_unique":
        said += f" (found {', '.join(map(_short, dict.fromkeys(map(str, values[:3]))))})"
    return said


def _ids(result: Any, key: Sequence[str]) -> tuple[str, ...]:
    index = (result.result or {}).get("partial_unexpected_index_list") or []
    ids = ("/".join(str(row.get(k)) for k in key) for row in index if isinstance(row, dict))
    return tuple(dict.fromkeys(ids))[:SHOWN]


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."

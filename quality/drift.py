"""How far the distributions of one release lie from those of the release before.

PSI is the population stability index over deciles of the earlier release; by the rule of thumb in common use below 0.1
nothing changed and from 0.25 on the population did. On few rows PSI is large by chance alone, so a column counts as shifted
only when the two-sample Kolmogorov-Smirnov test agrees. Values are compared where there are any; whether there are any is a column
of its own, `has_<column>`, which is told only where it moved.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

MOVED_PSI = 0.1
SHIFTED_PSI = 0.25
P_VALUE = 0.01
"""Chance of a KS distance this large between two draws of one population, from which the difference counts as real."""
BINS = 10
FLOOR = 1e-4
"""Share that an empty bin counts as: the logarithm needs one."""
MIN_VALUES = 20
"""Columns with fewer values (or rows, for whether they have any) on either side are not compared."""
ABOUT_TIME = ("start_s", "end_s", "cut_start_s", "labeler_version")
"""Columns whose values say where a clip lies, not what it is like."""


@dataclass(frozen=True)
class Drift:
    """One column.

    Attributes:
        column: Its name.
        psi: Population stability index.
        ks: Kolmogorov-Smirnov distance, 0..1.
        p_value: Of the distance.
    """

    column: str
    psi: float
    ks: float
    p_value: float

    @property
    def moved(self) -> bool:
        """Worth a look."""
        return self.psi >= MOVED_PSI and self.p_value < P_VALUE

    @property
    def shifted(self) -> bool:
        """Another population."""
        return self.psi >= SHIFTED_PSI and self.p_value < P_VALUE


def columns_in_common(rows: pa.Table) -> list[str]:
    """Numeric columns that are compared."""
    return [f.name for f in rows.schema if f.name not in ABOUT_TIME
            and (pa.types.is_floating(f.type) or pa.types.is_integer(f.type))]


def drift(before: pa.Table, after: pa.Table, columns: Sequence[str] | None = None) -> tuple[Drift, ...]:
    """Drift of numeric columns, greatest PSI first; columns with too few values are left out."""
    found = []
    for name in columns or columns_in_common(before):
        there = _drift(f"has_{name}", *(np.asarray(rows[name].is_valid(), np.float64) for rows in (before, after)))
        found += [line for line in (_drift(name, _values(before, name), _values(after, name)), there if there and there.moved else None) if line]
    return tuple(sorted(found, key=lambda d: (-d.psi, d.column)))


def _drift(name: str, a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> Drift | None:
    from scipy.stats import ks_2samp

    if min(len(a), len(b)) < MIN_VALUES:
        return None
    test = ks_2samp(a, b, method="asymp")
    return Drift(name, psi(a, b), float(test.statistic), float(test.pvalue))


def psi(before: npt.NDArray[np.float64], after: npt.NDArray[np.float64], bins: int = BINS) -> float:
    """Population stability index over quantile bins of `before`: sum of (p - q) ln(p / q).

    A value that several quantiles fall on is a bin of its own, with one on either side of it: what leaves it is seen, wherever it goes.
    """
    edges, times = np.unique(np.quantile(before, np.linspace(0, 1, bins + 1)[1:-1]), return_counts=True)
    edges = np.union1d(edges, np.nextafter(edges[times > 1], np.inf))
    p = _shares(before, edges)
    q = _shares(after, edges)
    return float(np.sum((p - q) * np.log(p / q)))


def _shares(values: npt.NDArray[np.float64], edges: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)
    return np.maximum(counts / len(values), FLOOR)


def _values(rows: pa.Table, name: str) -> npt.NDArray[np.float64]:
    column = pc.cast(rows[name].drop_null(), pa.float64())
    values = np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)
    return values[np.isfinite(values)]

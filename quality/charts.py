"""Charts of the report page as inline SVG: no script, no font, no request; colours come from the page's style sheet."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from markupsafe import Markup, escape

WIDTH, HEIGHT, FOOT = 320, 120, 18
BINS = 32
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Limit:
    """A threshold that is drawn into a histogram.

    Attributes:
        column: Column of `clips` that is compared.
        op: `<` or `>`: the side on which a clip goes.
        threshold: Its value.
        reason: Code of the vocabulary.
    """

    column: str
    op: str
    threshold: float
    reason: str


def histogram(kept: Floats, dropped: Floats, limits: Sequence[Limit], *, shares: bool = False) -> Markup:
    """Values that stay and values that go, stacked; the side that a limit drops is shaded. Outliers count in the end bins.

    Args:
        kept: Values of clips that stay.
        dropped: Values of clips that go.
        limits: Thresholds on these values.
        shares: The values are shares: the axis runs from 0 to 1.
    """
    low, high = (0.0, 1.0) if shares else _range(np.concatenate([kept, dropped]), [limit.threshold for limit in limits])
    edges = np.linspace(low, high, BINS + 1)
    below, above = (np.histogram(np.clip(v, low, high), edges)[0] for v in (kept, dropped))
    top = max(1, int((below + above).max()))
    step, floor = WIDTH / BINS, HEIGHT - FOOT
    parts = [_shade(limit, low, high, floor) for limit in limits]
    inside = [limit for limit in limits if low < limit.threshold < high]
    for i, (stay, go) in enumerate(zip(below.tolist(), above.tolist(), strict=True)):
        if not stay + go:
            continue
        tall, more = stay / top * (floor - 8), go / top * (floor - 8)
        span = f"{number(edges[i])} – {number(edges[i + 1])}"
        at = f'x="{i * step + .5:.2f}" width="{step - 1:.2f}"'
        parts.append(f'<g><title>{span}: {stay} kept, {go} rejected</title>'
                     f'<rect class="kept" {at} y="{floor - tall:.2f}" height="{tall:.2f}"/>'
                     f'<rect class="gone" {at} y="{floor - tall - more:.2f}" height="{more:.2f}"/></g>')
    parts.append(f'<line class="axis" x1="0" x2="{WIDTH}" y1="{floor}" y2="{floor}"/>')
    for tick, anchor in ((low, "start"), ((low + high) / 2, "middle"), (high, "end")):
        x = (tick - low) / (high - low) * WIDTH
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - 4}" text-anchor="{anchor}">{number(tick)}</text>')
    parts += [_mark(limit, low, high, floor) for limit in inside]
    return Markup(f'<svg class="hist" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">{"".join(parts)}</svg>')


def _range(values: Floats, thresholds: Sequence[float]) -> tuple[float, float]:
    low, high = (float(v) for v in np.quantile(values, [0.005, 0.995])) if len(values) else (0.0, 1.0)
    span = max(high - low, abs(high) * 1e-3, 1e-6)
    # a limit far away would squeeze the values into one bin
    near = [t for t in thresholds if low - 2 * span <= t <= high + 2 * span]
    low, high = min([low, *near]), max([high, *near])
    if low > 0 and low < 0.25 * high:
        low = 0.0
    return (low, high) if high - low > 1e-9 else (low - 0.5, low + 0.5)


def _at(limit: Limit, low: float, high: float) -> float:
    return min(1.0, max(0.0, (limit.threshold - low) / (high - low))) * WIDTH


def _shade(limit: Limit, low: float, high: float, floor: float) -> str:
    at = _at(limit, low, high)
    x, width = (0.0, at) if limit.op == "<" else (at, WIDTH - at)
    return f'<rect class="out" x="{x:.1f}" y="0" width="{max(0.0, width):.1f}" height="{floor}"/>'


def _mark(limit: Limit, low: float, high: float, floor: float) -> str:
    at = _at(limit, low, high)
    return (f'<g><title>{escape(limit.reason)}: {escape(limit.op)} {number(limit.threshold)}</title>'
            f'<line class="limit" x1="{at:.1f}" x2="{at:.1f}" y1="0" y2="{floor}"/></g>')


def number(value: float) -> str:
    """A number for people: three significant digits, thousands marked."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else str(value)
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(digits, 4)}f}".rstrip("0").rstrip(".") if digits else f"{value:.0f}"


def size(count: float) -> str:
    """Bytes for people."""
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if abs(count) < 1000 or unit == "TB":
            return f"{number(count)} {unit}"
        count /= 1000
    raise AssertionError


def duration(seconds: float) -> str:
    """Seconds for people."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"

"""Finds interlaced video: its combs are learned as texture unless it is deinterlaced first."""

from jobs.clean.filter import VIDEO, Filter, FilterConfig, Limit, Severity, within


class Config(FilterConfig):
    """A flag, as 0 or 1."""

    severity: Severity = "warn"
    """Material coded as interlaced is often progressive; fine-tuning drops it, as Movie Gen's technical filters do."""
    max_flag: float | None = 0.5
    """Half way between no and yes: the measurement has counted frames already."""


FILTER = Filter(
    "interlacing", codes=("interlaced",), applies=(VIDEO,), needs=("interlaced",), config=Config,
    judge=within(Limit("interlaced", ">", "max_flag", "interlaced")),
    examples=(
        ({"modality": VIDEO, "interlaced": False}, None),
        ({"modality": VIDEO, "interlaced": True}, "interlaced"),
    ),
)

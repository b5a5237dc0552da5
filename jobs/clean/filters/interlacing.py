"""Finds interlaced video, by its flag or by its combs: they are learned as texture unless it is deinterlaced first."""

from jobs.clean.filter import VIDEO, Filter, FilterConfig, Limit, Severity, Share, within


class Config(FilterConfig):
    """A flag, as 0 or 1."""

    severity: Severity = "warn"
    """Material coded as interlaced is often progressive; fine-tuning drops it, as Movie Gen's technical filters do."""
    max_flag: Share | None = 0.5
    """Half way between no and yes: the measurement has counted frames already."""
    max_combing: Share | None = 0.1
    """Share of pictures. No progressive film of 43 has one; interlaced film has them wherever something moves."""


FILTER = Filter(
    "interlacing", codes=("interlaced",), applies=(VIDEO,), needs=(), also=("interlaced", "combing"), config=Config,
    judge=within(Limit("interlaced", ">", "max_flag", "interlaced"), Limit("interlaced", ">", "max_combing", "combing")),
    examples=(
        ({"modality": VIDEO, "interlaced": False}, None),
        ({"modality": VIDEO, "interlaced": True}, "interlaced"),
        ({"modality": VIDEO, "interlaced": False, "combing": 0.0}, None),
        ({"modality": VIDEO, "interlaced": False, "combing": 0.6}, "interlaced"),
    ),
)

"""Drops videos that move too fast to learn from."""

from jobs.clean.filter import VIDEO, Amount, Filter, FilterConfig, Limit, within


class Config(FilterConfig):
    """Mean optical flow, share of the short side per second."""

    max_motion: Amount | None = 3.0
    """The picture is passed three times a second: beyond the reach of flow at two samples a second and of an eye.
    EasyAnimate drops above 20 pixels between samples, Data-Juicer's recipe likewise, which is 0.1 to 0.2 of a short side."""


FILTER = Filter(
    "shake", codes=("too_shaky",), applies=(VIDEO,), needs=("motion",), config=Config,
    judge=within(Limit("too_shaky", ">", "max_motion", "motion")),
    examples=(
        ({"modality": VIDEO, "motion": 0.3}, None),
        ({"modality": VIDEO, "motion": 5.0}, "too_shaky"),
    ),
)

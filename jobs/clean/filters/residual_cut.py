"""Drops clips with a cut inside that the splitting missed."""

from jobs.clean.filter import VIDEO, Filter, FilterConfig, Limit, within


class Config(FilterConfig):
    """Greatest cut score inside the clip over the cut threshold."""

    max_score: float | None = 1.0
    """1 is a cut by the detector's own measure (EasyAnimate asks for frame consistency within a clip in the same place)."""


FILTER = Filter(
    "residual_cut", codes=("missed_cut",), applies=(VIDEO,), needs=("residual_cut",), config=Config,
    judge=within(Limit("missed_cut", ">", "max_score", "residual_cut")),
    examples=(
        ({"modality": VIDEO, "residual_cut": 0.4}, None),
        ({"modality": VIDEO, "residual_cut": 1.6}, "missed_cut"),
    ),
)

"""Drops clips with a cut inside that the splitting missed."""

from jobs.clean.filter import VIDEO, Amount, Filter, FilterConfig, Limit, within


class Config(FilterConfig):
    """Greatest cut score inside the clip over the cut threshold."""

    max_score: Amount | None = 1.2
    """1 is where a cut begins by the detector's own measure; a slide that changes in a screen-cast comes up to 1.1.
    (EasyAnimate asks for the consistency of frames instead.)"""


FILTER = Filter(
    "residual_cut", codes=("missed_cut",), applies=(VIDEO,), needs=("residual_cut",), config=Config,
    judge=within(Limit("missed_cut", ">", "max_score", "residual_cut")),
    examples=(
        ({"modality": VIDEO, "residual_cut": 0.4}, None),
        ({"modality": VIDEO, "residual_cut": 1.6}, "missed_cut"),
    ),
)

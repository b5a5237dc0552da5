"""Drops videos in which nothing moves though the frames differ: a tripod before a wall, noise over a still."""

from jobs.clean.filter import VIDEO, Amount, Filter, FilterConfig, Limit, within


class Config(FilterConfig):
    """Mean optical flow, share of the short side per second."""

    min_motion: Amount | None = 0.0005
    """A tenth of a pixel of the 224-pixel picture per second, the noise floor of dense flow. Data-Juicer drops below 0.25
    pixels between samples at 2 a second, EasyAnimate below 2: fine-tuning asks for more."""


FILTER = Filter(
    "still", codes=("static",), applies=(VIDEO,), needs=("motion",), config=Config,
    judge=within(Limit("static", "<", "min_motion", "motion")),
    examples=(
        ({"modality": VIDEO, "motion": 0.05}, None),
        ({"modality": VIDEO, "motion": 0.002}, None),
        ({"modality": VIDEO, "motion": 0.0}, "static"),
    ),
)

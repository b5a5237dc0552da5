"""Drops videos whose brightness flickers from frame to frame."""

from jobs.clean.filter import VIDEO, Amount, Filter, FilterConfig, Limit, within


class Config(FilterConfig):
    """Mean absolute second difference of mean luma, 0..255."""

    max_change: Amount | None = 12.0
    """Broadcast guidance (ITU-R BT.1702) calls pairs of opposing changes of 20 cd/m2, about 20 of 255 in mid greys, harmful
    at three a second; handheld and drawn footage stays below 3."""


FILTER = Filter(
    "flicker", codes=("flicker",), applies=(VIDEO,), needs=("flicker",), config=Config,
    judge=within(Limit("flicker", ">", "max_change", "flicker")),
    examples=(
        ({"modality": VIDEO, "flicker": 0.5}, None),
        ({"modality": VIDEO, "flicker": 30.0}, "flicker"),
    ),
)

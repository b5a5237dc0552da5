"""Drops pictures and videos in which coding blocks show."""

from jobs.clean.filter import IMAGE, VIDEO, Amount, Filter, FilterConfig, Limit, within


class Config(FilterConfig):
    """Mean luma step across 8-pixel borders over the mean step elsewhere."""

    max_ratio: Amount | None = 4.0
    """1 is none; an MPEG-2 broadcast of a smooth sky has up to 3.2, for there is next to no step within its blocks."""


FILTER = Filter(
    "blocks", codes=("blocky",), applies=(VIDEO, IMAGE), needs=("blockiness",), config=Config,
    judge=within(Limit("blocky", ">", "max_ratio", "blockiness")),
    examples=(
        ({"modality": VIDEO, "blockiness": 1.05}, None),
        ({"modality": IMAGE, "blockiness": 4.5}, "blocky"),
    ),
)

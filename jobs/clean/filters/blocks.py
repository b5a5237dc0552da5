"""Drops pictures and videos in which coding blocks show."""

from jobs.clean.filter import IMAGE, VIDEO, Filter, FilterConfig, Limit, within


class Config(FilterConfig):
    """Mean luma step across 8-pixel borders over the mean step elsewhere."""

    max_ratio: float | None = 3.0
    """1 is none; JPEG at quality 10 has about 2, and pixel art on an 8-pixel grid more than anything coded."""


FILTER = Filter(
    "blocks", codes=("blocky",), applies=(VIDEO, IMAGE), needs=("blockiness",), config=Config,
    judge=within(Limit("blocky", ">", "max_ratio", "blockiness")),
    examples=(
        ({"modality": VIDEO, "blockiness": 1.05}, None),
        ({"modality": IMAGE, "blockiness": 4.5}, "blocky"),
    ),
)

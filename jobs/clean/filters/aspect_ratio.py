"""Drops pictures and videos too tall or too wide to be cropped to a training shape."""

from jobs.clean.filter import IMAGE, VIDEO, Amount, Filter, FilterConfig, Limit, Row, within


class Config(FilterConfig):
    """Width over height, as displayed."""

    min_ratio: Amount | None = 1 / 3
    """datacomp: the aspect ratio of a picture is at most 3."""
    max_ratio: Amount | None = 3.0
    """Likewise; cinema's widest common shape is 2.76."""


def ratio(row: Row) -> float:
    """Width over height."""
    return float(row["width"] / row["height"])


FILTER = Filter(
    "aspect_ratio", codes=("too_tall", "too_wide"), applies=(VIDEO, IMAGE), needs=("width", "height"), config=Config,
    judge=within(Limit("too_tall", "<", "min_ratio", ratio), Limit("too_wide", ">", "max_ratio", ratio)),
    examples=(
        ({"modality": VIDEO, "width": 1920, "height": 1080}, None),
        ({"modality": VIDEO, "width": 1080, "height": 1920}, None),
        ({"modality": VIDEO, "width": 360, "height": 1280}, "too_tall"),
        ({"modality": IMAGE, "width": 3840, "height": 800}, "too_wide"),
    ),
)

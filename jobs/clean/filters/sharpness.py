"""Drops blurred pictures and videos, but not smooth drawings.

A blur takes the fine detail of a picture and leaves its contrast, so both limits must break: little detail as such, and
little detail for the contrast that there is. Flat colours with a few sharp edges have little of the first only.
"""

from jobs.clean.filter import IMAGE, VIDEO, Filter, FilterConfig, Limit, Row, within


class Config(FilterConfig):
    """Variance of the Laplacian on the 224-pixel luma picture."""

    min_variance: float | None = 25.0
    """NeMo Curator calls a picture blurred below 100 at full size; the stored number is of a reduced picture, where real
    sharp footage has 200 and more and a strong blur 2 to 20."""
    min_relative: float | None = 0.02
    """Least variance of the Laplacian over the variance of luma: a smooth drawing keeps its edges whatever its contrast."""


def variance(row: Row) -> float | None:
    """Detail, where it is little for the contrast, too."""
    contrast = row.get("luma_std")
    return float(row["sharpness"]) if contrast is not None else None


FILTER = Filter(
    "sharpness", codes=("blurred",), applies=(VIDEO, IMAGE), needs=("sharpness",), also=("luma_std",), config=Config,
    judge=within(Limit("blurred", "<", "min_variance", "sharpness")),
    examples=(
        ({"modality": VIDEO, "sharpness": 400.0, "luma_std": 50.0}, None),
        ({"modality": VIDEO, "sharpness": 8.0, "luma_std": 50.0}, "blurred"),
    ),
)

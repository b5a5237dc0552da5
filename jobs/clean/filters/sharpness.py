"""Drops blurred pictures and videos, but not smooth drawings.

A blur takes the fine detail of a picture and leaves its contrast. Detail alone cannot tell the two apart: a drawing of flat
colours and a photograph out of focus have little of it alike. So there is a floor that only a blur reaches, and above it a
clip goes only if it has little detail for the contrast that it has.
"""

from jobs.clean.filter import IMAGE, VIDEO, Filter, FilterConfig, Limit, Row, within

DETAILED = 12.0
"""Variance of the Laplacian from which a picture is not called blurred, whatever its contrast."""


class Config(FilterConfig):
    """Variance of the Laplacian on the 224-pixel luma picture."""

    min_variance: float | None = 2.2
    """A Gaussian of 2 % of the short side leaves 0.8 to 2.4 of any picture (19 real and drawn clips); drawn scenes with one
    soft shape have 3, footage in focus 30 to 2000. (NeMo Curator: 100 at full size, which drops every smooth picture.)"""
    min_relative: float | None = 0.0075
    """Variance of the Laplacian over the variance of luma. A Gaussian of 1 % leaves 0.001 to 0.008 of real footage; clips in
    focus with as little detail, all of them drawn or of plain surfaces, have 0.008 to 0.05."""


def relative(row: Row) -> float | None:
    """Detail for the contrast that there is; None where there is enough detail as such."""
    if row["luma_std"] is None or row["luma_std"] <= 0 or row["sharpness"] >= DETAILED:
        return None
    return float(row["sharpness"] / row["luma_std"] ** 2)


FILTER = Filter(
    "sharpness", codes=("blurred",), applies=(VIDEO, IMAGE), needs=("sharpness",), also=("luma_std",), config=Config,
    judge=within(Limit("blurred", "<", "min_variance", "sharpness"), Limit("blurred", "<", "min_relative", relative)),
    examples=(
        ({"modality": VIDEO, "sharpness": 400.0, "luma_std": 50.0}, None),
        ({"modality": VIDEO, "sharpness": 11.0, "luma_std": 14.0}, None),
        ({"modality": VIDEO, "sharpness": 3.1, "luma_std": 11.6}, None),
        ({"modality": VIDEO, "sharpness": 5.1, "luma_std": 56.0}, "blurred"),
        ({"modality": IMAGE, "sharpness": 1.4, "luma_std": 13.0}, "blurred"),
    ),
)

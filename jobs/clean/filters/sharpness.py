"""Drops blurred pictures and videos, but not smooth drawings.

How much detail there is cannot tell the two apart: a drawing of flat colours and a photograph out of focus have little of it
alike. How abrupt the most abrupt edges are can: a blur leaves none, and a drawing has some.
"""

from jobs.clean.filter import IMAGE, VIDEO, Amount, Filter, FilterConfig, Limit, within


class Config(FilterConfig):
    """Edges and detail of the 224-pixel luma picture."""

    min_acutance: Amount | None = 0.22
    """80 files in focus have 0.33 and more; behind a Gaussian of 0.7 % of the short side 85 % of them have less than 0.22, of 1 % 95 %;
    the others are drawings of hard lines and starry skies. Behind a blur of one direction of 5 % of it 77 % do, of 8 to 20 % 85 to 93 %."""
    min_variance: Amount | None = None
    """Variance of the Laplacian: how much detail there is. Smooth drawings have 3, real footage 30 to 2000; for models of real
    footage alone. (NeMo Curator: 100, at full size.)"""


FILTER = Filter(
    "sharpness", codes=("blurred",), applies=(VIDEO, IMAGE), needs=("sharpness",), also=("acutance",), config=Config,
    judge=within(Limit("blurred", "<", "min_acutance", "acutance"), Limit("blurred", "<", "min_variance", "sharpness")),
    examples=(
        ({"modality": VIDEO, "sharpness": 400.0, "acutance": 0.7}, None),
        ({"modality": VIDEO, "sharpness": 3.1, "acutance": 0.33}, None),
        ({"modality": VIDEO, "sharpness": 14.0, "acutance": 0.06}, "blurred"),
        ({"modality": IMAGE, "sharpness": 14.0, "acutance": 0.4}, "blurred", {"min_variance": 30.0}),
    ),
)

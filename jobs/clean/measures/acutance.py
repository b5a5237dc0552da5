"""Acutance: how abrupt the most abrupt edges are.

acutance: 99.95th percentile of the absolute Laplacian (kernel 0 1 0 / 1 -4 1 / 0 1 0) of luma with the short side at 224
pixels, over the range of luma between its 1st and 99th percentile, both inside a frame of 14 % (22 % below): subtitles, logos and
bars are as sharp before a blurred picture. The upper quartile over the sampled pictures. An edge of the full contrast has 1,
footage and photographs in focus 0.33 and more (80 files); behind a Gaussian of 0.7 % of the short side the median of them has 0.14, of
1 % 0.08. A drawing of one shape counts as sharp, which the variance of the Laplacian cannot tell from a blur. Null where
the range is below 20: there is no edge to look at but those of quantisation. Version 2. Source: edge width as the sign of blur
(Marziliano 2002), by the height of the second derivative in place of a search along every edge.
"""

from typing import Any

import numpy as np

from jobs.clean.measures import Measurement, Picture, Span
from jobs.media.kernel import kernel

LEAST_RANGE = 20
LEFT, TOP, BOTTOM = 0.14, 0.14, 0.22
"""Shares of the picture that are not looked at: on the left and on the right, above, below."""
EDGES = 0.0005
"""Share of the picture that its most abrupt edges are: 45 pixels of 224 x 398."""


def _reach(histogram: Any, upto: float) -> int:
    """The least value that at least `upto` of the counted do not exceed."""
    total = 0
    for value in range(histogram.size):
        total += histogram[value]
        if total >= upto:
            return value
    return int(histogram.size) - 1


_place = kernel("int64(int64[::1], float64)")(_reach)


def look(picture: Picture) -> tuple[float]:
    height, width = picture.y.shape
    left, top, bottom = int(LEFT * width), int(TOP * height), int(BOTTOM * height)
    return (acutance(picture.y[top:height - bottom, left:width - left]),)


def _body(y: Any) -> float:
    height, width = y.shape
    if height < 3 or width < 3:
        return np.nan
    luma, steps = np.zeros(256, np.int64), np.zeros(1021, np.int64)
    for row in range(1, height - 1):
        for column in range(1, width - 1):
            here = np.int32(y[row, column])
            value = np.int32(y[row - 1, column]) + np.int32(y[row + 1, column]) + np.int32(y[row, column - 1]) \
                + np.int32(y[row, column + 1]) - 4 * here
            luma[here] += 1
            steps[abs(value)] += 1
    count = (height - 2) * (width - 2)
    low = _place(luma, 0.01 * count)
    high = _place(luma, 0.99 * count)
    if high - low < LEAST_RANGE:
        return np.nan
    return float(_place(steps, (1.0 - EDGES) * count) / (high - low))


acutance = kernel("float64(Array(uint8, 2, 'A', readonly=True))")(_body)
"""Of a picture of luma, see the module; NaN where there is no range or the picture is smaller than 3 x 3."""


def reduce(span: Span) -> dict[str, Any]:
    values = span.pictures["acutance"][:, 0]
    values = values[np.isfinite(values)]
    return {"acutance": float(np.percentile(values, 75)) if values.size else None}


MEASURE = Measurement("acutance", 2, ("acutance",), reduce, width=1, look=look, every=2)

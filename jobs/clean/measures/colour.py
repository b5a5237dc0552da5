"""Colourfulness.

colourfulness: sqrt(s_rg^2 + s_yb^2) + 0.3 sqrt(m_rg^2 + m_yb^2) with rg = R - G and yb = (R + G) / 2 - B; s standard
deviations, m means. Both are linear in chroma alone (rg = 0.344 u + 2.116 v, yb = -1.944 u + 0.344 v, u and v around 0 in
full range), so they are taken from the chroma planes of the sampled pictures; mean over them. 0 is grey, above 60 vivid.
Null for grey formats' lack of chroma: 0. Within 1 or 8 % of the same of FFmpeg's RGB, of BT.709 and BT.2020 and of chroma at full size
too; more where RGB is cut off at 0 or 255. Version 1. Source: Hasler and Suesstrunk 2003, with the inverse of BT.601.
"""

import math
from typing import Any

import numpy as np

from jobs.clean.measures import Measurement, Picture, Span, mean
from jobs.media.kernel import kernel


def look(picture: Picture) -> tuple[float]:
    count = picture.u.size
    su, sv, suu, svv, suv = (total / count for total in _sums(picture.u, picture.v))
    u, v = su - 128, sv - 128
    uu, vv, uv = suu - su * su, svv - sv * sv, suv - su * sv
    rg, yb = 0.344 * u + 2.116 * v, -1.944 * u + 0.344 * v
    variance_rg = 0.344 ** 2 * uu + 2.116 ** 2 * vv + 2 * 0.344 * 2.116 * uv
    variance_yb = 1.944 ** 2 * uu + 0.344 ** 2 * vv - 2 * 1.944 * 0.344 * uv
    return (math.sqrt(max(variance_rg + variance_yb, 0.0)) + 0.3 * math.hypot(rg, yb),)


@kernel("UniTuple(int64, 5)(Array(uint8, 2, 'C', readonly=True), Array(uint8, 2, 'C', readonly=True))")
def _sums(u: Any, v: Any) -> Any:
    """Sums of both planes, of their squares and of their product."""
    su, sv, suu, svv, suv = 0, 0, 0, 0, 0
    for i in range(u.shape[0]):
        ru, rv, ruu, rvv, ruv = np.int32(0), np.int32(0), np.int32(0), np.int32(0), np.int32(0)
        for k in range(u.shape[1]):
            a, b = np.int32(u[i, k]), np.int32(v[i, k])
            ru, rv = np.int32(ru + a), np.int32(rv + b)
            ruu, rvv, ruv = np.int32(ruu + a * a), np.int32(rvv + b * b), np.int32(ruv + a * b)
        su, sv, suu, svv, suv = su + ru, sv + rv, suu + ruu, svv + rvv, suv + ruv  # type: ignore[assignment]
    return su, sv, suu, svv, suv


def reduce(span: Span) -> dict[str, Any]:
    return {"colourfulness": mean(span.pictures["colour"][:, 0])}


MEASURE = Measurement("colour", 1, ("colourfulness",), reduce, width=1, look=look, every=2)

"""Colourfulness.

colourfulness: sqrt(s_rg^2 + s_yb^2) + 0.3 sqrt(m_rg^2 + m_yb^2) with rg = R - G and yb = (R + G) / 2 - B; s standard
deviations, m means. Both are linear in chroma alone (rg = 0.344 u + 2.116 v, yb = -1.944 u + 0.344 v, u and v around 0 in
full range), so they are taken from the chroma planes of the sampled pictures; mean over them. 0 is grey, above 60 vivid.
Null for grey formats' lack of chroma: 0. Version 1. Source: Hasler and Suesstrunk 2003, with the inverse of BT.601.
"""

from typing import Any

import cv2
import numpy as np

from jobs.clean.measures import Measurement, Picture, Span, mean


def look(picture: Picture) -> tuple[float]:
    (mu, du), (mv, dv) = cv2.meanStdDev(picture.u), cv2.meanStdDev(picture.v)
    u, v = float(mu[0, 0]) - 128, float(mv[0, 0]) - 128
    su, sv = float(du[0, 0]), float(dv[0, 0])
    together = float(cv2.multiply(picture.u, picture.v, dtype=cv2.CV_32F).mean()) - (u + 128) * (v + 128)
    rg, yb = 0.344 * u + 2.116 * v, -1.944 * u + 0.344 * v
    variance_rg = 0.344 ** 2 * su ** 2 + 2.116 ** 2 * sv ** 2 + 2 * 0.344 * 2.116 * together
    variance_yb = 1.944 ** 2 * su ** 2 + 0.344 ** 2 * sv ** 2 - 2 * 1.944 * 0.344 * together
    return (float(np.sqrt(max(variance_rg + variance_yb, 0.0)) + 0.3 * np.hypot(rg, yb)),)


def reduce(span: Span) -> dict[str, Any]:
    return {"colourfulness": mean(span.pictures["colour"][:, 0])}


MEASURE = Measurement("colour", 1, ("colourfulness",), reduce, width=1, look=look)

"""Sharpness.

sharpness: variance of the Laplacian (kernel 0 1 0 / 1 -4 1 / 0 1 0) of luma with the short side at 224 pixels; the upper quartile
over the sampled pictures, so that one shaken moment does not condemn a clip.
Version 1. Source: Pech-Pacheco 2000, as OpenCV's `Laplacian(...).var()`; the size is part of the number.
"""

from typing import Any

import cv2
import numpy as np

from jobs.clean.measures import Measurement, Picture, Span


def look(picture: Picture) -> tuple[float]:
    _, deviation = cv2.meanStdDev(cv2.Laplacian(picture.y, cv2.CV_16S))
    return (float(deviation[0, 0]) ** 2,)


def reduce(span: Span) -> dict[str, Any]:
    values = span.pictures["sharpness"][:, 0]
    return {"sharpness": float(np.percentile(values, 75)) if values.size else None}


MEASURE = Measurement("sharpness", 1, ("sharpness",), reduce, width=1, look=look)

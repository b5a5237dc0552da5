"""Brightness and contrast.

luma_mean: mean over the sampled pictures of the mean luma, 0..255 full range (limited range is stretched by 255/219).
luma_std: mean over the sampled pictures of the standard deviation of luma over the picture, 0..127.5.
Version 1. The mean is that of FFmpeg's signalstats YAVG after range expansion, within 2.5; both are those of OpenCV on FFmpeg's grey
pictures, within 2.5; on a picture scaled to a short side of 224.
"""

import math
from typing import Any

from jobs.clean.measures import Measurement, Picture, Span, mean


def look(picture: Picture) -> tuple[float, float]:
    centre = float(picture.lines.row.sum()) / picture.y.size
    return centre, math.sqrt(max(float(picture.lines.row_square.sum()) / picture.y.size - centre * centre, 0.0))


def reduce(span: Span) -> dict[str, Any]:
    rows = span.pictures["luma"]
    return {"luma_mean": mean(rows[:, 0]), "luma_std": mean(rows[:, 1])}


MEASURE = Measurement("luma", 1, ("luma_mean", "luma_std"), reduce, width=2, look=look)

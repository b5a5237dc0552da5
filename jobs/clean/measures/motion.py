"""Motion, independent of resolution and frame rate.

motion: mean length of the optical flow from a sampled picture to the frame about a tenth of a second later, in short sides of
the picture per second; mean over the samples. camera_motion: mean length of the one similarity transform (shift, turn, zoom)
that fits the flow best, robustly, in the same unit. object_motion: mean length of what is left of the flow after it.
Flow: OpenCV DIS, preset ultrafast, on luma with a short side of 112, down to a quarter of that, or less far where the picture
is too small for it. Null when the clip has no pair of frames. Version 2. A tenth of a second: at half a second a pan of one picture a second is beyond what the flow can follow.
"""

import math
from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from jobs.clean.measures import Measurement, Picture, Pixels, Span, mean
from jobs.media.kernel import kernel

STEP = 8
"""Flow is read every 8 pixels."""
ROUNDS = 3

FINEST_SCALE, PATCH_PX = 2, 8
"""Those of the preset: the flow is found down to 1 / 2**FINEST_SCALE of the picture, for patches of PATCH_PX a side."""


@lru_cache(maxsize=8)
def _flow(width: int, height: int) -> Any:
    """One for each size: OpenCV changes the scales of its object for good when it meets a picture too small for them, and would
    then look at all others at full size, ten times as dear and with other results."""
    flow = getattr(cv2, "DISOpticalFlow_create")(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)  # noqa: B009 (absent from the stubs)
    coarsest = min(math.log2(max(width, height) / (4 * PATCH_PX)) + 0.5, math.log2(min(width, height) / PATCH_PX))
    flow.setFinestScale(max(0, min(FINEST_SCALE, int(coarsest))))
    return flow


def compare(picture: Picture, later: Pixels, gap_s: float) -> tuple[float, float, float]:
    height, width = picture.half.shape
    if min(height, width) < 16 or gap_s <= 0:
        return (np.nan, np.nan, np.nan)
    whole, camera, left = _split(_flow(width, height).calc(picture.half, later, None))
    unit = min(height, width) * gap_s
    return whole / unit, camera / unit, left / unit


@kernel("UniTuple(float64, 3)(float32[:, :, ::1])")
def _split(flow: Any) -> Any:
    """Mean length of the flow, of the similarity transform that fits it best, and of what is left, in pixels.

    The fit is least squares, reweighted ROUNDS times by 1 / (1 + squared residual).
    """
    height, width = flow.shape[0], flow.shape[1]
    zoom, turn, mx, my, mu, mv = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for rounds in range(ROUNDS + 1):
        total, sx, sy, su, sv = 0.0, 0.0, 0.0, 0.0, 0.0
        sxx, sxu, sxv = 0.0, 0.0, 0.0
        for y in range(STEP // 2, height, STEP):
            for x in range(STEP // 2, width, STEP):
                u, v = float(flow[y, x, 0]), float(flow[y, x, 1])
                w = 1.0
                if rounds:
                    a = u - mu - zoom * (x - mx) + turn * (y - my)
                    b = v - mv - zoom * (y - my) - turn * (x - mx)
                    w = 1.0 / (1.0 + a * a + b * b)
                total += w
                sx += w * x
                sy += w * y
                su += w * u
                sv += w * v
                sxx += w * (x * x + y * y)
                sxu += w * (x * u + y * v)
                sxv += w * (x * v - y * u)
        mx, my, mu, mv = sx / total, sy / total, su / total, sv / total
        spread = max(sxx - total * (mx * mx + my * my), 1e-9)
        zoom = (sxu - total * (mx * mu + my * mv)) / spread
        turn = (sxv - total * (mx * mv - my * mu)) / spread
    count, whole, camera, left = 0, 0.0, 0.0, 0.0
    for y in range(STEP // 2, height, STEP):
        for x in range(STEP // 2, width, STEP):
            u, v = float(flow[y, x, 0]), float(flow[y, x, 1])
            p = mu + zoom * (x - mx) - turn * (y - my)
            q = mv + zoom * (y - my) + turn * (x - mx)
            whole += np.sqrt(u * u + v * v)
            camera += np.sqrt(p * p + q * q)
            left += np.sqrt((u - p) ** 2 + (v - q) ** 2)
            count += 1
    return whole / count, camera / count, left / count


def reduce(span: Span) -> dict[str, Any]:
    rows = span.pairs["motion"]
    return {"motion": mean(rows[:, 0]), "camera_motion": mean(rows[:, 1]), "object_motion": mean(rows[:, 2])}


MEASURE = Measurement("motion", 2, ("motion", "camera_motion", "object_motion"), reduce, width=3, compare=compare)

"""Motion, independent of resolution and frame rate.

motion: mean length of the optical flow from a sampled picture to the frame about a tenth of a second later, in short sides of
the picture per second; mean over the samples. camera_motion: mean length of the one similarity transform (shift, turn, zoom)
that fits the flow best, robustly, in the same unit. object_motion: mean length of what is left of the flow after it.
Flow: OpenCV DIS, preset ultrafast, on luma with a short side of 112. Null when the clip has no pair of frames.
Version 1. A tenth of a second: at half a second a pan of one picture a second is beyond what the flow can follow.
"""

from typing import Any

import cv2
import numpy as np

from jobs.clean.measures import Floats, Measurement, Picture, Pixels, Span, mean

STEP = 8
"""Flow is read every 8 pixels."""
ROUNDS = 3

_flow: Any = None


def compare(picture: Picture, later: Pixels, gap_s: float) -> tuple[float, float, float]:
    global _flow
    if _flow is None:
        _flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
    height, width = picture.half.shape
    if min(height, width) < 16 or gap_s <= 0:
        return (np.nan, np.nan, np.nan)
    flow = _flow.calc(picture.half, later, None)[STEP // 2::STEP, STEP // 2::STEP].astype(np.float64)
    y, x = np.mgrid[STEP // 2:height:STEP, STEP // 2:width:STEP].astype(np.float64)
    left = np.hypot(*(part for part in np.moveaxis(residual(flow, x - width / 2, y - height / 2), -1, 0)))
    whole = np.hypot(flow[..., 0], flow[..., 1])
    global_part = flow - residual(flow, x - width / 2, y - height / 2)
    unit = min(height, width) * gap_s
    return float(whole.mean()) / unit, float(np.hypot(global_part[..., 0], global_part[..., 1]).mean()) / unit, \
        float(left.mean()) / unit


def residual(flow: Floats, x: Floats, y: Floats) -> Floats:
    """Flow minus the similarity transform that fits it best: least squares, reweighted by 1 / (1 + residual) three times."""
    weight = np.ones(x.shape)
    left = flow
    for _ in range(ROUNDS):
        total = weight.sum()
        mx, my = (weight * x).sum() / total, (weight * y).sum() / total
        mu, mv = (weight * flow[..., 0]).sum() / total, (weight * flow[..., 1]).sum() / total
        cx, cy, cu, cv = x - mx, y - my, flow[..., 0] - mu, flow[..., 1] - mv
        spread = max((weight * (cx * cx + cy * cy)).sum(), 1e-9)
        zoom = (weight * (cx * cu + cy * cv)).sum() / spread
        turn = (weight * (cx * cv - cy * cu)).sum() / spread
        left = np.stack([cu - zoom * cx + turn * cy, cv - zoom * cy - turn * cx], axis=-1)
        weight = 1.0 / (1.0 + np.hypot(left[..., 0], left[..., 1]) ** 2)
    return left


def reduce(span: Span) -> dict[str, Any]:
    rows = span.pairs["motion"]
    return {"motion": mean(rows[:, 0]), "camera_motion": mean(rows[:, 1]), "object_motion": mean(rows[:, 2])}


MEASURE = Measurement("motion", 1, ("motion", "camera_motion", "object_motion"), reduce, width=3, compare=compare)

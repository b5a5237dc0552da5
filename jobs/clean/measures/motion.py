"""Motion, independent of resolution and frame rate.

motion: mean length of the optical flow from a sampled picture to the frame about a tenth of a second later, in short sides of
the picture per second; mean over the samples. camera_motion: mean length of the one similarity transform (shift, turn, zoom)
that most of the picture follows, in the same unit. object_motion: mean length of what is left of the flow after it, where the
picture has texture. pan_x, pan_y: how far the camera turns or travels to the right and down as shown, in short sides per second; zoom: growth of
the picture per second, 0.1 for a tenth; means over the samples with their sign, so that shaking cancels out.
Flow: OpenCV DIS, preset ultrafast, on luma with a short side of 112, down to a quarter of that, or less far where the picture
is too small for it. A tenth of a second: at half a second a pan of one picture a second is beyond what the flow can follow. Null when the clip has no pair of
frames. Version 3. Sources: the flow of Kroeger 2016; the fit is reweighted least squares with the weights of Geman and McClure 1985.
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
ROUNDS = 4
"""Of the fit; it hardly moves after three."""
LEAST_SCALE_PX = 0.15
"""Flow that wavers less is noise: its median on a picture that stands still and is compressed."""
TEXTURE, REACH_PX, LEAST_SHARE = 6, 3, 0.06
"""Flow is believed where luma differs by so much within REACH_PX; where less than this share of the picture has texture, everywhere."""

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


def compare(picture: Picture, later: Pixels, gap_s: float) -> tuple[float, ...]:
    height, width = picture.half.shape
    if min(height, width) < 16 or gap_s <= 0:
        return (np.nan,) * 6
    whole, camera, left, right, down, zoom = _split(_flow(width, height).calc(picture.half, later, None), picture.half)
    unit = min(height, width) * gap_s
    return whole / unit, camera / unit, left / unit, -right / unit, -down / unit, zoom / gap_s


@kernel("UniTuple(float64, 6)(float32[:, :, ::1], Array(uint8, 2, 'C', readonly=True))")
def _split(flow: Any, luma: Any) -> Any:
    """Mean length of the flow, of the similarity transform that most of it follows, and of what is left, in pixels; then the transform:
    how far it shifts the middle of the picture right and down, in pixels, and its growth.

    The fit starts from the median shift and is least squares, reweighted ROUNDS times by (1 + (residual / scale) ** 2) ** -2 with the
    median absolute deviation as scale: what moves on less than half of the picture does not bend it.
    """
    height, width = flow.shape[0], flow.shape[1]
    rows, columns = (height - STEP // 2 + STEP - 1) // STEP, (width - STEP // 2 + STEP - 1) // STEP
    count = rows * columns
    x, y, u, v = np.empty(count), np.empty(count), np.empty(count), np.empty(count)
    trusted = np.zeros(count, np.bool_)
    for k in range(count):
        i, j = STEP // 2 + k // columns * STEP, STEP // 2 + k % columns * STEP
        x[k], y[k], u[k], v[k] = j - 0.5 * (width - 1), i - 0.5 * (height - 1), flow[i, j, 0], flow[i, j, 1]
        low = high = luma[i, j]
        for a in (max(0, i - REACH_PX), i, min(height - 1, i + REACH_PX)):
            for b in (max(0, j - REACH_PX), j, min(width - 1, j + REACH_PX)):
                low, high = min(low, luma[a, b]), max(high, luma[a, b])
        trusted[k] = high - low >= TEXTURE
    if trusted.sum() < max(8.0, LEAST_SHARE * count):
        trusted[:] = True
    right, down, zoom, turn = np.median(u[trusted]), np.median(v[trusted]), 0.0, 0.0
    for _ in range(ROUNDS):
        away = np.sqrt((u - right - zoom * x + turn * y) ** 2 + (v - down - zoom * y - turn * x) ** 2)
        scale = max(LEAST_SCALE_PX, 1.4826 * np.median(away[trusted]))
        w = trusted / (1.0 + (away / scale) ** 2) ** 2
        total = w.sum()
        mx, my, mu, mv = (w * x).sum() / total, (w * y).sum() / total, (w * u).sum() / total, (w * v).sum() / total
        spread = max((w * ((x - mx) ** 2 + (y - my) ** 2)).sum(), 1e-9)
        zoom = (w * ((x - mx) * (u - mu) + (y - my) * (v - mv))).sum() / spread
        turn = (w * ((x - mx) * (v - mv) - (y - my) * (u - mu))).sum() / spread
        right, down = mu - zoom * mx + turn * my, mv - zoom * my - turn * mx
    p, q = right + zoom * x - turn * y, down + zoom * y + turn * x
    left = (trusted * np.sqrt((u - p) ** 2 + (v - q) ** 2)).sum() / trusted.sum()
    return np.sqrt(u * u + v * v).mean(), np.sqrt(p * p + q * q).mean(), left, right, down, zoom


def reduce(span: Span) -> dict[str, Any]:
    rows = span.pairs["motion"]
    motion, camera, left, right, down, zoom = (mean(rows[:, i]) for i in range(6))
    if right is not None and down is not None:
        turned = complex(-right if span.facts.get("mirrored") else right, down) * 1j ** (span.facts.get("rotation_deg", 0) // 90)
        right, down = turned.real, turned.imag
    return {"motion": motion, "camera_motion": camera, "object_motion": left, "pan_x": right, "pan_y": down, "zoom": zoom}


MEASURE = Measurement("motion", 3, ("motion", "camera_motion", "object_motion", "pan_x", "pan_y", "zoom"), reduce, width=6, compare=compare)

"""Motion, independent of resolution and frame rate.

motion: mean length of the optical flow from a sampled picture to the frame about a tenth of a second later, in short sides of
the picture per second; mean over the samples. camera_motion: mean length of the one similarity transform (shift, turn, zoom)
that most of the picture follows, in the same unit. object_motion: mean length of what is left of the flow after it, where the
picture has texture. pan_x, pan_y: how far the camera turns or travels to the right and down as shown, in short sides per second; zoom: growth of
the picture per second, 0.1 for a tenth; means over the samples with their sign, so that shaking cancels out.
Flow: OpenCV DIS, preset ultrafast, on area means of luma with a short side of 28 (of 112 it looks for the flow in a quarter of the size, and
enlarges it), or more where the picture is too small for it. A tenth of a second: at half a second a pan of one picture a second is beyond what the flow can
follow. Null when the clip has no pair of frames. Version 4. Sources: the flow of Kroeger 2016; the fit is reweighted least squares with the weights of Geman and McClure 1985.
"""

from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from jobs.clean.measures import PATCH_PX, Measurement, Picture, Pixels, Span, mean
from jobs.media.kernel import kernel

STEP = 8
"""Flow is read every 8 pixels of the picture with a short side of 112."""
ROUNDS = 4
"""Of the fit; it hardly moves after three."""
LEAST_SCALE_PX = 0.15
"""Flow that wavers less is noise: its median on a picture that stands still and is compressed."""
TEXTURE, REACH_PX, LEAST_SHARE = 6, 3, 0.06
"""Flow is believed where luma differs by so much within REACH_PX; where less than this share of the picture has texture, everywhere."""


@lru_cache(maxsize=8)
def _flow(width: int, height: int) -> Any:
    """One for each size: OpenCV changes the scales of its object for good when it meets a picture too small for them, and would
    then look at all others with other results."""
    flow = getattr(cv2, "DISOpticalFlow_create")(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)  # noqa: B009 (absent from the stubs)
    flow.setFinestScale(0)
    return flow


def compare(picture: Picture, later: Pixels, gap_s: float) -> tuple[float, ...]:
    height, width = picture.half.shape
    if min(height, width) < 2 * PATCH_PX or gap_s <= 0:
        return (np.nan,) * 6
    flow = _flow(*later.shape).calc(picture.coarse, later, None)
    whole, camera, left, right, down, zoom = _split(flow, picture.half)
    unit = min(height, width) * gap_s
    return whole / unit, camera / unit, left / unit, -right / unit, -down / unit, zoom / gap_s


@kernel(None)
def _between(flow: Any, y: float, x: float, part: int) -> Any:
    """The flow between its four nearest values; at the border that of the border."""
    y, x = min(max(y, 0.0), flow.shape[0] - 1.0), min(max(x, 0.0), flow.shape[1] - 1.0)
    top, left = int(y), int(x)
    bottom, right = min(top + 1, flow.shape[0] - 1), min(left + 1, flow.shape[1] - 1)
    y, x = y - top, x - left
    return (flow[top, left, part] * (1 - x) + flow[top, right, part] * x) * (1 - y) \
        + (flow[bottom, left, part] * (1 - x) + flow[bottom, right, part] * x) * y


@kernel("UniTuple(float64, 6)(float32[:, :, ::1], Array(uint8, 2, 'C', readonly=True))")
def _split(flow: Any, luma: Any) -> Any:
    """Of a flow found in `luma` or in a smaller copy, in pixels of `luma`: mean length of it, of the similarity transform that most of it
    follows, and of what is left; then the transform: how far it shifts the middle of the picture right and down, and its growth.

    The fit starts from the median shift and is least squares, reweighted ROUNDS times by (1 + (residual / scale) ** 2) ** -2 with the
    median absolute deviation as scale: what moves on less than half of the picture does not bend it.
    """
    height, width = luma.shape
    tall, wide = flow.shape[0] / height, flow.shape[1] / width
    rows, columns = (height - STEP // 2 + STEP - 1) // STEP, (width - STEP // 2 + STEP - 1) // STEP
    count = rows * columns
    x, y, u, v = np.empty(count), np.empty(count), np.empty(count), np.empty(count)
    trusted = np.zeros(count, np.bool_)
    for k in range(count):
        i, j = STEP // 2 + k // columns * STEP, STEP // 2 + k % columns * STEP
        x[k], y[k] = j - 0.5 * (width - 1), i - 0.5 * (height - 1)
        a, b = (i + 0.5) * tall - 0.5, (j + 0.5) * wide - 0.5
        u[k], v[k] = _between(flow, a, b, 0) / wide, _between(flow, a, b, 1) / tall
        low = high = luma[i, j]
        for row in (max(0, i - REACH_PX), i, min(height - 1, i + REACH_PX)):
            for column in (max(0, j - REACH_PX), j, min(width - 1, j + REACH_PX)):
                low, high = min(low, luma[row, column]), max(high, luma[row, column])
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


MEASURE = Measurement("motion", 4, ("motion", "camera_motion", "object_motion", "pan_x", "pan_y", "zoom"), reduce, width=6, compare=compare)

"""How much moves (`class`: still, subtle, moderate, strong), what moves (`source`: camera, object, both) and how the camera does (`camera`:
still, pan left, right, up or down, zoom in or out, unsteady), from measurements.

`clips.motion` is optical flow as a share of the short side per second. The borders come from published filters, converted with
flow at two samples a second on a 160-pixel side: Data-Juicer's least motion (0.25 pixels a sample), EasyAnimate's range of 2 to
20 pixels a sample. Optical flow sees motion in grain and in light that changes: a clip that is one picture throughout, by `clips.freeze_share`,
is still as far as to the border of moderate motion. The score of `source` is the camera's share of all motion, that of `camera` the speed of
what it names, in short sides per second.
"""

import math
from typing import Any

from jobs.label.labeler import Batch, Found, Labeler, Row, rounded

PIXELS = 2.0 / 160.0
"""One pixel a sample as share of the short side per second."""
BORDERS = (("still", 0.25 * PIXELS), ("subtle", 2.0 * PIXELS), ("moderate", 20.0 * PIXELS), ("strong", float("inf")))
LEADING = 2 / 3
"""Share of all motion from which its source is named alone."""
LASTING = 0.5
"""Share of all camera motion that must go one way for that way to be named; the rest is shaking, turning round, or there and back."""
SHIFT_OF_ZOOM = 0.5
"""Mean distance of the picture's points from its middle, in short sides: how far a zoom moves them (0.38 in a square, 0.56 at 16:9)."""


def label(state: Any, batch: Batch) -> list[Found]:
    found = []
    for row in batch.rows:
        if row["modality"] != "video" or row["motion"] is None:
            continue
        name = next(name for name, border in BORDERS if row["motion"] < border)
        name = "still" if name == "subtle" and row["freeze_share"] == 1 else name
        found.append(Found(row["clip_id"], "class", rounded(row["motion"]), name))
        camera, objects = row["camera_motion"], row["object_motion"]
        if name != "still" and camera is not None and objects is not None and camera + objects > 0:
            share = camera / (camera + objects)
            source = "camera" if share >= LEADING else "object" if share <= 1 - LEADING else "both"
            found.append(Found(row["clip_id"], "source", rounded(share), source))
        if row["pan_x"] is not None:
            way, speed = moves(row)
            found.append(Found(row["clip_id"], "camera", rounded(speed), way))
    return found


def moves(row: Row) -> tuple[str, float]:
    """How the camera moves, and how fast in that way; a slow camera is not named where most of the motion is that of objects, which bend
    what is measured of it."""
    across, down, zoom = row["pan_x"], row["pan_y"], SHIFT_OF_ZOOM * row["zoom"]
    pan = math.hypot(across, down)
    speed, shaken = max(pan, abs(zoom)), row["camera_motion"]
    least = BORDERS[0][1] if shaken > (1 - LEADING) * (shaken + row["object_motion"]) else BORDERS[1][1]
    if speed < max(least, LASTING * shaken):
        return ("still", shaken) if shaken < least else ("unsteady", shaken)
    if abs(zoom) > pan:
        return ("zoom in" if zoom > 0 else "zoom out"), speed
    if abs(across) >= abs(down):
        return ("pan right" if across > 0 else "pan left"), speed
    return ("pan down" if down > 0 else "pan up"), speed


def _row(motion: float | None, camera: float | None = None, objects: float | None = None, pan: tuple[float, float] | None = None,
         zoom: float | None = None, modality: str = "video", frozen: float = 0.0) -> dict[str, Any]:
    across, down = pan or (None, None)
    return {"clip_id": "a", "modality": modality, "motion": motion, "camera_motion": camera, "object_motion": objects,
            "freeze_share": frozen, "pan_x": across, "pan_y": down, "zoom": zoom if pan is None else zoom or 0.0}


LABELER = Labeler(
    "motion_class",
    version=3,
    needs=("modality", "motion", "camera_motion", "object_motion", "freeze_share", "pan_x", "pan_y", "zoom"),
    label=label,
    examples=(
        (_row(0.001, 0.0, 0.0, (0.0, 0.0)), (("class", "still"), ("camera", "still"))),
        (_row(0.006, 0.001, 0.004, (0.001, 0.0), frozen=1.0), (("class", "still"), ("camera", "still"))),
        (_row(0.03, 0.001, 0.03, (0.001, 0.0), frozen=1.0), (("class", "moderate"), ("source", "object"), ("camera", "still"))),
        (_row(0.01, 0.009, 0.001, (-0.009, 0.0)), (("class", "subtle"), ("source", "camera"), ("camera", "pan left"))),
        (_row(0.1, 0.01, 0.09, (0.001, 0.002)), (("class", "moderate"), ("source", "object"), ("camera", "still"))),
        (_row(0.5, 0.25, 0.25, (0.05, 0.2)), (("class", "strong"), ("source", "both"), ("camera", "pan down"))),
        (_row(0.1, 0.09, 0.01, (0.01, 0.0), 0.17), (("class", "moderate"), ("source", "camera"), ("camera", "zoom in"))),
        (_row(0.2, 0.2, 0.02, (0.01, -0.02), -0.01), (("class", "moderate"), ("source", "camera"), ("camera", "unsteady"))),
        (_row(None, modality="image"), ()),
    ),
)

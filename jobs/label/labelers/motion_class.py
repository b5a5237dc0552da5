"""How much moves (`class`: still, subtle, moderate, strong) and what moves (`source`: camera, object, both), from measurements.

`clips.motion` is optical flow as a share of the short side per second. The borders come from published filters, converted with
flow at two samples a second on a 160-pixel side: Data-Juicer's least motion (0.25 pixels a sample), EasyAnimate's range of 2 to
20 pixels a sample.
"""

from typing import Any

from jobs.label.labeler import Batch, Found, Labeler, rounded

PIXELS = 2.0 / 160.0
"""One pixel a sample as share of the short side per second."""
BORDERS = (("still", 0.25 * PIXELS), ("subtle", 2.0 * PIXELS), ("moderate", 20.0 * PIXELS), ("strong", float("inf")))
LEADING = 2 / 3
"""Share of all motion from which its source is named alone."""


def label(state: Any, batch: Batch) -> list[Found]:
    found = []
    for row in batch.rows:
        if row["modality"] != "video" or row["motion"] is None:
            continue
        name = next(name for name, border in BORDERS if row["motion"] < border)
        found.append(Found(row["clip_id"], "class", rounded(row["motion"]), name))
        camera, objects = row["camera_motion"], row["object_motion"]
        if name == "still" or camera is None or objects is None or camera + objects <= 0:
            continue
        share = camera / (camera + objects)
        source = "camera" if share >= LEADING else "object" if share <= 1 - LEADING else "both"
        found.append(Found(row["clip_id"], "source", rounded(share), source))
    return found


def _row(motion: float | None, camera: float | None = None, objects: float | None = None, modality: str = "video") -> dict[str, Any]:
    return {"clip_id": "a", "modality": modality, "motion": motion, "camera_motion": camera, "object_motion": objects}


LABELER = Labeler(
    "motion_class",
    version=1,
    needs=("modality", "motion", "camera_motion", "object_motion"),
    label=label,
    examples=(
        (_row(0.001, 0.0, 0.0), (("class", "still"),)),
        (_row(0.01, 0.009, 0.001), (("class", "subtle"), ("source", "camera"))),
        (_row(0.1, 0.01, 0.09), (("class", "moderate"), ("source", "object"))),
        (_row(0.5, 0.25, 0.25), (("class", "strong"), ("source", "both"))),
        (_row(None, modality="image"), ()),
    ),
)

"""Sketches.

sketches: RATE_HZ times a second a picture of COLUMNS x ROWS luma cells (0..255, full range) and twice half as many chroma cells either way
(around 128), each the mean of 16 points of the decoded planes (`jobs.media.planes`); as a player shows it, whatever its shape.
sketch_times_s: when each was taken. Null for pictures. Version 1. They cost the pass next to nothing, being halves of the grid
that every frame is reduced to, and are dense enough to align two clips to a part of the time between two of them.
"""

from typing import Any

import cv2
import numpy as np

from jobs.clean.measures import Measurement, Pixels, Span, upright
from jobs.media.planes import SKETCH, SKETCH_H, SKETCH_W

ROWS, COLUMNS, SIZE = SKETCH_H, SKETCH_W, SKETCH
RATE_HZ = 8


def reduce(span: Span) -> dict[str, Any]:
    if not len(span.sketch_t):
        return {"sketches": None, "sketch_times_s": None}
    rotation, mirrored = span.facts.get("rotation_deg") or 0, bool(span.facts.get("mirrored"))
    sketches = turned(span.sketches, rotation, mirrored) if rotation or mirrored else span.sketches
    return {"sketches": sketches.tobytes(), "sketch_times_s": span.sketch_t.tolist()}


def turned(sketches: Pixels, rotation_deg: int, mirrored: bool) -> Pixels:
    """Sketches as a player shows them: a turned one is stretched to the shape of all."""
    luma, *chroma = np.split(sketches, [ROWS * COLUMNS, ROWS * COLUMNS * 5 // 4], axis=1)
    planes = []
    for plane, rows, columns in ((luma, ROWS, COLUMNS), *((c, ROWS // 2, COLUMNS // 2) for c in chroma)):
        shown = upright(plane.reshape(-1, rows, columns), rotation_deg, mirrored)
        planes.append(np.stack([cv2.resize(np.ascontiguousarray(one), (columns, rows), interpolation=cv2.INTER_LINEAR) for one in shown]))
    return np.concatenate([plane.reshape(len(sketches), -1) for plane in planes], axis=1)


MEASURE = Measurement("sketch", 1, ("sketches", "sketch_times_s"), reduce)

"""Technical quality, 0..1 (`quality`), with its parts kept (`part/...`): the geometric mean, so that one bad part is not made up for.

Each part is a measurement of the decode pass on a ramp from 0 (bad) to 1 (no longer matters). Only parts that apply to the
clip count.
"""

import math
from collections.abc import Mapping
from typing import Any

from jobs.label.labeler import Batch, Found, Labeler, rounded

FLOOR = 0.05
"""A part of 0 would erase all others."""
GATE_LUFS = -70.0
"""Below it there is no loudness (ITU-R BS.1770-4): what is silent throughout is taken to be as loud as that, and no better than what is hardly heard."""

RAMPS: Mapping[str, tuple[str, float, float]] = {
    "resolution": ("short_side_px", 144, 720),
    "sharpness": ("sharpness", 5, 100),
    "contrast": ("luma_std", 8, 40),
    "colour": ("colourfulness", 0, 15),
    "exposure_low": ("luma_mean", 10, 50),
    "exposure_high": ("luma_mean", 250, 210),
    "coding": ("blockiness", 1.6, 1.1),
    "steadiness": ("flicker", 12, 2),
    "freshness": ("duplicate_frame_share", 0.8, 0.2),
    "full_frame": ("bars_share", 0.3, 0.02),
    "free_of_text": ("text_area_share", 0.3, 0.02),
    "loudness": ("loudness_lufs", -50, -28),
    "unclipped": ("clipping_share", 0.02, 0.0005),
    "bandwidth": ("bandwidth_hz", 2000, 8000),
}
"""Part -> (measurement, value that scores 0, value that scores 1). Sharpness: 100 is the usual border of blur on the variance of
the Laplacian (NeMo Curator); resolution: 720 is Movie Gen's floor; loudness: -50 dBFS is the silence border of the pass."""

NEEDS = (
    "width",
    "height",
    "sharpness",
    "luma_std",
    "luma_mean",
    "colourfulness",
    "blockiness",
    "flicker",
    "duplicate_frame_share",
    "letterbox_share",
    "pillarbox_share",
    "text_area_share",
    "loudness_lufs",
    "silence_share",
    "clipping_share",
    "bandwidth_hz",
)


def parts(row: Mapping[str, Any]) -> dict[str, float]:
    """Every part that applies to the clip, 0..1."""
    facts = dict(row)
    facts["short_side_px"] = min(row["width"], row["height"]) if row["width"] and row["height"] else None
    bars = [row[k] for k in ("letterbox_share", "pillarbox_share") if row[k] is not None]
    facts["bars_share"] = max(bars) if bars else None
    if row["loudness_lufs"] is None and row["silence_share"] == 1.0:
        facts["loudness_lufs"] = GATE_LUFS
    return {
        part: min(1.0, max(0.0, (facts[name] - bad) / (good - bad))) for part, (name, bad, good) in RAMPS.items() if facts[name] is not None
    }


def label(state: Any, batch: Batch) -> list[Found]:
    found = []
    for row in batch.rows:
        scores = parts(row)
        if not scores:
            continue
        mean = math.exp(sum(math.log(max(FLOOR, s)) for s in scores.values()) / len(scores))
        found.append(Found(row["clip_id"], "quality", rounded(mean)))
        found += [Found(row["clip_id"], f"part/{part}", rounded(score)) for part, score in scores.items()]
    return found


LABELER = Labeler(
    "quality",
    version=2,
    needs=NEEDS,
    label=label,
    examples=(
        ({"clip_id": "a", **dict.fromkeys(NEEDS)}, ()),
        (
            {"clip_id": "a", **dict.fromkeys(NEEDS), "width": 1280, "height": 720, "sharpness": 300.0},
            (("quality", None), ("part/resolution", None), ("part/sharpness", None)),
        ),
    ),
)

"""Drops videos with too few frames a second to show motion."""

from jobs.clean.filter import VIDEO, Amount, Filter, FilterConfig, Limit, Row, within

PAUSES = 0.25
"""Share of freezes from which repeated frames are pauses."""


class Config(FilterConfig):
    """Frames a second within the clip."""

    min_fps: Amount | None = 8.0
    """The rate that CogVideoX is trained at, the lowest of current models; below it motion would have to be invented."""
    min_moving_fps: Amount | None = 7.5
    """The same of the pictures that are new, where repeats are spread evenly: a slow source in a fast container. Drawn film
    that holds each picture for three frames has 8."""


def fps_at_most(row: Row) -> float:
    """Frames a second when the frame cut off at either end counts: a clip of N frames spans up to N + 1 intervals."""
    if not row["frame_count"] or not row["duration_s"]:
        return float(row["fps"])
    return float((row["frame_count"] + 1) / row["duration_s"])


def moving_fps(row: Row) -> float | None:
    """New pictures a second outside of freezes; None where the repeats are pauses and not a rhythm."""
    if row["duplicate_frame_share"] is None or row["freeze_share"] is None or row["freeze_share"] > PAUSES:
        return None
    return fps_at_most(row) * (1 - float(row["duplicate_frame_share"])) / (1 - float(row["freeze_share"]))


FILTER = Filter(
    "frame_rate", codes=("low_fps",), applies=(VIDEO,), needs=("fps",),
    also=("frame_count", "duration_s", "duplicate_frame_share", "freeze_share"), config=Config,
    judge=within(Limit("low_fps", "<", "min_fps", fps_at_most), Limit("low_fps", "<", "min_moving_fps", moving_fps)),
    examples=(
        ({"modality": VIDEO, "fps": 24.0, "frame_count": 96, "duration_s": 4.0}, None),
        ({"modality": VIDEO, "fps": 7.67, "frame_count": 23, "duration_s": 3.0}, None),
        ({"modality": VIDEO, "fps": 5.0, "frame_count": 20, "duration_s": 4.0}, "low_fps"),
        ({"modality": VIDEO, "fps": 24.0, "duplicate_frame_share": 0.66, "freeze_share": 0.0}, None),
        ({"modality": VIDEO, "fps": 30.0, "duplicate_frame_share": 0.9, "freeze_share": 0.4}, None),
        ({"modality": VIDEO, "fps": 25.0, "duplicate_frame_share": 0.8, "freeze_share": 0.0}, "low_fps"),
        ({"modality": VIDEO, "fps": 24.0, "duplicate_frame_share": 0.842, "freeze_share": 0.125}, "low_fps"),
        ({"modality": VIDEO, "fps": 25.0, "duplicate_frame_share": 0.25, "freeze_share": 0.25}, None),
        ({"modality": VIDEO, "fps": 1.0, "frame_count": None, "duration_s": 20.0}, "low_fps"),
    ),
)

"""Drops videos with too few frames a second to show motion."""

from jobs.clean.filter import VIDEO, Filter, FilterConfig, Limit, Row, within


class Config(FilterConfig):
    """Frames a second within the clip."""

    min_fps: float | None = 8.0
    """The rate that CogVideoX is trained at, the lowest of current models; below it motion would have to be invented."""


def fps_at_most(row: Row) -> float:
    """Frames a second when the frame cut off at either end counts: a clip of N frames spans up to N + 1 intervals."""
    if not row["frame_count"] or not row["duration_s"]:
        return float(row["fps"])
    return float((row["frame_count"] + 1) / row["duration_s"])


FILTER = Filter(
    "frame_rate", codes=("low_fps",), applies=(VIDEO,), needs=("fps",), also=("frame_count", "duration_s"), config=Config,
    judge=within(Limit("low_fps", "<", "min_fps", fps_at_most)),
    examples=(
        ({"modality": VIDEO, "fps": 24.0, "frame_count": 96, "duration_s": 4.0}, None),
        ({"modality": VIDEO, "fps": 7.67, "frame_count": 23, "duration_s": 3.0}, None),
        ({"modality": VIDEO, "fps": 5.0, "frame_count": 20, "duration_s": 4.0}, "low_fps"),
        ({"modality": VIDEO, "fps": 1.0, "frame_count": None, "duration_s": 20.0}, "low_fps"),
    ),
)

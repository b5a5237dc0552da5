"""Drops shows of stills: frames repeat, and now and then another picture comes."""

from jobs.clean.filter import VIDEO, Filter, FilterConfig, Limit, Row, Share, within

MOVING_FPS = 7.5
"""New pictures a second that are motion, however often each is repeated: 10 of them in 60 frames have a share of 0.83."""


class Config(FilterConfig):
    """Share of frames equal to the frame before."""

    max_share: Share | None = 0.85
    """Drawn film holds each picture for two or three frames (share 0.5 to 0.67), low-rate footage in a fast container up to
    0.8; five new pictures a second at 30 frames a second is no motion any more."""


def repeats(row: Row) -> float | None:
    """Share of repeated frames; None where there are new ones enough."""
    share = float(row["duplicate_frame_share"])
    return None if row["fps"] is not None and row["fps"] * (1 - share) >= MOVING_FPS else share


FILTER = Filter(
    "slideshow", codes=("slideshow",), applies=(VIDEO,), needs=("duplicate_frame_share",), also=("fps",), config=Config,
    judge=within(Limit("slideshow", ">", "max_share", repeats)),
    examples=(
        ({"modality": VIDEO, "fps": 25.0, "duplicate_frame_share": 0.0}, None),
        ({"modality": VIDEO, "fps": 24.0, "duplicate_frame_share": 0.67}, None),
        ({"modality": VIDEO, "fps": 60.0, "duplicate_frame_share": 0.86}, None),
        ({"modality": VIDEO, "fps": 60.0, "duplicate_frame_share": 0.96}, "slideshow"),
    ),
)

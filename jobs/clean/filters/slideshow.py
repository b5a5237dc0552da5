"""Drops shows of stills: frames repeat, and now and then another picture comes."""

from jobs.clean.filter import VIDEO, Filter, FilterConfig, Limit, within


class Config(FilterConfig):
    """Share of frames equal to the frame before."""

    max_share: float | None = 0.85
    """Drawn film holds each picture for two or three frames (share 0.5 to 0.67), low-rate footage in a fast container up to
    0.8; five new pictures a second at 30 frames a second is no motion any more."""


FILTER = Filter(
    "slideshow", codes=("slideshow",), applies=(VIDEO,), needs=("duplicate_frame_share",), config=Config,
    judge=within(Limit("slideshow", ">", "max_share", "duplicate_frame_share")),
    examples=(
        ({"modality": VIDEO, "duplicate_frame_share": 0.0}, None),
        ({"modality": VIDEO, "duplicate_frame_share": 0.67}, None),
        ({"modality": VIDEO, "duplicate_frame_share": 0.96}, "slideshow"),
    ),
)

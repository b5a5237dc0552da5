"""Drops videos that are black for most of their length."""

from jobs.clean.filter import VIDEO, Filter, FilterConfig, Limit, Share, within


class Config(FilterConfig):
    """Share of frames."""

    max_share: Share | None = 0.5
    """More than half; a fade from or to black stays (FFmpeg's blackdetect names a stretch from 2 s)."""


FILTER = Filter(
    "black", codes=("black",), applies=(VIDEO,), needs=("black_share",), config=Config,
    judge=within(Limit("black", ">", "max_share", "black_share")),
    examples=(
        ({"modality": VIDEO, "black_share": 0.0}, None),
        ({"modality": VIDEO, "black_share": 0.3}, None),
        ({"modality": VIDEO, "black_share": 1.0}, "black"),
    ),
)

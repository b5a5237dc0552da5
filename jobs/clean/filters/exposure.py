"""Drops pictures and videos that are too dark, overexposed or empty of contrast."""

from jobs.clean.filter import IMAGE, VIDEO, Filter, FilterConfig, Limit, within


class Config(FilterConfig):
    """Luma, 0..255 full range."""

    min_mean: float | None = 8.0
    """FFmpeg's blackframe calls a pixel black below 32 of 255; a mean of a quarter of it leaves nothing to see, while a
    planet before black space has 15 to 25."""
    max_mean: float | None = 250.0
    """A white page has 210 to 245."""
    min_std: float | None = 3.0
    """Twice the spread that 8-bit quantisation and coding noise of a flat colour leave."""


FILTER = Filter(
    "exposure", codes=("too_dark", "too_bright", "low_contrast"), applies=(VIDEO, IMAGE), needs=("luma_mean",),
    also=("luma_std",), config=Config,
    judge=within(
        Limit("too_dark", "<", "min_mean", "luma_mean"), Limit("too_bright", ">", "max_mean", "luma_mean"),
        Limit("low_contrast", "<", "min_std", "luma_std"),
    ),
    examples=(
        ({"modality": VIDEO, "luma_mean": 110.0, "luma_std": 45.0}, None),
        ({"modality": VIDEO, "luma_mean": 20.0, "luma_std": 25.0}, None),
        ({"modality": IMAGE, "luma_mean": 2.0, "luma_std": 4.0}, "too_dark"),
        ({"modality": IMAGE, "luma_mean": 254.0, "luma_std": 5.0}, "too_bright"),
        ({"modality": VIDEO, "luma_mean": 128.0, "luma_std": 1.0}, "low_contrast"),
    ),
)

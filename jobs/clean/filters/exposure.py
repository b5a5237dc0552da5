"""Drops pictures and videos that are too dark, overexposed or empty of contrast."""

from jobs.clean.filter import IMAGE, VIDEO, Amount, Filter, FilterConfig, Limit, Row, within


class Config(FilterConfig):
    """Luma, 0..255 full range."""

    min_bright: Amount | None = 24.0
    """Luma of the bright parts: mean plus two standard deviations. FFmpeg's blackframe calls a pixel black below 32; a planet
    before black space has a mean of 8 but bright parts of 47, a lens cap 9."""
    max_mean: Amount | None = 252.0
    """A white page has 210 to 245, a screen-cast of a white page 250."""
    min_std: Amount | None = 3.0
    """Twice the spread that 8-bit quantisation and coding noise of a flat colour leave."""


def bright(row: Row) -> float | None:
    """Luma of the bright parts: about what 95 % of the picture stays below."""
    return None if row["luma_std"] is None else float(row["luma_mean"] + 2 * row["luma_std"])


FILTER = Filter(
    "exposure", codes=("too_dark", "too_bright", "low_contrast"), applies=(VIDEO, IMAGE), needs=("luma_mean",),
    also=("luma_std",), config=Config,
    judge=within(
        Limit("too_dark", "<", "min_bright", bright), Limit("too_bright", ">", "max_mean", "luma_mean"),
        Limit("low_contrast", "<", "min_std", "luma_std"),
    ),
    examples=(
        ({"modality": VIDEO, "luma_mean": 110.0, "luma_std": 45.0}, None),
        ({"modality": VIDEO, "luma_mean": 7.8, "luma_std": 19.8}, None),
        ({"modality": IMAGE, "luma_mean": 2.0, "luma_std": 4.0}, "too_dark"),
        ({"modality": IMAGE, "luma_mean": 254.0, "luma_std": 5.0}, "too_bright"),
        ({"modality": VIDEO, "luma_mean": 128.0, "luma_std": 1.0}, "low_contrast"),
    ),
)

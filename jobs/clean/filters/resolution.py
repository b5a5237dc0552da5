"""Drops pictures and videos with too few pixels to learn from."""

from jobs.clean.filter import IMAGE, VIDEO, Amount, Filter, FilterConfig, Limit, Row, within


class Config(FilterConfig):
    """Pixels of the short side, as displayed."""

    min_short_side_px: Amount | None = 128.0
    """16 cells of a latent with stride 8, below which a video VAE has nothing to work on. datacomp takes pictures from 200,
    EasyAnimate and Open-Sora 1.2 videos from 512, Movie Gen from 720: fine-tuning asks for more."""


def short_side(row: Row) -> float:
    """The lesser of width and height."""
    return float(min(row["width"], row["height"]))


FILTER = Filter(
    "resolution", codes=("too_small",), applies=(VIDEO, IMAGE), needs=("width", "height"), config=Config,
    judge=within(Limit("too_small", "<", "min_short_side_px", short_side)),
    examples=(
        ({"modality": VIDEO, "width": 1280, "height": 720}, None),
        ({"modality": VIDEO, "width": 144, "height": 176}, None),
        ({"modality": IMAGE, "width": 800, "height": 64}, "too_small"),
    ),
)

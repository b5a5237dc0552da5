"""Drops clips of sources whose sound and picture differ in length: one of them is cut off or drifts."""

from jobs.clean.filter import VIDEO, Amount, Filter, FilterConfig, Limit, Row, within


class Config(FilterConfig):
    """Seconds, either way."""

    max_skew_s: Amount | None = 0.5
    """Encoder delay and padding make up to 0.1 s, a last long frame more; viewers notice 0.125 s of drift (ITU-R BT.1359)."""


def skew(row: Row) -> float:
    """Difference of lengths, without its sign."""
    return abs(float(row["av_skew_s"]))


FILTER = Filter(
    "av_sync", codes=("av_skew",), applies=(VIDEO,), needs=("av_skew_s",), config=Config,
    judge=within(Limit("av_skew", ">", "max_skew_s", skew)),
    examples=(
        ({"modality": VIDEO, "av_skew_s": -0.08}, None),
        ({"modality": VIDEO, "av_skew_s": -4.0}, "av_skew"),
        ({"modality": VIDEO, "av_skew_s": 2.0}, "av_skew"),
    ),
)

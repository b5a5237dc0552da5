"""Drops videos in which the picture stands still for most of the length."""

from jobs.clean.filter import VIDEO, Filter, FilterConfig, Limit, Share, within


class Config(FilterConfig):
    """Share of the span."""

    max_share: Share | None = 0.5
    """A held picture is a means of style up to half of a shot; beyond it the clip teaches that things stop. (Slides with a
    speaker's voice have 0.5 to 0.9.)"""


FILTER = Filter(
    "frozen", codes=("frozen",), applies=(VIDEO,), needs=("freeze_share",), config=Config,
    judge=within(Limit("frozen", ">", "max_share", "freeze_share")),
    examples=(
        ({"modality": VIDEO, "freeze_share": 0.0}, None),
        ({"modality": VIDEO, "freeze_share": 0.4}, None),
        ({"modality": VIDEO, "freeze_share": 0.97}, "frozen"),
    ),
)

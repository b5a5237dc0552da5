"""Drops videos with bars above and below or left and right: a model would learn to draw them."""

from jobs.clean.filter import VIDEO, Filter, FilterConfig, Limit, Share, within


class Config(FilterConfig):
    """Share of the height or width that is bars, both sides together."""

    max_share: Share | None = 0.1
    """2.39:1 or 4:3 in 16:9 gives 0.25, 1.85:1 in 16:9 0.04. Open-Sora-Plan crops up to 0.2, which no release does unseen."""


FILTER = Filter(
    "bars", codes=("letterboxed",), applies=(VIDEO,), needs=("letterbox_share",), also=("pillarbox_share",), config=Config,
    judge=within(Limit("letterboxed", ">", "max_share", "letterbox_share"),
                 Limit("letterboxed", ">", "max_share", "pillarbox_share")),
    examples=(
        ({"modality": VIDEO, "letterbox_share": 0.04, "pillarbox_share": 0.0}, None),
        ({"modality": VIDEO, "letterbox_share": 0.25, "pillarbox_share": 0.0}, "letterboxed"),
        ({"modality": VIDEO, "letterbox_share": 0.0, "pillarbox_share": 0.44}, "letterboxed"),
    ),
)

"""Drops pictures and videos that are covered by text."""

from jobs.clean.filter import IMAGE, VIDEO, Filter, FilterConfig, Limit, Share, within


class Config(FilterConfig):
    """Estimated share of the picture."""

    max_share: Share | None = 0.15
    """Two lines of subtitles have up to 0.09, over a busy picture 0.145; chats and slides 0.16 and more. Open-Sora-Plan gives up above 0.2 of what a detector of text finds; EasyAnimate's 0.02,
    which drops every subtitle, is for fine-tuning."""


FILTER = Filter(
    "text_area", codes=("text_heavy",), applies=(VIDEO, IMAGE), needs=("text_area_share",), config=Config,
    judge=within(Limit("text_heavy", ">", "max_share", "text_area_share")),
    examples=(
        ({"modality": VIDEO, "text_area_share": 0.0}, None),
        ({"modality": VIDEO, "text_area_share": 0.145}, None),
        ({"modality": VIDEO, "text_area_share": 0.16}, "text_heavy"),
        ({"modality": IMAGE, "text_area_share": 0.5}, "text_heavy"),
    ),
)

"""Drops texts that are mostly markup."""

from jobs.clean.filter import TEXT, Filter, FilterConfig, Limit, Share, within


class Config(FilterConfig):
    """Share of characters."""

    max_share: Share | None = 0.2
    """A quoted tag or two in prose stays below 0.05; a page whose text was not extracted has 0.4 and more."""


FILTER = Filter(
    "markup", codes=("markup_text",), applies=(TEXT,), needs=("markup_share",), config=Config,
    judge=within(Limit("markup_text", ">", "max_share", "markup_share")),
    examples=(
        ({"modality": TEXT, "markup_share": 0.03}, None),
        ({"modality": TEXT, "markup_share": 0.5}, "markup_text"),
    ),
)

"""Drops texts that are mostly symbols."""

from jobs.clean.filter import TEXT, Filter, FilterConfig, Limit, Share, within


class Config(FilterConfig):
    """Share of characters."""

    max_share: Share | None = 0.2
    """Data-Juicer allows 0.25 special characters with punctuation among them, which is not counted here; a price list or a
    line of `+++` has more."""


FILTER = Filter(
    "symbols", codes=("symbol_text",), applies=(TEXT,), needs=("symbol_share",), config=Config,
    judge=within(Limit("symbol_text", ">", "max_share", "symbol_share")),
    examples=(
        ({"modality": TEXT, "symbol_share": 0.01}, None),
        ({"modality": TEXT, "symbol_share": 0.6}, "symbol_text"),
    ),
)

"""Drops texts that are navigation, notices and calls to sign in."""

from jobs.clean.filter import TEXT, Filter, FilterConfig, Limit, Share, within


class Config(FilterConfig):
    """Share of lines."""

    max_share: Share | None = 0.5
    """C4 drops such lines; a text of which half would go is not worth the rest."""


FILTER = Filter(
    "boilerplate", codes=("boilerplate_text",), applies=(TEXT,), needs=("boilerplate_share",), config=Config,
    judge=within(Limit("boilerplate_text", ">", "max_share", "boilerplate_share")),
    examples=(
        ({"modality": TEXT, "boilerplate_share": 0.1}, None),
        ({"modality": TEXT, "boilerplate_share": 1.0}, "boilerplate_text"),
    ),
)

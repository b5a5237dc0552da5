"""Drops texts that repeat themselves."""

from jobs.clean.filter import TEXT, Filter, FilterConfig, Limit, Share, within


class Config(FilterConfig):
    """Share of words inside 5-grams that were there before, or of characters in runs of the same letters."""

    max_share: Share | None = 0.45
    """Gopher (Rae et al. 2021, table A1) allows a page 0.15; a name that comes twice makes up to 0.4 of a sentence, of a
    Chinese one above all, and a text that is there twice has 0.5."""


FILTER = Filter(
    "repetition", codes=("repetitive_text",), applies=(TEXT,), needs=("repetition_share",), config=Config,
    judge=within(Limit("repetitive_text", ">", "max_share", "repetition_share")),
    examples=(
        ({"modality": TEXT, "repetition_share": 0.02}, None),
        ({"modality": TEXT, "repetition_share": 0.7}, "repetitive_text"),
    ),
)

"""Drops texts with too few or too many words."""

from jobs.clean.filter import TEXT, Amount, Filter, FilterConfig, Limit, within


class Config(FilterConfig):
    """Words; an ideograph counts as one; there are none in a text of numbers."""

    min_words: Amount | None = 5.0
    """C4 drops lines of fewer than five words."""
    max_words: Amount | None = 100_000.0
    """Gopher (Rae et al. 2021), NeMo Curator."""


FILTER = Filter(
    "text_length", codes=("text_too_short", "text_too_long"), applies=(TEXT,), needs=("text_words",), config=Config,
    judge=within(Limit("text_too_short", "<", "min_words", "text_words"),
                 Limit("text_too_long", ">", "max_words", "text_words")),
    examples=(
        ({"modality": TEXT, "text_words": 12}, None),
        ({"modality": TEXT, "text_words": 2}, "text_too_short"),
        ({"modality": TEXT, "text_words": 200_000}, "text_too_long"),
    ),
)

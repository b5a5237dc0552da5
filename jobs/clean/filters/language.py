"""Drops texts that are not in a wanted language."""

from jobs.clean.filter import TEXT, Filter, FilterConfig, Reason, Row, Share


class Config(FilterConfig):
    """Languages and how sure of them one must be."""

    wanted: tuple[str, ...] = ()
    """Primary subtags (`zh`, `en`); empty: all."""
    min_score: Share = 0.8
    """A text whose language is less sure is kept (Data-Juicer and FineWeb: 0.8 and 0.65)."""


def judge(row: Row, config: Config) -> Reason | None:
    """Surely in another language."""
    lang, score = str(row["lang_detected"]), float(row["lang_score"])
    if not config.wanted or lang.split("-")[0] in config.wanted or score < config.min_score:
        return None
    return Reason("unwanted_language", score, ">=", config.min_score, detail=lang)


FILTER = Filter(
    "language", codes=("unwanted_language",), applies=(TEXT,), needs=("lang_detected", "lang_score"),
    config=Config, judge=judge,
    examples=(
        ({"modality": TEXT, "lang_detected": "fr", "lang_score": 0.99}, None),
        ({"modality": TEXT, "lang_detected": "zh", "lang_score": 0.99}, None, {"wanted": ("zh", "en")}),
        ({"modality": TEXT, "lang_detected": "fr", "lang_score": 0.4}, None, {"wanted": ("zh", "en")}),
        ({"modality": TEXT, "lang_detected": "fr", "lang_score": 0.99}, "unwanted_language", {"wanted": ("zh", "en")}),
    ),
)

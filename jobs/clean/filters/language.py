"""Drops texts that are not in a wanted language."""

import difflib

from pydantic import field_validator

from jobs.clean.filter import TEXT, Filter, FilterConfig, Reason, Row, Share
from jobs.clean.texts import LANGUAGES
from jobs.collect.fields import language


class Config(FilterConfig):
    """Languages and how sure of them one must be."""

    wanted: tuple[str, ...] = ()
    """Languages (`zh`, `en`; `zh-CN` and `Chinese` are `zh`, of which Cantonese, `yue`, is a part: BCP 47); empty: all."""
    min_score: Share = 0.8
    """A text whose language is less sure is kept (Data-Juicer and FineWeb: 0.8 and 0.65)."""

    @field_validator("wanted")
    @classmethod
    def _primary(cls, wanted: tuple[str, ...]) -> tuple[str, ...]:
        """Primary subtags, as texts are told by."""
        known, found = LANGUAGES.split(), []
        for word in wanted:
            tag = (language(word) or word).split("-")[0].lower()
            tag = "zh" if tag == "cmn" else tag
            if tag not in known:
                near = difflib.get_close_matches(tag, known, n=3, cutoff=0.0)
                raise ValueError(f"{word!r} is no language that texts are told by; write a tag like {', '.join(dict.fromkeys(['en', 'zh', *near]))}")
            found.append(tag)
        return tuple(dict.fromkeys(found))


_WIDER = {"yue": "zh"}
"""Macrolanguages of those that are told apart (ISO 639-3)."""


def judge(row: Row, config: Config) -> Reason | None:
    """Surely in another language."""
    lang, score = str(row["lang_detected"]), float(row["lang_score"])
    primary = lang.split("-")[0]
    if not config.wanted or {primary, _WIDER.get(primary, primary)} & set(config.wanted) or score < config.min_score:
        return None
    return Reason("unwanted_language", score, ">=", config.min_score, detail=lang)


FILTER = Filter(
    "language", codes=("unwanted_language",), applies=(TEXT,), needs=("lang_detected", "lang_score"),
    config=Config, judge=judge,
    examples=(
        ({"modality": TEXT, "lang_detected": "fr", "lang_score": 0.99}, None),
        ({"modality": TEXT, "lang_detected": "zh", "lang_score": 0.99}, None, {"wanted": ("zh", "en")}),
        ({"modality": TEXT, "lang_detected": "zh", "lang_score": 0.99}, None, {"wanted": ("zh-CN", "English")}),
        ({"modality": TEXT, "lang_detected": "yue", "lang_score": 0.97}, None, {"wanted": ("zh-HK", "en")}),
        ({"modality": TEXT, "lang_detected": "zh", "lang_score": 0.97}, "unwanted_language", {"wanted": ("yue",)}),
        ({"modality": TEXT, "lang_detected": "fr", "lang_score": 0.4}, None, {"wanted": ("zh", "en")}),
        ({"modality": TEXT, "lang_detected": "fr", "lang_score": 0.99}, "unwanted_language", {"wanted": ("zh", "en")}),
    ),
)

"""Drops samples whose licence is not in the wanted list."""

from fnmatch import fnmatchcase

from jobs.clean.filter import AUDIO, IMAGE, TEXT, VIDEO, Filter, FilterConfig, Reason, Row


class Config(FilterConfig):
    """Patterns of licences, in any case."""

    wanted: tuple[str, ...] = ()
    """For example `cc0*`, `cc-by-4.0*`; empty: all, for most collections carry no licence at all."""


def judge(row: Row, config: Config) -> Reason | None:
    """No pattern fits; a sample without a licence fits none."""
    given = (row["licence"] or "").strip()
    if not config.wanted or any(fnmatchcase(given.lower(), pattern.lower()) for pattern in config.wanted):
        return None
    return Reason("unlicensed", detail=given[:200] or "no licence given")


FILTER = Filter(
    "licence", codes=("unlicensed",), applies=(VIDEO, IMAGE, AUDIO, TEXT), needs=(), also=("licence",),
    config=Config, judge=judge,
    examples=(
        ({"modality": VIDEO, "licence": None}, None),
        ({"modality": VIDEO, "licence": "CC0-1.0"}, None, {"wanted": ("cc0*",)}),
        ({"modality": VIDEO, "licence": "all rights reserved"}, "unlicensed", {"wanted": ("cc0*",)}),
        ({"modality": VIDEO, "licence": None}, "unlicensed", {"wanted": ("cc0*",)}),
    ),
)

"""Drops videos without sound, where sound is required."""

from jobs.clean.filter import VIDEO, Filter, FilterConfig, Reason, Row


class Config(FilterConfig):
    """Whether every video must have sound."""

    required: bool = False
    """Most text-to-video models are trained on pictures alone; set it for models that make sound."""


def judge(row: Row, config: Config) -> Reason | None:
    """No sound stream, though one is required."""
    return Reason("no_audio", 0.0, "==", 0.0) if config.required and not row["has_audio"] else None


FILTER = Filter(
    "sound", codes=("no_audio",), applies=(VIDEO,), needs=("has_audio",), config=Config, judge=judge,
    examples=(
        ({"modality": VIDEO, "has_audio": True}, None),
        ({"modality": VIDEO, "has_audio": False}, None),
        ({"modality": VIDEO, "has_audio": False}, "no_audio", {"required": True}),
    ),
)

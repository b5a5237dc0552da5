"""Drops sound samples that are too quiet to hold anything. Videos may be silent."""

from jobs.clean.filter import AUDIO, Filter, FilterConfig, Level, Limit, Row, within


class Config(FilterConfig):
    """Integrated loudness, LUFS."""

    min_lufs: Level | None = -50.0
    """20 LU above the absolute gate of ITU-R BS.1770 and level with the silence threshold of -50 dBFS."""


GATE_LUFS = -70.0
"""Absolute gate of ITU-R BS.1770-4: below it there is no loudness, and the column is null."""


def lufs(row: Row) -> float | None:
    """Loudness; below the gate, the gate, if there is silence to show for it."""
    if row["loudness_lufs"] is not None:
        return float(row["loudness_lufs"])
    return GATE_LUFS if row["silence_share"] is not None and row["silence_share"] > 0.5 else None


FILTER = Filter(
    "loudness", codes=("quiet_audio",), applies=(AUDIO,), needs=("has_audio",), also=("loudness_lufs", "silence_share"),
    config=Config, judge=within(Limit("quiet_audio", "<", "min_lufs", lufs)),
    examples=(
        ({"modality": AUDIO, "has_audio": True, "loudness_lufs": -23.0, "silence_share": 0.1}, None),
        ({"modality": AUDIO, "has_audio": True, "loudness_lufs": None, "silence_share": 0.1}, None),
        ({"modality": AUDIO, "has_audio": True, "loudness_lufs": None, "silence_share": 1.0}, "quiet_audio"),
        ({"modality": AUDIO, "has_audio": True, "loudness_lufs": -60.0, "silence_share": 1.0}, "quiet_audio"),
    ),
)

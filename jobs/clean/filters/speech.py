"""Drops what should speak and does not: a transcript came with it, but it is silent or has no sound at all."""

from jobs.clean.filter import AUDIO, VIDEO, Filter, FilterConfig, Limit, Row, within


class Config(FilterConfig):
    """Shares of the span; they bear on clips with a transcript only."""

    max_silence: float | None = 0.95
    """Speech of a word or two leaves more than a twentieth of a clip above -50 dBFS."""
    min_speech: float | None = None
    """Least share judged to be speech; off, for a clip may fall into a pause of its source."""


def silence(row: Row) -> float | None:
    """Share of silence where speech is expected; without a sound stream all of it is."""
    if not str(row["transcript"]).strip():
        return None
    if row["has_audio"] is False:
        return 1.0
    return None if row["silence_share"] is None else float(row["silence_share"])


def speech(row: Row) -> float | None:
    """Share of speech where it is expected."""
    return None if silence(row) is None or row["speech_share"] is None else float(row["speech_share"])


FILTER = Filter(
    "speech", codes=("silent",), applies=(VIDEO, AUDIO), needs=("transcript",),
    also=("has_audio", "silence_share", "speech_share"), config=Config,
    judge=within(Limit("silent", ">", "max_silence", silence), Limit("silent", "<", "min_speech", speech)),
    examples=(
        ({"modality": VIDEO, "transcript": "hello", "has_audio": True, "silence_share": 0.3, "speech_share": 0.5}, None),
        ({"modality": VIDEO, "transcript": " ", "has_audio": True, "silence_share": 1.0, "speech_share": 0.0}, None),
        ({"modality": VIDEO, "transcript": "hello", "has_audio": True, "silence_share": 1.0, "speech_share": 0.0}, "silent"),
        ({"modality": VIDEO, "transcript": "hello", "has_audio": False, "silence_share": None, "speech_share": None}, "silent"),
        ({"modality": AUDIO, "transcript": "hello", "has_audio": True, "silence_share": 0.99, "speech_share": 0.0}, "silent"),
    ),
)

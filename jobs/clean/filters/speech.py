"""Drops what should be heard and is not: it has a sound stream that is silent throughout, or came with a transcript and has no
sound at all."""

from jobs.clean.filter import AUDIO, VIDEO, Filter, FilterConfig, Limit, Row, Share, within


class Config(FilterConfig):
    """Shares of the span."""

    max_silence: Share | None = 0.95
    """Of a clip with a transcript: speech of a word or two leaves more than a twentieth above -50 dBFS."""
    max_unspoken_silence: Share | None = 0.99
    """Of a video with a sound stream and no transcript: a quiet room has a step or a breath above -50 dBFS; a muted track has none, and a
    model of picture and sound learns from it that such scenes are silent. Clips without a sound stream are left to `sound`. Where only
    the picture is trained on, none keeps muted footage: `--set policy.filters.speech.max_unspoken_silence=null`."""
    min_speech: Share | None = None
    """Least share judged to be speech; off, for a clip may fall into a pause of its source."""


def spoken(row: Row) -> bool:
    """Whether speech is expected."""
    return bool(str(row["transcript"] or "").strip())


def silence(row: Row) -> float | None:
    """Share of silence where speech is expected; without a sound stream all of it is."""
    if not spoken(row):
        return None
    if row["has_audio"] is False:
        return 1.0
    return None if row["silence_share"] is None else float(row["silence_share"])


def unspoken_silence(row: Row) -> float | None:
    """Share of silence where no speech is expected; of a sound of its own only if all of it is: one knock is a sound."""
    if spoken(row) or not row["has_audio"] or row["silence_share"] is None or (row["modality"] == AUDIO and row["silence_share"] < 1):
        return None
    return float(row["silence_share"])


def speech(row: Row) -> float | None:
    """Share of speech where it is expected."""
    return None if not spoken(row) or row["speech_share"] is None else float(row["speech_share"])


FILTER = Filter(
    "speech", codes=("silent",), applies=(VIDEO, AUDIO), needs=("has_audio",),
    also=("transcript", "silence_share", "speech_share"), config=Config,
    judge=within(Limit("silent", ">", "max_silence", silence), Limit("silent", ">", "max_unspoken_silence", unspoken_silence), Limit("silent", "<", "min_speech", speech)),
    examples=(
        ({"modality": VIDEO, "transcript": "hello", "has_audio": True, "silence_share": 0.3, "speech_share": 0.5}, None),
        ({"modality": VIDEO, "transcript": " ", "has_audio": True, "silence_share": 1.0, "speech_share": 0.0}, "silent"),
        ({"modality": VIDEO, "transcript": None, "has_audio": True, "silence_share": 0.97, "speech_share": 0.0}, None),
        ({"modality": VIDEO, "transcript": None, "has_audio": False, "silence_share": None, "speech_share": None}, None),
        ({"modality": VIDEO, "transcript": "hello", "has_audio": True, "silence_share": 1.0, "speech_share": 0.0}, "silent"),
        ({"modality": VIDEO, "transcript": "hello", "has_audio": False, "silence_share": None, "speech_share": None}, "silent"),
        ({"modality": AUDIO, "transcript": None, "has_audio": True, "silence_share": 1.0, "speech_share": 0.0}, "silent"),
        ({"modality": AUDIO, "transcript": None, "has_audio": True, "silence_share": 0.995, "speech_share": 0.0}, None),
        ({"modality": AUDIO, "transcript": "hello", "has_audio": True, "silence_share": 0.99, "speech_share": 0.0}, "silent"),
    ),
)

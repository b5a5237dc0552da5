"""Drops speech that is drowned in noise. Rain and music are no speech and are left alone."""

from jobs.clean.filter import AUDIO, VIDEO, Filter, FilterConfig, Level, Limit, Row, Severity, within

SPEECH_SHARE = 0.5
"""Share of speech from which a sound is taken for speech."""


class Config(FilterConfig):
    """Decibels."""

    severity: Severity = "warn"
    """The estimate divides loud by quiet moments, which fails on speech without pauses; Data-Juicer ships its own at 0 dB,
    which is off. Fine-tuning stops."""
    min_snr_db: Level | None = 5.0
    """Speech in a loud street."""


def speech_snr_db(row: Row) -> float | None:
    """The estimate for speech, None for other sound."""
    return float(row["snr_db"]) if row["speech_share"] >= SPEECH_SHARE else None


FILTER = Filter(
    "noise", codes=("noisy_audio",), applies=(VIDEO, AUDIO), needs=("snr_db", "speech_share"), config=Config,
    judge=within(Limit("noisy_audio", "<", "min_snr_db", speech_snr_db)),
    examples=(
        ({"modality": AUDIO, "snr_db": 25.0, "speech_share": 0.8}, None),
        ({"modality": AUDIO, "snr_db": 1.0, "speech_share": 0.0}, None),
        ({"modality": VIDEO, "snr_db": 1.0, "speech_share": 0.8}, "noisy_audio"),
    ),
)

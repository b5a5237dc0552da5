"""Finds sound that has lost its high frequencies: telephone lines and low bitrates."""

from jobs.clean.filter import AUDIO, VIDEO, Amount, Filter, FilterConfig, Limit, Severity, within


class Config(FilterConfig):
    """Hertz."""

    severity: Severity = "warn"
    """A low voice or a double bass has no high frequencies to lose; fine-tuning stops."""
    min_hz: Amount | None = 500.0
    """99 % of the energy of telephone speech (300 to 3400 Hz) lies below 2500 Hz, of a hum below 500 Hz."""


FILTER = Filter(
    "bandwidth", codes=("narrow_audio",), applies=(VIDEO, AUDIO), needs=("bandwidth_hz",), config=Config,
    judge=within(Limit("narrow_audio", "<", "min_hz", "bandwidth_hz")),
    examples=(
        ({"modality": AUDIO, "bandwidth_hz": 8000.0}, None),
        ({"modality": VIDEO, "bandwidth_hz": 100.0}, "narrow_audio"),
    ),
)

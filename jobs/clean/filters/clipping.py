"""Drops clips whose sound is clipped."""

from jobs.clean.filter import AUDIO, VIDEO, Filter, FilterConfig, Limit, within


class Config(FilterConfig):
    """Share of clipped samples, and LUFS."""

    max_share: float | None = 0.005
    """24 recordings have up to 0.0012, one of rain 0.004; clipped by 10 dB all that hold speech or music have 0.0052 and more."""
    max_lufs: float | None = -6.0
    """Nothing is louder than -6 LUFS with its peaks whole (streaming services play at -14, the loudest masters have -5 to -8)."""


FILTER = Filter(
    "clipping", codes=("clipped_audio",), applies=(VIDEO, AUDIO), needs=("clipping_share",), also=("loudness_lufs",),
    config=Config, judge=within(Limit("clipped_audio", ">", "max_share", "clipping_share"),
                                Limit("clipped_audio", ">", "max_lufs", "loudness_lufs")),
    examples=(
        ({"modality": VIDEO, "clipping_share": 0.0005}, None),
        ({"modality": AUDIO, "clipping_share": 0.0, "loudness_lufs": -9.0}, None),
        ({"modality": AUDIO, "clipping_share": 0.08}, "clipped_audio"),
        ({"modality": VIDEO, "clipping_share": 0.0, "loudness_lufs": -3.5}, "clipped_audio"),
    ),
)

"""Drops clips whose sound is clipped."""

from jobs.clean.filter import AUDIO, VIDEO, Filter, FilterConfig, Limit, within


class Config(FilterConfig):
    """Share of samples in runs at full scale."""

    max_share: float | None = 0.01
    """Loud masters touch full scale in up to 0.001 of their samples; from 0.01 distortion is heard as such."""


FILTER = Filter(
    "clipping", codes=("clipped_audio",), applies=(VIDEO, AUDIO), needs=("clipping_share",), config=Config,
    judge=within(Limit("clipped_audio", ">", "max_share", "clipping_share")),
    examples=(
        ({"modality": VIDEO, "clipping_share": 0.0005}, None),
        ({"modality": AUDIO, "clipping_share": 0.08}, "clipped_audio"),
    ),
)

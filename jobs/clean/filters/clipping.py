"""Drops clips whose sound is clipped."""

from jobs.clean.filter import AUDIO, VIDEO, Filter, FilterConfig, Limit, Share, within


class Config(FilterConfig):
    """Share of clipped samples."""

    max_share: Share | None = 0.005
    """24 recordings have up to 0.0012, one of rain 0.004; clipped by 10 dB all that hold speech or music have 0.0052 and more."""


FILTER = Filter(
    "clipping", codes=("clipped_audio",), applies=(VIDEO, AUDIO), needs=("clipping_share",), config=Config,
    judge=within(Limit("clipped_audio", ">", "max_share", "clipping_share")),
    examples=(
        ({"modality": VIDEO, "clipping_share": 0.0005}, None),
        ({"modality": AUDIO, "clipping_share": 0.0}, None),
        ({"modality": AUDIO, "clipping_share": 0.08}, "clipped_audio"),
    ),
)

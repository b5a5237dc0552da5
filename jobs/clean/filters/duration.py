"""Drops clips that are too short to show anything happening, and those too long for one sample."""

from jobs.clean.filter import AUDIO, VIDEO, Amount, Filter, FilterConfig, Limit, Row, within


class Config(FilterConfig):
    """Seconds of a clip."""

    min_s: Amount | None = 1.0
    """Shortest video: 24 frames at 24 a second. Cosmos-Curate and NeMo Curator 2, Open-Sora 1.2 2, EasyAnimate 3."""
    max_s: Amount | None = 60.0
    """Longest video (Cosmos-Curate 60, Panda-70M 60). Longer shots are cut to `measure.max_clip_s`; with less than that here, many are dropped."""
    min_audio_s: Amount | None = 0.5
    """Shortest sound: NeMo Curator's VAD keeps segments from 0.5 s."""
    max_audio_s: Amount | None = None
    """Longest sound; songs and talks are whole samples, so there is no limit."""


def video_s(row: Row) -> float | None:
    """Length of a video to the millisecond: frame times are rounded in most containers."""
    return round(row["duration_s"], 3) if row["modality"] == VIDEO else None


def audio_s(row: Row) -> float | None:
    """Length of a sound, likewise."""
    return round(row["duration_s"], 3) if row["modality"] == AUDIO else None


FILTER = Filter(
    "duration", codes=("too_short", "too_long"), applies=(VIDEO, AUDIO), needs=("duration_s",), config=Config,
    judge=within(
        Limit("too_short", "<", "min_s", video_s), Limit("too_long", ">", "max_s", video_s),
        Limit("too_short", "<", "min_audio_s", audio_s), Limit("too_long", ">", "max_audio_s", audio_s),
    ),
    examples=(
        ({"modality": VIDEO, "duration_s": 4.0}, None),
        ({"modality": VIDEO, "duration_s": 0.99996}, None),
        ({"modality": VIDEO, "duration_s": 0.6}, "too_short"),
        ({"modality": VIDEO, "duration_s": 61.0}, "too_long"),
        ({"modality": AUDIO, "duration_s": 0.6}, None),
        ({"modality": AUDIO, "duration_s": 0.3}, "too_short"),
        ({"modality": AUDIO, "duration_s": 600.0}, None),
    ),
)

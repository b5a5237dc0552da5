"""What measuring a source is likely to cost, from what its header says: for balancing tasks only.

The figures are fitted to the CPU seconds that the pass took for the videos, sounds and pictures of `tests/bench/decode_cost.md`
(log error, small files count less); there they stand beside what is predicted.
"""

from collections.abc import Mapping
from typing import Any

SOURCE_S = 0.005
"""Opening it and writing its rows."""
PIXEL_S, SIMPLE_PIXEL_S = 1.6e-9, 0.2e-9
"""A pixel of a frame, decoded and reduced to its signals: H.264 and later; codecs without a loop filter."""
SIMPLE = frozenset({"mpeg4", "mpeg2video", "mpeg1video", "h263", "gif", "mjpeg", "msmpeg4v3", "wmv2"})
BYTE_S = 5.5e-8
"""A byte of the file: what the entropy decoder reads, with the sound that is in it."""
PICTURE_S, PICTURES_PER_S = 2.6e-3, 2
"""A sampled picture, scaled and measured; as many a second as `measure.samples_per_second` has by default."""
SOUND_S, LONE_SOUND_S = 0.002, 0.0035
"""A second of sound beside a picture, the decoding of which is in BYTE_S, and of sound alone."""
STILL_S, STILL_PIXEL_S = 0.004, 1e-8
"""A picture, and a pixel of it."""
UNKNOWN_BYTE_S = 1e-6
"""A byte of a video whose length or size is not known."""
LEAST_FRAME_BYTES = 50
"""A file has no more frames than this allows, whatever its header says."""
MOST_FPS = 120.0
"""Higher rates are those of clocks, not of frames."""


def cost_s(row: Mapping[str, Any]) -> float:
    """Estimated CPU seconds to measure a source, from header facts that may be missing or lies.

    Args:
        row: modality, size_bytes, duration_s, width, height, fps, video_codec, audio_codec as in `sources`.
    """
    size, seconds, pixels = row["size_bytes"], row["duration_s"], (row["width"] or 0) * (row["height"] or 0)
    if row["modality"] == "image":
        return float(STILL_S + (pixels or 1e6) * STILL_PIXEL_S)
    if row["modality"] == "audio":
        return float(SOURCE_S + min(seconds or size / 16_000, size / 100) * LONE_SOUND_S)
    if not seconds or not pixels:
        return float(SOURCE_S + size * UNKNOWN_BYTE_S)
    frames = min(seconds * min(row["fps"] or 25.0, MOST_FPS), size / LEAST_FRAME_BYTES)
    pictures = min(frames, seconds * PICTURES_PER_S + 1)
    return float(SOURCE_S + frames * pixels * (SIMPLE_PIXEL_S if row["video_codec"] in SIMPLE else PIXEL_S) + size * BYTE_S
                 + pictures * PICTURE_S + (min(seconds, size / 100) * SOUND_S if row["audio_codec"] else 0.0))

"""What measuring a source is likely to cost, from what its header says: for balancing tasks only.

The figures are fitted to the CPU seconds that the pass took for the videos, sounds and pictures of `tests/bench/decode_cost.md`
(log error, small files count less); there they stand beside what is predicted.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from jobs.rows import floats

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


def cost_s(sources: pa.Table) -> NDArray[np.float64]:
    """Estimated CPU seconds to measure each source, from header facts that may be missing or lies.

    Args:
        sources: modality, size_bytes, duration_s, width, height, fps, video_codec, audio_codec as in `sources`.
    """
    size, seconds, fps = (floats(sources, name) for name in ("size_bytes", "duration_s", "fps"))
    pixels = floats(sources, "width") * floats(sources, "height")
    simple, sound = pc.is_in(sources["video_codec"], value_set=pa.array(sorted(SIMPLE))), pc.is_valid(sources["audio_codec"])
    frames = np.minimum(seconds * np.minimum(np.where(fps > 0, fps, 25.0), MOST_FPS), size / LEAST_FRAME_BYTES)
    pictures = np.minimum(frames, seconds * PICTURES_PER_S + 1)
    video = (SOURCE_S + frames * pixels * np.where(simple, SIMPLE_PIXEL_S, PIXEL_S) + size * BYTE_S + pictures * PICTURE_S
             + np.where(sound, np.minimum(seconds, size / 100) * SOUND_S, 0.0))
    unknown = SOURCE_S + size * UNKNOWN_BYTE_S
    image = STILL_S + np.where(pixels > 0, pixels, 1e6) * STILL_PIXEL_S
    lone = SOURCE_S + np.minimum(np.where(seconds > 0, seconds, size / 16_000), size / 100) * LONE_SOUND_S
    kind = {name: np.asarray(pc.equal(sources["modality"], name)) for name in ("image", "audio")}
    return np.select([kind["image"], kind["audio"], (seconds > 0) & (pixels > 0)], [image, lone, video], unknown)

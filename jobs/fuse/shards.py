"""Which samples go into which shard: by estimated bytes, in the order of the clips, one split per shard."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from jobs.fuse.split import TRAIN, VALIDATION
from jobs.rows import filled, floats

ROW_BYTES = 24_000
"""Thumbnail, embedding, labels and texts of one sample, roughly."""
SOUND_BYTES_PER_S = 16_000
"""The sound alone, kept beside the video: AAC of 128 kbit/s."""
PNG_BYTES_PER_PIXEL = 2
"""Photographs as PNG of three bytes a pixel: 1.4 to 2.2 were met."""


@dataclass(frozen=True)
class Shard:
    """Rows of the survivors' table, by index, that go into one shard."""

    split: str
    rows: NDArray[np.int64]


def estimated_bytes(clips: pa.Table, *, media: bool) -> NDArray[np.int64]:
    """Bytes that each sample will take: its span's share of the bytes of its source, and what is stored beside it.

    Args:
        clips: modality, duration_s, has_audio, text_chars, and from the source size_bytes, source_s (its length) and png_pixels (those of a picture that
            becomes a PNG).
        media: Whether media bytes are stored at all (not with `cut = range`).
    """
    span, whole, size, chars, pixels = (
        floats(clips, name) for name in ("duration_s", "source_s", "size_bytes", "text_chars", "png_pixels"))
    is_ = {kind: np.asarray(pc.equal(clips["modality"], kind)) for kind in ("video", "audio", "image", "text")}
    share = np.where(whole > 0, np.minimum(1.0, span / np.maximum(whole, 1e-9)), 1.0)
    sound = np.asarray(pc.fill_null(clips["has_audio"], False)) * span * SOUND_BYTES_PER_S
    stored = np.select([is_["video"], is_["audio"], is_["image"]], [size * share + sound, size * share, np.maximum(size, PNG_BYTES_PER_PIXEL * pixels)], 0.0)
    text = np.where(is_["text"], 3.0 * chars, 0.0)
    return (ROW_BYTES + text + (stored if media else 0.0)).astype(np.int64)


def cut(validation: NDArray[np.bool_], sizes: NDArray[np.int64], shard_bytes: int) -> list[Shard]:
    """Fill shards in order; a shard is closed before the sample that would take it over `shard_bytes`.

    A sample larger than that has a shard of its own. Shards of the training split come first.

    Args:
        validation: Which samples are for validation.
        sizes: Bytes of each.
    """
    return [Shard(split, rows[some]) for split, rows in ((TRAIN, np.flatnonzero(~validation)), (VALIDATION, np.flatnonzero(validation)))
            for some in filled(sizes[rows], shard_bytes)]

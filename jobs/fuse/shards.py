"""Which samples go into which shard: by estimated bytes, in the order of the clips, one split per shard."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from jobs.fuse.split import TRAIN, VALIDATION

ROW_BYTES = 24_000
"""Thumbnail, embedding, labels and texts of one sample, roughly."""
SOUND_BYTES_PER_S = 16_000
"""The sound alone, kept beside the video: AAC of 128 kbit/s."""


@dataclass(frozen=True)
class Shard:
    """Rows of the survivors' table, by index, that go into one shard."""

    split: str
    rows: tuple[int, ...]
    estimated_bytes: int


def estimated_bytes(clips: pa.Table, *, media: bool) -> NDArray[np.int64]:
    """Bytes that each sample will take: its span's share of the bytes of its source, and what is stored beside it.

    Args:
        clips: modality, duration_s, has_audio, text_chars, and from the source size_bytes and source_s (its length).
        media: Whether media bytes are stored at all (not with `cut = range`).
    """
    span, whole = _numbers(clips, "duration_s"), _numbers(clips, "source_s")
    size, chars = _numbers(clips, "size_bytes"), _numbers(clips, "text_chars")
    kind = np.asarray(clips["modality"].to_pylist(), dtype=str)
    share = np.where(whole > 0, np.minimum(1.0, span / np.maximum(whole, 1e-9)), 1.0)
    sound = np.asarray(pc.fill_null(clips["has_audio"], False)) * span * SOUND_BYTES_PER_S
    stored = np.select([kind == "video", kind == "audio", kind == "image"], [size * share + sound, size * share, size], 0.0)
    text = np.where(kind == "text", 3.0 * chars, 0.0)
    return (ROW_BYTES + text + (stored if media else 0.0)).astype(np.int64)


def _numbers(table: pa.Table, name: str) -> NDArray[np.float64]:
    return np.asarray(pc.fill_null(pc.cast(table[name], pa.float64()), 0.0))


def cut(splits: Sequence[str], sizes: Sequence[int], shard_bytes: int) -> list[Shard]:
    """Fill shards in order; a shard is closed before the sample that would take it over `shard_bytes`.

    A sample larger than that has a shard of its own. Shards of the training split come first.
    """
    made = []
    for split in (TRAIN, VALIDATION):
        held: list[int] = []
        total = 0
        for row in (i for i, s in enumerate(splits) if s == split):
            if held and total + sizes[row] > shard_bytes:
                made.append(Shard(split, tuple(held), total))
                held, total = [], 0
            held.append(row)
            total += int(sizes[row])
        if held:
            made.append(Shard(split, tuple(held), total))
    return made

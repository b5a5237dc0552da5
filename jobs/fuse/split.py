"""Train or validation, decided so that nothing leaks: whatever shares a source, a source's bytes or a duplicate goes the same way."""

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from jobs.dedup.graph import Components, components
from jobs.rows import numbers, whole

TRAIN, VALIDATION = "train", "validation"


def groups(clips: pa.Table, duplicates: pa.Table, components: Components = components) -> pa.LargeStringArray:
    """The group of every clip: the least checksum of all sources that its own is connected with. Ids of sources hold where a file lies, and in which
    line a text stands; what was held out stays so when that changes.

    Args:
        clips: clip_id, source_id, source_sha256 of all clips, rejected ones too: they may be what connects two sources.
        duplicates: loser_id, keeper_id. A keeper of an earlier release, which is no clip of ours, connects its losers.
        components: Finds the components of a graph (`jobs.dedup.job.components_by`).
    """
    known = clips.group_by("source_id", use_threads=False).aggregate([("source_sha256", "min")])
    known = known.sort_by([("source_sha256_min", "ascending"), ("source_id", "ascending")])  # so that the least number is the least checksum
    sources, names = whole(known["source_id"]), whole(known["source_sha256_min"])
    ids, bytes_, of = whole(clips["clip_id"]), whole(clips["source_sha256"]), numbers(clips["source_id"], sources)
    pairs = [duplicates[name] for name in ("loser_id", "keeper_id")]
    strangers = pc.unique(whole(pa.chunked_array([chunk for column in pairs for chunk in column.chunks], pa.string())))

    def node(column: pa.ChunkedArray) -> NDArray[np.int64]:
        clip = numbers(column, ids)
        return np.where(clip >= 0, of[clip], len(sources) + numbers(column, strangers))

    src, dst = np.concatenate([of, node(pairs[0])]), np.concatenate([of[numbers(clips["source_sha256"], bytes_)], node(pairs[1])])
    nodes, least = components(src[src != dst], dst[src != dst])
    group = np.arange(len(sources) + len(strangers))
    group[nodes] = least
    return names.take(pa.array(group[of]))


def side(group: str, validation_share: float) -> str:
    """The split of a group: the hash of its name alone decides, so that it stays where it is as the corpus grows."""
    draw = int.from_bytes(hashlib.sha256(f"split/{group}".encode()).digest()[:8]) / 2**64
    return VALIDATION if draw < validation_share else TRAIN


def validation(groups: pa.LargeStringArray, share: float) -> NDArray[np.bool_]:
    """Which of these groups are for validation."""
    coded = groups.dictionary_encode()
    drawn = np.array([side(name.as_py(), share) == VALIDATION for name in coded.dictionary], bool)
    return np.asarray(drawn[coded.indices.to_numpy()], bool)

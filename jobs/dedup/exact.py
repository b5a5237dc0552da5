"""Equality: one 128-bit key per clip, the same for clips of the same content.

* texts: the same words (`jobs.dedup.minhash`), whatever the case, punctuation and space; without words, the same characters;
* pictures and videos: every number that the decode pass measured on the pictures and the sound is the same to the last
  bit, which is what the same frames in another container give;
* sound: likewise;
* where the content says nothing (black, silence), the same bytes of the source and the same span.
"""

import unicodedata
from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from jobs.dedup import minhash, perceptual

PICTURE = ("width", "height", "frame_count", "luma_mean", "luma_std", "sharpness", "motion", "freeze_share", "flicker",
           "blockiness", "colourfulness", "phashes")
SOUND = ("has_audio", "sample_rate_hz", "channels", "loudness_lufs", "true_peak_dbtp", "silence_share", "bandwidth_hz",
         "audio_fingerprint")
COLUMNS = ("modality", "source_sha256", "start_s", "end_s", "text", *PICTURE, *SOUND)


def keys(clips: pa.Table) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Rows of `clips` (columns COLUMNS) that have a key, and the keys [rows, 2]."""
    made = np.zeros((clips.num_rows, 2), np.uint64)
    modality = np.asarray(clips["modality"].to_pylist(), dtype=object)
    for batch_rows in (np.flatnonzero(modality == "text"),):
        made[batch_rows] = _text_keys(clips["text"].take(pa.array(batch_rows)).combine_chunks())
    media = np.flatnonzero(modality != "text")
    for row, facts in zip(media.tolist(), clips.select(COLUMNS).take(pa.array(media)).to_pylist(), strict=True):
        made[row] = _digest(_media_facts(facts))
    rows = np.flatnonzero(made.any(axis=1))
    return rows, made[rows]


def _text_keys(texts: pa.Array) -> NDArray[np.uint64]:
    found = minhash.shingles(texts, 1)
    made = found.keys.copy()
    made[found.words == 0] = 0
    for row in np.flatnonzero(found.words == 0).tolist():
        if text := unicodedata.normalize("NFKC", texts[row].as_py() or "").strip():
            made[row] = _digest(("characters", text))
    return made


def _media_facts(facts: dict[str, Any]) -> tuple[Any, ...]:
    picture, sound = facts["modality"] in ("video", "image"), facts["modality"] == "audio"
    hashes = np.asarray(facts["phashes"] or (), np.uint64)
    words = np.asarray(facts["audio_fingerprint"] or (), np.uint32)
    if (picture and perceptual.telling(hashes, facts["luma_std"]).any()) or (sound and len(np.unique(words)) > 1):
        names = (*PICTURE, *SOUND) if picture else SOUND
        return (facts["modality"], *(facts[name] for name in names))
    return ("bytes", facts["modality"], facts["source_sha256"], facts["start_s"], facts["end_s"])


def _digest(facts: tuple[Any, ...]) -> tuple[int, int]:
    """128 bits over a canonical text of the facts; `repr` of a float is exact."""
    made = blake2b(repr(facts).encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return int.from_bytes(made[:8], "little"), int.from_bytes(made[8:], "little")


def heads(rows: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Of rows (key, key, node): [n, 2] every node that is not the least of its key, with the least."""
    rows = rows[np.lexsort((rows[:, 2], rows[:, 1], rows[:, 0]))]
    new = np.ones(len(rows), bool)
    new[1:] = (rows[1:, :2] != rows[:-1, :2]).any(axis=1)
    least = rows[np.flatnonzero(new), 2][np.cumsum(new) - 1]
    return np.stack([rows[~new, 2], least[~new]], axis=1).astype(np.int64)

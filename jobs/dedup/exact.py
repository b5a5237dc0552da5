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
TEXT_COLUMNS = ("text",)
MEDIA_COLUMNS = ("modality", "source_sha256", "start_s", "end_s", *PICTURE, *SOUND)


def text_keys(clips: pa.Table) -> NDArray[np.uint64]:
    """Keys [rows, 2] of texts (columns TEXT_COLUMNS); 0 for an empty one, which equals nothing."""
    texts = clips["text"].combine_chunks()
    found = minhash.shingles(texts, 1)
    made = found.keys.copy()
    made[found.words == 0] = 0
    for row in np.flatnonzero(found.words == 0).tolist():
        if text := unicodedata.normalize("NFKC", texts[row].as_py() or "").strip():
            made[row] = _digest(("characters", text))
    return made


def media_keys(clips: pa.Table) -> NDArray[np.uint64]:
    """Keys [rows, 2] of pictures, videos and sound (columns MEDIA_COLUMNS)."""
    return np.array([_digest(_media_facts(facts)) for facts in clips.to_pylist()], np.uint64).reshape(-1, 2)


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

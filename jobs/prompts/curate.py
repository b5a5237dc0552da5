"""Draws prompts from a release: balanced over clusters, weighted by the behaviour prior, no two alike, each with its samples.

The draw depends on the rows and the seed alone, not on their order: every sample gets a number from a hash of its id.
"""

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from jobs.collect.pii import MASKS
from jobs.lake import Version
from jobs.prompts.analyse import clean, language, letters, sentences

Vectors = NDArray[np.float32]

NEAR = 0.6
"""Jaccard similarity of character 3-grams from which two prompts are alike; lower than for dedup, since few prompts are drawn
and they should differ."""
MIN_LETTERS, MAX_LETTERS = 4, 200
"""Captions outside are no use as a prompt; longer texts are cut to their first sentences."""
UNKNOWN_ENGAGEMENT = 0.5
COLUMNS = ("sample_id", "title", "caption", "text", "engagement", "embedding")
LOOKED_AT, TEXTS_PER_PROMPT = 20_000, 20
"""Samples of a release that a draw looks at, about, where it holds more; different texts among them for each prompt, at least, else it looks at
more."""


@dataclass(frozen=True)
class Candidate:
    """A text of the release that may become a prompt.

    Attributes:
        text: Cleaned.
        lang: BCP 47.
        sample_ids: All samples that carry this text.
        weight: 0.1 to 1.1, more for what people watched to its end.
        vector: Unit vector of its first sample, None where there is none.
    """

    text: str
    lang: str
    sample_ids: tuple[str, ...]
    weight: float
    vector: Vectors | None


def looked_at(release: Version, count: int) -> list[dict[str, Any]]:
    """The rows of a release that `count` prompts are drawn from: all that have a text, or of a large release those whose text falls into an even
    share of hashes, so that all samples of one text are there or none. Only the first sample of a text keeps its embedding."""
    every = max(1, release.rows // LOOKED_AT)
    while True:
        found, first = list[dict[str, Any]](), dict[str, dict[str, Any]]()
        for piece in release.slices():
            for text, row, vector in _thinned(piece.read(COLUMNS), every):
                found.append(row)
                before = first.get(text)
                if before is None or row["sample_id"] < before["sample_id"]:
                    # copied, for a view would keep the column of the whole piece
                    row["embedding"] = vector.values.to_numpy(zero_copy_only=False).copy() if vector.is_valid else None
                    first[text] = row
                    if before is not None:
                        before["embedding"] = None
        if every == 1 or len(first) >= TEXTS_PER_PROMPT * count:
            return found
        every = max(1, every // 8)


def _thinned(rows: pa.Table, every: int) -> Iterator[tuple[str, dict[str, Any], Any]]:
    """Rows of the share that have a text, with it and their embeddings as Arrow has them."""
    for i, texts in enumerate(rows.select(["caption", "title", "text"]).to_pylist()):
        if crc32(_given(texts).encode()) % every == 0 and (text := _text(texts)):
            own = {name: rows[name][i].as_py() for name in ("sample_id", "engagement")}
            yield text, {**texts, **own, "embedding": None}, rows["embedding"][i]


def _given(row: Mapping[str, Any]) -> str:
    return str(row["caption"] or row["title"] or row["text"] or "")


def candidates(rows: Sequence[Mapping[str, Any]], langs: Sequence[str]) -> list[Candidate]:
    """One candidate for each text in a wanted language, in the order of sample ids."""
    by_text: dict[str, list[Mapping[str, Any]]] = {}
    for row in sorted(rows, key=lambda r: str(r["sample_id"])):
        if text := _text(row):
            by_text.setdefault(text, []).append(row)
    found = []
    for text, carriers in by_text.items():
        lang = language(text)
        if lang not in langs:
            continue
        known = [r["engagement"] for r in carriers if r.get("engagement") is not None]
        weight = 0.1 + (sum(known) / len(known) if known else UNKNOWN_ENGAGEMENT)
        found.append(Candidate(text, lang, tuple(str(r["sample_id"]) for r in carriers), weight, _vector(carriers[0])))
    return found


def _text(row: Mapping[str, Any]) -> str:
    for name in ("caption", "title", "text"):
        given = str(row.get(name) or "")
        if any(mask in given for mask in MASKS):
            continue  # how to reach somebody: what is left of it without the masks makes no sense
        text = clean(given)
        if letters(text) > MAX_LETTERS:
            text = _first_sentences(text)
        if MIN_LETTERS <= letters(text) <= MAX_LETTERS:
            return text
    return ""


def _first_sentences(text: str) -> str:
    found = ""
    for sentence in sentences(text):
        if letters(found + sentence) > MAX_LETTERS:
            break
        found = f"{found} {sentence}" if found and sentence[0].isascii() else found + sentence
    return found


def _vector(row: Mapping[str, Any]) -> Vectors | None:
    embedding = row.get("embedding")
    if embedding is None or not len(embedding):
        return None
    vector = np.asarray(embedding, np.float32)
    size = float(np.linalg.norm(vector))
    return vector / size if math.isfinite(size) and size > 0 else None


def clusters(found: Sequence[Candidate], k: int, seed: int) -> list[int]:
    """Cluster of each candidate, by embedding where all have one of the same length, else by the letters of their texts."""
    if not found:
        return []
    vectors = [c.vector for c in found]
    lengths = {None if v is None else len(v) for v in vectors}
    whole = None not in lengths and len(lengths) == 1
    points = np.stack([v for v in vectors if v is not None] if whole else [_letters(c.text) for c in found])
    return k_means(points, min(k, len(found)), seed)


def k_means(points: Vectors, k: int, seed: int, rounds: int = 25) -> list[int]:
    """Spherical k-means with farthest-first starts: cluster numbers from 0, in the order in which clusters are first met."""
    rng = np.random.default_rng(seed)
    centres = points[[int(rng.integers(len(points)))]]
    while len(centres) < k:
        centres = np.concatenate([centres, points[[int((points @ centres.T).max(1).argmin())]]])
    owner = (points @ centres.T).argmax(1)
    for _ in range(rounds):
        sums = np.stack([points[owner == c].sum(0) if (owner == c).any() else centres[c] for c in range(k)])
        centres = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
        moved = (points @ centres.T).argmax(1)
        if (moved == owner).all():
            break
        owner = moved
    order = {c: i for i, c in enumerate(dict.fromkeys(owner.tolist()))}
    return [order[c] for c in owner.tolist()]


def _letters(text: str, width: int = 256) -> Vectors:
    vector = np.zeros(width, np.float32)
    for gram in grams(text):
        vector[int.from_bytes(hashlib.blake2b(gram.encode(), digest_size=4).digest(), "big") % width] += 1
    return vector / max(1e-9, float(np.linalg.norm(vector)))


def grams(text: str, n: int = 3) -> frozenset[str]:
    """Character n-grams of the letters of a text."""
    plain = "".join(c.lower() for c in text if c.isalnum())
    return frozenset(plain[i:i + n] for i in range(max(1, len(plain) - n + 1)))


def alike(a: str, b: str) -> float:
    """Jaccard similarity of two texts' 3-grams."""
    x, y = grams(a), grams(b)
    return len(x & y) / max(1, len(x | y))


def draw(found: Sequence[Candidate], owners: Sequence[int], seed: int) -> Iterator[tuple[Candidate, int]]:
    """Candidates in the order of the draw: clusters in turn, inside one by weighted sampling without replacement."""
    queues: dict[int, list[Candidate]] = {}
    for candidate, owner in zip(found, owners, strict=True):
        queues.setdefault(owner, []).append(candidate)
    for queue in queues.values():  # Efraimidis and Spirakis 2006: the greatest u^(1/w) first
        queue.sort(key=lambda c: (-_uniform(c.sample_ids[0], seed) ** (1 / c.weight), c.text))
    turn = sorted(queues, key=lambda c: (-max(x.weight for x in queues[c]), c))
    while any(queues.values()):
        for owner in turn:
            if queues[owner]:
                yield queues[owner].pop(0), owner


def _uniform(word: str, seed: int) -> float:
    digest = hashlib.blake2b(f"{seed}\x1f{word}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") + 1) / (2**64 + 1)

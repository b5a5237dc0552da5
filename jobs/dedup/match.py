"""The kinds of evidence, all of one form: file rows in buckets, let rows of a bucket meet, prove the pairs that met."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from PIL import Image

from jobs.clean.measures import fingerprint
from jobs.dedup import audio, copies, graph, minhash, perceptual, sketches, stills
from schemas.settings import Dedup

Number = TypeVar("Number", bound=np.generic)
Rows = NDArray[np.uint64]
"""[n, k]: bucket, node, and what the kind compares within a bucket."""
Proof = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Score and time shift of each pair (NaN where the kind knows none)."""


@dataclass(frozen=True)
class Kind:
    """One kind of evidence.

    Attributes:
        name: Of the kind.
        method: Under which it appears in `duplicates`.
        modalities: Clips it looks at; pairs are always of one modality.
        whole: It looks at content only, so it is asked for one clip of each equal set.
        columns: Columns of clips that `file` reads.
        proof: Columns that `keep` reads.
        width: Words per row of `file`.
        keep: Clips -> what is needed to prove pairs of them, a row each; small, and all that an index must remember.
        threshold: Score from which a pair is proven.
        file: Clips and their nodes -> rows. None of a kind without buckets (`semantic`, which has cells).
        meet: Rows of whole buckets and how many first nodes are known -> candidate pairs of nodes, none of two known ones.
        prove: Such rows as `keep` gives and pairs of them -> score and shift.
        weight: How much more a row of `keep` holds than one of hashes: so many fewer pairs go to a task.
    """

    name: str
    method: str
    modalities: tuple[str, ...]
    whole: bool
    columns: tuple[str, ...]
    proof: tuple[str, ...]
    width: int
    keep: Callable[[pa.Table, Dedup], pa.Table]
    threshold: Callable[[Dedup], float]
    file: Callable[[pa.Table, NDArray[np.int64], Dedup], Rows] | None = None
    meet: Callable[[Rows, Dedup, int], graph.Pairs] | None = None
    prove: Callable[[pa.Table, NDArray[np.int64], NDArray[np.int64], Dedup], Proof] | None = None
    weight: int = 1


def _column(clips: pa.Table, name: str) -> pa.Array:
    column = clips[name].combine_chunks()
    return column if isinstance(column, pa.Array) else pa.chunked_array(column).combine_chunks()


def _lists(clips: pa.Table, name: str, kind: type[Number]) -> list[NDArray[Number]]:
    """A list column as arrays; null is empty."""
    column = _column(clips, name)
    values: NDArray[Number] = np.asarray(column.values.to_numpy(zero_copy_only=False), kind)
    at = np.asarray(column.offsets)
    some = np.asarray(column.is_valid())
    return [values[at[i]:at[i + 1]] if some[i] else values[:0] for i in range(len(column))]


def _no_shift(count: int) -> NDArray[np.float64]:
    return np.full(count, np.nan)


# ---- words


def _file_words(texts: pa.Array, nodes: NDArray[np.int64], n: int, least_words: int, dedup: Dedup) -> Rows:
    found = minhash.shingles(texts, n)
    some = np.flatnonzero(found.words >= max(1, least_words))
    bands, rows = minhash.banding(dedup.threshold, dedup.permutations, dedup.recall_weight)
    hashes = minhash.bands(minhash.signatures(found.hashes, found.offsets, dedup.permutations), bands, rows)[some]
    return np.stack([hashes.ravel(), np.repeat(nodes[some].astype(np.uint64), bands)], axis=1)


def _meet_words(rows: Rows, dedup: Dedup, known: int = 0) -> graph.Pairs:
    return graph.linked(np.ascontiguousarray(rows[:, 0]), rows[:, 1].astype(np.int64), known=known)


def _keep_words(texts: pa.Array, n: int) -> pa.Table:
    found = minhash.shingles(texts, n)
    values, offsets = minhash.sets(found.hashes, found.offsets)
    return pa.table({"shingles": pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(values))})


def _prove_words(kept: pa.Table, x: NDArray[np.int64], y: NDArray[np.int64], dedup: Dedup) -> Proof:
    sets = _column(kept, "shingles")
    values, offsets = sets.values.to_numpy(), np.asarray(sets.offsets)
    return minhash.jaccard(values, offsets, x, y), _no_shift(len(x))


def _file_text(clips: pa.Table, nodes: NDArray[np.int64], dedup: Dedup) -> Rows:
    return _file_words(_column(clips, "text"), nodes, dedup.shingle, 1, dedup)


def _keep_text(clips: pa.Table, dedup: Dedup) -> pa.Table:
    return _keep_words(_column(clips, "text"), dedup.shingle)


def caption_shingle(dedup: Dedup) -> int:
    """Words per shingle of a caption: one less than of a text, as a caption has few."""
    return max(1, dedup.shingle - 1)


def _file_caption(clips: pa.Table, nodes: NDArray[np.int64], dedup: Dedup) -> Rows:
    return _file_words(_column(clips, "caption"), nodes, caption_shingle(dedup), dedup.min_caption_words, dedup)


def _keep_caption(clips: pa.Table, dedup: Dedup) -> pa.Table:
    kept = clips.select(["phashes", "phash_times_s", "luma_std", "audio_fingerprint"])
    return kept.append_column("shingles", _keep_words(_column(clips, "caption"), caption_shingle(dedup))["shingles"])


def _prove_caption(clips: pa.Table, x: NDArray[np.int64], y: NDArray[np.int64], dedup: Dedup) -> Proof:
    """Jaccard of the captions; 0 where the pictures or the sound say that the clips differ, or say something of one of them alone."""
    score, shift = _prove_words(clips, x, y, dedup)
    views = _views(clips)
    words = _lists(clips, "audio_fingerprint", np.uint32)
    for i in np.flatnonzero(score >= dedup.threshold).tolist():
        a, b = int(x[i]), int(y[i])
        if any(len(at) for _, at in (*views[a], *views[b])):
            shares = [perceptual.align(*u, *v, dedup.hamming + perceptual.LOOSE)[0] for u, v in zip(views[a], views[b], strict=True)]
            score[i] *= max(shares) >= dedup.phash_share
        elif (heard := [audio.telling(words[at]) for at in (a, b)]) != [False, False]:
            score[i] *= all(heard) and audio.align(words[a], words[b])[0] >= audio.AGREEMENT
    return score, shift


# ---- pictures


def _views(clips: pa.Table) -> list[tuple[perceptual.View, ...]]:
    """What each clip looks like."""
    return [perceptual.views(of, at, contrast) for of, at, contrast in zip(
        _lists(clips, "phashes", np.uint64), _lists(clips, "phash_times_s", np.float64), clips["luma_std"].to_pylist(), strict=True)]


def _file_pictures(clips: pa.Table, nodes: NDArray[np.int64], dedup: Dedup) -> Rows:
    """Buckets of the hashes of the samples; of clips that change fast, of which copies may have no sample of one moment, also of those
    of their sketches; of clips that stand still, of the quarters of a picture."""
    of = [[view for view, _ in views] for views in _views(clips)]
    course = _sketched(clips)
    for i, frames in enumerate(clips["frames"].to_pylist()):
        if frames and any(map(len, of[i])) and copies.stands(course(i), [f["t_s"] for f in frames]):
            of[i].append(_quarters(frames))
    fast = [i for i, (inside, *_) in enumerate(of) if len(inside) > 1 and np.median(np.bitwise_count(inside[1:] ^ inside[:-1])) >= FAST]
    for i in fast:
        if (moves := course(i)) is not None:
            found = sketches.hashes(moves)
            of[i].append(found[perceptual.telling(found, clips["luma_std"][i].as_py())])
    return _rows_of(of, nodes, dedup)


FAST = 16
"""Bits by which the samples of a clip differ from one to the next, in the median, from which it changes fast."""


def _rows_of(hashes_of: Sequence[Sequence[NDArray[np.uint64]]], nodes: NDArray[np.int64], dedup: Dedup) -> Rows:
    hashes = [np.unique(np.concatenate([t for h in several for t in (perceptual.turned(h) if dedup.turned else [h])]))
              for several in hashes_of]
    value = np.concatenate([np.empty(0, np.uint64), *hashes])
    node = np.repeat(nodes.astype(np.uint64), [len(h) for h in hashes])
    keys = perceptual.buckets(value)
    many = keys.shape[1]
    return np.stack([keys.ravel(), np.repeat(node, many), perceptual.rotated(value).ravel()], axis=1)


def _meet_pictures(rows: Rows, dedup: Dedup, known: int = 0) -> graph.Pairs:
    bucket, node, value = (np.ascontiguousarray(rows[:, i]) for i in range(3))
    return graph.unique(*perceptual.near(bucket, value, node.astype(np.int64), dedup.hamming + perceptual.ANCHOR, known))


def _keep_pictures(clips: pa.Table, dedup: Dedup) -> pa.Table:
    """Hashes, and what the stored frames look like and when they were taken."""
    seen = [_read(frames) for frames in clips["frames"].to_pylist()]
    small = [[picture.packed() for _, picture in of] if of else None for of in seen]
    kept = clips.select(PHASHES).append_column("small", pa.array(small, pa.large_list(pa.large_binary())))
    return kept.append_column("small_times_s", pa.array([[t for t, _ in of] if of else None for of in seen], pa.list_(pa.float64())))


def _read(frames: Sequence[Mapping[str, Any]] | None) -> list[tuple[float, stills.Small]]:
    """The stored frames that are not damaged, and their times: one of a hundred million that is must not end the job."""
    found = []
    for frame in frames or ():
        with contextlib.suppress(OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            found.append((frame["t_s"], stills.small(frame["jpeg"])))
    return found


def _looks(clips: pa.Table) -> Callable[[int], list[tuple[float, stills.Small]]]:
    """The stored frames of each clip and their times; unpacked, a frame takes 80 KB."""

    def looks(i: int) -> list[tuple[float, stills.Small]]:
        times, small = clips["small_times_s"][i].as_py(), clips["small"][i].as_py()
        return [(t, stills.Small.of(one)) for t, one in zip(times or (), small or (), strict=True)]

    return looks


def _keep_videos(clips: pa.Table, dedup: Dedup) -> pa.Table:
    kept = _keep_pictures(clips, dedup)
    for name in SKETCHES:
        kept = kept.append_column(name, clips[name])
    return kept


def _sketched(clips: pa.Table) -> Callable[[int], sketches.Course | None]:
    """The sketches of each clip."""
    times = _lists(clips, "sketch_times_s", np.float64)

    def course(i: int) -> sketches.Course | None:
        packed = clips["sketches"][i].as_py()
        return None if packed is None else sketches.Course.of(times[i], np.frombuffer(packed, np.uint8))

    return course


def _known(clips: pa.Table) -> Callable[[int], copies.Clip]:
    """What is known of each clip; unpacked, a minute of sketches and four frames take a megabyte, so few are held."""
    looks, course = _looks(clips), _sketched(clips)
    return lru_cache(maxsize=256)(lambda i: copies.Clip(course(i), looks(i)))


def _prove_pictures(clips: pa.Table, x: NDArray[np.int64], y: NDArray[np.int64], dedup: Dedup) -> Proof:
    """How well the sketches of clips that move fit; clips that stand still are proven as pictures are. Else the share of samples that
    agree, unless the stored frames say that the clips differ; of clips that agree less, the share of blocks of their stored frames that do."""
    views = _views(clips)
    known = _known(clips)
    score, shift = np.zeros(len(x)), np.full(len(x), np.nan)
    for i, (a, b) in enumerate(zip(x.tolist(), y.tolist(), strict=True)):
        score[i], shift[i] = perceptual.alike(views[a], views[b], dedup.hamming, dedup.phash_share, turns=dedup.turned)
        if known(a).stands and known(b).stands:
            share = copies.pictured(known(a), known(b), bool(score[i] >= dedup.phash_share), turns=dedup.turned)
            score[i] = max(dedup.phash_share, share) if share else 0.0
            shift[i] = copies.began(known(a), known(b), np.nan_to_num(shift[i]))
            continue
        fits = copies.proof(known(a), known(b), shift[i] if score[i] >= dedup.phash_share else None, turns=dedup.turned)
        if fits is not None:
            score[i], shift[i] = fits
        elif score[i] >= dedup.phash_share:
            score[i] *= copies.frames_agree(known(a), known(b), shift[i], turns=dedup.turned)
            shift[i] = copies.began(known(a), known(b), shift[i])
        elif not np.isnan(doubtful := perceptual.perhaps(views[a], views[b], dedup.hamming, dedup.phash_share, turns=dedup.turned)):
            score[i], shift[i] = stills.shown(known(a).frames, known(b).frames, doubtful, turns=dedup.turned), doubtful
            score[i] *= copies.frames_agree(known(a), known(b), doubtful, turns=dedup.turned)
    return score, shift


# ---- single pictures


def _file_stills(clips: pa.Table, nodes: NDArray[np.int64], dedup: Dedup) -> Rows:
    """Buckets of the hashes of each picture and of those of its quarters."""
    of = []
    for views, frames in zip(_views(clips), clips["frames"].to_pylist(), strict=True):
        of.append([h for h, _ in views])
        if frames and any(map(len, of[-1])):
            of[-1].append(_quarters(frames))
    return _rows_of(of, nodes, dedup)


def _quarters(frames: Sequence[Mapping[str, Any]]) -> NDArray[np.uint64]:
    """Telling hashes of the quarters of the middle one of some stored frames; none where it is damaged."""
    middle = len(frames) // 2
    found = [stills.quarters(picture) for _, picture in _read(frames[middle:middle + 1])]
    return found[0][perceptual.telling(found[0], None)] if found else np.empty(0, np.uint64)


def _meet_stills(rows: Rows, dedup: Dedup, known: int = 0) -> graph.Pairs:
    bucket, node, value = (np.ascontiguousarray(rows[:, i]) for i in range(3))
    return graph.unique(*perceptual.near(bucket, value, node.astype(np.int64), max(dedup.hamming, stills.MEET), known))


def _prove_stills(clips: pa.Table, x: NDArray[np.int64], y: NDArray[np.int64], dedup: Dedup) -> Proof:
    """Share of blocks that agree; of pictures without a stored frame 1 where their hashes are the same, else 0."""
    views, looks = _views(clips), lru_cache(maxsize=1024)(_looks(clips))
    score = np.zeros(len(x))
    for i, (a, b) in enumerate(zip(x.tolist(), y.tolist(), strict=True)):
        if looks(a) and looks(b):
            score[i] = copies.pictured(copies.Clip(None, looks(a)), copies.Clip(None, looks(b)), turns=dedup.turned)
        else:
            share, _ = perceptual.alike(views[a], views[b], dedup.hamming, dedup.phash_share, turns=dedup.turned)
            score[i] = share >= dedup.phash_share
    return score, _no_shift(len(x))


# ---- sound


def _file_sound(clips: pa.Table, nodes: NDArray[np.int64], dedup: Dedup) -> Rows:
    keys = [audio.keys(w) if audio.telling(w) else np.empty((0, 2), np.uint64) for w in _lists(clips, "audio_fingerprint", np.uint32)]
    bucket, value = np.concatenate([np.empty((0, 2), np.uint64), *keys]).T
    return np.stack([bucket, np.repeat(nodes.astype(np.uint64), [len(k) for k in keys]), value], axis=1)


def _meet_sound(rows: Rows, dedup: Dedup, known: int = 0) -> graph.Pairs:
    bucket, node, value = (np.ascontiguousarray(rows[:, i]) for i in range(3))
    return audio.meet(bucket, node.astype(np.int64), value, known)


def _prove_sound(clips: pa.Table, x: NDArray[np.int64], y: NDArray[np.int64], dedup: Dedup) -> Proof:
    words = _lists(clips, "audio_fingerprint", np.uint32)
    spans, starts = np.asarray(clips["duration_s"], np.float64), np.asarray(clips["start_s"], np.float64)
    score, shift = np.zeros(len(x)), np.full(len(x), np.nan)
    for i, (a, b) in enumerate(zip(x.tolist(), y.tolist(), strict=True)):
        score[i], steps = audio.align(words[a], words[b])
        shift[i] = starts[a] - starts[b] + steps * spans[a] * fingerprint.PLANES / max(1, len(words[a]))
    return score, shift


def _as_read(clips: pa.Table, dedup: Dedup) -> pa.Table:
    return clips


# ---- meaning


def _keep_meaning(clips: pa.Table, dedup: Dedup) -> pa.Table:
    """Vectors, as 16-bit floats; null for a clip that is black or flat, since all of those mean the same."""
    flat = pc.fill_null(pc.less(clips["luma_std"], perceptual.LEAST_CONTRAST), False)
    return pa.table({"vector": pc.if_else(flat, None, clips["vector"]).combine_chunks()})


PHASHES = ("phashes", "phash_times_s", "luma_std")
SKETCHES = ("sketches", "sketch_times_s")
KINDS: Mapping[str, Kind] = MappingProxyType({kind.name: kind for kind in (
    Kind("text", "minhash", ("text",), True, ("text",), ("text",), 2, _keep_text, lambda dedup: dedup.threshold,
         _file_text, _meet_words, _prove_words),
    Kind("pictures", "perceptual", ("video",), True, (*PHASHES, *SKETCHES, "frames"), (*PHASHES, *SKETCHES, "frames"), 3, _keep_videos, lambda dedup: dedup.phash_share,
         _file_pictures, _meet_pictures, _prove_pictures, 30),
    Kind("stills", "perceptual", ("image",), True, (*PHASHES, "frames"), (*PHASHES, "frames"), 3, _keep_pictures, lambda dedup: stills.AGREEING,
         _file_stills, _meet_stills, _prove_stills, 6),
    Kind("sound", "audio", ("audio",), True, ("audio_fingerprint",), ("audio_fingerprint", "start_s", "duration_s"), 3, _as_read,
         lambda dedup: audio.AGREEMENT, _file_sound, _meet_sound, _prove_sound),
    Kind("caption", "minhash", ("video", "image", "audio"), False, ("caption",), ("caption", *PHASHES, "audio_fingerprint"), 2, _keep_caption,
         lambda dedup: dedup.threshold, _file_caption, _meet_words, _prove_caption),
    Kind("semantic", "semantic", ("video", "image"), True, (), ("luma_std", "vector"), 0, _keep_meaning, lambda dedup: dedup.cosine),
)})
"""By name, the strongest evidence first. Workers look a kind up by its name."""

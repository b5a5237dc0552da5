"""Who stays: the keep order, and the decision that leaves every loser with a keeper that it resembles directly.

The order is total (the clip id breaks ties). Clips are taken in that order; a clip stays unless it is a proven duplicate
of one that stays already and lasts long enough to replace it. So a loser never depends on a neighbour of a neighbour, whatever the
size of its component, and of two clips that are proven duplicates of each other both stay only where the one most worth keeping shows
but a small part of the other.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numba as nb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

FACTS = ("clip_id", "modality", "width", "height", "letterbox_share", "pillarbox_share", "duration_s", "source_bytes", "source_bytes_per_s",
         "video_codec", "text_area_share", "sharpness", "snr_db", "bandwidth_hz", "text_chars", "licence", "source_fetched_at")
"""Columns of clips that the order looks at."""
COVERS = 0.6
"""Share of a clip's time that the one it goes for must last: a proof is of the shorter of two clips, of which it asks as much
(`dedup.phash_share`, `audio.LEAST_OVERLAP`). One frame in more pixels replaces no film."""


LOSSLESS, LOSSLESS_BYTES = ("png", "bmp", "tiff", "ppm"), 3.0
"""Codecs of pictures that lose nothing, however few bytes a drawing takes in them, and the bytes a pixel that such a picture counts as."""
TEXT = 4.0
"""A picture that text covers counts as 1 + TEXT times fewer bytes: marks all over a copy add a fourth of covered area and up to a third of bytes."""
NOISE_DB, CLEAR_DB = 6.0, 60.0
"""Steps in which sounds are noisier than others, and the estimate beyond which none is."""


class Edges(NamedTuple):
    """Proven pairs.

    Attributes:
        src, dst: Nodes, the lesser first.
        shift: Time in src minus time in dst, seconds; NaN where the kind knows none.
        kind: Place in `match.KINDS`, the least the strongest.
        score: Similarity by that kind.
        whole: The proof is of content, so it holds for every clip equal to the two.
    """

    src: NDArray[np.int64]
    dst: NDArray[np.int64]
    shift: NDArray[np.float64]
    kind: NDArray[np.int8]
    score: NDArray[np.float64]
    whole: NDArray[np.bool_]


def order(clips: pa.Table, keep: Sequence[str]) -> NDArray[np.int64]:
    """Rows of `clips` (columns FACTS) from the one most worth keeping to the least.

    Args:
        keep: Criteria, first first. `pixels`: more, without bars, in steps of a tenth, since bars are known to a line in 224; `duration`: longer
            (to 0.1 s); `bitrate`: more bytes a second in the source, of pictures bytes a pixel (LOSSLESS_BYTES where the codec loses nothing) over
            1 + TEXT x `text_area_share`, in steps of a tenth, since coding again loses detail that no measure of sharpness
            tells from its own artefacts, and marks and captions laid over a copy are sharp; `quality`: sharper, for sound the less
            noisy (in steps of NOISE_DB), then the wider band, for text the longer; `licence`: one is given; `earliest`: its source was written first. The order of ids breaks ties.
    """
    clear = pc.multiply(pc.floor(pc.divide(pc.min_element_wise(pc.coalesce(clips["snr_db"].cast(pa.float64()), 0.0), CLEAR_DB), NOISE_DB)), 1e6)
    heard = pc.add(clips["bandwidth_hz"].cast(pa.float64()), clear)  # noise fills any band
    fine = pc.coalesce(clips["sharpness"].cast(pa.float64()), heard, clips["text_chars"].cast(pa.float64()))
    pixels = pc.multiply(_inside(clips, "width", "pillarbox_share"), _inside(clips, "height", "letterbox_share"))
    picture = pc.fill_null(pc.equal(clips["modality"], "image"), False)
    rate = pc.if_else(picture, _fine_bytes(clips), clips["source_bytes_per_s"])
    minus = {
        "pixels": pc.multiply(pc.round(_tenths(pixels)), -1),
        "duration": pc.multiply(pc.round(pc.multiply(clips["duration_s"], 10)), -1),
        "bitrate": pc.multiply(pc.floor(_tenths(rate)), -1),
        "quality": pc.multiply(fine, -1),
        "licence": pc.is_null(clips["licence"]).cast(pa.int8()),
        "earliest": clips["source_fetched_at"].cast(pa.int64()),
    }
    names = [name for name in keep if name in minus]
    table = pa.table({**{name: minus[name] for name in names}, "clip_id": clips["clip_id"]})
    keys = [(name, "ascending", "at_end") for name in (*names, "clip_id")]
    return np.asarray(pc.sort_indices(table, sort_keys=keys), np.int64)


def _tenths(value: pa.ChunkedArray) -> pa.ChunkedArray:
    """Logarithm to the base 1.1; 0 below 1."""
    return pc.divide(pc.ln(pc.max_element_wise(value, 1.0)), np.log(1.1))


def _fine_bytes(clips: pa.Table) -> pa.ChunkedArray:
    """Bytes a million pixels of the source of a picture, fewer where text covers it."""
    pixels = pc.multiply(clips["width"].cast(pa.float64()), clips["height"].cast(pa.float64()))
    bytes_a_pixel = pc.divide(clips["source_bytes"].cast(pa.float64()), pc.max_element_wise(pixels, 1.0))
    lossless = pc.is_in(clips["video_codec"], value_set=pa.array(LOSSLESS, clips["video_codec"].type))
    text = pc.add(pc.multiply(pc.coalesce(clips["text_area_share"].cast(pa.float64()), 0.0), TEXT), 1.0)
    return pc.multiply(pc.divide(pc.if_else(lossless, LOSSLESS_BYTES, bytes_a_pixel), text), 1e6)


def _inside(clips: pa.Table, side: str, bars: str) -> pa.ChunkedArray:
    """Pixels of a side between bars."""
    share = pc.subtract(1.0, pc.coalesce(clips[bars].cast(pa.float64()), 0.0))
    return pc.round(pc.multiply(clips[side].cast(pa.float64()), share))


@nb.njit(inline="always")
def _other(kept, source, x):  # type: ignore[no-untyped-def]
    """The first of two nodes that is there and of another source than `x`; -1 if none is."""
    for k in kept:
        if k >= 0 and source[k] != source[x]:
            return k
    return -1


@nb.njit(cache=True, nogil=True)
def _settle(head, source, lasts, known, at, near, edge, own_at, own_near, own_edge, kind, score):  # type: ignore[no-untyped-def]
    n = len(head)
    first = np.full((n, 2), -1, np.int64)  # kept nodes of a class: the first, and the first of another source; only known ones are of several
    keeper, proof = np.full(n, -1, np.int64), np.full(n, -1, np.int64)
    for x in range(n):
        h, best, why = head[x], -1, -1
        equal = _other(first[h], source, x)
        if x < known:
            if first[h, 0] < 0:
                first[h, 0] = x
            elif first[h, 1] < 0 and equal >= 0:
                first[h, 1] = x
            continue
        if equal >= 0:
            keeper[x] = equal
            continue
        for i in range(at[h], at[h + 1]):
            k = _other(first[near[i]], source, x)
            if k < 0 or lasts[k] < COVERS * lasts[x]:
                continue
            e = edge[i]
            if best < 0 or (kind[e], -score[e], k) < (kind[why], -score[why], best):
                best, why = k, e
        for i in range(own_at[x], own_at[x + 1]):
            k, e = own_near[i], own_edge[i]
            if k < x and keeper[k] < 0 and lasts[k] >= COVERS * lasts[x] and (best < 0 or (kind[e], -score[e], k) < (kind[why], -score[why], best)):
                best, why = k, e
        keeper[x], proof[x] = best, why
        if best < 0 and first[h, 0] < 0:
            first[h, 0] = x
    return keeper, proof


def settle(head: NDArray[np.int64], source: NDArray[np.int32], lasts: NDArray[np.float64], edges: Edges, known: int = 0,
           ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Decide for every node in the keep order.

    Args:
        head: Least node of equal content, per node.
        source: Source of each node; clips of one source are never duplicates of each other.
        lasts: How long each node lasts, in seconds; 0 for what has no time.
        edges: Proven pairs, `whole` ones between heads.
        known: So many first nodes are of earlier releases and stay whatever they resemble.

    Returns:
        The keeper of every node, -1 for those that stay; and the edge that proves it, -1 where the two are equal.
    """
    n = len(head)
    return _settle(head, source, lasts, known, *_both_ways(edges, edges.whole, n), *_both_ways(edges, ~edges.whole, n),  # type: ignore[no-any-return]
                   edges.kind, edges.score)


def _both_ways(edges: Edges, which: NDArray[np.bool_], n: int) -> tuple[NDArray[np.int64], ...]:
    chosen = np.flatnonzero(which)
    src = np.concatenate([edges.src[chosen], edges.dst[chosen]])
    dst = np.concatenate([edges.dst[chosen], edges.src[chosen]])
    by = np.argsort(src, kind="stable")
    at = np.zeros(n + 1, np.int64)
    np.cumsum(np.bincount(src, minlength=n), out=at[1:])
    return at, dst[by], np.concatenate([chosen, chosen])[by]

"""The decision against a plain reading of its rule, on random graphs; the keep order by construction."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.dedup import keeper
from schemas import CLIPS


def edges(rows):
    rows = sorted({(min(a, b), max(a, b), kind, score, whole) for a, b, kind, score, whole in rows if a != b})
    src, dst, kind, score, whole = map(list, zip(*rows, strict=True)) if rows else ([], [], [], [], [])
    return keeper.Edges(np.array(src, np.int64), np.array(dst, np.int64), np.zeros(len(src)), np.array(kind, np.int8),
                        np.array(score, float), np.array(whole, bool))


@st.composite
def worlds(draw):
    """Nodes, some of them known from earlier releases; what is equal lasts equally long."""
    n = draw(st.integers(1, 14))
    head = [draw(st.sampled_from([i, *range(i)])) for i in range(n)]
    for i in range(n):
        head[i] = head[head[i]] if head[i] < i else i
    source = [draw(st.integers(0, 5)) for _ in range(n)]
    spans = [draw(st.sampled_from([0.0, 0.5, 4.0, 5.0])) for _ in range(n)]
    heads = sorted(set(head))
    rows = []
    for _ in range(draw(st.integers(0, 20))):
        whole = draw(st.booleans())
        a, b = (draw(st.sampled_from(heads if whole else range(n))) for _ in "ab")
        if source[a] != source[b]:
            rows.append((a, b, draw(st.integers(0, 3)), draw(st.sampled_from([0.7, 0.8, 0.9])), whole))
    return np.array(head), np.array(source, np.int32), np.array([spans[h] for h in head]), edges(rows), draw(st.sampled_from([0, 0, n // 2, n]))


def alike(x, k, head, source, lasts, found, known):
    """All proofs by which one node may go for another, best first; equality is the best of all."""
    if source[x] == source[k] or lasts[k] < 0.6 * lasts[x]:
        return []
    proofs = [(-1, -1.0, -1)] if head[x] == head[k] else []
    for e in range(len(found.src)):
        ends = {int(found.src[e]), int(found.dst[e])}
        if ends == ({int(head[x]), int(head[k])} if found.whole[e] else {x, k}):
            proofs.append((int(found.kind[e]), -float(found.score[e]), e))
    return sorted(proofs)


@settings(max_examples=300, deadline=None)
@given(worlds())
def test_a_clip_goes_only_for_one_that_stays_and_that_it_resembles_itself(world):
    head, source, lasts, found, known = world
    stays, proof = keeper.settle(head, source, lasts, found, known)
    kept = []
    for x in range(len(head)):
        against = sorted((alike(x, k, *world)[0][:2], k) for k in kept if alike(x, k, *world))
        if not against or x < known:
            assert stays[x] == -1
            kept.append(x)
            continue
        (kind, _), _ = against[0]
        assert stays[x] in kept
        proofs = alike(x, int(stays[x]), *world)
        assert proofs
        assert proofs[0][:2] == against[0][0]
        assert (proof[x] == -1) == (kind == -1)
        assert proof[x] in [e for _, _, e in proofs]


def test_a_chain_does_not_make_its_ends_duplicates():
    chain = edges([(i, i + 1, 0, 0.9, True) for i in range(9)])
    stays, _ = keeper.settle(np.arange(10), np.arange(10, dtype=np.int32), np.zeros(10), chain)
    assert stays.tolist() == [-1, 0, -1, 2, -1, 4, -1, 6, -1, 8]


def rows(*facts):
    names = [*keeper.FACTS]
    return pa.Table.from_pylist([{n: f.get(n) for n in names} for f in facts],
                                schema=pa.schema([CLIPS.schema.field(n).with_nullable(True) for n in names]))


@pytest.mark.parametrize(("keep", "first"), [
    (("pixels",), "large"), (("duration",), "long"), (("quality",), "sharp"), (("bitrate",), "rich"), (("licence",), "free"), (("earliest",), "old"),
    ((), "a"), (("pixels", "duration"), "large"), (("duration", "pixels"), "long"),
])
def test_the_first_criterion_decides_first(keep, first):
    base = {"width": 100, "height": 100, "duration_s": 5.0, "sharpness": 1.0}
    at = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2)]
    clips = rows({**base, "clip_id": "old", "source_fetched_at": at[0]}, {**base, "clip_id": "new", "source_fetched_at": at[1]},
                 {**base, "clip_id": "large", "width": 200}, {**base, "clip_id": "long", "duration_s": 9.0},
                 {**base, "clip_id": "sharp", "sharpness": 7.0}, {**base, "clip_id": "free", "licence": "CC0"},
                 {**base, "clip_id": "rich", "source_bytes_per_s": 2e5}, {"clip_id": "a", "duration_s": 5.0, "source_bytes_per_s": 1e4})
    assert clips["clip_id"].to_pylist()[keeper.order(clips, keep)[0]] == first


def test_black_bars_are_no_pixels_and_noise_is_no_band():
    bars = rows({"clip_id": "a bars", "width": 500, "height": 400, "pillarbox_share": 0.04, "letterbox_share": 0.0, "source_bytes_per_s": 1e4},
                {"clip_id": "b plain", "width": 480, "height": 400, "pillarbox_share": 0.0, "letterbox_share": None, "source_bytes_per_s": 9e4},
                {"clip_id": "c tall", "width": 480, "height": 500, "letterbox_share": 0.2, "source_bytes_per_s": 1e4})
    assert bars["clip_id"].to_pylist()[keeper.order(bars, ("pixels", "bitrate"))[0]] == "b plain"
    sounds = rows({"clip_id": "a noisy", "snr_db": 16.0, "bandwidth_hz": 11025.0}, {"clip_id": "b clean", "snr_db": 48.0, "bandwidth_hz": 8000.0},
                  {"clip_id": "c dull", "snr_db": 49.0, "bandwidth_hz": 4000.0}, {"clip_id": "d unknown", "bandwidth_hz": 11025.0})
    assert sounds["clip_id"].to_pylist()[keeper.order(sounds, ("quality",))[0]] == "b clean"


PNG, DRAWING, JPEG = ({"video_codec": "png", "source_bytes": 449_000}, {"video_codec": "png", "source_bytes": 30_000}, {"video_codec": "jpeg", "source_bytes": 80_000})


@pytest.mark.parametrize(("copy", "originals"), [
    ({"video_codec": "jpeg", "source_bytes": 87_000, "sharpness": 4768.0, "text_area_share": 0.2355}, (PNG, DRAWING, JPEG)),  # marks all over
    ({"video_codec": "jpeg", "source_bytes": 72_000, "sharpness": 3561.0}, (PNG, DRAWING, JPEG)),  # more contrast
    ({"video_codec": "jpeg", "source_bytes": 67_000, "sharpness": 2181.0, "width": 648, "height": 448,
      "letterbox_share": 0.0982, "pillarbox_share": 0.0802}, (PNG, DRAWING, JPEG)),
    ({"video_codec": "png", "source_bytes": 500_000, "sharpness": 4768.0, "text_area_share": 0.2355}, (PNG, DRAWING)),  # of a JPEG nothing tells it
    ({"video_codec": "jpeg", "source_bytes": 17_000, "sharpness": 1200.0, "text_area_share": 0.0}, (PNG, DRAWING, JPEG))])
def test_of_pictures_the_one_coded_finest_stays_and_not_the_one_with_more_edges(copy, originals):
    base = {"modality": "image", "width": 600, "height": 400, "duration_s": 0.0, "sharpness": 1156.0, "text_area_share": 0.003}
    for original in originals:
        clips = rows({**base, "clip_id": "a copy", **copy}, {**base, "clip_id": "b original", **original})
        order = keeper.order(clips, ("pixels", "duration", "bitrate", "quality", "earliest"))
        assert clips["clip_id"].to_pylist()[order[0]] == "b original", original


def test_the_order_is_the_same_however_the_rows_come():
    rng = np.random.default_rng(0)
    facts = [{"clip_id": f"{i:03d}", "width": int(rng.integers(1, 3)), "height": 1, "duration_s": float(rng.integers(0, 2))}
             for i in range(50)]
    whole = rows(*facts)
    wanted = whole["clip_id"].take(pa.array(keeper.order(whole, ("pixels", "duration")))).to_pylist()
    mixed = whole.take(pa.array(rng.permutation(50)))
    assert mixed["clip_id"].take(pa.array(keeper.order(mixed, ("pixels", "duration")))).to_pylist() == wanted

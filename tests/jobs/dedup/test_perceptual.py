"""Search against all pairs, alignment by construction, and drawn scenes and real files under transforms."""

import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.clean.measures.phash import hashes as hashes_of
from jobs.dedup import perceptual

HASHES = st.integers(0, 2**64 - 1)


@settings(max_examples=60, deadline=None)
@given(st.lists(HASHES, min_size=1, max_size=5), st.lists(st.sets(st.integers(0, 63), max_size=6), min_size=2, max_size=12))
def test_hashes_within_six_bits_always_meet(seeds, changes):
    values = np.array([seeds[i % len(seeds)] ^ sum(1 << b for b in c) for i, c in enumerate(changes)], np.uint64)
    nodes = np.arange(len(values))
    keys = perceptual.buckets(values)
    many = keys.shape[1]
    for most in (0, 3, 6):
        src, dst = perceptual.near(keys.ravel(), np.repeat(values, many), np.repeat(nodes, many), most)
        distance = np.bitwise_count(values[:, None] ^ values[None, :])
        assert all(distance[a, b] <= most for a, b in zip(src, dst, strict=True))
        found = set(zip(src.tolist(), dst.tolist(), strict=True))
        firsts = {int(v): int(nodes[values == v].min()) for v in values}
        for a in range(len(values)):
            for b in range(a):
                if distance[a, b] <= most:  # by way of the least node with either hash
                    one, two = firsts[int(values[a])], firsts[int(values[b])]
                    assert (min(one, two), max(one, two)) in found or one == two


def test_a_hash_of_thousands_of_nodes_stays_linear():
    value = np.full(20_000, 0x5555AAAA5555AAAA, np.uint64)
    src, dst = perceptual.near(np.zeros(20_000, np.uint64), value, np.arange(20_000), 8)
    assert (src == 0).all()
    assert sorted(dst.tolist()) == list(range(1, 20_000))


def test_a_great_bucket_of_many_hashes_stays_linear_and_hashes_that_agree_in_three_blocks_meet(monkeypatch):
    monkeypatch.setattr(perceptual, "NEIGHBOURS", 40)
    rng = np.random.default_rng(5)
    pair = (rng.integers(0, 2**64, 2000, np.uint64) & np.uint64(0xFFFF_FFFF_00FF_00FF)) | np.uint64(0x0000_0000_AB00_CD00)  # one bucket holds all
    one = np.uint64(0x1122_3344_AB55_CD66)
    copy = one ^ np.uint64(0x8100_8100_0000_0000)  # blocks 6, 4, 3, 2, 1 and 0 are as they were
    value = np.r_[one, pair, copy]
    keys, turned = perceptual.buckets(value), perceptual.rotated(value)
    assert (np.bitwise_count(turned[0] ^ turned[-1]) == 4).all()
    src, dst = perceptual.near(keys.ravel(), turned.ravel(), np.repeat(np.arange(len(value)), keys.shape[1]), 64)
    assert len(src) < 41 * keys.size
    assert (0, len(value) - 1) in set(zip(src.tolist(), dst.tolist(), strict=True))
    alone = perceptual.BLOCK_PAIRS.tolist().index([1, 3])
    src, dst = perceptual.near(keys[:, alone], turned[:, alone], np.arange(len(value)), 64)
    assert (0, len(value) - 1) in set(zip(src.tolist(), dst.tolist(), strict=True))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(3, 30), st.integers(0, 20), st.floats(-50, 50))
def test_the_shift_of_a_part_is_found(seed, length, skipped, start):
    rng = np.random.default_rng(seed)
    whole = rng.integers(0, 2**64, length + 20, np.uint64)
    times = np.arange(len(whole)) * 0.5
    part, part_s = whole[skipped:skipped + length], start + np.arange(length) * 0.5
    share, shift = perceptual.align(whole, times, part, part_s, 8)
    assert (share, shift) == (1.0, pytest.approx(skipped * 0.5 - start))
    share, shift = perceptual.align(part, part_s, whole, times, 8)
    assert (share, shift) == (1.0, pytest.approx(start - skipped * 0.5))
    other = rng.integers(0, 2**64, length, np.uint64)
    assert perceptual.same(whole, times, other, part_s, 8, 0.6)[0] < 0.6


def test_frames_in_another_order_do_not_match():
    rng = np.random.default_rng(1)
    whole, times = rng.integers(0, 2**64, 12, np.uint64), np.arange(12) * 0.5
    assert perceptual.align(whole, times, whole[::-1].copy(), times, 8)[0] < 0.3


def test_one_still_picture_is_no_moving_scene():
    """More bits are allowed to a sequence only when its pictures differ."""
    rng = np.random.default_rng(2)
    times = np.arange(10) * 0.5
    loose = np.uint64(sum(1 << int(b) for b in rng.permutation(64)[:14]))
    still, moving = np.full(10, rng.integers(0, 2**64, dtype=np.uint64)), rng.integers(0, 2**64, 10, np.uint64)
    assert perceptual.same(still, times, still ^ loose, times, 8, 0.6)[0] == 0
    assert perceptual.same(moving, times, moving ^ loose, times, 8, 0.6)[0] == 1


def test_nothing_is_telling_about_flat_pictures():
    assert not perceptual.telling(np.array([0, 2**64 - 1, 0xFF], np.uint64), 50.0).any()
    assert not perceptual.telling(np.array([0x5555AAAA5555AAAA], np.uint64), 2.0).any()
    assert perceptual.telling(np.array([0x5555AAAA5555AAAA], np.uint64), None).all()
    assert perceptual.align(np.empty(0, np.uint64), np.empty(0), np.empty(0, np.uint64), np.empty(0), 8)[0] == 0


# ---- drawn scenes


def scene(seed, seconds=5, fps=10):
    """A textured ground that pans under moving shapes."""
    rng = np.random.default_rng(seed)
    ground = cv2.resize(rng.integers(0, 256, (14, 30), np.uint8), (700, 320), interpolation=cv2.INTER_CUBIC)
    spots = rng.uniform(0, 1, (5, 6))
    frames = []
    for i in range(seconds * fps):
        f = ground[60:240, 6 * i:6 * i + 320].copy() if 6 * i + 320 <= 700 else ground[60:240, 380:].copy()
        for x, y, vx, vy, size, shade in spots:
            at = (int((x + (vx - 0.5) * i / 25) * 320) % 320, int((y + (vy - 0.5) * i / 25) * 180) % 180)
            cv2.circle(f, at, int(12 + 28 * size), int(shade * 255), -1)
        frames.append(f)
    return frames


def samples(frames, every=5):
    hashes = np.array([hashes_of(cv2.resize(f, (199, 112), interpolation=cv2.INTER_AREA))[0] for f in frames[::every]], np.uint64)
    return hashes, np.arange(len(hashes)) * every / 10


def reencoded(frames, tmp_path):
    path = str(tmp_path / "copy.mp4")
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt, stream.options = 160, 90, "yuv420p", {"crf": "38", "preset": "ultrafast"}
        for f in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(cv2.resize(f, (160, 90)), format="gray")))
        container.mux(stream.encode())
    with av.open(path) as container:
        return [frame.reformat(format="gray").to_ndarray() for frame in container.decode(video=0)]


CHANGES = {
    "brighter": lambda f: cv2.convertScaleAbs(f, beta=30),
    "darker": lambda f: cv2.convertScaleAbs(f, alpha=0.7),
    "cropped": lambda f: f[5:-5, 9:-9],
    "letterboxed": lambda f: cv2.copyMakeBorder(f, 30, 30, 0, 0, cv2.BORDER_CONSTANT),
    "stretched": lambda f: cv2.resize(f, (240, 180)),
    "logo": lambda f: cv2.rectangle(f.copy(), (270, 8), (310, 24), 255, -1),
    "blurred": lambda f: cv2.GaussianBlur(f, (0, 0), 1.5),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("seed", range(3))
def test_a_scene_survives(change, seed):
    frames = scene(seed)
    share, shift = perceptual.same(*samples(frames), *samples([CHANGES[change](f) for f in frames]), 8, 0.6)
    assert share >= 0.6
    assert shift == pytest.approx(0, abs=0.3)


@pytest.mark.parametrize("seed", range(3))
def test_a_scene_survives_encoding_and_a_cut_start(seed, tmp_path):
    frames = scene(seed)
    copy = reencoded(frames[13:], tmp_path)
    share, shift = perceptual.same(*samples(frames), *samples(copy), 8, 0.6)
    assert share >= 0.6
    assert shift == pytest.approx(1.3, abs=0.5)  # samples are half a second apart


def test_different_scenes_are_different():
    made = [samples(scene(seed)) for seed in range(12)]
    shares = [perceptual.same(*made[a], *made[b], 8, 0.6)[0] for a in range(12) for b in range(a)]
    assert max(shares) < 0.6


ALIKE = [{"rabbit320.mp4", "rabbit320.webm"}, {"carphone_pristine.mp4", "carphone_distorted.mp4"},
         {"bigbuckbunny.mp4", "big_buck_bunny_small.mp4"}, {"world.mp4", "b.avi"},
         {"big_buck_bunny_0_30.webm", "example2.mp4"}, {"sample_iPod.m4v", "sample_iTunes.mov"}]
OTHERS = ["crystal.mp4", "elf.webm", "chaplin.mp4", "bikes.mp4", "video11.mp4", "video4.mp4", "bear-vp9.webm", "MVI_4823.AVI"]


@pytest.mark.heavy
def test_real_copies_are_found_and_nothing_else(media):
    names = sorted({n for pair in ALIKE for n in pair} | set(OTHERS))
    found = {}
    for name in names:
        hashes, times, due = [], [], 0.0
        with av.open(str(media / "video" / name)) as container:
            stream = container.streams.video[0]
            for frame in container.decode(stream):
                t = float((frame.pts or 0) * stream.time_base)
                if t > 20:
                    break
                if t >= due:
                    due = t + 0.5
                    hashes.append(hashes_of(frame.reformat(width=200, height=112, format="gray").to_ndarray())[0])
                    times.append(t)
        value = np.array(hashes, np.uint64)
        good = perceptual.telling(value, None)
        found[name] = (value[good], np.array(times)[good])
    merged = [{a, b} for i, a in enumerate(names) for b in names[:i] if perceptual.same(*found[a], *found[b], 8, 0.6)[0] >= 0.6]
    assert sorted(map(sorted, merged)) == sorted(map(sorted, ALIKE))


# ---- sound

"""The job: what goes, for whom and with what proof; the same rows however the input is cut and wherever it runs."""

from itertools import permutations

import numpy as np
import pyarrow as pa
import pytest

from jobs.dedup import job as dedup_job
from jobs.dedup.match import KINDS
from jobs.dedup.nodes import Nodes
from jobs.job import ORDER, job
from schemas.loading import load
from schemas.settings import SettingsError

LONG = "a small boat drifts past the old lighthouse while gulls circle over the harbour wall at dusk and the lamps come on "


def hashes(seed, count=8):
    """Balanced hashes such as pictures give, far from one another."""
    rng = np.random.default_rng(seed)
    return [int(sum(1 << int(b) for b in rng.permutation(64)[:32])) for _ in range(count)]


def flipped(values, bits, seed=0):
    """The same hashes with so many bits changed, as many set as unset."""
    rng = np.random.default_rng(seed)
    out = []
    for value in values:
        ones = [b for b in range(64) if value >> b & 1]
        zeros = [b for b in range(64) if not value >> b & 1]
        for b in [*rng.permutation(ones)[:bits // 2], *rng.permutation(zeros)[:bits - bits // 2]]:
            value ^= 1 << int(b)
        out.append(value)
    return out


@pytest.fixture
def video(clip):
    def make(clip_id, phashes, start_s=0.0, **facts):
        times = [start_s + 0.5 * i for i in range(len(phashes))]
        span = {"start_s": start_s, "end_s": start_s + 0.5 * len(phashes), "duration_s": 0.5 * len(phashes)}
        video = {"modality": "video", "width": 640, "height": 360, "luma_std": 50.0, "sharpness": 10.0}
        return clip(clip_id, phashes=phashes, phash_times_s=times, **(video | span | facts))

    return make


def test_the_job_is_found_by_its_name():
    assert job("dedup") is dedup_job.DEDUP
    assert ORDER["dedup"].startswith("jobs.dedup")


def test_equal_and_near_texts_go_and_say_why(find, clip):
    found = find([
        clip("a", text=LONG + "one by one", text_chars=200), clip("b", text=LONG.upper() + "ONE, by one!", text_chars=100),
        clip("c", text=LONG + "two by two", text_chars=100), clip("d", text="something else entirely", text_chars=100),
    ], "dedup.threshold=0.7")
    assert found.pairs() == {"b": "a", "c": "a"}
    assert (found["b"]["method"], found["b"]["score"]) == ("exact", 1.0)
    shared, own = 22 - 2, 3
    assert found["c"]["score"] == pytest.approx(shared / (shared + 2 * own), abs=0.02)
    assert found["c"]["evidence"] == f"c -minhash {found['c']['score']:.4g}- a"
    assert {row["cluster_id"] for row in found.values()} == {"a"}
    why = found.rejects[1]
    assert (why["sample_id"], why["check"], why["op"], why["threshold"], why["reason"], why["detail"]) == (
        "c", "minhash", ">=", 0.7, "duplicate", "keeper a")


def test_what_was_rejected_before_takes_no_part(find, clip):
    clips = [clip("a", text=LONG), clip("b", text=LONG), clip("c", text=LONG)]
    assert find(clips, rejected=["a"]).pairs() == {"c": "b"}
    assert find(clips, rejected=["a", "b", "c"]).seen == 0
    assert find(clips, rejected=["a"]).seen == 2


def test_texts_that_say_nothing_are_alone_and_odd_ones_are_no_trouble(find, clip):
    texts = ["", None, " \n", "x", "😀😀😀", "😀😀", "\u202eאבג abc\u202c 123", "e\u0301", "日", "日" * 3_000_000, "。。。"]
    assert find([clip(f"{i:02d}", text=t) for i, t in enumerate(texts)]).pairs() == {}
    twice = find([clip(f"{i:02d}{side}", text=t) for i, t in enumerate(texts) for side in "ab"]).pairs()
    assert twice == {f"{i:02d}b": f"{i:02d}a" for i, t in enumerate(texts) if (t or "").strip()}
    assert find([clip("a", text="cafe\u0301 au lait"), clip("b", text="CAFÉ au ｌａｉｔ")]).pairs() == {"b": "a"}


def test_captions_count_only_when_long_and_of_other_sources_and_not_against_the_pictures(find, clip, video):
    def pair(caption, **facts):
        return [clip(i, modality="audio", caption=caption, source_id=facts.get("source", i)) for i in "ab"]

    assert find(pair(LONG)).pairs() == {"b": "a"}
    assert find(pair(LONG, source="one")).pairs() == {}
    assert find(pair("a sunset over the sea")).pairs() == {}
    assert find([video("a", hashes(1), caption=LONG), video("b", hashes(2), caption=LONG)]).pairs() == {}
    loose = find([video("a", hashes(1), caption=LONG), video("b", flipped(hashes(1), 14), caption=LONG)])
    assert loose["b"]["method"] == "minhash"
    assert find([video("a", hashes(1), caption=LONG), clip("b", modality="audio", caption=LONG)]).pairs() == {}


def test_a_caption_alone_proves_nothing_where_one_clip_shows_or_sounds_like_something(find, clip, video, fingerprint):
    flat = {"luma_std": 3.0, "width": 1280, "height": 720, "caption": LONG}
    assert find([video("good", hashes(1), caption=LONG), video("flat", hashes(2), **flat)]).pairs() == {}
    assert find([video("flat1", hashes(1), **flat), video("flat2", hashes(2), **flat)]).pairs() == {"flat2": "flat1"}
    for words in (fingerprint(1, 100).tolist(), None):
        sounds = [clip(i, modality="audio", caption=LONG, duration_s=12.0, audio_fingerprint=of) for i, of in (("a", words), ("b", None))]
        assert find(sounds).pairs() == ({} if words else {"b": "a"})


def test_a_clip_inside_a_longer_one_goes_and_tells_the_offset(find, video):
    whole = hashes(3, 30)
    part = flipped(whole[9:20], 6)
    found = find([video("long", whole, start_s=100.0), video("part", part, start_s=2.0)])
    assert found.pairs() == {"part": "long"}
    assert found["part"]["offset_s"] == pytest.approx(2.0 - (100.0 + 4.5))
    assert found["part"]["score"] == 1.0


def test_a_moment_in_more_pixels_replaces_no_film(find, video):
    """What a proof says of the shorter clip it does not say of the longer one."""
    moment, large = hashes(4, 1), {"width": 3840, "height": 2160}
    films = [video(f"film{i}", [*hashes(3 + 10 * i, 20), *moment, *hashes(6 + 10 * i, 19)]) for i in range(2)]
    assert find([*films, video("one", moment, **large)]).pairs() == {}
    most = video("most", films[0]["phashes"][:30], **large)
    assert find([*films, most]).pairs() == {"film0": "most"}


def test_sizes_decide_who_stays(find, video):
    clips = [video("a", hashes(1)), video("b", flipped(hashes(1), 4), width=1280, height=720)]
    assert find(clips).pairs() == {"a": "b"}
    assert find(clips, 'dedup.keep=["earliest"]').pairs() == {"b": "a"}


def test_one_source_is_never_its_own_duplicate_but_its_copy_is(find, video):
    still = hashes(5, 1) * 8
    found = find([video(f"{s}{i}", flipped(still, 2, seed=i), start_s=4.0 * i, source_id=s) for s in "xy" for i in range(3)])
    assert found.pairs() == {"y0": "x0", "y1": "x1", "y2": "x2"}
    assert {row["method"] for row in found.values()} == {"exact"}


def test_black_clips_do_not_glue_and_equal_bytes_of_them_are_equal(find, video):
    black = {"luma_std": 1.0}
    clips = [video(f"black{i}", hashes(9), source_sha256=f"{i // 2}", **black) for i in range(4)]
    clips += [video(f"flat{i}", [0] * 8) for i in range(3)]
    assert find(clips).pairs() == {"black1": "black0", "black3": "black2"}


def test_a_picture_of_a_video_and_a_clip_of_one_frame(find, video):
    clips = [video("video", hashes(1)), video("picture", hashes(1)[2:3], modality="image"), video("frame", hashes(1)[3:4])]
    assert find(clips).pairs() == {"frame": "video"}
    assert find([video("a", None or []), video("b", [])]).pairs() == {}


def test_the_same_frames_in_another_container_are_equal(find, video):
    found = find([video("a", hashes(1)), video("b", hashes(1)), video("c", hashes(1), sharpness=9.9999999)])
    assert {loser: (row["keeper_id"], row["method"]) for loser, row in found.items()} == {
        "b": ("a", "exact"), "c": ("a", "perceptual")}
    found = find([video("a", hashes(1)), video("b", hashes(1)), video("c", hashes(1), sharpness=11.0)])
    assert found["b"]["evidence"] == "b -exact 1- a -perceptual 1- c"


def test_sound_is_the_same_after_a_shift_and_other_sound_is_not(find, clip, fingerprint):
    words = fingerprint(4, 100)
    kept = fingerprint(5, 80) | fingerprint(6, 80) | fingerprint(7, 80)  # all but a few bits
    other = fingerprint(8, 100)

    def sound(clip_id, values):
        return clip(clip_id, modality="audio", audio_fingerprint=values.tolist(), duration_s=len(values) / 16)

    silence = np.zeros(200, np.uint32)
    found = find([sound("a", words), sound("b", words[40:] & np.resize(kept, 160)), sound("c", other), sound("d", silence), sound("e", silence)])
    assert found.pairs() == {"b": "a"}
    assert found["b"]["method"] == "audio"
    share = np.bitwise_count(words[40:] & np.resize(kept, 160)).sum() / np.bitwise_count(words[40:]).sum()
    assert found["b"]["score"] == pytest.approx(share**0.5)  # of bits that all agree, the geometric mean of both shares
    assert found["b"]["offset_s"] == pytest.approx(-20 / 8)


def mixed(clip, video):
    rng = np.random.default_rng(0)
    words = LONG.split()
    clips = []
    for i in range(120):
        text = clips[-1]["text"].split() if i % 3 else [words[j] for j in rng.integers(len(words), size=30)]
        if i % 3 == 1:
            text[3] = "changed"
        clips.append(clip(f"{rng.integers(2**60):032x}", text=" ".join(text), text_chars=int(rng.integers(100))))
    for i in range(60):
        copy = flipped(hashes(i // 3), 2 * (i % 5), seed=i)
        clips.append(video(f"{rng.integers(2**60):032x}", copy, caption=LONG + "x" * (i % 7)))
    return clips


def test_the_rows_do_not_depend_on_how_the_input_is_cut(lake_run, deduped, clip, video):
    clips = mixed(clip, video)
    wanted = dict(deduped(lake_run(clips)))
    assert len(wanted) > 60
    for pieces, parts in ((3, 1), (7, 5), (180, 2)):
        run = lake_run(clips[::-1], pieces=pieces)
        recipe = run.settings.recipe.dedup
        nodes = dedup_job.nodes_of(run.parents["clips"], run.parents["rejects"], recipe)
        assert {nodes.clips[name].type for name in ("clip_id", "source_id")} == {pa.large_string()}, "67 million ids fill a `string`"
        head = dedup_job.equal(nodes, dedup_job.here, parts)
        edges = dedup_job.edges_of(nodes, head, recipe, dedup_job.here, parts)
        tables = [p.tables["duplicates"] for p in dedup_job.verdicts(nodes, head, edges, run) if p.tables]
        rows = {row["loser_id"]: row for table in tables for row in table.to_pylist()}
        assert rows == wanted


@pytest.mark.spark
def test_spark_gives_the_same_rows(lake_run, deduped, clip, video, monkeypatch):
    clips = mixed(clip, video)
    wanted = deduped(lake_run(clips))
    monkeypatch.setattr(dedup_job, "SMALL", 0)
    monkeypatch.setattr(dedup_job, "BYTES_PER_PART", 200_000)
    monkeypatch.setattr(dedup_job, "PAIRS_PER_SHARE", 20)
    monkeypatch.setattr(dedup_job, "LOSERS_PER_PART", 7)
    monkeypatch.setattr(dedup_job, "DRIVER_PAIRS", 0)
    assert dict(deduped(lake_run(clips, pieces=4))) == dict(wanted)


def grams(text):
    words = text.split()
    return {tuple(words[i:i + 3]) for i in range(len(words) - 2)}


def alike(a, b):
    return len(grams(a) & grams(b)) / len(grams(a) | grams(b))


def drift(rng):
    """A window that slides over a text, a word at a time: neighbours are near, and the ends have nothing in common."""
    return [" ".join(f"word{j}" for j in range(i, i + 44)) for i in range(300)]


def bridged(rng):
    """Two families that differ too much, and one text between them that is near to all of both."""
    base = [f"word{i}" for i in range(100)]

    def text(changed, own):
        words = [f"new{i}" if i in changed else w for i, w in enumerate(base)]
        words[own] = f"own{own}"
        return " ".join(words)

    return [*(text({30, 31, 32, 33}, i) for i in range(90, 99)), text({30, 31, 32, 33, 40, 41, 42}, 99), *(text({40, 41, 42, 43, 44, 45}, i) for i in range(80, 89))]


@pytest.mark.parametrize("family", [drift, bridged])
@pytest.mark.parametrize("seed", range(4))
def test_a_loser_resembles_its_keeper_and_no_two_alike_stay_whatever_joins_them(find, clip, family, seed):
    rng = np.random.default_rng(seed)
    texts = family(rng)
    ids = [f"{i:04d}" for i in rng.permutation(len(texts))]
    of = dict(zip(ids, texts, strict=True))
    found = find([clip(i, text=t, text_chars=int(rng.integers(1000))) for i, t in of.items()])
    for loser, row in found.items():
        assert row["score"] == pytest.approx(alike(of[loser], of[row["keeper_id"]]))
        assert row["score"] >= 0.8
    stay = sorted(set(of) - set(found))
    assert [(a, b) for a in stay for b in stay if a < b and alike(of[a], of[b]) >= 0.86] == []  # bands find the nearer ones surely
    if family is drift:
        assert len({row["cluster_id"] for row in found.values()}) <= 2  # nearly all of it hangs together
        assert len(stay) > 300 / 10


def test_videos_that_drift_leave_keepers_that_losers_resemble(find, video):
    rng = np.random.default_rng(3)
    order, at, clips = [rng.permutation(64) for _ in range(8)], hashes(3), {}
    for i in range(40):
        at = [h ^ (1 << int(order[k][(2 * i) % 64])) ^ (1 << int(order[k][(2 * i + 1) % 64])) for k, h in enumerate(at)]
        clips[f"{i:02d}"] = at
    found = find([video(i, h, sharpness=float(rng.integers(100))) for i, h in clips.items()])
    assert len(found) > 20
    for loser, row in found.items():
        apart = [(a ^ b).bit_count() for a, b in zip(clips[loser], clips[row["keeper_id"]], strict=True)]
        assert np.mean(apart) <= 14  # as far as a loose proof goes where all samples agree
    assert len(clips) - len(found) >= 4


def test_odd_captions_are_no_trouble(find, video, clip):
    odd = [None, "", " ", "x", "😀 " * 20, "\u202eאבג abc\u202c " * 8, "e\u0301 " * 20, "日" * 3_400_000, "一二三四五六七八", "\x00\x00"]
    clips = [video(f"{i}{side}", hashes(2 * i + (side == "b")), caption=c) for i, c in enumerate(odd) for side in "ab"]
    clips += [clip(f"{i}sound{side}", modality="audio", caption=c) for i, c in enumerate(odd) for side in "ab"]
    counts = [i for i, c in enumerate(odd) if i in (5, 6, 7, 8)]  # those of eight words and more
    assert find(clips).pairs() == {f"{i}soundb": f"{i}sounda" for i in counts}


@pytest.mark.parametrize("kind", [kind for kind in KINDS.values() if kind.meet is not None], ids=lambda kind: kind.name)
@pytest.mark.parametrize("buckets", [1, 40])
def test_clips_of_earlier_releases_do_not_meet_one_another(kind, buckets):
    """So an increment costs what is new; what a new clip meets does not change."""
    rng, recipe = np.random.default_rng(buckets), load([]).recipe.dedup
    rows = np.column_stack([rng.integers(buckets, size=600), rng.integers(400, size=600), rng.integers(0, 2**5, size=600)]).astype(np.uint64)
    src, dst = kind.meet(rows[:, :kind.width], recipe, 0)
    for known in (0, 300, 399, 400):
        assert [of.tolist() for of in kind.meet(rows[:, :kind.width], recipe, known)] == [src[dst >= known].tolist(), dst[dst >= known].tolist()]
    assert 0 < (dst >= 300).sum() < len(dst)


def test_parts_hold_what_fits_into_memory():
    def parts(modality, count, span_s, *sets):
        codes = np.zeros(count, np.int32)
        clips = pa.table({"duration_s": np.full(count, span_s)})
        nodes = Nodes(clips, codes, codes, (modality,), np.arange(count), None)
        return dedup_job.parts_of(nodes, load(sets).recipe.dedup)

    rows = 200_000 * 60 * 28 * 24
    assert 100 <= rows // (64 << 20) <= parts("video", 200_000, 10.0) <= 200
    assert parts("video", 20_000, 10.0, "dedup.turned=true") >= 8 * 10
    assert parts("text", 200_000, 0.0) <= 2
    assert parts("text", 0, 0.0) == 1


def test_methods_not_asked_for_are_not_used(find, clip, video):
    clips = [clip("a", text=LONG), clip("b", text=LONG), video("c", hashes(1)), video("d", flipped(hashes(1), 2))]
    assert find(clips, 'dedup.methods=["exact"]').pairs() == {"b": "a"}
    assert find(clips, 'dedup.methods=["perceptual"]').pairs() == {"d": "c"}
    assert find(clips, 'dedup.methods=["minhash"]')["b"]["method"] == "minhash"


BOUNDS = {"threshold": (1e-6, 1), "recall_weight": (0, 1), "phash_share": (1e-6, 1), "permutations": (16, 256), "shingle": (1, 8),
          "min_caption_words": (1, 1000), "hamming": (0, 16)}


@pytest.mark.parametrize(("setting", "value"), [(s, v) for s, values in BOUNDS.items() for v in values])
def test_every_setting_that_is_accepted_runs_and_lets_no_two_go_that_share_nothing(find, clip, video, setting, value):
    clips = [clip("a", text=LONG), clip("b", text=LONG), clip("c", text="nothing of this stands there"),
             video("d", hashes(1)), video("e", hashes(1), sharpness=9.0), video("f", [*hashes(1, 1), *hashes(2, 7)], start_s=90.0)]
    pairs = find(clips, f"dedup.{setting}={value}").pairs()
    assert pairs.pop("f", None) == ("d" if (setting, value) == ("phash_share", 1e-6) else None)
    assert pairs == {"b": "a", "e": "d"}


@pytest.mark.parametrize("setting", ["threshold", "phash_share", "cosine"])
def test_a_threshold_that_all_pairs_reach_is_refused(setting):
    with pytest.raises(SettingsError, match=setting):
        load([f"dedup.{setting}=0"])


@pytest.mark.parametrize("order", permutations("abc"))
def test_a_chain_keeps_both_ends(find, clip, order):
    base = [f"word{i}" for i in range(44)]

    def text(swapped):
        return " ".join(f"new{i}" if i in swapped else w for i, w in enumerate(base))

    texts = {"a": text({0, 1}), "b": text({}), "c": text({42, 43})}
    found = find([clip(i, text=texts[i], text_chars=9 - order.index(i)) for i in "abc"], "dedup.threshold=0.88")
    best = order[0]
    assert found.pairs() == ({"a": "b", "c": "b"} if best == "b" else {"b": best})

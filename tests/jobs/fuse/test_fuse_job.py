"""Fuse on a small lake: rows add up, media open, what cannot be used leaves with its reason."""

import io

import av
import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from jobs.errors import Terminal, Transient
from jobs.fuse.join import verdict
from jobs.fuse.takedown import takedown
from jobs.media.cut import cut_clip
from schemas import CLIPS, DUPLICATES, LABELS, SAMPLES
from schemas.settings import Label


def rows(samples):
    return {row["sample_id"]: row for row in samples.read().to_pylist()}


def test_every_survivor_is_a_sample_with_its_media(corpus):
    samples = corpus.fuse()
    found = rows(samples)
    assert samples.manifest["seen"] == samples.manifest["kept"] == len(corpus.clips) - 1 == len(found)
    assert corpus.clips[1]["clip_id"] not in found
    for clip in corpus.clips:
        if (row := found.get(clip["clip_id"])) is None:
            continue
        filled = {name for name in ("video", "image", "audio", "text") if row[name] is not None}
        assert filled == {"video": {"video", "audio"}, "image": {"image"}, "audio": {"audio"}, "text": {"text"}}[row["modality"]]
        assert row["similarity"] == pytest.approx(0.3)
        assert [float(x) for x in row["embedding"]] == pytest.approx([0.6, 0.8], abs=1e-3)
        assert {"clip_tags", "clip_text_similarity", "language"} == {tag["labeler"] for tag in row["labels"]}
        assert row["lang"] == "en"
        assert row["uri"] == next(s["uri"] for s in corpus.sources if s["source_id"] == row["source_id"])


def test_videos_are_cut_to_their_span_and_pictures_keep_their_bytes_or_become_png(corpus):
    found = rows(corpus.fuse())
    for row in found.values():
        if row["modality"] == "video":
            with av.open(io.BytesIO(row["video"])) as container:
                frames = sum(1 for _ in container.decode(video=0))
            assert frames == 24
            assert row["cut"] in ("smart", "encode")
            assert row["cut_start_s"] == pytest.approx(row["start_s"], abs=0.05)
    pictures = {row["uri"].rsplit(".", 1)[1]: row for row in found.values() if row["modality"] == "image"}
    assert pictures["png"]["image"] == (corpus.folder / "p.png").read_bytes()
    assert pictures["tiff"]["media_type"] == "image/png"
    assert Image.open(io.BytesIO(pictures["tiff"]["image"])).size == (60, 40)


def test_the_same_input_gives_the_same_bytes(corpus):
    first = [f["sha256"] for f in corpus.fuse().manifest["files"]]
    corpus.lake.remove("samples")
    assert [f["sha256"] for f in corpus.fuse().manifest["files"]] == first


def test_range_stores_spans_and_no_media(corpus):
    found = rows(corpus.fuse(fuse__cut="range"))
    assert all(row["video"] is row["audio"] is row["image"] is None for row in found.values())


def test_a_source_that_changed_is_unreadable_and_one_that_cannot_be_cut_is_uncuttable(corpus):
    (corpus.folder / "v0.mp4").write_bytes((corpus.folder / "v0.mp4").read_bytes()[:-10] + b"0123456789")
    (corpus.folder / "p.png").unlink()
    late = next(c for c in corpus.clips if c["source_id"] == corpus.sources[2]["source_id"])
    late |= {"start_s": 90.0, "end_s": 92.0}
    corpus.put(CLIPS, corpus.clips, "other")
    samples = corpus.fuse()
    why = {row["sample_id"]: (row["reason"], row["detail"]) for row in corpus.rejects(samples)}
    of = {c["clip_id"]: c["source_id"] for c in corpus.clips}
    reasons = sorted((of[i], reason) for i, (reason, _) in why.items())
    assert reasons == sorted(
        [
            (corpus.sources[0]["source_id"], "unreadable"),
            (corpus.sources[4]["source_id"], "unreadable"),
            (corpus.sources[2]["source_id"], "uncuttable"),
        ]
    )
    assert any("v0.mp4" in detail and "collect" in detail for _, detail in why.values())
    assert samples.manifest["seen"] == samples.manifest["kept"] + len(why)


def test_sources_that_are_away_for_a_moment_are_not_lost(corpus):
    away = corpus.folder.with_name("away")
    corpus.folder.rename(away)
    with pytest.raises(Transient, match="is a disk away"):
        corpus.fuse()
    corpus.folder.mkdir()  # as the place of a disk that is not mounted
    with pytest.raises(Transient, match="is a disk away"):
        corpus.fuse()
    corpus.folder.rmdir()
    away.rename(corpus.folder)
    assert corpus.fuse().manifest["kept"] == len(corpus.clips) - 1


def test_a_folder_that_goes_while_its_sources_are_cut_is_away_too(corpus, monkeypatch):
    def cut(*arguments):
        corpus.folder.rename(corpus.folder.with_name("away"))
        return cut_clip(*arguments)

    monkeypatch.setattr("jobs.fuse.media.cut_clip", cut)
    with pytest.raises(Transient, match="is a disk away"):
        corpus.fuse()


def test_thresholds_on_labels_drop_with_their_numbers(corpus):
    with pytest.raises(Exception, match="kept nothing"):
        corpus.fuse(label__min_similarity=0.5)
    samples = corpus.fuse(label__min_similarity=0.2)
    assert corpus.rejects(samples) == []


def test_a_threshold_that_nothing_was_labelled_for_is_refused(corpus):
    """`verdict` lets pass what it knows nothing of: everything."""
    rows = corpus.parents["labels"].read().to_pylist()
    corpus.put(LABELS, [row for row in rows if row["labeler"] == "language"], "few")
    for name, labeler in (("min_similarity", "clip_text_similarity"), ("min_consistency", "clip_embedding"), ("max_unsafe", "safety")):
        with pytest.raises(Terminal, match=rf"label\.{name}=0.1 would let everything pass: the labeler {labeler} did not run"):
            corpus.fuse(**{f"label__{name}": 0.1})
    words = {**rows[0], "labeler": "safety", "key": "blocked_word", "text": "porn", "vector": None}
    corpus.put(LABELS, [*rows, words], "words")  # as without a model
    with pytest.raises(Terminal, match=r"label\.max_unsafe=0.1 would let everything pass: no picture was looked at; name a label.safety_model"):
        corpus.fuse(label__max_unsafe=0.1)
    corpus.put(LABELS, [*rows, {**words, "key": "unsafe", "score": 0.05}], "looked-at")
    samples = corpus.fuse(label__max_unsafe=0.1, label__min_consistency=0.1)  # the second labeler ran, and said nothing of it
    unseen = {row["sample_id"] for row in corpus.rejects(samples) if row["reason"] == "unsafe"}
    pictures = {c["clip_id"] for c in corpus.clips if c["modality"] in ("video", "image")} - {words["clip_id"]}
    assert unseen == pictures - {row["sample_id"] for row in corpus.parents["rejects"].read().to_pylist()} != set()
    corpus.put(CLIPS, [c for c in corpus.clips if c["modality"] == "text"], "texts")
    corpus.put(LABELS, [*rows, words], "words")
    corpus.fuse(label__max_unsafe=0.1)


def test_a_clip_whose_frames_do_not_hold_together_is_dropped_for_the_cut_that_was_missed():
    def verdict_of(consistency, **settings):
        labels = [{"labeler": "clip_embedding", "key": "consistency", "score": consistency, "text": None}]
        return verdict({}, labels, Label(**settings))

    assert verdict_of(0.3) is None
    assert verdict_of(0.9, min_consistency=0.8) is None
    found = verdict_of(0.3, min_consistency=0.8)
    assert (found.check, found.reason, found.value, found.op, found.threshold) == ("clip_embedding", "missed_cut", 0.3, "<", 0.8)


@pytest.mark.parametrize(("labeler", "key"), [("ocr", "text"), ("transcript", "text"), ("caption", "en"), ("caption", "zh")])
def test_a_blocked_word_that_is_read_heard_or_said_of_a_clip_drops_it(labeler, key):
    def verdict_of(text, **settings):
        return verdict({}, [{"labeler": labeler, "key": key, "score": None, "text": text}], Label(**settings))

    assert verdict_of("open all day\n营业中 Essex") is None
    assert verdict_of(None) is None
    for found in (verdict_of("join us\nFREE PORN HERE"), verdict_of("open all day", blocklist=("all day",))):
        assert (found.check, found.reason) == ("safety_words", "unsafe")
    assert verdict({}, [{"labeler": "ocr", "key": "boxes", "score": 1.0, "text": '[["porn"]]'}], Label()) is None


def test_engagement_follows_behaviour_and_is_null_without_it(corpus):
    found = rows(corpus.fuse())
    by_source = {row["source_id"]: row["engagement"] for row in found.values()}
    liked, ignored = (by_source[corpus.sources[n]["source_id"]] for n in (0, 1))
    assert 0 <= ignored < liked <= 1
    assert by_source[corpus.sources[2]["source_id"]] is None
    strict = rows(corpus.fuse(collect__k_anonymity=100, fuse__crf=21))
    assert all(row["engagement"] is None for row in strict.values())


def test_shards_are_cut_by_bytes_and_hold_one_split(corpus):
    samples = corpus.fuse(fuse__shard_bytes=1 << 20, fuse__validation_share=0.5)
    by_shard = [set(pq.read_table(p, columns=["split"])["split"].to_pylist()) for p in samples.files()]
    assert all(len(splits) == 1 for splits in by_shard)
    assert {"train", "validation"} == set().union(*by_shard)


@pytest.mark.parametrize(("kind", "container", "pictures"), [("JPEG", "jpeg", 20), ("TIFF", "tiff", 6)])
def test_shards_keep_to_their_size_where_pictures_lose_their_place_or_become_png(corpus, kind, container, pictures):
    exif = Image.Exif()
    exif[0x8825] = {1: "N", 2: (29.0, 39.0, 5.76)}
    files, more = {}, {"exif": exif} if kind == "JPEG" else {"compression": "jpeg", "quality": 30}
    for n in range(pictures):
        sink, fine = io.BytesIO(), np.random.default_rng(n).integers(0, 255, (48, 64, 3), np.uint8)
        noisy = np.asarray(Image.fromarray(fine).resize((640, 480))) // 2 + np.random.default_rng(n).integers(0, 90, (480, 640, 3), np.uint8)
        Image.fromarray(noisy).save(sink, kind, **more)
        files[f"q{n}"] = sink.getvalue()
    corpus.pictures(files, container=container, width=640, height=480)
    samples = corpus.fuse(fuse__shard_bytes=1 << 20)
    sizes = [f["bytes"] for f in samples.manifest["files"]]
    assert len(sizes) > 1
    assert max(sizes) < 2 << 20
    assert samples.rows == pictures


def test_duplicates_and_clips_of_one_source_share_a_split(corpus):
    keeper, loser = corpus.clips[0]["clip_id"], corpus.clips[4]["clip_id"]
    corpus.put(DUPLICATES, [{"loser_id": loser, "keeper_id": keeper, "method": "perceptual", "score": 0.9, "cluster_id": keeper}], "dups")
    found = rows(corpus.fuse(fuse__validation_share=0.5))
    split = {}
    for row in found.values():
        split.setdefault(row["source_id"], set()).add(row["split"])
    assert all(len(s) == 1 for s in split.values())
    assert split[corpus.sources[0]["source_id"]] == split[corpus.sources[2]["source_id"]]


def test_row_groups_are_as_large_as_the_settings_say(corpus):
    def groups(samples):
        return [piece.rows for piece in samples.slices()]

    coarse, fine = corpus.fuse(), corpus.fuse(fuse__row_group_bytes=1 << 16)
    assert sum(groups(coarse)) == sum(groups(fine))
    assert len(groups(coarse)) == len(coarse.files())
    assert len(groups(fine)) > len(groups(coarse))
    report = takedown(corpus.lake, corpus.sources[3]["source_id"])
    left = corpus.lake.version(SAMPLES, corpus.lake.current("fuse"))
    assert report["samples"]
    assert len(groups(left)) > len(left.files())

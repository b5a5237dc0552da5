"""Two batches, the second against the index of the first, decide as both at once in that order; an index can be refused,
forgotten in part and dropped."""

import io
import shutil
from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from jobs.clean.measures.phash import VIEWS, hashes
from jobs.dedup import embeddings, index
from jobs.dedup import job as dedup_job
from jobs.errors import Terminal
from jobs.lake import Lake
from schemas.loading import load

WORDS = [f"word{i}" for i in range(300)]


def batch(clip, fingerprint, first, count, rng):
    """Texts, videos and sound; every third is close to one with a lesser number, of either batch."""
    made = []
    for i in range(first, first + count):
        model = int(rng.integers(max(1, i))) if i % 3 == 0 else i
        seeded = np.random.default_rng(model)
        words = [WORDS[j] for j in seeded.integers(300, size=40)]
        ones = sum(1 << int(b) for b in seeded.permutation(64)[:32])
        hashes = [(ones * (2 * k + 1)) % 2**64 for k in range(8)]
        sound = fingerprint(model, 40)
        if model != i and i % 2:
            words[int(rng.integers(40))] = "other"
            hashes = [h ^ 1 << int(rng.integers(64)) for h in hashes]
            sound = sound[10:]
        made.append(clip(f"text{i:05d}", text=" ".join(words)))
        made.append(clip(f"video{i:05d}", modality="video", phashes=hashes, phash_times_s=[k / 2 for k in range(8)], luma_std=40.0,
                         start_s=float(i), end_s=i + 4.0, duration_s=4.0, caption=" ".join(words[:12])))
        made.append(clip(f"sound{i:05d}", modality="audio", audio_fingerprint=sound.tolist(), duration_s=len(sound) / 16))
    return made


@pytest.fixture
def two_batches(clip, fingerprint):
    rng = np.random.default_rng(5)
    return batch(clip, fingerprint, 0, 60, rng), batch(clip, fingerprint, 60, 60, rng)


EARLIEST = 'dedup.keep=["earliest"]'


def sequence(lake_run, deduped, one, two, *sets):
    """What the first batch loses, and what the second loses against it; the run of the second."""
    first = lake_run(one, *sets, pieces=3)
    before = deduped(first)
    recipe = first.settings.recipe.dedup
    left = lake_run(one, *sets, pieces=3, rejected=sorted(before))
    second = lake_run(two, *sets, "dedup.across_releases=true", pieces=2)
    clips = replace(left.parents["clips"], fingerprint="of the first batch")
    clips.lake.fs.mv(clips.lake.path("clips", "given"), clips.lake.path("clips", clips.fingerprint), recursive=True)
    dedup_job.remember(second.lake, "2026-01", clips, left.parents["rejects"], recipe, first.settings.recipe.label)
    second.lake.write_json({}, index.RELEASES, "2026-01", index.RELEASE)
    return before, second


def test_two_batches_in_turn_are_both_at_once(lake_run, deduped, two_batches):
    one, two = two_batches
    renamed = [row | {"clip_id": f"b-{row['clip_id']}", "source_id": f"b-{row['source_id']}"} for row in two]
    first = [row | {"clip_id": f"a-{row['clip_id']}", "source_id": f"a-{row['source_id']}"} for row in one]
    at_once = deduped(lake_run(first + renamed, EARLIEST))
    before, second = sequence(lake_run, deduped, first, renamed, EARLIEST)
    after = deduped(second)
    assert {**before.pairs(), **after.pairs()} == at_once.pairs()
    assert after.seen == len(renamed)
    across = [row for row in after.values() if row["keeper_id"].startswith("a-")]
    assert len(across) > 20
    assert {row["method"] for row in across} == {"exact", "minhash", "perceptual", "audio"}
    assert {row["matched_in"] for row in across} == {"2026-01"}
    assert {row["matched_in"] for row in after.values() if row["keeper_id"].startswith("b-")} == {None}


def model_of(number):
    """The picture that one is a copy of."""
    return number - 40 if number >= 40 and number % 6 in (1, 2) else number


class Meaning:
    """A labeler for whom pictures whose numbers differ by a multiple of 37 mean about the same."""

    def model(self, label):
        return "fake"

    def identity(self, label, model):
        return "1/fake"

    def load(self, label, device):
        return None

    def label(self, state, batch):
        for row in batch.rows:
            number = model_of(int(row["clip_id"][-5:]))
            vector = np.random.default_rng(number % 37).normal(size=16) + 0.01 * np.random.default_rng(number).normal(size=16)
            yield Vector(row["clip_id"], vector.astype(np.float16))


class Vector(NamedTuple):
    clip_id: str
    vector: np.ndarray


def pictures(clip, prefix, first, count):
    """Pictures with stored frames: of every six one has a copy with a logo, one an equal, and others mean the same."""
    made = []
    for i in range(first, first + count):
        model = model_of(i)
        rng = np.random.default_rng(model)
        luma = cv2.resize(rng.integers(0, 256, (12, 16), np.uint8), (224, 168), interpolation=cv2.INTER_CUBIC)
        if model != i and i % 6 == 1:
            luma = cv2.rectangle(luma, (160, 8), (214, 34), 255, -1)
        sink = io.BytesIO()
        Image.fromarray(luma).save(sink, "JPEG", quality=85)
        seen = np.ascontiguousarray(cv2.resize(luma, (149, 112), interpolation=cv2.INTER_AREA))
        made.append(clip(f"{prefix}{i:05d}", modality="image", source_id=f"{prefix}{i}", luma_std=40.0, phashes=list(hashes(seen)),
                         phash_times_s=[0.0] * VIEWS, frames=[{"t_s": 0.0, "jpeg": sink.getvalue()}]))
    return made


def test_two_batches_of_pictures_in_turn_are_both_at_once_by_every_method(lake_run, deduped, clip, monkeypatch):
    monkeypatch.setattr(embeddings, "labelers", lambda: {embeddings.LABELER: Meaning()})
    monkeypatch.setattr(dedup_job, "on_spark", lambda spark: dedup_job.here)  # the labeler stands in this process only
    monkeypatch.setattr("jobs.spark.session", lambda runtime: None)
    monkeypatch.setattr(embeddings, "_loaded", lambda label, device: None)
    sets = EARLIEST, 'dedup.methods=["exact","perceptual","semantic"]', "dedup.cosine=0.99"
    one, two = pictures(clip, "a-", 0, 60), pictures(clip, "b-", 60, 60)
    at_once = deduped(lake_run(one + two, *sets))
    before, second = sequence(lake_run, deduped, one, two, *sets)
    after = deduped(second)
    assert {**before.pairs(), **after.pairs()} == at_once.pairs()
    across = [row["method"] for row in after.values() if row["keeper_id"].startswith("a-")]
    assert set(across) == {"exact", "perceptual", "semantic"}
    assert {row["method"] for row in at_once.values()} == set(across)


def test_the_same_clips_again_lose_nothing_to_themselves(lake_run, deduped, two_batches):
    one, _ = two_batches
    before, second = sequence(lake_run, deduped, one, one, EARLIEST)
    assert set(deduped(second)) == set(before)


def test_a_source_that_was_taken_down_and_a_dropped_release_no_longer_count(lake_run, deduped, clip):
    one, two = [clip("a", text="the tide came in")], [clip("b", text="the tide came in")]
    _, second = sequence(lake_run, deduped, one, two)
    assert deduped(second).pairs() == {"b": "a"}
    known = index.state(second.lake)
    assert index.forget(second.lake, {"source-a"}) == ["2026-01"]
    assert index.forget(second.lake, {"source-a", "source-z"}) == []
    assert deduped(second).pairs() == {}
    assert index.state(second.lake) != known


@pytest.mark.parametrize("gone", ["release", "index"])
def test_a_dropped_release_no_longer_counts(lake_run, deduped, clip, gone):
    _, second = sequence(lake_run, deduped, [clip("a", text="the tide came in")], [clip("b", text="the tide came in")])
    if gone == "release":
        second.lake.remove(index.RELEASES, "2026-01")
    else:
        index.drop(second.lake, "2026-01")
    assert index.state(second.lake) == {}
    assert deduped(second).pairs() == {}
    dedup_job.remember(second.lake, "2026-02", second.parents["clips"], second.parents["rejects"], second.settings.recipe.dedup)
    assert second.lake.names(index.FOLDER) == ["2026-02"]


def test_a_clip_of_several_releases_counts_once_and_a_release_of_the_same_clips_not_at_all(lake_run, deduped, clip):
    texts = [clip("a", text="the tide came in"), clip("c", text="something else")]
    _, second = sequence(lake_run, deduped, texts, [clip("b", text="the tide came in")])
    recipe, lake = second.settings.recipe.dedup, second.lake
    once = [(part.release, part.clips["clip_id"].take(part.taking_part).to_pylist()) for part in index.standing(lake, recipe)]
    assert once == [("2026-01", ["a"]), ("2026-01", ["c"])]
    shutil.copytree(lake.path(index.FOLDER, "2026-01"), lake.path(index.FOLDER, "2026-02"))
    lake.write_json({}, index.RELEASES, "2026-02", index.RELEASE)
    assert [(part.release, len(part.taking_part)) for part in index.standing(lake, recipe)] == [
        ("2026-01", 1), ("2026-01", 1), ("2026-02", 0), ("2026-02", 0)]
    assert {row["matched_in"] for row in deduped(second).values()} == {"2026-01"}
    assert index.standing(lake, recipe, "of the first batch") == []
    assert index.state(lake, "of the first batch") == {}


def test_ids_of_earlier_releases_may_take_more_than_a_string_holds():
    """67 million ids of 32 characters fill 2 GiB; here one of 64 MiB does, which is in memory once."""
    clips = pa.table({"clip_id": pa.array(["x" * (64 << 20)])})
    part = index.Standing("", "r", "p", clips, np.zeros(1, np.int64), 0, {}, 1)
    assert [len(each.taking_part) for each in index._each_once([part] * 33)] == [1] + [0] * 32


@pytest.mark.parametrize(("setting", "named"), [("dedup.shingle=2", "shingle is 3 there and 2 here"),
                                                ("dedup.permutations=64", "permutations is 128 there and 64 here"),
                                                ("dedup.threshold=0.7", "rows is 7 there and 5 here")])
def test_an_index_of_other_parameters_is_refused(lake_run, deduped, clip, setting, named):
    _, second = sequence(lake_run, deduped, [clip("a", text="x")], [clip("b", text="x")])
    with pytest.raises(Terminal, match=named):
        index.standing(second.lake, load([setting]).recipe.dedup)


def test_the_index_bears_the_identity_of_a_version_only_when_it_is_asked_for(tmp_path):
    settings = load([f"runtime.lake={tmp_path}"])
    assert dedup_job.DEDUP.outside(settings) == {}
    lake = Lake(str(tmp_path))
    lake.write_json({"parameters": {}, "parts": [], "gone": [], "clips": "c"}, index.FOLDER, "r", index.FACTS)
    lake.write_json({}, index.RELEASES, "r", index.RELEASE)
    assert dedup_job.DEDUP.outside(settings) == {}
    assert set(dedup_job.DEDUP.outside(load([f"runtime.lake={tmp_path}", "dedup.across_releases=true"]))) == {"index@r"}

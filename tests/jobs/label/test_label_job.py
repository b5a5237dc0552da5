"""The job as a whole on a small lake: who is labelled, what is copied, and that the bytes do not depend on the way there."""

import math
import os

import pyarrow.parquet as pq
import pytest

from jobs.errors import Terminal
from jobs.label.job import LABEL, outside, widths
from jobs.label.plan import same_measuring
from jobs.lake import Lake, Version
from schemas import CLIPS, LABELS, REJECTS
from schemas.loading import load
from schemas.settings import Settings


@pytest.fixture
def settings(corpus, random_clip, tmp_path, monkeypatch):
    monkeypatch.setenv("REELMILL_CACHE", str(tmp_path / "cache"))

    def make(**sets) -> Settings:
        words = {"label.clip_model": f"local-dir:{random_clip}", "lake": corpus[0].root, "device": "cpu", "label.batch": 4} | sets
        return load([f"{k}={v}" for k, v in words.items()], env={})

    return make


def digests(lake: Lake, run) -> dict[str, str]:
    return {f["path"]: f["sha256"] for f in lake.version(LABELS, run.fingerprint).manifest["files"]}


def test_survivors_are_labelled_and_rejected_clips_are_not(corpus, settings, kit):
    lake, parents = corpus
    run = kit.execute(LABEL, lake, settings(), parents)
    labels = lake.version(LABELS, run.fingerprint)
    assert labels.manifest["seen"] == labels.manifest["kept"] == 9
    table = labels.read()
    gone = parents["rejects"].read()["sample_id"].to_pylist()
    assert set(table["clip_id"].to_pylist()) == set(parents["clips"].read(["clip_id"])["clip_id"].to_pylist()) - set(gone)
    assert {"clip_tags", "clip_embedding", "clip_text_similarity", "language", "motion_class", "quality"} <= set(
        table["labeler"].to_pylist()
    )
    rows = table.to_pylist()
    for row in rows:
        if row["labeler"].startswith("clip_"):
            assert row["model"].startswith("local-dir:")
            assert len(row["revision"]) == 12
    vector = next(r["vector"] for r in rows if r["key"] == "embedding")
    assert sum(float(x) ** 2 for x in vector) == pytest.approx(1, abs=2e-3)
    keys = [(r["clip_id"], r["labeler"], r["key"]) for r in rows]
    assert len(set(keys)) == len(keys)


def test_a_version_says_how_wide_its_vectors_are_and_none_of_another_width_comes_in(corpus, settings, kit):
    lake, parents = corpus
    run = kit.execute(LABEL, lake, settings(), parents)
    labels = lake.version(LABELS, run.fingerprint)
    told = {(m["labeler"], m["vector_width"]) for m in labels.manifest["measured"] if "vector_width" in m}
    assert told == {("clip_embedding", 32)}
    table = labels.read()
    assert widths(table) == {"clip_embedding": 32}
    rows = table.to_pylist()
    next(r for r in rows if r["key"] == "embedding")["vector"] = [1.0]
    with pytest.raises(Terminal, match="clip_embedding have (32|1) numbers for some clips"):
        widths(LABELS.rows(rows))


def test_an_absent_labeler_is_said_in_the_manifest_and_makes_no_rows(corpus, settings, kit):
    lake, parents = corpus
    run = kit.execute(LABEL, lake, settings(), parents)
    labels = lake.version(LABELS, run.fingerprint)
    absent = {m["labeler"] for m in labels.manifest["measured"] if "absent" in m}
    assert "aesthetic" in absent
    assert not absent & set(labels.read(["labeler"])["labeler"].to_pylist())


def test_a_version_says_what_it_cost(corpus, settings, kit):
    lake, parents = corpus
    spent = lake.version(LABELS, kit.execute(LABEL, lake, settings(), parents).fingerprint).manifest["cost"]
    assert 0 < spent["cpu_s"] < 600


def test_relabelling_one_labeler_keeps_the_rows_of_the_others(corpus, settings, kit, monkeypatch):
    lake, parents = corpus
    first = lake.version(LABELS, kit.execute(LABEL, lake, settings(), parents).fingerprint).read()
    from jobs.label.labeler import labelers

    asked = []
    monkeypatch.setattr(
        "jobs.label.job._loaded",
        lambda name, label, device: (asked.append(name), labelers()[name].load(settings(**{"label.top_k": 1}).recipe.label, device))[1],
    )
    again = kit.execute(LABEL, lake, settings(**{"label.labelers": '["clip_tags"]', "label.top_k": 1}), parents)
    second = lake.version(LABELS, again.fingerprint).read()
    assert set(asked) == {"clip_tags"}
    others = [[r for r in t.to_pylist() if r["labeler"] != "clip_tags"] for t in (first, second)]
    assert others[0] == others[1]
    tags = [[r for r in t.to_pylist() if r["labeler"] == "clip_tags"] for t in (first, second)]
    assert tags[0]
    assert len(tags[1]) <= len(tags[0])


def test_a_restricted_run_repeated_has_the_same_fingerprint(corpus, settings, kit):
    lake, parents = corpus
    kit.execute(LABEL, lake, settings(), parents)
    only = settings(**{"label.labelers": '["language"]'})
    first = kit.execute(LABEL, lake, only, parents)
    assert kit.execute(LABEL, lake, only, parents).fingerprint == first.fingerprint
    assert "labeler clip_tags" in outside(only)


def test_rows_kept_over_changed_clips_are_made_anew_when_their_labeler_is_asked_for(corpus, settings, kit):
    lake, parents = corpus
    kit.execute(LABEL, lake, settings(), parents)
    more = {**parents, "clips": kit.put(lake, CLIPS, "ddd", [[kit.a_clip(n) for n in range(12)]], "measure")}
    lake.write_json({"fingerprint": "ddd"}, "_current", "measure.json")
    only = kit.execute(LABEL, lake, settings(**{"label.labelers": '["language"]'}), more)
    labels = lake.version(LABELS, only.fingerprint).read().to_pylist()
    assert len({r["clip_id"] for r in labels if r["labeler"] == "language"}) == 11
    assert len({r["clip_id"] for r in labels if r["labeler"] == "quality"}) == 9
    whole = kit.execute(LABEL, lake, settings(), more)
    labels = lake.version(LABELS, whole.fingerprint).read().to_pylist()
    assert len({r["clip_id"] for r in labels if r["labeler"] == "quality"}) == 11


def test_rows_that_are_copied_have_the_bytes_of_rows_made_from_scratch(corpus, settings, kit, tmp_path):
    lake, parents = corpus
    kit.execute(LABEL, lake, settings(), parents)
    ids = parents["clips"].read(["clip_id"])["clip_id"].to_pylist()
    fewer = {**parents, "rejects": kit.put(lake, REJECTS, "ccc", [[kit.reject(ids[0]), kit.reject(ids[5])]], "dedup")}
    copied = digests(lake, kit.execute(LABEL, lake, settings(), fewer))
    lake.remove("_current")
    lake.remove("labels")
    scratch = digests(lake, kit.execute(LABEL, lake, settings(), fewer))
    assert copied == scratch


def test_new_clips_are_labelled_and_old_ones_copied(corpus, settings, kit, monkeypatch):
    lake, parents = corpus
    kit.execute(LABEL, lake, settings(), parents)
    rows = [kit.a_clip(n) for n in range(12)]
    rows[3]["caption"] = "another caption"
    more = {**parents, "clips": kit.put(lake, CLIPS, "ddd", [rows[:4], rows[4:]], "measure")}
    run = kit.execute(LABEL, lake, settings(), more)
    labels = lake.version(LABELS, run.fingerprint)
    assert {m["clips"] for m in labels.manifest["measured"] if "clips" in m} == {3}  # two are new, one has another caption
    lake.remove("_current")
    lake.remove("labels")
    assert digests(lake, kit.execute(LABEL, lake, settings(), more)) == {f["path"]: f["sha256"] for f in labels.manifest["files"]}


def test_a_plan_reads_ids_and_no_texts_of_clips(corpus, settings, kit, monkeypatch):
    """The texts of a hundred million clips, in two versions, do not fit a driver."""
    lake, parents = corpus
    kit.execute(LABEL, lake, settings(), parents)
    more = {**parents, "clips": kit.put(lake, CLIPS, "ddd", [[kit.a_clip(n) for n in range(12)]], "measure")}
    read, before = set(), Version.read
    monkeypatch.setattr(Version, "read", lambda self, columns=None: (self.table is CLIPS and read.update(columns or ["all"]), before(self, columns))[1])
    kit.execute(LABEL, lake, settings(), more)
    assert "clip_id" in read
    assert read <= {"clip_id", "source_id"}


def test_a_labeler_asked_for_by_name_must_run(corpus, settings, kit):
    lake, parents = corpus
    with pytest.raises(Terminal, match="aesthetic"):
        kit.execute(LABEL, lake, settings(**{"label.labelers": '["aesthetic"]'}), parents)


def test_no_socket_is_opened(corpus, settings, kit, monkeypatch):
    import socket

    def refuse(*args, **kwargs):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setitem(os.environ, "HF_HUB_OFFLINE", "1")
    lake, parents = corpus
    kit.execute(LABEL, lake, settings(), parents)


def test_clips_of_an_earlier_program_are_labelled_by_what_they_have(corpus, settings, kit):
    """A lake is not built anew because a column came into the contract."""
    lake, parents = corpus
    late = ("pan_x", "pan_y", "zoom")
    for path in parents["clips"].files():
        table = pq.read_table(path)
        pq.write_table(table.drop_columns(list(late)), path)
    kit.execute(LABEL, lake, settings(), parents)
    more = {**parents, "clips": kit.put(lake, CLIPS, "ddd", [[kit.a_clip(n, pan_x=0.04, pan_y=0.0, zoom=0.0) for n in range(10)]], "measure")}
    run = kit.execute(LABEL, lake, settings(), more)
    rows = lake.version(LABELS, run.fingerprint).read().to_pylist()
    assert {r["text"] for r in rows if (r["labeler"], r["key"]) == ("motion_class", "camera")} == {"pan right"}, "they are labelled anew"


def test_clips_that_other_measurements_were_made_of_are_other_clips(kit, corpus):
    _, parents = corpus
    clips = parents["clips"].manifest
    assert same_measuring(clips, clips)
    assert same_measuring(clips, {**clips, "parents": {"sources@collect": "x"}})
    assert not same_measuring(clips, {**clips, "parents": {"measurements": "older"}})


def test_measurements_that_are_no_numbers_make_no_labels(kit, tmp_path):
    lake = Lake(str(tmp_path / "lake")).open(create=True)
    nan, names = float("nan"), ("motion", "camera_motion", "object_motion", "pan_x", "pan_y", "zoom", "speech_share", "sharpness", "luma_mean")
    rows = [kit.a_clip(0), kit.a_clip(1, **dict.fromkeys(names, nan)), kit.a_clip(2, sharpness=float("inf"))]
    parents = {"clips": kit.put(lake, CLIPS, "aaa", [rows], "measure"), "rejects": kit.put(lake, REJECTS, "bbb", [[]], "dedup")}
    settings = load(['label.labelers=["motion_class", "speech", "quality"]', f"lake={lake.root}"], env={})
    made = kit.execute(LABEL, lake, settings, parents)
    found = {}
    for row in made.lake.version(LABELS, made.fingerprint).read(["clip_id", "labeler", "key", "score"]).to_pylist():
        assert row["score"] is None or math.isfinite(row["score"])
        found.setdefault(row["clip_id"], set()).add((row["labeler"], row["key"]))
    whole, none, endless = (found[row["clip_id"]] for row in rows)
    assert {labeler for labeler, _ in whole} == {"motion_class", "quality"}
    assert {labeler for labeler, _ in none} == {"quality"}
    assert ("quality", "part/sharpness") in whole - endless - none

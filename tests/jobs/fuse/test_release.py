"""Releases: immutable, complete, readable by everybody, comparable, and able to forget a source."""

import hashlib
import json
import os
import tarfile
from unittest.mock import Mock

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from jobs.errors import Terminal
from jobs.fuse import release
from jobs.fuse.takedown import takedown
from jobs.fuse.tombstones import tombstones
from jobs.train.data import released as trained_on
from schemas import DUPLICATES, GENERATIONS, PROMPTS, PUBLICATIONS, REJECTS, SAMPLES, SOURCES
from tests.jobs.fuse.conftest import picture

CUT = {"fuse__validation_share": 0.5, "fuse__shard_bytes": 1 << 20}


@pytest.fixture
def released(corpus):
    corpus.fuse(**CUT)
    return release.release(corpus.lake)


def shards(corpus, facts):
    return [corpus.lake.url(s["path"]) for s in facts["shards"]]


def rows(corpus, facts, columns=None):
    return [row for path in shards(corpus, facts) for row in pq.read_table(path, columns=columns).to_pylist()]


def test_a_release_says_what_its_shards_hold(corpus, released):
    assert release.verify(corpus.lake, released) == []
    assert sum(s["rows"] for s in released["shards"]) == len(corpus.clips) - 1
    assert sum(sum(c.values()) for c in released["rows"].values()) == len(corpus.clips) - 1
    assert released["hours"]["video"] == pytest.approx(7 * 2 / 3600, abs=1e-6)
    assert released["parents"]["labels@label"] == corpus.parents["labels"].fingerprint
    assert {m["revision"] for m in released["models"]} == {"r" * 12}
    assert released["name"].endswith(released["fingerprint"])


def test_a_release_is_written_once_and_never_changes(corpus, released):
    before = corpus.lake.path("releases", released["name"], "release.json")
    said = open(before).read()
    assert release.release(corpus.lake) == released
    assert open(before).read() == said
    facts = json.loads(said)
    facts["made"] = "2026-01-01T00:00:00.000+00:00"  # the samples were lost and made again: the same rows, another time
    open(before, "w").write(json.dumps(facts))
    assert release.release(corpus.lake)["made"] == facts["made"]
    facts["seen"] += 1
    open(before, "w").write(json.dumps(facts))
    with pytest.raises(Terminal, match="seen"):
        release.release(corpus.lake)


def test_damage_to_a_shard_is_found(corpus, released):
    path = corpus.lake.path(released["shards"][0]["path"])
    data = open(path, "rb").read()
    open(path, "wb").write(data[:-1] + b"x")
    gone = released["shards"][1]["path"]
    os.unlink(corpus.lake.path(gone))
    assert release.verify(corpus.lake, released) == [f"{released['shards'][0]['path']}: other bytes than released", f"{gone}: missing"]


def test_it_opens_in_pyarrow_duckdb_and_datasets(corpus, released):
    import datasets
    import duckdb

    paths = shards(corpus, released)
    want = sorted(i for p in paths for i in pq.read_table(p, columns=["sample_id"])["sample_id"].to_pylist())
    got = duckdb.sql(f"select sample_id, octet_length(video) from read_parquet({paths!r})").fetchall()
    assert sorted(i for i, _ in got) == want
    loaded = datasets.load_dataset("parquet", data_files=paths, split="train", cache_dir=str(corpus.folder / "cache"))
    assert sorted(loaded["sample_id"]) == want
    row = next(r for r in loaded if r["modality"] == "video")
    assert row["video"] == next(r for r in rows(corpus, released) if r["sample_id"] == row["sample_id"])["video"]


@pytest.mark.spark
def test_it_opens_in_spark(corpus, released):
    from jobs.spark import session

    spark = session(corpus.settings().runtime)
    assert spark.read.parquet(*shards(corpus, released)).count() == len(corpus.clips) - 1


def test_webdataset_round_trip(corpus, released, tmp_path):
    import webdataset

    made = release.export_webdataset(corpus.lake, released, tmp_path / "tars")
    again = release.export_webdataset(corpus.lake, released, tmp_path / "again")
    assert [p.read_bytes() for p in made] == [p.read_bytes() for p in again]
    held = {r["sample_id"]: r for r in rows(corpus, released)}
    found = list(webdataset.WebDataset([str(p) for p in made], shardshuffle=False))
    assert {f["__key__"] for f in found} == set(held)
    for sample in found:
        row = held[sample["__key__"]]
        assert json.loads(sample["json"])["source_id"] == row["source_id"]
        if row["modality"] == "video":
            assert sample["mp4"] == row["video"]
            assert sample["m4a"] == row["audio"]
            assert sample["txt"].decode() == row["caption"]
    assert all(tarfile.is_tarfile(p) for p in made)
    for tar in made:  # as people read them: what one sample has, all have
        alike = {frozenset(sample) - {"__url__", "__local_path__", "__key__"} for sample in webdataset.WebDataset(str(tar), shardshuffle=False)}
        assert [{"txt", "json", *(name.replace("thumbnail", "thumbnail.jpg") for name in tar.stem.split("-")[2:-1])}] == [set(kinds) for kinds in alike]


def test_films_with_and_without_sound_and_pictures_of_two_kinds_lie_in_tars_of_their_own(corpus, released, tmp_path):
    """Readers take the members of the first samples for those of all."""
    import datasets

    for path in shards(corpus, released):
        held = pq.read_table(path)
        film, picture = (pc.equal(held["modality"], name) for name in ("video", "image"))
        every_other = pa.array([i % 2 == 0 for i in range(held.num_rows)])
        silent = pc.if_else(pc.and_(film, every_other), None, held["audio"])
        kind = pc.if_else(pc.and_(picture, every_other), "image/png", held["media_type"])
        held = held.set_column(held.schema.get_field_index("audio"), "audio", silent).set_column(held.schema.get_field_index("media_type"), "media_type", kind)
        pq.write_table(held, path)
    made = release.export_webdataset(corpus.lake, released, tmp_path / "tars")
    kinds = {tar.name.rpartition("-")[0] for tar in made}
    assert {"train-video-mp4-m4a-thumbnail", "train-video-mp4-thumbnail"} <= kinds
    for tar in made:
        members = [member.split(".", 1) for member in tarfile.open(tar).getnames()]
        assert len({frozenset(kind for key, kind in members if key == sample) for sample in {key for key, _ in members}}) == 1
        loaded = datasets.load_dataset("webdataset", data_files={"train": [str(tar)]}, streaming=True)["train"]
        assert sum(1 for _ in loaded.select_columns(["txt"])) == len({key for key, _ in members})


def test_a_release_whose_samples_lost_their_manifest_is_not_removed_by_a_takedown(corpus, released):
    """Both shards were taken for the work of an interrupted run, and nothing was said."""
    corpus.lake.remove("samples", released["fingerprint"], "manifest.json")
    with pytest.raises(Terminal, match="do not stand.*run fuse"):
        takedown(corpus.lake, corpus.sources[3]["source_id"])
    assert release.verify(corpus.lake, released) == []
    assert release.withdrawn(corpus.lake, released) == frozenset(), "nothing was buried either"


@pytest.mark.parametrize("folder", ["_takedowns", "releases"])
def test_what_reelmill_did_not_write_is_named(corpus, released, folder):
    corpus.lake.write_json({"a": 1}, *((folder, "x.json") if folder == "_takedowns" else (folder, "x", "release.json")))
    with pytest.raises(Terminal, match=rf"{folder}/x.*(says of no source|is no release).*remove it"):
        takedown(corpus.lake, corpus.sources[3]["source_id"])


def test_no_name_names_no_release(corpus, released):
    with pytest.raises(Terminal, match="no release is called ''"):
        release.find(corpus.lake, "")


def test_of_a_release_whose_shards_were_erased_is_told_what_it_says(corpus, released):
    takedown(corpus.lake, corpus.sources[3]["source_id"], erase=True)
    assert any(not os.path.exists(path) for path in shards(corpus, released))
    assert release.withdrawn(corpus.lake, released) <= {corpus.sources[3]["source_id"]}


def test_what_was_taken_down_leaves_no_export_of_an_earlier_release(corpus, released, tmp_path):
    victim = corpus.sources[3]
    assert release.withdrawn(corpus.lake, released) == frozenset()
    before = {n for p in release.export_webdataset(corpus.lake, released, tmp_path) for n in tarfile.open(p).getnames()}
    report = takedown(corpus.lake, victim["source_id"])
    after = {n for p in release.export_webdataset(corpus.lake, released, tmp_path) for n in tarfile.open(p).getnames()}
    assert {n.split(".")[0] for n in before - after} == set(report["samples"]) != set()
    assert release.withdrawn(corpus.lake, released) == {victim["source_id"]}
    assert release.withdrawn(corpus.lake, release.find(corpus.lake, "latest")) == frozenset()
    with pytest.raises(Terminal, match=r"holds what was taken down since it was made \(1 sources\)"):
        trained_on(released["name"], corpus.lake.root)
    assert trained_on("latest", corpus.lake.root)


def test_an_export_into_the_same_folder_leaves_nothing_of_the_one_before_and_all_of_others(corpus, released, tmp_path):
    def exported(facts):
        return {p.name for p in release.export_webdataset(corpus.lake, facts, tmp_path)}

    foreign = {"train-notes.tar", "README.md", "train-00000.tar", "train-video-00012.tar"}
    for name in foreign:
        (tmp_path / name).touch()
    before = exported(released)
    for source in {row["source_id"] for row in rows(corpus, released, ["source_id", "split"]) if row["split"] == "validation"}:
        takedown(corpus.lake, source)
    after = exported(release.find(corpus.lake, "latest"))
    assert before - after
    assert {p.name for p in tmp_path.iterdir() if p.is_file()} == {*after, *foreign, release.EXPORTED}


def test_an_export_that_was_killed_is_done_again_and_a_tar_of_somebody_else_is_not_written_over(corpus, released, tmp_path, monkeypatch):
    real = release._members
    monkeypatch.setattr(release, "_members", lambda row: (_ for _ in ()).throw(KeyboardInterrupt) if row["modality"] == "image" else real(row))
    with pytest.raises(KeyboardInterrupt):
        release.export_webdataset(corpus.lake, released, tmp_path / "a")
    monkeypatch.undo()
    made = release.export_webdataset(corpus.lake, released, tmp_path / "a")
    assert {p.name for p in (tmp_path / "a").iterdir()} == {release.EXPORTED, *(p.name for p in made)}
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / made[0].name).write_text("mine")
    with pytest.raises(Terminal, match="no earlier export"):
        release.export_webdataset(corpus.lake, released, tmp_path / "b")
    assert (tmp_path / "b" / made[0].name).read_text() == "mine"


def test_diff_names_what_was_added_removed_and_changed(corpus, released):
    from schemas import CLIPS

    gone, changed = corpus.clips[0]["clip_id"], corpus.clips[2]["clip_id"]
    corpus.clips[2]["caption"] = "another caption"
    corpus.put(CLIPS, corpus.clips, "newer")
    old = corpus.parents["rejects"].read().to_pylist()[0]
    corpus.put(REJECTS, [{**old, "sample_id": gone}], "newer")
    corpus.fuse(**CUT, fuse__crf=23, fuse__cut="smart")
    after = release.release(corpus.lake)
    found = release.diff(corpus.lake, released, after)
    assert found["removed"] == [gone]
    assert found["added"] == [corpus.clips[1]["clip_id"]]
    assert changed in found["changed"]
    assert found["settings"]["fuse.fuse.crf"] == [20, 23]
    same = release.diff(corpus.lake, released, released)
    assert not same["added"]
    assert not same["removed"]
    assert not same["changed"]
    assert not same["settings"]


def test_takedown_rewrites_only_the_shards_touched(corpus, released):
    victim = corpus.sources[3]
    mine = {c["clip_id"] for c in corpus.clips if c["source_id"] == victim["source_id"]}
    report = takedown(corpus.lake, victim["uri"], "asked for by the owner")
    assert set(report["samples"]) == mine
    after = release.releases(corpus.lake)[-1]
    assert report["release"] == after["name"] != released["name"]
    assert len(report["rewritten"]) >= 1
    kept = {s["sha256"] for s in after["shards"]} & {s["sha256"] for s in released["shards"]}
    assert len(kept) == len(report["kept"]) >= 1
    left = rows(corpus, after, ["sample_id", "source_id"])
    assert len(left) == len(corpus.clips) - 1 - len(mine)
    assert victim["source_id"] not in {r["source_id"] for r in left}
    samples = corpus.lake.version(SAMPLES, after["fingerprint"])
    assert samples.manifest["seen"] == samples.manifest["kept"] + sum(samples.manifest["rejected"].values())
    assert {r["reason"] for r in corpus.rejects(samples)} == {"taken_down"}
    assert release.verify(corpus.lake, released) == []


@pytest.mark.parametrize("erase", [False, True])
def test_a_takedown_reaches_the_release_of_an_earlier_batch(corpus, released, erase):
    """Two batches in one lake: the second alone is current, and an erasure took away all others of the first one's shard."""
    victim, first = corpus.sources[3], corpus.parents
    mine = {c["clip_id"] for c in corpus.clips if c["source_id"] == victim["source_id"]}
    corpus.parents = dict(first)
    corpus.pictures({"new-0.png": picture(70, "PNG"), "new-1.png": picture(71, "PNG")})
    corpus.fuse(**CUT)
    second = release.release(corpus.lake)
    report = takedown(corpus.lake, victim["source_id"], erase=erase)
    assert (set(report["samples"]), report["release"], corpus.lake.current("fuse")) == (mine, None, second["fingerprint"])
    (name,) = report["other_releases"]
    after = release.find(corpus.lake, name)
    left = {r["sample_id"]: r["source_id"] for r in rows(corpus, after, ["sample_id", "source_id"])}
    assert len(left) == len(corpus.clips) - 1 - len(mine)
    assert victim["source_id"] not in left.values()
    assert release.verify(corpus.lake, after) == release.verify(corpus.lake, second) == []
    assert report["held_in"] == ([] if erase else [released["name"]])
    assert bool(report["erased"]) == erase
    again = takedown(corpus.lake, victim["source_id"], erase=erase)
    assert (again["samples"], again["other_releases"]) == ([], [])


def test_a_source_is_named_by_its_path_from_where_one_stands(corpus, released, monkeypatch):
    monkeypatch.chdir(corpus.folder.parent)
    victim = corpus.sources[3]
    assert takedown(corpus.lake, f"{corpus.folder.name}/{victim['rel_path']}")["source_id"] == victim["source_id"]


def test_a_second_takedown_of_the_same_source_leaves_the_release_as_it_is(corpus, released):
    victim = corpus.sources[3]
    takedown(corpus.lake, victim["source_id"])
    after = release.releases(corpus.lake)[-1]
    report = takedown(corpus.lake, victim["source_id"])
    assert (report["samples"], report["release"]) == ([], None)
    assert release.verify(corpus.lake, after) == []
    assert corpus.lake.current("fuse") == after["fingerprint"]
    assert takedown(corpus.lake, victim["source_id"], erase=True)["erased"]
    assert release.verify(corpus.lake, after) == []


def test_a_takedown_that_was_killed_before_its_release_makes_it_when_it_is_repeated(corpus, released, monkeypatch):
    victim = corpus.sources[3]
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("jobs.fuse.takedown.make_release", Mock(side_effect=KeyboardInterrupt))
        takedown(corpus.lake, victim["source_id"])
    assert [r["name"] for r in release.releases(corpus.lake)] == [released["name"]]
    report = takedown(corpus.lake, victim["source_id"])
    assert report["release"] == release.find(corpus.lake, "latest")["name"] != released["name"]
    left = rows(corpus, release.find(corpus.lake, "latest"), ["source_id"])
    assert left
    assert victim["source_id"] not in {row["source_id"] for row in left}


def test_an_erasure_that_was_killed_ends_when_it_is_repeated_in_the_same_words(corpus, released, monkeypatch):
    victim = corpus.sources[3]
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("jobs.lake.Lake.write_json", lambda self, facts, *parts: _killed_at(SOURCES.name, self, facts, *parts))
        takedown(corpus.lake, victim["rel_path"], erase=True)
    takedown(corpus.lake, victim["rel_path"], erase=True)
    version = corpus.parents["sources"]
    facts = corpus.lake.read_json(SOURCES.name, version.fingerprint, "manifest.json")["files"]
    assert [f["sha256"] for f in facts] == [hashlib.sha256(open(path, "rb").read()).hexdigest() for path in version.files()]


def _killed_at(table, lake, facts, *parts):
    if parts[0] == table:
        raise KeyboardInterrupt
    lake.put(json.dumps(facts).encode(), *parts)


def test_a_takedown_tells_and_erases_nothing_of_those_before_it(corpus, released):
    first, second = corpus.sources[3], corpus.sources[2]
    sample = next(c["clip_id"] for c in corpus.clips if c["source_id"] == first["source_id"])
    prompt = {"text": "t", "lang": "en", "origin": "release", "sample_ids": [sample], "style": "creation", "aspect": "1:1", "seed": 0, "safety": "ok", "shots": []}
    file = corpus.lake.write_part(PROMPTS, "v", "p.parquet", PROMPTS.rows([{"prompt_id": "P", **prompt}]))
    corpus.lake.write_json({"fingerprint": "v", "rows": 1, "files": [file]}, "prompts", "v", "manifest.json")
    assert takedown(corpus.lake, first["source_id"])["prompts"] == ["P"]
    report = takedown(corpus.lake, second["source_id"], erase=True)
    assert report["prompts"] == []
    assert report["emptied"]["sources"] == 1
    standing = corpus.lake.version(SOURCES, corpus.lake.current("collect")).read(["source_id", "sha256", "rel_path"]).to_pylist()
    assert {r["rel_path"] for r in standing if r["source_id"] in (first["source_id"], second["source_id"])} == {first["rel_path"], "erased"}


def test_a_source_is_named_by_id_address_or_path(corpus, released):
    a, b, c = corpus.sources[:3]
    assert takedown(corpus.lake, a["rel_path"])["source_id"] == a["source_id"]
    assert takedown(corpus.lake, b["uri"])["source_id"] == b["source_id"]
    corpus.put(SOURCES, [{**s, "source_id": f"{s['source_id']}-changed"} for s in corpus.sources], "changed")
    with pytest.raises(Terminal, match=f"name one of them by id: {c['source_id']}, {c['source_id']}-changed"):
        takedown(corpus.lake, c["rel_path"])


def test_a_takedown_stands_for_fuse_and_is_honoured_by_a_fuse_from_scratch(corpus, released):
    victim = corpus.sources[3]
    takedown(corpus.lake, victim["source_id"])
    by_takedown = corpus.lake.version(SAMPLES, corpus.lake.current("fuse"))
    from_scratch = corpus.fuse(**CUT)
    assert from_scratch.fingerprint == by_takedown.fingerprint
    assert victim["source_id"] not in from_scratch.read(["source_id"])["source_id"].to_pylist()
    assert {r["reason"] for r in corpus.rejects(from_scratch)} == {"taken_down"}


def test_erase_removes_the_bytes_of_older_versions(corpus, released):
    report = takedown(corpus.lake, corpus.sources[3]["source_id"], erase=True)
    assert report["erased"]
    assert release.verify(corpus.lake, released) == [f"{path}: missing" for path in report["erased"]]


def test_a_release_that_lost_shards_says_so_where_it_would_be_read(corpus, released, tmp_path):
    takedown(corpus.lake, corpus.sources[3]["source_id"], erase=True)
    after = release.releases(corpus.lake)[-1]
    for read in (lambda: release.diff(corpus.lake, released, after), lambda: release.export_webdataset(corpus.lake, released, tmp_path / "tars")):
        with pytest.raises(Terminal, match=rf"{released['name']} can no longer be read whole: \d of its \d shards"):
            read()
    assert not (tmp_path / "tars").exists()
    assert release.export_webdataset(corpus.lake, after, tmp_path / "tars")


def test_takedown_names_the_near_copies_that_stay_and_none_of_its_own(corpus):
    """Also those for which a clip of the source itself went: these are in the release."""
    by_source = [[c["clip_id"] for c in corpus.clips if c["source_id"] == s["source_id"]] for s in corpus.sources[:4]]
    (victim, own), (stays, _), (went, _), _ = by_source
    pairs = [(victim, stays), (own, victim), (went, own)]
    corpus.put(DUPLICATES, [{"loser_id": a, "keeper_id": b, "method": "perceptual", "score": 0.9, "cluster_id": "c"} for a, b in pairs], "found")
    corpus.fuse(**CUT)
    release.release(corpus.lake)
    assert takedown(corpus.lake, corpus.sources[0]["source_id"])["near_copies"] == sorted([stays, went])


def test_takedown_finds_what_was_generated_from_the_same_bytes_under_another_name(corpus, released):
    sources = [dict(s) for s in corpus.sources]
    sources[3] |= {"source_id": "renamed", "rel_path": "renamed.mp4"}
    corpus.put(SOURCES, sources, "renamed")
    old = {c["clip_id"] for c in corpus.clips if c["source_id"] == corpus.sources[3]["source_id"]}
    file = corpus.lake.write_part(PROMPTS, "v", "p.parquet", PROMPTS.rows([{
        "prompt_id": "P", "text": "t", "lang": "en", "origin": "release", "sample_ids": sorted(old)[:1], "style": "creation", "aspect": "1:1", "seed": 0,
        "safety": "ok", "shots": []}]))
    corpus.lake.write_json({"fingerprint": "v", "rows": 1, "files": [file]}, "prompts", "v", "manifest.json")
    assert takedown(corpus.lake, "renamed")["prompts"] == ["P"]


def test_takedown_lists_what_was_generated_from_it(corpus, released):
    sample = next(c["clip_id"] for c in corpus.clips if c["source_id"] == corpus.sources[3]["source_id"])

    def one(table, **facts):
        blank = {f.name: facts.get(f.name, _blank(f)) for f in table.schema}
        file = corpus.lake.write_part(table, "v", "p.parquet", table.rows([blank]))
        corpus.lake.write_json({"fingerprint": "v", "rows": 1, "files": [file]}, table.name, "v", "manifest.json")

    def _blank(field):
        if field.nullable:
            return None
        kind = str(field.type)
        return [] if kind.startswith("list") else "" if kind == "string" else b"" if "binary" in kind else False if kind == "bool" else 0

    one(PROMPTS, prompt_id="P", sample_ids=[sample])
    one(GENERATIONS, generation_id="G", prompt_id="P")
    one(PUBLICATIONS, publication_id="X", prompt_id="P", generation_ids=["G"], sample_ids=[sample], target="folder", uri="a.mp4")
    report = takedown(corpus.lake, corpus.sources[3]["source_id"])
    assert (report["prompts"], report["generations"], report["publications"]) == (["P"], ["G"], ["folder:a.mp4"])


def test_a_table_is_not_taken_down_but_its_lines_are(corpus, released):
    with pytest.raises(Terminal, match=r"name the file that it speaks of, or one of its lines \(t.jsonl#L1\)"):
        takedown(corpus.lake, "t.jsonl")
    assert not tombstones(corpus.lake).facts
    line = next(s for s in corpus.sources if s["rel_path"] == "t.jsonl#L3")
    other = line | {"source_id": "moved", "rel_path": "t.jsonl#L4", "uri": line["uri"].replace("#L3", "#L4")}
    corpus.put(SOURCES, [*corpus.sources, other], "moved")
    report = takedown(corpus.lake, "t.jsonl#L3")
    assert report["samples"] == [c["clip_id"] for c in corpus.clips if c["source_id"] == line["source_id"]]
    assert tombstones(corpus.lake).ids(corpus.parents["sources"]) == {line["source_id"], "moved"}


def test_stray_files_in_a_lake_stop_nothing(corpus, released):
    stray = [corpus.lake.path(*parts) for parts in (("releases", ".DS_Store"), ("releases", "Thumbs.db"), ("samples", ".DS_Store"), ("samples", "notes.txt"),
                                                    ("_takedowns", "._0.json"))]
    os.makedirs(corpus.lake.path("_takedowns"))
    for path in stray:
        with open(path, "wb") as file:
            file.write(b"\0\0\0\1Bud1")
    assert [facts["name"] for facts in release.releases(corpus.lake)] == [released["name"]]
    assert takedown(corpus.lake, corpus.sources[3]["source_id"], erase=True)["release"] == release.releases(corpus.lake)[-1]["name"]
    assert all(os.path.exists(path) for path in stray)


def test_a_takedown_leaves_nothing_of_the_media_in_what_a_killed_fuse_left(corpus, released, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("jobs.run._write_manifest", Mock(side_effect=KeyboardInterrupt))
        corpus.fuse(**CUT, fuse__crf=23)
    (killed,) = set(corpus.lake.names("samples")) - {released["fingerprint"]}
    assert corpus.lake.names("_work") == [f"fuse-{killed}"]
    corpus.lake.write_json({}, "_work", "measure-0", "00000.json")  # it will go on
    takedown(corpus.lake, corpus.sources[3]["source_id"])
    assert set(corpus.lake.names("samples")) == {released["fingerprint"], corpus.lake.current("fuse")}
    assert corpus.lake.names("_work") == ["measure-0"]


def test_tombstones_know_the_same_bytes_under_another_name(corpus, released):
    victim = corpus.sources[3]
    takedown(corpus.lake, victim["source_id"])
    stones = tombstones(corpus.lake)
    assert stones.hold({"source_id": "other", "sha256": victim["sha256"], "uri": "/elsewhere/copy.mp4"})
    assert not stones.hold({"source_id": "other", "sha256": "0" * 64, "uri": "/elsewhere/copy.mp4"})


def test_latest_is_what_the_last_build_confirmed_and_holds_nothing_that_was_taken_down(corpus, released):
    corpus.fuse(**CUT, fuse__cut="range")
    other = release.release(corpus.lake)
    assert release.find(corpus.lake, "latest") == other
    corpus.fuse(**CUT)  # as it was before: it stands
    assert release.releases(corpus.lake)[-1] == other
    assert release.find(corpus.lake, "latest") == released
    victim = corpus.sources[3]["source_id"]
    takedown(corpus.lake, victim)
    assert victim not in {row["source_id"] for row in rows(corpus, release.find(corpus.lake, "latest"), ["source_id"])}


def test_an_unknown_source_or_release_is_an_error(corpus, released):
    with pytest.raises(Terminal, match="no source"):
        takedown(corpus.lake, "nothing")
    with pytest.raises(Terminal, match=released["name"]):
        release.find(corpus.lake, "nothing")
    assert release.find(corpus.lake, "latest")["name"] == released["name"]


def test_the_card_names_every_shard_and_count(corpus, released):
    text = release.card(released)
    assert all(s["path"] in text for s in released["shards"])
    assert "clip_tags" in text
    assert "| video |" in text

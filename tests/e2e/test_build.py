"""The corpus half, as a user runs it: from files to a release."""

import itertools
import json
from collections import Counter

import pyarrow.dataset as ds
import pytest

pytestmark = pytest.mark.spark


def tables_of(reelmill, lake):
    code, out, said = reelmill("list", "--lake", lake, "--json")
    assert code == 0, said
    return {t["table"]: t for t in json.loads(out)["tables"]}


def rows_of(reelmill, lake, table):
    return ds.dataset(tables_of(reelmill, lake)[table]["path"], format="parquet", exclude_invalid_files=True).to_table().to_pylist()


def test_every_file_is_kept_or_rejected_with_a_reason(reelmill, built, tiny):
    sources = rows_of(reelmill, built, "sources")
    assert {s["rel_path"].split("#")[0] for s in sources} == {p.name for p in tiny.iterdir()}
    rejects = rows_of(reelmill, built, "rejects")
    samples = rows_of(reelmill, built, "samples")
    gone = {r["source_id"] or r["sample_id"] for r in rejects}
    assert all(s["source_id"] in gone or s["source_id"] in {x["source_id"] for x in samples} for s in sources)
    reasons = {s["rel_path"]: {r["reason"] for r in rejects if (r["source_id"] or r["sample_id"]) == s["source_id"]} for s in sources}
    assert "black" in reasons["black.mp4"]
    assert reasons["zero.mp4"] == {"empty_file"}
    assert reasons["named-wrong.mp4"] == {"wrong_extension"}
    assert reasons["captions.csv"] == {"sidecar"}
    assert Counter(r["reason"] for r in rejects)["duplicate"] == 1
    assert sorted(map(len, (reasons["one.mp4"], reasons["one-copy.mp4"]))) == [0, 1]


def test_the_funnel_adds_up_stage_by_stage(reelmill, built):
    code, out, _ = reelmill("funnel", "--lake", built, "--json")
    stages = json.loads(out)["stages"]
    assert code == 0
    assert [s["stage"] for s in stages] == ["collect", "measure", "judge", "dedup", "label", "fuse"]
    assert all(s["in"] == s["kept"] + sum(s["rejected"].values()) for s in stages)
    assert all(later["in"] == earlier["kept"] for earlier, later in itertools.pairwise(stages[2:]))


def test_a_release_row_holds_text_video_and_sound_together(reelmill, built):
    samples = rows_of(reelmill, built, "samples")
    assert Counter(s["modality"] for s in samples) == {"video": 3, "image": 1, "text": 2}
    two = sorted((s for s in samples if s["uri"].endswith("two-shots.mp4")), key=lambda s: s["start_s"])
    assert [round(s["start_s"], 1) for s in two] == [0.0, 2.5]
    assert all(s["video"][4:8] == b"ftyp" and s["audio"] for s in two)
    release = json.loads(next((built / "releases").glob("*/release.json")).read_text())
    assert sum(shard["rows"] for shard in release["shards"]) == len(samples)


def test_building_again_does_nothing_and_says_so(reelmill, built, tiny, facts_of):
    before = {p: p.stat().st_mtime_ns for p in built.rglob("manifest.json")}
    code, _, said = reelmill("build", tiny, "--lake", built)
    assert code == 0
    assert said.count("nothing was done") == 6
    gates = [line for line in said.splitlines() if line.startswith("gate ")]
    assert [line.split(" (")[0] for line in gates] == [f"gate      passed: {table}" for table in ("sources", "clips", "rejects", "duplicates", "labels", "samples")]
    assert {p: p.stat().st_mtime_ns for p in built.rglob("manifest.json")} == before


def test_what_a_gate_warns_of_is_said_while_building(reelmill, tiny, tmp_path):
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "one.mp4").write_bytes((tiny / "one.mp4").read_bytes())
    code, _, said = reelmill("build", tmp_path / "bare", "--lake", tmp_path / "lake")
    assert code == 0, said
    assert "warning: samples: caption_share_warn" in said


def test_a_second_lake_has_the_same_bytes(reelmill, built, tiny, tmp_path, facts_of):
    code, _, said = reelmill("build", tiny, "--lake", tmp_path / "lake", "--set", "master=local[1]")
    assert code == 0, said
    for job in ("collect", "measure", "judge", "dedup", "label", "fuse"):
        assert facts_of(tmp_path / "lake", job) == facts_of(built, job), job


def test_a_changed_threshold_decodes_nothing(reelmill, built, tiny, tmp_path):
    import shutil

    lake = shutil.copytree(built, tmp_path / "lake")
    code, out, _ = reelmill("whatif", "--lake", lake, "--set", 'policy.filters.duration={"min_s": 2.8}', "--json")
    answer = json.loads(out)
    assert code == 0
    assert answer["kept"] < answer["kept_before"]
    code, _, said = reelmill("build", tiny, "--lake", lake, "--set", 'policy.filters.duration={"min_s": 2.8}')
    assert code == 0, said
    assert "collect   stands already" in said
    assert "measure   stands already" in said
    code, out, _ = reelmill("funnel", "--lake", lake, "--json")
    judged = next(s for s in json.loads(out)["stages"] if s["stage"] == "judge")
    assert (judged["kept"], judged["rejected"]) == (answer["kept"], answer["rejected"])

"""The story of a duplicate cluster, after a run through the shell round a job."""

import argparse
import json

import pytest

from jobs.cli import explain as command
from jobs.dedup.explain import explain
from jobs.errors import Terminal
from jobs.lake import Lake
from schemas import CLIPS, DUPLICATES


@pytest.fixture
def lake(lake_run, deduped, clip):
    run = lake_run([clip("a", text="The tide came in.", caption="tide", text_chars=9), clip("b", text="the tide came in"),
                    clip("c", text="something else")])
    found = deduped(run)
    part = run.lake.write_part(DUPLICATES, "d", "p.parquet", DUPLICATES.rows(list(found.values())))
    run.lake.write_json({"rows": 1, "files": [part], "parents": {"clips@measure": "given"}}, DUPLICATES.name, "d", "manifest.json")
    clips = run.parents["clips"]
    run.lake.write_json(dict(clips.manifest) | {"parents": {}}, CLIPS.name, "given", "manifest.json")
    run.lake.open(create=True)
    for job, version in (("measure", "given"), ("dedup", "d")):
        run.lake.write_json({"fingerprint": version}, "_current", f"{job}.json")
    return run.lake


def test_a_loser_and_its_keeper_are_told_side_by_side(lake):
    told = explain(lake, "b")
    assert told.verdict == "b went for a: exact 1 (evidence: b -exact 1- a)"
    assert [k["text"] for k in told.keepers] == ["The tide came in."]
    assert [(row["loser_id"], row["loser"]["text"]) for row in told.losers] == [("b", "the tide came in")]
    assert explain(lake, "a").verdict == "a stays; 1 clips went for it"
    assert explain(lake, "a").losers == told.losers


def test_the_command_shows_a_cluster_side_by_side(lake, capsys):
    args = argparse.ArgumentParser()
    command.arguments(args)
    assert command.main(args.parse_args(["b", "--lake", lake.root])) == 0
    lines = capsys.readouterr().out.splitlines()
    head = next(line for line in lines if "stays" in line and "went" in line)
    assert head.split("  ")[-1].strip() == "went: exact 1"
    texts = next(line for line in lines if line.startswith("text "))
    assert texts.index("The tide came in.") == head.index("stays")
    assert texts.index("the tide came in") == head.index("went: exact 1")
    assert command.main(args.parse_args(["b", "--lake", lake.root, "--json"])) == 0
    told = json.loads(capsys.readouterr().out)
    assert [c["verdict"] for c in told["clusters"]] == ["b went for a: exact 1 (evidence: b -exact 1- a)"]
    assert command.main(args.parse_args(["c", "--lake", lake.root, "--json"])) == 0
    assert "clusters" not in json.loads(capsys.readouterr().out)


def test_a_clip_without_duplicates_and_one_that_is_not_there(lake, tmp_path):
    assert explain(lake, "c").cluster_id is None
    with pytest.raises(Terminal, match="no clip 'z'"):
        explain(lake, "z")
    with pytest.raises(Terminal, match="run dedup"):
        explain(Lake(str(tmp_path / "none")), "a")


def test_a_great_cluster_is_shown_in_part_and_what_was_asked_for_is_in_it():
    losers = [{"loser_id": f"x{i:03d}", "keeper_id": "k", "method": "exact", "score": 1.0,
               "loser": {"clip_id": f"x{i:03d}", "uri": "/a/long/folder/" * 5 + f"{i:03d}.mp4"}} for i in range(300)]
    shown = command.side_by_side([{"clip_id": "k"}], losers, {"x250"}).splitlines()
    assert shown[1].split() == ["clip_id", "k", "x250", "x000", "x001", "x002", "x003"]
    assert "250.mp4" in shown[2]
    assert "295 more clips" in shown[-1]

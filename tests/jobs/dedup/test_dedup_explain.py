"""The story of a duplicate cluster, after a run through the shell round a job."""

import argparse
import io
import json
from html.parser import HTMLParser

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from jobs.cli import explain as command
from jobs.dedup import explain as explained
from jobs.dedup.explain import explain
from jobs.errors import Terminal
from jobs.lake import Lake, Version
from schemas import CLIPS, DUPLICATES, REJECTS, SOURCES


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


def test_of_a_table_in_the_order_of_its_key_only_the_row_groups_that_may_hold_it_are_read(numbered, monkeypatch):
    lake = Lake(str(next(numbered)))
    rows = [{"loser_id": f"{i:04d}", "keeper_id": f"{9999 - i % 7}", "method": "exact", "score": 1.0, "cluster_id": f"{i % 7}"} for i in range(1000)]
    files = [lake.write_groups(DUPLICATES, "d", f"{n}.parquet", [DUPLICATES.rows(rows[i:i + 100]) for i in range(n, n + 500, 100)]) for n in (0, 500)]
    version = Version(lake, DUPLICATES, "d", {"rows": 1000, "files": files})
    read, whole = [], pq.ParquetFile.read_row_group

    def read_row_group(self, group, columns=None, **more):
        read.append(columns)
        return whole(self, group, columns, **more)

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", read_row_group)
    told = explained.rows_of(version, ("loser_id", "keeper_id"), {"0123"})
    assert ([row["loser_id"] for row in told], read) == (["0123"], [["loser_id"], None])
    read.clear()
    assert explained.rows_of(version, ("loser_id",), {"00995", "5000"}) == []
    assert read == []
    assert len(explained.rows_of(version, ("loser_id", "keeper_id"), {"9995"})) == sum(row["keeper_id"] == "9995" for row in rows)
    assert [row["loser_id"] for row in explained.rows_of(version, ("loser_id",), {"0099", "0100", "0999"}, ("loser_id",))] == ["0099", "0100", "0999"]
    assert explained.rows_of(version, ("loser_id",), ()) == []


HOSTILE = """<script>alert(1)</script>"><img src=https://example.org/x onerror=alert(1)>{{ 7*7 }}</table></style>\u202e&#x3c;!--"""


class Page(HTMLParser):
    """Tags with what they may fetch, and the text of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.fetched, self.on, self.text = set(), [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.fetched += [value for name, value in attrs if name in ("src", "href", "srcset", "data", "action")]
        self.on += [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data):
        self.text += data


def jpeg(seed):
    sink = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (24, 32, 3), np.uint8)).save(sink, "JPEG")
    return sink.getvalue()


@pytest.fixture
def hostile(lake, lake_run, deduped, clip):
    rng = np.random.default_rng(7)
    hashes = [sum(1 << int(b) for b in rng.permutation(64)[:32]) for _ in range(6)]

    def video(clip_id, start, frames, caption):
        return clip(clip_id, modality="video", phashes=hashes, phash_times_s=[start + i / 2 for i in range(6)], luma_std=40.0, start_s=start,
                    end_s=start + 3, duration_s=3.0, title=HOSTILE, caption=caption, frames=frames)

    frames = [{"t_s": i / 4, "jpeg": jpeg(i)} for i in range(9)]
    run = lake_run([video("v", 0.0, frames, HOSTILE + " at noon"), video("w", 2.0, [frames[0], {"t_s": 1.0, "jpeg": HOSTILE.encode()}], HOSTILE + " at dusk"),
                    video("x", 0.0, None, None)])
    found = deduped(run)
    for table, rows in ((DUPLICATES, list(found.values())), (REJECTS, found.rejects)):
        part = run.lake.write_part(table, "d", "p.parquet", table.rows(rows))
        run.lake.write_json({"rows": 1, "files": [part], "parents": {"clips@measure": "given"}}, table.name, "d", "manifest.json")
    run.lake.write_json(dict(run.parents["clips"].manifest) | {"parents": {}}, CLIPS.name, "given", "manifest.json")
    run.lake.open(create=True)
    for job, version in (("measure", "given"), ("dedup", "d")):
        run.lake.write_json({"fingerprint": version}, "_current", f"{job}.json")
    return run.lake


def test_the_page_shows_frames_side_by_side_and_a_hostile_caption_does_nothing(hostile, tmp_path, capsys):
    args = argparse.ArgumentParser()
    command.arguments(args)
    out = tmp_path / "deep" / "cluster.html"
    assert command.main(args.parse_args(["w", "--lake", hostile.root, "--html", str(out)])) == 0
    assert str(out) in capsys.readouterr().out
    page = Page(out.read_text(encoding="utf-8"))
    assert not page.tags & {"script", "iframe", "object", "link", "form", "base", "a"}
    assert page.on == []
    pictures = [uri for uri in page.fetched if uri.startswith("data:image/jpeg;base64,")]
    assert page.fetched == pictures
    assert len(pictures) == 6 + 1 + 6  # the keeper beside each loser, at most six frames, and what is no JPEG is left out
    assert "default-src 'none'" in out.read_text()
    assert HOSTILE in page.text
    assert "49" not in page.text
    assert "dusk" in page.text
    row = explain(hostile, "w")
    assert row.losers[0]["threshold"] is not None
    assert f"goes: {row.losers[0]['method']}" in page.text


def test_the_page_of_a_clip_without_duplicates_says_so(lake, tmp_path):
    args = argparse.ArgumentParser()
    command.arguments(args)
    assert command.main(args.parse_args(["c", "--lake", lake.root, "--html", str(tmp_path / "c.html")])) == 0
    assert "resembles no other" in (tmp_path / "c.html").read_text()


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


def test_a_source_is_found_by_its_path_with_all_that_came_of_it(tmp_path, monkeypatch):
    """A user knows the names of files, and no ids; and a table need not fit into memory for it."""
    lake = Lake(str(tmp_path / "lake")).open(create=True)
    rows = [{"source_id": i * 32, "modality": "text", "uri": f"/far/{i}.txt", "rel_path": f"in/{i}.txt", "connector": "file", "size_bytes": 9, "pii_count": 0}
            for i in "ab"]
    clips = [{"clip_id": i * 31 + "0", "source_id": i * 32, "modality": "text", "source_sha256": "0", "start_s": 0.0, "end_s": 0.0, "duration_s": 0.0}
             for i in "ab"]
    for table, job, made in ((SOURCES, "collect", rows), (CLIPS, "measure", clips)):
        part = lake.write_part(table, job, "p.parquet", table.rows(made))
        lake.write_json({"rows": 2, "files": [part], "parents": {}, "job": job}, table.name, job, "manifest.json")
        lake.write_json({"fingerprint": job}, "_current", f"{job}.json")
    monkeypatch.setattr(Version, "read", lambda *a: pytest.fail("read a whole table"))
    for name in "in/a.txt", "/far/a.txt":
        found = command.story(lake, name)
        assert {name: [row["source_id"] for row in rows] for name, rows in found.items()} == {"sources": ["a" * 32], "clips": ["a" * 32]}
    assert command.story(lake, "in/c.txt") == {}


def test_a_reject_is_told_in_words_and_a_name_of_two_lines_in_one(tmp_path, capsys):
    lake = Lake(str(tmp_path / "lake")).open(create=True)
    source = {"source_id": "a" * 32, "modality": "text", "uri": "/far/two\nlines.txt", "rel_path": "two\nlines.txt", "connector": "file", "size_bytes": 0, "pii_count": 0}
    reject = {"sample_id": "a" * 32, "source_id": "a" * 32, "stage": "collect", "check": "read", "reason": "empty_file", "decisive": True, "policy_hash": "p", "run_id": "r"}
    for table, rows in ((SOURCES, [source]), (REJECTS, [reject])):
        part = lake.write_part(table, "v", "p.parquet", table.rows(rows))
        lake.write_json({"rows": 1, "files": [part], "parents": {}, "job": "collect"}, table.name, "v", "manifest.json")
    lake.write_json({"fingerprint": "v"}, "_current", "collect.json")
    args = argparse.ArgumentParser()
    command.arguments(args)
    assert command.main(args.parse_args(["a" * 32, "--lake", lake.root])) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert r"uri=/far/two\nlines.txt" in first
    assert "reason=empty_file (the file has no bytes; 文件为空)" in second


def test_what_stands_no_more_is_told_of_earlier_versions_and_a_bare_name_is_helped(tmp_path, capsys, monkeypatch):
    lake = Lake(str(tmp_path / "lake")).open(create=True)
    blank = {"modality": "text", "connector": "file", "size_bytes": 9, "pii_count": 0}
    for day, names in (("1", "ab"), ("2", "bc")):
        rows = [{**blank, "source_id": i * 32, "uri": f"{tmp_path}/{i}.txt", "rel_path": f"in/{i}.txt"} for i in names]
        part = lake.write_part(SOURCES, day, "p.parquet", SOURCES.rows(rows))
        lake.write_json({"rows": 2, "files": [part], "parents": {}, "job": "collect", "finished": day}, SOURCES.name, day, "manifest.json")
        lake.write_json({"fingerprint": day}, "_current", "collect.json")
    monkeypatch.chdir(tmp_path)
    args = argparse.ArgumentParser()
    command.arguments(args)
    for name in "c.txt", "in/c.txt", "c" * 32:  # from where the user stands, from the source folder, by id
        assert command.main(args.parse_args([name, "--lake", "lake"])) == 0
        assert capsys.readouterr() == (f"sources: source_id={'c' * 32}, uri={tmp_path}/c.txt, modality=text\n", "")
    assert command.main(args.parse_args(["in/a.txt", "--lake", "lake"])) == 0
    out, err = capsys.readouterr()
    assert "a" * 32 in out
    assert "earlier versions" in err
    with pytest.raises(Terminal, match="below the source folder there is 'in/c.txt'"):
        command.main(args.parse_args(["other/c.txt", "--lake", "lake"]))
    lake.write_json({"source_id": "g" * 32, "sha256": None, "uri": "/far/g.txt"}, "_takedowns", "g.json")
    with pytest.raises(Terminal, match="taken down and erased"):
        command.main(args.parse_args(["/far/g.txt", "--lake", "lake"]))
    lake.remove(SOURCES.name, "1", "p.parquet")  # as an erasure does with shards of releases
    with pytest.raises(Terminal, match="no table"):
        command.main(args.parse_args(["in/a.txt", "--lake", "lake"]))

"""The shell round a job."""

import errno
import json
import os
import re
from pathlib import Path

import pytest

from jobs import lock, spark
from jobs.errors import Terminal, Transient
from jobs.fuse.takedown import takedown
from jobs.job import CORPUS
from jobs.lake import Lake
from jobs.run import Run, execute
from jobs.state import gate, release_of, table_version
from schemas import CLIPS, SAMPLES
from schemas.loading import load
from schemas.settings import SettingsError


def test_work_outlives_a_disk_that_fills_up_at_the_end(tmp_path, monkeypatch):
    folder = tmp_path / "sources"
    folder.mkdir()
    (folder / "texts.jsonl").write_text(json.dumps({"text": "a quiet morning at the lake"}) + "\n")
    settings = load((f"runtime.lake={tmp_path / 'lake'}", f"runtime.sources={json.dumps([str(folder)])}", "runtime.progress=false"), env={})
    write_json = Lake.write_json

    def full(lake, facts, *parts):
        if parts[-1] == "manifest.json":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write_json(lake, facts, *parts)

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "write_json", full)
        with pytest.raises(Transient, match="the disk is full"):
            execute("collect", settings)
    assert Lake(settings.runtime.lake).current("collect") is None
    monkeypatch.setattr(spark, "each_task", lambda *_: pytest.fail("a task was done again"))
    assert execute("collect", settings).kept == 1


def test_who_lost_the_lake_commits_nothing(tmp_path, monkeypatch):
    folder = tmp_path / "sources"
    folder.mkdir()
    (folder / "texts.jsonl").write_text(json.dumps({"text": "a quiet morning at the lake"}) + "\n")
    settings = load((f"runtime.lake={tmp_path / 'lake'}", f"runtime.sources={json.dumps([str(folder)])}", "runtime.progress=false"), env={})
    lake, each_task = Lake(settings.runtime.lake), spark.each_task

    def robbed(*words):
        each_task(*words)
        lake.write_json({**lake.read_json("_lock.json"), "token": "another's"}, "_lock.json")

    monkeypatch.setattr(spark, "each_task", robbed)
    with pytest.raises(Transient, match="stood still for so long"):
        execute("collect", settings)
    assert lake.current("collect") is None
    assert not list((tmp_path / "lake").glob("sources/*/manifest.json"))


def texts(folder, *lines):
    folder.mkdir(exist_ok=True)
    (folder / "texts.jsonl").write_text("".join(json.dumps({"text": f"nobody has ever written about {line} at the lake before"}) + "\n" for line in lines))
    return folder


def settings_of(tmp_path, *sets):
    return load((f"runtime.lake={tmp_path / 'lake'}", f"runtime.sources={json.dumps([str(tmp_path / 'in')])}", "runtime.progress=false",
                 'label.labelers=["language"]', *sets), env={})


def test_the_version_is_named_after_what_it_is_made_of_whoever_committed_that_meanwhile(tmp_path, monkeypatch):
    """Another command collects and is done just before this one has the lake."""
    texts(tmp_path / "in", "the mornings")
    settings, take = settings_of(tmp_path), lock._take
    lake = Lake(settings.runtime.lake)
    execute("collect", settings)
    before = lake.current("collect")

    def slow(*words):
        monkeypatch.setattr(lock, "_take", take)
        texts(tmp_path / "in", "the mornings", "the evenings")
        execute("collect", settings)
        return take(*words)

    for _ in range(2):  # a version that stands is made the current one no earlier either
        monkeypatch.setattr(lock, "_take", slow)
        execute("measure", settings)
        clips = lake.version(CLIPS, lake.current("measure"))
        assert clips.manifest["parents"]["sources@collect"] == lake.current("collect") != before
        assert clips.rows == 2


@pytest.mark.parametrize(("job", "sets", "told"), [("collect", (), "no such folder"), ("measure", (), "no lake here"),
                                                   ("collect", ("collect.k_anonymity=0",), "k_anonymity")])
def test_a_command_that_cannot_be_meant_leaves_no_trace(tmp_path, job, sets, told):
    with pytest.raises((Terminal, SettingsError), match=told):
        execute(job, settings_of(tmp_path, f"runtime.lake={tmp_path / 'not' / 'there' / 'lake'}", *sets))
    assert list(tmp_path.iterdir()) == []


def test_a_version_that_stands_is_not_planned_anew(tmp_path, monkeypatch):
    texts(tmp_path / "in", "the mornings")
    settings = settings_of(tmp_path)
    for job in CORPUS[:2]:
        execute(job, settings)
    monkeypatch.setattr(Run, "parts", lambda *_, **__: pytest.fail("planned"))
    assert all(execute(job, settings).stood for job in CORPUS[:2])


def test_parts_that_are_lost_or_damaged_are_told_and_made_again(tmp_path):
    texts(tmp_path / "in", "the mornings")
    settings = settings_of(tmp_path)
    lake = Lake(settings.runtime.lake)
    for job in CORPUS[:3]:
        execute(job, settings)
    clips = lake.version(CLIPS, lake.current("measure"))
    gate(clips)
    (file,) = map(Path, clips.files())
    whole = file.read_bytes()
    file.unlink()
    with pytest.raises(Terminal, match=rf"1 of its 1 files are gone or of another size, {re.escape(str(file))} for one"):
        gate(clips)  # whatever it said before
    with pytest.raises(Terminal, match=f"{re.escape(str(file))}: this part of a table is gone"):
        clips.read()
    assert not execute("measure", settings).stood
    assert file.read_bytes() == whole
    assert execute("judge", settings).stood
    for damage in (whole[:-20], whole[:40] + bytes(60) + whole[100:], b""):
        file.write_bytes(damage)
        with pytest.raises(Terminal, match=f"{re.escape(str(file))}: this part of a table is damaged"):
            clips.read()
            clips.lake.version(CLIPS, clips.fingerprint).read(["clip_id"])
            pytest.fail("nobody minded")
        if len(damage) != len(whole):  # what a copy or a disk cut short is as good as gone
            with pytest.raises(Terminal, match="1 of its 1 files are gone or of another size"):
                gate(clips)
            assert not execute("measure", settings).stood
            assert file.read_bytes() == whole


def test_new_sources_are_not_fused_with_what_was_made_of_old_ones(tmp_path):
    texts(tmp_path / "in", "the mornings")
    settings = settings_of(tmp_path)
    lake = Lake(settings.runtime.lake)
    for job in CORPUS:
        execute(job, settings)
    first = lake.current("fuse")
    texts(tmp_path / "in", "the mornings", "the evenings")
    execute("collect", settings)
    with pytest.raises(Terminal, match="run `reelmill run measure` first, then judge, dedup, label$"):
        execute("fuse", settings)
    assert lake.current("fuse") == first
    takedown(lake, "texts.jsonl#L1")  # of the release that stands
    for job in CORPUS[1:]:
        execute(job, settings)
    assert lake.version(SAMPLES, lake.current("fuse")).read(["text"])["text"].to_pylist() == ["nobody has ever written about the evenings at the lake before"]
    assert not execute("label", settings_of(tmp_path, 'label.labelers=["motion_class"]')).stood
    assert execute("fuse", settings).kept == 1
    takedown(lake, "texts.jsonl#L2")
    with pytest.raises(Terminal, match="fuse kept nothing"):
        execute("fuse", settings_of(tmp_path, "fuse.validation_share=0.5"))


def test_runs_that_take_turns_release_each_its_own(tmp_path, turn):
    """The lake is held by one task at a time, not by one run: between two tasks of one another one collects something else."""
    settings, made, checked = {}, {}, {}
    for run in ("one", "two"):
        folder = tmp_path / run
        folder.mkdir()
        (folder / "texts.jsonl").write_text(json.dumps({"text": f"nobody has ever written about {run} of these mornings at the lake before"}) + "\n")
        settings[run] = load((f"runtime.lake={tmp_path / 'lake'}", f"runtime.sources={json.dumps([str(folder)])}", "runtime.progress=false",
                              'label.labelers=["language"]'), env={})
    lake = Lake(settings["one"].runtime.lake)
    for job in CORPUS:
        for run in settings:
            turn(run)
            execute(job, settings[run])
    for run in settings:
        turn(run)
        made[run] = release_of(settings[run])
        checked[run] = gate(table_version(lake, "clips", ("measure",)))["version"]
        text, = lake.version(SAMPLES, made[run]["fingerprint"]).read(["text"])["text"].to_pylist()
        assert f"about {run} of" in text
        assert checked[run] == lake.current("measure")
        assert lake.version(CLIPS, checked[run]).manifest["parents"]["sources@collect"] == lake.current("collect")
    turn()
    assert lake.current("fuse") == made["two"]["fingerprint"], "who asks outside of a run is told what was made last"
    turn("a third, which labels again")
    assert lake.current("measure") == checked["two"]
    turn("one")
    takedown(lake, lake.version(SAMPLES, made["one"]["fingerprint"]).read(["source_id"])["source_id"][0].as_py())
    assert lake.current("fuse") != made["one"]["fingerprint"], "what was taken down is drawn from by no run"


def test_what_was_approved_is_what_is_published(tmp_path, turn):
    lake = Lake(str(tmp_path)).open(create=True)
    for run, version in (("asks a person", "a" * 12), ("does not", "b" * 12)):
        turn(run)
        lake.make_current("generate", version)
    turn("asks a person")
    assert lake.current("generate") == "a" * 12
    lake.make_current("generate", "c" * 12)  # cleared, and made again by other settings
    assert lake.current("generate") == "c" * 12
    turn()
    assert lake.current("generate") == "c" * 12

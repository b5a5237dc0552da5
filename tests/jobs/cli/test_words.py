"""Words of the command line: every command has help, wrong words are terminal, and naming things costs no heavy import."""

import argparse
import contextlib
import json
import os
import re
import subprocess
import sys

import pytest

from jobs.__main__ import COMMANDS, main, parser_of
from jobs.clean.filter import filters
from jobs.clean.policy import resolve
from jobs.cli import whatif
from jobs.cli.common import facts_text, note, show, table
from jobs.lake import Lake
from jobs.run import Outcome
from schemas.loading import load


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert "usage: reelmill " + command in capsys.readouterr().out


@pytest.mark.parametrize("words", [["build"], ["run"], ["list", "--jsn"], ["train", "poem", "--out", "x"]])
def test_wrong_words_are_terminal_and_point_at_the_help(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 64
    assert "--help" in capsys.readouterr().err


def test_a_terminal_that_cannot_show_a_character_is_told_its_number():
    done = subprocess.run([sys.executable, "-m", "jobs", "--help"], env=os.environ | {"PYTHONIOENCODING": "latin-1"}, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"COMMAND \\u2026" in done.stdout


@pytest.mark.parametrize("closed", [1, 2])
def test_what_is_said_into_a_closed_stream_is_lost_and_goes_nowhere_else(closed, tmp_path):
    (tmp_path / "a.txt").write_text("a quiet morning at the lake")
    words = ["run", "collect", "--source", str(tmp_path / "a.txt"), "--lake", str(tmp_path / "lake"), *(["--json"] if closed == 1 else [])]
    script = f'"$@" {closed}>&-'
    done = subprocess.run(["sh", "-c", script, "sh", sys.executable, "-m", "jobs", *words], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert (tmp_path / "lake" / "_current" / "collect.json").exists()


def test_nobody_makes_other_samples_between_fuse_and_its_release(monkeypatch, capsys, tmp_path):
    lake = Lake(str(tmp_path / "lake")).open(create=True)
    monkeypatch.setattr("jobs.cli.run.execute", lambda name, settings: Outcome(name, "a" * 12, True, 1, 1, {}))
    monkeypatch.setattr("jobs.state.release_of", lambda settings: {"name": (lake.read_json("_lock.json") or {}).get("what")})
    assert main(["run", "fuse", "--lake", lake.root, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["release"] == {"name": "`reelmill run fuse`"}
    assert lake.read_json("_lock.json") is None


def test_a_card_is_one_object_where_that_is_asked_for(monkeypatch, capsys):
    monkeypatch.setattr("jobs.cli.release.lake_of", lambda args: None)
    monkeypatch.setattr("jobs.fuse.release.find", lambda lake, name: {"name": name})
    monkeypatch.setattr("jobs.fuse.release.card", lambda facts: f"# {facts['name']}")
    assert main(["release", "card", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"card": "# latest"}
    assert main(["release", "card"]) == 0
    assert capsys.readouterr().out == "# latest\n"


@pytest.mark.parametrize("empty", ["", " "])
@pytest.mark.parametrize("words", [
    ["generate", "--plan"], ["generate", "--prompt", "the sea", "--prompts"], ["generate", "--prompt", "the sea", "--storyboard"],
    ["generate", "--prompt", "the sea", "--out"], ["explain", "x", "--html"], ["report", "--out"], ["release", "export", "--out"],
    ["train", "clip", "--out", "m", "--base"], ["train", "clip", "--out", "m", "--release"], ["train", "clip", "--out"], ["demo", "--out"],
    ["capture", "http://127.0.0.1:1/a.m3u8", "--out"], ["up", "--home"], ["calibrate", "--labels"]])
def test_a_name_that_is_empty_is_not_taken_for_none(words, empty, capsys, monkeypatch):
    monkeypatch.setattr(f"jobs.cli.{words[0]}.main", lambda args: 0)
    with pytest.raises(SystemExit) as ended:
        main([*words, empty])
    assert ended.value.code == 64
    assert capsys.readouterr().err.startswith(f"reelmill: argument {words[-1]}: the name is empty; is a variable of the command line empty?")


def test_help_lists_every_command(capsys):
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(command in said for command in COMMANDS)


def test_reading_the_command_line_imports_nothing_heavy():
    code = (
        "import sys; from jobs.__main__ import COMMANDS, parser_of; [parser_of(c) for c in COMMANDS];"
        "print(*{'torch', 'pyspark', 'airflow', 'great_expectations', 'av', 'cv2', 'pandas', 'numba'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_facts_are_said_to_a_person_and_long_lists_are_cut():
    from jobs.cli.common import facts_text

    said = facts_text({"name": "a", "ids": [f"s{i}" for i in range(1000)], "none": [], "rows": {"image": {"train": 1}}, "gone": None})
    assert said.splitlines() == ["name  a", "ids   1000: s0; s1; s2; s3; s4; …", "none  -", "rows  image (train 1)", "gone  -"]


@pytest.mark.parametrize("error", [
    FileNotFoundError(2, "No such file or directory", "/no/where"), NotADirectoryError(20, "Not a directory", "/a/file/x"),
    IsADirectoryError(21, "Is a directory", "/a/folder"), PermissionError(13, "Permission denied", "/closed/x"),
    OSError(30, "Read-only file system", "/ro/x"), OSError(30, "Read-only file system", "/ro/_lock.json.17453.tmp")])
def test_a_file_that_cannot_be_used_is_said_in_one_line(error, monkeypatch, capsys):
    def fails(args):
        raise error

    monkeypatch.setattr("jobs.cli.funnel.main", fails)
    assert main(["funnel"]) == 64
    said = capsys.readouterr().err
    assert said.startswith(f"reelmill: {error.filename.removesuffix('.17453.tmp')}: ")
    assert re.search(r"; (give|change)", said), "the way out is named"
    assert said.count("\n") == 1


def test_a_fault_of_the_program_keeps_its_trace(monkeypatch):
    def fails(args):
        raise OSError(9, "Bad file descriptor")

    monkeypatch.setattr("jobs.cli.funnel.main", fails)
    with pytest.raises(OSError, match="Bad file"):
        main(["funnel"])


@pytest.mark.parametrize(("words", "says"), [
    (["train", "clip", "--out", "{tmp}/a.txt"], "a.txt: this is a file"),
    (["train", "clip", "--out", "{tmp}/m", "--seconds", "-1"], "--seconds -1"),
    (["train", "clip", "--out", "{tmp}/m", "--seconds", "nan"], "--seconds nan"),
    (["train", "clip", "--out", "{tmp}/m", "--seed", "-1"], "--seed -1: give 0 or more"),
    (["train", "clip", "--out", "{tmp}/m", "--seed", "9223372036854775808"], "give less than 2 ** 63"),
    (["run", "measure", "--source", "{tmp}", "--lake", "{tmp}/lake"], "--source belongs to `reelmill run collect`"),
    (["check", "clips", "--of", "fuse", "--lake", "{tmp}/lake"], "fuse makes no `clips`; it makes samples, rejects"),
    (["build", "{tmp}", "--lake", ""], "runtime.lake = ''"),
    (["build", "", "--lake", "{tmp}/lake"], "no name"),
    (["build", "{tmp}/a.txt", "--lake", "{tmp}/a.txt"], "a.txt: a file, and a lake is a folder"),
    (["funnel", "--lake", "{tmp}/a.txt"], "a.txt: a file, and a lake is a folder"),
    (["report", "--lake", "{tmp}/lake", "--out", "{tmp}"], "this is a folder; name the file to write"),
    (["explain", "x", "--lake", "{tmp}/lake", "--html", "{tmp}"], "this is a folder; name the file to write"),
    (["funnel", "--lake", "{tmp}/no lake"], "makes one"),
])
def test_words_that_cannot_be_meant_are_refused_before_any_work(words, says, tmp_path, capsys):
    (tmp_path / "a.txt").write_text("a quiet morning at the lake")
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake" / "lake.json").write_text('{"schema_version": 1}')
    assert main([word.replace("{tmp}", str(tmp_path)) for word in words]) == 64
    assert says in capsys.readouterr().err
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("words", [["build", "{tmp}"], ["run", "collect", "--source", "{tmp}"], ["generate", "--prompt", "the sea at dawn"]])
@pytest.mark.parametrize(("setting", "says"), [
    ("policy.filters.duratoin.min_s=3", "the nearest is 'duration'"),
    ("policy.filters.duration.min=3", "the nearest is 'min_s'"),
    ("policy.filters.duration.min_s=short", "duration"),
    ('label.labelers=["ocrr"]', "the nearest is 'ocr'"),
    ("runtime.device=gpu", "runtime.device = 'gpu': Input should be 'auto', 'cpu' or 'cuda'"),
])
def test_settings_that_do_not_hold_are_said_before_the_first_job(words, setting, says, tmp_path, capsys):
    (tmp_path / "a.txt").write_text("a quiet morning at the lake")
    lake = tmp_path / "lake"
    assert main([*(word.replace("{tmp}", str(tmp_path)) for word in words), "--lake", str(lake), "--set", setting]) == 64
    assert says in capsys.readouterr().err
    assert not lake.exists()


def test_a_model_that_is_not_there_is_said_before_anything_is_decoded(tmp_path, capsys):
    (tmp_path / "a.txt").write_text("a quiet morning at the lake")
    assert main(["build", str(tmp_path), "--lake", str(tmp_path / "lake"), "--set", "label.clip_model=local-dir:/no/where"]) == 64
    assert "/no/where" in capsys.readouterr().err
    assert not (tmp_path / "lake").exists()


@pytest.mark.parametrize("source", ["{tmp}/nothing", "{tmp}/empty"])
def test_a_build_of_nothing_leaves_no_folder(source, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert main(["build", source.replace("{tmp}", str(tmp_path)), "--lake", str(tmp_path / "lake")]) == 64
    assert capsys.readouterr().err.startswith("reelmill: " + source.replace("{tmp}", str(tmp_path)))
    assert not (tmp_path / "lake").exists()


def test_the_list_of_settings_has_the_thresholds_in_force(capsys):
    words = ["list", "--settings-names", "--json", "--set", "policy.preset=finetune", "--set", "policy.filters.duration.min_s=3"]
    assert main(words) == 0
    told = json.loads(capsys.readouterr().out)
    of_duration = {n.rpartition(".")[2]: v for n, v in told.items() if n.startswith("recipe.policy.filters.duration.")}
    assert (of_duration["severity"], of_duration["min_s"], of_duration["max_s"]) == ("stop", 3.0, 20.0)
    assert {n.split(".")[3] for n in told if n.startswith("recipe.policy.filters.")} == set(filters())
    for name, value in told.items():  # each is a setting that can be given back as it stands
        if name.startswith("recipe.policy.filters."):
            load([f"{name}={json.dumps(value)}"], env={})
    resolve(load([f"{n}={json.dumps(v)}" for n, v in told.items() if n.startswith("recipe.policy.filters.")], env={}).recipe.policy)


def test_the_list_of_settings_is_written_as_settings_are_given(capsys):
    assert main(["list", "--settings-names"]) == 0
    lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()[1:]]
    told = {name: json.loads(value) for name, value in lines}
    assert (told["recipe.dedup.across_releases"], told["recipe.label.max_unsafe"]) == (False, None)
    load([f"{name}={value}" for name, value in lines], env={})


@pytest.mark.parametrize("word", ["\x1b]0;owned\x07\x1b[31mred.mp4", "two\nlines.mp4", "carriage\rreturn", "\u202egnp.exe", "\x9b31m"])
def test_a_name_does_nothing_to_the_terminal(word, capsys):
    shown = [table([(word, 1)], ("name", "n")), facts_text({"name": word})]
    assert [len(text.splitlines()) for text in shown] == [2, 1]
    show({}, False, shown[0])
    note(f"{word.splitlines()[0]}: gone")
    out, err = capsys.readouterr()
    assert all(c.isprintable() or c == "\n" for c in out + err)


@pytest.mark.parametrize(("words", "says"), [
    (["buld", "in"], "the nearest is 'build'"), (["build", "in", "--lak", "x"], "unrecognized arguments: --lak"), (["xyzzy"], "there is no command 'xyzzy'; see")])
def test_a_word_that_is_not_one_is_not_guessed_at(words, says, capsys):
    with contextlib.suppress(SystemExit):
        assert main(words) == 64
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(("sets", "others"), [
    (["policy.preset=finetune", "runtime.device=cpu"], []),
    (["dedup.threshold=0.9", "policy.filters.duration.min_s=3", '{"fuse": {"cut": "copy"}}'], ["dedup", "fuse"]),
    (["dedup.threshold=0.8"], []),  # as it is without
])
def test_whatif_names_what_it_does_not_count(sets, others):
    assert whatif.others(argparse.Namespace(sets=sets, settings=None)) == others


def test_work_goes_on_when_nobody_reads_what_it_says(tmp_path):
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "a.txt").write_text("a quiet morning at the lake")
    lake = str(tmp_path / "lake")
    assert main(["run", "collect", "--source", str(tmp_path / "sources"), "--lake", lake]) == 0
    gone, pipe = os.pipe()
    os.close(gone)
    done = subprocess.run([sys.executable, "-m", "jobs", "run", "clean", "--lake", lake], stderr=pipe, check=False, timeout=300)
    os.close(pipe)
    assert done.returncode == 0
    assert {p.stem for p in (tmp_path / "lake" / "_current").iterdir()} == {"collect", "measure", "judge"}


def test_a_result_that_nobody_reads_is_no_success():
    gone, pipe = os.pipe()
    os.close(gone)
    done = subprocess.run([sys.executable, "-m", "jobs", "list", "--jobs"], stdout=pipe, stderr=subprocess.PIPE, check=False, timeout=300)
    os.close(pipe)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize("command", ["explain", "takedown"])
def test_a_name_that_is_not_utf8_is_looked_for_as_it_is_stored(command: str) -> None:
    """The word of the shell has a lone surrogate, which no table can hold."""
    args = parser_of(command).parse_args([os.fsdecode(b"data/caf\xe9.mp4")])
    assert (getattr(args, "id", None) or args.source) == "data/caf\\xe9.mp4"

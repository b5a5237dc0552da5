"""A bad batch is stopped: the gate fails without a retry and says why, and nothing behind it runs."""

import json
import os
import re
import stat
import sys
from types import SimpleNamespace

import pytest

from dags.common.tasks import Command, Failed, Refused, settings_of
from dags.run_once import Board, main
from jobs.lake import Lake
from quality.run import gate_of
from schemas import DUPLICATES

pytestmark = pytest.mark.airflow
CONTEXT: dict = {}
"""What Airflow tells a task of its run, in tests where that is nothing."""


def reelmill(folder, script: str):
    """A command `reelmill` on the PATH that notes its words and then does what a test wants."""
    command = folder / "reelmill"
    notes = f'echo "$@" >> {folder}/words\necho "$AIRFLOW_CTX_DAG_ID $AIRFLOW_CTX_DAG_RUN_ID" >> {folder}/runs\n(cat "$REELMILL_SETTINGS"; echo) >> {folder}/settings'
    command.write_text(f"#!/bin/bash\n{notes}\n{script}\n")
    command.chmod(command.stat().st_mode | stat.S_IEXEC)
    return command


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A folder in front of the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}")
    return folder


def said(folder) -> list[str]:
    return [" ".join(line.split()[:2]) for line in (folder / "words").read_text().splitlines()]


def test_a_bad_table_stops_the_dag_with_a_readable_line(tmp_path, path, airflow_home, capsys):
    """Jobs are stood in for; the gate is the real command on a fabricated bad version."""
    gate, lake = gate_of("duplicates"), Lake(str(tmp_path / "lake")).open(create=True)
    rows = DUPLICATES.rows([{**gate.good.rows[0], "keeper_id": gate.good.rows[0]["loser_id"]}])
    file = lake.write_part(DUPLICATES, "f" * 12, "dedup-00000.parquet", rows)
    facts = {"fingerprint": "f" * 12, "job": "dedup", "code": 1, "parents": {}, "schema_version": 1, "seen": 9, "kept": 8,
             "rejected": {"duplicate": 1}, "recipe": {}, "measured": [], "started": "2026-01-01T00:00:00+00:00",
             "finished": "2026-01-01T00:00:01+00:00", "table": "duplicates", "rows": 1, "files": [file]}
    lake.write_json(facts, "duplicates", "f" * 12, "manifest.json")
    lake.write_json({"fingerprint": "f" * 12}, "_current", "dedup.json")
    reelmill(path, f'if [ "$1 $2" = "check duplicates" ]; then exec {sys.executable} -m jobs "$@"; fi; echo done')

    code = main(["build_corpus", "--home", str(airflow_home), "--conf", json.dumps({"lake": lake.root})])

    told = capsys.readouterr()
    assert code == 64
    assert said(path)[-1] == "check duplicates", "nothing behind the gate was started"
    assert "run dedup" in said(path)
    assert said(path).count("check duplicates") == 1, "a terminal failure is not tried again"
    reason = told.err.strip().splitlines()[-1]
    assert "gate stopped duplicates@ffffffffffff: a loser must not be its own keeper: 1 of 1 rows (100 %)" in reason
    assert gate.good.rows[0]["loser_id"] in reason
    assert "failed   check_duplicates" in told.out


@pytest.mark.parametrize(("code", "ends"), [(64, 64), (75, 75), (1, 1)])
def test_the_exit_code_is_that_of_the_command(path, airflow_home, capsys, code, ends):
    reelmill(path, f'if [ "$2" = measure ]; then echo "measure: the reason" >&2; exit {code}; fi; echo done')
    assert main(["build_corpus", "generate_videos", "--home", str(airflow_home), "--quiet"]) == ends
    assert said(path) == ["run collect", "check sources", "run measure"], "neither later tasks nor the second DAG ran"
    assert capsys.readouterr().err.strip().endswith("measure: the reason")


def test_both_flows_run_in_order_and_what_is_typed_is_never_shell(path, airflow_home, tmp_path, capsys):
    reelmill(path, 'echo "did $2"')
    nasty = "$(touch /tmp/x); `id` \"'\n 西藏 {{ 7*7 }}"
    conf = {"sources": [nasty], "lake": str(tmp_path / "a lake"), "prompts": ["今天去了西藏"],
            "settings": {"prompts": {"count": 2}}}
    assert main(["build_corpus", "generate_videos", "--home", str(airflow_home), "--conf", json.dumps(conf)]) == 0
    assert said(path) == [
        "run collect", "check sources", "run measure", "check clips", "run judge", "check rejects", "run dedup",
        "check duplicates", "run label", "check labels", "run fuse", "check samples", "run prompts", "check prompts",
        "run generate", "check generations", "run publish", "check publications"]
    runs = (path / "runs").read_text().splitlines()
    assert [len(set(lines)) for lines in (runs[:12], runs[12:], runs)] == [1, 1, 2], "a command knows the run that it belongs to"
    assert all(len(run.split()) == 2 for run in runs)
    first = json.loads((path / "settings").read_text().splitlines()[0])
    assert first["runtime"]["sources"] == [nasty]
    assert first["recipe"]["prompts"] == {"count": 2}
    assert "did publish" in capsys.readouterr().out


@pytest.mark.parametrize(("code", "attempt", "again"), [(75, 3, True), (75, 20, True), (1, 2, True), (1, 3, False), (64, 1, False)])
@pytest.mark.parametrize("cleared", [0, 7])
def test_a_busy_lake_is_waited_for_and_other_failures_are_tried_thrice(path, code, attempt, again, cleared):
    reelmill(path, f"echo reason; exit {code}")
    task = Command(task_id="t", words="run fuse", retries=20)
    task.env = {"REELMILL_SETTINGS": '{"lake": "/lake"}'}
    with pytest.raises(Failed if again else Refused, match="reason"):
        task.execute({"ti": SimpleNamespace(try_number=attempt + cleared, max_tries=20 + cleared)})


def test_a_relative_folder_is_one_of_who_started_the_run(path, airflow_home, tmp_path, monkeypatch):
    reelmill(path, f"pwd >> {path}/where")
    monkeypatch.chdir(tmp_path)
    assert main(["capture_live", "--home", str(airflow_home), "--quiet", "--conf", '{"folder": "landing"}']) == 0
    assert (path / "where").read_text().split() == [str(tmp_path)]


@pytest.mark.parametrize(("words", "tree", "said"), [
    ("capture", {}, "capture.folder './landing'"),
    ("capture", {"capture": {"folder": ""}}, "capture.folder ''"),
    ("capture", {"capture": {"folder": "/landing"}}, None),
    ("run collect", {"lake": "/lake", "sources": ["/a", "raw"]}, "sources 'raw'"),
    ("run collect", {"lake": "s3://lake", "sources": ["s3://raw", "/a"]}, None),
    ("check samples", {}, "lake './lake'"),
    ("run publish", {"lake": "/lake", "out": "videos"}, "out 'videos'"),
])
def test_a_relative_folder_of_a_scheduled_run_is_refused(path, words, tree, said):
    """A task is started in a folder that is removed behind it: what was recorded there was lost, and the task a success."""
    reelmill(path, "echo done")
    task = Command(task_id="t", words=words)
    task.env = {"REELMILL_SETTINGS": json.dumps(tree)}
    if said is None:
        assert task.execute(CONTEXT) == "done"
    else:
        with pytest.raises(Refused, match=re.escape(said)):
            task.execute(CONTEXT)
        assert not (path / "words").exists()


@pytest.mark.parametrize("prompts", [["\u767d" * 2000] * 23, ["cat \ud83d"]], ids=["more than a word of the environment holds", "half a sign"])
def test_whatever_was_typed_arrives(path, prompts):
    list_ = f'{sys.executable} -m jobs list --settings-names "${{@:3}}" | grep -c "^recipe.prompts.texts"'
    reelmill(path, f'echo "$REELMILL_SETTINGS" > {path}/file; stat -c %a "$REELMILL_SETTINGS" > {path}/mode; {list_}')
    task = Command(task_id="t", words="run prompts")
    task.env = {"REELMILL_SETTINGS": settings_of({"lake": "/lake", "prompts": prompts, "settings": {}})}
    assert task.execute(CONTEXT) == "1"
    assert (path / "mode").read_text() == "600\n"
    assert json.loads((path / "settings").read_text())["recipe"]["prompts"]["texts"] == prompts
    assert not os.path.exists((path / "file").read_text().strip()), "nothing is left behind"


def test_a_setting_that_does_not_exist_is_refused_before_anything_runs(path, airflow_home, capsys):
    reelmill(path, "exit 0")
    assert main(["build_corpus", "--home", str(airflow_home), "--conf", '{"settings": {"dedup": {"treshold": 1}}}']) == 64
    assert "'dedup.threshold'" in capsys.readouterr().err
    assert not (path / "words").exists()


def test_the_board_keeps_the_first_reason():
    class Stop(Exception):
        exit_code = 75

    board = Board(quiet=True)
    task = type("T", (), {"task_id": "a"})()
    board.failed({"ti": task, "exception": Stop("first")})
    board.failed({"ti": task, "exception": ValueError("second")})
    assert (board.reason, board.exit_code) == ("first", 75)



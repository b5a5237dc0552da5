"""Storyboards are written before anything is filmed, edited by a person, and filmed as they were edited."""

import json

import pytest

from jobs.__main__ import main
from jobs.prompts.files import read_storyboards
from jobs.prompts.job import planned
from schemas.loading import load

SEED = "今天去了西藏，风景真的很美，我想和朋友们分享这个时刻。"
PARAGRAPH = "We drove to the sea at dawn. Then it rained over the forest. In the evening the city lit up. At night snow fell."


def test_a_plan_is_written_and_nothing_is_made(tmp_path, capsys):
    file = tmp_path / "plan.json"
    words = ["generate", "--prompt", SEED, "--prompt", PARAGRAPH, "--aspect", "1:1", "--lake", str(tmp_path / "lake")]
    assert main([*words, "--plan", str(file)]) == 0
    assert not (tmp_path / "lake").exists()
    chinese, english = json.loads(file.read_text())
    assert (chinese["text"], chinese["lang"], chinese["aspect"]) == (SEED, "zh", "1:1")
    assert "".join(shot["narration"] for shot in chinese["shots"]) == SEED
    assert len(english["shots"]) >= 4
    assert f"--storyboard {file}" in capsys.readouterr().err
    assert main([*words, "--plan"]) == 0
    assert json.loads(capsys.readouterr().out) == [chinese, english]


def test_what_was_edited_is_what_is_filmed(tmp_path):
    file = tmp_path / "plan.json"
    assert main(["generate", "--prompt", SEED, "--plan", str(file)]) == 0
    (board,) = json.loads(file.read_text())
    board["shots"] = [{"prompt": "a mountain lake at sunset", "narration": "我们到了湖边。", "duration_s": 4.5}]
    file.write_text(json.dumps(board, ensure_ascii=False))
    texts = read_storyboards(file, load([], env={}).recipe.prompts)
    (row,), rejected = planned(load([f"prompts.texts={json.dumps(texts)}"], env={}), None)
    assert rejected == []
    assert row["shots"] == [{"prompt": "a mountain lake at sunset", "narration": "我们到了湖边。", "duration_s": 4.5, "note": None}]
    assert (row["text"], row["lang"]) == (SEED, "zh")


def test_a_plan_that_was_not_edited_is_the_plan(tmp_path, capsys):
    file = tmp_path / "plan.json"
    assert main(["generate", "--prompt", SEED, "--plan", str(file)]) == 0
    assert main(["generate", "--storyboard", str(file), "--plan"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(file.read_text())


@pytest.mark.parametrize(("text", "says"), [
    ("{", "line 1: not JSON"), ('{"text": "x"}', "item 1: no storyboard"), ('["x"]', "item 1: no storyboard"), ("[]", "no storyboard in it"),
    ('{"shots": []}', "item 1: it has no shots"), ('{"shots": [{"prompt": "x"}], "sed": 3}', "item 1: unknown field 'sed'"),
    ('[{"shots": [{"prompt": "x"}]}, {"shots": [{"narration": "x"}]}]', "item 2: shot 1 has no `prompt`"),
])
def test_a_file_that_is_no_storyboard_says_where(text, says, tmp_path, capsys):
    file = tmp_path / "board.json"
    file.write_text(text)
    assert main(["generate", "--storyboard", str(file), "--plan"]) == 64
    assert says in capsys.readouterr().err


def test_a_prompt_that_cannot_be_planned_says_why(tmp_path, capsys):
    assert main(["generate", "--prompt", "🙂", "--plan"]) == 64
    assert "empty_prompt" in capsys.readouterr().err
    assert main(["generate", "--lake", str(tmp_path / "none"), "--plan"]) == 64

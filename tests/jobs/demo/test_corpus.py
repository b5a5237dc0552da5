"""The sample corpus is rendered once, and again where that did not come to its end."""

import json

import pytest

from jobs.demo import corpus


@pytest.mark.parametrize("left", [None, "", '{"a.mp4": {"expect": "ke'])
def test_a_truth_that_was_not_written_to_its_end_is_written_again(left, tmp_path, monkeypatch):
    monkeypatch.setattr(corpus, "plan", lambda: ())  # the texts are there all the same
    note = tmp_path / "truth.json"
    if left is not None:
        note.write_text(left)
    truths = corpus.render(tmp_path / "sources")
    assert truths["texts.jsonl#L2"].expect == "duplicate"
    assert json.loads(note.read_text()).keys() == truths.keys()
    (tmp_path / "sources" / "texts.jsonl").unlink()
    assert corpus.render(tmp_path / "sources") == truths
    assert not (tmp_path / "sources" / "texts.jsonl").exists(), "nothing was rendered again"

"""Every labeler judges its own examples, reads only what the contract has, and repeats itself."""

import pytest

from jobs.errors import Terminal
from jobs.label.labeler import Absent, Batch, cast, labelers
from schemas import CLIPS
from schemas.settings import Label

LABELERS = labelers()
EXAMPLES = [
    pytest.param(labeler, row, keys, id=f"{labeler.name}-{i}")
    for labeler in LABELERS.values()
    for i, (row, keys) in enumerate(labeler.examples)
]


@pytest.mark.parametrize(("labeler", "row", "expected"), EXAMPLES)
def test_a_labeler_says_what_its_examples_promise(labeler, row, expected):
    found = labeler.label(labeler.load(Label(), "cpu"), Batch([row]))
    assert [(f.key, f.text) for f in found if f.key != "quality" or f.text is None] == list(expected)
    assert all(f.clip_id == row["clip_id"] for f in found)


@pytest.mark.parametrize("labeler", LABELERS.values(), ids=LABELERS)
def test_a_labeler_reads_contract_columns_and_names_real_options(labeler):
    assert set(labeler.needs) <= set(CLIPS.schema.names)
    assert set(labeler.options) <= set(Label.model_fields)
    assert labeler.name == labeler.label.__module__.rsplit(".", 1)[1]


@pytest.mark.parametrize("settings", [Label(), Label(clip_model="a-name-that-is-not-here"), Label(caption_model="http://127.0.0.1:1/v1")],
                         ids=["default", "without a tower", "endpoint"])
@pytest.mark.parametrize("labeler", LABELERS.values(), ids=LABELERS)
def test_a_model_has_a_revision(labeler, settings):
    try:
        model = labeler.model(settings)
    except (Absent, Terminal):  # it makes no rows then
        return
    assert (model.name is None) == (model.revision is None)
    assert model.name is not None or labeler.name in ("motion_class", "quality", "speech"), "what has read with a model names it"


def test_the_identity_changes_with_its_options_and_with_nothing_else():
    tags = LABELERS["clip_tags"]
    model = LABELERS["language"].model(Label())
    same = tags.identity(Label(), model)
    assert tags.identity(Label(min_similarity=0.3, aesthetic_head="x"), model) == same
    assert tags.identity(Label(top_k=5), model) != same


def test_an_unknown_labeler_is_an_error_that_names_the_nearest():
    with pytest.raises(Terminal, match="clip_tags"):
        cast(Label(labelers=("clip_tag",)))


def test_a_sound_that_is_silent_throughout_is_no_better_than_one_that_is_hardly_heard():
    quality = LABELERS["quality"]

    def score(**facts):
        row = {"clip_id": "a", **dict.fromkeys(quality.needs), "clipping_share": 0.0, **facts}
        return {f.key: f.score for f in quality.label(None, Batch([row]))}

    silent, faint, short = score(silence_share=1.0), score(silence_share=1.0, loudness_lufs=-63.0), score(silence_share=0.0)
    assert silent == faint
    assert silent["part/loudness"] == 0.0
    assert "part/loudness" not in short, "too short for a loudness, and not silent"
    assert silent["quality"] < short["quality"]

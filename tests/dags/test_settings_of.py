"""The settings of a run come from the triggering asset, the form's object and its fields, in that order of strength."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from dags.common.tasks import Refused, day_of, effective, merged, run, settings_of


def test_fields_of_the_form_stand_for_settings_and_win():
    params = {"sources": ["a b", "$(rm)"], "lake": "s3://x/lake", "preset": "finetune", "prompts": None,
              "settings": {"recipe": {"policy": {"preset": "everything", "filters": {}}}, "runtime": {"device": "cpu"}}}
    assert json.loads(settings_of(params)) == {
        "recipe": {"policy": {"preset": "finetune", "filters": {}}},
        "runtime": {"device": "cpu", "sources": ["a b", "$(rm)"], "lake": "s3://x/lake"}}


def test_an_empty_form_says_nothing():
    assert json.loads(settings_of({"sources": None, "lake": None, "preset": None, "settings": {}})) == {}


def test_a_count_an_aspect_and_a_style_are_fields_of_their_own():
    form = {"prompts": None, "count": 3, "aspect": "1:1", "style": "education", "settings": {"prompts": {"count": 9, "seed": 2}}}
    known = effective(form).recipe.prompts
    assert (known.texts, known.count, known.aspect, known.style, known.seed) == ((), 3, "1:1", "education", 2)


def test_a_field_that_no_form_has_is_refused_with_the_nearest():
    with pytest.raises(Refused, match="no field 'promts' .* nearest is 'prompts'"):
        settings_of({"sources": ["a"], "promts": ["a cat"], "settings": {}})


def release(timestamp, **settings):
    return SimpleNamespace(timestamp=timestamp, extra={"settings": settings})


def test_a_run_started_by_a_release_has_the_settings_of_its_build():
    events = {"samples": [release(2, runtime={"lake": "/a", "device": "cpu"}), release(1, runtime={"lake": "/a"}, recipe={"prompts": {"texts": ["old"]}})]}
    assert json.loads(settings_of({"settings": {}}, events)) == {"runtime": {"lake": "/a", "device": "cpu"}}
    assert json.loads(settings_of({"lake": "/mine"}, events))["runtime"]["lake"] == "/mine"


@pytest.mark.parametrize("lakes", [("/a", "/b"), ("/a", None)])
def test_releases_in_several_lakes_are_not_taken_for_one(lakes):
    events = {"samples": [release(i, runtime={"lake": lake} if lake else {}) for i, lake in enumerate(lakes)]}
    with pytest.raises(Refused, match="several lakes .* /a, .*by hand for each"):
        settings_of({"settings": {}}, events)


def test_a_day_takes_the_place_of_its_name_in_the_sources():
    told = settings_of({"sources": ["s3://raw/{date}/", "extra"]}, None, "2026-03-04")
    assert json.loads(told)["runtime"]["sources"] == ["s3://raw/2026-03-04/", "extra"]


def test_a_run_on_request_is_about_today():
    """`reelmill trigger` names no date."""
    asked = SimpleNamespace(logical_date=None, run_after=datetime(2026, 3, 4, 23, 59, tzinfo=UTC))
    assert day_of(asked) == "2026-03-04"
    assert day_of(SimpleNamespace(logical_date=datetime(2026, 1, 2, tzinfo=UTC), run_after=asked.run_after)) == "2026-01-02"
    assert run("collect").env["REELMILL_SETTINGS"] == "{{ settings_of(params, triggering_asset_events, day_of(dag_run)) }}"


def test_a_day_takes_its_place_in_sources_of_the_environment_or_by_their_short_name_too(monkeypatch):
    """A scheduled run has an empty form: its sources are those that the worker was set up with."""
    monkeypatch.setenv("REELMILL_RUNTIME__SOURCES", '["s3://raw/{date}/"]')
    assert effective({"settings": {}}, None, "2026-03-04").runtime.sources == ("s3://raw/2026-03-04/",)
    assert json.loads(settings_of({"settings": {}}, None, None)) == {}
    assert effective({"settings": {"sources": ["/mine/{date}"]}}, None, "2026-03-04").runtime.sources == ("/mine/2026-03-04",)


def test_what_a_person_filled_in_is_stronger_than_the_environment_of_the_worker(monkeypatch):
    """Compose, the chart and `reelmill up` name the lake there: the form's own was passed over in silence."""
    monkeypatch.setenv("REELMILL_RUNTIME__LAKE", "/worker")
    monkeypatch.setenv("REELMILL_RECIPE__DEDUP__THRESHOLD", "0.5")
    known = effective({"lake": "/mine", "settings": {"dedup": {"threshold": 0.7}}})
    assert (known.runtime.lake, known.recipe.dedup.threshold) == ("/mine", 0.7)
    assert '--set "@$REELMILL_SETTINGS"' in run("collect").bash_command
    assert effective({"lake": None, "settings": {}}).runtime.lake == "/worker"


def test_a_setting_that_is_named_in_two_ways_has_one_value():
    """The short name of the form's object must not outlive the form's own field, nor the long one of a release that of the form."""
    events = {"samples": [SimpleNamespace(timestamp=1, extra={"settings": {"runtime": {"lake": "/old"}, "recipe": {"dedup": {"threshold": 0.5}}}})]}
    told = json.loads(settings_of({"lake": "/field", "settings": {"lake": "/object", "dedup": {"threshold": 0.7}}}, events))
    assert told == {"runtime": {"lake": "/field"}, "recipe": {"dedup": {"threshold": 0.7}}}


@pytest.mark.parametrize(("settings", "says"), [({"dedup": {"treshold": 1}}, "dedup.threshold"), ({"dedup": {"threshold": 7}}, "threshold = 7")])
def test_a_setting_that_does_not_hold_is_not_tried_again(settings, says):
    with pytest.raises(Refused, match=says):
        settings_of({"settings": settings}, None, "2026-03-04")


def test_environment_and_defaults_are_below_the_form(monkeypatch):
    monkeypatch.setenv("REELMILL_RECIPE__PUBLISH__APPROVAL", "true")
    assert effective({"settings": {}}).recipe.publish.approval is True
    assert effective({"settings": {"recipe": {"dedup": {"threshold": 0.7}}}}).recipe.dedup.threshold == 0.7


def test_merging_leaves_both_trees_as_they_were():
    below, over = {"a": {"b": 1}, "c": 2}, {"a": {"d": 3}}
    assert merged(below, over) == {"a": {"b": 1, "d": 3}, "c": 2}
    assert (below, over) == ({"a": {"b": 1}, "c": 2}, {"a": {"d": 3}})

import json

import pytest

from schemas.loading import known_names, load
from schemas.settings import Settings, SettingsError


def test_precedence_is_set_then_environment_then_file_then_default(tmp_path):
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"dedup": {"threshold": 0.5, "shingle": 4, "hamming": 3}}))
    env = {"REELMILL_RECIPE__DEDUP__THRESHOLD": "0.6", "REELMILL_RECIPE__DEDUP__SHINGLE": "5", "REELMILL_LOCK": "ignored"}
    dedup = load(["dedup.threshold=0.7"], str(file), env).recipe.dedup
    assert (dedup.threshold, dedup.shingle, dedup.hamming, dedup.permutations) == (0.7, 5, 3, 128)


def test_a_word_may_be_an_object_of_settings():
    env = {"REELMILL_RECIPE__DEDUP__THRESHOLD": "0.6"}
    found = load(['{"dedup": {"threshold": 0.7, "shingle": 4}, "runtime": {"lake": "/a"}}', "dedup.shingle=5"], '{"lake": "/b"}', env)
    assert (found.recipe.dedup.threshold, found.recipe.dedup.shingle, found.runtime.lake) == (0.7, 5, "/a")
    for wrong in ("{", '{"dedup": {"treshold": 1}}', "{}x"):
        with pytest.raises(SettingsError):
            load([wrong], env={})


@pytest.mark.parametrize(("name", "nearest"), [
    ("dedup.treshold", "dedup.threshold"), ("lak", "lake"), ("recipe.fuse.shard_byte", "fuse.shard_bytes")])
def test_an_unknown_name_suggests_the_nearest(name, nearest):
    with pytest.raises(SettingsError, match=nearest):
        load([f"{name}=1"], env={})


def test_an_unknown_name_in_a_file_suggests_the_nearest_too():
    with pytest.raises(SettingsError, match=r"label\.top_k"):
        load([], '{"label": {"topk": 3}}', env={})


def test_a_variable_may_leave_out_recipe_and_runtime():
    env = {"REELMILL_DEDUP__THRESHOLD": "0.6", "REELMILL_CAPTURE__FOLDER": "/in", "REELMILL_CAPTURE_LIVE_SCHEDULE": "@daily", "REELMILL_GPU_POOL": "a"}
    found = load([], env=env)
    assert (found.recipe.dedup.threshold, found.runtime.capture.folder) == (0.6, "/in")


def test_a_variable_that_lacks_the_second_underscore_is_no_word_into_the_wind():
    with pytest.raises(SettingsError, match="REELMILL_DEDUP_THRESHOLD: there is no such setting; write REELMILL_DEDUP__THRESHOLD"):
        load([], env={"REELMILL_DEDUP_THRESHOLD": "0.7"})


@pytest.mark.parametrize(("variable", "nearest"), [
    ("REELMILL_RUNTIME_LAKE", "REELMILL_RUNTIME__LAKE"), ("REELMILL_RECIPE_DEDUP_THRESHOLD", "REELMILL_RECIPE__DEDUP__THRESHOLD"),
    ("REELMILL_RECIPE__DEDUP__TRESHOLD", "REELMILL_RECIPE__DEDUP__THRESHOLD"), ("REELMILL_DEDUPE__SHINGLE", "REELMILL_RECIPE__DEDUP__SHINGLE")])
def test_a_variable_that_names_no_setting_is_refused_with_the_nearest(variable, nearest):
    with pytest.raises(SettingsError, match=rf"^{variable}: there is no such setting; the nearest is {nearest}$"):
        load([], env={variable: "1"})


@pytest.mark.parametrize("settings", [{"dedup": {"treshold": 1}}, {"dedup": {"threshold": 7}}, {"prompts": {"texts": [3]}}])
def test_a_fault_of_a_file_names_the_file(settings, tmp_path):
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(settings))
    with pytest.raises(SettingsError, match=rf"^{file}: "):
        load([], str(file), env={})


def test_where_a_wrong_value_was_given_last_is_named():
    wrong = {"REELMILL_RECIPE__DEDUP__THRESHOLD": "7"}
    with pytest.raises(SettingsError, match=r"^REELMILL_RECIPE__DEDUP__THRESHOLD: recipe\.dedup\.threshold = 7: "):
        load([], '{"dedup": {"threshold": 0.5}}', wrong)
    with pytest.raises(SettingsError, match=r"^recipe\.dedup\.threshold = 8: "):
        load(["dedup.threshold=8"], '{"dedup": {"threshold": 0.5}}', wrong)
    assert load(["dedup.threshold=0.8"], env=wrong).recipe.dedup.threshold == 0.8


@pytest.mark.parametrize("name", ["label.blocklist", "policy.filters.x.words"])
def test_half_a_character_is_no_value(name):
    with pytest.raises(SettingsError, match=r"U\+D83D"):
        load([name + r'=["\ud83d"]'], env={})
    assert load([r'prompts.texts=["a \ud83d"]'], env={}), "texts are cleaned where they are read"


def test_how_to_write_a_list_is_said():
    with pytest.raises(SettingsError, match=r"""write '\["violence"\]'$""") as refused:
        load(["label.blocklist=violence"], env={})
    assert load(["label.blocklist=" + str(refused.value).split("'")[-2]], env={}).recipe.label.blocklist == ("violence",)


def test_a_settings_file_may_begin_with_a_byte_order_mark(tmp_path):
    file = tmp_path / "settings.json"
    file.write_bytes(b"\xef\xbb\xbf" + json.dumps({"dedup": {"threshold": 0.5}}).encode())
    assert load([], str(file), env={}).recipe.dedup.threshold == 0.5


def test_a_value_that_does_not_hold_is_named_with_its_setting():
    with pytest.raises(SettingsError, match=r"recipe\.dedup\.threshold = 7"):
        load(["dedup.threshold=7"], env={})


def test_a_file_of_settings_is_as_strong_as_a_word_where_it_stands_among_them(tmp_path):
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"dedup": {"threshold": 0.5, "shingle": 4}, "prompts": {"texts": ["half \ud83d"]}}))
    known = load(["dedup.shingle=2", f"@{file}", "dedup.threshold=0.7"], env={"REELMILL_RECIPE__DEDUP__SHINGLE": "3"}).recipe
    assert (known.dedup.threshold, known.dedup.shingle, known.prompts.texts) == (0.7, 4, ("half ",))
    with pytest.raises(SettingsError, match="cannot be read"):
        load([f"@{tmp_path}/none.json"], env={})


@pytest.mark.parametrize("text", ["", "[]", "{", "/no/such/file.json", '{"dedup": ' + "9" * 5000 + "}", '{"dedup": ' + "[" * 100_000])
def test_settings_that_are_not_an_object_are_refused(text):
    with pytest.raises(SettingsError):
        load([], text, env={})


def test_a_settings_file_that_is_no_text_is_named(tmp_path):
    file = tmp_path / "picture.png"
    file.write_bytes(b"\x89PNG\r\n")
    with pytest.raises(SettingsError, match=r"picture\.png.*UTF-8"):
        load([], str(file), env={})


@pytest.mark.parametrize("name", ["label.min_similarity", "generate.guidance"])
@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_no_number_is_no_value(name, value):
    """It would be compared with everything and break nothing."""
    with pytest.raises(SettingsError, match=rf"{name} = .*finite"):
        load([f"{name}={value}"], env={})


@pytest.mark.parametrize("value", ["1234567", "12e5", "true", "007", '"12e5"'])
def test_a_setting_that_is_a_text_takes_words_that_look_like_numbers(value):
    said = value.strip('"')
    assert load([f"generate.revision={value}"], env={}).recipe.generate.revision == said
    assert load([], env={"REELMILL_RECIPE__GENERATE__REVISION": value}).recipe.generate.revision == said


def test_a_value_in_the_place_of_names_is_told():
    with pytest.raises(SettingsError, match=r"policy\.filters = 3"):
        load(["policy.filters=3", "policy.filters.duration.min_s=3"], env={})


@pytest.mark.parametrize(("value", "why"), [("[]", "at least 1"), ('["folder:/a", "folder:/b"]', "'folder' is named more than once")])
def test_videos_go_to_one_place_of_each_kind_and_to_one_at_least(value, why):
    """Two of a kind gave two rows of one key; without any no video was made, and its prompt counted as kept."""
    with pytest.raises(SettingsError, match=rf"publish\.targets = .*{why}"):
        load([f"publish.targets={value}"], env={})
    assert load(['publish.targets=["folder:/a", "s3:b/c"]'], env={}).recipe.publish.targets == ("folder:/a", "s3:b/c")


def test_an_empty_lake_is_no_lake():
    """`--lake "$LAKE"` of a variable that is not set must not write to the default folder."""
    with pytest.raises(SettingsError, match=r"runtime\.lake = ''"):
        load(["lake="], env={})


def test_open_groups_take_names_that_only_their_stage_knows():
    assert load(['policy.filters.duration={"min_s": 3}'], env={}).recipe.policy.filters == {"duration": {"min_s": 3}}


def test_settings_survive_a_round_trip_through_json():
    given = load(["prompts.texts=[\"今天去了西藏\"]", "lake=s3://bucket/lake"], env={})
    assert load([], given.model_dump_json(), env={}) == given
    assert Settings.model_validate_json(given.model_dump_json()) == given


def test_every_setting_has_a_name_that_can_be_set():
    for name in known_names():
        value = Settings().model_dump(mode="json")
        for part in name.split("."):
            value = value[part]
        assert load([f"{name}={json.dumps(value)}"], env={}) == Settings()


@pytest.mark.parametrize("name", ["LAKE", "DEVICE", "SIGNING_KEY"])
def test_a_runtime_setting_without_its_section_is_said_and_not_passed_over(name: str) -> None:
    """Another lake would be read, and written."""
    with pytest.raises(SettingsError, match=f"REELMILL_{name}: .*write REELMILL_RUNTIME__{name}"):
        load(env={f"REELMILL_{name}": "x"})

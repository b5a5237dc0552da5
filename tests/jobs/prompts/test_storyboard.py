import itertools
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.prompts import grammar
from jobs.prompts.request import parse
from jobs.prompts.storyboard import MAX_SHOTS, PRESETS, Shot, as_request, edited, narrated, storyboard
from jobs.train import words as world
from schemas.settings import Prompts

SEED = "今天去了西藏，风景真的很美，我想和朋友们分享这个时刻。"
FOUR = (
    "We left the city before dawn, when the towers were still dark. By noon the road had climbed into the snowy mountains, "
    "where every peak looked close enough to touch. In the afternoon we came down to a quiet lake, and put up our tent on the "
    "shore. At sunset we reached the sea at last, and sat on the warm sand with old friends."
)


def test_the_seed_sentence_shows_snowy_mountains_and_says_everything() -> None:
    shots = storyboard(SEED, "zh", "creation", "world")
    assert "".join(s.narration for s in shots) == SEED
    assert all("雪山" in s.prompt for s in shots)
    assert "西藏" in str(shots[0].note)
    assert "carried over" in str(shots[-1].note)


def test_four_scenes_in_their_order_and_the_sand_beside_the_sea_is_no_desert() -> None:
    places = [next(p for p in ("city", "mountains", "lake", "sea", "desert") if p in s.prompt.replace("mountain lake", "lake"))
              for s in storyboard(FOUR, "en", "creation", "world")]
    assert list(dict.fromkeys(places)) == ["city", "mountains", "lake", "sea"]


@pytest.mark.parametrize(("text", "lang", "weather"), [
    ("The sea lay in fog. By nine the fog had lifted. Children ran along the beach.", "en", ["fog", "clear", "clear"]),
    ("山里下着小雨。后来小雨停了，阳光照下来。", "zh", ["rain", "clear"]),
    ("Rain fell on the city. We drove on to the desert. At night we slept.", "en", ["rain", "clear", "clear"]),
    ("Snow is falling in the forest. The trees were silent.", "en", ["snow", "snow"]),
])
def test_weather_ends_where_the_text_says_so_or_the_place_changes(text: str, lang: str, weather: list[str]) -> None:
    for shot, wanted in zip(storyboard(text, lang, "education", "world"), weather, strict=True):
        assert grammar.find(shot.prompt.replace("snowy mountains", ""), "weather")[1] == wanted  # type: ignore[index]


@pytest.mark.parametrize(("text", "lang"), [("We sat by the sea, and the sun went down slowly.", "en"), ("太阳下山了，我们坐在海边。", "zh")])
def test_a_sun_that_goes_down_is_a_sunset(text: str, lang: str) -> None:
    (shot,) = storyboard(text, lang, "education", "world")
    assert grammar.find(shot.prompt, "time")[1] == "sunset"  # type: ignore[index]


def test_a_default_scene_is_called_one() -> None:
    (shot,) = storyboard("他喜欢数学。", "zh", "education", "world")
    assert "default scene" in str(shot.note)


@pytest.mark.parametrize(
    ("text", "value"), [("西藏", "mountains"), ("海边", "sea"), ("downtown", "city"), ("pine forests", "forest")]
)
def test_words_for_places(text: str, value: str) -> None:
    assert grammar.find(f"… {text} …", "place") == (text, value) or grammar.find(text, "place")[1] == value  # type: ignore[index]


@pytest.mark.parametrize(
    ("traditional", "simplified"),
    [
        ("今天去了海邊，看日落", "今天去了海边，看日落"),
        ("夜晚的樹林下雪了", "夜晚的树林下雪了"),
        ("清晨的草原起霧了", "清晨的草原起雾了"),
        ("黃色的圓形向左移動，黑色背景", "黄色的圆形向左移动，黑色背景"),
    ],
)
def test_traditional_signs_show_the_same_scene(traditional: str, simplified: str) -> None:
    seen = grammar.see(traditional, 0, None)
    assert dict(seen.attributes) == dict(grammar.see(simplified, 0, None).attributes)
    assert "default" not in seen.note
    assert all(word.split(" → ")[0] in traditional for word in seen.note.split("; ") if "left open" not in word), "it quotes the text as it was written"


@pytest.mark.parametrize("text", ["seasonal", "nice", "spark", "icecream", "parked"])
def test_a_word_inside_another_is_no_place(text: str) -> None:
    assert grammar.find(text, "place") is None


def test_an_object_scene() -> None:
    seen = grammar.see("a red star moving left over a teal background", 0, None)
    assert dict(seen.attributes) == {"shape": "star", "colour": "red", "direction": "left", "background": "teal"}


def test_every_value_of_the_world_is_known_to_the_grammar_in_both_languages() -> None:
    for lang, names in world.WORDS.items():
        for key in ("place", "time", "weather"):
            for value, known in names[key].items():
                hit = grammar.find(known[0], key)
                assert hit is not None, (lang, key, known[0])
                assert hit[1] == value, (lang, key, known[0])


@given(
    st.lists(
        st.sampled_from(["我们去了海边", "the lake was still", "然后下雨了", "it rained", "，", "。", ". ", ", "]),
        min_size=1,
        max_size=60,
    )
)
def test_what_is_said_is_the_text(pieces: list[str]) -> None:
    text = "".join(pieces)
    shots = storyboard(text, "zh", "entertainment", "plain")
    assert len(shots) <= MAX_SHOTS
    said = re.sub(r"\W", "", "".join(s.narration for s in shots))
    assert said == re.sub(r"\W", "", text)


def test_plain_models_get_the_sentence_and_the_look() -> None:
    (shot,) = storyboard("A fox jumps over a fence.", "en", "promotion", "plain")
    assert shot.prompt == f"A fox jumps over a fence, {PRESETS['promotion'].look[0]}"
    assert shot.note is None


def test_plain_models_are_told_place_and_time_in_every_shot_until_others_are_named() -> None:
    first, second = storyboard(SEED, "zh", "creation", "plain")
    assert second.prompt == f"我想和朋友们分享这个时刻，西藏，今天，{PRESETS['creation'].look[1]}"
    assert (first.note, second.note) == (None, "place 西藏 carried over; time 今天 carried over")
    shots = storyboard("At dawn we left Lhasa. Nobody spoke. The lake was still at noon. We ate bread.", "en", "education", "plain")
    assert [s.prompt.removesuffix(f", {PRESETS['education'].look[0]}") for s in shots] == [
        "At dawn we left Lhasa", "Nobody spoke, Lhasa, at dawn", "The lake was still at noon", "We ate bread, lake, at noon"]


def test_slower_presets_make_fewer_shots() -> None:
    assert len(storyboard(FOUR, "en", "education", "plain")) < len(storyboard(FOUR, "en", "entertainment", "plain"))


def test_a_storyboard_can_be_written_edited_and_read() -> None:
    shots = [vars(s) for s in storyboard(SEED, "zh", "creation", "world")]
    text = as_request({"text": SEED, "lang": "zh", "style": "creation", "aspect": "1:1", "seed": 7, "shots": shots})
    tree = json.loads(text)
    tree["shots"][0]["duration_s"] = 5
    request = parse(json.dumps(tree, ensure_ascii=False), Prompts())
    assert (request.aspect, request.seed, request.text) == ("1:1", 7, SEED)
    assert request.shots[0].duration_s == 5.0
    assert request.shots[1].narration == shots[1]["narration"]


@pytest.mark.parametrize(("shots", "says"), [
    ([{"narration": "x"}], "no `prompt`"), ([{"prompt": "x", "camera": "in"}], "unknown field 'camera'"),
    ([{"prompt": "x", "duration_s": -1}], "duration_s = -1"), ([{"prompt": "x", "duration_s": "long"}], "duration_s"),
    (["x"], "no `prompt`"), ([], "0 shots"), ([{"prompt": "x"}] * (MAX_SHOTS + 1), "65 shots"),
    (5, "shots = 5 is not a list"), ({"prompt": "x"}, "is not a list"), ([{"prompt": None}], "no `prompt`"), ([{"prompt": " "}], "no `prompt`"),
    ([{"prompt": 7}], "prompt = 7 is not a text"), ([{"prompt": "x", "narration": ["y"]}], "narration = .* is not a text"),
    ([{"prompt": "x", "duration_s": True}], "duration_s = True"),
])
def test_a_wrong_storyboard_says_what_is_wrong(shots: list[object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        edited(shots)


def test_what_is_null_in_a_shot_is_not_there() -> None:
    assert edited([{"prompt": "sea", "narration": None, "duration_s": None, "note": None}]) == [Shot("sea", "", None)]


def test_what_shots_say_is_the_text_again():
    """No space comes into Chinese, none leaves English; a shot that says nothing adds none."""
    assert narrated(s.narration for s in storyboard(SEED, "zh", "creation", "world")) == SEED
    assert narrated(["The sea at dawn,", "", "then night."]) == "The sea at dawn, then night."
    assert narrated(["去了西藏", "Tibet", "很美"]) == "去了西藏Tibet很美"
    shots = [{"prompt": "a", "narration": "风景真的很美，"}, {"prompt": "b", "narration": "我想分享。"}]
    assert parse(json.dumps({"shots": shots}), Prompts()).text == "风景真的很美，我想分享。"


@pytest.mark.parametrize("kind", ["place", "object"])
def test_every_caption_that_the_model_was_trained_on_is_read_as_the_scene_that_it_says(kind: str) -> None:
    keys = ("place", "time", "weather", "camera") if kind == "place" else ("shape", "colour", "direction", "background")
    for values in itertools.product(*(world.WORDS["en"][key] for key in keys)):
        scene = dict(zip(keys, values, strict=True))
        for lang in world.LANGUAGES:
            for caption in world.captions(scene, lang):
                assert dict(grammar.see(caption, 0, None).attributes) == scene, caption


@pytest.mark.parametrize(("text", "shown"), [
    ("on a green background a purple ring moves left", {"colour": "purple", "shape": "ring", "direction": "left"}),
    ("白色背景上的蓝色方块向右", {"colour": "blue", "direction": "right"}), ("white background, a red star going up", {"colour": "red", "direction": "up"}),
    ("黑底上的白色圆形向下", {"colour": "white", "background": "black"}), ("a red circle on black moving left", {"background": "black", "direction": "left"}),
    ("a ball rolling left to right, brown background", {"direction": "right", "background": "brown"}), ("从左到右移动的红色方块", {"direction": "right"}),
    ("a red ball on a blue ball", {"colour": "red"}),
    ("It rained all day by the sea", {"place": "sea", "weather": "rain"}), ("It started to snow in the city", {"place": "city", "weather": "snow"}),
    ("a snow-covered forest at dawn", {"weather": "snow"}), ("a snowy mountain at dawn", {"place": "mountains", "weather": "clear"}),
    ("under a starry sky in the desert", {"time": "night"}), ("nightfall in the city", {"time": "night"}),
    ("下着雨的森林", {"weather": "rain"}), ("森林里飘着雪", {"weather": "snow"}), ("海上日出", {"place": "sea"}), ("夜里的海", {"place": "sea"}), ("海滩的海报", {"place": "sea"}),
    ("墙上的海报", {"place": "mountains"})])
def test_the_usual_ways_to_say_it(text: str, shown: dict[str, str]) -> None:
    assert shown.items() <= grammar.see(text, 0, None).attributes.items()


def test_what_is_left_open_is_said() -> None:
    assert grammar.see("the forest", 0, None).note.split("; ")[1:] == ["time left open: day", "weather left open: clear"]
    assert "background left open: gray" in grammar.see("on a green background a purple ring moves left", 0, None).note


@pytest.mark.parametrize(("text", "carried"), [
    ("Dr. Smith went to St. Louis at 5 p.m. He was tired.", "St. Louis"), ("I flew to Paris. The tower was tall.", "Paris"), ("She met Anna on Monday. Nobody spoke.", None),
    ("It was in January. Nobody spoke.", None), ("We drove through New York City. At the beach we swam. Then we slept.", "beach")])
def test_only_places_are_carried_over_to_plain_models(text: str, carried: str | None) -> None:
    last = storyboard(text, "en", "education", "plain")[-1]
    assert last.note == (carried and f"place {carried} carried over")

"""Captions say what a scene shows, in both languages, and can be read back."""

import random

import pytest

from jobs.train import words, world


@pytest.mark.parametrize("lang", words.LANGUAGES)
def test_every_caption_names_every_attribute(lang: str) -> None:
    for scene in world.scenes():
        names = [words.WORDS[lang][key][value][0] for key, value in scene.attributes.items()]
        captions = world.captions(scene, lang)
        assert len(set(captions)) == len(captions) >= 3
        assert all(name in caption for caption in captions for name in names)


@pytest.mark.parametrize("lang", words.LANGUAGES)
def test_a_caption_reads_back_as_the_attributes_it_was_made_from(lang: str) -> None:
    for scene in random.Random(1).sample(world.scenes(), 150):
        for caption in world.captions(scene, lang):
            assert words.parse(caption) == scene.attributes, caption


def test_a_remark_says_what_it_claims_to_say() -> None:
    rng = random.Random(2)
    for scene in rng.sample(world.scenes(), 200):
        text, said = words.remark(scene.attributes, rng.choice(words.LANGUAGES), rng)
        assert said.items() <= scene.attributes.items()
        assert said, text


@pytest.mark.parametrize("lang", words.LANGUAGES)
def test_where_a_caption_said_one_thing_only_a_remark_says_that(lang: str) -> None:
    rng = random.Random(4)
    for key in (*words.PLACE, *words.OBJECT):
        for value in words.ENGLISH[key]:
            text, said = words.remark({key: value}, lang, rng)
            assert said == {key: value}, text
            assert any(name in text for name in words.WORDS[lang][key][value]), text


def test_one_frame_is_not_said_to_move() -> None:
    rng = random.Random(3)
    for scene in rng.sample(world.scenes(), 200):
        _, said = words.remark(scene.attributes, rng.choice(words.LANGUAGES), rng, visible=True)
        assert not {"direction", "camera"} & set(said)


@pytest.mark.parametrize(("text", "place"), [
    ("今天去了西藏，风景真的很美，我想和朋友们分享这个时刻。", "mountains"),
    ("We went to the Sahara last week", "desert"),
])
def test_a_place_is_known_by_its_other_names(text: str, place: str) -> None:
    assert words.parse(text)["place"] == place


def test_nothing_is_read_into_other_texts() -> None:
    for text in ("a dog in the kitchen", "我想和朋友们分享这个时刻", "a lecture"):
        assert words.parse(text) == {}

"""The embedded model claims what it knows, in its own world, and nothing of the real one."""

import io
import random
import shutil
from pathlib import Path

import pytest
from PIL import Image

from jobs.label.labeler import Batch, labelers
from jobs.train import world
from schemas.settings import Label

PHOTOS = Path(__file__).parents[4] / "shared" / "media" / "image"


def stored(picture):
    """As the decode pass stores a frame."""
    scale = 224 / min(picture.size)
    sink = io.BytesIO()
    picture.convert("RGB").resize((round(picture.width * scale), round(picture.height * scale))).save(sink, "JPEG", quality=85)
    return sink.getvalue()


def row(name, picture, **texts):
    return {"clip_id": name, "frames": [{"t_s": 0.0, "jpeg": stored(picture)}], "title": None, "caption": None, "transcript": None, **texts}


def labelled(name, rows):
    labeler = labelers()[name]
    return labeler.label(labeler.load(Label(), "cpu"), Batch(rows))


@pytest.fixture(scope="module")
def drawn():
    scenes = random.Random(11).sample(list(world.scenes()), 60)
    return scenes, [Image.fromarray(world.render(s, width=320, height=180, frames=1, seed=4)[0]) for s in scenes]


def test_places_hours_weather_and_colours_of_its_world_are_tagged(drawn):
    scenes, pictures = drawn
    best = {}
    for found in labelled("clip_tags", [row(f"{i:02d}", p) for i, p in enumerate(pictures)]):
        group, tag = found.key.split("/")
        best.setdefault((found.clip_id, group), (tag, found.score))
    for group, least in (("place", 0.95), ("time", 0.95), ("weather", 0.95), ("colour", 0.95), ("background", 0.95), ("shape", 0.95)):
        right = [best[f"{i:02d}", group][0] == s.attributes.get(group, "unknown") for i, s in enumerate(scenes)]
        assert sum(right) / len(right) >= least, group


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_caption_of_the_scene_is_nearer_than_one_of_another(drawn, lang):
    scenes, pictures = drawn
    places = [(s, p) for s, p in zip(scenes, pictures, strict=True) if s.place]
    right = labelled("clip_text_similarity", [row(f"{i:02d}", p, caption=world.captions(s, lang)[0]) for i, (s, p) in enumerate(places)])
    wrong = labelled("clip_text_similarity", [row(f"{i:02d}", p, caption=world.captions(next(o for o, _ in places if o.place != s.place), lang)[0])
                                              for i, (s, p) in enumerate(places)])
    assert len(right) >= 0.9 * len(places)
    assert sum(a.score > b.score for a, b in zip(right, wrong, strict=True)) / len(right) >= 0.9


def test_photographs_are_unknown_to_it():
    if not PHOTOS.is_dir():
        pytest.skip("the photographs are not part of the repository")
    rows = []
    for file in sorted(PHOTOS.glob("*.*")):
        try:
            rows.append(row(file.name, Image.open(file), caption="a dog in a park"))
        except OSError:
            continue
    assert len(rows) > 20
    claimed = {f.clip_id for f in labelled("clip_tags", rows) if not f.key.endswith("/unknown")}
    assert len(claimed) / len(rows) <= 0.1, sorted(claimed)
    compared = {f.clip_id for f in labelled("clip_text_similarity", rows)}
    assert len(compared) / len(rows) <= 0.1, sorted(compared)


def test_consistency_tells_a_clip_with_a_missed_cut_from_one_without(drawn):
    scenes, _ = drawn
    films = [[stored(Image.fromarray(f)) for f in world.render(s, width=320, height=180, frames=4, seed=9)] for s in scenes[:24]]

    def consistency(clips):
        rows = [{"clip_id": f"{i:02d}", "frames": [{"t_s": float(k), "jpeg": j} for k, j in enumerate(c)]} for i, c in enumerate(clips)]
        return [f.score for f in labelled("clip_embedding", rows) if f.key == "consistency"]

    whole = consistency(films)
    cut = consistency([a[:2] + b[2:] for a, b in zip(films, films[1:], strict=False)])
    assert sum(c >= 0.8 for c in whole) >= 0.95 * len(whole), whole
    assert sum(c < 0.8 for c in cut) >= 0.95 * len(cut), cut


def test_a_model_that_was_trained_here_is_asked_about_its_own_world_whatever_its_folder(tmp_path):
    from jobs.label.vocabulary import groups
    from jobs.label.weights import EMBEDDED, find

    settings = Label(clip_model=f"local-dir:{shutil.copytree(EMBEDDED, tmp_path / 'mine')}")
    assert groups(settings) == groups(Label())
    known = find(settings.clip_model).revision
    card = tmp_path / "mine" / "card.json"
    card.write_text(card.read_text() + "\n")
    assert find(settings.clip_model).revision == known, "figures may be measured anew"
    told = card.read_text()
    card.unlink()
    assert find(settings.clip_model).revision != known, "it decides what the model is asked"
    card.write_text(told)
    safety, similarity = labelers()["safety"], labelers()["clip_text_similarity"]
    photo = dict.fromkeys(safety.needs) | row("photo", Image.effect_noise((320, 240), 90).convert("RGB"), caption="a street in the rain")
    assert not [f for f in safety.label(safety.load(settings, "cpu"), Batch([photo])) if f.key == "unsafe" or f.key.startswith("concept")]
    assert similarity.label(similarity.load(settings, "cpu"), Batch([photo])) == []

"""Safety: what a classifier by path says, and whose word counts."""

import json

import pytest

from jobs.errors import Terminal
from jobs.label.labeler import Batch, labelers
from jobs.label.labelers import safety
from schemas.settings import Label


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    """A shrunk ViT of random weights with the classes of a usual NSFW model."""
    import torch
    from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessor

    folder = tmp_path_factory.mktemp("classifier")
    torch.manual_seed(2)
    config = ViTConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, image_size=32, patch_size=16,
                       id2label={0: "Normal", 1: "nsfw", 2: "gore"}, label2id={"Normal": 0, "nsfw": 1, "gore": 2})  # fmt: skip
    ViTForImageClassification(config).save_pretrained(folder)
    ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder


def rows(kit, *counts):
    texts = dict.fromkeys(safety.TEXTS)
    return [{"clip_id": f"c{i}", "frames": [{"t_s": 0.0, "jpeg": kit.jpeg(9 * i + k)} for k in range(n)] or None, **texts} for i, n in enumerate(counts)]


def labelled(settings, batch):
    labeler = labelers()["safety"]
    return labeler.label(labeler.load(settings, "cpu"), Batch(batch))


def test_a_classifier_by_path_gives_its_classes_and_the_worst_frame_counts(classifier, kit):
    settings = Label(safety_model=str(classifier), batch=4)
    whole = labelled(settings, rows(kit, 3, 0, 2))
    by = {(f.clip_id, f.key): f.score for f in whole}
    assert {k for c, k in by if c == "c0"} == {"unsafe", "class/Normal", "class/nsfw", "class/gore"}
    assert not any(c == "c1" for c, _ in by)
    assert by["c0", "unsafe"] == pytest.approx(by["c0", "class/nsfw"] + by["c0", "class/gore"], abs=2e-5)
    frames = [{**rows(kit, 3)[0], "clip_id": f"f{i}", "frames": rows(kit, 3)[0]["frames"][i : i + 1]} for i in range(3)]
    assert by["c0", "unsafe"] == max(f.score for f in labelled(settings, frames) if f.key == "unsafe")
    model = labelers()["safety"].model(settings)
    assert str(classifier) in model.name
    assert model.revision != labelers()["safety"].model(Label()).revision


def test_its_word_counts_before_that_of_clip(classifier, random_clip, kit):
    both = labelled(Label(safety_model=str(classifier), clip_model=f"local-dir:{random_clip}"), rows(kit, 2))
    alone = labelled(Label(safety_model=str(classifier)), rows(kit, 2))
    assert [f for f in both if f.key == "unsafe"] == [f for f in alone if f.key == "unsafe"]
    assert {f.key for f in both} >= {"concept/nudity", "class/nsfw"}


def test_a_classifier_that_cannot_be_used_is_refused(classifier, tmp_path):
    import shutil

    from safetensors.torch import load_file, save_file

    with pytest.raises(Terminal, match=r"config\.json"):
        safety.model(Label(safety_model=str(tmp_path)))
    folder = tmp_path / "m"
    shutil.copytree(classifier, folder)
    weights = load_file(folder / "model.safetensors")
    save_file({n: w for n, w in weights.items() if "classifier" not in n}, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(Terminal, match="missing"):
        labelled(Label(safety_model=str(folder)), [])
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    facts = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(facts | {"id2label": {"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"}}))
    with pytest.raises(Terminal, match="LABEL_0"):
        labelled(Label(safety_model=str(folder)), [])


@pytest.mark.parametrize(("change", "says"), [
    ({"id2label": {"0": "safe", "1": "gore", "2": "gore"}}, "two of its classes are called 'gore'"),
    ({"id2label": {"0": "safe", "1": "normal", "2": "drawings"}}, "all its classes .* are called harmless"),
    ({"problem_type": "multi_label_classification"}, "several of its classes"),
], ids=["one name twice", "nothing unsafe", "not one of them"])  # fmt: skip
def test_classes_from_which_no_probability_of_harm_follows_are_refused(classifier, tmp_path, change, says):
    import shutil

    folder = tmp_path / "m"
    shutil.copytree(classifier, folder)
    (folder / "config.json").write_text(json.dumps(json.loads((folder / "config.json").read_text()) | change))
    with pytest.raises(Terminal, match=says):
        labelled(Label(safety_model=str(folder)), [])


def test_answers_that_are_not_numbers_are_an_error(classifier, tmp_path, kit):
    import shutil

    from safetensors.torch import load_file, save_file

    folder = tmp_path / "m"
    shutil.copytree(classifier, folder)
    weights = load_file(folder / "model.safetensors")
    save_file({n: w * float("nan") for n, w in weights.items()}, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(Terminal, match="NaN"):
        labelled(Label(safety_model=str(folder)), rows(kit, 1))

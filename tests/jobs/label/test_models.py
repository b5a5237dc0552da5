"""Models: what is refused, what is out of reach, and that real classes of model load by path."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from jobs.errors import Terminal
from jobs.label import clip
from jobs.label.labeler import Batch, labelers
from jobs.label.labelers.aesthetic import read
from jobs.label.weights import find, folder_revision
from schemas.settings import Label


def test_a_pickle_is_refused(random_clip, tmp_path):
    folder = tmp_path / "pickled"
    shutil.copytree(random_clip, folder)
    (folder / "open_clip_model.safetensors").rename(folder / "open_clip_pytorch_model.bin")
    with pytest.raises(Terminal, match="pickle"):
        find(f"local-dir:{folder}")
    (tmp_path / "w.pt").write_bytes(b"x")
    with pytest.raises(Terminal, match="pickle"):
        find("ViT-B-32", str(tmp_path / "w.pt"))


@pytest.mark.parametrize("name", ["w.PT", "w.th", "w.pth.tar", "w.npz", "weights"])
def test_a_checkpoint_that_is_not_called_safetensors_is_refused(name, tmp_path):
    """open_clip tells by the name how to read it."""
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(Terminal, match="pickle"):
        find("ViT-B-32", str(tmp_path / name))


@pytest.mark.parametrize("file", ["open_clip_config.json", "tokenizer.json", "vocab.txt"])
def test_what_stands_beside_the_weights_names_another_revision(random_clip, tmp_path, file):
    folder = tmp_path / "clip"
    shutil.copytree(random_clip, folder)
    before = find(f"local-dir:{folder}").revision
    (folder / "card.json").write_text("{}")
    assert find(f"local-dir:{folder}").revision == before, "figures about a model are none of it"
    text = (folder / file).read_text() if (folder / file).exists() else ""
    (folder / file).write_text(text + "\n")
    assert find(f"local-dir:{folder}").revision != before


def test_scores_of_a_head_are_of_its_backbone_too(random_clip, tmp_path):
    import torch
    from safetensors.torch import save_file

    save_file({"weight": torch.zeros(1, 32), "bias": torch.zeros(1)}, tmp_path / "head.safetensors")
    folder = tmp_path / "clip"
    shutil.copytree(random_clip, folder)
    settings = Label(clip_model=f"local-dir:{folder}", aesthetic_head=str(tmp_path / "head.safetensors"))
    before = labelers()["aesthetic"].model(settings).revision
    (folder / "open_clip_config.json").write_text((folder / "open_clip_config.json").read_text() + "\n")
    assert labelers()["aesthetic"].model(settings).revision != before


def test_remote_code_is_refused(random_clip, tmp_path):
    folder = tmp_path / "remote"
    shutil.copytree(random_clip, folder)
    facts = json.loads((folder / "open_clip_config.json").read_text())
    facts["model_cfg"]["text_cfg"]["tokenizer_kwargs"] = {"trust_remote_code": True}
    (folder / "open_clip_config.json").write_text(json.dumps(facts))
    with pytest.raises(Terminal, match="trust_remote_code"):
        find(f"local-dir:{folder}")


def test_a_hub_name_out_of_reach_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(Terminal, match=r"(?s)hf download.*local-dir:"):
        find("hf-hub:laion/CLIP-ViT-B-32-laion2B-s34B-b79K")
    with pytest.raises(Terminal, match=r"(?s)hf download.*local-dir:"):
        find("ViT-B-32", "laion2b_s34b_b79k")


def test_missing_parts_are_named(tmp_path):
    for name, word in ((f"local-dir:{tmp_path}", "open_clip_config.json"), ("ViT-B-32", "clip_pretrained")):
        with pytest.raises(Terminal, match=word):
            find(name)
    with pytest.raises(Terminal, match="is a folder; write local-dir:"):
        find(str(tmp_path))
    for setting, found in (("clip_model", lambda: find("local-dir:/data/none")), ("caption_model", lambda: folder_revision("/data/none", "label.caption_model"))):
        with pytest.raises(Terminal, match=rf"/data/none: no such folder \(label\.{setting}\)"):
            found()
    with pytest.raises(Terminal, match="no such checkpoint"):
        find("ViT-B-32", str(tmp_path / "none.safetensors"))


def test_damaged_weights_are_an_error_that_names_the_file(random_clip, tmp_path):
    folder = tmp_path / "damaged"
    shutil.copytree(random_clip, folder)
    (folder / "open_clip_model.safetensors").write_bytes(b"not safetensors at all")
    with pytest.raises(Terminal, match="open_clip_model.safetensors"):
        clip.tower(Label(clip_model=f"local-dir:{folder}"), "cpu")


def test_vectors_that_are_not_numbers_are_an_error_that_names_the_file(random_clip, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "nan"
    shutil.copytree(random_clip, folder)
    file = folder / "open_clip_model.safetensors"
    was = load_file(file)
    save_file({n: w * float("nan") if w.is_floating_point() and n != "logit_scale" else w for n, w in was.items()}, file)
    tower = clip.tower(Label(clip_model=f"local-dir:{folder}"), "cpu")
    with pytest.raises(Terminal, match="(?s)open_clip_model.safetensors.*NaN"):
        tower.image([Image.new("RGB", (40, 40))])
    with pytest.raises(Terminal, match="NaN"):
        tower.text(["a dog"])
    save_file({**was, "logit_scale": was["logit_scale"] * float("nan")}, file)
    with pytest.raises(Terminal, match="(?s)open_clip_model.safetensors.*temperature"):
        clip.tower(Label(clip_model=f"local-dir:{folder}"), "cpu")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"std": [0, 0, 0]}, "mean and std"),
        ({"interpolation": "cubic9"}, "AssertionError"),
    ],
)
def test_a_configuration_that_cannot_be_meant_is_refused_with_its_cause(random_clip, tmp_path, change, says):
    folder = tmp_path / "odd"
    shutil.copytree(random_clip, folder)
    facts = json.loads((folder / "open_clip_config.json").read_text())
    facts["preprocess_cfg"] |= change
    (folder / "open_clip_config.json").write_text(json.dumps(facts))
    with pytest.raises(Terminal, match=says):
        clip.tower(Label(clip_model=f"local-dir:{folder}"), "cpu")


def test_a_header_that_lies_is_an_error_that_names_the_file(random_clip, tmp_path):
    raw = (random_clip / "open_clip_model.safetensors").read_bytes()
    end = 8 + int.from_bytes(raw[:8], "little")
    head = json.loads(raw[8:end])
    name = next(n for n in head if n != "__metadata__" and len(head[n]["shape"]) == 2)

    def told(**facts):
        said = json.dumps(head | {name: head[name] | facts}).encode()
        return len(said).to_bytes(8, "little") + said + raw[end:]

    lies = {
        "length": (1 << 62).to_bytes(8, "little") + raw[8:],
        "offsets": told(data_offsets=[0, 1 << 50]),
        "shape": told(shape=[*head[name]["shape"][::-1], 1]),
        "dtype": told(dtype="F99"),
        "cut off": raw[:-100],
    }
    for lie, data in lies.items():
        folder = tmp_path / lie
        shutil.copytree(random_clip, folder)
        (folder / "open_clip_model.safetensors").write_bytes(data)
        with pytest.raises(Terminal, match=r"open_clip_model\.safetensors: open_clip cannot load it .*: \S"):
            clip.tower(Label(clip_model=f"local-dir:{folder}"), "cpu")


def test_a_pickle_or_a_program_is_refused_also_beside_safetensors(random_clip, tmp_path):
    folder = tmp_path / "both"
    shutil.copytree(random_clip, folder)
    for name in ("pytorch_model.bin", "old/model.CKPT", "modeling.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"\x80\x04")
        with pytest.raises(Terminal, match=name.replace(".", r"\.")):
            find(f"local-dir:{folder}")
        (folder / name).unlink()
    (folder / "open_clip_model.safetensors").rename(folder / "other.safetensors")
    assert clip.tower(Label(clip_model=f"local-dir:{folder}"), "cpu").weights.file.endswith("other.safetensors")
    (folder / "other.safetensors").rename(folder / "open_clip_pytorch_model.safetensors")
    assert find(f"local-dir:{folder}").file.endswith("open_clip_pytorch_model.safetensors")


def test_a_folder_in_the_place_of_the_weights_is_said_to_be_none(random_clip, tmp_path):
    folder = tmp_path / "dir"
    shutil.copytree(random_clip, folder)
    (folder / "open_clip_model.safetensors").unlink()
    (folder / "open_clip_model.safetensors").mkdir()
    with pytest.raises(Terminal, match="is missing"):
        find(f"local-dir:{folder}")


def test_damaged_frames_are_left_out_and_said(random_clip, kit, caplog):
    tower = clip.tower(Label(clip_model=f"local-dir:{random_clip}", batch=4), "cpu")
    good = [{"t_s": float(i), "jpeg": kit.jpeg(i)} for i in range(3)]
    bad = [{"t_s": 5.0, "jpeg": kit.jpeg(7)[:300]}, {"t_s": 6.0, "jpeg": b""}]
    rows = [{"clip_id": "a", "frames": [good[0], bad[0], good[1]]}, {"clip_id": "b", "frames": bad}, {"clip_id": "c", "frames": []},
            {"clip_id": "d", "frames": None}, {"clip_id": "e", "frames": [good[2]]}]  # fmt: skip
    caplog.set_level("WARNING", logger="jobs")  # Airflow sets that of the root, if it ran before in this process
    found = clip.frame_vectors(tower, Batch(rows))
    assert {k: len(v) for k, v in found.items()} == {"a": 2, "e": 1}
    assert np.array_equal(found["a"], tower.image(clip.pictures({"clip_id": "a", "frames": good[:2]})))
    assert "clip b" in caplog.text
    for name in ("clip_tags", "clip_embedding"):
        labeler = labelers()[name]
        assert {f.clip_id for f in labeler.label(labeler.load(Label(clip_model=f"local-dir:{random_clip}"), "cpu"), Batch(rows))} == {"a", "e"}


def test_loading_a_model_leaves_the_log_of_the_host_alone(random_clip, tmp_path):
    import logging

    folder = tmp_path / "copy"
    shutil.copytree(random_clip, folder)
    before = (logging.getLogger().level, list(logging.getLogger().handlers))
    clip.tower(Label(clip_model=f"local-dir:{folder}"), "cpu")
    assert (logging.getLogger().level, list(logging.getLogger().handlers)) == before


def shrunk(name):
    """The config of an open_clip architecture with one narrow layer per tower."""
    import open_clip

    facts = open_clip.get_model_config(name)
    facts["vision_cfg"] = {"image_size": 32, "patch_size": 16, "width": 64, "layers": 1, "head_width": 32}
    facts["text_cfg"] |= {"layers": 1, "width": 64, "heads": 2}
    return facts | {"embed_dim": 64}


def test_a_checkpoint_of_a_built_in_architecture_loads_by_path(tmp_path):
    import open_clip
    import torch
    from safetensors.torch import save_file

    config = tmp_path / "shrunk-ViT-B-32.json"
    config.write_text(json.dumps(shrunk("ViT-B-32")))
    open_clip.add_model_config(config)
    torch.manual_seed(0)
    network = open_clip.create_model(config.stem, pretrained_text=False)
    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, tmp_path / "w.safetensors")
    with pytest.raises(Terminal, match=r"knows no architecture 'ViT-B32'; the nearest is 'ViT-B-32'"):
        clip.tower(Label(clip_model="ViT-B32", clip_pretrained=str(tmp_path / "w.safetensors")), "cpu")
    tower = clip.tower(Label(clip_model=config.stem, clip_pretrained=str(tmp_path / "w.safetensors"), batch=2), "cpu")
    assert np.linalg.norm(tower.image([Image.new("RGB", (80, 60), "red")])[0]) == pytest.approx(1, abs=1e-5)
    assert tower.text(["a dog", "a cat"]).shape == (2, 64)
    assert len(tower.weights.revision) == 12


@pytest.mark.parametrize("published", ["ViT-B-16-SigLIP", "MobileCLIP-S1", "ViT-B-32"])
def test_pictures_for_a_bare_checkpoint_are_made_ready_as_for_its_architecture(published, tmp_path, monkeypatch):
    import open_clip
    import torch
    from open_clip.pretrained import _PRETRAINED, get_pretrained_cfg, list_pretrained_tags_by_model
    from safetensors.torch import save_file

    config, file = tmp_path / f"shrunk-{len(published)}.json", tmp_path / f"{published}.safetensors"
    config.write_text(json.dumps(shrunk("ViT-B-32")))
    open_clip.add_model_config(config)
    monkeypatch.setitem(_PRETRAINED, config.stem, _PRETRAINED[published])
    torch.manual_seed(0)
    network = open_clip.create_model(config.stem, pretrained_text=False)
    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, file)
    says = get_pretrained_cfg(published, list_pretrained_tags_by_model(published)[0])
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (60, 96, 3), np.uint8)).resize((384, 240))
    ready = open_clip.image_transform(32, False, says["mean"], says["std"], interpolation=says["interpolation"], resize_mode=says["resize_mode"])
    with torch.no_grad():
        wanted = network.eval().encode_image(ready(picture)[None], normalize=True)[0].numpy()
    found = clip.tower(Label(clip_model=config.stem, clip_pretrained=str(file)), "cpu").image([picture])[0]
    assert found @ wanted > 0.9999


def test_a_siglip_folder_loads_with_its_own_tokenizer(random_clip, tmp_path):
    import open_clip
    import torch
    from safetensors.torch import save_file

    facts = shrunk("ViT-B-16-SigLIP-256")
    facts["text_cfg"] |= {"hf_tokenizer_name": "bundled", "vocab_size": 512}
    for file in random_clip.iterdir():
        if "token" in file.name:
            shutil.copy(file, tmp_path)
    (tmp_path / "open_clip_config.json").write_text(
        json.dumps({"model_cfg": facts, "preprocess_cfg": {"mean": [0.5] * 3, "std": [0.5] * 3}})
    )
    torch.manual_seed(0)
    network = open_clip.create_model(f"local-dir:{tmp_path}", pretrained_text=False)
    assert network.logit_bias is not None
    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, tmp_path / "open_clip_model.safetensors")
    tower = clip.tower(Label(clip_model=f"local-dir:{tmp_path}", batch=2), "cpu")
    assert tower.image([Image.new("RGB", (80, 60), "red")]).shape == tower.text(["雪山"]).shape == (1, 64)


@pytest.fixture
def transformers_folder(random_clip, tmp_path):
    """A shrunk CLIP or SigLIP as transformers saves it, and the network itself."""
    import torch
    from transformers import AutoTokenizer, CLIPConfig, CLIPImageProcessor, CLIPModel, SiglipConfig, SiglipImageProcessor, SiglipModel

    def make(kind):
        narrow = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
        sight, speech = narrow | {"image_size": 32, "patch_size": 16}, narrow | {"vocab_size": 512, "max_position_embeddings": 24, "eos_token_id": 1}
        torch.manual_seed(5)
        if kind == "clip":
            network = CLIPModel(CLIPConfig(vision_config=sight, text_config=speech, projection_dim=16))
            processor = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
        else:
            network = SiglipModel(SiglipConfig(vision_config=sight, text_config=speech))
            processor = SiglipImageProcessor(size={"height": 32, "width": 32})
        network.save_pretrained(tmp_path)
        processor.save_pretrained(tmp_path)
        AutoTokenizer.from_pretrained(random_clip).save_pretrained(tmp_path)
        return tmp_path, network.eval(), processor

    return make


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_a_transformers_folder_embeds_as_transformers_does(transformers_folder, kind):
    import torch

    folder, network, processor = transformers_folder(kind)
    tower = clip.tower(Label(clip_model=f"local-dir:{folder}", batch=2), "cpu")
    pictures = [Image.fromarray(np.random.default_rng(i).integers(0, 255, (40, 60, 3), np.uint8)) for i in range(3)]
    with torch.no_grad():
        said = network.get_image_features(**processor(images=pictures, return_tensors="pt"))
    want = torch.nn.functional.normalize(getattr(said, "pooler_output", said), dim=-1).numpy()
    assert tower.image(pictures) == pytest.approx(want, abs=1e-5)
    assert np.array_equal(tower.text(["雪山日落", "a red circle"])[1], tower.text(["a red circle"])[0])
    assert tower.scale == pytest.approx(network.logit_scale.exp().item())
    labeler = labelers()["clip_tags"]
    settings = Label(clip_model=f"local-dir:{folder}", vocabulary={"g": {"dog": ("a dog", "狗"), "cat": ("a cat", "猫")}})
    assert len(labeler.model(settings).revision) == 12
    labeler.load(settings, "cpu")


def test_a_siglip_is_given_small_letters_without_marks_whatever_its_tokenizer_does(transformers_folder):
    """SigLIP 2 of a fixed size comes with the tokenizer of Gemma, which keeps capitals; the model never saw any."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    folder, *_ = transformers_folder("siglip")
    cased = Tokenizer(models.WordLevel({word: i for i, word in enumerate(["<pad>", "<eos>", "<unk>", "a", "cat", "A", "CAT", "."])}, "<unk>"))
    cased.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=cased, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>").save_pretrained(folder)
    small, capital, dotted, other = clip.tower(Label(clip_model=f"local-dir:{folder}"), "cpu").text(["a cat", "A CAT", "A cat.", "cat a"])
    assert np.array_equal(small, capital)
    assert np.array_equal(small, dotted)
    assert not np.allclose(small, other)


def test_a_hub_model_of_either_kind_is_found_in_the_cache(transformers_folder, random_clip, monkeypatch):
    folder, *_ = transformers_folder("clip")
    asked = []
    for repo in (folder, random_clip):
        monkeypatch.setattr("huggingface_hub.snapshot_download", lambda name, allow_patterns, repo=repo: asked.append(allow_patterns) or str(repo))
        found = find("hf-hub:owner/name")
        assert (found.name, found.architecture.partition(":")[2]) == ("hf-hub:owner/name", str(repo))
    assert [("model.safetensors" in patterns) for patterns in asked] == [False, True, False]


def test_a_transformers_folder_of_another_kind_or_of_pickles_is_refused(transformers_folder):
    folder, *_ = transformers_folder("clip")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(Terminal, match="safetensors"):
        find(f"local-dir:{folder}")
    facts = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(facts | {"model_type": "bert"}))
    with pytest.raises(Terminal, match="siglip"):
        find(f"local-dir:{folder}")
    (folder / "config.json").write_text(json.dumps(facts | {"auto_map": {"AutoModel": "evil.py"}}))
    (folder / "pytorch_model.bin").rename(folder / "model.safetensors")
    with pytest.raises(Terminal, match="auto_map"):
        find(f"local-dir:{folder}")


def test_a_vector_does_not_depend_on_its_neighbours_or_on_the_number_of_pictures(random_clip):
    tower = clip.tower(Label(clip_model=f"local-dir:{random_clip}", batch=4), "cpu")
    rng = np.random.default_rng(0)
    pictures = [Image.fromarray(rng.integers(0, 255, (40, 50, 3), np.uint8)) for _ in range(7)]
    together = tower.image(pictures)
    assert all(np.array_equal(tower.image([p])[0], v) for p, v in zip(pictures, together, strict=True))
    backwards = tower.image(pictures[::-1])[::-1]
    assert np.array_equal(together, backwards)
    texts = ["雪山日落", "a red circle moving left", "something"]
    assert np.array_equal(tower.text(texts)[1], tower.text(texts[1:2])[0])


def head(path, *shapes, **metadata):
    from safetensors.numpy import save_file

    rng = np.random.default_rng(3)
    tensors = {f"layers.{2 * i}.weight": rng.normal(size=s).astype(np.float32) for i, s in enumerate(shapes)}
    tensors |= {f"layers.{2 * i}.bias": rng.normal(size=s[0]).astype(np.float32) for i, s in enumerate(shapes)}
    save_file(tensors, path, metadata or None)
    return tensors


def test_an_aesthetic_head_scores_as_its_layers_say(random_clip, tmp_path, corpus):
    tensors = head(tmp_path / "h.safetensors", (8, 32), (1, 8))
    settings = Label(clip_model=f"local-dir:{random_clip}", aesthetic_head=str(tmp_path / "h.safetensors"))
    aesthetic = labelers()["aesthetic"]
    state = aesthetic.load(settings, "cpu")
    rows = corpus[1]["clips"].read(["clip_id", "frames"]).to_pylist()[:2]
    found = aesthetic.label(state, Batch(rows))
    for row, label in zip(rows, found, strict=True):
        vectors = state.tower.image(clip.pictures(row))
        hidden = vectors @ tensors["layers.0.weight"].T + tensors["layers.0.bias"]
        want = (hidden @ tensors["layers.2.weight"].T + tensors["layers.2.bias"]).mean()
        assert label.score == pytest.approx(float(want), abs=1e-4)


@pytest.mark.parametrize(("change", "says"), [
    ({"layers.0.bias": np.zeros(1, np.float32)}, "chain"),
    ({"layers.0.bias": np.zeros(7, np.float32)}, "chain"),
    ({"layers.2.weight": np.full((1, 8), np.nan, np.float32)}, r"layers\.2\.weight holds what is no number"),
    ({"layers.0.bias": np.zeros(8, np.complex64)}, r"layers\.0\.bias holds complex64"),
    ({"9" * 5000 + ".weight": np.zeros((1, 9), np.float32)}, "chain"),
    ({"activation": "gelu"}, "'gelu' is unknown"),
    ({"layers.1.running_mean": np.zeros(8, np.float32)}, r"layers\.1\.running_mean is neither weight nor bias"),
    ({"layers.0.b": np.ones(8, np.float32)}, r"layers\.0\.b is neither"),
], ids=["a bias for all", "a bias of another width", "no numbers", "complex numbers", "a number of 5,000 digits", "another activation", "a normalisation", "a bias of another name"])  # fmt: skip
def test_a_head_that_cannot_be_meant_is_refused(tmp_path, change, says):
    from safetensors.numpy import save_file

    file = tmp_path / "h.safetensors"
    tensors = head(file, (8, 32), (1, 8)) | {n: t for n, t in change.items() if n != "activation"}
    save_file(tensors, file, {"activation": change["activation"]} if "activation" in change else None)
    with pytest.raises(Terminal, match=says):
        read(file)


def test_scores_that_are_no_numbers_are_an_error(random_clip, tmp_path, kit):
    from safetensors.numpy import save_file

    file = tmp_path / "h.safetensors"
    save_file({"0.weight": np.full((2, 32), 3e38, np.float32), "1.weight": np.full((1, 2), 3e38, np.float32)}, file)
    settings = Label(clip_model=f"local-dir:{random_clip}", aesthetic_head=str(file))
    aesthetic = labelers()["aesthetic"]
    with pytest.raises(Terminal, match=r"h\.safetensors: its scores are no numbers"):
        aesthetic.label(aesthetic.load(settings, "cpu"), Batch([{"clip_id": "a", "frames": [{"t_s": 0.0, "jpeg": kit.jpeg(1)}]}]))


def test_a_head_in_half_precision_is_read(tmp_path):
    import torch
    from safetensors.torch import save_file

    save_file({"0.weight": torch.ones(1, 32, dtype=torch.bfloat16)}, tmp_path / "h.safetensors")
    assert float(read(tmp_path / "h.safetensors").score(np.ones((1, 32), np.float32))[0]) == 32


def test_a_head_that_does_not_fit_is_refused(random_clip, tmp_path):
    head(tmp_path / "wide.safetensors", (1, 768))
    head(tmp_path / "broken.safetensors", (8, 32), (1, 9))
    aesthetic = labelers()["aesthetic"]
    for name, word in (("wide", "768"), ("broken", "chain"), ("none", "no such file")):
        settings = Label(clip_model=f"local-dir:{random_clip}", aesthetic_head=str(tmp_path / f"{name}.safetensors"))
        with pytest.raises(Terminal, match=word):
            aesthetic.model(settings)
            aesthetic.load(settings, "cpu")


def test_half_precision_as_on_a_gpu_gives_the_same_vectors_but_for_its_digits(random_clip, monkeypatch):
    import torch

    tower = clip.tower(Label(clip_model=f"local-dir:{random_clip}", batch=4), "cpu")
    pictures, texts = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")], ["a red circle", "雪山日落"]
    whole = tower.image(pictures), tower.text(texts)
    tower.forget()
    monkeypatch.setattr(clip, "precision", lambda device: torch.autocast("cpu", torch.bfloat16))
    half = tower.image(pictures), tower.text(texts)
    tower.forget()
    for a, b in zip(whole, half, strict=True):
        assert b.dtype == np.float32
        assert not np.array_equal(a, b), "bfloat16 was not used"
        assert ((a * b).sum(axis=1) > 0.995).all()
        assert np.linalg.norm(b, axis=1) == pytest.approx(1, abs=1e-5)

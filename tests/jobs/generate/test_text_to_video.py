"""Real pipelines are run elsewhere; here a tiny untrained one, made on the spot, shows that the way is right."""

import json
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from jobs.errors import Terminal
from jobs.generate import profile, weights
from jobs.generate.generator import Ask, Failed, Made
from jobs.generate.generators import text_to_video as t2v
from schemas.settings import Generate


@pytest.fixture(scope="module")
def loaded(untrained: Path) -> t2v.TextToVideo:
    return t2v.load(Generate(model=str(untrained), batch=2), "cpu")


def made(result: Made | Failed) -> Made:
    assert isinstance(result, Made), result
    return result


def test_a_folder_becomes_clips_without_a_network(untrained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    pipe = t2v.load(Generate(model=str(untrained)), "cpu")
    (clip,) = pipe.make([Ask("the sea", 1, "9:16")])
    assert made(clip).frames.shape == (9, 64, 64, 3)
    assert (made(clip).fps, made(clip).steps, made(clip).guidance, made(clip).ladder) == (8, 2, 1.5, None)
    spent = pipe.spent()
    assert spent["seconds"] > 0
    assert spent["peak_bytes"] > 0


def test_a_clip_is_that_of_its_own_seed_whatever_stands_beside_it(loaded: t2v.TextToVideo) -> None:
    asks = [Ask("the sea", 1, "1:1"), Ask("the city", 2, "1:1"), Ask("the sea", 3, "1:1")]
    together = [made(r).frames.astype(int) for r in loaded.make(asks)]
    swapped = [made(r).frames.astype(int) for r in loaded.make(asks[::-1])][::-1]
    for one, other in zip(together, swapped, strict=True):
        assert np.abs(one - other).max() <= 1
    assert np.abs(together[0] - together[2]).mean() > 1
    again = [made(r).frames for r in loaded.make(asks)]
    assert all(np.array_equal(a, b) for a, b in zip(again, together, strict=True))


def test_the_revision_names_the_weights(untrained: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(untrained, copy)
    assert weights.revision(copy) == weights.revision(untrained)
    file = copy / "vae" / "diffusion_pytorch_model.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    assert weights.revision(copy) != weights.revision(untrained)
    assert weights.identity(Generate(model=str(copy))) == weights.revision(copy)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("vae/diffusion_pytorch_model.bin", "pickled checkpoint"),
        ("model.ckpt", "pickled checkpoint"),
        ("text_encoder/x.pt", "pickled checkpoint"),
        ("pipeline.py", "code that comes with a model"),
    ],
)
def test_a_folder_that_could_run_code_is_refused(untrained: Path, tmp_path: Path, name: str, says: str) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(untrained, copy)
    (copy / name).write_bytes(b"x")
    with pytest.raises(Terminal, match=says) as raised:
        t2v.load(Generate(model=str(copy)), "cpu")
    assert Path(name).name in str(raised.value)


@pytest.mark.parametrize(
    ("index", "says"),
    [
        ({"_class_name": ["mine", "Pipe"]}, "custom code"),
        ({"_class_name": "WanPipeline", "vae": ["mine", "Vae"]}, "comes from 'mine'"),
        ({}, "no readable model_index"),
        ("{", "no readable model_index"),
    ],
)
def test_an_index_that_asks_for_code_is_refused(tmp_path: Path, index: Any, says: str) -> None:
    (tmp_path / "model_index.json").write_text(index if isinstance(index, str) else json.dumps(index))
    with pytest.raises(Terminal, match=says):
        weights.checked(tmp_path)


@pytest.mark.parametrize(("model", "says"), [
    ("/nowhere/model", "no such folder"), ("./model", "no such folder"), ("one", "no such folder"),
])
def test_a_model_that_is_not_there(model: str, says: str) -> None:
    with pytest.raises(Terminal, match=says):
        weights.folder_of(Generate(model=model))


def test_a_hub_name_without_a_network_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "diffusers.DiffusionPipeline.download", classmethod(lambda *a, **k: (_ for _ in ()).throw(OSError("offline")))
    )
    with pytest.raises(Terminal, match=r"hf download owner/model --local-dir DIR"):
        weights.folder_of(Generate(model="owner/model"))


def test_an_unknown_pipeline_asks_for_a_profile(tmp_path: Path) -> None:
    with pytest.raises(Terminal, match="nothing is known of the pipeline 'NewPipeline'"):
        profile.of_folder(tmp_path, "NewPipeline")
    (tmp_path / "reelmill.json").write_text('{"family": "new", "widht": 3}')
    with pytest.raises(Terminal, match="unknown name 'widht'"):
        profile.of_folder(tmp_path, "NewPipeline")


@pytest.mark.parametrize(("said", "says"), [
    ("[1]", "holds .1., not an object"), ('"x"', "holds x, not an object"), ("{", "Expecting"), ('{"width": "wide"}', "width = 'wide'"), ('{"frame_step": 0}', "frame_step = 0"),
    ('{"steps": "many"}', "steps = 'many'"), ('{"extra": [1]}', "extra = "), ('{"fps": 0}', "fps = 0"), ('{"fps": 1e999}', "fps = inf"),
    ('{"filters": {"nosuch": {}}}', "there is no filter 'nosuch'"), ('{"filters": {"sharpness": {"min_acutance": "sharp"}}}', "min_acutance"), ('{"grammar": "worlds"}', "grammar = 'worlds'")])
def test_what_a_model_says_wrongly_of_itself_is_told_before_anything_is_generated(said: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "reelmill.json").write_text(said)
    with pytest.raises(Terminal, match=f"reelmill.json.*{says}"):
        profile.of_folder(tmp_path, "WanPipeline")


def test_a_model_in_the_home_folder_knows_its_own_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "reelmill.json").write_text('{"grammar": "world"}')
    assert profile.grammar_of_model("~/mine") == profile.grammar_of_model(str(tmp_path / "mine")) == "world"


@pytest.mark.parametrize("name", sorted(profile.families()))
def test_every_family_obeys_its_own_rules(name: str) -> None:
    found = profile.of_folder(Path("/nowhere"), name)
    assert profile.frame_count(found) == found.num_frames
    for aspect in ("9:16", "16:9", "1:1"):
        width, height = profile.size(found, Generate(), aspect)
        assert width % found.size_multiple == height % found.size_multiple == 0
        native = found.width == found.height
        assert native or (width > height) - (width < height) == {"16:9": 1, "9:16": -1, "1:1": 0}[aspect]
    import diffusers

    assert hasattr(diffusers, name)


@pytest.mark.parametrize(("frames", "count"), [(81, 81), (80, 81), (84, 85), (1, 1), (17, 17), (2, 1)])
def test_frames_follow_the_rule_of_the_family(frames: int, count: int) -> None:
    wan = profile.of_folder(Path("/nowhere"), "WanPipeline")
    assert profile.frame_count(profile.asked(wan, Generate(frames=frames))) == count


class Fake:
    """A pipeline that returns what it is told to and runs out of memory where it is told to."""

    says: Exception = torch.OutOfMemoryError("CUDA out of memory")

    def __init__(self, give: Any, fits: Any = lambda n, w, h, offloaded: True) -> None:
        self.give, self.fits, self.offloaded, self.calls = give, fits, False, list[Any]()

    def enable_model_cpu_offload(self) -> None:
        self.offloaded = True

    def __call__(self, prompt: list[str], width: int, height: int, generator: Any, output_type: str) -> Any:
        self.calls.append((len(prompt), width, height, self.offloaded))
        if not self.fits(len(prompt), width, height, self.offloaded):
            raise self.says
        return SimpleNamespace(frames=self.give(len(prompt), width, height))


def fake(give: Any, batch: int = 4, fits: Any = lambda n, w, h, offloaded: True) -> t2v.TextToVideo:
    known = profile.Profile("fake", 1024, 512, 3, 8.0, 4, guidance=5.0, size_multiple=32)
    return t2v.TextToVideo(Fake(give, fits), Generate(model="/fake", batch=batch), known, "r", "Fake", "cpu", batch)


def grey(n: int, w: int, h: int) -> Any:
    return np.full((n, 3, h, w, 3), 0.5, np.float32)


def test_the_request_is_cut_down_to_the_signature() -> None:
    pipe = fake(grey)
    request = pipe.request([Ask("a", 1, "16:9")], 1024, 512)
    assert set(request) == {"prompt", "width", "height", "generator", "output_type"}
    assert made(pipe.make([Ask("a", 1, "16:9")])[0]).guidance is None  # not taken, so not given


def test_out_of_memory_climbs_down_batch_then_offload_then_resolution_and_stays_there() -> None:
    pipe = fake(grey, 4, lambda n, w, h, offloaded: n == 1 and offloaded and w <= 600)
    results = [made(r) for r in pipe.make([Ask(str(i), i, "16:9") for i in range(3)])]
    shapes = pipe.pipe.calls
    assert shapes[:4] == [(3, 1024, 512, False), (2, 1024, 512, False), (1, 1024, 512, False), (1, 1024, 512, True)]
    assert [r.ladder for r in results] == ["batch 1, offload, resolution x0.56"] * 3
    assert results[0].frames.shape == (3, 288, 576, 3)
    before = len(shapes)
    pipe.make([Ask("more", 9, "16:9")])
    assert len(shapes) == before + 1


@pytest.mark.parametrize("says", ["CUDA error: out of memory", "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"])
def test_libraries_below_pytorch_run_out_of_memory_in_their_own_words(monkeypatch: pytest.MonkeyPatch, says: str) -> None:
    monkeypatch.setattr(Fake, "says", RuntimeError(says))
    pipe = fake(grey, 2, lambda n, w, h, offloaded: n == 1)
    assert [made(r).ladder for r in pipe.make([Ask(str(i), i, "16:9") for i in range(2)])] == ["batch 1"] * 2


def test_a_model_that_does_not_fit_at_all_is_lent_to_the_gpu_part_by_part(tmp_path: Path) -> None:
    class Large(Fake):
        def to(self, device: str) -> None:
            if device == "cuda":
                raise torch.OutOfMemoryError("CUDA out of memory")

    large = Large(grey)
    assert t2v._placed(large, "cuda", tmp_path)
    assert large.offloaded
    assert not t2v._placed(Large(grey), "cpu", tmp_path)


def test_memory_that_never_suffices_ends_the_run_with_what_to_do() -> None:
    with pytest.raises(Terminal, match=r"generate\.width"):
        fake(grey, 2, lambda *a: False).make([Ask("a", 1, "16:9")])


@pytest.mark.parametrize(
    ("give", "says"),
    [
        (lambda n, w, h: np.zeros((n, 3, h, w)), "shape"),
        (lambda n, w, h: np.zeros((n, 3, h, w, 4)), "shape"),
        (lambda n, w, h: np.zeros((n, 0, h, w, 3)), "shape"),
        (lambda n, w, h: np.full((n, 3, h, w, 3), np.nan), "not finite"),
        (lambda n, w, h: np.full((n, 3, h, w, 3), 300.0), "from 300.00"),
        (lambda n, w, h: np.zeros((n + 1, 3, h, w, 3)), "2 results for 1"),
        (lambda n, w, h: np.zeros((n, 3, 4, 4, 3)), "shape"),
        (lambda n, w, h: np.array([["x"]] * n), "shape"),
        (lambda n, w, h: None, "without frames"),
    ],
)
def test_what_is_no_video_is_a_failure_and_not_a_crash(give: Any, says: str) -> None:
    (result,) = fake(give).make([Ask("a", 1, "16:9")])
    assert isinstance(result, Failed)
    assert says in result.why


def test_an_error_of_the_model_is_a_failure_of_the_prompt_that_caused_it() -> None:
    class Choosy(Fake):
        def __call__(self, prompt: list[str], width: int, height: int, generator: Any, output_type: str) -> Any:
            if "bad" in prompt:
                raise RuntimeError("shapes do not match")
            return super().__call__(prompt, width, height, generator, output_type)

    pipe = fake(grey)
    pipe.pipe = Choosy(grey)
    results = pipe.make([Ask(prompt, 1, "16:9") for prompt in ("a", "b", "bad", "c", "d")])
    assert results[2] == Failed("RuntimeError: shapes do not match")
    assert [made(r).ladder for i, r in enumerate(results) if i != 2] == [None] * 4


def test_pictures_count_as_clips_of_one_frame_and_pil_is_understood() -> None:
    from PIL import Image

    assert t2v.as_frames(Image.new("RGB", (32, 16))).shape == (1, 16, 32, 3)
    assert t2v.as_frames([Image.new("RGB", (32, 16))] * 2).shape == (2, 16, 32, 3)


def test_cuda_that_is_not_there_is_named() -> None:
    if not torch.cuda.is_available():
        with pytest.raises(Terminal, match=r"runtime\.device = 'cuda'"):
            t2v.device_of("cuda")
    assert t2v.device_of("cpu") == "cpu"


class FakeImageToVideo:
    """Wants a picture and plays it brighter and brighter."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def to(self, device: str) -> None:
        pass

    def __call__(
        self, image: Any, prompt: str, width: int, height: int, num_frames: int, generator: Any, output_type: str
    ) -> Any:
        self.seen.append((image.size, prompt))
        first = np.asarray(image, np.float32) / 255
        return SimpleNamespace(frames=np.stack([np.clip(first + 0.05 * t, 0, 1) for t in range(num_frames)])[None])


def picture_to_video(give: Any) -> t2v.TextToVideo:
    known = profile.Profile("fake", 256, 128, 5, 8.0, 4, size_multiple=32)
    made_by = fake(give, batch=1)
    return t2v.TextToVideo(FakeImageToVideo(), Generate(model="/fake"), known, "r", "Fake", "cpu", 1, pictures=made_by)


def test_text_becomes_a_picture_and_the_picture_a_video() -> None:
    def give(n: int, w: int, h: int) -> Any:
        picture = np.zeros((n, 1, h, w, 3), np.float32)
        picture[..., 0] = 0.6
        return picture

    pipe = picture_to_video(give)
    (first, second) = pipe.make([Ask("a red wall", 1, "16:9"), Ask("another", 2, "9:16")])
    assert made(first).frames.shape == (5, 128, 256, 3)
    assert made(second).frames.shape == (5, 256, 128, 3)
    assert made(first).frames[0, ..., 0].mean() == pytest.approx(153, abs=2)
    assert made(first).frames[4].mean() > made(first).frames[0].mean()
    assert pipe.pipe.seen == [((256, 128), "a red wall"), ((128, 256), "another")]


def test_a_picture_that_failed_is_the_failure_of_its_video() -> None:
    (result,) = picture_to_video(lambda n, w, h: np.zeros((n, 3))).make([Ask("x", 1, "16:9")])
    assert isinstance(result, Failed)
    assert "shape" in result.why


def test_a_picture_model_for_a_pipeline_that_takes_none_is_refused(untrained: Path) -> None:
    with pytest.raises(Terminal, match="takes no picture"):
        t2v.load(Generate(model=str(untrained), picture_model=str(untrained)), "cpu")


def test_a_pipeline_that_wants_a_picture_says_so(untrained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(t2v, "_pipeline", lambda folder, index, device: FakeImageToVideo())
    with pytest.raises(Terminal, match=r"generate\.picture_model"):
        t2v.load(Generate(model=str(untrained)), "cpu")

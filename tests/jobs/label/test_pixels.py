"""Preprocessing a batch at a time against the one that open_clip made for the model."""

import io

import numpy as np
import pytest
import torch
from open_clip.transform import image_transform
from PIL import Image
from skimage import data as photographs

from jobs.label import clip
from jobs.label.pixels import fit, opened
from schemas.settings import Label


def photo(width: int, height: int) -> Image.Image:
    return Image.fromarray(photographs.coffee()).resize((width, height), Image.Resampling.BICUBIC)


def jpeg(width: int, height: int) -> bytes:
    sink = io.BytesIO()
    photo(width, height).save(sink, "JPEG", quality=85)
    return sink.getvalue()


@pytest.mark.parametrize("size", [(224, 224), (398, 224), (399, 224), (224, 301)])
@pytest.mark.parametrize("mode", ["shortest", "squash", "longest"])
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
def test_stored_frames_come_out_as_the_model_s_own_preprocessing_makes_them(size, mode, interpolation):
    stock = image_transform(224, is_train=False, mean=(0.48, 0.46, 0.41), std=(0.27, 0.26, 0.28), resize_mode=mode, interpolation=interpolation)
    pixels = fit(stock, (224, 224))([photo(*size), photo(*size).rotate(180)], 3, (224, 224))
    assert pixels.shape == (3, 3, 224, 224)
    assert torch.allclose(pixels[0], stock(photo(*size)), atol=1e-5)
    assert torch.allclose(pixels[1], stock(photo(*size).rotate(180)), atol=1e-5)
    assert not pixels[2].any(), "what is filled up is black"


@pytest.mark.parametrize("size", [(398, 224), (224, 301), (199, 112), (65, 640), (40, 30)])
def test_other_sizes_differ_by_rounding_alone(size):
    stock = image_transform(64, is_train=False, mean=(0.5,) * 3, std=(0.5,) * 3)
    own = fit(stock, (64, 64))([photo(*size)], 1, (64, 64))[0]
    assert float((own - stock(photo(*size))).abs().mean()) < 0.05


def test_a_preprocessing_of_another_kind_is_called_as_it_is():
    def odd(picture):
        return torch.full((3, 8, 8), float(picture.size[0]))

    assert fit(odd, (8, 8))([photo(5, 4), photo(6, 4)], 2, (8, 8))[:, 0, 0, 0].tolist() == [5, 6]


@pytest.mark.parametrize(("size", "least", "expected"), [
    ((398, 224), 64, (199, 112)), ((398, 224), 224, (398, 224)), ((398, 224), None, (398, 224)), ((100, 60), 64, (100, 60)), ((512, 512), 64, (64, 64)),
])
def test_a_frame_is_decoded_no_larger_than_needed_and_never_smaller(size, least, expected):
    assert opened(jpeg(*size), least).size == expected


def test_a_damaged_frame_is_none_at_any_size():
    whole = jpeg(398, 224)
    for least in (None, 64):
        assert opened(whole[: len(whole) // 2], least) is None
        assert opened(b"no picture", least) is None


def test_decoding_small_hardly_turns_a_vector():
    tower = clip.tower(Label(), "cpu")
    for name in ("coffee", "astronaut", "chelsea", "rocket"):
        sink = io.BytesIO()
        picture = Image.fromarray(getattr(photographs, name)())
        picture.resize((398, 224)).save(sink, "JPEG", quality=85)
        full, small = tower.image([opened(sink.getvalue()), opened(sink.getvalue(), 64)])
        assert float(full @ small) > 0.995, name
    assert np.isfinite(full).all()

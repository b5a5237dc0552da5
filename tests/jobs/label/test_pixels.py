"""Preprocessing a batch at a time against the one that open_clip made for the model."""

import io

import numpy as np
import pytest
import torch
from open_clip.transform import image_transform
from PIL import Image
from skimage import data as photographs

from jobs.label import clip
from jobs.label.pixels import decoded, fit
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


@pytest.mark.parametrize("size", [(398, 224), (224, 301), (199, 112), (125, 370), (40, 30), (1, 1), (190, 64), (64, 65)])
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
def test_other_sizes_differ_by_rounding_alone(size, interpolation):
    stock = image_transform(64, is_train=False, mean=(0.5,) * 3, std=(0.5,) * 3, interpolation=interpolation)
    own = fit(stock, (64, 64))([photo(*size)], 1, (64, 64))[0]
    assert float((own - stock(photo(*size))).abs().max()) < 2.1 / 127.5, "two steps of 255"


@pytest.mark.parametrize("size", [(4000, 3), (3, 4000), (20000, 1)])
def test_of_a_strip_the_middle_is_looked_at_without_blowing_it_up(size):
    ends = np.abs(np.arange(max(size)) - max(size) / 2) > 20
    strip = np.where(ends, np.uint8(255), np.uint8(100))[:, None, None].repeat(min(size), 1).repeat(3, 2)
    strip = strip if size[1] > size[0] else strip.transpose(1, 0, 2)
    stock = image_transform(64, is_train=False, mean=(0.0,) * 3, std=(1.0,) * 3)
    made = fit(stock, (64, 64))([strip], 1, (64, 64))[0]
    assert made.shape == (3, 64, 64)
    assert float((made * 255 - 100).abs().max()) < 1


def test_pictures_of_many_sizes_share_a_batch():
    stock = image_transform(64, is_train=False, mean=(0.5,) * 3, std=(0.5,) * 3)
    sizes = [(398, 224), (398, 224), (100, 200), (398, 224), (64, 64)]
    together = fit(stock, (64, 64))([photo(*s) for s in sizes], 6, (64, 64))
    for pixels, size in zip(together, sizes, strict=False):
        assert torch.equal(pixels, fit(stock, (64, 64))([np.asarray(photo(*size))], 1, (64, 64))[0])
    assert not together[5].any()


def test_a_preprocessing_of_another_kind_is_called_as_it_is():
    def odd(picture):
        return torch.full((3, 8, 8), float(picture.size[0]))

    assert fit(odd, (8, 8))([photo(5, 4), photo(6, 4)], 2, (8, 8))[:, 0, 0, 0].tolist() == [5, 6]


@pytest.mark.parametrize(("size", "least", "expected"), [
    ((398, 224), 64, (199, 112)), ((398, 224), 224, (398, 224)), ((398, 224), None, (398, 224)), ((100, 60), 64, (100, 60)), ((512, 512), 64, (64, 64)),
])
def test_a_frame_is_decoded_no_larger_than_needed_and_never_smaller(size, least, expected):
    assert decoded(jpeg(*size), least).shape == (*expected[::-1], 3)


def saved(picture: Image.Image, **how) -> bytes:
    sink = io.BytesIO()
    picture.save(sink, how.pop("format", "JPEG"), **how)
    return sink.getvalue()


def turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


@pytest.mark.parametrize("least", [None, 224, 64, 30])
@pytest.mark.parametrize(
    "frame",
    [
        saved(photo(398, 224), quality=85),
        saved(photo(399, 225), quality=60, subsampling=0, progressive=True),
        saved(photo(300, 500).convert("L")),
        saved(photo(301, 500).convert("CMYK")),
        saved(photo(300, 260), exif=turned()),
        saved(photo(300, 260), quality=85) + b"more",
        saved(photo(300, 260), keep_rgb=True),
        saved(photo(300, 260), comment=bytes(60_000), exif=turned()),
        saved(photo(300, 260), format="MPO", save_all=True, append_images=[photo(30, 40)]),
        b"\xff\xd8\xff\xff" + saved(photo(300, 260))[3:],
        saved(photo(300, 260), format="PNG"),
        saved(photo(300, 260), format="WEBP"),
    ],
    ids=["as stored", "progressive 4:4:4", "grey", "CMYK", "turned by EXIF", "tail", "stored as RGB", "long head", "two in one", "filled up", "PNG", "WebP"],
)
def test_frames_are_decoded_to_what_pillow_makes_of_them(frame, least):
    picture = Image.open(io.BytesIO(frame))
    if least:
        picture.draft("RGB", (least, least))
    assert np.array_equal(decoded(frame, least), np.asarray(picture.convert("RGB")))


def test_whatever_happened_to_a_frame_it_is_a_picture_or_none():
    rng = np.random.default_rng(5)
    whole = np.frombuffer(jpeg(398, 224), np.uint8)
    for _ in range(300):
        bent = whole.copy()
        bent[rng.integers(0, len(bent), rng.integers(1, 20))] = rng.integers(0, 256)
        found = decoded(bent.tobytes(), int(rng.choice([0, 64])) or None)
        assert found is None or (found.ndim == 3 and found.shape[2] == 3 and found.dtype == np.uint8)


@pytest.mark.parametrize("side", [0, 20_000, 0xFFFF])
def test_a_frame_that_claims_no_pixels_or_too_many_is_none(side, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)  # as the measuring pass has it
    huge = bytearray(jpeg(398, 224))
    at = huge.index(b"\xff\xc0") + 5
    huge[at : at + 4] = side.to_bytes(2) * 2
    assert decoded(bytes(huge)) is None
    assert decoded(bytes(huge), 64) is None


def test_a_damaged_frame_is_none_at_any_size():
    whole = jpeg(398, 224)
    for least in (None, 64):
        assert decoded(whole[: len(whole) // 2], least) is None
        assert decoded(b"no picture", least) is None


def test_decoding_small_hardly_turns_a_vector():
    tower = clip.tower(Label(), "cpu")
    for name in ("coffee", "astronaut", "chelsea", "rocket"):
        sink = io.BytesIO()
        picture = Image.fromarray(getattr(photographs, name)())
        picture.resize((398, 224)).save(sink, "JPEG", quality=85)
        full, small = tower.image([decoded(sink.getvalue()), decoded(sink.getvalue(), 64)])
        assert float(full @ small) > 0.998, name
    assert np.isfinite(full).all()

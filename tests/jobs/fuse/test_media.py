"""Pictures are stored as they are, unless they say where they were taken."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from jobs.fuse.media import media_of
from schemas.settings import Fuse

LATITUDE = {1: "N", 2: (29.0, 39.0, 5.76)}


def picture(path: Path, placed: bool, xmp: bytes | None = None) -> Path:
    """A picture with a bright left half that a reader must turn by EXIF; with a place or without."""
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[:, :30] = 200
    image = Image.fromarray(pixels)
    exif = Image.Exif()
    exif[0x0112] = 6
    if placed:
        exif[0x8825] = LATITUDE
    more = {"xmp": xmp} if xmp else {}
    image.save(path, exif=exif, **more)
    return path


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_a_place_in_exif_is_not_stored(tmp_path: Path, suffix: str) -> None:
    with_place = media_of({"modality": "image"}, str(picture(tmp_path / f"a.{suffix}", True)), Fuse())
    without = media_of({"modality": "image"}, str(picture(tmp_path / f"b.{suffix}", False)), Fuse())
    assert (with_place.cut, without.cut) == ("encode", "whole")
    assert without.image == (tmp_path / f"b.{suffix}").read_bytes()
    out = tmp_path / "out.png"
    out.write_bytes(with_place.image)
    with Image.open(out) as image:
        assert not image.getexif()
        assert image.size == (40, 60)  # Turned upright: what was told by EXIF is done.
        assert np.asarray(image)[:20].mean() > 150 > 50 > np.asarray(image)[40:].mean()


def test_a_place_in_xmp_is_not_stored(tmp_path: Path) -> None:
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><exif:GPSLatitude>29,39.1N</exif:GPSLatitude></x:xmpmeta>'
    path = picture(tmp_path / "a.jpg", False, xmp)
    assert b"GPSLatitude" in path.read_bytes()
    assert b"GPSLatitude" not in media_of({"modality": "image"}, str(path), Fuse()).image


def test_a_place_that_a_png_keeps_as_a_text_is_not_stored(tmp_path: Path) -> None:
    """ImageMagick writes EXIF so."""
    exif = Image.Exif()
    exif[0x8825] = LATITUDE
    data = b"Exif\0\0" + exif.tobytes().removeprefix(b"Exif\0\0")
    text = PngImagePlugin.PngInfo()
    text.add_text("Raw profile type exif", f"\nexif\n{len(data):8}\n" + data.hex() + "\n", zip=True)
    deflated = PngImagePlugin.PngInfo()
    deflated.add_itxt("XML:com.adobe.xmp", "<exif:GPSLatitude>29,39.1N</exif:GPSLatitude>" * 4, zip=True)
    for name, info in (("a.png", text), ("b.png", deflated)):
        Image.new("RGB", (60, 40), (90, 90, 90)).save(tmp_path / name, pnginfo=info)
        found = media_of({"modality": "image"}, str(tmp_path / name), Fuse())
        assert found.cut == "encode", name
        assert b"Raw profile" not in found.image
        assert b"adobe" not in found.image


@pytest.mark.parametrize("damaged", [b"Exif\0\0garbage of some length", b"Exif\0\0II*\0\x08\0"])
def test_a_picture_whose_exif_is_damaged_is_stored_as_its_pixels(tmp_path: Path, damaged: bytes) -> None:
    Image.new("RGB", (60, 40), (90, 120, 90)).save(tmp_path / "a.jpg", dpi=(72, 72))
    whole = (tmp_path / "a.jpg").read_bytes()
    begin = 4 + int.from_bytes(whole[4:6], "big")  # behind the JFIF header
    marked = whole[:begin] + b"\xff\xe1" + (len(damaged) + 2).to_bytes(2, "big") + damaged + whole[begin:]
    (tmp_path / "a.jpg").write_bytes(marked)
    assert media_of({"modality": "image"}, str(tmp_path / "a.jpg"), Fuse()).cut == "encode"

"""Pictures are stored as they are, unless they say where they were taken."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

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

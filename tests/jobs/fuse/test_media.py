"""Pictures are stored as they are coded, without what their files tell of them."""

import io
from pathlib import Path
from zlib import compress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from jobs.fuse.media import media_of
from jobs.fuse.pared import pared
from jobs.media.picture import open_picture, rgb
from schemas.settings import Fuse

PLACE = b"Zollikerberg"
LATITUDE = {1: "N", 2: (29.0, 39.0, 5.76)}


def drawn() -> Image.Image:
    """A picture that is another one when it is turned or mirrored."""
    y, x = np.mgrid[:40, :60]
    return Image.fromarray(np.stack([x * 4, y * 6, (x < 30) * 200], -1).astype(np.uint8))


def saved(kind: str, **more: object) -> bytes:
    target = io.BytesIO()
    drawn().save(target, kind, **more)
    return target.getvalue()


def exif(orientation: int = 6) -> Image.Exif:
    told = Image.Exif()
    told[0x0112], told[0x010E], told[0x8825] = orientation, PLACE.decode(), LATITUDE
    return told


def in_jpeg(marker: int, body: bytes) -> bytes:
    data = saved("JPEG", icc_profile=b"profile of colours")
    return data[:2] + bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + body + data[2:]


def in_png(text: str, value: str, **more: object) -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_text(text, value, **more)
    return saved("PNG", pnginfo=info)


XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf tiff:Orientation="6" photoshop:City="' + PLACE + b'"/></x:xmpmeta>'
RAW = b"Exif\0\0" + exif().tobytes().removeprefix(b"Exif\0\0")
TOLD = {
    "jpeg-exif": saved("JPEG", exif=exif()),
    "jpeg-exif-mirrored": saved("JPEG", exif=exif(7), progressive=True),
    "jpeg-exif-damaged": in_jpeg(0xE1, b"Exif\0\0II*\0\x08\0\0\0" + PLACE),
    "jpeg-iptc": in_jpeg(0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x11\x1c\x02\x5c\0\x0c" + PLACE),
    "jpeg-xmp": saved("JPEG", xmp=XMP),
    "jpeg-comment": saved("JPEG", comment=PLACE),
    "jpeg-of-cmyk": io.BytesIO(),
    "jpeg-and-a-film": saved("JPEG") + b"\0\0\0\x18ftypmp42" + PLACE,
    "jpeg-filled": saved("JPEG", exif=exif()).replace(b"\xff\xdb", b"\xff\xff\xff\xdb", 1),
    "png-exif": saved("PNG", exif=exif()),
    "png-raw-profile": in_png("Raw profile type APP1", f"\ngeneric\n{len(RAW):8}\n{RAW.hex()}\n", zip=True),
    "png-text": in_png("Location", PLACE.decode()),
    "png-and-more": saved("PNG") + PLACE,
    "webp-exif": saved("WEBP", exif=exif(), icc_profile=b"profile of colours"),
    "webp-xmp": saved("WEBP", xmp=XMP, lossless=True),
    "gif-comment": saved("GIF", comment=PLACE, transparency=0),
}
drawn().convert("CMYK").save(TOLD["jpeg-of-cmyk"], "JPEG", exif=exif())
TOLD["jpeg-of-cmyk"] = TOLD["jpeg-of-cmyk"].getvalue()


def stored(tmp_path: Path, data: bytes):
    (tmp_path / "a").write_bytes(data)
    return media_of({"modality": "image"}, str(tmp_path / "a"), Fuse())


@pytest.mark.parametrize("name", TOLD)
def test_what_a_picture_tells_beside_its_pixels_is_not_stored(tmp_path: Path, name: str) -> None:
    media = stored(tmp_path, TOLD[name])
    kind = name.split("-", 1)[0]
    assert (media.cut, media.media_type) == ("copy", f"image/{kind}")
    assert len(media.image) < len(TOLD[name])
    assert PLACE not in media.image
    assert PLACE.hex().encode() not in media.image
    with Image.open(io.BytesIO(media.image)) as image:
        left = dict(image.getexif())
        assert set(left) <= {0x0112}
        assert not image.info.keys() & {"xmp", "comment", "Location", "Raw profile type APP1", "photoshop"}
        assert ("icc_profile" in image.info) == (b"profile of colours" in TOLD[name])
    before, after = (rgb(open_picture(io.BytesIO(data))) for data in (TOLD[name], media.image))
    assert np.array_equal(before, after)  # upright as before, and no pixel another one
    assert stored(tmp_path, media.image).image == media.image


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_a_picture_that_tells_nothing_is_stored_as_it_is(tmp_path: Path, kind: str) -> None:
    media = stored(tmp_path, saved(kind))
    assert (media.cut, media.image) == ("whole", saved(kind))


@pytest.mark.parametrize("data", [
    pytest.param(saved("TIFF", tiffinfo={0x010E: PLACE.decode()}), id="of-another-kind"),
    pytest.param(saved("GIF", comment=PLACE)[:-1], id="without-an-end"),
])
def test_what_cannot_be_pared_is_stored_as_its_pixels(tmp_path: Path, data: bytes) -> None:
    media = stored(tmp_path, data)
    assert (media.cut, media.media_type) == ("encode", "image/png")
    assert PLACE not in media.image
    assert np.array_equal(rgb(open_picture(io.BytesIO(data))), rgb(open_picture(io.BytesIO(media.image))))


@given(st.sampled_from(sorted(TOLD)), st.integers(0, 400), st.integers(0, 255), st.integers(0, 400))
def test_broken_pictures_are_pared_or_refused(name: str, at: int, value: int, cut: int) -> None:
    data = bytearray(TOLD[name])
    data[at % len(data)] = value
    for broken in (bytes(data), bytes(data[:cut])):
        if (found := pared(broken, name.split("-", 1)[0], 3)) is not None:
            assert len(found) <= len(broken) + 64


def test_a_png_that_packs_a_place_into_a_chunk_of_its_own_loses_it(tmp_path: Path) -> None:
    packed = in_png("XML:com.adobe.xmp", XMP.decode() * 4, zip=True)
    assert compress(XMP * 4)[2:20] in packed
    assert compress(XMP * 4)[2:20] not in stored(tmp_path, packed).image

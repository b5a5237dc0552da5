"""Slides and pages of one form that differ in their words are kept, and copies of each are still found, by the frames that measure stores."""

import io
from itertools import combinations
from pathlib import Path

import av
import numpy as np
import pyarrow as pa
import pytest
from PIL import Image, ImageDraw, ImageFont

from jobs import generate
from jobs.clean.measure import Measured, measure_file
from jobs.dedup.match import KINDS
from schemas import CLIPS
from schemas.settings import Dedup, Measure

MANY, NOTO = 6, str(next((Path(generate.__file__).parent / "fonts").glob("*.otf")))
SYLLABLES = ["an", "be", "co", "da", "er", "fi", "go", "ha", "in", "ju", "ka", "li", "mo", "no", "or", "pe", "qui", "ra", "se", "ti", "un", "ve", "wo", "ex", "ya", "zu"]
IDEOGRAPHS = "大小上中下人天地日月水火山木土王女子口目手心言車食風雨国家学生先年时分来去出入行立見東西南北左右前后内外多少高明白红花"


def font(name, size):
    return ImageFont.load_default(size) if name == "aileron" else ImageFont.truetype(NOTO, size)


def line(rng, face, width, chinese):
    words = ""
    while face.getlength(words) < width:
        words += str(rng.choice(list(IDEOGRAPHS))) if chinese else "".join(rng.choice(SYLLABLES, rng.integers(1, 4))) + " "
    return words


def slide(number, size, name="aileron", dark=False, chinese=False):
    """One of many with the same header and box and eight other lines."""
    rng, face = np.random.default_rng(number), font("noto" if chinese else name, size)
    ground, ink, bar = ((22, 24, 30), (225, 225, 225), (70, 90, 150)) if dark else ((250, 250, 246), (30, 30, 40), (25, 60, 120))
    picture = Image.new("RGB", (1280, 720), ground)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, 1280, 90), bar)
    draw.text((40, 24), "Introduction to machine learning", "white", font("noto", 36))
    draw.rectangle((880, 150, 1220, 560), None, ink, 3)
    draw.ellipse((950, 230, 1150, 430), None, bar, 6)
    for k in range(8):
        draw.text((70, 150 + 60 * k), line(rng, face, rng.integers(250, 700), chinese), ink, face)
    return picture


def page(number, size, name="noto", dark=False, chinese=False):
    """One of many pages with the same heading, picture and rules, full of other words."""
    rng, face = np.random.default_rng(number), font("noto" if chinese else name, size)
    ground, ink = ((20, 20, 24), (220, 220, 220)) if dark else ((255, 255, 255), (20, 20, 20))
    picture = Image.new("RGB", (1240, 1754), ground)
    draw = ImageDraw.Draw(picture)
    draw.text((120, 70), "Annual report of the society", ink, font("noto", 28))
    for y in (120, 1660):
        draw.line((120, y, 1120, y), ink, 3)
    draw.rectangle((120, 150, 1120, 260), (128, 130, 140))
    for y in range(300, 1620, round(size * 1.45)):
        draw.text((120, y), line(rng, face, 950, chinese), ink, face)
    return picture


FORMS = {f"slides {size} {name}{' dark' * dark}": (slide, {"size": size, "name": name, "dark": dark})
         for size, name, dark in ((14, "aileron", False), (18, "noto", True), (22, "aileron", True), (22, "noto", False), (28, "aileron", False))}
FORMS |= {f"Chinese slides {size}": (slide, {"size": size, "chinese": True, "dark": size > 14}) for size in (14, 18)}
FORMS |= {f"pages {size} {name}{' dark' * dark}": (page, {"size": size, "name": name, "dark": dark})
          for size, name, dark in ((14, "aileron", False), (16, "noto", True), (18, "noto", False), (20, "aileron", False))}
FORMS |= {"Chinese pages 16": (page, {"size": 16, "chinese": True})}


def png(picture):
    sink = io.BytesIO()
    picture.save(sink, "PNG")
    return sink.getvalue()


def jpeg(quality, share=1.0, change=lambda f: f):
    def code(picture):
        changed = change(picture.resize([round(side * share) for side in picture.size], Image.Resampling.BOX))
        sink = io.BytesIO()
        changed.save(sink, "JPEG", quality=quality)
        return sink.getvalue()
    return code


def stamped(picture):
    width, height = picture.size
    picture = picture.copy()
    ImageDraw.Draw(picture).rectangle((round(.85 * width), round(.05 * height), round(.97 * width), round(.12 * height)), "white", "red", 3)
    return picture


def cropped(picture):
    width, height = picture.size
    return picture.crop((round(.02 * width), round(.02 * height), round(.98 * width), round(.98 * height)))


def film(picture, crf=23, share=1.0):
    """Three seconds of a picture in H.264."""
    width, height = (round(side * share / 2) * 2 for side in picture.size)
    frame = av.VideoFrame.from_image(picture.resize((width, height), Image.Resampling.BOX))
    sink = io.BytesIO()
    with av.open(sink, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=10, options={"crf": str(crf), "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for i in range(30):
            frame.pts = i
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return sink.getvalue()


@pytest.fixture
def pairs(tmp_path):
    """Which pairs of files dedup takes for one, by what measure says of them."""

    def find(files, modality, of):
        clips = []
        for i, data in enumerate(files):
            path = tmp_path / f"{i}"
            path.write_bytes(data)
            (one,) = Measured(**measure_file(str(path), modality, Measure().model_dump())).clips
            clips.append(one)
        kind, dedup = KINDS["stills" if modality == "image" else "pictures"], Dedup()
        names = sorted({*kind.columns, *kind.proof})
        table = pa.table([pa.array([c.get(n) for c in clips], CLIPS.schema.field(n).type) for n in names], names)
        rows = [kind.file(table.slice(i, 1), np.array([i]), dedup) for i in range(len(clips))]
        known = kind.keep(table, dedup)
        met = [(i, j) for i, j in of if len(kind.meet(np.concatenate([rows[i], rows[j]]), dedup, 0)[0])]
        if not met:
            return []
        score, _ = kind.prove(known, *np.array(met).T, dedup)
        return [pair for pair, s in zip(met, score, strict=True) if s >= kind.threshold(dedup)]

    return find


@pytest.mark.parametrize("form", FORMS)
def test_slides_and_pages_of_one_form_with_other_words_are_kept(pairs, form):
    make, how = FORMS[form]
    assert pairs([png(make(number, **how)) for number in range(MANY)], "image", list(combinations(range(MANY), 2))) == []


COPIES = {"q 60": jpeg(60), "q 40": jpeg(40), "two thirds": jpeg(60, 2 / 3), "half": jpeg(50, 1 / 2), "cropped": jpeg(60, 1, cropped)}
STAMPED = {"stamped": jpeg(60, 1, stamped), "stamped, two thirds": jpeg(50, 2 / 3, stamped)}
"""Of pages of which 64 pixels show only their heading, copies with a logo beside that are left, as they were before."""


@pytest.mark.parametrize("form", FORMS)
def test_their_copies_are_found(pairs, form):
    make, how = FORMS[form]
    original = make(0, **how)
    codes = [*COPIES.values(), *(STAMPED.values() if make is slide else ())]
    of = [(0, i + 1) for i in range(len(codes))]
    assert pairs([png(original), *(code(original) for code in codes)], "image", of) == of


def with_a_line(picture, at):
    picture = picture.copy()
    ImageDraw.Draw(picture).text((70, at), "one more point to be made", (30, 30, 40), font("noto", 22))
    return picture


def test_a_slide_with_one_more_line_is_kept_and_one_with_a_subtitle_is_a_copy(pairs):
    shown = Image.new("RGB", (1280, 720), (250, 250, 246))
    draw = ImageDraw.Draw(shown)
    draw.rectangle((0, 0, 1280, 90), (25, 60, 120))
    draw.text((40, 24), "Introduction to machine learning", "white", font("noto", 36))
    for k in range(3):
        draw.text((70, 150 + 60 * k), line(np.random.default_rng(k), font("noto", 22), 450, False), (30, 30, 40), font("noto", 22))
    assert pairs([png(shown), png(with_a_line(shown, 330)), png(with_a_line(shown, 660))], "image", [(0, 1), (0, 2)]) == [(0, 2)]


@pytest.mark.parametrize("form", ["slides 14 aileron", "slides 18 noto dark", "Chinese slides 14"])
def test_films_of_slides_with_other_words_are_kept_and_their_copies_are_found(pairs, form):
    make, how = FORMS[form]
    slides = [make(number, **how) for number in range(4)]
    of = list(combinations(range(4), 2)) + [(0, 4), (0, 5), (0, 6)]
    copies = [film(slides[0], 30), film(slides[0], 30, 2 / 3), film(stamped(slides[0]), 30)]
    assert pairs([*map(film, slides), *copies], "video", of) == of[-3:]

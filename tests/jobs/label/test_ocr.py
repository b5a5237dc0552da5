"""OCR on drawn text: what is read, what stays where it is, what is no text at all."""

import io
import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from jobs.label.labeler import Batch, labelers
from jobs.label.labelers import ocr
from jobs.label.labelers.ocr import Box, area, masked, read, said, stable
from schemas.settings import Label


def jpeg(text, at=(20, 60), extra=None):
    image = Image.new("RGB", (398, 224), (30, 60, 90))
    draw = ImageDraw.Draw(image)
    draw.text(at, text, fill="white", font=ImageFont.load_default(30))
    if extra:
        draw.text((20, 180), extra, fill="yellow", font=ImageFont.load_default(24))
    sink = io.BytesIO()
    image.save(sink, "JPEG", quality=92)
    return sink.getvalue()


@pytest.mark.heavy
def test_text_is_read_and_what_stays_is_told_from_what_moves():
    ocr = labelers()["ocr"]
    frames = [{"t_s": float(i), "jpeg": jpeg("HELLO WORLD", (20 + 40 * i, 40), "WATERMARK 42")} for i in range(3)]
    rows = [
        {"clip_id": "a", "text_area_share": 0.1, "frames": frames},
        {"clip_id": "b", "text_area_share": 0.0001, "frames": frames},
        {"clip_id": "c", "text_area_share": 0.1, "frames": [{"t_s": 0.0, "jpeg": jpeg("")}]},
    ]
    found = ocr.label(ocr.load(Label(ocr_min_text_share=0.002), "cpu"), Batch(rows))
    by = {(f.clip_id, f.key): f for f in found}
    said = by["a", "text"].text.upper().replace(" ", "")
    assert "HELLOWORLD" in said
    assert "WATERMARK42" in said
    assert by["a", "text"].score > 0.8
    assert 0 < by["a", "overlay_share"].score < by["a", "area_share"].score
    assert len(json.loads(by["a", "boxes"].text)) == by["a", "boxes"].score == 2
    assert not any(f.clip_id == "b" for f in found)
    assert ("c", "text") not in by


@pytest.mark.heavy
def test_a_small_chinese_subtitle_is_read(root):
    said = "今天去了西藏风景真的很美"
    image = Image.new("RGB", (1194, 672), (70, 110, 90))
    font = ImageFont.truetype(str(root / "jobs/generate/fonts/NotoSansCJKsc-subset.otf"), 36)
    ImageDraw.Draw(image).text((60, 560), said, fill="white", font=font, stroke_width=3, stroke_fill="black")
    engine = ocr.load(Label(), "cpu").engine
    (box,) = ocr.read(engine, image.resize((398, 224)))
    assert box.text.replace(" ", "") == said
    assert box.top == pytest.approx(565 / 672, abs=0.03)


def test_areas_count_once_and_a_box_stays_as_long_as_only_detection_wavers():
    aslant = Box(0.1, 0.1, 0.9, 0.9, "PREVIEW", 1, ((0.1, 0.8), (0.8, 0.1), (0.9, 0.2), (0.2, 0.9)))
    assert area([aslant]) == pytest.approx(0.14, abs=0.01)
    a, b = Box(0, 0, 0.5, 0.5, "a", 1), Box(0, 0, 0.5, 0.5, "b", 1)
    assert area([a, b]) == pytest.approx(0.25)
    a, b = Box(0, 0, 0.5, 0.1, "a", 1), Box(0, 0, 0.5, 0.1, "b", 1)
    wavers, moves = Box(0.01, 0, 0.505, 0.09, "a", 1), Box(0.02, 0, 0.52, 0.1, "a", 1)
    assert stable([[a], [b], [wavers]]) == [a]
    assert stable([[a], [b], [moves]]) == []
    assert stable([[a], [b], [Box(0.3, 0, 0.8, 0.5, "x", 1)]]) == []
    assert stable([[], [a], [b], [wavers]]) == [a], "one of four frames may lack it"
    assert stable([[], [a], [b]]) == []
    large, grown = Box(0.2, 0.3, 0.8, 0.7, "SALE", 1), Box(0.17, 0.32, 0.83, 0.7, "SALE", 1)
    assert stable([[large], [grown]]) == [large], "large letters waver more"


@pytest.mark.parametrize(("first", "second", "one"), [
    ("Route 66", "Route 65", False), ("Home 2 : 1 Guests", "Home 2 : 2 Guests", False), ("Level 1", "Level 12", False), ("第1集 西藏", "第2集 西藏", False),
    ("Route 66", "Roule 66", True), ("Great Wall of China 2024", "at Wall of China 2024", True), ("Great Wall of", "Great Wall of China 7", True)])
def test_another_number_is_another_line(first, second, one):
    frames = [[Box(0, 0, 1, 0.1, text, 0.9)] for text in (first, second)]
    assert len(said(frames)) == (1 if one else 2)


def test_what_is_read_is_said_once_and_from_all_frames():
    def frame(*texts):
        return [Box(0, 0.1 * i, 1, 0.1 * i + 0.05, text.strip("~"), 0.8 if "~" in text else 0.9) for i, text in enumerate(texts)]

    def lines(*frames):
        return [b.text for b in said([frame(*texts) for texts in frames])]

    assert lines(["REELTV", "First we boil water"], ["REELTV", "Then add the noodles"]) == ["REELTV", "First we boil water", "Then add the noodles"]
    assert lines(["第一步先把水烧开"], ["第二步放入面条"], []) == ["第一步先把水烧开", "第二步放入面条"]
    assert lines(["~Thls is how it works"], ["This is how it works"], ["~This is h0w it works"]) == ["This is how it works"]
    assert lines(["storm hits the c"], ["storm hits the coast ton"], ["storm hits the coast tonight"]) == ["storm hits the coast tonight"]
    assert lines(["Row 12: 300", "Row 13: 300"], ["Row 12: 300", "Row 13: 300"]) == ["Row 12: 300", "Row 13: 300"], "lines of one frame are never one"
    assert lines(["OK", "!!"], ["BOOK", "!!"]) == ["OK", "!!", "BOOK"]


def test_signs_that_the_reader_is_unsure_of_are_no_text():
    class Reader:
        """Sees a sign in the whole picture, as the real one does in a cup of coffee."""

        def __call__(self, pixels):
            return self

        boxes = np.array([[[0, 0], [1, 0], [1, 1], [0, 1]]]) * [400.0, 300.0]
        def __init__(self, text, score):
            self.txts, self.scores = (text,), (score,)

    assert ocr.read(Reader("8", 0.59), Image.new("RGB", (400, 300))) == []
    assert ocr.read(Reader("8", 0.97), Image.new("RGB", (400, 300))) == [], "no single sign fills the picture"
    assert [b.text for b in ocr.read(Reader("SALE", 0.97), Image.new("RGB", (400, 300)))] == ["SALE"]


def test_personal_data_are_not_read_out():
    class Reader:
        def __call__(self, pixels):
            return self

        boxes = np.array([[[0, 0], [200, 0], [200, 30], [0, 30]]])
        txts, scores = ("call +86 138 1234 5678 now",), (0.99,)

    (box,) = ocr.read(Reader(), Image.new("RGB", (400, 300)))
    assert "5678" not in box.text
    assert box.text.startswith("call")


def test_a_clip_whose_frames_are_damaged_is_not_read():
    class Reader:
        def __call__(self, pixels):
            raise AssertionError("read")

    row = {"clip_id": "a", "text_area_share": 0.5, "frames": [{"t_s": 0.0, "jpeg": b"\xff\xd8 no jpeg"}]}
    assert labelers()["ocr"].label(ocr.State(Reader(), Reader(), 0.0), Batch([row])) == []


@pytest.mark.heavy
def test_frames_of_any_shape_end_in_rows_or_none():
    def blank(width, height):
        sink = io.BytesIO()
        Image.new("RGB", (width, height), "white").save(sink, "JPEG")
        return {"t_s": 0.0, "jpeg": sink.getvalue()}

    sizes = {"a": (4000, 2), "b": (2, 4000), "c": (1, 1), "d": (8, 1), "e": (1792, 224)}
    rows = [{"clip_id": name, "text_area_share": 0.5, "frames": [blank(*size)]} for name, size in sizes.items()]
    reader = labelers()["ocr"]
    found = reader.label(reader.load(Label(), "cpu"), Batch(rows))
    assert {(f.clip_id, f.key, f.score) for f in found} == {(name, "area_share", 0.0) for name in "cde"}


def test_only_clips_of_which_a_frame_seems_to_hold_text_are_read():
    asked = []

    class Reader:
        """Sees a line in bright pictures and notes what it was asked."""

        txts, scores = ("WELCOME",), (0.99,)

        def __call__(self, pixels, **how):
            asked.append("glance" if how else "read")
            self.boxes = np.array([[[0, 0], [200, 0], [200, 30], [0, 30]]]) if pixels.mean() > 128 else None
            return self

    def plain(shade):
        sink = io.BytesIO()
        Image.new("RGB", (398, 224), (shade,) * 3).save(sink, "JPEG")
        return {"t_s": 0.0, "jpeg": sink.getvalue()}

    rows = [{"clip_id": "a", "text_area_share": None, "frames": [plain(0), plain(250), plain(0)]}]
    state = ocr.State(Reader(), Reader(), 0.0)
    found = {f.key: f for f in labelers()["ocr"].label(state, Batch(rows))}
    assert asked == ["glance", "glance", "read", "glance", "read", "read"], "the others are read where one holds text"
    assert found["text"].text == "WELCOME"
    assert found["area_share"].score == pytest.approx(area([Box(0, 0, 200 / 398, 30 / 224, "", 1)]) / 3, abs=1e-4)
    assert found["overlay_share"].score == 0


@pytest.mark.heavy
@pytest.mark.parametrize("text", ["keep refrigerated", "注意安全"])
def test_a_faint_small_line_that_the_decode_pass_does_not_see_is_read(text, root):
    picture = Image.new("RGB", (1194, 672), (70, 110, 90))
    font = ImageFont.truetype(str(root / "jobs/generate/fonts/NotoSansCJKsc-subset.otf"), 44)
    ImageDraw.Draw(picture).text((300, 500), text, fill=(120, 150, 130), font=font)
    sink = io.BytesIO()
    picture.resize((398, 224), Image.Resampling.LANCZOS).save(sink, "JPEG", quality=85)
    row = {"clip_id": "a", "text_area_share": 0.0, "frames": [{"t_s": 0.0, "jpeg": sink.getvalue()}]}
    reader = labelers()["ocr"]
    (said,) = [f.text for f in reader.label(reader.load(Label(), "cpu"), Batch([row])) if f.key == "text"]
    assert said.replace(" ", "").lower() == text.replace(" ", "")


@pytest.mark.parametrize("texts", [["138", "0013", "8000"], ["138 0013", "8000"], ["+86", "138", "0013", "8000"]])
def test_a_number_in_several_boxes_is_masked_as_one(texts):
    boxes = [Box(0.1 * i, 0.3, 0.1 * i + 0.1, 0.4, text, 0.9) for i, text in enumerate(texts)]
    left, told, right = masked([Box(0, 0.1, 1, 0.2, "Call us today", 0.9), *boxes, Box(0, 0.5, 1, 0.6, "open on Sundays", 0.9)])
    assert (left.text, right.text) == ("Call us today", "open on Sundays")
    assert told.text == "<PHONE>"
    assert (told.left, told.right) == (0, pytest.approx(0.1 * len(texts)))


def test_a_number_in_two_boxes_is_masked_and_boxes_stay_in_the_order_of_reading():
    """A word a pixel higher than those before it comes behind them all the same."""
    boxes = [Box(0.1, 0.30, 0.4, 0.4, "HELLO", 1), Box(0.5, 0.29, 0.6, 0.4, "138 0013", 0.9), Box(0.7, 0.3, 0.8, 0.41, "8000", 0.8), Box(0.1, 0.5, 0.4, 0.6, "NOW", 1)]
    assert masked(boxes) == [boxes[0], Box(0.5, 0.29, 0.8, 0.41, "<PHONE>", 0.8), boxes[3]]


def test_words_of_a_line_are_read_in_their_order():
    def engine(_pixels):
        corners = [np.array([[left, top], [right, top], [right, top + 20], [left, top + 20]]) for left, top, right in ((10, 102, 180), (190, 99, 380))]
        return SimpleNamespace(boxes=corners, txts=("CALL ME AT", "TOMORROW"), scores=(0.99, 0.98))

    assert [b.text for b in read(engine, np.zeros((224, 398, 3), np.uint8))] == ["CALL ME AT", "TOMORROW"]

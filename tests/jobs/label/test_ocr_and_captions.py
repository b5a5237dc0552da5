"""OCR on drawn text, and captions from a local server and from a locally made model."""

import io
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from PIL import Image, ImageDraw, ImageFont

from jobs.errors import Terminal, Transient
from jobs.label import captioner
from jobs.label.labeler import Batch, labelers
from jobs.label.labelers.ocr import Box, area, overlap, stable
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
    found = ocr.label(ocr.load(Label(), "cpu"), Batch(rows))
    by = {(f.clip_id, f.key): f for f in found}
    said = by["a", "text"].text.upper().replace(" ", "")
    assert "HELLOWORLD" in said
    assert "WATERMARK42" in said
    assert by["a", "text"].score > 0.8
    assert 0 < by["a", "overlay_share"].score < by["a", "area_share"].score
    assert len(json.loads(by["a", "boxes"].text)) == by["a", "boxes"].score == 2
    assert not any(f.clip_id == "b" for f in found)
    assert ("c", "text") not in by


def test_areas_count_once_and_boxes_overlap_as_they_should():
    a, b = Box(0, 0, 0.5, 0.5, "a", 1), Box(0, 0, 0.5, 0.5, "b", 1)
    assert area([a, b]) == pytest.approx(0.25)
    assert overlap(a, b) == 1
    assert overlap(a, Box(0.25, 0, 0.75, 0.5, "c", 1)) == pytest.approx(1 / 3)
    assert overlap(a, Box(0.5, 0.5, 1, 1, "d", 1)) == 0
    assert stable([[a], [b], [Box(0.3, 0, 0.8, 0.5, "x", 1)]]) == []


GOOD = {
    lang: dict.fromkeys(captioner.PARTS, "") | {"subject": s, "setting": t}
    for lang, s, t in (("en", "a dog", "a park"), ("zh", "一只狗", "公园"))
}


@pytest.fixture
def server(monkeypatch):
    """An OpenAI-compatible endpoint that plays a list of answers; what it was asked is kept."""
    monkeypatch.setattr(captioner, "FIRST_WAIT_S", 0.01)
    script, asked = [], []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"]))), self.headers.get("Authorization")))
            code, body = script.pop(0)
            self.send_response(code)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *args):
            pass

    http = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{http.server_port}/v1#some-vlm", script, asked
    http.shutdown()


def answer(text, finish="stop", tokens=77):
    return 200, {"choices": [{"finish_reason": finish, "message": {"content": text}}], "usage": {"total_tokens": tokens}}


def ask(address):
    caption = labelers()["caption"]
    settings = Label(caption_model=address)
    rows = [{"clip_id": "a", "frames": [{"t_s": 0.0, "jpeg": jpeg("x")}, {"t_s": 1.0, "jpeg": jpeg("y")}]}]
    return {f.key: (f.text, f.score) for f in caption.label(caption.load(settings, "cpu"), Batch(rows))}


def test_a_caption_comes_in_parts_and_joined_after_a_busy_answer(server, monkeypatch):
    address, script, asked = server
    monkeypatch.setenv(captioner.KEY_ENV, "secret")
    script += [(429, {}), (503, {}), answer("```json\n" + json.dumps(GOOD, ensure_ascii=False) + "\n```")]
    found = ask(address)
    assert found == {
        "status": ("ok", None),
        "tokens": (None, 77.0),
        "en": ("a dog, a park.", None),
        "zh": ("一只狗，公园。", None),
        "en/subject": ("a dog", None),
        "en/setting": ("a park", None),
        "zh/subject": ("一只狗", None),
        "zh/setting": ("公园", None),
    }
    path, body, key = asked[-1]
    assert (path, body["model"], key) == ("/v1/chat/completions", "some-vlm", "Bearer secret")
    assert sum(part["type"] == "image_url" for part in body["messages"][0]["content"]) == 2


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (answer(json.dumps(GOOD), "length"), "truncated"),
        (answer("", "content_filter"), "refused"),
        (answer("I'm sorry, I can't help."), "refused"),
        (answer("a dog in a park"), "failed"),
        (answer('{"en": {}}'), "failed"),
        ((200, {"odd": 1}), "failed"),
        (answer(json.dumps({})), "failed"),
    ],
)
def test_what_is_not_a_caption_is_a_status_and_never_a_text(server, reply, status):
    address, script, _ = server
    script.append(reply)
    found = ask(address)
    assert found.pop("status") == (status, None)
    assert set(found) <= {"tokens"}


def test_an_endpoint_that_refuses_or_stays_busy_is_an_error(server):
    address, script, _ = server
    script.append((401, {}))
    with pytest.raises(Terminal, match=captioner.KEY_ENV):
        ask(address)
    script += [(500, {})] * captioner.TRIES
    with pytest.raises(Transient, match="no answer"):
        ask(address)


def test_a_folder_of_pickles_or_nothing_is_refused(tmp_path):
    caption = labelers()["caption"]
    with pytest.raises(Terminal, match=r"config\.json"):
        caption.model(Label(caption_model=str(tmp_path)))
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(Terminal, match="safetensors"):
        caption.model(Label(caption_model=str(tmp_path)))

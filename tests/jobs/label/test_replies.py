"""What a captioner was answered outlives the run that paid for it: an endpoint that dies, a worker that is killed, a task tried again."""

import base64
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from jobs import chat
from jobs.errors import Terminal, Transient
from jobs.label import captioner, endpoint, replies
from jobs.label.job import AGAIN, LABEL, outside
from jobs.label.labeler import Batch, labelers
from jobs.label.labelers import transcript
from jobs.label.replies import Replies
from jobs.lake import Lake
from schemas import CLIPS, LABELS, SOURCES
from schemas.loading import load

CLIPS_ASKED = 9
"""Of the corpus, whose tenth clip is rejected."""


@pytest.fixture
def model(monkeypatch):
    """An endpoint whose answer and its price follow from the pictures; `fault(number)` may stand in for the answer to a question."""
    monkeypatch.setattr(chat, "FIRST_WAIT_S", 0.01)
    it = SimpleNamespace(paid=[], asked=0, fault=lambda number, picture: None)
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            shown = [part["image_url"]["url"] for part in body["messages"][0]["content"] if part["type"] == "image_url"]
            mark = sha256(base64.b64decode(shown[0].partition(",")[2])).hexdigest()
            plain = body["max_tokens"] == 1
            with lock:
                it.asked += 1
                number = it.asked
            code = it.fault(number, "plain" if plain else mark)
            if code is None and not plain:
                with lock:
                    it.paid.append(mark)
            said = json.dumps({"en": {"subject": f"thing {mark[:6]}"}, "zh": {"subject": f"东西 {mark[:6]}"}})
            price = {"prompt_tokens": int(mark[:3], 16), "completion_tokens": 5, "total_tokens": int(mark[:3], 16) + 5}
            self.send_response(code or 200)
            self.end_headers()
            self.wfile.write(json.dumps({"choices": [{"message": {"content": said}}], "usage": price}).encode())

        def log_message(self, *args):
            pass

        def handle(self):
            with contextlib.suppress(ConnectionError):  # who asked may be gone
                super().handle()

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
    it.address = f"http://127.0.0.1:{http.server_port}/v1#tiny"
    yield it
    http.shutdown()


def settings(lake, model, *words):
    return load(['label.labelers=["caption"]', f"label.caption_model={model.address}", f"lake={lake.root}", "progress=false", *words], env={})


def rows(lake, run):
    return lake.version(LABELS, run.fingerprint).read().to_pylist()


def mark(kit, number):
    """What a clip of the corpus is recognised by."""
    return sha256(kit.a_clip(number)["frames"][0]["jpeg"]).hexdigest()


@pytest.mark.parametrize(("code", "kind"), [(401, Terminal), (503, Transient)])
@pytest.mark.parametrize("lives", [0, 4])
def test_an_endpoint_that_dies_is_asked_later_for_what_is_missing(corpus, model, kit, monkeypatch, code, kind, lives):
    lake, parents = corpus
    monkeypatch.setattr(endpoint, "AT_ONCE", 2)
    model.fault = lambda number, picture: code if number > lives else None
    with pytest.raises(kind):
        kit.execute(LABEL, lake, settings(lake, model), parents)
    assert len(model.paid) == lives
    model.fault = lambda number, picture: None
    rescued = kit.execute(LABEL, lake, settings(lake, model), parents)
    assert len(model.paid) == len(set(model.paid)) == CLIPS_ASKED, "none is paid for twice"
    assert lake.names("_work") == []
    found = rows(lake, rescued)
    lake.remove("labels")
    lake.remove("_current")
    lake.write_json({"fingerprint": "aaa"}, "_current", "measure.json")
    lake.write_json({"fingerprint": "bbb"}, "_current", "dedup.json")
    whole = kit.execute(LABEL, lake, settings(lake, model), parents)
    assert (whole.fingerprint, rows(lake, whole)) == (rescued.fingerprint, found)
    assert sum(r["score"] for r in found if r["key"] == "tokens") == sum(int(m[:3], 16) + 5 for m in set(model.paid))


KILLED = """
import sys
from jobs.label import replies
replies.AFTER_S = 0.0
from jobs.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def test_a_killed_worker_leaves_what_was_paid_for(corpus, model):
    lake, _ = corpus
    started, kept = [], lambda: sum(len(lake.read_json(*f) or ()) for f in stored(lake))

    def fault(number, picture):
        if number <= 4:
            return None
        until = time.monotonic() + 60
        while kept() < 4 and time.monotonic() < until:
            time.sleep(0.02)
        started[0].send_signal(signal.SIGKILL)
        return 500

    model.fault = fault
    words = ["run", "label", "--only", "caption", "--lake", lake.root, "--set", f"label.caption_model={model.address}"]
    started.append(subprocess.Popen([sys.executable, "-c", KILLED, *words], env=os.environ, stderr=subprocess.PIPE))
    assert started[0].wait(120) == -signal.SIGKILL, started[0].stderr.read()
    assert (len(model.paid), lake.current("label")) == (4, None)
    model.fault = lambda number, picture: None
    subprocess.run([sys.executable, "-m", "jobs", *words], env=os.environ, check=True, timeout=120, capture_output=True)
    assert len(model.paid) == len(set(model.paid)) == CLIPS_ASKED
    assert sum(r["key"] == "status" and r["text"] == "ok" for r in lake.version(LABELS, lake.current("label")).read().to_pylist()) == CLIPS_ASKED


def stored(lake):
    """Objects of kept replies, as parts of paths in the lake."""
    runs = [("_work", run, "replies") for run in lake.names("_work")]
    return [(*run, task, name) for run in runs for task in lake.names(*run) for name in lake.names(*run, task) if name.endswith(".json")]


@pytest.mark.parametrize("changed", ["pictures", "model", "question"])
def test_a_reply_to_another_question_is_none(corpus, model, kit, monkeypatch, changed):
    caption = labelers()["caption"]
    row = {"clip_id": "a", "frames": kit.a_clip(1)["frames"]}

    def asked(row, address, lake=corpus[0]):
        before = len(model.paid)
        caption.label(caption.load(load([f"label.caption_model={address}"], env={}).recipe.label, "cpu"), Batch([row], replies=Replies(lake, ("_work", "x"))))
        return len(model.paid) - before

    assert [asked(row, model.address), asked(row, model.address)] == [1, 0]
    if changed == "pictures":
        row = {**row, "frames": row["frames"][:2]}
    if changed == "question":
        monkeypatch.setattr(captioner, "ASK", "What is this?")
    assert asked(row, model.address + ("er" if changed == "model" else "")) == 1


def test_objects_are_few_and_survive_one_another(tmp_path, monkeypatch):
    lake = Lake(str(tmp_path))
    folder = ("_work", "run", "replies", "00000")
    put, written = Lake.write_json, []
    monkeypatch.setattr(Lake, "write_json", lambda self, facts, *parts: (written.append(len(facts)), put(self, facts, *parts)))
    one, other = Replies(lake, folder), Replies(lake, folder)
    for i in range(20):
        one.add({f"a{i}": {"n": i}})
    assert written == [8, 16]
    other.add({"b": {"n": 20}})
    other.write()
    other.write()
    assert written == [8, 16, 1]
    monkeypatch.setattr(replies, "AFTER_S", 0.0)
    one.add({})
    assert written == [8, 16, 1, 20], "it was time"
    one.add({})
    assert len(written) == 4, "nothing had come"
    assert len(lake.names(*folder)) == 2
    (tmp_path / "/".join(folder) / "cut.json.7.tmp").write_text('{"c": ')
    third = Replies(lake, folder)
    assert [third.get(key) for key in (*(f"a{i}" for i in range(20)), "b", "c")] == [*({"n": i} for i in range(21)), None]
    monkeypatch.setattr(replies, "PER_OBJECT", 20)
    for i in range(45):
        third.add({f"d{i}": {"n": i}})
    assert len(lake.names(*folder)) == 2 + 1 + 3
    fourth = Replies(lake, folder)
    assert [fourth.get(f"d{i}")["n"] for i in range(45)] == list(range(45))


def test_without_a_lake_nothing_is_kept():
    nothing = Replies()
    nothing.add({f"a{i}": 1 for i in range(20)})
    nothing.write()
    assert nothing.get("a1") is None


def test_a_clip_that_went_unanswered_is_asked_about_by_every_later_run_that_makes_a_version(corpus, model, kit):
    lake, parents = corpus
    bad = mark(kit, 5)
    model.fault = lambda number, picture: 500 if picture == bad else None
    first = kit.execute(LABEL, lake, settings(lake, model), parents)
    status = {r["clip_id"]: r["text"] for r in rows(lake, first) if r["key"] == "status"}
    assert sorted(status.values()) == ["ok"] * 8 + ["unanswered"]
    assert [m for m in first.lake.version(LABELS, first.fingerprint).manifest["measured"] if "passing" in m] == [{"labeler": "caption", "passing": 1}]
    model.paid.clear()
    model.fault = lambda number, picture: None
    more = {**parents, "clips": kit.put(lake, CLIPS, "ddd", [[kit.a_clip(n) for n in range(11)]], "measure")}
    second = kit.execute(LABEL, lake, settings(lake, model), more)
    assert sorted(model.paid) == sorted([bad, mark(kit, 10)])
    made = rows(lake, second)
    assert [r["text"] for r in made if r["key"] == "status"] == ["ok"] * 10
    keys = [(r["clip_id"], r["key"]) for r in made]
    assert len(set(keys)) == len(keys)


def test_a_labeler_run_by_name_asks_again_and_no_later_run_falls_back(corpus, model, kit, monkeypatch):
    few = {name: labeler for name, labeler in labelers().items() if name in ("caption", "language", "quality")}
    for module in ("job", "labeler"):
        monkeypatch.setattr(f"jobs.label.{module}.labelers", lambda: few)
    lake, parents = corpus
    bad = mark(kit, 5)
    named = settings(lake, model)
    every = settings(lake, model, "label.labelers=[]")
    model.fault = lambda number, picture: 500 if picture == bad else None
    first = kit.execute(LABEL, lake, every, parents)
    assert AGAIN not in outside(every), "a run of all labelers leaves a version that stands alone"
    assert outside(named)[AGAIN] == "1"
    model.paid.clear()
    second = kit.execute(LABEL, lake, named, parents)
    assert model.paid == []
    assert outside(named)[AGAIN] == "2", "it is still missing"
    model.fault = lambda number, picture: None
    third = kit.execute(LABEL, lake, named, parents)
    assert model.paid == [bad]
    assert len({first.fingerprint, second.fingerprint, third.fingerprint}) == 3
    assert outside(named)[AGAIN] == outside(every)[AGAIN] == "2"
    fourth = kit.execute(LABEL, lake, every, parents)
    assert model.paid == [bad]
    assert {r["text"] for r in rows(lake, fourth) if (r["labeler"], r["key"]) == ("caption", "status")} == {"ok"}
    before = [[r for r in rows(lake, run) if r["labeler"] != "caption"] for run in (first, fourth)]
    assert before[0] == before[1]


def test_speech_that_could_not_be_read_is_listened_to_when_it_can(corpus, kit, tmp_path, monkeypatch):
    lake, parents = corpus
    folder, sound = tmp_path / "whisper", tmp_path / "said.wav"
    folder.mkdir()
    for name in transcript.FILES:
        (folder / name).write_bytes(b"{}")
    monkeypatch.setattr("jobs.label.job._loaded", lambda name, label, device: None)
    monkeypatch.setattr(transcript, "said", lambda whisper, clip_id, heard: [transcript.Found(clip_id, "status", text="ok")])
    monkeypatch.setattr(transcript, "listen", lambda path, start_s, end_s, rate_hz: open(path, "rb").close())
    speaks = [kit.a_clip(n, speech_share=0.9) for n in range(3)]
    places = [tmp_path / "there.wav", sound, tmp_path / "there.wav"]
    places[0].write_bytes(b"1234")
    facts = {"modality": "video", "connector": "file", "size_bytes": 4, "rel_path": "a.wav", "pii_count": 0}
    known = [{"source_id": c["source_id"], "uri": str(p), **facts} for c, p in zip(speaks, places, strict=True)]
    parents = {**parents, "clips": kit.put(lake, CLIPS, "eee", [speaks], "measure"), "sources": kit.put(lake, SOURCES, "fff", [known], "collect"),
               "rejects": kit.put(lake, kit.REJECTS, "ccc", [[]], "dedup")}  # fmt: skip
    lake.write_json({"fingerprint": "eee"}, "_current", "measure.json")
    lake.write_json({"fingerprint": "ccc"}, "_current", "dedup.json")
    heard = load(['label.labelers=["transcript"]', f"label.asr_model={folder}", f"lake={lake.root}", "device=cpu"], env={})
    first = kit.execute(LABEL, lake, heard, parents)
    assert [r["text"] for r in sorted(rows(lake, first), key=lambda r: str(places[[c["clip_id"] for c in speaks].index(r["clip_id"])]))] == [
        "unreadable", "ok", "ok"]  # fmt: skip
    sound.write_bytes(b"1234")
    second = kit.execute(LABEL, lake, heard, parents)
    assert second.fingerprint != first.fingerprint
    assert [r["text"] for r in rows(lake, second)] == ["ok"] * 3
    assert [m["clips"] for m in lake.version(LABELS, second.fingerprint).manifest["measured"] if "clips" in m] == [1]

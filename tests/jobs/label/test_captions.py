"""Captions from a local server and from a locally made model: what is believed of an answer, and what is done without one."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType

import pytest

from jobs import chat
from jobs.errors import Terminal, Transient
from jobs.label import captioner, endpoint, vlm
from jobs.label.labeler import Batch, labelers
from schemas.settings import Label

GOOD = {
    lang: dict.fromkeys(captioner.PARTS, "") | {"subject": s, "setting": t}
    for lang, s, t in (("en", "a dog", "a park"), ("zh", "一只狗", "公园"))
}


@pytest.fixture
def server(monkeypatch):
    """An OpenAI-compatible endpoint that plays a list of answers; what it was asked is kept, and how many at once."""
    monkeypatch.setattr(chat, "FIRST_WAIT_S", 0.01)
    script, asked = [], []

    class Handler(BaseHTTPRequestHandler):
        here = most = 0
        lock = threading.Lock()

        def do_POST(self):
            with Handler.lock:
                Handler.here += 1
                Handler.most = max(Handler.most, Handler.here)
            asked.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"]))), self.headers.get("Authorization")))
            code, body, *headers = script[0](asked[-1][1]) if script and callable(script[0]) else script.pop(0)
            time.sleep(0.05)
            with Handler.lock:
                Handler.here -= 1
            if code is None:  # hangs up
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
            self.send_response(code)
            for name, value in headers:
                self.send_header(name, value)
            self.end_headers()
            parts = body if isinstance(body, Iterator) else (body if isinstance(body, bytes) else json.dumps(body).encode(),)
            with contextlib.suppress(ConnectionError):  # who asked may be gone
                for i, part in enumerate(parts):
                    if i:
                        time.sleep(0.02)
                    self.wfile.write(part)

        def log_message(self, *args):
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{http.server_port}/v1#some-vlm", script, asked, Handler
    http.shutdown()


USAGE = MappingProxyType({"prompt_tokens": 70, "completion_tokens": 7, "total_tokens": 77})


def answer(text, finish="stop", usage=USAGE):
    return 200, {"choices": [{"finish_reason": finish, "message": {"content": text}}], "usage": usage and dict(usage)}


SPENT = MappingProxyType({"tokens": 77.0, "tokens/read": 70.0, "tokens/written": 7.0})


@pytest.fixture
def ask(kit):
    def asked(address, *clips):
        caption = labelers()["caption"]
        rows = [{"clip_id": c, "frames": [{"t_s": float(i), "jpeg": kit.jpeg(i)} for i in range(2)]} for c in clips or ("a",)]
        found = caption.label(caption.load(Label(caption_model=address), "cpu"), Batch(rows))
        return {f.key if not clips else (f.clip_id, f.key): (f.text, f.score) for f in found}

    return asked


def test_a_caption_comes_in_parts_and_joined_after_a_busy_answer(server, ask, monkeypatch):
    address, script, asked, _ = server
    monkeypatch.setenv(endpoint.KEY_ENV, "secret")
    script += [(429, {}), (503, {}), answer("```json\n" + json.dumps(GOOD, ensure_ascii=False) + "\n```")]
    assert ask(address) == {
        "status": ("ok", None),
        "tokens": (None, 77.0),
        "tokens/read": (None, 70.0),
        "tokens/written": (None, 7.0),
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
        (answer("no", usage={"total_tokens": 10**400, "prompt_tokens": True, "completion_tokens": -1}), "failed"),
        (answer([{"text": None}]), "failed"),
        (answer(7), "failed"),
        (answer('{"en": {"subject": "\\ud800"}}'), "failed"),
        (answer("", "content_filter"), "refused"),
        (answer("I'm sorry, I can't help."), "refused"),
        (answer("很抱歉，我无法描述这段视频。"), "refused"),
        (answer("I\u2019m sorry, but I can\u2019t assist with that."), "refused"),
        (answer("非常抱歉，我无法查看图片。"), "refused"),
        (answer("<think>They want a caption.</think>\nI'm sorry, I can't."), "refused"),
        (answer('{"en": {"subject": "I\u2019m sorry, but I can\u2019t help with that."}, "zh": {"subject": "抱歉，我无法查看图片"}}'), "refused"),
        (answer('{"zh": {"subject": "犬が走っている"}}'), "failed"),
        (answer("a dog in a park"), "failed"),
        (answer('{"en": {}}'), "failed"),
        ((200, {"choices": []}), "failed"),
        ((200, {"choices": ["odd"]}), "failed"),
        (answer(json.dumps({})), "failed"),
        (answer(None, usage=None), "failed"),
        (answer('{"en": {"subject": null, "action": 3}, "zh": "狗"}'), "failed"),
        (answer('{"en": {"subject": "...", "action": "N/A"}, "zh": {"subject": "未知。"}}'), "failed"),
        (answer('{"en": {"subject": "' + "very " * 200 + '"}}'), "failed"),
        ((400, {"error": {"code": "content_filter", "message": "the picture was blocked"}}), "refused"),
        ((403, {"error": {"code": 403, "message": "Your model requires moderation and your input was flagged for \"violence\""}}), "refused"),
        ((451, {"error": "not in your country"}), "refused"),
    ],
)
def test_what_is_not_a_caption_is_a_status_and_never_a_text(server, ask, reply, status):
    address, script, *_ = server
    script.append(reply)
    found = ask(address)
    assert found.pop("status") == (status, None)
    assert set(found) <= {"tokens", "tokens/read", "tokens/written"}


@pytest.mark.parametrize(
    ("text", "en", "zh"),
    [
        ('<think>{"en": {"subject": "a draft"}}</think>{"en": {"subject": "a dog"}, "zh": {"subject": "狗"}} {"note": 1}', "a dog.", "狗。"),
        ('{"en": {"subject": "一只狗"}, "zh": {"subject": "一只狗"}}', None, "一只狗。"),
        ('{"en": {"subject": "a dog"}, "zh": {"subject": "a dog"}}', "a dog.", None),
        ('{"en": {"subject": ["a dog", "a cat"], "action": null}}', "a dog, a cat.", None),
        ('{"en": {"subject": "a sign: call 138 1234 5678"}}', "a sign: call <PHONE>.", None),
        ('{"caption": {"en": {"subject": "A dog", "action": "runs"}, "zh": {}}}', "A dog, runs.", None),
        ('{"en": {"subject": "A dog"}, "zh": {}} in the form {"en": {"subject": "..."}, "zh": {}}', "A dog.", None),
        ('{"en": {}, "zh": {"subject": "강아지", "action": "狗", "setting": "สุนัข", "style": "СОБАКА"}}', None, "狗。"),
        ('{"en": {"subject": "一只狗", "action": "runs"}, "zh": {"subject": "iPhone 15", "action": "lies there", "setting": "桌上"}}', "runs.", "iPhone 15，桌上。"),
        ('{"en": {"subject": "a dog",\n}, "zh": {"subject": "狗", }, }', "a dog.", "狗。"),
        ('{"en": {"subject": "собака", "action": "runs"}}', "runs.", None),
        ('{"en": {"subject": "<script>alert(1)</script> a <b>red</b> ball"}, "zh": {"subject": "<img src=x onerror=alert(1)>球"}}', "a red ball.", "球。"),
        ('{"en": {"subject": "a dog"}}\n{"zh": {"subject": "狗"}}', "a dog.", "狗。"),
        ('{"en": {"subject": "I cannot see a person", "setting": "a \u201csorry, closed\u201d sign"}, "zh": {"subject": "优の良品的店", "setting": "犬が走っている"}}',
         "a \u201csorry, closed\u201d sign.", "优の良品的店。"),
        ('{"en": {"subject": "a\\u202e ball\\u0000\\n\\n\\u2066 rolls"}}', "a ball rolls.", None),
    ],
    ids=["thinks aloud", "english that is chinese", "chinese that is english", "lists", "personal data", "under a name", "an echo of the form", "other scripts", "one phrase in the other language", "commas behind the last",
         "english that is russian", "tags and scripts", "an object a language", "an apology and Japanese among phrases", "signs that turn the line round"],
)
def test_only_what_was_asked_for_is_taken_from_an_answer(text, en, zh):
    reply = captioner.parsed(text)
    assert reply.status == "ok"
    assert [captioner.joined(reply.parts[lang], lang) if any(reply.parts[lang].values()) else None for lang in ("en", "zh")] == [en, zh]


def test_a_good_answer_counts_whatever_stands_beside_it():
    said = json.dumps(GOOD)
    for usage in ("x", 5, None, []):
        assert endpoint.read({"usage": usage, "choices": [{"message": {"content": said}}]}).status == "ok"
    for content in ([{"type": "text", "text": None}, {"type": "text", "text": said}], [said]):
        assert endpoint.read({"choices": [{"message": {"content": content}}]}).status == "ok"


def test_braces_in_braces_are_read_at_once():
    started = time.process_time()
    assert captioner.parsed('{"en":' * 100_000).status == "failed"
    assert time.process_time() - started < 5, "the square of that would be minutes"


def test_a_model_that_never_ends_to_think_is_read_at_once():
    started = time.process_time()
    assert captioner.parsed("<think>" * 300_000).status == "failed"
    assert time.process_time() - started < 5, "the square of that would be an hour"


def test_clips_are_asked_about_together_and_a_rejected_one_stands_alone(server, ask):
    address, script, asked, handler = server
    script += [answer(json.dumps(GOOD))] * 3 + [(413, {"error": "too large"})] + [answer(json.dumps(GOOD))] * 3
    found = ask(address, *"abcdef")
    status = [found[c, "status"][0] for c in "abcdef"]
    assert sorted(status) == ["failed"] + ["ok"] * 5
    assert len(asked) in (6, 7), "once with plain pictures where it came last"
    assert 1 < handler.most <= endpoint.AT_ONCE


def test_a_lone_clip_that_is_turned_down_does_not_end_the_run(server, ask):
    """The last clips of a day may be one: whether its pictures are at fault is asked with a plain one."""
    address, script, asked, _ = server
    script += [(400, {"error": "cannot identify image"}), answer("", "length")]
    assert ask(address) == {"status": ("failed", None)}, "a question that was turned down costs nothing"
    plain = asked[1][1]
    assert plain["max_tokens"] == 1
    assert sum(part["type"] == "image_url" for part in plain["messages"][0]["content"]) == 2, "as many as the clip has"


def test_an_endpoint_that_does_not_take_several_pictures_is_no_model_for_clips(server, ask):
    """It would take one plain picture, and every clip of the lake would silently fail."""
    address, script, *_ = server
    script += [(400, {"error": "At most 1 image(s) may be provided in one request."})] * 90
    with pytest.raises(Terminal, match="At most 1 image"):
        ask(address, *(f"c{i}" for i in range(90)))
    assert len(script) >= 90 - 3 * (endpoint.AT_ONCE + endpoint.DOUBT), "the first few are enough to find out"


@pytest.mark.parametrize("clips", [3, 30])
def test_an_endpoint_that_takes_one_picture_is_no_model_for_clips_though_it_answers_about_pictures(server, kit, clips):
    """Answers about pictures, which are one frame, say nothing of what is turned down."""
    address, script, *_ = server

    def one_at_most(body):
        many = sum(part["type"] == "image_url" for part in body["messages"][0]["content"]) > 1
        return (400, {"error": "At most 1 image(s) may be provided in one prompt."}) if many else answer(json.dumps(GOOD))

    script.append(one_at_most)
    came = []
    with pytest.raises(Terminal, match="of 2 pictures down.*At most 1 image"):
        for replies in endpoint.endpoint(address).ask([[kit.jpeg(0)]] * 5 + [[kit.jpeg(0), kit.jpeg(1)]] * clips):
            came += replies
    assert sorted((number, reply.status) for number, reply in came) == [(i, "ok") for i in range(5)], "what was paid for is kept"


@pytest.mark.parametrize("fault", [(403, {"error": "insufficient credits"}), (400, {"error": "model is not loaded"})])
@pytest.mark.parametrize("lives", [3, 20])
def test_an_endpoint_that_takes_nothing_more_on_the_way_ends_the_batch(server, kit, fault, lives):
    """An account that is empty, a key that is withdrawn, a model that is unloaded: the clips left were `failed` for ever."""
    address, script, *_ = server
    left = iter(range(lives))  # asked from several threads

    def dies(body):
        return fault if next(left, None) is None else answer(json.dumps(GOOD))

    script.append(dies)
    came = []
    with pytest.raises(Terminal, match="turns every request"):
        for replies in endpoint.endpoint(address).ask([[kit.jpeg(0)]] * 40):
            came += replies
    assert [reply.status for _, reply in came] == ["ok"] * lives


def test_a_403_of_one_request_is_not_one_of_the_sender(server, ask):
    address, script, *_ = server
    script += [answer(json.dumps(GOOD)), (403, {"error": "forbidden"}), *[answer(json.dumps(GOOD))] * 2]
    found = ask(address, *"abc")
    assert sorted(found[c, "status"][0] for c in "abc") == ["failed", "ok", "ok"]


@pytest.mark.parametrize("code", chat.BUSY)
def test_a_server_that_wants_to_be_asked_later_is_asked_later(server, ask, code):
    address, script, *_ = server
    script += [(code, {}), answer(json.dumps(GOOD))]
    assert ask(address)["status"] == ("ok", None)


def test_an_endpoint_that_refuses_or_stays_busy_is_an_error(server, ask):
    address, script, *_ = server
    script.append((401, {}))
    with pytest.raises(Terminal, match=endpoint.KEY_ENV):
        ask(address)
    for code in (500, 503):
        script[:] = [(code, {})] * 2 * chat.TRIES
        with pytest.raises(Transient, match=f"no answer.*{code}"):
            ask(address)
    script.clear()
    script += [(400, {"error": "no such model"})] * 3
    with pytest.raises(Terminal, match="no such model"):
        ask(address, "a", "b")
    script.append((302, b"", ("Location", "http://127.0.0.1:1/elsewhere")))
    with pytest.raises(Terminal, match="302"):
        ask(address)
    with pytest.raises(Transient, match="no answer"):
        ask("http://127.0.0.1:1/v1#m")


def test_the_server_says_how_long_to_wait(server, ask, monkeypatch):
    address, script, *_ = server
    waits = []
    monkeypatch.setattr(chat.time, "sleep", waits.append)
    script += [(429, {}, ("Retry-After", "7")), (200, b"not json"), (429, {}, ("Retry-After", "99999")), answer(json.dumps(GOOD))]
    assert ask(address)["status"] == ("ok", None)
    waits = [w for w in waits if w != 0.05]  # the server sleeps, too
    assert waits[:2] == [0, 7]
    assert waits[-1] == chat.LONGEST_WAIT_S


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        ((200, b'{"choices": [', ("Content-Length", "999")), "broke off 986 bytes before its end"),
        ((200, b" " * (5 << 20)), "longer than 4 MiB"),
        ((200, {"error": {"code": 502, "message": "upstream is down"}}), "answers 200 and an error.*upstream is down"),
        (answer("half a", "error"), "answers 200 and an error"),
        ((200, b'{"choices": [', ("Content-Type", "application/json")), "its JSON is broken .*char 13"),
        ((500, {"error": "CUDA out of\nmemory"}), r'500 Internal Server Error \(.*CUDA out of.*memory"}\)'),
        ((429, {}, ("Retry-After", "3600")), "429 Too Many Requests, come back in 3600 s"),
    ],
    ids=["broken off", "huge", "an error of a gateway", "an error of a model", "broken JSON", "words of a 500", "come back tomorrow"],
)
def test_what_is_no_answer_is_asked_for_again_and_said(server, ask, monkeypatch, reply, says):
    address, script, asked, _ = server
    monkeypatch.setattr(chat, "LONGEST_WAIT_S", 0.01)
    script += [reply, answer(json.dumps(GOOD))]
    assert ask(address)["status"] == ("ok", None)
    assert len(asked) == 2
    monkeypatch.setattr(chat, "TRIES", 1)
    script.append(reply)
    with pytest.raises(Transient, match=says):
        chat.Chat(address.partition("#")[0], "a.setting", "A_KEY").ask({})


def test_a_server_that_streams_unasked_is_said_to_and_asked_no_more(server, ask):
    address, script, asked, _ = server
    script.append((200, b'data: {"choices": [{"delta": {"content": "a"}}]}\n\n', ("Content-Type", "text/event-stream; charset=utf-8")))
    with pytest.raises(Terminal, match=r"streams its answers.*label\.caption_model"):
        ask(address)
    assert [body["stream"] for _, body, _ in asked] == [False]


def test_why_a_sender_is_not_wanted_is_told_without_his_key(server, ask, monkeypatch):
    address, script, *_ = server
    monkeypatch.setenv(endpoint.KEY_ENV, "sk-secret")
    script.append((404, {"error": {"message": "The model `some-vlm`\ndoes not exist for sk-secret"}}))
    with pytest.raises(Terminal, match=r"404.*model `some-vlm`.*does not exist.*check label\.caption_model") as error:
        ask(address)
    assert "sk-secret" not in str(error.value)


@pytest.mark.parametrize("reply", [
    (400, {"error": "Bearer sk-secret"}), (200, {"error": "Bearer sk-secret"}), (200, {"detail": "Bearer sk-secret"}),
    (200, {"choices": [{"finish_reason": "error", "error": "Bearer sk-secret"}]})])
def test_no_answer_tells_the_key_that_it_repeats(server, ask, monkeypatch, reply):
    address, script, *_ = server
    monkeypatch.setenv(endpoint.KEY_ENV, "sk-secret")
    monkeypatch.setattr(chat, "TRIES", 1)
    script += [reply] * 3
    with pytest.raises((Terminal, Transient), match=r"Bearer \*\*\*") as error:
        ask(address)
    assert "sk-secret" not in str(error.value)


def test_another_service_behind_the_address_is_said_to_be_none(server, ask):
    address, script, *_ = server
    script += [(200, {"odd": 1})] * 3
    with pytest.raises(Terminal, match=r"no chat completion: .*odd.*check label\.caption_model"):
        ask(address, "a", "b")
    script += [(200, ["odd"]), *[answer(json.dumps(GOOD))] * 2]  # the last with plain pictures, where the odd one came last
    assert sorted(said for (_, key), (said, _) in ask(address, "a", "b").items() if key == "status") == ["failed", "ok"]


def test_a_clip_that_a_server_fails_at_stands_alone_and_does_not_end_the_run(server, ask, monkeypatch):
    """Where a plain question is answered the fault is in the clip; where none is, it is the server's."""
    address, script, asked, _ = server
    monkeypatch.setattr(chat, "TRIES", 2)
    monkeypatch.setattr(endpoint, "AT_ONCE", 1)
    script += [answer(json.dumps(GOOD)), (500, {}), (502, {}), answer("", "length"), answer(json.dumps(GOOD))]
    found = ask(address, *"abc")
    assert [found[c, "status"][0] for c in "abc"] == ["ok", "unanswered", "ok"]
    assert {key: score for (clip, key), (_, score) in found.items() if clip == "b" and key != "status"} == SPENT, "of the plain question"
    assert [body["max_tokens"] == 1 for _, body, _ in asked] == [False, False, False, True, False]
    script += [(500, {}), (500, {}), (500, {}), (503, {})]
    with pytest.raises(Transient, match="503"):
        ask(address, *"abc")


def test_a_clip_at_which_the_server_hangs_up_stands_alone(server, ask, monkeypatch):
    address, script, *_ = server
    monkeypatch.setattr(chat, "TRIES", 2)
    monkeypatch.setattr(endpoint, "AT_ONCE", 1)
    script += [answer(json.dumps(GOOD)), (None, {}), (None, {}), answer("", "length"), answer(json.dumps(GOOD))]
    found = ask(address, *"abc")
    assert [found[c, "status"][0] for c in "abc"] == ["ok", "unanswered", "ok"]
    script += [(None, {})] * 4
    with pytest.raises(Transient, match="closed"):
        ask(address)


@pytest.mark.parametrize("broken", [
    {"choices": [{"finish_reason": "error", "error": "out of memory"}]}, {"error": {"code": 502}}, {"error": {"code": 502}, "choices": []}])
def test_a_try_that_came_to_nothing_is_spent_too(server, ask, broken):
    address, script, *_ = server
    script += [(200, broken | {"usage": dict(USAGE)}), (500, {}), (200, broken), answer(json.dumps(GOOD))]
    found = ask(address)
    assert found["status"] == ("ok", None)
    assert {key: found[key][1] for key in SPENT} == {key: 2 * tokens for key, tokens in SPENT.items()}


@pytest.mark.parametrize("useless", [{"choices": []}, {"choices": ["odd"]}, {"choices": [{"message": 3}]}, {"choices": [{"finish_reason": "stop"}]}, {"odd": 1}])
def test_an_answer_that_says_nothing_is_spent_too(server, ask, useless):
    address, script, *_ = server
    script += [(200, useless | {"usage": dict(USAGE)}), answer(json.dumps(GOOD))]
    assert ask(address) == {"status": ("failed", None)} | {key: (None, tokens) for key, tokens in SPENT.items()}


def test_what_was_read_and_written_is_spent_where_no_sum_is_given(server, ask):
    address, script, *_ = server
    script.append(answer(json.dumps(GOOD), usage={"prompt_tokens": 70, "completion_tokens": 7}))
    assert ask(address)["tokens"] == (None, 77.0)


def test_a_date_to_come_back_at_is_understood():
    soon = formatdate(time.time() + 30, usegmt=True)
    assert 25 < chat._asked_wait(soon, 1.0) <= 30
    assert chat._asked_wait(formatdate(0, usegmt=True), 1.0) == 0
    assert [chat._asked_wait(said, 1.5) for said in ("", "soon", "-3", "1e9999", "9" * 400)] == [1.5] * 4 + [float("inf")]


def test_a_page_in_the_place_of_an_answer_is_said_to_be_one(server, ask, monkeypatch):
    address, script, *_ = server
    monkeypatch.setattr(chat, "TRIES", 2)
    script += [(200, b"<html>sign in</html>", ("Content-Type", "text/html"))] * 4
    with pytest.raises(Transient, match=r"no JSON but text/html.*label\.caption_model"):
        ask(address)


def test_a_server_that_says_nothing_is_given_up_on(server, ask, monkeypatch):
    address, script, *_ = server
    monkeypatch.setattr(chat, "TRIES", 2)
    monkeypatch.setattr(chat, "TIMEOUT_S", 0.2)

    def nothing():
        time.sleep(2)
        yield b""

    script += [(200, nothing()) for _ in range(4)]
    with pytest.raises(Transient, match=r"after 2 tries \(timed out after 0\.2 s\)"):
        ask(address)
    monkeypatch.setattr(endpoint, "AT_ONCE", 1)
    script += [answer(json.dumps(GOOD)), (200, nothing()), (200, nothing()), answer("", "length"), answer(json.dumps(GOOD))]
    found = ask(address, *"abc")
    assert [found[c, "status"][0] for c in "abc"] == ["ok", "unanswered", "ok"], "where it is silent at one clip alone, that one stands alone"


def test_an_answer_that_trickles_is_given_up_on(server, ask, monkeypatch):
    address, script, *_ = server
    monkeypatch.setattr(chat, "TRIES", 1)
    monkeypatch.setattr(chat, "TIMEOUT_S", 1.0)
    script += [(200, iter([b" "] * 400)), (200, iter([b" "] * 400))]
    with pytest.raises(Transient, match="not complete after 1 s"):
        ask(address)


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("http://", "is no address"),
        ("http://[::1/v1", "is no address"),
        ("http://exa mple/v1#m", "is no address"),
        ("http://host:99999/v1", "is no address"),
        ("https://me:secret@host/v1#m", endpoint.KEY_ENV),
        ("https://host/v1beta/openai?key=secret#m", endpoint.KEY_ENV),
    ],
)
def test_an_address_that_cannot_be_meant_is_refused_and_no_password_told(address, says):
    with pytest.raises(Terminal, match=says) as error:
        labelers()["caption"].model(Label(caption_model=address))
    assert "secret" not in str(error.value)


def test_a_refusal_that_trickles_is_not_waited_for(server, ask, monkeypatch):
    address, script, *_ = server
    monkeypatch.setattr(chat, "TIMEOUT_S", 0.3)
    script += [(400, iter([b"n"] + [b" "] * 400)), answer(json.dumps(GOOD))]
    monkeypatch.setattr(endpoint, "AT_ONCE", 1)
    started = time.monotonic()
    assert sorted(said for (_, key), (said, _) in ask(address, "a", "b").items() if key == "status") == ["failed", "ok"]
    assert time.monotonic() - started < 5


def test_a_folder_of_pickles_or_nothing_is_refused(tmp_path):
    caption = labelers()["caption"]
    with pytest.raises(Terminal, match=r"config\.json"):
        caption.model(Label(caption_model=str(tmp_path)))
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(Terminal, match="safetensors"):
        caption.model(Label(caption_model=str(tmp_path)))


SAYS = ['{"en": {"subject": "', "a dog", '"}, "zh": {"subject": "', "一只狗", '"}}']


@pytest.fixture(scope="module")
def tiny_vlm(tmp_path_factory):
    """A Llava of two narrow layers that has learned one answer by heart."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import (
        CLIPImageProcessor,
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
        PreTrainedTokenizerFast,
    )

    folder = tmp_path_factory.mktemp("tiny-vlm")
    made = Tokenizer(models.BPE({c: i for i, c in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}, []))
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    words = PreTrainedTokenizerFast(tokenizer_object=made, pad_token="<pad>", eos_token="</s>", additional_special_tokens=["<image>"])
    words.add_tokens([captioner.ASK, *SAYS])
    template = (
        "{% for m in messages %}{% for c in m['content'] %}{% if c['type'] == 'image' %}<image>{% else %}{{ c['text'] }}{% endif %}"
        "{% endfor %}{% endfor %}{% if add_generation_prompt %}\n{% endif %}"
    )
    pictures = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    LlavaProcessor(
        pictures, words, patch_size=16, vision_feature_select_strategy="default", chat_template=template, num_additional_image_tokens=1
    ).save_pretrained(folder)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    sight = CLIPVisionConfig(hidden_size=32, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2, image_size=32, patch_size=16)
    speech = LlamaConfig(
        vocab_size=len(words), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=2,
        pad_token_id=words.pad_token_id, eos_token_id=words.eos_token_id, bos_token_id=None,
    )  # fmt: skip
    network = LlavaForConditionalGeneration(
        LlavaConfig(vision_config=sight, text_config=speech, image_token_id=words.convert_tokens_to_ids("<image>"), vision_feature_layer=-1)
    )
    network.generation_config.eos_token_id, network.generation_config.pad_token_id = words.eos_token_id, words.pad_token_id
    by_heart = torch.optim.AdamW(network.parameters(), lr=1e-2)
    for step in range(60):
        shown = words.convert_tokens_to_ids("<image>")
        ids = torch.tensor([[shown] * (4 * (1 + step % 3)) + words(captioner.ASK + "\n" + "".join(SAYS)).input_ids + [words.eos_token_id]])
        network(input_ids=ids, pixel_values=torch.randn(1 + step % 3, 3, 32, 32), labels=ids.where(ids != shown, -100)).loss.backward()
        by_heart.step()
        by_heart.zero_grad()
    network.save_pretrained(folder)
    return folder


def test_a_model_folder_captions_and_its_batch_does_not_matter(tiny_vlm, kit, monkeypatch):
    caption, settings = labelers()["caption"], Label(caption_model=str(tiny_vlm))
    assert len(caption.model(settings).revision) == 12
    state = caption.load(settings, "cpu")
    clips = [("a", 2), ("b", 1), ("c", 3)]
    rows = [{"clip_id": c, "frames": [{"t_s": 0.0, "jpeg": kit.jpeg(i)} for i in range(n)]} for c, n in clips]
    rows += [{"clip_id": "d", "frames": None}, {"clip_id": "e", "frames": [{"t_s": 0.0, "jpeg": b"damaged"}]}]
    found = caption.label(state, Batch(rows))
    texts = {(f.clip_id, f.key): f.text for f in found if f.text}
    assert {c for c, _ in texts} == {"a", "b", "c"}
    for c, _ in clips:
        assert (texts[c, "status"], texts[c, "en"], texts[c, "zh"]) == ("ok", "a dog.", "一只狗。")
    spent = {f.clip_id: f.score for f in found if f.key == "tokens/read"}
    assert spent["c"] - spent["b"] == 2 * 4  # two pictures of four patches
    monkeypatch.setitem(vlm.AT_ONCE, "cpu", 3)
    assert caption.label(state, Batch(rows)) == found
    monkeypatch.setattr(vlm, "MAX_TOKENS", 3)
    cut = caption.label(state, Batch(rows[:1]))
    assert {(f.key, f.text) for f in cut if f.text} == {("status", "truncated")}


def test_a_model_folder_that_lacks_weights_is_refused(tiny_vlm, tmp_path):
    import shutil

    from safetensors.torch import load_file, save_file

    folder = tmp_path / "lacking"
    shutil.copytree(tiny_vlm, folder)
    weights = load_file(folder / "model.safetensors")
    gone = next(name for name in weights if "q_proj" in name)
    save_file({n: w for n, w in weights.items() if n != gone}, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(Terminal, match="missing"):
        labelers()["caption"].load(Label(caption_model=str(folder)), "cpu")

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from jobs import chat
from jobs.errors import RunError, Terminal, Transient
from jobs.prompts import job, rewriter
from jobs.prompts.rewriter import Refused
from jobs.prompts.storyboard import Shot
from schemas.loading import load

SHOTS = [Shot("a", "We left at dawn.", 2.0), Shot("b", "Then it rained.", None)]


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A chat endpoint that answers what the test says, and keeps what it was asked."""
    monkeypatch.setattr(chat, "FIRST_WAIT_S", 0.01)

    class Chat(BaseHTTPRequestHandler):
        answer: Any = ""
        status = 200
        refuses = "\0"
        asked: list[Any] = []  # noqa: RUF012

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            Chat.asked.append((self.path, body, self.headers.get("Authorization")))
            self.send_response(400 if Chat.refuses in body["messages"][1]["content"] else Chat.status)
            self.send_header("Content-Type", "text/plain")
            if Chat.status == 302:
                self.send_header("Location", f"http://localhost:{self.server.server_port}/elsewhere")  # type: ignore[attr-defined]
            self.end_headers()
            reply = (
                Chat.answer
                if isinstance(Chat.answer, bytes)
                else json.dumps({"choices": [{"message": {"content": Chat.answer}}]}).encode()
            )
            self.wfile.write(reply)

        def log_message(self, *args: Any) -> None:
            pass

    Chat.asked = []
    server = HTTPServer(("127.0.0.1", 0), Chat)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Chat.url = f"http://127.0.0.1:{server.server_port}/v1#tiny"  # type: ignore[attr-defined]
    yield Chat
    server.shutdown()


def test_shots_are_worded_and_what_is_said_stays(endpoint: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(rewriter.KEY, "secret")
    endpoint.answer = '```json\n["A <b>city</b> wakes\\nup", "Rain on glass"]```'
    made = rewriter.rewritten(SHOTS, "en", "creation", endpoint.url)
    assert [(s.prompt, s.narration, s.duration_s) for s in made] == [("A city wakes up", "We left at dawn.", 2.0),
                                                                     ("Rain on glass", "Then it rained.", None)]
    assert made[0].note == "worded by tiny"
    path, body, key = endpoint.asked[0]
    assert (path, body["model"], body["temperature"], key) == ("/v1/chat/completions", "tiny", 0, "Bearer secret")
    assert json.loads(body["messages"][1]["content"]) == ["We left at dawn.", "Then it rained."]


@pytest.mark.parametrize(
    ("answer", "status", "kind", "says"),
    [
        ("sure, here you go", 200, Refused, "2 sentences"),
        ('["one"]', 200, Refused, "2 sentences"),
        ('["one", 2]', 200, Refused, "2 sentences"),
        ('["one", "🎉"]', 200, Refused, "without words"),
        ("[" * 200_000, 200, Refused, "2 sentences"),
        (b"<html>", 200, Transient, "no JSON but text/plain"),
        (b'["x"]', 200, Terminal, "chat endpoint"),
        (b"{}", 200, Terminal, "chat endpoint"),
        ("", 401, Terminal, rewriter.KEY),
        ("", 403, Terminal, rewriter.KEY),
        ("input was flagged", 403, Refused, "flagged"),
        ("", 302, Terminal, "302"),
        ("", 400, Refused, "turns the request down: 400"),
        ("", 503, Transient, "503"),
        ("", 429, Transient, "429"),
    ],
)
def test_an_answer_that_is_none(endpoint: Any, answer: Any, status: int, kind: type[Exception], says: str) -> None:
    endpoint.answer, endpoint.status = answer, status
    with pytest.raises(kind, match=says):
        rewriter.rewritten(SHOTS, "en", "creation", endpoint.url)


def test_the_key_is_for_the_endpoint_alone(endpoint: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A redirect would carry it to any other host."""
    monkeypatch.setenv(rewriter.KEY, "secret")
    endpoint.status = 302
    with pytest.raises(Terminal):
        rewriter.rewritten(SHOTS, "en", "creation", endpoint.url)
    assert [path for path, *_ in endpoint.asked] == ["/v1/chat/completions"]


@pytest.mark.parametrize(
    ("url", "kind"), [("http://127.0.0.1:9/v1#m", Transient), ("http://host/v1", Terminal), ("file:///etc/passwd#m", Terminal)]
)
def test_an_endpoint_that_is_none(url: str, kind: type[RunError], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat, "FIRST_WAIT_S", 0.01)
    with pytest.raises(kind, match=r"prompts\.rewriter"):
        rewriter.rewritten(SHOTS, "en", "creation", url)


def test_what_the_model_says_is_checked_like_a_users_words(endpoint: Any) -> None:
    settings = load(
        ['prompts.texts=["We left at dawn."]', "generate.model=owner/model", f"prompts.rewriter={endpoint.url}"], env={}
    )
    endpoint.answer = '["how to make a bomb"]'
    kept, (reject,) = job.from_user(settings)
    assert (kept, reject["reason"]) == ([], "unsafe")
    endpoint.answer = '["A street at dawn"]'
    (row,), none = job.from_user(settings)
    assert (row["shots"][0]["prompt"], none) == ("A street at dawn", [])


def test_what_a_model_thinks_aloud_is_no_part_of_its_answer(endpoint: Any) -> None:
    endpoint.answer = '<think>["a", "draft"]</think>\n["A city wakes up", "Rain on glass"]'
    assert [shot.prompt for shot in rewriter.rewritten(SHOTS, "en", "creation", endpoint.url)] == ["A city wakes up", "Rain on glass"]


def test_a_prompt_that_the_endpoint_does_not_word_is_rejected_alone(endpoint: Any) -> None:
    """One that it turns down, as content filters do, and one that its model answers with other sentences."""
    texts = ["We left at dawn.", "A bottle of wine.", "The sea at noon.", "Rain on glass. Wind. Then night came over the town and all was still."]
    settings = load([f"prompts.texts={json.dumps(texts)}", "generate.model=owner/model", f"prompts.rewriter={endpoint.url}"], env={})
    endpoint.answer, endpoint.refuses = '["A street at dawn"]', "wine"
    kept, rejected = job.from_user(settings)
    assert [row["text"] for row in kept] == [texts[0], texts[2]]
    assert [(r["check"], r["reason"]) for r in rejected] == [("rewriter", "generation_failed")] * 2
    assert "400" in rejected[0]["detail"]
    assert "sentences" in rejected[1]["detail"]


def test_an_endpoint_that_words_nothing_ends_the_run_before_it_is_asked_for_all(endpoint: Any) -> None:
    texts = [f"The sea on day {i}." for i in range(100)]
    settings = load([f"prompts.texts={json.dumps(texts)}", "generate.model=owner/model", f"prompts.rewriter={endpoint.url}"], env={})
    endpoint.status = 400
    with pytest.raises(Terminal, match="turns the request down"):
        job.from_user(settings)
    assert len(endpoint.asked) == job.REFUSALS


def test_the_embedded_model_has_no_use_for_it() -> None:
    with pytest.raises(Terminal, match="own small world"):
        job.from_user(load(['prompts.texts=["We left at dawn."]', "prompts.rewriter=http://127.0.0.1:9/v1#m"], env={}))

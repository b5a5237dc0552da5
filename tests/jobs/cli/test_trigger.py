"""`reelmill trigger` against a server that answers as Airflow does; a live Airflow was asked by hand."""

import http.server
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from jobs.__main__ import main


class Answers(http.server.BaseHTTPRequestHandler):
    asked: list[tuple[str, Any, str | None]]
    broken = False
    page: bytes | None = None

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        type(self).asked.append((self.path, body, self.headers.get("Authorization")))
        if type(self).page is not None:
            self.answer(200, type(self).page)
        elif self.path == "/auth/token":
            good = body == {"username": "admin", "password": "secret"}
            self.answer(201 if good else 401, {"access_token": "T"} if good else {"detail": "Invalid credentials"})
        elif type(self).broken:
            self.answer(503, {"detail": {"reason": "Database error"}})
        elif self.path == "/api/v2/dags/build_and_generate/dagRuns":
            self.answer(200, {"dag_run_id": "manual__1", "state": "queued", "conf": body["conf"]})
        else:
            self.answer(404, {"detail": f"no such place {self.path}\n\nand a page of schema"})

    def answer(self, code: int, facts: Any) -> None:
        data = facts if isinstance(facts, bytes) else json.dumps(facts).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *words: Any) -> None:
        pass


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    Answers.asked, Answers.broken, Answers.page = [], False, None
    monkeypatch.setenv("REELMILL_AIRFLOW_PASSWORD", "secret")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_run_is_asked_for_with_a_token_and_its_form(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    conf = {"sources": ["/data"], "prompts": ["今天去了西藏"]}
    assert main(["trigger", "--url", f"{url}/", "--conf", json.dumps(conf)]) == 0
    assert "manual__1 is queued" in capsys.readouterr().out
    (_, _, nobody), (path, body, token) = Answers.asked
    assert (nobody, path, token) == (None, "/api/v2/dags/build_and_generate/dagRuns", "Bearer T")
    assert body == {"logical_date": None, "conf": conf}


@pytest.mark.parametrize(("words", "code", "says"), [
    (["nothing"], 64, "no such place /api/v2/dags/nothing/dagRuns\n"),
    (["../x"], 64, "/api/v2/dags/..%2Fx/dagRuns"),
    (["--conf", "[1]"], 64, "is not a JSON object"),
    (["--conf", "{"], 64, "is not JSON"),
    (["--conf", "[" * 100_000], 64, "is not JSON"),
    (["--user", "nobody"], 64, "401: Invalid credentials"),
    (["--url", "127.0.0.1:8080"], 64, "has no scheme; write http://127.0.0.1:8080"),
    (["--url", "ftp://127.0.0.1"], 64, "is no address of Airflow; write http://HOST:PORT"),
    (["--url", "http://"], 64, "is no address of Airflow"),
    (["--url", "http://127.0.0.1:port"], 64, "is no address of Airflow"),
    (["--url", "http://127.0.0.1:99999"], 64, "is no address of Airflow"),
    (["--url", "http://127.0.0.1/a b"], 64, "write --url http://HOST:PORT"),
    (["--url", "http://127.0.0.1:1"], 75, "no Airflow at http://127.0.0.1:1"),
])
def test_what_goes_wrong_is_said(url: str, capsys: pytest.CaptureFixture[str], words: list[str], code: int, says: str) -> None:
    assert main(["trigger", "--url", url, *words]) == code
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("place", ["/auth/token", "/api/v2/dags/build_and_generate/dagRuns"])
def test_neither_password_nor_token_goes_where_the_server_sends_on_to(url: str, place: str, capsys: pytest.CaptureFixture[str]) -> None:
    class SendsOn(Answers):
        asked: list[tuple[str, Any, str | None]] = []  # noqa: RUF012

        def do_POST(self) -> None:
            if self.path != place:
                return super().do_POST()
            self.send_response(302)
            self.send_header("Location", f"{url}/elsewhere")
            self.end_headers()
            return None

        do_GET = do_POST

    Answers.do_GET = lambda self: Answers.asked.append((self.path, None, self.headers.get("Authorization")))  # type: ignore[attr-defined]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), SendsOn)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        assert main(["trigger", "--url", f"http://127.0.0.1:{server.server_port}"]) == 64
    finally:
        server.shutdown()
        server.server_close()
    assert f"sends on to {url}/elsewhere" in capsys.readouterr().err
    assert Answers.asked == []


def test_the_scheme_may_be_written_in_capitals(url: str) -> None:
    assert main(["trigger", "--url", url.replace("http", "HTTP")]) == 0


def test_a_server_in_trouble_is_worth_another_try(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    Answers.broken = True
    assert main(["trigger", "--url", url]) == 75
    assert "503" in capsys.readouterr().err


def test_no_password_says_where_it_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("REELMILL_AIRFLOW_PASSWORD", raising=False)
    assert main(["trigger"]) == 64
    assert "REELMILL_AIRFLOW_PASSWORD" in capsys.readouterr().err


@pytest.mark.parametrize(("page", "says"), [(b"<html>a proxy</html>", "does not answer as Airflow does"), (b"[1]", "does not answer"), (b"{}", "gave no token")])
def test_what_is_no_airflow_is_said_to_be_none(url: str, capsys: pytest.CaptureFixture[str], page: bytes, says: str) -> None:
    Answers.page = page
    assert main(["trigger", "--url", url]) == 64
    assert says in capsys.readouterr().err


def test_a_connection_that_breaks_is_worth_another_try(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELMILL_AIRFLOW_PASSWORD", "secret")
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=lambda: server.accept()[0].close(), daemon=True).start()
        assert main(["trigger", "--url", f"http://127.0.0.1:{server.getsockname()[1]}"]) == 75
    assert "no Airflow at" in capsys.readouterr().err

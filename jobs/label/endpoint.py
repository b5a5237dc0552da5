"""A captioner behind an OpenAI-compatible endpoint: several clips asked about at once, busy answers tried again, tokens counted.

The endpoint is named `http(s)://host/v1#model`; the key comes from the environment, never from Settings.
"""

import base64
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPResponse
from typing import Any
from urllib.parse import urlsplit

from jobs.errors import Terminal, Transient
from jobs.label.captioner import ASK, MAX_TOKENS, Captioner, Cost, Pictures, Reply, parsed

KEY_ENV = "REELMILL_CAPTION_KEY"
AT_ONCE = 8
"""Questions under way at a time: such servers batch what comes in together."""
TRIES, TIMEOUT_S, FIRST_WAIT_S, LONGEST_WAIT_S = 6, 120.0, 0.5, 60.0
MAX_BYTES = 4 << 20
"""A longer answer is no answer."""
MOST_TOKENS = 1 << 40
"""No question costs more; what a server says beyond it is no number of tokens."""
OF_THE_REQUEST = (400, 413, 415, 422)
"""Codes by which a server turns down one request and not its sender."""


class _TurnedDown(Exception):
    """This clip is not wanted: what the server says of it."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The key is for the server that was named."""

    def redirect_request(self, *words: Any) -> None:
        return None


def is_endpoint(name: str) -> bool:
    """Whether a `label.caption_model` is an address and not a folder."""
    return name.startswith(("http://", "https://"))


def model_of(address: str) -> str:
    """The model asked for; an endpoint does not tell the revision of its weights, this name stands for it.

    Raises:
        Terminal: no address, or one with a name and password in it, which would be stored with every label.
    """
    try:
        found = urlsplit(address)
        host = found.hostname if found.port != 0 else None
    except ValueError:
        found, host = urlsplit(""), None
    if not host or any(c.isspace() or not c.isprintable() for c in address.partition("#")[0]):
        raise Terminal(f"label.caption_model={address!r} is no address; it looks like http://host:8000/v1#model")
    if "@" in found.netloc:
        raise Terminal(f"label.caption_model: the address of {host} holds a name or password; put the key into {KEY_ENV}")
    return address.partition("#")[2] or "default"


def endpoint(address: str) -> Captioner:
    """A captioner that asks `POST <address>/chat/completions`; the key comes from REELMILL_CAPTION_KEY.

    Busy and broken answers (429, 5xx, no connection) are tried again after growing pauses, or when the server says. A request that
    is turned down is `failed` or `refused`, unless all of a batch are: then the fault is not in the pictures.

    Raises (when asked):
        Transient: still no answer after the last try.
        Terminal: the endpoint turns down its sender, or every request of a batch.
    """
    url = f"{address.partition('#')[0].rstrip('/')}/chat/completions"

    def one(pictures: Pictures) -> Reply | _TurnedDown:
        try:
            return read(_post(url, request(model_of(address), pictures)))
        except _TurnedDown as why:
            return Reply("refused") if "content_filter" in str(why) or "content_policy" in str(why) else why

    def ask(clips: Sequence[Pictures]) -> list[Reply]:
        pool = ThreadPoolExecutor(AT_ONCE)
        try:
            replies = list(pool.map(one, clips))
        finally:
            pool.shutdown(cancel_futures=True)
        down = [r for r in replies if isinstance(r, _TurnedDown)]
        if down and len(down) == len(replies):
            raise Terminal(f"{url} turns every request down: {down[0]}; check label.caption_model")
        return [Reply("failed") if isinstance(r, _TurnedDown) else r for r in replies]

    return ask


def request(model: str, pictures: Pictures) -> dict[str, Any]:
    """What is asked about one clip."""
    images = [{"type": "image_url", "image_url": {"url": "data:image/jpeg;base64," + base64.b64encode(p).decode()}} for p in pictures]
    said = [{"role": "user", "content": [*images, {"type": "text", "text": ASK}]}]
    return {"model": model, "temperature": 0, "seed": 0, "max_tokens": MAX_TOKENS, "messages": said}


def read(answer: Any) -> Reply:
    """The reply in a chat completion."""
    try:
        usage = answer.get("usage") or {}
        cost = Cost(
            *(n if type(n := usage.get(key)) is int and 0 <= n < MOST_TOKENS else None for key in ("prompt_tokens", "completion_tokens", "total_tokens"))
        )
        choice = answer["choices"][0]
        if choice.get("finish_reason") == "length":
            return Reply("truncated", {}, cost)
        if choice.get("finish_reason") == "content_filter" or choice["message"].get("refusal"):
            return Reply("refused", {}, cost)
        content = choice["message"]["content"] or ""
        if isinstance(content, list):
            content = "".join(part.get("text", "") for part in content)
        return parsed(content, cost)
    except (KeyError, IndexError, TypeError, AttributeError):
        return Reply("failed")


def _post(url: str, body: dict[str, Any]) -> Any:
    headers = {"Content-Type": "application/json"}
    if key := os.environ.get(KEY_ENV):
        headers["Authorization"] = f"Bearer {key}"
    opener = urllib.request.build_opener(_NoRedirect)
    why, wait = "", 0.0
    for attempt in range(TRIES):
        time.sleep(min(wait, LONGEST_WAIT_S))
        wait = FIRST_WAIT_S * 2**attempt
        try:
            with opener.open(urllib.request.Request(url, json.dumps(body).encode(), headers), timeout=TIMEOUT_S) as response:
                kind = response.headers.get_content_type()
                try:
                    return json.loads(_body(response))
                except (ValueError, RecursionError) as error:
                    why = f"what it answers is no JSON but {kind} ({error}); check the address in label.caption_model"
        except urllib.error.HTTPError as error:
            if error.code in OF_THE_REQUEST:
                raise _TurnedDown(f"{error.code} {_why(error)}") from None
            if error.code != 429 and error.code < 500:
                raise Terminal(f"{url} answers {error.code} {error.reason}; check label.caption_model and {KEY_ENV}") from None
            why, wait = f"{error.code} {error.reason}", _asked_wait(error.headers.get("Retry-After", ""), wait)
        except (OSError, HTTPException, ValueError) as error:
            why = str(getattr(error, "reason", "") or error or type(error).__name__)
    raise Transient(f"{url}: no answer after {TRIES} tries ({why})")


def _why(error: urllib.error.HTTPError) -> str:
    """What a server says of the request, as far as it comes at once."""
    try:
        return error.read1(2000).decode(errors="replace") or str(error.reason)  # type: ignore[attr-defined]
    except (OSError, HTTPException):
        return str(error.reason)


def _body(response: HTTPResponse) -> bytes:
    """The first MAX_BYTES of an answer, which must be there TIMEOUT_S after it began: a trickle would never end."""
    until, found = time.monotonic() + TIMEOUT_S, b""
    while len(found) < MAX_BYTES and (part := response.read1(1 << 16)):
        found += part
        if time.monotonic() > until:
            raise TimeoutError(f"its answer was not complete after {TIMEOUT_S:g} s")
    return found


def _asked_wait(said: str, otherwise: float) -> float:
    """Seconds that a `Retry-After` asks for: a number or a date (RFC 9110, section 10.2.3)."""
    if said.isdecimal():
        return float(said)
    try:
        return max(0.0, parsedate_to_datetime(said).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return otherwise

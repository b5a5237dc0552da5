"""Asks an OpenAI-compatible endpoint, `POST <address>/chat/completions`: busy answers are tried again, and the key goes to no other host."""

import contextlib
import json
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPResponse
from typing import Any

from jobs.errors import Terminal, Transient

TRIES, TIMEOUT_S, FIRST_WAIT_S, LONGEST_WAIT_S = 6, 120.0, 0.5, 60.0
MAX_BYTES = 4 << 20
"""A longer answer is no answer."""
JSON = "application/json"
OF_THE_REQUEST = (400, 403, 413, 415, 422, 451)
"""Codes by which a server turns down one request; by 403 it may turn down its sender, but moderation answers so of one request."""
THOUGHT = "</think>"
"""Ends what a model thinks aloud before it answers."""
MODERATED = re.compile("content.?filter|content.?policy|moderation|flagged|^451 ", re.I)
"""What servers say of a request that they do not want for what it shows."""
BUSY = (408, 409, 425, 429)
"""Codes below 500 that say to come back later."""
AWAY = (*BUSY, 503, 529)
"""Codes that say nothing of the request: too much is asked of the server, or it is not up."""
HUNG_UP = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError, HTTPException)
"""Faults of a server that took the request and then let go of it."""


class TurnedDown(Exception):
    """This request is not wanted: what the server says of it."""


class Unanswered(Transient):
    """A server that is there failed at this request in every try: the fault may be in the request."""


class _Broken(Exception):
    """An answer came that is none; as JSON, where it is that."""

    def __init__(self, why: str, answer: Any = None) -> None:
        super().__init__(why)
        self.answer = answer


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """For `build_opener`: a key is for the server that was named and for none that it sends on to."""

    def redirect_request(self, *words: Any) -> None:
        return None


@dataclass(frozen=True)
class Chat:
    """An endpoint.

    Attributes:
        url: Where questions are posted to.
        setting: That named it, for messages.
        key_env: Variable of the environment that its key is read from; keys are no settings.
    """

    url: str
    setting: str
    key_env: str

    def ask(self, body: Mapping[str, Any], wasted: Callable[[Any], None] = lambda answer: None) -> Any:
        """What it answers, as JSON. Busy and broken answers (429, 5xx, no connection, no JSON) are tried again after growing pauses, or when
        the server says.

        Args:
            body: Of the request.
            wasted: Told of each broken answer that is JSON: its tokens may be billed all the same.

        Raises:
            TurnedDown: it does not want this request; where its code is 403 and it is not MODERATED, perhaps the sender.
            Terminal: it does not want the sender, or streams.
            Unanswered: it failed at this request in the last try as well.
            Transient: still no answer after the last try.
        """
        why, wait, kind = "", 0.0, Transient
        for attempt in range(TRIES):
            time.sleep(min(wait, LONGEST_WAIT_S))
            wait = FIRST_WAIT_S * 2**attempt
            try:
                return self._tried({**body, "stream": False})
            except urllib.error.HTTPError as error:
                if error.code in OF_THE_REQUEST:
                    raise TurnedDown(f"{error.code} {self.told(_why(error), 2000)}") from None
                if error.code not in BUSY and error.code < 500:
                    raise Terminal(f"{self.url} answers {self._said(error)}; check {self.setting} and {self.key_env}") from None
                why, wait = self._said(error), _asked_wait(error.headers.get("Retry-After", ""), wait)
                why += f", come back in {wait:.0f} s" if wait > LONGEST_WAIT_S else ""
                kind = Transient if error.code in AWAY else Unanswered
            except _Broken as error:
                wasted(error.answer)
                why, kind = str(error), Unanswered
            except TimeoutError as error:
                why, kind = str(error) if error.args != ("timed out",) else f"timed out after {TIMEOUT_S:g} s", Unanswered
            except (OSError, HTTPException, ValueError) as error:
                cause = getattr(error, "reason", "") or error
                why, kind = str(cause) or type(error).__name__, Unanswered if isinstance(cause, HUNG_UP) else Transient
        raise kind(f"{self.setting}: no answer from {self.url} after {TRIES} tries ({why})")

    def _tried(self, body: Mapping[str, Any]) -> Any:
        headers = {"Content-Type": JSON}
        if key := os.environ.get(self.key_env):
            headers["Authorization"] = f"Bearer {key}"
        opener = urllib.request.build_opener(NoRedirect)
        with opener.open(urllib.request.Request(self.url, json.dumps(body).encode(), headers), timeout=TIMEOUT_S) as response:
            kind = response.headers.get_content_type()
            if kind == "text/event-stream":
                raise Terminal(f"{self.url} streams its answers, which it is asked not to; name another endpoint in {self.setting}")
            data = _body(response)
        try:
            answer = json.loads(data)
        except (ValueError, RecursionError) as error:
            told = f"its JSON is broken ({error})" if kind == JSON else f"no JSON but {kind} ({error}); check the address in {self.setting}"
            raise _Broken(f"what it answers: {told}") from None
        if fault := _fault(answer):
            raise _Broken(f"it answers 200 and an error, {self.told(fault)}", answer)
        return answer

    def told(self, words: str, most: int = 300) -> str:
        """What a server says, in one line, without the key if it repeats it."""
        key = os.environ.get(self.key_env)
        return " ".join((words.replace(key, "***") if key else words).split())[:most]

    def _said(self, error: urllib.error.HTTPError) -> str:
        """A code with the server's own words."""
        said = self.told(_why(error))
        return f"{error.code} {error.reason}" + (f" ({said})" if said not in ("", "{}", error.reason) else "")


def _fault(answer: Any) -> str:
    """The error that a gateway reports in the place of an answer whose code says that all is well; empty without any."""
    with contextlib.suppress(KeyError, IndexError, TypeError, AttributeError):
        if answer.get("error") and not answer.get("choices"):
            return str(answer["error"])
        if (choice := answer["choices"][0])["finish_reason"] == "error":
            return str(choice.get("error", "finish_reason error"))
    return ""


def _why(error: urllib.error.HTTPError) -> str:
    """What a server says of the request, as far as it comes at once."""
    try:
        return error.read1(2000).decode(errors="replace") or str(error.reason)  # type: ignore[attr-defined]
    except (OSError, HTTPException):
        return str(error.reason)


def _body(response: HTTPResponse) -> bytes:
    """An answer, which must be there TIMEOUT_S after it began: a trickle would never end.

    Raises:
        TimeoutError: it is not.
        _Broken: it is too long, or shorter than it says.
    """
    until, found = time.monotonic() + TIMEOUT_S, bytearray()
    while part := response.read1(1 << 16):
        found += part
        if len(found) > MAX_BYTES:
            raise _Broken(f"its answer is longer than {MAX_BYTES >> 20} MiB")
        if time.monotonic() > until:
            raise TimeoutError(f"its answer was not complete after {TIMEOUT_S:g} s")
    if response.length:
        raise _Broken(f"its answer broke off {response.length} bytes before its end")
    return bytes(found)


def _asked_wait(said: str, otherwise: float) -> float:
    """Seconds that a `Retry-After` asks for: a number or a date (RFC 9110, section 10.2.3)."""
    if said.isdecimal():
        return float(said)
    try:
        return max(0.0, parsedate_to_datetime(said).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return otherwise

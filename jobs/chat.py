"""Asks an OpenAI-compatible endpoint, `POST <address>/chat/completions`: busy answers are tried again, and the key goes to no other host."""

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPResponse
from typing import Any

from jobs.errors import Terminal, Transient

TRIES, TIMEOUT_S, FIRST_WAIT_S, LONGEST_WAIT_S = 6, 120.0, 0.5, 60.0
MAX_BYTES = 4 << 20
"""A longer answer is no answer."""
OF_THE_REQUEST = (400, 413, 415, 422)
"""Codes by which a server turns down one request and not its sender."""
BUSY = (408, 409, 425, 429)
"""Codes below 500 that say to come back later."""


class TurnedDown(Exception):
    """This request is not wanted: what the server says of it."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The key is for the server that was named."""

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

    def ask(self, body: Mapping[str, Any]) -> Any:
        """What it answers, as JSON. Busy and broken answers (429, 5xx, no connection, no JSON) are tried again after growing pauses, or when
        the server says.

        Raises:
            TurnedDown: it does not want this request.
            Terminal: it does not want the sender.
            Transient: still no answer after the last try.
        """
        headers = {"Content-Type": "application/json"}
        if key := os.environ.get(self.key_env):
            headers["Authorization"] = f"Bearer {key}"
        opener = urllib.request.build_opener(_NoRedirect)
        why, wait = "", 0.0
        for attempt in range(TRIES):
            time.sleep(min(wait, LONGEST_WAIT_S))
            wait = FIRST_WAIT_S * 2**attempt
            try:
                with opener.open(urllib.request.Request(self.url, json.dumps(body).encode(), headers), timeout=TIMEOUT_S) as response:
                    kind = response.headers.get_content_type()
                    try:
                        return json.loads(_body(response))
                    except (ValueError, RecursionError) as error:
                        why = f"what it answers is no JSON but {kind} ({error}); check the address in {self.setting}"
            except urllib.error.HTTPError as error:
                if error.code in OF_THE_REQUEST:
                    raise TurnedDown(f"{error.code} {_why(error)}") from None
                if error.code not in BUSY and error.code < 500:
                    raise Terminal(f"{self.url} answers {error.code} {error.reason}; check {self.setting} and {self.key_env}") from None
                why, wait = f"{error.code} {error.reason}", _asked_wait(error.headers.get("Retry-After", ""), wait)
            except (OSError, HTTPException, ValueError) as error:
                why = str(getattr(error, "reason", "") or error or type(error).__name__)
        raise Transient(f"{self.setting}: no answer from {self.url} after {TRIES} tries ({why})")


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

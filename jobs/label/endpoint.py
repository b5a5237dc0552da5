"""A captioner behind an OpenAI-compatible endpoint: several clips asked about at once, busy answers tried again, tokens counted.

The endpoint is named `http(s)://host/v1#model`; the key comes from the environment, never from Settings.
"""

import base64
import io
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from typing import Any, TypeVar
from urllib.parse import urlsplit

from jobs.chat import MODERATED, Chat, TurnedDown, Unanswered
from jobs.errors import Terminal
from jobs.label.captioner import ASK, MAX_TOKENS, Captioner, Cost, Pictures, Reply, parsed

T = TypeVar("T")
R = TypeVar("R")

KEY_ENV = "REELMILL_CAPTION_KEY"
AT_ONCE = 8
"""Questions under way at a time: such servers batch what comes in together."""
DOUBT = 8
"""Requests that are turned down before any is answered: are they at fault, or does the endpoint take none?"""
LOOK_S = 1.0
"""Seconds after which whoever waits is told that nothing has come."""
MOST_TOKENS = 1 << 40
"""No question costs more; what a server says beyond it is no number of tokens."""


@dataclass(frozen=True)
class _TurnedDown:
    """A request that the endpoint does not want, and what asking cost."""

    cost: Cost


def is_endpoint(name: str) -> bool:
    """Whether a `label.caption_model` is an address and not a folder."""
    return name.startswith(("http://", "https://"))


def model_of(address: str) -> str:
    """The model asked for; an endpoint does not tell the revision of its weights, this name stands for it.

    Raises:
        Terminal: no address, or one with a name and password or a query in it, which would be stored with every label.
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
    if found.query:
        raise Terminal(f"label.caption_model: the address of {host} holds a query, to which no path can be added; put the key into {KEY_ENV}")
    return address.partition("#")[2] or "default"


def endpoint(address: str) -> Captioner:
    """A captioner that asks `POST <address>/chat/completions` (`jobs.chat`); the key comes from REELMILL_CAPTION_KEY.

    A request that is turned down is `failed`, or `refused` where the server says so, one that it fails at is `unanswered`, if the endpoint answers
    one about as many plain pictures. That is asked for each that it fails at, and where DOUBT of a batch are turned down, or all that are left at
    its end, and none of as many pictures was answered since. A reply costs what all tries did that it took, that with plain pictures for it among them.

    Raises (when asked):
        Transient: still no answer after the last try.
        Terminal: the endpoint turns down its sender, or a plain request.
    """
    chat = Chat(f"{address.partition('#')[0].rstrip('/')}/chat/completions", "label.caption_model", KEY_ENV)

    def answered(pictures: Pictures, spent: list[Cost], **options: int) -> dict[str, Any]:
        answer = chat.ask(request(model_of(address), pictures) | options, lambda broken: spent.append(cost_of(broken)))
        spent.append(cost_of(answer))
        if not isinstance(answer, dict) or not isinstance(answer.get("choices"), list):
            raise TurnedDown(f"what it answers is no chat completion: {chat.told(json.dumps(answer), 200)}")
        return answer

    def one(pictures: Pictures) -> Reply | _TurnedDown:
        spent: list[Cost] = []
        try:
            return replace(read(answered(pictures, spent)), cost=together(spent))
        except TurnedDown as why:
            return Reply("refused", {}, together(spent)) if MODERATED.search(str(why)) else _TurnedDown(together(spent))
        except Unanswered as why:
            try:
                answered([_plain()] * len(pictures), spent, max_tokens=1)
            except TurnedDown:
                raise why from None
            return Reply("unanswered", {}, together(spent))

    def checked(pictures: Pictures) -> None:
        try:
            answered([_plain()] * len(pictures), [], max_tokens=1)
        except TurnedDown as why:
            raise Terminal(f"{chat.url} turns every request of {len(pictures)} pictures down: {why}; check label.caption_model and {KEY_ENV}") from None

    def ask(clips: Sequence[Pictures]) -> Iterator[list[tuple[int, Reply]]]:
        turned: dict[int, Cost] = {}
        doubted: list[Pictures] = []  # turned down, and nothing of as many pictures answered since
        for number, reply in _together(one, clips):
            if isinstance(reply, _TurnedDown):
                turned[number] = reply.cost
                doubted.append(clips[number])
            elif reply:
                doubted = [pictures for pictures in doubted if len(pictures) > len(clips[number])]
            if len(doubted) >= DOUBT:
                checked(max(doubted, key=len))
                doubted.clear()
            yield [(number, reply)] if isinstance(reply, Reply) else []
        if doubted:
            checked(max(doubted, key=len))
        yield [(number, Reply("failed", {}, cost)) for number, cost in turned.items()]

    return Captioner(address, ask)


def _together(one: Callable[[T], R], asked: Sequence[T]) -> Iterator[tuple[int, R | None]]:
    """What `one` makes of each, as it comes and with its number, AT_ONCE at a time; None at least every LOOK_S.

    After an error nothing more is begun; what is under way is paid for and still comes, then the error is raised.
    """
    faults: list[BaseException] = []
    pool = ThreadPoolExecutor(AT_ONCE)
    coming, numbers, left = enumerate(asked), dict[Future[R], int](), set[Future[R]]()
    try:
        while True:
            for number, item in islice(coming, 0 if faults else max(2 * AT_ONCE - len(left), 0)):  # no further ahead: who takes the first replies may have enough
                future = pool.submit(one, item)
                numbers[future] = number
                left.add(future)
            if not left:
                break
            done, left = wait(left, LOOK_S, FIRST_COMPLETED)
            yield -1, None
            for future in sorted(done, key=numbers.__getitem__):
                if fault := future.exception():
                    faults.append(fault)
                else:
                    yield numbers.pop(future), future.result()
            if faults:
                left = {future for future in left if not future.cancel()}
    finally:
        pool.shutdown(cancel_futures=True)
    if faults:
        raise max(faults, key=lambda fault: isinstance(fault, Terminal))


@cache
def _plain() -> bytes:
    """A picture that nobody can have anything against."""
    from PIL import Image

    sink = io.BytesIO()
    Image.new("RGB", (64, 64), (128, 128, 128)).save(sink, "JPEG")
    return sink.getvalue()


def request(model: str, pictures: Pictures) -> dict[str, Any]:
    """What is asked about one clip."""
    images = [{"type": "image_url", "image_url": {"url": "data:image/jpeg;base64," + base64.b64encode(p).decode()}} for p in pictures]
    said = [{"role": "user", "content": [*images, {"type": "text", "text": ASK}]}]
    return {"model": model, "temperature": 0, "seed": 0, "max_tokens": MAX_TOKENS, "messages": said}


def read(answer: Any) -> Reply:
    """The reply in a chat completion."""
    cost = cost_of(answer)
    try:
        choice = answer["choices"][0]
        if choice.get("finish_reason") == "length":
            return Reply("truncated", {}, cost)
        if choice.get("finish_reason") == "content_filter" or choice["message"].get("refusal"):
            return Reply("refused", {}, cost)
        content = choice["message"]["content"] or ""
        if isinstance(content, list):
            content = "".join(part if isinstance(part, str) else part.get("text") or "" for part in content)
        return parsed(content, cost)
    except (KeyError, IndexError, TypeError, AttributeError):
        return Reply("failed", {}, cost)


def cost_of(answer: Any) -> Cost:
    """What an answer says that it cost, whatever else is wrong with it."""
    usage = answer.get("usage") if isinstance(answer, dict) else None
    told = [usage.get(key) if isinstance(usage, dict) else None for key in ("prompt_tokens", "completion_tokens", "total_tokens")]
    read, written, total = (n if type(n) is int and 0 <= n < MOST_TOKENS else None for n in told)
    if total is None and read is not None and written is not None:
        total = read + written
    return Cost(read, written, total)


def together(spent: Sequence[Cost]) -> Cost:
    """The cost of several tries, as far as they say."""

    def known(numbers: Sequence[int | None]) -> int | None:
        told = [n for n in numbers if n is not None]
        return sum(told) if told else None

    return Cost(*(known([getattr(cost, part) for cost in spent]) for part in ("read", "written", "total")))

"""Records a live stream into a landing folder: files that `collect` takes like any other, each with what is known of it beside it.

The stream is HLS (RFC 8216): a playlist that is asked for again and again, and segments that are fetched once each. Bytes are taken
as they come and nothing is decoded here; what is in them is found out in the sandbox of the decode pass. A playlist is untrusted:
it reaches http and https addresses of hosts that were named, and nothing else.
"""

import json
import math
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Self
from urllib.parse import urlsplit, urlunsplit

import httpx
import m3u8

from jobs.errors import Terminal, Transient
from jobs.version import digest

SEGMENT_BYTES = 256 << 20
"""Most bytes of one segment: a minute at 30 Mbit/s."""
PLAYLIST_BYTES = 4 << 20
TIMEOUT_S = 10.0
TRIES = 5
"""Requests in a row that may fail before a stream counts as gone; they are a target duration apart."""
MAX_DEEP = 3
STILL_S, STILL_SEGMENTS = 60.0, 10
"""A stream without a new segment for so long, or for the length of so many, if that is longer, stands still."""
SPARE_S = 60.0
"""Seconds that a recording may take beyond twice its length: a stream comes as fast as it plays, whatever its playlist says."""
PAUSE_S = 10.0
"""Longest wait between two looks at a playlist."""
FILE_BYTES = 1 << 30
"""A file ends with the first segment that reaches it, however short its playlist says that it is."""


@dataclass(frozen=True)
class Wanted:
    """What to record.

    Attributes:
        url: Address of the playlist, http or https.
        folder: Where files go.
        seconds: Length of media to record; the stream may end before.
        file_s: Length of a file; it ends with the first segment that reaches it, or where the stream breaks.
        licence: Kept beside every file.
        consent: Likewise.
        hosts: Hosts that segments may come from, beside that of `url`.
    """

    url: str
    folder: Path
    seconds: float
    file_s: float = 60.0
    licence: str = ""
    consent: str = ""
    hosts: tuple[str, ...] = ()


@dataclass
class Recorded:
    """What came of it."""

    url: str
    """Without query, user and password: they may be secrets."""
    files: list[str] = field(default_factory=list)
    seconds: float = 0.0
    breaks: int = 0
    """Places where the stream says that it breaks, or where segments were gone before they could be fetched."""
    ended: str = ""
    """Why it ended: `recorded`, `end of stream`, or the fault."""


def record(wanted: Wanted, *, client: httpx.Client | None = None, sleep: Callable[[float], None] = time.sleep, clock: Callable[[], float] = time.monotonic,
           report: Callable[[float], None] = lambda seconds: None) -> Recorded:
    """Record until enough is recorded, the stream ends or stands still, or twice the wished length and SPARE_S are over.

    A fault after the first file ends the recording and is named in the result; what was recorded stands.

    Raises:
        Terminal: the address, or what it leads to, cannot be recorded.
        Transient: nothing could be recorded; the stream may not be on air.
    """
    shown = plain(wanted.url)
    done = Recorded(shown)
    with _Net(wanted, client, sleep, clock) as net:
        writer = _Writer(wanted, done)
        try:
            for piece in _pieces(net, wanted.url):
                writer.add(piece)
                report(done.seconds)
                if done.seconds >= wanted.seconds:
                    done.ended = "recorded"
                    break
            else:
                done.ended = "end of stream"
        except (Terminal, Transient) as fault:
            if not done.seconds:
                raise
            done.ended = str(fault)
        finally:
            writer.close()
    if not done.files:
        raise Transient(f"{shown}: the stream ended before anything was recorded; try again when it is on air")
    return done


def plain(url: str) -> str:
    """An address without user, password, query and fragment."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return urlunsplit((parts.scheme, f"{host}:{parts.port}" if parts.port else host, parts.path, "", ""))


# ---- the stream


@dataclass(frozen=True)
class _Piece:
    """One segment: its bytes, how long it plays, what its decoder has to be told first, and whether the stream breaks before it."""

    data: bytes
    seconds: float
    init: bytes
    breaks: bool


def _pieces(net: "_Net", url: str) -> Iterator[_Piece]:
    """Every new segment once, as long as the stream goes on.

    Raises:
        Transient: it stands still.
    """
    url, playlist = _media_playlist(net, url)
    following, init_of, still_s = -1, ("", b""), 0.0
    while True:
        first = playlist.media_sequence or 0
        if first + len(playlist.segments) < following:
            following = -1  # the encoder was started again and counts anew
        for number, segment in enumerate(playlist.segments, first):
            if number < following:
                continue
            _recordable(segment, url)
            init = segment.init_section.absolute_uri if segment.init_section is not None else ""
            if init != init_of[0]:
                init_of = (init, net.get(init, SEGMENT_BYTES) if init else b"")
            missed = following not in (-1, number)
            following, still_s = number + 1, 0.0
            yield _Piece(net.get(segment.absolute_uri, SEGMENT_BYTES), segment.duration, init_of[1], missed or bool(segment.discontinuity))
        if playlist.is_endlist:
            return
        target = playlist.target_duration or 2
        if still_s >= max(STILL_S, STILL_SEGMENTS * target):
            raise Transient(f"{plain(url)}: the stream stands still, without a new segment for {still_s:.0f} s")
        pause = min(PAUSE_S, max(0.5, target / 2))
        net.sleep(pause)
        still_s += pause
        playlist = _parsed(net.get(url, PLAYLIST_BYTES), url)


def _media_playlist(net: "_Net", url: str) -> tuple[str, Any]:
    """Address and content of the playlist that holds segments: of several renditions the one with the most bits."""
    for _ in range(MAX_DEEP):
        playlist = _parsed(net.get(url, PLAYLIST_BYTES), url)
        if not playlist.is_variant:
            return url, playlist
        variants = [p for p in playlist.playlists if p.uri]
        if not variants:
            raise Terminal(f"{plain(url)}: a playlist of renditions that names none")
        url = max(variants, key=lambda p: p.stream_info.bandwidth or 0).absolute_uri
    raise Terminal(f"{plain(url)}: playlists that name playlists, more than {MAX_DEEP} deep")


def _parsed(data: bytes, url: str) -> Any:
    text = data.decode("utf-8", "replace").lstrip("\ufeff \r\n")
    if not text.startswith("#EXTM3U"):
        raise Terminal(f"{plain(url)}: not an HLS playlist; give the address of the .m3u8")
    try:
        return m3u8.loads(text, uri=url)
    except Exception as error:  # The parser lets through whatever int() and its like raise on a broken line.
        raise Terminal(f"{plain(url)}: a broken playlist ({type(error).__name__}: {error})") from None


def _recordable(segment: Any, url: str) -> None:
    if not 0 < (segment.duration or 0) < math.inf:
        raise Terminal(f"{plain(url)}: a segment of {segment.duration} seconds; a recording of such ones has no length")
    if segment.key is not None and segment.key.method not in (None, "NONE"):
        raise Terminal(f"{plain(url)}: the stream is encrypted ({segment.key.method}); record it where it is not")
    if segment.byterange or (segment.init_section is not None and segment.init_section.byterange):
        raise Terminal(f"{plain(url)}: its segments are ranges of one file; collect that file itself")


# ---- files


class _Writer:
    """Pieces one after another into files that get their name only when they are whole."""

    def __init__(self, wanted: Wanted, done: Recorded) -> None:
        self._wanted, self._done = wanted, done
        parts = urlsplit(done.url)
        shown = re.sub(r"[^\w-]+", "-", f"{parts.hostname}{parts.path}").strip("-")[-80:]
        self._stem = f"{shown}-{digest(wanted.url)[:6]}"  # streams that differ in their query alone must not share a file
        self._file: BinaryIO | None = None
        self._path, self._since, self._seconds, self._bytes, self._init = Path(), datetime.now(UTC), 0.0, 0, b""

    def add(self, piece: _Piece) -> None:
        """Append a piece; a break or other settings of the decoder begin a new file."""
        if self._file is not None and (piece.breaks or piece.init != self._init):
            self._done.breaks += 1
            self.close()
        if self._file is None:
            self._begin(piece.init)
        assert self._file is not None
        self._file.write(piece.data)
        self._seconds += piece.seconds
        self._bytes += len(piece.data)
        self._done.seconds += piece.seconds
        if self._seconds >= self._wanted.file_s or self._bytes >= FILE_BYTES:
            self.close()

    def _begin(self, init: bytes) -> None:
        self._since, self._seconds, self._bytes, self._init = datetime.now(UTC), 0.0, 0, init
        name = f"{self._stem}-{self._since:%Y%m%dT%H%M%S}-{len(self._done.files):04d}.{'mp4' if init else 'ts'}"
        self._wanted.folder.mkdir(parents=True, exist_ok=True)
        self._path = self._wanted.folder / name
        self._file = open(self._passing, "wb")  # closed by `close`
        self._file.write(init)

    @property
    def _passing(self) -> Path:
        return self._path.with_name(f".{self._path.name}.part")  # a name that `collect` passes over

    def close(self) -> None:
        """Give the file its name, and say beside it where it came from."""
        if self._file is None:
            return
        self._file.close()
        self._file = None
        facts = {"stream": self._done.url, "captured_at": self._since.isoformat(timespec="seconds"), "seconds": round(self._seconds, 3),
                 "licence": self._wanted.licence, "consent": self._wanted.consent}
        self._path.with_suffix(".json").write_text(json.dumps({k: v for k, v in facts.items() if v}, indent=1), encoding="utf-8")
        os.replace(self._passing, self._path)
        self._done.files.append(str(self._path))


# ---- the net


class _Net:
    """Requests to the hosts that were named, over http and https, with a limit on what comes back and on how long all of them take."""

    def __init__(self, wanted: Wanted, client: httpx.Client | None, sleep: Callable[[float], None], clock: Callable[[], float]) -> None:
        self.sleep, self._clock = sleep, clock
        self._most_s = 2 * wanted.seconds + SPARE_S
        self._end = clock() + self._most_s
        parts = urlsplit(wanted.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Terminal(f"{plain(wanted.url)}: live streams are recorded over http and https; rtmp, rtsp and srt need an HLS packager before them")
        self._hosts = {parts.hostname, *wanted.hosts}
        self._client = client or httpx.Client(timeout=TIMEOUT_S, follow_redirects=True)
        self._client.event_hooks["request"].append(lambda request: self._allowed(str(request.url)))  # every hop of a redirect as well

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def _allowed(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https"):
            raise Terminal(f"the stream leads to {parts.scheme}://, which is never opened")
        if parts.hostname not in self._hosts:
            raise Terminal(f"the stream leads to {parts.hostname}, which was not named; "
                           f"`--set 'capture.hosts=[\"{parts.hostname}\"]'` allows it")

    def _in_time(self, url: str) -> None:
        if self._clock() > self._end:
            raise Transient(f"{plain(url)}: the stream comes too slowly: not recorded after {self._most_s:.0f} s")

    def get(self, url: str, most_bytes: int) -> bytes:
        """The bytes of an address.

        Raises:
            Terminal: refused for good, an address that is not allowed, or more than `most_bytes`.
            Transient: it did not answer TRIES times, or the time is over.
        """
        self._allowed(url)
        fault = ""
        for attempt in range(TRIES):
            if attempt:
                self.sleep(min(2.0 ** attempt, TIMEOUT_S))
            self._in_time(url)
            try:
                return self._once(url, most_bytes)
            except httpx.InvalidURL as error:
                raise Terminal(f"{plain(url)}: not an address ({error})") from None
            except httpx.HTTPStatusError as error:
                fault = f"{error.response.status_code} {error.response.reason_phrase}"
            except httpx.HTTPError as error:
                fault = f"{type(error).__name__}: {error}"
        raise Transient(f"{plain(url)}: did not answer {TRIES} times ({fault}); try again")

    def _once(self, url: str, most_bytes: int) -> bytes:
        with self._client.stream("GET", url) as answer:
            if answer.status_code in (401, 403, 410, 451):
                raise Terminal(f"{plain(url)}: refused ({answer.status_code} {answer.reason_phrase})")
            answer.raise_for_status()
            data = bytearray()
            for block in answer.iter_bytes():
                data += block
                self._in_time(url)
                if len(data) > most_bytes:
                    raise Terminal(f"{plain(url)}: more than {most_bytes} bytes in one piece")
            return bytes(data)

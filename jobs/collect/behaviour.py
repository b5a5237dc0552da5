"""Sums records of who watched what to one row per source. A person is a keyed hash in memory and never leaves it.

The key is drawn for every run and forgotten with it; only counts depend on it, so equal input still gives equal rows.
"""

import math
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from jobs.collect.fields import FILE, NOTHING, first
from jobs.collect.tables import Line

if TYPE_CHECKING:
    from jobs.collect.manifest import Places

SOURCE = (*FILE, "source", "source_id", "item", "item_id", "video_id", "content_id", "作品")
PERSON = ("user_id", "viewer", "viewer_id", "user", "uid", "device_id", "person", "用户")
PEOPLE = ("k", "users", "viewers", "people", "unique_viewers", "distinct_users")
VIEWS = ("views", "plays", "view_count", "play_count", "播放")
LIKES = ("likes", "like_count", "点赞")
SHARES = ("shares", "share_count", "转发", "分享")
COMPLETION = ("completion", "completion_rate", "watched_share", "完播率")
WATCHED = ("watched_s", "watch_s", "watch_time_s", "watched_seconds", "watch_time", "duration_watched")
LENGTH = ("duration_s", "length_s", "video_duration", "duration")
LIKED, SHARED = ("liked", "like"), ("shared", "share")
EVENT = ("event", "action", "event_type")
MOST_SHARE = 2.0
"""Of a loop more than all is watched; a share beyond this one is in percent."""
_SCALES = MappingProxyType({"k": 1e3, "千": 1e3, "w": 1e4, "万": 1e4, "萬": 1e4, "m": 1e6, "亿": 1e8, "億": 1e8, "b": 1e9})
"""How platforms shorten counts: 3.4k, 1.2万."""
_INTEGER = re.compile(r"^(\d+)\.0+$")
"""A number as a column of them is written that has gaps."""
_GROUPED = re.compile(r"\d{1,3}(?:[,，]\d{3})+(?:\.\d+)?")
_SEPARATORS = str.maketrans("", "", ",，")
_TRUE = frozenset({"1", "true", "yes", "y", "t", "是"})
MOST = 1e15
"""A count beyond it is no count."""
_MOST_SUM = 2**63 - 1
"""Of many lies, what the column holds."""


@dataclass
class _Sum:
    people: set[bytes] = field(default_factory=set)
    counted_people: int = 0
    views: int = 0
    likes: int = 0
    shares: int = 0
    completion: float = 0.0
    completion_weight: float = 0.0
    watched_s: float = 0.0
    watched_weight: float = 0.0


@dataclass
class Records:
    """Everything that the behaviour tables of a listing say, by path of the source."""

    _sums: dict[str, _Sum] = field(default_factory=dict)
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    def read(self, lines: Iterable[Line], folder: str, places: "Places") -> str:
        """Add a table; returns what was read, in a sentence."""
        count = bad = unknown = 0
        before = set(self._sums)
        for line in lines:
            count += 1
            path, name = (None, None) if line.cells is None else places.named(line.cells, SOURCE, folder)
            if line.cells is None or name is None:
                bad += 1
                continue
            if path is None:
                unknown += 1
                continue
            total = self._sums.get(path) or _Sum()
            if self._add(total, line.cells):
                self._sums[path] = total
            else:
                bad += 1
        return (f"behaviour of {len(set(self._sums) - before)} sources in {count} rows: {unknown} name sources that are not "
                f"there, {bad} cannot be understood")

    def known(self, k_anonymity: int) -> dict[str, dict[str, Any]]:
        """Rows of `behaviour` without the id, by path, of sources with enough distinct people behind them.

        `watched_s` is the mean watched time where only that is known; `completion` follows from it when the length is.
        """
        found = {}
        for path, total in self._sums.items():
            people = len(total.people) or total.counted_people
            if people >= k_anonymity:
                found[path] = {
                    "views": min(total.views, _MOST_SUM), "likes": min(total.likes, _MOST_SUM), "shares": min(total.shares, _MOST_SUM), "k": people,
                    "completion": total.completion / total.completion_weight if total.completion_weight else None,
                    "watched_s": total.watched_s / total.watched_weight if total.watched_weight else None,
                }
        return found

    def below(self, k_anonymity: int) -> int:
        """Sources with too few people."""
        return len(self._sums) - len(self.known(k_anonymity))

    def _add(self, total: _Sum, cells: Mapping[str, Any]) -> bool:
        person = first(cells, PERSON)
        try:
            if person is None or person.strip().lower() in NOTHING:
                return _add_counts(total, cells)
            _add_event(total, cells)
        except _Unclear:
            return False
        total.people.add(blake2b(_INTEGER.sub(r"\1", person.strip()).encode("utf-8", "replace"), key=self._key, digest_size=16).digest())
        return True


def readable(columns: set[str]) -> bool:
    """Whether a table with these columns can be records of behaviour."""
    return bool(columns & {*SOURCE}) and bool(columns & {*PERSON, *PEOPLE, *VIEWS})


def completion(row: Mapping[str, Any], duration_s: float | None) -> float | None:
    """Mean watched share: as given, or mean watched time over the length, at most 1."""
    if row["completion"] is not None:
        return float(row["completion"])
    if row["watched_s"] is None or not duration_s or duration_s <= 0:
        return None
    return min(1.0, float(row["watched_s"]) / duration_s)


def _add_event(total: _Sum, cells: Mapping[str, Any]) -> None:
    """One record of one person: a view with what came of it, or one event."""
    event = (first(cells, EVENT) or "view").strip().lower()
    if event in ("view", "play", "watch", "impression", "complete", "completion", "finish"):
        share, watched = _watching(cells)
        _add_watching(total, 1.0 if event in ("complete", "completion", "finish") else share, watched, 1.0)
        total.views += 1
    total.likes += event == "like" or _true(cells, LIKED)
    total.shares += event in ("share", "repost") or _true(cells, SHARED)


def _add_counts(total: _Sum, cells: Mapping[str, Any]) -> bool:
    """Counts that someone else has made. Distinct people of several rows may be the same ones: the greatest number stands."""
    people, views, likes, shares = (_number(cells, names, _SCALES) for names in (PEOPLE, VIEWS, LIKES, SHARES))
    if people is None and views is None:
        return False
    _add_watching(total, *_watching(cells), views or people or 1.0)
    total.counted_people = max(total.counted_people, round(people or 0))
    total.views += round(views or 0)
    total.likes += round(likes or 0)
    total.shares += round(shares or 0)
    return True


def _watching(cells: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """The share and the seconds that were watched, as far as they are known."""
    share, watched = _share(cells), _number(cells, WATCHED)
    try:
        length = _number(cells, LENGTH)
    except _Unclear:  # 0:35, say: what else the row says can be understood
        length = None
    return watched / length if share is None and watched is not None and length else share, watched


def _add_watching(total: _Sum, share: float | None, watched: float | None, weight: float) -> None:
    if share is not None:
        total.completion += min(1.0, share) * weight
        total.completion_weight += weight
    elif watched is not None:
        total.watched_s += watched * weight
        total.watched_weight += weight


def _share(cells: Mapping[str, Any]) -> float | None:
    """A watched share: above MOST_SHARE it is in percent, whether it says so or not."""
    share = _number(cells, COMPLETION)
    if share is None or share <= MOST_SHARE or "%" in (first(cells, COMPLETION) or ""):
        return share
    if share > 100:
        raise _Unclear
    return share / 100


class _Unclear(ValueError):
    """A cell that has a text and gives no number: its row is not understood."""


def _number(cells: Mapping[str, Any], names: tuple[str, ...], scales: Mapping[str, float] = MappingProxyType({})) -> float | None:
    """The number in the first of the columns that has a text, None where there is none or a word for that.

    Raises:
        _Unclear: it is no number.
    """
    text = (first(cells, names) or "").strip().lower()
    if text in NOTHING:
        return None
    digits = text.removesuffix("+").rstrip("%").rstrip()
    scale = scales.get(digits[-1:], 0.0)
    digits = digits[:-1].rstrip() if scale else digits
    try:
        value = float(digits.translate(_SEPARATORS) if _GROUPED.fullmatch(digits) else digits) * (scale or 1) / (100 if "%" in text else 1)
    except ValueError:
        raise _Unclear from None
    if not math.isfinite(value) or not 0 <= value < MOST:
        raise _Unclear
    return value


def _true(cells: Mapping[str, Any], names: tuple[str, ...]) -> bool:
    return (first(cells, names) or "").strip().lower() in _TRUE

"""Sums records of who watched what to one row per source. A person is a keyed hash in memory and never leaves it.

The key is drawn for every run and forgotten with it; only counts depend on it, so equal input still gives equal rows.
"""

import math
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import chain, islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from jobs.collect.fields import FILE, NOTHING, first, words
from jobs.collect.tables import Line

if TYPE_CHECKING:
    from jobs.collect.manifest import Places

SOURCE = (*FILE, "source", "source_id", "item", "item_id", "video_id", "content_id", "作品", "视频id", "作品id")
PERSON = ("user_id", "userid", "viewer", "viewer_id", "user", "uid", "device_id", "visitor_id", "member_id", "person", "用户", "用户id", "用户编号", "观众", "设备id")
PEOPLE = ("k", "users", "viewers", "people", "unique_viewers", "distinct_users", "用户数", "观看人数")
VIEWS = ("views", "plays", "view_count", "play_count", "播放", "播放量", "播放数", "播放次数", "观看次数")
LIKES = ("likes", "like_count", "点赞", "点赞数", "点赞量")
SHARES = ("shares", "share_count", "转发", "分享", "转发数", "分享数", "转发量", "分享量")
COMPLETION = ("completion", "completion_rate", "watched_share", "完播率")
WATCHED = ("watched_s", "watch_s", "watch_time_s", "watched_seconds", "watch_time", "duration_watched")
LENGTH = ("duration_s", "length_s", "video_duration", "duration")
LIKED = ("liked", "like", "is_like", "is_liked", "点赞", "是否点赞")
SHARED = ("shared", "share", "is_share", "is_shared", "is_forward", "转发", "分享", "是否转发", "是否分享")
EVENT = ("event", "event_name", "action", "event_type", "action_type", "behavior", "behaviour", "behavior_type", "behaviour_type", "interaction",
         "interaction_type", "事件", "事件名称", "事件类型", "行为", "行为类型", "动作", "互动", "互动类型")
KIND = ("type", "类型")
"""What a column of events may be called too, and one of anything else."""
_EVENTS: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "view": ("view", "views", "viewed", "play", "plays", "played", "watch", "watched", "播放", "观看", "浏览"),
    "start": ("start", "started", "play_start", "start_play", "view_start", "watch_start", "开始", "开始播放", "播放开始"),
    "end": ("complete", "completed", "completion", "finish", "finished", "ended", "play_complete", "play_completed", "play_finish", "play_finished",
            "view_complete", "watch_complete", "complete_play", "complete_view", "finish_play", "full_play", "full_view", "finish_watch",
            "完播", "看完", "播完", "播放完成", "播放完毕", "完整播放", "完成播放"),
    "shown": ("impression", "impressions", "exposure", "expose", "exposed", "show", "shown", "曝光", "展示", "展现"),
    "like": ("like", "likes", "liked", "thumbs_up", "thumb_up", "thumbsup", "upvote", "heart", "digg", "点赞", "赞", "喜欢"),
    "share": ("share", "shares", "shared", "repost", "reposted", "reshare", "retweet", "forward", "forwarded", "转发", "分享"),
})
"""What is told of one person's doing, and the words for it. What starts, ends or shows a view is a part of one."""
_KNOWN = MappingProxyType({word: event for event, words in _EVENTS.items() for word in words})
_OTHER, _COUNTS = "other", "counts"
"""Beside them: an event that is not counted, and a row of counts."""
_OBJECT = frozenset({"video", "videos", "content", "item", "clip", "post", "photo", "user"})
_OBJECT_HAN = re.compile("视频|作品|用户")
"""Words beside that of the event: `video_view`, `likeVideo`, 播放视频."""
_GAP = re.compile(r"(?<=[a-z])(?=[A-Z])|[\s_.:/-]+")
_SAMPLE = 100
"""Rows by which it is decided what a column called `type` is about."""
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
    starts: int = 0
    ends: int = 0
    shown: int = 0
    likes: int = 0
    shares: int = 0
    completion: float = 0.0
    completion_weight: float = 0.0
    watched_s: float = 0.0
    watched_weight: float = 0.0

    def seen(self) -> int:
        """Views: each may be told of by its start and its end as well; being shown is one only where nothing tells of others."""
        return max(self.views, self.starts, self.ends) or self.shown


@dataclass
class Records:
    """Everything that the behaviour tables of a listing say, by path of the source."""

    _sums: dict[str, _Sum] = field(default_factory=dict)
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    def read(self, lines: Iterable[Line], folder: str, places: "Places") -> str:
        """Add a table; returns what was read, in a sentence."""
        count = bad = unknown = other = bare = 0
        before = set(self._sums)
        lines = iter(lines)
        sample = list(islice(lines, _SAMPLE))
        columns = (*EVENT, *(name for name in KIND if _tells_events(name, sample)))
        for line in chain(sample, lines):
            count += 1
            path, name = (None, None) if line.cells is None else places.named(line.cells, SOURCE, folder)
            if line.cells is None or name is None:
                bad += 1
                continue
            if path is None:
                unknown += 1
                continue
            total = self._sums.get(path) or _Sum()
            try:
                event = self._add(total, line.cells, columns)
            except _Unclear:
                bad += 1
                continue
            other += event == _OTHER
            bare += event is None
            if event != _OTHER:
                self._sums[path] = total
        return (f"behaviour of {len(set(self._sums) - before)} sources in {count} rows: {unknown} name sources that are not "
                f"there, {bad} cannot be understood"
                + (f", {other} tell of events that are neither views nor likes nor shares" if other else "")
                + (f", {bare} tell of no event and count as views" if bare else ""))

    def known(self, k_anonymity: int) -> dict[str, dict[str, Any]]:
        """Rows of `behaviour` without the id, by path, of sources with enough distinct people behind them.

        `watched_s` is the mean watched time where only that is known; `completion` follows from it when the length is. Where neither is
        told, `completion` is the share of views that were watched to the end, as far as there are such.
        """
        found = {}
        for path, total in self._sums.items():
            people = len(total.people) or total.counted_people
            if people >= k_anonymity:
                views = total.seen()
                finished = total.ends / views if total.ends and not total.watched_weight else None
                found[path] = {
                    "views": min(views, _MOST_SUM), "likes": min(total.likes, _MOST_SUM), "shares": min(total.shares, _MOST_SUM), "k": people,
                    "completion": total.completion / total.completion_weight if total.completion_weight else finished,
                    "watched_s": total.watched_s / total.watched_weight if total.watched_weight else None,
                }
        return found

    def below(self, k_anonymity: int) -> int:
        """Sources with too few people."""
        return len(self._sums) - len(self.known(k_anonymity))

    def _add(self, total: _Sum, cells: Mapping[str, Any], columns: tuple[str, ...]) -> str | None:
        """Add a row; the event that it tells of, None where it names none.

        Raises:
            _Unclear: it cannot be understood.
        """
        person = first(cells, PERSON)
        if person is None or person.strip().lower() in NOTHING:
            _add_counts(total, cells)
            return _COUNTS
        event = _add_event(total, cells, columns)
        if event != _OTHER:
            total.people.add(blake2b(_INTEGER.sub(r"\1", person.strip()).encode("utf-8", "replace"), key=self._key, digest_size=16).digest())
        return event


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


def _event(text: str) -> str | None:
    """What a word for an event tells of; None for one that is not known."""
    parts = _GAP.split(_OBJECT_HAN.sub("", text))
    return _KNOWN.get("_".join(word for part in parts if (word := part.lower()) and word not in _OBJECT))


def _tells_events(column: str, sample: Sequence[Line]) -> bool:
    """Whether most of the cells of a column are words for events."""
    told = [text for line in sample if line.cells is not None and (text := words(line.cells.get(column))) is not None]
    return 2 * sum(_event(text) is not None for text in told) > len(told)


def _add_event(total: _Sum, cells: Mapping[str, Any], columns: tuple[str, ...]) -> str | None:
    """One record of one person: a view with what came of it, or one event, which is returned; None where no event is named."""
    told = [text for name in columns if (text := words(cells.get(name))) is not None and text.strip().lower() not in NOTHING]
    event = next((event for text in told if (event := _event(text)) is not None), _OTHER if told else None)
    liked, shared = event == "like" or _true(cells, LIKED), event == "share" or _true(cells, SHARED)
    if event in ("view", None):
        _add_watching(total, *_watching(cells), 1.0)
    total.views += event in ("view", None)
    total.starts += event == "start"
    total.ends += event == "end"
    total.shown += event == "shown"
    total.likes += liked
    total.shares += shared
    return "like" if event == _OTHER and (liked or shared) else event


def _add_counts(total: _Sum, cells: Mapping[str, Any]) -> None:
    """Counts that someone else has made. Distinct people of several rows may be the same ones: the greatest number stands.

    Raises:
        _Unclear: there are none.
    """
    people, views, likes, shares = (_number(cells, names, _SCALES) for names in (PEOPLE, VIEWS, LIKES, SHARES))
    if people is None and views is None:
        raise _Unclear
    _add_watching(total, *_watching(cells), views or people or 1.0)
    total.counted_people = max(total.counted_people, round(people or 0))
    total.views += round(views or 0)
    total.likes += round(likes or 0)
    total.shares += round(shares or 0)


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
    """A row that is not understood: a cell of it has a text and gives no number, or it tells of nothing."""


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
    return _INTEGER.sub(r"\1", (first(cells, names) or "").strip().lower()) in _TRUE

"""What people call the columns of manifests and the keys of sidecars, and what is made of their values.

Values are untrusted: they are cut to a length, cleaned, masked, and never interpreted.
"""

import math
import re
from collections.abc import Mapping, Set
from functools import cache
from types import MappingProxyType
from typing import Any

from jobs.collect.languages import THREE, TWO
from jobs.collect.languages import WORDS as LANGUAGES
from jobs.collect.pii import clean, mask

NOTHING = frozenset({"", "-", "--", "—", "n/a", "na", "nan", "none", "null", "nil", "<na>", "#n/a"})
"""What programs and people write where there is nothing, in small letters."""
FILE = ("file", "file_name", "filename", "path", "file_path", "filepath", "uri", "url", "media", "video", "image", "audio",
        "clip", "video_path", "image_path", "audio_path", "audio_filepath", "media_path", "video_file", "image_file",
        "audio_file", "文件", "文件名", "路径", "视频", "图片", "音频")
"""Columns that name a file, best first."""
BODY = ("text", "content", "body", "raw_content", "sentence", "文本", "内容", "正文")
"""Columns that hold a text of its own, best first."""
NAMES: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "title": ("title", "fulltitle", "headline", "标题"),
    "caption": ("caption", "captions", "description", "desc", "alt", "alt_text", "summary", "dense_caption", "detailed_caption", "long_caption",
                "short_caption", "cap", "描述", "说明", "简介", "prompt", "prompts", "提示词"),
    "lang": ("lang", "language", "locale", "lang_code", "language_code", "语言", "语种"),
    "transcript": ("transcript", "transcription", "transcripts", "asr", "speech", "narration", "字幕", "字幕文本", "台词", "转写"),
    "licence": ("licence", "license", "rights", "licence_url", "license_url", "许可", "许可证", "授权", "版权"),
    "consent": ("consent", "consent_given", "permission", "release_form", "同意"),
})
"""Facts of a source and the columns that give them, best first."""
SPOKEN = ("title", "caption", "transcript")
"""Those that may be given in several languages, of which one is taken."""
_PROMPTS = frozenset({"prompt", "prompts", "提示词"})
_UNASKED = tuple(name for name in NAMES["caption"] if name not in _PROMPTS)
_ANSWERS = frozenset({"response", "responses", "answer", "answers", "completion", "chosen", "reply", "回答", "答案"})
"""Columns beside which a prompt is what a language model was asked, and no caption."""
LIMITS: Mapping[str, int] = MappingProxyType({
    "title": 1_000, "caption": 20_000, "transcript": 1_000_000, "text": 16 << 20, "lang": 35, "licence": 500, "consent": 500})
"""Characters that are stored; what is beyond is cut off."""
MASKED = ("title", "caption", "transcript", "text", "licence", "consent")
_MARGIN = 400
"""A number that begins before the limit is masked whole before the cut."""

_TONGUES = ("en", "en_us", "en_gb", "eng", "english", "zh", "zh_cn", "zh_hans", "cn", "chs", "chinese", "zh_tw", "zh_hk", "zh_hant", "cht", "ja", "ko", "fr", "de", "es", "it", "pt", "ru", "ar", "hi")
"""Ends and beginnings of columns that give a fact in one language, best first: `caption_en`, `zh_title`."""
_TONGUES_HAN = ("英文", "中文")
"""The same of 英文描述, 描述_中文."""
_LANG = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}")
_LANG_END = re.compile(r"(?i)[-_.@](?:utf-?8|euro|orig)$")
"""What locales and yt-dlp write behind a tag."""
_LANG_REMARK = re.compile(r"(.+?)\s*[(（\[]([^()（）\[\]]+)[)）\]]")
_NO_COUNTRIES = frozenset({"en", "zh", "ja"})
"""Behind another tag they are a second language: `zh-en`."""


def words(value: object) -> str | None:
    """The text of a cell: the first text of a list or of an object by languages, numbers as they are written; None for what is no text, and
    for what Python writes NaN."""
    if isinstance(value, list):
        value = next((v for v in value if isinstance(v, str | int | float | dict)), None)
    if isinstance(value, dict):
        keys = {str(key).lower().replace("-", "_"): found for key, found in value.items()}
        value = next((keys[key] for key in (*BODY, *NAMES["caption"], "value", *_TONGUES) if isinstance(keys.get(key), str) and keys[key].strip()), None)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return None if isinstance(value, float) and not math.isfinite(value) else str(value)
    return value if isinstance(value, str) and value.strip() else None


def _said(cells: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    """The first of the columns that says something: `NaN` and `N/A` are no captions."""
    return next((found for name in names if (found := words(cells.get(name))) is not None and found.strip().lower() not in NOTHING), None)


def first(cells: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    """The first of the columns that has a text."""
    return next((found for name in names if (found := words(cells.get(name))) is not None), None)


@cache
def _in_tongues(names: tuple[str, ...]) -> Mapping[str, int]:
    """Columns that give a fact, also in one language, with their ranks: those without one first."""
    told = (form for tongue in (*_TONGUES, *_TONGUES_HAN) for name in names for form in (f"{name}_{tongue}", f"{tongue}_{name}"))
    han = (f"{tongue}{name}" for tongue in _TONGUES_HAN for name in names)
    return {name: rank for rank, name in enumerate(dict.fromkeys((*names, *told, *han)))}


def spoken(columns: Set[str], names: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the columns that give a fact, also in one language, best first."""
    ranks = _in_tongues(names)
    return tuple(sorted(columns & ranks.keys(), key=ranks.__getitem__))


def captions(columns: Set[str]) -> tuple[str, ...]:
    """Those of the columns that hold a caption, best first."""
    return spoken(columns, _UNASKED if columns & _ANSWERS else NAMES["caption"])


def given(cells: Mapping[str, Any]) -> dict[str, str]:
    """The facts of a source in a row of a manifest or in a sidecar, uncleaned but cut; `text` is what is just called text."""
    columns = cells.keys()
    facts = {fact: _said(cells, spoken(columns, names) if fact in SPOKEN else names) for fact, names in NAMES.items()}
    facts |= {"caption": _said(cells, captions(columns)), "text": first(cells, spoken(columns, BODY))}
    facts["lang"] = next((said for name in NAMES["lang"] if (said := words(cells.get(name))) is not None and language(clean(said[:LIMITS["lang"] + _MARGIN]))), None)
    return {fact: value[:LIMITS[fact] + _MARGIN] for fact, value in facts.items() if value is not None}


def merged(strong: Mapping[str, str], weak: Mapping[str, str]) -> dict[str, str]:
    """Facts of two rows about the same source; the first one's stand."""
    return {**weak, **strong}


def stored(facts: Mapping[str, str], mask_pii: bool) -> dict[str, Any]:
    """Facts as they are stored: cleaned, masked, cut; with `pii_count`."""
    row: dict[str, Any] = {"pii_count": 0}
    for fact, value in facts.items():
        text = clean(value[:LIMITS[fact] + _MARGIN])
        if fact == "lang":
            row[fact] = language(text)
            continue
        if fact in MASKED and mask_pii:
            text, count = mask(text, over_lines=fact == "transcript")
            row["pii_count"] += count
        row[fact] = text[:LIMITS[fact]] or None
    return row


def language(text: str) -> str | None:
    """The BCP 47 tag of the one language that a tag or a name means; None for what is none, and for `und`, which says that nobody knows."""
    text = _LANG_END.sub("", text.strip())
    named = LANGUAGES.get(" ".join(text.lower().replace("-", " ").replace("_", " ").split()))
    if named is not None:
        return named
    if remark := _LANG_REMARK.fullmatch(text):  # English (US), Chinese (Simplified), 中文（繁體）
        whole, narrow = language(remark[1]), LANGUAGES.get(f"{remark[1]} {remark[2]}".lower()) or LANGUAGES.get(remark[2].lower())
        return narrow if whole == "zh" and narrow is not None and narrow.startswith(("zh", "yue")) else whole
    tag = text.replace("_", "-")
    if not _LANG.fullmatch(tag):
        return None
    primary, *rest = tag.lower().split("-")
    primary = known if "-" not in (known := LANGUAGES.get(primary, primary)) else primary
    if _NO_COUNTRIES & {*rest} or not (primary in TWO or primary in THREE or (rest and len(primary) == 3 and len(rest[0]) == 4)):
        return None
    return "-".join((primary, *(part.upper() if len(part) == 2 else part.title() if len(part) == 4 and part.isalpha() else part for part in rest)))

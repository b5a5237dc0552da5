"""Words for which a clip is dropped, wherever they stand: in what came with it, what is read in its picture, heard or said of it by a model.

They are those of banned prompts about sex, without what news, campaigns, medicine and nature speak of as well (a field of rape), and words
that have no harmless use in a caption. A list catches the plain cases only; `label.blocklist` adds to it.
"""

from collections.abc import Iterable, Sequence
from functools import cache

from jobs.prompts.safety import first_of, topics
from schemas.settings import Label

TOPICS = ("sexual", "minors")
SPOKEN_OF = frozenset({"rape", "raping", "gang rape", "genitals", "child abuse", "pedophile", "paedophile", "强奸", "轮奸", "卖淫", "嫖娼", "虐童",
                       "恋童", "性爱"})
"""Words of these topics that reports and campaigns use, or that name or end something else too (人性爱恨)."""
MORE = (
    "childporn", "explicit sex", "live sex", "sex cam", "blowjob", "handjob", "gangbang", "cumshot", "deepthroat", "camgirl", "topless girl",
    "topless woman", "topless women", "nude photo", "nude video", "xxx video", "xxx movie", "bestiality", "child sexual abuse material",
    "snuff film", "beheading video", "beheading footage", "execution video", "execution footage", "gore video", "gore footage",
    "黄色网站", "黄色电影", "三级片", "a片", "成人网站", "成人电影", "成人影片", "无码高清", "无码av", "淫荡", "口交", "肛交", "乱伦", "迷奸", "性奴", "性爱视频",
    "自杀直播", "斩首视频", "虐杀视频",
)  # fmt: skip
TEXTS = frozenset({("ocr", "text"), ("transcript", "text"), ("caption", "en"), ("caption", "zh")})
"""Labels that are texts: what is read, heard and said."""


@cache
def built_in() -> tuple[str, ...]:
    """The words that are always blocked."""
    return tuple(dict.fromkeys(word for word in (*(w for t in TOPICS for w in topics()[t]), *MORE) if word not in SPOKEN_OF))


def words(settings: Label) -> tuple[str, ...]:
    """All that are blocked under these settings."""
    return (*built_in(), *settings.blocklist)


def first_in(texts: Iterable[str | None], blocked: Sequence[str]) -> str | None:
    """The first blocked word of some texts, as it stands there, or None."""
    return next((hit for text in texts if text and (hit := first_of(text, blocked))), None)

"""What is measured of a text: length, repetition, symbols, markup, boilerplate, language. Pure functions of the string."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import regex

from jobs.version import row_id

GRAM = 5
"""Words per gram of `repetition_share` (Gopher: 5 to 10)."""

_WORD = regex.compile(r"\p{Han}|[[\p{L}\p{M}\p{N}_]--\p{Han}]++(?:['’-][[\p{L}\p{M}\p{N}]--\p{Han}]++){0,99}+", regex.V1)
"""Possessive: a word of millions of signs would otherwise be remembered sign by sign."""
_LETTER = regex.compile(r"\p{L}")
_SYMBOL = regex.compile(r"[^\p{L}\p{M}\p{N}\p{P}\p{Z}\p{C}]")
_MARKUP = regex.compile(
    r"<!?/?[A-Za-z][^<>]{0,1000}>|&(?:#\d{1,7}|#x[0-9A-Fa-f]{1,6}|[A-Za-z]{2,10});"
    r"|\[/?(?:b|i|u|url|img|quote|code|size|color|font)(?:=[^\]\n]{0,200})?\]|\{\{[^{}]{0,500}\}\}",
    regex.S | regex.I)
_BLOCKS = tuple((regex.compile(opening, regex.I), regex.compile(closing, regex.I)) for opening, closing in (
    (r"<(?:script|style)\b[^>]{0,1000}>", r"</(?:script|style)\s*>"), ("<!--", "-->"), (r"\{\|", r"\|\}")))
"""Scripts, comments and wiki tables: everything from the one to the other is markup."""
_BOILERPLATE = regex.compile(
    r"javascript|terms of (?:use|service)|privacy policy|cookie(?: policy|s policy)|use[sd]? (?:of )?cookies"
    r"|all rights reserved|lorem ipsum|(?:sign|log)[ -]?(?:in|up)\b|create an account|forgot (?:your )?password"
    r"|subscribe (?:to|now)|unsubscribe"
    r"|click here|read more|skip to (?:main )?content|share (?:this|on)|follow us|download (?:the|our) app|get the app"
    r"|powered by|add to cart|page not found|enable cookies"
    r"|版权所有|保留所有权利|未经授权|未经许可|转载请注明|隐私政策|隐私权政策|服务条款|用户协议|免责声明|点击(?:这里|此处|查看|下载)|立即(?:注册|登录|登陆|下载|购买)"
    r"|(?:请|请先)(?:登录|登陆|注册)|忘记密码|扫码关注|关注(?:我们|公众号)|分享到|上一篇|下一篇|返回(?:首页|顶部)|备案号|[京沪粤浙苏]ICP",
    regex.I)
_MASK = regex.compile(r"<(?:EMAIL|PHONE|ID|CARD|HANDLE|IP|ADDRESS)>")
"""What `jobs.collect.pii` puts in; it is neither markup nor symbols."""
LANGUAGES = (
    "am ar az be bg bn bs ca cs cy da de el en es et eu fa fi fr ga gl gu he hi hr hu hy id is it ja ka kk km kn ko lo lt lv mk ml mn mr ms mt "
    "my ne nl nn no pa pl ps pt ro ru si sk sl sq sr sv sw ta te th tl tr uk ur uz vi yue zh"
)
"""Languages that texts on the web are usually in. Among all 142 of the model "a red panda" is Central Bikol and much Chinese is Wu."""
DECISIVE = 2000
BOILERPLATE_WORDS = 30
"""A line with more words than this is prose that mentions the thing, not the thing itself."""


def words(text: str) -> list[str]:
    """Words in lower case; every ideograph is one."""
    return [str(word) for word in _WORD.findall(text.lower())]


def repetition_share(found: list[str]) -> float:
    """Share of words inside 5-grams that stood earlier in the text, 0..1 (Gopher's, on words)."""
    if len(found) <= GRAM:
        return 0.0
    seen: set[tuple[str, ...]] = set()
    covered = until = 0
    for start in range(len(found) - GRAM + 1):
        gram = tuple(found[start:start + GRAM])
        if gram in seen:
            covered += start + GRAM - max(start, until)
            until = start + GRAM
        seen.add(gram)
    return covered / len(found)


def symbol_share(text: str) -> float:
    """Characters that are neither letters, digits, marks, punctuation nor white space, over those that are not white space."""
    solid = solid_chars(text)
    return len(_SYMBOL.findall(text)) / solid if solid else 0.0


def markup_share(text: str) -> float:
    """Characters inside tags, scripts, comments, entities, BBCode, wiki templates and tables over all characters."""
    return 1 - len(_MARKUP.sub("", _without_blocks(text))) / len(text) if text else 0.0


def _without_blocks(text: str) -> str:
    """The text without its blocks; one that is never closed is none, and costs one look to the end, not one for each."""
    for opening, closing in _BLOCKS:
        kept, at = [], 0
        while (begun := opening.search(text, at)) and (ended := closing.search(text, begun.end())):
            kept.append(text[at:begun.start()])
            at = ended.end()
        text = "".join(kept) + text[at:]
    return text


def boilerplate_share(text: str) -> float:
    """Lines of at most 30 words with a phrase of navigation, notices or sign-in, over lines that are not empty (C4's list,
    with a Chinese one)."""
    lines = [line for line in text.splitlines() if line.strip()]
    hits = sum(1 for line in lines if _BOILERPLATE.search(line) and len(words(line)) <= BOILERPLATE_WORDS)
    return hits / len(lines) if lines else 0.0


def solid_chars(text: str) -> int:
    """Characters without white space."""
    return sum(len(part) for part in text.split())


def language(text: str) -> tuple[str, float]:
    """BCP 47 language, one of LANGUAGES, and confidence 0..1 (py3langid; the first DECISIVE characters decide)."""
    lang, score = identifier().classify(text[:DECISIVE])
    return str(lang), float(score)


@cache
def identifier() -> Any:
    """The identifier of languages, which chooses among LANGUAGES."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    found = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    found.set_languages(LANGUAGES.split())
    return found


def measure_text(text: str) -> dict[str, Any]:
    """The text columns of `clips`."""
    found = words(text)
    bare = _MASK.sub("", text)
    lang, score = language(bare) if len(_LETTER.findall(bare[:DECISIVE])) >= 2 else (None, None)
    return {
        "text": text, "text_chars": solid_chars(text), "text_words": len(found),
        "repetition_share": repetition_share(found), "symbol_share": symbol_share(bare), "markup_share": markup_share(bare),
        "boilerplate_share": boilerplate_share(text), "lang_detected": lang, "lang_score": score,
    }


def text_clip(source: Mapping[str, Any]) -> dict[str, Any]:
    """The clip of a text source: a span of no length."""
    return {"clip_id": row_id(source["source_id"], 0.0, 0.0), "start_s": 0.0, "end_s": 0.0, "duration_s": 0.0,
            **measure_text(source["text"])}

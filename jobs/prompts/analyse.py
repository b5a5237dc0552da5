"""What a text says: language, sentences, clauses, key phrases, and the words for place, time and subject.

Chinese is cut into words by jieba, everything else by white space. The text is cleaned first: markup, control characters and
pictographs are never spoken, shown or given to a model.
"""

import html
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import Any

_MARKUP = re.compile(r"<!--.*?-->|<(script|style)\b.*?</\1\s*>|</?[a-zA-Z][^<>]{0,500}>", re.DOTALL | re.IGNORECASE)
_LINK = re.compile(r"!?\[([^\]\n]*)\]\([^)\n]*\)")
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
"""Control sequences of terminals (ECMA-48); without their first character the rest would be read aloud."""
_PILED = re.compile(r"[\u0300-\u036f\u0483-\u0489\u20d0-\u20ff]+")
"""Accents that belong to no letter: real ones are one character after normalisation."""
_NARROW = {c: c - 0xfee0 for a, z in ((0xff10, 0xff19), (0xff21, 0xff3a), (0xff41, 0xff5a)) for c in range(a, z + 1)} | {
    0x2080 + n: 0x30 + n for n in range(10)} | dict.fromkeys((0x0b, 0x0c, 0x1c, 0x1d, 0x1e, 0x85, 0x2028, 0x2029), "\n") | {
    0x203c: "!!", 0x2047: "??", 0x2048: "?!", 0x2049: "!?"}
"""Full-width letters and digits, the low ones of formulas (few fonts have them) and double marks as plain ones; other ends of line as such."""
_URL = re.compile(r"""[ \t]*(?:https?://|www\.)[^\s\u3000-\u303f\u3400-\u9fff\uff00-\uffef“”‘’…—]+(?<![.,!?;:"'])""", re.IGNORECASE)
"""Ends before ideographs and their marks, which follow it without a space, and before the marks of the sentence that it stands in."""
_MARKDOWN = re.compile(r"^\s{0,3}(?:#{1,6}\s+|>\s?|[-*+]\s+|\d{1,2}\.\s+|[-*_]{3,}\s*$|```\w*\s*$)", re.MULTILINE)
_EMPHASIS = re.compile(r"(?<![\d*])(\*{1,3}|__|`+|~~)(?=\S)(.+?)(?<=\S)\1(?![\d*])")
"""Not between numbers, which stars multiply."""
_PICTOGRAPH = re.compile(r"(?![‼⁉™])[\u2010-\u2bff\u3030\u303d]\ufe0f|[ℹ\u25fb-\u25fe]")
"""Signs that a selector makes a picture, and those that are one by themselves though their class is not that of pictographs."""
_SYMBOLS = frozenset("°℃℉№©®™%‰€£¥￥$+=<>~×÷±|^㎡㎥㎞㎝㎜㎏㏄")
"""Symbols that stand for a word or a relation and stay."""

HAN = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
LANGS = ("en", "fr", "de", "es", "it", "pt", "nl", "pl", "sv", "da", "no", "fi", "tr", "vi", "id", "ms", "tl", "ro", "cs", "sk", "hu",
         "hr", "ca", "sw", "et", "lv", "lt", "sl", "is", "eu", "sq", "az", "uz", "af")
"""Languages in Latin letters that are told apart; among all 97 of py3langid short English is taken for Limburgish or Fulah."""
ENGLISH_FIRST, ENGLISH_FIRST_LEAST = 2.0, 0.3
"""English is believed unless another language is ten to this power times as likely (headlines look foreign), but at least so much."""
FOREIGN, UNKNOWN, NAME = 5.0, 2.0, 1.0
"""How much of that a text loses whose words are all little words of other languages, unknown in English, or unknown and capitalised.
Of 246 English phrases of one to five words, a third of them with foreign names and dishes, 5 are refused; of 179 in 20 other languages 15
pass as English (tests/jobs/prompts/test_short_phrases.py has others, on which nothing was set)."""
_FOREIGN = frozenset([
    "un", "une", "la", "le", "les", "des", "du", "de", "et", "est", "ce", "dans", "sur", "au", "aux", "avec", "pour", "der", "die", "das",
    "ein", "eine", "und", "ist", "mit", "im", "am", "zum", "bei", "nicht", "ich", "wir", "el", "los", "las", "una", "y", "e", "del", "il",
    "lo", "gli", "uno", "di", "della", "nel", "sul", "è", "um", "uma", "da", "não", "het", "een", "en", "och", "på", "är", "je", "się",
    "jest", "og", "ved", "bir", "ve", "yang",
])
"""Little words that English lacks, or has as rare ones."""
_NAMES_HAVE = frozenset([
    "de", "du", "des", "la", "le", "el", "los", "las", "del", "di", "da", "della", "y", "e",
])
_CANTONESE = frozenset("嘅咗喺唔冇佢哋咁啲嚟嗰嘢乜噉攞睇諗搵畀俾冚咩喎啱嗌")
_SCRIPTS = (("ja", r"[\u3040-\u30ff]"), ("ko", r"[\uac00-\ud7af]"), ("zh", f"[{HAN}]"))
_CLOSE = "”’」』）)\"'"
_END = re.compile(
    rf"(?<=[。！？!?…；])(?![。！？!?…；{_CLOSE}])\s*|(?<=[。！？!?…；][{_CLOSE}])\s*"
    rf"|(?<=[.;])\s+|(?<=[.;][{_CLOSE}])\s+|\n+"
)
_ABBREVIATION = re.compile(r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|vs|etc|e\.g|i\.e|No|approx)|\b[A-Z])\.$")
_CLAUSE = re.compile(r"(?<=[，、：；—])\s*|(?<=[,:;])\s+|\s+[–-]\s+")
_STOP = frozenset([
    "a", "an", "and", "are", "as", "at", "be", "been", "but", "by", "for", "from", "had", "has", "have", "he", "her",
    "his", "i", "if", "in", "into", "is", "it", "its", "just", "me", "my", "of", "on", "or", "our", "out", "she", "so",
    "than", "that", "the", "their", "them", "then", "there", "these", "they", "this", "those", "to", "today", "up",
    "us", "very", "was", "we", "were", "what", "when", "where", "which", "while", "who", "will", "with", "you", "your",
    "really", "want", "not", "no", "do", "did", "can", "could", "would", "should", "about", "over", "under", "after",
    "before", "all",
])


@dataclass(frozen=True)
class Analysis:
    """What a text says.

    Attributes:
        lang: BCP 47 primary tag; `und` where nothing tells.
        sentences: With their end marks, in order.
        phrases: Key phrases, the most telling first.
        places: Words that name a place.
        times: Words that name a time.
        subjects: Key phrases that name neither.
    """

    lang: str
    sentences: tuple[str, ...]
    phrases: tuple[str, ...]
    places: tuple[str, ...]
    times: tuple[str, ...]
    subjects: tuple[str, ...]


def clean(text: str) -> str:
    """The text without markup, links, Markdown signs, control characters and pictographs, on normalised white space."""
    text = _PICTOGRAPH.sub("", html.unescape(_ESCAPE.sub("", text)))
    text = _PILED.sub("", unicodedata.normalize("NFC", text)).translate(_NARROW)
    text = _URL.sub("", _LINK.sub(r"\1", _MARKUP.sub(" ", text)))
    text = _EMPHASIS.sub(r"\2", _MARKDOWN.sub("", text))
    text = "".join(" " if c in "\t\r\u3000\xa0" else c for c in text if c in "\n\t\r" or _speakable(c))
    lines = (re.sub(r" {2,}", " ", line).strip() for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def _speakable(char: str) -> bool:
    if char in _SYMBOLS:
        return True
    return unicodedata.category(char) not in {"So", "Sk", "Cc", "Cf", "Cs", "Co", "Cn"} and not "\ufe00" <= char <= "\ufe0f"


def letters(text: str) -> int:
    """How many letters, ideographs and digits a text has; 0 means that nothing is left to say."""
    return sum(unicodedata.category(c)[0] in "LN" for c in text)


def language(text: str) -> str:
    """Language of a text: by its script where that tells, else by py3langid; `und` where there are no letters."""
    count = {lang: len(re.findall(pattern, text)) for lang, pattern in _SCRIPTS}
    latin = re.findall(r"[A-Za-zÀ-ɏḀ-ỿ]+(?:['’][A-Za-z]+)?", text)
    if count["ja"] > 1 and count["ja"] * 4 >= count["zh"]:
        return "ja"
    if count["ko"] > len(latin):
        return "ko"
    if count["zh"] and count["zh"] >= len(latin):
        told = sum(c in _CANTONESE for c in text)
        return "yue" if told >= 2 or told * 8 >= count["zh"] else "zh"
    foreign = sum(unicodedata.category(c)[0] == "L" and not re.match(rf"[A-Za-zÀ-ɏḀ-ỿ{HAN}]", c) for c in text)
    if foreign > 2 * len(latin):
        import py3langid

        return str(py3langid.classify(text)[0])
    return _latin(latin) if latin else "und"


def _latin(found: list[str]) -> str:
    """Language of words in Latin letters; accented ones are left out where they are few: English borrows them (café, São Paulo)."""
    plain = [w for w in found if w.isascii()]
    if len(found) == len(plain) == 1:
        return "en"
    told = plain if len(plain) > 1 and 2 * len(plain) >= len(found) else found
    shares = {str(lang): float(share) for lang, share in _identifier().rank(" ".join(told[:500]))}
    best = max(shares, key=lambda lang: shares[lang])
    first = max(ENGLISH_FIRST_LEAST, ENGLISH_FIRST - _strangeness(found[:500]))
    return "en" if shares["en"] * 10**first >= shares[best] else best


def _strangeness(found: list[str]) -> float:
    """How unlike English the words of a text are, 0 to FOREIGN."""
    total = 0.0
    for before, word, behind in zip(["", *found], found, [*found[1:], ""], strict=False):
        bare = re.sub(r"['’]s$", "", word)
        if bare in _FOREIGN:
            total += 0.0 if bare in _NAMES_HAVE and before[:1].isupper() and behind[:1].isupper() else FOREIGN
        elif bare.lower() not in _english():
            total += NAME if bare[0].isupper() else UNKNOWN
    return total / len(found)


@cache
def _english() -> frozenset[str]:
    """Words that are one token of CLIP, whose vocabulary was counted on English texts: 34,000, names and dishes among them."""
    import gzip
    from importlib.util import find_spec

    (folder,) = find_spec("open_clip").submodule_search_locations  # type: ignore[union-attr, misc]  # found, not imported: that takes torch
    with gzip.open(f"{folder}/bpe_simple_vocab_16e6.txt.gz", "rt", encoding="utf-8") as file:
        merges = file.read().split("\n")[1:49152 - 256 - 2 + 1]
    return frozenset(pair.replace(" ", "").removesuffix("</w>") for pair in merges if pair.endswith("</w>"))


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(list(LANGS))
    return identifier


def sentences(text: str) -> list[str]:
    """Sentences with their end marks; a full stop inside a number or after an abbreviation ends nothing."""
    found: list[str] = []
    for piece in _END.split(text):
        if not piece or not piece.strip():
            continue
        if found and _ABBREVIATION.search(found[-1]):
            found[-1] += " " + piece.strip()
        elif letters(piece):
            found.append(piece.strip())
        elif found:
            found[-1] += piece.strip()
    return found


def clauses(sentence: str) -> list[str]:
    """Clauses with their marks; a comma inside a number divides nothing."""
    found: list[str] = []
    for piece in _CLAUSE.split(sentence):
        if letters(piece):
            found.append(piece.strip())
        elif found:
            found[-1] += piece.strip()
    return found or [sentence]


def words(text: str, lang: str) -> list[tuple[str, str]]:
    """Words and their class: `n` noun, `ns` place (in Chinese), `t` time, or `x`."""
    if lang in ("zh", "yue"):
        import logging

        import jieba.posseg

        jieba.setLogLevel(logging.WARNING)
        kinds = {"ns": "ns", "t": "t", "n": "n", "nr": "n", "nt": "n", "nz": "n", "vn": "n", "s": "ns"}
        return [(w.word, kinds.get(w.flag, "x") if len(w.word) > 1 else "x") for w in jieba.posseg.cut(text)]
    found = []
    for match in re.finditer(r"[^\W\d_][\w'’-]*", text):
        word = match.group()
        kind = "x" if word.lower() in _STOP else "n"
        found.append((word, kind))
    return found


_NAMED = re.compile(
    r"\b(?:in|at|near|across|through|around|outside|inside|towards?|into|via|left|leav(?:e|ing)|visit(?:ed|ing)?|reach(?:ed)?|explor(?:e|ed|ing)"
    r"|(?:go(?:es|ing)?|went|gone|c[ao]me|dr[io]ve|fl[ey]w?|walk(?:ed)?|sail(?:ed)?|mov(?:e|ed)|travel(?:l?ed)?|return(?:ed)?|head(?:ed)?|trip|way|road|back|train|bus|ferry) (?:to|from)) "
    r"(?:[Tt]he )?((?:(?:St|Mt|Ft)\. )?[A-Z][\w'’-]+(?: (?:(?:of|de|la|do|upon) )?[A-Z][\w'’-]+){0,3})(?! ?\.? [A-Z]\.)")
_NO_PLACE = re.compile(
    r"(?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|January|February|March|April|May|June|July|August|September|October|November|December|Christmas|Easter"
    r"|Mrs?|Ms|Dr|Prof|Mum|Mom|Dad|Grandma|Grandpa|God|I|English|French|German|Chinese|Spanish|Japanese)\b")


def proper(text: str) -> list[str]:
    """Names of places in a text of Latin letters: capitals, taken together, behind a word that leads there. Days, months and persons of a title are none."""
    return [found for found in _NAMED.findall(text) if not _NO_PLACE.match(found)]


def analyse(text: str, lang: str = "") -> Analysis:
    """Analyse a cleaned text, in a language that is known or else told from it."""
    from jobs.prompts.grammar import named

    lang = lang or language(text)
    cut = words(text, lang)
    nouns = Counter(w for w, kind in cut if kind in ("n", "ns"))
    phrases = sorted(nouns, key=lambda w: (-nouns[w] * len(w), text.find(w)))[:8]
    places = _once([w for w, kind in cut if kind == "ns"] + ([] if lang in ("zh", "yue") else proper(text)) + named(text, "place"))
    times = _once([w for w, kind in cut if kind == "t"] + named(text, "time"))
    subjects = tuple(p for p in phrases if p not in places and p not in times)
    return Analysis(lang, tuple(sentences(text)), tuple(phrases), places, times, subjects)


def _once(found: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(found))

"""Language of every text of a clip: key = the text's column, text = BCP 47 code, score = probability (py3langid).

Titles and captions are short, and among 142 languages "a red panda" is Central Bikol. So the choice is among `jobs.clean.texts.LANGUAGES`,
those that most pages are in are thought likelier from the start, addresses of pages, pictographs and other signs are not read, and a text that none of them is likely
for gets no row. What is Chinese without a sign that Cantonese alone writes is `zh`: short texts in traditional characters look like `yue`.
"""

import unicodedata
from importlib.metadata import version as installed
from typing import Any

import regex

from jobs.clean.texts import LANGUAGES, identifier
from jobs.clean.words import ADDRESS
from jobs.label.labeler import Batch, Found, Labeler, Model, rounded
from schemas.settings import Label

FIELDS = ("title", "caption", "transcript", "text")
_SIGNS = regex.compile(r"[\p{So}\p{Sk}\p{Cf}\ufe0f\u20e3]+")
"""Pictographs with what joins and colours them, flags, marks of direction."""
KNOWN = frozenset(LANGUAGES.split())
MAX_CHARS = 4000
"""More text than this changes no verdict."""
MIN_LETTERS = 2
LEAST = 0.5
"""Probability from which a language is said. Of 3000 labels of buttons and short messages in 20 languages (the catalogues of Airflow's pages) 2316
are told rightly and 62 wrongly; without the rules below 2130 and 73."""
COMMON = frozenset(["ar", "de", "en", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt", "ru", "tr", "vi", "zh"])
OFTENER = 3.0
"""How much likelier than any other a language of COMMON is before a text is read. Of Common Crawl each has more than a few others together; the
odds are set far lower, since the identifier takes what it has read as surer than it is."""
CANTONESE = frozenset("嘅咗喺哋啲唔佢冇嚟嗰咩嘢啱攞睇噉乜嚿")
"""Signs of written Cantonese that other Chinese does without."""


def model(settings: Label) -> Model:
    return Model("py3langid", installed("py3langid"))


def load(settings: Label, device: str) -> Any:
    return identifier()


def label(identifier: Any, batch: Batch) -> list[Found]:
    found = []
    for row in batch.rows:
        for key in FIELDS:
            text = readable(row[key] or "")
            if sum(c.isalpha() for c in text) >= MIN_LETTERS:
                lang, share = told(identifier, text)
                if share >= LEAST:
                    found.append(Found(row["clip_id"], key, rounded(share), lang))
    return found


def readable(text: str) -> str:
    """What of a text says its language: its beginning, without addresses and signs, in plain width."""
    return str(_SIGNS.sub("", unicodedata.normalize("NFKC", ADDRESS.sub(" ", text[:MAX_CHARS]))))


def told(identifier: Any, text: str) -> tuple[str, float]:
    """The likeliest language of a `readable` text and its probability."""
    shares = {lang: share * (OFTENER if lang in COMMON else 1.0) for name, share in identifier.rank(text) if (lang := str(name)) in KNOWN}
    if CANTONESE.isdisjoint(text):
        shares["zh"] += shares.pop("yue")
    lang = max(shares, key=lambda name: shares[name])
    return lang, float(shares[lang] / sum(shares.values()))


def _row(**texts: str) -> dict[str, Any]:
    return {"clip_id": "a", **dict.fromkeys(FIELDS), **texts}


LABELER = Labeler(
    "language",
    version=4,
    needs=FIELDS,
    model=model,
    load=load,
    label=label,
    examples=(
        (_row(title="今天去了西藏，风景真的很美"), (("title", "zh"),)),
        (
            _row(caption="The quick brown fox jumps over the lazy dog", text="Le chat est assis sur la chaise de la cuisine"),
            (("caption", "en"), ("text", "fr")),
        ),
        (_row(title="123 !"), ()),
        (_row(title="地上放着三个泰迪熊毛绒玩具", caption="Chelsea the cat"), (("title", "zh"), ("caption", "en"))),
        (_row(caption="a red panda", transcript="ok"), ()),
        (_row(title="做饭", caption="將 Dag 移出最愛", transcript="我哋去海邊，啲浪好大"), (("title", "zh"), ("caption", "zh"), ("transcript", "yue"))),
        (_row(title="A dog runs to the sea https://example.com/watch?v=Xk3", caption="https://example.com/en/page"), (("title", "en"),)),
        (_row(title="Girl dancing in the rain " + "\U0001f468\u200d\U0001f469\u200d\U0001f467" * 20, caption="Sunset at the beach " + "\U0001f1e8\U0001f1f3\u2764\ufe0f" * 20), (("title", "en"), ("caption", "en"))),
        (_row(title="Ｔｈｉｓ　ｉｓ　ａ　ｃａｔ　ｏｎ　ａ　ｔａｂｌｅ"), (("title", "en"),)),
        (_row(caption="Старик кормит голубей на площади"), (("caption", "ru"),)),
    ),
)

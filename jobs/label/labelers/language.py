"""Language of every text of a clip: key = the text's column, text = BCP 47 code, score = probability (py3langid).

Titles and captions are short, and among 142 languages "a red panda" is Central Bikol. So the choice is among `jobs.clean.texts.LANGUAGES`,
written Wu counts as Chinese, and a text that none of them is likely for gets no row.
"""

from typing import Any

from jobs.clean.texts import identifier
from jobs.label.labeler import Batch, Found, Labeler, rounded
from schemas.settings import Label

FIELDS = ("title", "caption", "transcript", "text")
MAX_CHARS = 4000
"""More text than this changes no verdict."""
MIN_LETTERS = 2
LEAST = 0.5
"""Probability from which a language is said. On 25 short texts in 9 languages no verdict above it was wrong, 8 lay below."""


def load(settings: Label, device: str) -> Any:
    return identifier()


def label(identifier: Any, batch: Batch) -> list[Found]:
    found = []
    for row in batch.rows:
        for key in FIELDS:
            if row[key] and sum(c.isalpha() for c in row[key][:MAX_CHARS]) >= MIN_LETTERS:
                lang, share = identifier.classify(row[key][:MAX_CHARS])
                if share >= LEAST:
                    found.append(Found(row["clip_id"], key, rounded(share), str(lang)))
    return found


def _row(**texts: str) -> dict[str, Any]:
    return {"clip_id": "a", **dict.fromkeys(FIELDS), **texts}


LABELER = Labeler(
    "language",
    version=2,
    needs=FIELDS,
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
    ),
)

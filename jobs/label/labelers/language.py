"""Language of every text of a clip: key = the text's column, text = BCP 47 code, score = probability (py3langid)."""

from functools import cache
from typing import Any

from jobs.label.labeler import Batch, Found, Labeler, rounded
from schemas.settings import Label

FIELDS = ("title", "caption", "transcript", "text")
MAX_CHARS = 4000
"""More text than this changes no verdict."""
MIN_LETTERS = 2


def load(settings: Label, device: str) -> Any:
    return _identifier()


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def label(identifier: Any, batch: Batch) -> list[Found]:
    found = []
    for row in batch.rows:
        for key in FIELDS:
            if row[key] and sum(c.isalpha() for c in row[key][:MAX_CHARS]) >= MIN_LETTERS:
                lang, share = identifier.classify(row[key][:MAX_CHARS])
                found.append(Found(row["clip_id"], key, rounded(share), str(lang)))
    return found


def _row(**texts: str) -> dict[str, Any]:
    return {"clip_id": "a", **dict.fromkeys(FIELDS), **texts}


LABELER = Labeler(
    "language",
    version=1,
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
    ),
)

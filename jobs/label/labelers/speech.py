"""Whether a clip speaks: key `speech`, text speech, some or none, score = share of the clip (silero-vad, from the decode pass)."""

from typing import Any

from jobs.label.labeler import Batch, Found, Labeler, rounded

BORDERS = ((0.05, "none"), (0.5, "some"), (float("inf"), "speech"))


def label(state: Any, batch: Batch) -> list[Found]:
    return [
        Found(row["clip_id"], "speech", rounded(row["speech_share"]), next(n for b, n in BORDERS if row["speech_share"] < b))
        for row in batch.rows
        if row["speech_share"] is not None
    ]


LABELER = Labeler(
    "speech",
    version=1,
    needs=("speech_share",),
    label=label,
    examples=(
        ({"clip_id": "a", "speech_share": None}, ()),
        ({"clip_id": "a", "speech_share": 0.01}, (("speech", "none"),)),
        ({"clip_id": "a", "speech_share": 0.3}, (("speech", "some"),)),
        ({"clip_id": "a", "speech_share": 0.9}, (("speech", "speech"),)),
    ),
)

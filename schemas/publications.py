"""`publications`: one published video, with the label facts as re-read from the finished file."""

import pyarrow as pa

from schemas.table import Table, col, maybe

CUE = pa.struct([
    pa.field("start_s", pa.float64(), nullable=False),
    pa.field("end_s", pa.float64(), nullable=False),
    pa.field("text", pa.string(), nullable=False),
])

PUBLICATIONS = Table(
    "publications",
    key=("publication_id",),
    personal=("title", "narration", "subtitles"),
    schema=pa.schema([
        col("publication_id", pa.string(), "idempotency key: sha256 over prompt, generations, recipe and target"),
        col("prompt_id", pa.string(), "prompt in `prompts`"),
        col("generation_ids", pa.list_(pa.string()), "clips in order"),
        col("sample_ids", pa.list_(pa.string()), "samples that the prompt and the music came from, for takedown"),
        col("title", pa.string(), "shown title"),
        col("narration", pa.string(), "what is said"),
        col("lang", pa.string(), "BCP 47"),
        col("subtitles", pa.list_(CUE), "cues as timed on the sound"),
        col("aspect", pa.string(), "9:16, 16:9 or 1:1"),
        col("width", pa.int32(), "pixels"),
        col("height", pa.int32(), "pixels"),
        col("duration_s", pa.float64(), "of the picture stream as re-read"),
        col("audio_duration_s", pa.float64(), "of the sound stream as re-read"),
        maybe("loudness_lufs", pa.float64(), "of the finished sound"),
        col("visible_label", pa.string(), "text of the label burned in"),
        col("aigc", pa.string(), "AIGC metadata field as re-read, JSON"),
        col("c2pa", pa.string(), "C2PA validation state as re-read: Trusted or Valid"),
        col("test_key", pa.bool_(), "signed with a self-made test key"),
        col("target", pa.string(), "where it was published"),
        col("uri", pa.string(), "of the published file, relative to the target"),
    ]),
)

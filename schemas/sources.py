"""`sources`: one row per collected object, readable or not."""

import pyarrow as pa

from schemas.table import Table, col, maybe

MODALITIES = ("video", "image", "audio", "text", "sidecar", "unknown")
"""`sidecar` is a CSV or JSONL that was read for what it says about other files; `unknown` could not be recognised."""

SOURCES = Table(
    "sources",
    key=("source_id",),
    personal=("uri", "rel_path", "title", "caption", "transcript", "text"),
    schema=pa.schema([
        col("source_id", pa.string(), "first 32 hex digits of sha256 over relative path and content sha256"),
        col("modality", pa.string(), "one of MODALITIES, from the content, not from the file name"),
        col("uri", pa.string(), "where the object is; `#L12` names line 12 of a text collection"),
        col("rel_path", pa.string(), "path below the source root, with the line suffix"),
        col("connector", pa.string(), "what collected it: file, ..."),
        maybe("sha256", pa.string(), "of the bytes; null when they could not be read"),
        col("size_bytes", pa.int64(), "size of the object"),
        maybe("licence", pa.string(), "as given by a manifest"),
        maybe("consent", pa.string(), "as given by a manifest"),
        maybe("title", pa.string(), "as given, personal data masked"),
        maybe("caption", pa.string(), "as given, personal data masked"),
        maybe("lang", pa.string(), "language of the texts as given, BCP 47"),
        maybe("transcript", pa.string(), "what is said in it, as given; its presence means that speech is expected"),
        maybe("text", pa.large_string(), "body of a text source, NFC, personal data masked"),
        col("pii_count", pa.int32(), "pieces of personal data masked in title, caption, transcript and text"),
        maybe("fetched_at", pa.timestamp("us", tz="UTC"), "when the object was last written where it was collected"),
        maybe("container", pa.string(), "format name as probed"),
        maybe("duration_s", pa.float64(), "as the container says; not trusted"),
        maybe("width", pa.int32(), "coded pixels"),
        maybe("height", pa.int32(), "coded pixels"),
        maybe("fps", pa.float64(), "mean frame rate as the container says"),
        maybe("video_codec", pa.string(), "codec of the first picture stream"),
        maybe("audio_codec", pa.string(), "codec of the first sound stream"),
        maybe("error", pa.string(), "why it cannot be used; null for what goes on"),
    ]),
)

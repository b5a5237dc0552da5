"""`samples`: what a release holds; text, video, audio and labels in one row."""

import pyarrow as pa

from schemas.table import Table, col, maybe

TAG = pa.struct([
    pa.field("labeler", pa.string(), nullable=False),
    pa.field("key", pa.string(), nullable=False),
    pa.field("score", pa.float64()),
    pa.field("text", pa.string()),
])

SAMPLES = Table(
    "samples",
    key=("sample_id",),
    schema=pa.schema([
        col("sample_id", pa.string(), "clip id"),
        col("source_id", pa.string(), "source in `sources`"),
        col("modality", pa.string(), "video, image, audio or text"),
        col("split", pa.string(), "train or validation; never divides a source or a duplicate cluster"),
        maybe("title", pa.string(), "as given, masked"),
        maybe("caption", pa.string(), "as given, masked"),
        maybe("transcript", pa.string(), "as given, masked"),
        maybe("text", pa.large_string(), "body of a text sample"),
        maybe("lang", pa.string(), "BCP 47"),
        maybe("licence", pa.string(), "as given"),
        col("uri", pa.string(), "where the source was collected"),
        col("start_s", pa.float64(), "span in the source"),
        col("end_s", pa.float64(), "span in the source"),
        col("duration_s", pa.float64(), "seconds"),
        maybe("width", pa.int32(), "display pixels"),
        maybe("height", pa.int32(), "display pixels"),
        maybe("fps", pa.float64(), "frames a second"),
        maybe("motion", pa.float64(), "see clips"),
        maybe("sharpness", pa.float64(), "see clips"),
        maybe("loudness_lufs", pa.float64(), "see clips"),
        maybe("speech_share", pa.float64(), "see clips"),
        maybe("similarity", pa.float64(), "cosine of picture and caption by the labeler in Settings"),
        maybe("embedding", pa.list_(pa.float32()), "unit vector of the picture, of float16 precision (Spark reads no float16)"),
        col("labels", pa.list_(TAG), "chosen labels"),
        maybe("engagement", pa.float64(), "behaviour prior, 0..1; null when unknown"),
        col("cut", pa.string(), "how the media was cut: smart, copy, encode, range or whole"),
        maybe("cut_start_s", pa.float64(), "where the media in this row really starts in the source"),
        maybe("media_type", pa.string(), "IANA type of `video` or `image`"),
        maybe("video", pa.large_binary(), "the clip with its sound"),
        maybe("image", pa.large_binary(), "the picture, for image samples"),
        maybe("audio", pa.large_binary(), "the sound alone"),
        maybe("audio_type", pa.string(), "IANA type of `audio`"),
        maybe("thumbnail", pa.large_binary(), "small JPEG"),
    ]),
)

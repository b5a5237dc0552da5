"""The gate of `clips`: spans lie in their sources, and what applies to a modality was measured within its range."""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from quality.gate import (
    ACCOUNTED,
    Around,
    Example,
    Gate,
    accounts,
    between,
    holds,
    joined,
    known,
    matches,
    one_of,
    rate,
    share,
)
from quality.sources import HEX64
from schemas import CLIPS, SOURCES

MODALITIES = ("video", "image", "audio", "text")
BROKEN_DECODER = ("decode_crash", "decode_timeout", "decode_memory")
"""Reasons that speak of the decoder rather than of the file."""


def derive(rows: pa.Table, around: Around) -> Mapping[str, pa.Array]:
    """Spans that add up, parents that exist, and measurements that must be there."""
    kind, length = joined(rows["modality"]), pc.subtract(rows["end_s"], rows["start_s"])
    timed = pc.is_in(kind, value_set=pa.array(["video", "audio"]))
    seen = pc.is_in(kind, value_set=pa.array(["video", "image"]))
    return {
        "source_exists": known(rows["source_id"], around, SOURCES, "source_id"),
        "span_adds_up": joined(pc.less_equal(pc.abs(pc.subtract(length, rows["duration_s"])), 1e-3)),
        "timed_has_length": joined(pc.or_(pc.invert(timed), pc.greater(rows["duration_s"], 0))),
        "picture_has_size": joined(pc.or_(pc.invert(seen), pc.and_(pc.is_valid(rows["width"]), pc.is_valid(rows["height"])))),
        "picture_is_measured": joined(
            pc.or_(pc.invert(seen), pc.and_(pc.is_valid(rows["luma_mean"]), pc.is_valid(rows["sharpness"])))),
        "text_is_measured": joined(pc.or_(pc.not_equal(kind, "text"), pc.is_valid(rows["text_chars"]))),
    }


def facts(rows: pa.Table, around: Around) -> Mapping[str, float | None]:
    """The manifest's account, and how often the decoder itself gave up."""
    rejected, seen = around.manifest.get("rejected", {}), around.manifest.get("seen", 0)
    return accounts(around) | {"decoder_failed_share": share(sum(rejected.get(r, 0) for r in BROKEN_DECODER), seen)}


_ROW = {"clip_id": "1" * 32, "source_id": "a" * 32, "modality": "video", "source_sha256": "0" * 64, "start_s": 1.0,
        "end_s": 3.5, "duration_s": 2.5, "width": 640, "height": 360, "fps": 24.0, "frame_count": 60, "luma_mean": 120.0,
        "luma_std": 40.0,
        "sharpness": 300.0, "motion": 0.1, "black_share": 0.0, "loudness_lufs": -20.0}

GATE = Gate(
    CLIPS,
    checks=(
        one_of("modality", MODALITIES),
        matches("source_sha256", HEX64, "source_sha256 must be 64 hex digits"),
        between("start_s", 0),
        between("duration_s", 0),
        between("width", 1),
        between("height", 1),
        between("fps", 0, above=True),
        between("frame_count", 1),
        between("luma_mean", 0, 255),
        between("luma_std", 0, 127.5),
        between("sharpness", 0),
        between("motion", 0),
        between("bit_depth", 1, 32),
        between("channels", 1),
        between("loudness_lufs", -75, 10, "warn"),
        between("lang_score", 0, 1),
        between("pii_count", 0),
        holds("source_exists", "source_id must be a source of the batch"),
        holds("span_adds_up", "duration_s must be end_s - start_s"),
        holds("timed_has_length", "a video or audio clip must last longer than nothing"),
        holds("picture_has_size", "a video or image clip must have a width and a height"),
        holds("picture_is_measured", "a video or image clip must have its luminance and sharpness"),
        holds("text_is_measured", "a text clip must have its length"),
        ACCOUNTED,
        rate("decoder_failed_share", 0, 0.5, "the decoder must not crash, hang or run out of memory on half of the sources"),
        rate("decoder_failed_share", 0, 0.1, "the decoder should not crash, hang or run out of memory on a tenth of them",
             "warn"),
        rate("kept_share", 0.5, None, "at least half of the sources should be measured", "warn"),
    ),
    derive=derive,
    facts=facts,
    good=Example(
        [_ROW, {"clip_id": "2" * 32, "source_id": "b" * 32, "modality": "text", "source_sha256": "1" * 64, "start_s": 0.0,
                "end_s": 0.0, "duration_s": 0.0, "text": "a red ball", "text_chars": 8}],
        parents={"sources": [{"source_id": "a" * 32}, {"source_id": "b" * 32}]},
        manifest={"seen": 2, "kept": 2, "rejected": {}}),
    bad=Example(
        [{**_ROW, "source_id": "f" * 32}, {**_ROW, "clip_id": "2" * 32, "end_s": 9.0, "black_share": 1.5},
         {**_ROW, "clip_id": "3" * 32, "width": None, "sharpness": None, "motion": float("nan")}],
        parents={"sources": [{"source_id": "a" * 32}]},
        manifest={"seen": 10, "kept": 3, "rejected": {"decode_crash": 7}},
        fails=("source_exists", "span_adds_up", "black_share_range", "picture_has_size", "picture_is_measured", "not_finite",
               "decoder_failed_share", "decoder_failed_share_warn", "kept_share_warn")),
)

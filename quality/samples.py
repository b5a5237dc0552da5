"""The gate of `samples`: nothing rejected is released, nothing leaks between splits, media is there, and nothing drifted."""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from quality.drift import SHIFTED_PSI, columns_in_common, drift
from quality.gate import ACCOUNTED, Around, Example, Gate, accounts, between, holds, joined, known, one_of, rate, share
from schemas import CLIPS, DUPLICATES, REJECTS, SAMPLES

CUTS = ("smart", "copy", "encode", "range", "whole")


def derive(rows: pa.Table, around: Around) -> Mapping[str, pa.Array]:
    """Samples that may be released, and splits that part sources."""
    seen = pc.is_in(rows["modality"], value_set=pa.array(["video", "image"]))
    media = pc.or_(pc.is_valid(rows["media_type"]), pc.equal(rows["cut"], "range"))
    return {
        "clip_exists": known(rows["sample_id"], around, CLIPS, "clip_id"),
        "not_rejected": pc.invert(known(rows["sample_id"], around, REJECTS, "sample_id")),
        "not_a_duplicate": pc.invert(known(rows["sample_id"], around, DUPLICATES, "loser_id")),
        "picture_has_media": joined(pc.or_(pc.invert(seen), media)),
        "source_in_one_split": _in_one_split(rows),
    }


def _in_one_split(rows: pa.Table) -> pa.Array:
    counted = rows.group_by("source_id").aggregate([("split", "count_distinct")])
    torn = counted.filter(pc.greater(counted["split_count_distinct"], 1))["source_id"]
    return joined(pc.invert(pc.is_in(rows["source_id"], value_set=joined(torn))))


def facts(rows: pa.Table, around: Around) -> Mapping[str, float | None]:
    """Shares of sound and captions, and drift against the release before."""
    videos = rows.filter(pc.equal(rows["modality"], "video"))
    pictures = rows.filter(pc.is_in(rows["modality"], value_set=pa.array(["video", "image"])))
    found = accounts(around) | {
        "audio_share": share(videos.num_rows - videos["audio_type"].null_count, videos.num_rows),
        "caption_share": share(pictures.num_rows - pictures["caption"].null_count, pictures.num_rows),
        "drift_psi": None,
    }
    before = around.previous(columns_in_common(rows))
    if before is not None:
        for line in drift(before, rows):
            found[f"psi_{line.column}"] = line.psi
            found[f"ks_{line.column}"] = line.ks
            found[f"p_{line.column}"] = line.p_value
            if line.shifted:
                found["drift_psi"] = max(line.psi, found["drift_psi"] or 0.0)
    return found


_ROW = {"sample_id": "1" * 32, "source_id": "a" * 32, "modality": "video", "split": "train", "caption": "a red ball",
        "uri": "file:///media/a.mp4", "start_s": 0.0, "end_s": 2.0, "duration_s": 2.0, "width": 640, "height": 360, "fps": 24.0,
        "labels": [], "cut": "smart", "media_type": "video/mp4", "audio_type": "audio/mp4"}

GATE = Gate(
    SAMPLES,
    checks=(
        one_of("modality", ("video", "image", "audio", "text")),
        one_of("split", ("train", "validation")),
        one_of("cut", CUTS),
        between("start_s", 0),
        between("duration_s", 0),
        between("width", 1),
        between("height", 1),
        between("similarity", -1.001, 1.001),
        between("engagement", 0, 1),
        holds("clip_exists", "sample_id must be a clip of the batch"),
        holds("not_rejected", "a rejected clip must not be released"),
        holds("not_a_duplicate", "the loser of a duplicate must not be released"),
        holds("picture_has_media", "a video or image sample must carry its media, unless spans were asked for"),
        holds("source_in_one_split", "a source must not lie in two splits"),
        ACCOUNTED,
        rate("audio_share", 0.2, None, "a fifth of the video samples should have their sound", "warn"),
        rate("caption_share", 0.2, None, "a fifth of the pictures and videos should have a caption", "warn"),
        rate("drift_psi", 0, SHIFTED_PSI, "distributions should not differ from the release before", "warn"),
    ),
    by="source_id",
    derive=derive,
    facts=facts,
    good=Example(
        [_ROW, {**_ROW, "sample_id": "2" * 32, "source_id": "b" * 32, "split": "validation"}],
        parents={"clips": [{"clip_id": c * 32} for c in "123"], "rejects": [{"sample_id": "3" * 32}],
                 "duplicates": [{"loser_id": "3" * 32}]},
        manifest={"seen": 2, "kept": 2, "rejected": {}}),
    bad=Example(
        [{**_ROW, "media_type": None}, {**_ROW, "sample_id": "2" * 32, "split": "validation", "similarity": 3.0},
         {**_ROW, "sample_id": "3" * 32, "source_id": "b" * 32, "audio_type": None},
         {**_ROW, "sample_id": "9" * 32, "source_id": "c" * 32, "split": "test"}],
        parents={"clips": [{"clip_id": c * 32} for c in "123"], "rejects": [{"sample_id": "3" * 32}],
                 "duplicates": [{"loser_id": "2" * 32}]},
        manifest={"seen": 5, "kept": 4, "rejected": {"uncuttable": 1}},
        fails=("split_known", "similarity_range", "clip_exists", "not_rejected", "not_a_duplicate", "picture_has_media",
               "source_in_one_split")),
)

"""The gate of `publications`: everything published is labelled as AI-made, signed, in shape and in step with its sound."""

import json
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from quality.gate import Around, Example, Gate, accounts, between, holds, joined, known, matches, one_of, rate, share
from quality.prompts import ASPECTS
from schemas import GENERATIONS, PROMPTS, PUBLICATIONS
from schemas.settings import AI_MADE

SLOWEST_FPS = 8
"""A video and its sound may differ by one frame; where the manifest does not say the rate, by one of the slowest."""
SHAPE = 0.02
"""Relative difference between width over height and the aspect: even pixel sizes cannot hit every ratio."""


def derive(rows: pa.Table, around: Around) -> Mapping[str, pa.Array]:
    """Labels that can be read, shapes and lengths that fit, parents that exist."""
    fps = around.manifest.get("recipe", {}).get("publish", {}).get("fps", SLOWEST_FPS)
    apart = pc.abs(pc.subtract(rows["duration_s"], rows["audio_duration_s"]))
    return {
        "aigc_is_readable": pa.array([_is_label(text) for text in rows["aigc"].to_pylist()], pa.bool_()),
        "in_shape": pa.array([_fits(*row) for row in zip(*(rows[n].to_pylist() for n in ("width", "height", "aspect")),
                                                         strict=True)], pa.bool_()),
        "sound_in_step": joined(pc.less_equal(apart, 1 / fps + 1e-3)),
        "has_subtitles": joined(pc.greater(pc.list_value_length(rows["subtitles"]), 0)),
        "prompt_exists": known(rows["prompt_id"], around, PROMPTS, "prompt_id"),
        "generations_accepted": _accepted(rows, around),
        "signed_for_real": joined(pc.invert(rows["test_key"])),
    }


def _is_label(text: str) -> bool:
    try:
        facts = json.loads(text)
    except json.JSONDecodeError:
        return False
    inner = facts.get("AIGC", facts) if isinstance(facts, dict) else None
    return isinstance(inner, dict) and bool(inner.get("Label"))


def _fits(width: int, height: int, aspect: str) -> bool:
    wide, _, high = aspect.partition(":")
    if not (wide.isdigit() and high.isdigit() and int(high) and height):
        return False
    wanted = int(wide) / int(high)
    return abs(width / height - wanted) <= SHAPE * wanted


def _accepted(rows: pa.Table, around: Around) -> pa.Array:
    generations = around.among(GENERATIONS, ["generation_id", "verdict"], pc.list_flatten(rows["generation_ids"]))
    if generations is None:
        return pa.nulls(rows.num_rows, pa.bool_())
    good = set(generations.filter(pc.equal(generations["verdict"], "accepted"))["generation_id"].to_pylist())
    return pa.array([bool(ids) and set(ids) <= good for ids in rows["generation_ids"].to_pylist()], pa.bool_())


def facts(rows: pa.Table, around: Around) -> Mapping[str, float | None]:
    """The manifest's account and the share of prompts that became a video."""
    prompts = around.parent(PROMPTS, ["prompt_id"])
    published = share(len(pc.unique(rows["prompt_id"])), prompts.num_rows) if prompts is not None else None
    return {"unaccounted": accounts(around)["unaccounted"], "published_share": published}


_ROW = {"publication_id": "1" * 32, "prompt_id": "1" * 32, "generation_ids": ["1" * 32], "sample_ids": [], "title": "A ball",
        "narration": "Look at the ball.", "lang": "en",
        "subtitles": [{"start_s": 0.0, "end_s": 1.5, "text": "Look at the ball."}], "aspect": "9:16",
        "width": 720, "height": 1280, "duration_s": 3.0, "audio_duration_s": 3.02, "loudness_lufs": -16.1,
        "visible_label": "AI-generated", "aigc": '{"Label": "1", "ContentProducer": "reelmill"}', "c2pa": "Valid",
        "test_key": False, "target": "folder", "uri": "1.mp4"}
_PARENTS = {"prompts": [{"prompt_id": "1" * 32}], "generations": [{"generation_id": "1" * 32, "verdict": "accepted"},
                                                                  {"generation_id": "2" * 32, "verdict": "rejected"}]}

GATE = Gate(
    PUBLICATIONS,
    checks=(
        one_of("aspect", ASPECTS),
        one_of("c2pa", ("Trusted", "Valid")),
        matches("visible_label", AI_MADE, "the visible label must say that the video is AI-made"),
        matches("uri", r"^(?!/|.*\.\./)\S", "uri must be relative to its target"),
        between("width", 2),
        between("height", 2),
        between("duration_s", 0, above=True),
        between("loudness_lufs", -32, -8, "warn"),
        holds("aigc_is_readable", "the AIGC field must be JSON with a Label"),
        holds("in_shape", "width and height must fit the aspect"),
        holds("sound_in_step", "sound and picture must end within one frame of each other"),
        holds("has_subtitles", "a published video must have subtitles"),
        holds("prompt_exists", "prompt_id must be a prompt of the batch"),
        holds("generations_accepted", "only accepted generations may be published"),
        rate("unaccounted", 0, 0, "what goes in must be kept or rejected"),
        holds("signed_for_real", "videos for the public should not be signed with the self-made test key", "warn"),
        rate("published_share", 0.8, None, "four fifths of the prompts should become a video", "warn"),
    ),
    reads=("subtitles", "generation_ids"),
    by="prompt_id",
    derive=derive,
    facts=facts,
    good=Example([_ROW], parents=_PARENTS, manifest={"seen": 1, "kept": 1, "rejected": {}, "recipe": {"publish": {"fps": 24}}}),
    bad=Example(
        [{**_ROW, "aigc": "", "c2pa": "Invalid", "visible_label": "", "generation_ids": ["2" * 32]},
         {**_ROW, "publication_id": "2" * 32, "width": 1280, "height": 720, "audio_duration_s": 9.0, "subtitles": [],
          "test_key": True, "uri": "../1.mp4", "prompt_id": "7" * 32}],
        parents=_PARENTS, manifest={"seen": 3, "kept": 2, "rejected": {}},
        fails=("c2pa_known", "visible_label_form", "uri_form", "aigc_is_readable", "in_shape", "sound_in_step", "has_subtitles",
               "prompt_exists", "generations_accepted", "unaccounted", "signed_for_real")),
)

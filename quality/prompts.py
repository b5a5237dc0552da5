"""The gate of `prompts`: every prompt is safe, has something to show, and says where it came from."""

from collections.abc import Mapping
from typing import get_args

import pyarrow as pa
import pyarrow.compute as pc

from quality.gate import ACCOUNTED, Around, Example, Gate, accounts, between, holds, joined, matches, one_of, rate
from schemas import PROMPTS, SAMPLES
from schemas.settings import Prompts

ASPECTS = get_args(Prompts.model_fields["aspect"].annotation)
STYLES = get_args(Prompts.model_fields["style"].annotation)


def derive(rows: pa.Table, around: Around) -> Mapping[str, pa.Array]:
    """Storyboards with shots, and provenance for what was drawn."""
    drawn, named = pc.equal(rows["origin"], "release"), pc.greater(pc.list_value_length(rows["sample_ids"]), 0)
    return {
        "has_shots": joined(pc.greater(pc.list_value_length(rows["shots"]), 0)),
        "drawn_names_samples": joined(pc.or_(pc.invert(drawn), named)),
        "samples_exist": _samples_exist(rows, around),
    }


def _samples_exist(rows: pa.Table, around: Around) -> pa.Array:
    samples = around.among(SAMPLES, ["sample_id"], pc.list_flatten(rows["sample_ids"]))
    if samples is None:
        return pa.nulls(rows.num_rows, pa.bool_())
    known = set(samples["sample_id"].to_pylist())
    return pa.array([set(ids) <= known for ids in rows["sample_ids"].to_pylist()], pa.bool_())


def facts(rows: pa.Table, around: Around) -> Mapping[str, float | None]:
    """The manifest's account."""
    return accounts(around)


_ROW = {"prompt_id": "1" * 32, "text": "a red ball on the beach", "lang": "en", "origin": "release", "sample_ids": ["1" * 32],
        "style": "creation", "aspect": "9:16", "seed": 0, "safety": "ok",
        "shots": [{"prompt": "a red ball", "narration": "Look at the ball.", "duration_s": None}]}

GATE = Gate(
    PROMPTS,
    checks=(
        one_of("origin", ("release", "user")),
        one_of("aspect", ASPECTS),
        one_of("style", STYLES),
        one_of("safety", ("ok",)),
        matches("text", r"^[\s\S]*\S", "text must not be empty"),
        matches("lang", "^[A-Za-z]{2,3}(?:-[A-Za-z0-9]+)*$", "lang must be a language tag"),
        between("seed", 0),
        holds("has_shots", "a prompt must have at least one shot"),
        holds("drawn_names_samples", "a prompt drawn from a release must name its samples"),
        holds("samples_exist", "sample_ids must be samples of the release"),
        ACCOUNTED,
        rate("kept_share", 0.2, None, "a fifth of the prompts should pass", "warn"),
    ),
    reads=("sample_ids", "shots"),
    derive=derive,
    facts=facts,
    good=Example(
        [_ROW, {**_ROW, "prompt_id": "2" * 32, "origin": "user", "sample_ids": [], "text": "今天去了西藏", "lang": "zh"}],
        parents={"samples": [{"sample_id": "1" * 32}]}, manifest={"seen": 2, "kept": 2, "rejected": {}}),
    bad=Example(
        [{**_ROW, "text": "  ", "safety": "blocked"}, {**_ROW, "prompt_id": "2" * 32, "sample_ids": [], "shots": []},
         {**_ROW, "prompt_id": "3" * 32, "aspect": "4:3", "sample_ids": ["7" * 32]}],
        parents={"samples": [{"sample_id": "1" * 32}]}, manifest={"seen": 3, "kept": 3, "rejected": {}},
        fails=("aspect_known", "safety_known", "text_form", "has_shots", "drawn_names_samples", "samples_exist")),
)

"""The gate of `generations`: every asset has its request on record, and prompts end with something accepted."""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from quality.gate import Around, Example, Gate, accounts, between, holds, joined, known, matches, one_of, rate, share
from schemas import GENERATIONS, PROMPTS


def derive(rows: pa.Table, around: Around) -> Mapping[str, pa.Array]:
    """Prompts that exist, assets that were measured."""
    return {
        "prompt_exists": known(rows["prompt_id"], around, PROMPTS, "prompt_id"),
        "is_measured": joined(pc.greater(pc.list_value_length(rows["scores"]), 0)),
    }


def facts(rows: pa.Table, around: Around) -> Mapping[str, float | None]:
    """Shares of attempts and of prompts that were accepted."""
    accepted = rows.filter(pc.equal(rows["verdict"], "accepted"))
    prompts = around.parent(PROMPTS, ["prompt_id"])
    asked = prompts.num_rows if prompts is not None else len(pc.unique(rows["prompt_id"]))
    return {"accepted_share": share(accepted.num_rows, rows.num_rows),
            "answered_share": share(len(pc.unique(accepted["prompt_id"])), asked),
            "unaccounted": accounts(around)["unaccounted"]}


_ROW = {"generation_id": "1" * 32, "prompt_id": "1" * 32, "shot": 0, "attempt": 0, "prompt": "a red ball", "model": "embedded",
        "revision": "0" * 12, "family": "Pipeline", "seed": 0, "steps": 10, "width": 64, "height": 64, "frames": 16, "fps": 8.0,
        "scores": [{"name": "motion", "value": 0.1}], "verdict": "accepted", "video": b"\0"}

GATE = Gate(
    GENERATIONS,
    checks=(
        one_of("verdict", ("accepted", "rejected")),
        matches("revision", r"^\S+$", "revision must name the weights"),
        matches("family", r"^\S+$", "family must name the pipeline"),
        between("shot", 0),
        between("attempt", 0),
        between("steps", 1),
        between("width", 1),
        between("height", 1),
        between("frames", 1),
        between("fps", 0, 240, above=True),
        holds("prompt_exists", "prompt_id must be a prompt of the batch"),
        holds("is_measured", "an asset must have been measured"),
        rate("unaccounted", 0, 0, "what goes in must be kept or rejected"),
        rate("answered_share", 0.01, None, "some prompts must end with an accepted asset"),
        rate("answered_share", 0.8, None, "four fifths of the prompts should end with an accepted asset", "warn"),
        rate("accepted_share", 0.3, None, "three in ten attempts should be accepted", "warn"),
    ),
    reads=("scores",),
    by="prompt_id",
    derive=derive,
    facts=facts,
    good=Example([_ROW, {**_ROW, "generation_id": "2" * 32, "attempt": 1, "verdict": "rejected"}],
                 parents={"prompts": [{"prompt_id": "1" * 32}]}),
    bad=Example(
        [{**_ROW, "prompt_id": "9" * 32, "verdict": "rejected", "fps": 0.0},
         {**_ROW, "generation_id": "2" * 32, "verdict": "perhaps", "scores": [], "revision": ""}],
        parents={"prompts": [{"prompt_id": "1" * 32}]},
        fails=("verdict_known", "revision_form", "fps_range", "prompt_exists", "is_measured", "answered_share",
               "answered_share_warn", "accepted_share_warn")),
)

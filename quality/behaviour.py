"""The gate of `behaviour`: nobody can be told from a row, and every row is that of a source."""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from quality.gate import Around, Example, Gate, between, holds, joined, known
from schemas import BEHAVIOUR, SOURCES


def derive(rows: pa.Table, around: Around) -> Mapping[str, pa.Array]:
    """Rows of as many people as the recipe asks for, of sources that were collected with them."""
    least = around.manifest.get("recipe", {}).get("collect", {}).get("k_anonymity", 1)
    return {
        "enough_people": joined(pc.greater_equal(rows["k"], least)),
        "source_exists": known(rows["source_id"], around, SOURCES, "source_id"),
    }


_ROW = {"source_id": "a" * 32, "views": 100, "completion": 0.7, "likes": 9, "shares": 0, "k": 5}
_FACTS = {"recipe": {"collect": {"k_anonymity": 5}}}

GATE = Gate(
    BEHAVIOUR,
    checks=(
        between("views", 0),
        between("completion", 0, 1),
        between("likes", 0),
        between("shares", 0),
        between("k", 1),
        holds("enough_people", "a row must be that of at least as many people as collect.k_anonymity says"),
        holds("source_exists", "source_id must be a source that was collected"),
    ),
    derive=derive,
    good=Example([_ROW, {**_ROW, "source_id": "b" * 32, "completion": None}],
                 parents={"sources": [{"source_id": c * 32} for c in "ab"]}, manifest=_FACTS),
    bad=Example(
        [{**_ROW, "k": 1}, {**_ROW, "source_id": "b" * 32, "completion": 1.5}, {**_ROW, "source_id": "c" * 32, "views": -1},
         {**_ROW, "source_id": "d" * 32, "completion": float("nan")}],
        parents={"sources": [{"source_id": c * 32} for c in "abd"]}, manifest=_FACTS,
        fails=("views_range", "completion_range", "enough_people", "source_exists", "not_finite")),
)

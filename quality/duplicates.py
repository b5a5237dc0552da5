"""The gate of `duplicates`: every loser has another, standing keeper, and dedup did not eat the corpus."""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from quality.gate import Around, Example, Gate, between, holds, joined, known, one_of, rate, share
from schemas import CLIPS, DUPLICATES
from schemas.duplicates import METHODS


def derive(rows: pa.Table, around: Around) -> Mapping[str, pa.Array]:
    """Losers and keepers that are two, exist, and do not swap roles."""
    here = pc.is_null(rows["matched_in"])
    keeper_known = known(rows["keeper_id"], around, CLIPS, "clip_id")
    return {
        "loser_is_not_keeper": joined(pc.not_equal(rows["loser_id"], rows["keeper_id"])),
        "loser_exists": known(rows["loser_id"], around, CLIPS, "clip_id"),
        "keeper_exists": joined(pc.or_(pc.invert(here), keeper_known)),
        "keeper_stays": pc.invert(known(rows["keeper_id"], around, DUPLICATES, "loser_id")),
    }


def facts(rows: pa.Table, around: Around) -> Mapping[str, float | None]:
    """Share of the samples that lost."""
    return {"duplicate_share": share(float(around.manifest.get("rows", rows.num_rows)), around.manifest.get("seen", 0))}


_ROW = {"loser_id": "2" * 32, "keeper_id": "1" * 32, "method": "perceptual", "score": 0.9, "cluster_id": "1" * 32}

GATE = Gate(
    DUPLICATES,
    checks=(
        one_of("method", METHODS),
        between("score", 0, 1),
        holds("loser_is_not_keeper", "a loser must not be its own keeper"),
        holds("loser_exists", "loser_id must be a clip of the batch"),
        holds("keeper_exists", "keeper_id must be a clip of the batch, or name the release it was matched in"),
        holds("keeper_stays", "a keeper must not be a loser itself"),
        rate("duplicate_share", 0, 0.98, "dedup must leave more than a fiftieth of the samples"),
        rate("duplicate_share", 0, 0.5, "dedup should leave half of the samples", "warn"),
    ),
    derive=derive,
    facts=facts,
    good=Example(
        [_ROW, {**_ROW, "loser_id": "3" * 32, "keeper_id": "9" * 32, "method": "exact", "score": 1.0,
                "matched_in": "samples@2026.01.01"}],
        parents={"clips": [{"clip_id": c * 32} for c in "12345"]}, manifest={"seen": 5}),
    bad=Example(
        [{**_ROW, "keeper_id": "2" * 32}, {**_ROW, "loser_id": "7" * 32, "method": "intuition", "score": 1.2},
         {**_ROW, "loser_id": "4" * 32, "keeper_id": "8" * 32}],
        parents={"clips": [{"clip_id": c * 32} for c in "1234"]}, manifest={"seen": 3},
        fails=("method_known", "score_range", "loser_is_not_keeper", "loser_exists", "keeper_exists", "keeper_stays",
               "duplicate_share", "duplicate_share_warn")),
)

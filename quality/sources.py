"""The gate of `sources`: what was collected is named, hashed and mostly usable."""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from quality.gate import ACCOUNTED, Around, Example, Gate, accounts, between, holds, matches, one_of, rate, share
from schemas import SOURCES
from schemas.sources import MODALITIES

HEX64 = "^[0-9a-f]{64}$"


def derive(rows: pa.Table, around: Around) -> Mapping[str, pa.Array]:
    """A source that goes on has a hash and a kind."""
    usable = pc.is_null(rows["error"])
    return {
        "usable_is_hashed": pc.or_(pc.invert(usable), pc.is_valid(rows["sha256"])).combine_chunks(),
        "usable_is_recognised": pc.or_(pc.invert(usable), pc.not_equal(rows["modality"], "unknown")).combine_chunks(),
    }


def facts(rows: pa.Table, around: Around) -> Mapping[str, float | None]:
    """Shares of what was collected."""
    return accounts(around) | {"usable_share": share(rows["error"].null_count, rows.num_rows)}


_ROW = {"source_id": "a" * 32, "modality": "video", "uri": "file:///media/a.mp4", "rel_path": "a.mp4", "connector": "file",
        "sha256": "0" * 64, "size_bytes": 1000, "pii_count": 0, "width": 640, "height": 360, "duration_s": 4.0}

GATE = Gate(
    SOURCES,
    checks=(
        one_of("modality", MODALITIES),
        matches("connector", "^[a-z][a-z0-9_]*$", "connector must be a word"),
        matches("sha256", HEX64, "sha256 must be 64 hex digits"),
        between("size_bytes", 0),
        between("pii_count", 0),
        between("width", 1),
        between("height", 1),
        between("duration_s", 0, severity="warn"),
        holds("usable_is_hashed", "a source without an error must have the hash of its bytes"),
        holds("usable_is_recognised", "a source without an error must be of a known kind"),
        ACCOUNTED,
        rate("usable_share", 0.5, None, "at least half of what was collected should be usable", "warn"),
    ),
    derive=derive,
    facts=facts,
    good=Example(
        [_ROW, {**_ROW, "source_id": "b" * 32, "modality": "unknown", "sha256": None, "error": "empty_file", "size_bytes": 0}],
        manifest={"seen": 2, "kept": 1, "rejected": {"empty_file": 1}}),
    bad=Example(
        [{**_ROW, "sha256": None}, {**_ROW, "modality": "hologram", "size_bytes": -1},
         {**_ROW, "source_id": "c" * 32, "modality": "unknown"}],
        manifest={"seen": 4, "kept": 3, "rejected": {}},
        fails=("key_unique", "modality_known", "size_bytes_range", "usable_is_hashed", "usable_is_recognised", "unaccounted")),
)

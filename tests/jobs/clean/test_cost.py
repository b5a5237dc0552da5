"""The predicted cost of a source against CPU seconds that were measured (`tests/bench/decode_cost.md`), and against lies."""

import csv
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pytest

from jobs.clean import cost
from schemas import SOURCES

TABLE = Path(__file__).parents[2] / "bench" / "decode_cost.md"
NUMBERS = ("size_bytes", "duration_s", "width", "height", "fps")


def cost_s(facts: Mapping[str, object]) -> float:
    names = ("modality", "size_bytes", "duration_s", "width", "height", "fps", "video_codec", "audio_codec")
    return float(cost.cost_s(pa.table({name: pa.array([facts.get(name)], SOURCES.schema.field(name).type, from_pandas=True) for name in names}))[0])


def measured() -> list[tuple[str, dict[str, object], float]]:
    lines = [line.strip().strip("|") for line in TABLE.read_text().splitlines() if line.startswith("|")]
    rows = csv.DictReader([lines[0], *lines[2:]], delimiter="|")
    plain = [{key.strip(): value.strip() for key, value in row.items()} for row in rows]
    return [(row["file"], {key: (float(value) if key in NUMBERS else value) if value else None for key, value in row.items()},
             float(row["CPU s"])) for row in plain]


def test_what_is_dear_is_predicted_within_a_factor_of_two_and_a_half() -> None:
    dear = {name: cost_s(facts) / spent for name, facts, spent in measured() if spent > 0.1 and facts["duration_s"]}
    assert len(dear) >= 25
    assert {name: ratio for name, ratio in dear.items() if not 0.4 < ratio < 2.5} == {}
    assert sum(0.6 < ratio < 1.67 for ratio in dear.values()) >= 0.8 * len(dear)


def test_the_order_of_what_is_dear_holds() -> None:
    rows = [(cost_s(facts), spent) for _, facts, spent in measured() if spent > 0.1]
    pairs = [(a, b) for a in rows for b in rows if a[1] > 2 * b[1]]
    assert sum(a[0] > b[0] for a, b in pairs) >= 0.97 * len(pairs) > 100


@pytest.mark.parametrize("lie", [{"fps": 1e9}, {"duration_s": 1e12}, {"fps": 1e9, "duration_s": 1e12}])
def test_a_header_cannot_claim_more_than_its_bytes_allow(lie: dict[str, float]) -> None:
    facts = {"modality": "video", "size_bytes": 10_000, "duration_s": 10.0, "width": 640, "height": 480, "fps": 25.0, "video_codec": "h264",
             "audio_codec": "aac"}
    assert cost_s(facts) <= cost_s(facts | lie) < 2

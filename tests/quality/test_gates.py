"""Every gate passes its good example, stops its bad one for the reasons it names, and promises what the contract says."""

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from jobs.lake import Lake
from quality.gate import Example, Gate
from quality.reader import table_named
from quality.run import GATED, check, gate_of, judged, verdict_of
from schemas import SCHEMA_VERSION, TABLES, Table

GATES = [gate_of(name) for name in GATED]


def standing(lake: Lake, table: Table, rows: list, parents: dict, manifest: dict | None = None,
             fingerprint: str = "000000000000"):
    """A version written by the lake's own writer, with a manifest as `jobs.run` makes it."""
    file = lake.write_part(table, fingerprint, "part-00000.parquet", _filled(table, rows)) if rows else None
    facts = {"table": table.name, "fingerprint": fingerprint, "job": "job", "parents": parents,
             "schema_version": SCHEMA_VERSION, "seen": len(rows), "kept": len(rows), "rejected": {}, "recipe": {}, "measured": [], "rows": len(rows),
             "files": [file] if file else [], "started": "2026-01-01T00:00:00+00:00", "finished": "2026-01-01T00:00:01+00:00"}
    lake.write_json(facts | (manifest or {}), table.name, fingerprint, "manifest.json")
    found = lake.version(table, fingerprint)
    assert found
    return found


def _filled(table: Table, rows: list) -> pa.Table:
    """Rows of a parent need only the columns a test is about."""
    plain = {pa.string(): "x", pa.float64(): 0.0, pa.int64(): 0, pa.int32(): 0, pa.bool_(): False}
    blank = {f.name: plain.get(f.type, b"" if pa.types.is_large_binary(f.type) else []) for f in table.schema if not f.nullable}
    return table.rows([blank | dict(row) for row in rows])


def example_version(lake: Lake, gate: Gate, example: Example):
    parents = {}
    for name, rows in example.parents.items():
        standing(lake, table_named(name), list(rows), {}, fingerprint="aaaaaaaaaaaa")
        parents[f"{name}@job"] = "aaaaaaaaaaaa"
    return standing(lake, gate.table, list(example.rows), parents, dict(example.manifest))


def test_every_table_but_behaviour_has_a_gate():
    assert {t.name for t in TABLES} - set(GATED) == {"behaviour"}


@pytest.mark.parametrize("gate", GATES, ids=lambda g: g.table.name)
def test_a_good_table_passes_without_a_word(gate, tmp_path):
    verdict = judged(gate, example_version(Lake(str(tmp_path)), gate, gate.good))
    name = f"{gate.table.name}@000000000000"
    assert verdict.lines() == [f"gate passed: {name}, {len(gate.good.rows)} rows, {verdict.checks} checks"]


@pytest.mark.parametrize("gate", GATES, ids=lambda g: g.table.name)
def test_a_bad_table_is_stopped_for_the_reasons_planted_and_no_other(gate, tmp_path):
    verdict = judged(gate, example_version(Lake(str(tmp_path)), gate, gate.bad))
    assert {f.check for f in verdict.failures} == set(gate.bad.fails)
    assert not verdict.ok


@pytest.mark.parametrize("gate", GATES, ids=lambda g: g.table.name)
def test_an_empty_table_is_judged_too(gate, tmp_path):
    verdict = judged(gate, standing(Lake(str(tmp_path)), gate.table, [], {}))
    assert verdict.ok, verdict.lines()


@pytest.mark.parametrize("gate", GATES, ids=lambda g: g.table.name)
def test_names_of_checks_are_unique_and_columns_exist(gate):
    names = [c.name for c in gate.all_checks]
    assert len(names) == len(set(names))
    assert set(gate.reads) <= set(gate.table.schema.names)


def test_a_stopped_gate_says_what_how_many_and_which(tmp_path):
    gate = gate_of("duplicates")
    rows = [{**gate.good.rows[0], "loser_id": f"{i:032x}", "score": 0.5 if i else 1.7} for i in range(10, 13)] + [
        {**gate.good.rows[0], "loser_id": "f" * 32, "score": 1.7}]
    verdict = judged(gate, standing(Lake(str(tmp_path)), gate.table, rows, {}, {"seen": 40}))
    assert verdict.line == ("gate stopped duplicates@000000000000: score must be at least 0 and at most 1: 1 of 4 rows (25 %) "
                            f"do not hold (found 1.7), e.g. {'f' * 32}")


def test_a_missing_and_a_strange_column_are_named(tmp_path):
    gate, lake = gate_of("duplicates"), Lake(str(tmp_path))
    good = standing(lake, gate.table, list(gate.good.rows), {})
    other = good.read().drop_columns(["evidence"]).append_column("mood", pa.array(["calm", "calm"]))
    sink = pa.BufferOutputStream()
    import pyarrow.parquet as pq
    pq.write_table(other, sink)
    lake.put(sink.getvalue().to_pybytes(), "duplicates", good.fingerprint, "part-00000.parquet")
    line = judged(gate, good).line
    assert "missing evidence" in line
    assert "unexpected mood" in line


def test_nulls_where_the_contract_has_none_are_counted_without_reading_media(tmp_path):
    gate, lake = gate_of("generations"), Lake(str(tmp_path))
    good = example_version(lake, gate, gate.good)
    rows = good.read()
    loose = pa.schema([f.with_nullable(True) for f in rows.schema])
    holed = rows.cast(loose).set_column(rows.schema.get_field_index("video"), loose.field("video"),
                                        pa.array([None, b"x"], pa.large_binary()))
    import pyarrow.parquet as pq
    sink = pa.BufferOutputStream()
    pq.write_table(holed, sink)
    lake.put(sink.getvalue().to_pybytes(), "generations", good.fingerprint, "part-00000.parquet")
    assert [f.check for f in judged(gate, good).stops] == ["nulls_in_video"]


def test_a_huge_table_is_thinned_by_key_so_that_repeats_are_still_found(tmp_path):
    gate, row = gate_of("duplicates"), gate_of("duplicates").good.rows[0]
    rows = [{**row, "loser_id": f"{i % 3000:032x}"} for i in range(6000)]
    verdict = judged(gate, standing(Lake(str(tmp_path)), gate.table, rows, {}), max_rows=600)
    assert 300 < verdict.rows_read < 900
    assert f"{verdict.rows_read} of {verdict.rows_read} rows" in next(f.says for f in verdict.stops if f.check == "key_unique")


def test_a_verdict_stands_until_the_gate_changes(tmp_path):
    gate = gate_of("duplicates")
    version = example_version(Lake(str(tmp_path)), gate, gate.bad)
    assert verdict_of(version) is None
    first = check(version)
    assert verdict_of(version) == first == check(version)
    path = tmp_path / "_gates" / "duplicates" / f"{version.fingerprint}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"gate": "of yesterday"}))
    assert verdict_of(version) is None


def test_a_standing_verdict_imports_nothing_heavy(tmp_path):
    gate = gate_of("duplicates")
    check(example_version(Lake(str(tmp_path)), gate, gate.good))
    code = ("import sys; from jobs.lake import Lake; from quality.run import check; from schemas import DUPLICATES;"
            f"v = check(Lake({str(tmp_path)!r}).version(DUPLICATES, '000000000000')); assert v.ok;"
            "print({'great_expectations', 'pandas', 'scipy'} & set(sys.modules))")
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    assert done.stdout.strip() == "set()"

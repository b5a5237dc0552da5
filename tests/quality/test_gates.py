"""Every gate passes its good example, stops its bad one for the reasons it names, and promises what the contract says."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from jobs.lake import Lake
from quality.gate import Example, Gate
from quality.reader import table_named, thinned
from quality.run import GATED, _read, check, gate_of, judged, verdict_of
from schemas import CLIPS, REJECTS, TABLES
from schemas.loading import load
from schemas.settings import Prompts, Publish, SettingsError
from tests.quality.conftest import an_id

GATES = [gate_of(name) for name in GATED]


@pytest.fixture
def example(standing):
    """Writes an example of a gate with the tables that it was made from."""

    def write(lake: Lake, gate: Gate, example: Example):
        parents = {}
        for name, rows in example.parents.items():
            standing(lake, table_named(name), rows, fingerprint="a" * 12)
            parents[f"{name}@job"] = "a" * 12
        return standing(lake, gate.table, example.rows, parents, example.manifest)

    return write


def test_every_table_has_a_gate():
    assert {t.name for t in TABLES} == set(GATED)


def test_what_one_job_made_together_is_held_together(tmp_path, standing):
    lake, gate = Lake(str(tmp_path)), gate_of("behaviour")
    standing(lake, table_named("sources"), [{"source_id": "a" * 32}])
    verdict = judged(gate, standing(lake, gate.table, gate.good.rows, manifest={"recipe": {"collect": {"k_anonymity": 6}}}))
    assert {f.check: f.ids for f in verdict.stops} == {"enough_people": ("a" * 32, "b" * 32), "source_exists": ("b" * 32,)}


@pytest.mark.parametrize("gate", GATES, ids=lambda g: g.table.name)
def test_a_good_table_passes_without_a_word(gate, tmp_path, example):
    verdict = judged(gate, example(Lake(str(tmp_path)), gate, gate.good))
    name = f"{gate.table.name}@000000000000"
    assert verdict.lines() == [f"gate passed: {name}, {len(gate.good.rows)} rows, {verdict.checks} checks"]


@pytest.mark.parametrize("gate", GATES, ids=lambda g: g.table.name)
def test_a_bad_table_is_stopped_for_the_reasons_planted_and_no_other(gate, tmp_path, example):
    verdict = judged(gate, example(Lake(str(tmp_path)), gate, gate.bad))
    assert {f.check for f in verdict.failures} == set(gate.bad.fails)
    assert not verdict.ok


@pytest.mark.parametrize("gate", GATES, ids=lambda g: g.table.name)
def test_an_empty_table_is_judged_too(gate, tmp_path, standing):
    verdict = judged(gate, standing(Lake(str(tmp_path)), gate.table, []))
    assert verdict.ok, verdict.lines()


@pytest.mark.parametrize("gate", GATES, ids=lambda g: g.table.name)
def test_names_of_checks_are_unique_and_columns_exist(gate):
    names = [c.name for c in gate.all_checks]
    assert len(names) == len(set(names))
    assert set(gate.reads) <= set(gate.table.schema.names)


def bounds(section, name):
    """Least and greatest value that a setting may have."""
    told = {type(m).__name__: m for m in section.model_fields[name].metadata}
    return told["Ge"].ge, told["Le"].le if "Le" in told else told["Lt"].lt - 1


def test_what_settings_allow_passes_the_gates_that_read_it(tmp_path, example):
    """A gate that refuses it says so when the work is done, or when all is published."""
    prompts, publications = gate_of("prompts"), gate_of("publications")
    rows = [{**prompts.good.rows[0], "prompt_id": f"{i:032x}", "seed": load([f"prompts.seed={seed}"], env={}).recipe.prompts.seed}
            for i, seed in enumerate(bounds(Prompts, "seed"))]
    assert judged(prompts, example(Lake(str(tmp_path)), prompts, replace(prompts.good, rows=rows))).ok
    rows = [{**publications.good.rows[0], "publication_id": f"{i:032x}", "visible_label": load([f"publish.label_zh={label}"], env={}).recipe.publish.label_zh}
            for i, label in enumerate(("AI生成", "人工智能生成", "AIGC", "Artificially made", "made by ai", "两行\n人工智能"))]
    rows += [{**rows[0], "publication_id": f"{i:031x}f", "loudness_lufs": float(v)} for i, v in enumerate(bounds(Publish, "loudness_lufs"))]
    assert judged(publications, example(Lake(str(tmp_path)), publications, replace(publications.good, rows=rows))).lines()[1:] == []


@pytest.mark.parametrize("word", ["prompts.seed=-1", "publish.label_zh=", "publish.label_en=paid content", "publish.label_zh=生成"])
def test_what_a_gate_would_stop_is_no_setting(word):
    with pytest.raises(SettingsError):
        load([word], env={})


def test_a_stopped_gate_says_what_how_many_and_which(tmp_path, standing):
    gate = gate_of("duplicates")
    rows = [{**gate.good.rows[0], "loser_id": f"{i:032x}", "score": 0.5 if i else 1.7} for i in range(10, 13)] + [
        {**gate.good.rows[0], "loser_id": "f" * 32, "score": 1.7}]
    verdict = judged(gate, standing(Lake(str(tmp_path)), gate.table, rows, manifest={"seen": 40}))
    assert verdict.line == ("gate stopped duplicates@000000000000: score must be at least 0 and at most 1: 1 of 4 rows (25 %) "
                            f"do not hold (found 1.7), e.g. {'f' * 32}")


def test_a_missing_and_a_strange_column_are_named(tmp_path, standing):
    gate, lake = gate_of("duplicates"), Lake(str(tmp_path))
    good = standing(lake, gate.table, gate.good.rows)
    other = good.read().drop_columns(["evidence"]).append_column("mood", pa.array(["calm", "calm"]))
    sink = pa.BufferOutputStream()
    import pyarrow.parquet as pq
    pq.write_table(other, sink)
    lake.put(sink.getvalue().to_pybytes(), "duplicates", good.fingerprint, "job-00000.parquet")
    line = judged(gate, good).line
    assert "missing evidence" in line
    assert "unexpected mood" in line


def test_nulls_where_the_contract_has_none_are_counted_without_reading_media(tmp_path, example):
    gate, lake = gate_of("generations"), Lake(str(tmp_path))
    good = example(lake, gate, gate.good)
    rows = good.read()
    loose = pa.schema([f.with_nullable(True) for f in rows.schema])
    holed = rows.cast(loose).set_column(rows.schema.get_field_index("video"), loose.field("video"),
                                        pa.array([None, b"x"], pa.large_binary()))
    import pyarrow.parquet as pq
    sink = pa.BufferOutputStream()
    pq.write_table(holed, sink)
    lake.put(sink.getvalue().to_pybytes(), "generations", good.fingerprint, "job-00000.parquet")
    assert [f.check for f in judged(gate, good).stops] == ["nulls_in_video"]


def test_long_texts_are_not_held(tmp_path, standing):
    """Every clip has the transcript of its whole film: 50 KB each of half a million clips are 25 GB."""
    gate = gate_of("clips")
    rows = [{**gate.good.rows[0], "clip_id": an_id("c", i), "transcript": f"{i} " + "said " * 10_000 if i % 2 else None} for i in range(1000)]
    version = standing(Lake(str(tmp_path)), gate.table, rows)
    names, _, read = _read(version, gate, every=1)
    assert sorted(names) == sorted(gate.table.schema.names)
    assert read.nbytes < 2 << 20
    assert (read.num_rows, read["transcript"].null_count) == (1000, 500)
    assert judged(gate, version).rows_read == 1000


def test_a_text_that_a_check_names_is_read_as_it_is(tmp_path, standing):
    gate = gate_of("prompts")
    assert "text" not in gate.emptied
    assert gate_of("publications").emptied.isdisjoint({"uri", "visible_label"})
    _, _, read = _read(standing(Lake(str(tmp_path)), gate.table, gate.good.rows), gate, every=1)
    assert read["text"].to_pylist() == [row["text"] for row in gate.good.rows]


def test_a_huge_table_is_thinned_by_key_so_that_repeats_are_still_found(tmp_path, standing):
    gate, row = gate_of("duplicates"), gate_of("duplicates").good.rows[0]
    rows = [{**row, "loser_id": an_id(i % 3000)} for i in range(6000)]
    verdict = judged(gate, standing(Lake(str(tmp_path)), gate.table, rows), max_rows=600)
    assert 300 < verdict.rows_read < 900
    assert f"{verdict.rows_read} of {verdict.rows_read} rows" in next(f.says for f in verdict.stops if f.check == "key_unique")


def test_what_is_looked_at_of_a_huge_table_is_held_against_all_of_its_parents(tmp_path, standing):
    lake, gate = Lake(str(tmp_path)), gate_of("samples")
    row = {**gate.good.rows[0], "split": "train"}
    rows = [{**row, "sample_id": an_id("c", i), "source_id": an_id("s", i // 3)} for i in range(3000)]
    standing(lake, CLIPS, [{"clip_id": r["sample_id"]} for r in rows], fingerprint="a" * 12)
    standing(lake, REJECTS, [{"sample_id": an_id("c", i)} for i in range(300)], fingerprint="b" * 12)
    parents = {"clips@measure": "a" * 12, "rejects@judge": "b" * 12}
    good = standing(lake, gate.table, rows[300:], parents, fingerprint="c" * 12)
    assert judged(gate, good, max_rows=300).ok
    torn = [{**r, "split": "validation"} if i % 3 == 0 else r for i, r in enumerate(rows)]
    verdict = judged(gate, standing(lake, gate.table, torn, parents, fingerprint="d" * 12), max_rows=300)
    assert 150 < verdict.rows_read < 600
    failed = {f.check: f.says for f in verdict.stops}
    assert set(failed) == {"not_rejected", "source_in_one_split"}
    assert f"{verdict.rows_read} of {verdict.rows_read} rows" in failed["source_in_one_split"]


def test_the_share_of_labelled_clips_is_judged_in_a_huge_table_too(tmp_path, standing):
    lake, gate = Lake(str(tmp_path)), gate_of("labels")
    standing(lake, CLIPS, [{"clip_id": an_id("c", i), "modality": "video"} for i in range(3000)], fingerprint="a" * 12)
    labels = [{**gate.good.rows[0], "clip_id": an_id("c", i), "key": f"scene:{key}"} for i in range(1200) for key in range(3)]
    verdict = judged(gate, standing(lake, gate.table, labels, {"clips@measure": "a" * 12}), max_rows=400)
    assert verdict.rows_read < 800
    assert verdict.facts["labelled_share"] == pytest.approx(0.4, abs=0.06)
    assert [f.check for f in verdict.stops] == ["labelled_share"]


@pytest.mark.parametrize("every", [1, 7, 400])
def test_a_share_of_ids_is_even_and_the_same_in_every_table(every):
    ids = pa.table({"a": [an_id(i) for i in range(40_000)]})
    kept = thinned(ids, "a", every)
    assert kept.num_rows == pytest.approx(40_000 / every, abs=5 * (40_000 / every) ** 0.5)
    half = ids.slice(0, 20_000)
    known = set(half["a"].to_pylist())
    assert thinned(half, "a", every)["a"].to_pylist() == [i for i in kept["a"].to_pylist() if i in known]


def test_a_verdict_stands_until_the_gate_changes(tmp_path, example):
    gate = gate_of("duplicates")
    version = example(Lake(str(tmp_path)), gate, gate.bad)
    assert verdict_of(version) is None
    first = check(version)
    assert verdict_of(version) == first == check(version)
    path = tmp_path / "_gates" / "duplicates" / f"{version.fingerprint}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"gate": "of yesterday"}))
    assert verdict_of(version) is None


def test_a_standing_verdict_imports_nothing_heavy(tmp_path, example):
    gate = gate_of("duplicates")
    check(example(Lake(str(tmp_path)), gate, gate.good))
    code = ("import sys; from jobs.lake import Lake; from quality.run import check; from schemas import DUPLICATES;"
            f"v = check(Lake({str(tmp_path)!r}).version(DUPLICATES, '000000000000')); assert v.ok;"
            "print({'great_expectations', 'pandas', 'scipy'} & set(sys.modules))")
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    assert done.stdout.strip() == "set()"

"""Drift is nothing for the same population, known for constructed ones, and silent on few rows."""

import numpy as np
import pyarrow as pa
import pytest

from jobs.lake import Lake
from quality.drift import drift, psi
from quality.reader import previous
from quality.run import gate_of, judged


def test_psi_of_a_known_shift_is_the_formula():
    before = np.repeat(np.arange(10.0), 10)
    after = np.repeat(np.arange(10.0), [19, 10, 10, 10, 10, 10, 10, 10, 10, 1])
    expected = (0.19 - 0.1) * np.log(0.19 / 0.1) + (0.01 - 0.1) * np.log(0.01 / 0.1)
    assert psi(before, after) == pytest.approx(expected)
    assert psi(before, before) == 0


def test_psi_is_symmetric_in_size_and_finite_for_disjoint_values():
    a, b = np.linspace(0, 1, 200), np.linspace(5, 6, 200)
    assert np.isfinite(psi(a, b))
    assert psi(a, b) > 5
    assert psi(np.ones(50), np.ones(80)) == 0


@pytest.mark.parametrize(("before", "after"), [
    ([24.0] * 1000, [30.0] * 1000),
    ([24.0] * 1000, [20.0] * 1000),
    ([720] * 600 + [1080] * 400, [720] * 600 + [2160] * 400),
    ([720] * 600 + [1080] * 400, [480] * 600 + [1080] * 400),
    ([0.0] * 950 + [1.0] * 50, [2.0] * 1000),
], ids=["above", "below", "the upper of two", "the lower of two", "above a few"])
def test_values_that_many_rows_share_cannot_be_left_unseen(before, after):
    line, = drift(pa.table({"fps": before}), pa.table({"fps": after}))
    assert line.shifted
    assert psi(np.asarray(before, float), np.asarray(before, float)) == 0


def test_wherever_nothing_is_in_common_psi_is_large():
    rng = np.random.default_rng(3)
    for kinds in range(1, 30):
        before = np.sort(rng.choice(rng.normal(0, 1, kinds), 200))
        for after in (before + np.ptp(before) + 1e-6, before - np.ptp(before) - 1e-6):
            line, = drift(pa.table({"m": before}), pa.table({"m": after}))
            assert line.ks == 1
            assert line.shifted


def test_a_column_that_vanished_or_came_is_seen():
    full, none = pa.table({"fps": [24.0] * 100}), pa.table({"fps": pa.nulls(100, pa.float64())})
    half = pa.table({"fps": [24.0, None] * 50})
    for before, after in ((full, none), (none, full), (full, half)):
        line = drift(before, after)[0]
        assert line.column == "has_fps"
        assert line.shifted
    assert [line.column for line in drift(half, half)] == ["fps"]
    assert drift(none, none) == ()


@pytest.mark.parametrize(("shift", "moved", "shifted"), [(0.0, False, False), (0.4, True, False), (1.5, True, True)])
def test_a_shift_is_called_by_its_size(shift, moved, shifted):
    rng = np.random.default_rng(1)
    before, after = rng.normal(0, 1, 4000), rng.normal(shift, 1, 4000)
    line, = drift(pa.table({"motion": before}), pa.table({"motion": after}))
    assert (line.moved, line.shifted) == (moved, shifted)
    assert 0 <= line.ks <= 1


def test_few_rows_are_no_proof():
    rng = np.random.default_rng(2)
    false_alarms = sum(
        line.shifted for _ in range(100)
        for line in drift(pa.table({"m": rng.normal(0, 1, 25)}), pa.table({"m": rng.normal(0, 1, 25)})))
    assert false_alarms <= 4  # one in a hundred by the significance level; PSI alone calls most of them
    assert drift(pa.table({"m": [1.0] * 19}), pa.table({"m": [2.0] * 19})) == ()


def test_nulls_and_columns_of_time_are_left_out():
    rows = pa.table({"start_s": np.arange(100.0), "motion": [None, *np.arange(99.0)], "name": ["x"] * 100})
    assert [line.column for line in drift(rows, rows)] == ["motion"]


def test_a_release_that_drifted_is_a_warning_and_one_that_did_not_is_none(tmp_path, standing):
    gate, lake = gate_of("samples"), Lake(str(tmp_path))
    row = gate.good.rows[0]

    def release(name: str, mean: float, day: int):
        rng = np.random.default_rng(day)
        rows = [{**row, "sample_id": f"{i:032x}", "source_id": f"{i:032x}", "motion": float(rng.normal(mean, 0.1))}
                for i in range(300)]
        return standing(lake, gate.table, rows, fingerprint=name * 12, manifest={
            "started": f"2026-01-{day:02d}T00:00:00+00:00", "finished": f"2026-01-{day:02d}T01:00:00+00:00"})

    first, same, other = release("a", 0.5, 1), release("b", 0.5, 2), release("c", 0.9, 3)
    assert judged(gate, first).facts["drift_psi"] is None
    assert judged(gate, same).warnings == ()
    verdict = judged(gate, other)
    assert [f.check for f in verdict.warnings] == ["drift_psi_warn"]
    assert verdict.ok
    assert verdict.facts["psi_motion"] > 1


def test_a_release_that_lost_shards_to_an_erasure_is_no_release_before(tmp_path, standing):
    gate, lake = gate_of("samples"), Lake(str(tmp_path))

    def release(name: str, day: int):
        return standing(lake, gate.table, gate.good.rows, fingerprint=name * 12, manifest={
            "started": f"2026-01-{day:02d}T00:00:00+00:00", "finished": f"2026-01-{day:02d}T01:00:00+00:00"})

    first, lost, now = (release(name, day) for day, name in enumerate("abc", 1))
    assert previous(now).fingerprint == lost.fingerprint
    lake.remove("samples", lost.fingerprint, "job-00000.parquet")
    assert previous(now).fingerprint == first.fingerprint
    assert judged(gate, now).ok
    lake.remove("samples", first.fingerprint, "job-00000.parquet")
    assert previous(now) is None
    assert judged(gate, now).ok

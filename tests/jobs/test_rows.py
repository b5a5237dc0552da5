"""Rows by number against plain Python over rows written in parts and row groups of any size."""

import bisect
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.lake import Lake, Version
from jobs.rows import Holders, Numbered, Rows, filled, floats, numbers, whole
from schemas import DUPLICATES, LABELS, Table

LAYOUTS = st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=4), min_size=1, max_size=4)
"""Rows of every row group of every part."""


def stand(root: Path, table: Table, rows: list[dict[str, object]], layout: list[list[int]]) -> Version:
    """A version of that layout; its rows are those given, as many as it takes."""
    lake, left = Lake(str(root)), iter(rows)
    files = [lake.write_groups(table, "v", f"{i}.parquet", [table.rows([next(left) for _ in range(count)]) for count in groups])
             for i, groups in enumerate(layout)]
    return Version(lake, table, "v", {"files": files, "rows": sum(map(sum, layout))})


def pairs(count: int) -> list[dict[str, object]]:
    return [{"loser_id": f"l{i}", "keeper_id": "k", "method": "exact", "score": 1.0, "cluster_id": "c"} for i in range(count)]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LAYOUTS, st.data())
def test_rows_are_found_by_their_number(tmp_path: Path, layout: list[list[int]], data: st.DataObject) -> None:
    total = sum(map(sum, layout))
    numbered = Numbered(stand(tmp_path, DUPLICATES, pairs(total), layout))
    assert [piece.rows for piece in numbered.slices] == [count for groups in layout for count in groups]
    wanted = data.draw(st.lists(st.integers(0, total - 1), unique=True)) if total else []
    found = [row["loser_id"] for rows in numbered.rows(np.array(wanted, np.int64)) for row in rows.read(["loser_id"]).to_pylist()]
    in_order = sorted(wanted, key=lambda i: bisect.bisect_right(numbered.ends.tolist(), i))  # stable: by slice, else as asked
    assert found == [f"l{i}" for i in in_order]


def test_a_manifest_written_before_it_told_of_row_groups_is_read(tmp_path: Path) -> None:
    version = stand(tmp_path, DUPLICATES, pairs(9), [[4, 2], [3]])
    told = [piece.rows for piece in version.slices()]
    for file in version.manifest["files"]:
        del file["groups"]
    assert [piece.rows for piece in version.slices()] == told == [4, 2, 3]


def test_slices_are_known_without_opening_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    version = stand(tmp_path, DUPLICATES, pairs(9), [[4, 2], [3]])
    monkeypatch.setattr(Lake, "parquet", lambda *words: pytest.fail("a file was opened"))
    assert len(version.slices()) == 3


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LAYOUTS, st.data())
def test_row_groups_are_found_by_the_ids_in_them(tmp_path: Path, layout: list[list[int]], data: st.DataObject) -> None:
    total = sum(map(sum, layout))
    ids = data.draw(st.lists(st.integers(0, 6), min_size=total, max_size=total))
    version = stand(tmp_path, LABELS, [{"clip_id": f"c{i}", "labeler": "l", "labeler_version": 1, "key": str(n)} for n, i in enumerate(ids)], layout)
    known = data.draw(st.permutations([f"c{i}" for i in range(8)]))
    asked = data.draw(st.lists(st.integers(0, 7), unique=True))
    found = Holders(version, whole(pa.chunked_array([known], pa.string()))).of(np.array(asked, np.int64))
    ends = np.cumsum([piece.rows for piece in version.slices()]).tolist()
    wanted = {known[i] for i in asked}
    assert list(found) == [piece for piece, end in zip(version.slices(), ends, strict=True)
                           if wanted & {f"c{i}" for i in ids[end - piece.rows : end]}]


@given(st.lists(st.integers(1, 50), max_size=40), st.integers(10, 100))
def test_neighbours_fill_a_group_until_the_next_one_would_not_fit(sizes: list[int], most: int) -> None:
    groups: list[list[int]] = []
    for size in sizes:
        if not groups or sum(groups[-1]) + size > most:
            groups.append([])
        groups[-1].append(size)
    assert [sizes[some] for some in filled(np.array(sizes, np.int64), most)] == groups


def test_ids_that_are_not_there_have_no_number() -> None:
    ids = pa.chunked_array([["b", "x"], ["a", None]], pa.string())
    assert numbers(ids, whole(pa.chunked_array([["a"], ["b", "a"]], pa.string()))).tolist() == [1, -1, 0, -1]
    assert numbers(ids, whole(pa.chunked_array([], pa.string()))).tolist() == [-1] * 4


def test_what_is_not_known_counts_as_nothing() -> None:
    assert floats(pa.table({"a": pa.array([None, 2], pa.int32())}), "a").tolist() == [0.0, 2.0]


def test_rows_are_read_in_the_order_asked(tmp_path: Path) -> None:
    (piece,) = stand(tmp_path, DUPLICATES, pairs(5), [[5]]).slices()
    assert Rows(piece, np.array([3, 0], np.int32)).read(["loser_id"])["loser_id"].to_pylist() == ["l3", "l0"]

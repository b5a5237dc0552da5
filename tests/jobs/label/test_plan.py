"""How the table of clips is cut into bundles."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from jobs.label import plan
from jobs.lake import Slice


@given(st.lists(st.integers(1, 3000), max_size=300))
def test_bundles_are_neighbours_that_hold_every_row_once(rows: list[int]) -> None:
    found = list(plan.bundles([Slice("", "", (0,), count) for count in rows]))
    ends = [sum(rows[: i + 1]) for i in range(len(rows))]
    assert [start for start, _ in found] == [0, *(end for _, end in found)][: len(found)]
    assert {end for _, end in found} <= set(ends), "no row group is cut"
    assert [end for _, end in found][-1:] == ends[-1:]
    least = max(64, min(1024, sum(rows) // 256))
    assert all(end - start >= least for start, end in found[:-1])
    assert all(end - start < least + max(rows) for start, end in found)


def test_rows_are_compared_by_their_ids_however_many_pieces_hold_these() -> None:
    before = pa.table({"clip_id": pa.chunked_array([["a", "b"], ["c"], ["d"]]), "text": pa.chunked_array([["x", None], ["y"], ["z"]])})
    now = pa.table({"clip_id": ["d", "e", "b", "c"], "text": ["z", "n", None, "other"]})
    assert plan.unchanged(now, before).to_pylist() == ["d", "b"]


def test_ids_of_more_than_two_gigabytes_are_looked_up() -> None:
    """One piece of such texts ends at 2 GiB, 67 million ids of 32 letters."""
    long = pa.array(["x" * (1 << 26)])
    before = pa.table({"clip_id": pa.chunked_array([long] * 33 + [pa.array(["a"])])})
    assert plan.unchanged(pa.table({"clip_id": ["a", "b"]}), before).to_pylist() == ["a"]

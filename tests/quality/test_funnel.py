"""The funnel adds up, names where a chain breaks, and prints as agreed."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quality.funnel import StageLine, Unaccounted, breaks, funnel, table, width

GOLDEN = Path(__file__).parents[1] / "golden" / "quality_funnel.txt"


def manifest(job: str, seen: int, kept: int, **rejected: int) -> dict:
    return {"job": job, "seen": seen, "kept": kept, "rejected": rejected}


FLOW = [
    manifest("collect", 134, 121, empty_file=2, unknown_format=7, sidecar=4),
    manifest("collect", 134, 121, empty_file=2, unknown_format=7, sidecar=4),  # its second table
    manifest("measure", 121, 98, undecodable=20, partly_undecodable=3),
    manifest("judge", 230, 180, too_short=9, blurred=8, black=7, static=6, silent=5, letterboxed=5, text_heavy=5, flicker=5),
    manifest("dedup", 180, 171, duplicate=9),
    manifest("fuse", 171, 171),
]


def test_the_table_is_the_one_we_agreed_on():
    assert table(funnel(FLOW)) == GOLDEN.read_text(encoding="utf-8")


def test_a_job_is_one_line_and_reasons_come_most_first():
    lines = funnel(FLOW)
    assert [line.stage for line in lines] == ["collect", "measure", "judge", "dedup", "fuse"]
    assert list(lines[0].rejected) == ["unknown_format", "sidecar", "empty_file"]
    assert lines[0].dropped == 13
    assert lines[3].kept_share == 0.95


def test_rows_that_do_not_add_up_are_an_error_that_names_them():
    with pytest.raises(Unaccounted, match="judge: 10 samples in, but 7 kept and 2 rejected"):
        funnel([manifest("judge", 10, 7, black=2)])


def test_a_broken_chain_is_named_and_a_change_of_unit_is_not():
    assert breaks(funnel(FLOW)) == []
    lost = [*FLOW[:4], manifest("dedup", 179, 170, duplicate=9), FLOW[5]]
    assert breaks(funnel(lost)) == ["judge kept 180, but dedup saw 179", "dedup kept 170, but fuse saw 171"]


NAMES = st.text("ab中文", min_size=1, max_size=6)


@given(st.lists(st.tuples(NAMES, st.integers(0, 10**6)), max_size=6, unique_by=lambda t: t[0]))
def test_columns_are_aligned_whatever_the_width_of_the_characters(stages):
    lines = [StageLine(name, n, n, {}) for name, n in stages]
    rows = table(lines).splitlines()
    ends = {width(row[: row.rindex("0")] + "0") for row in rows[1:]} if lines else set()
    assert len(ends) <= 1


def test_an_empty_stage_has_no_share():
    assert funnel([manifest("judge", 0, 0)])[0].kept_share is None
    assert "-" in table(funnel([manifest("judge", 0, 0)]))

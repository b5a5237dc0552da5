from hypothesis import given
from hypothesis import strategies as st

from jobs.version import digest, fingerprint, row_id
from schemas.settings import Dedup


def test_a_fingerprint_changes_with_each_of_its_parts_and_with_nothing_else():
    base = fingerprint("dedup", 1, {"dedup": Dedup()}, {"clips@measure": "a"})
    assert base == fingerprint("dedup", 1, {"dedup": Dedup(threshold=0.8)}, {"clips@measure": "a"})
    others = {fingerprint("label", 1, {"dedup": Dedup()}, {"clips@measure": "a"}),
              fingerprint("dedup", 2, {"dedup": Dedup()}, {"clips@measure": "a"}),
              fingerprint("dedup", 1, {"dedup": Dedup(threshold=0.7)}, {"clips@measure": "a"}),
              fingerprint("dedup", 1, {"dedup": Dedup()}, {"clips@measure": "b"})}
    assert len(others | {base}) == 5


@given(st.text(), st.text())
def test_ids_keep_their_parts_apart(a, b):
    assert (row_id(a, b) == row_id(a + b)) is (a + "\x1f" + b == a + b)


@given(st.floats(0, 1e5))
def test_a_time_gives_the_same_id_after_a_round_trip(seconds):
    assert row_id("s", seconds) == row_id("s", float(repr(seconds)))
    assert digest({"a": seconds}) == digest({"a": float(repr(seconds))})

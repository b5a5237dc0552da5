"""Numbers that lie in a file are those that were put there, whichever slice is asked for and however they came."""

import io

import numpy as np
import pytest

from jobs.clean.series import Pictures, Sounds
from jobs.clean.spill import Rows, Spill, known
from jobs.media.wire import pack, unpack


def test_any_slice_of_spilled_rows_is_that_of_the_rows() -> None:
    random = np.random.default_rng(0)
    parts = [random.normal(size=(count, 3)) for count in (4, 0, 1, 7)]
    spill, whole = Spill(), np.concatenate(parts)
    rows = Rows.joined([spill.keep({"rows": {"a": part}, "times": part})["rows"]["a"] for part in parts])
    assert len(rows) == len(whole)
    for first in range(13):
        for after in (*range(13), None):
            np.testing.assert_array_equal(rows[first:after], whole[first:after])


def test_only_bulky_numbers_leave_and_a_journey_brings_all_back() -> None:
    random = np.random.default_rng(1)
    chapters = [Pictures(times=random.normal(size=n), rows={"a": random.normal(size=(n, 2))},
                         sketches=random.integers(0, 255, (n, 288), np.uint8), sketch_times=np.arange(n, dtype=float)) for n in (3, 5)]
    spill = Spill()
    kept = [Pictures.of(spill.keep(part.plain())) for part in chapters]
    assert all(isinstance(part.times, np.ndarray) and isinstance(part.sketches, Rows) for part in kept)
    sent = unpack(io.BytesIO(pack(Pictures.joined(kept).plain())).read)
    assert len(pack(sent)) < len(pack(Pictures.joined(chapters).plain())) / 2
    back, whole = Pictures.of(sent, spill.file), Pictures.joined(chapters)
    np.testing.assert_array_equal(back.times, whole.times)
    np.testing.assert_array_equal(back.rows["a"][:], whole.rows["a"])
    np.testing.assert_array_equal(back.sketches[2:7], whole.sketches[2:7])


def test_nothing_is_spilled_of_chapters_without_rows() -> None:
    kept = Sounds.of(Spill().keep(Sounds(rows={"level": np.zeros((0, 4))}).plain()))
    assert kept.rows["level"][0:5].shape == (0, 4)


def test_a_file_of_numbers_that_ends_early_is_an_error_and_not_fewer_numbers() -> None:
    told = {"pieces": np.array([[0, 4]]), "width": 2, "kind": "<f8"}
    with pytest.raises(OSError, match="ends early"):
        known(told, io.BytesIO(bytes(40)))[0:4]

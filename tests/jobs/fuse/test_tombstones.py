"""What was taken down is held by its bytes wherever they lie, and nothing that only lies where it lay."""

import hashlib

import pyarrow as pa
import pytest

from jobs.fuse.tombstones import stones_of


def row(uri, data):
    sha = None if data is None else hashlib.sha256(data).hexdigest()
    return {"source_id": f"{uri}|{sha}", "sha256": sha, "uri": uri}


@pytest.mark.parametrize(("taken", "found", "held"), [
    pytest.param(("/a/dog #Love #London.mp4", b"film"), ("/a/copy.mp4", b"film"), True, id="copy-of-a-file-with-tags-in-its-name"),
    pytest.param(("/a/copy.mp4", b"film"), ("/a/dog #Love #London.mp4", b"film"), True, id="file-with-tags-in-its-name"),
    pytest.param(("/a/dog #Love #London.mp4", b"film"), ("/a/dog #Love #London.mp4", b"film, cut anew"), True, id="file-that-changed"),
    pytest.param(("/a/t.jsonl#L2", b"a letter"), ("/a/t.jsonl#L3", b"a letter"), True, id="line-that-moved-down"),
    pytest.param(("/a/t.jsonl#L2", b"a letter"), ("/a/t.jsonl#L2", b"another text"), False, id="line-that-moved-in"),
    pytest.param(("/a/t.jsonl#L2", b"a letter"), ("/a/u.jsonl#L7", b"a letter"), True, id="line-of-another-table"),
    pytest.param(("/a/t.jsonl#L2", b"a letter"), ("/a/letter.txt", b"a letter"), True, id="line-that-is-a-file"),
    pytest.param(("/a/t.jsonl#L2", None), ("/a/t.jsonl#L2", b"a text"), True, id="line-of-unknown-bytes"),
    pytest.param(("/a/t.jsonl#L2", None), ("/a/t.jsonl#L3", None), False, id="two-lines-of-unknown-bytes"),
])
def test_bytes_hold_and_numbers_of_lines_do_not(taken, found, held):
    stones, source = stones_of([row(*taken)]), row(*found)
    assert stones.hold(source) is held
    table = pa.table({name: pa.array([value], pa.string()) for name, value in source.items()})
    assert stones.held(table).to_pylist() == [held]
    assert stones.hold(row(*taken))

"""A source that is opened again later: what is wrong with it is told from what is wrong with the way to it."""

import hashlib
from datetime import UTC, datetime

import pytest

from jobs.collect import source
from jobs.collect.opened import opened
from jobs.errors import Transient
from jobs.media.faults import Unreadable


@pytest.fixture
def facts(tmp_path):
    file = tmp_path / "a.mp4"
    file.write_bytes(b"abc")
    written = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    return {"uri": str(file), "size_bytes": 3, "sha256": hashlib.sha256(b"abc").hexdigest(), "fetched_at": written}


def read(facts, verify=True):
    with opened(facts, verify=verify) as path, open(path, "rb") as file:
        return file.read()


def test_a_source_as_it_was_is_given(facts):
    assert read(facts) == b"abc"


@pytest.mark.parametrize(("change", "says"), [
    ({"size_bytes": 4}, "has 3 bytes now and had 4"), ({"sha256": "0" * 64}, "other bytes now"), ({"uri": f"{__file__}.gone"}, "not any more")])
def test_a_source_that_changed_or_went_is_a_fault_of_its_own(facts, change, says):
    with pytest.raises(Unreadable, match=says):
        read(facts | change)


def test_a_source_whose_folder_is_away_is_not_given_up(facts):
    with pytest.raises(Transient, match="is a disk away"):
        read(facts | {"uri": "/no/where.mp4"})


@pytest.mark.parametrize("error", [OSError("Connection reset by peer"), OSError(28, "No space left on device")])
def test_a_place_out_of_reach_rejects_no_source(facts, monkeypatch, error):
    """Else an hour without a network would leave a release without the sources of that hour."""

    def fails(uri):
        raise error

    monkeypatch.setattr(source, "opened", fails)
    with pytest.raises(Transient, match="try again"):
        read(facts | {"uri": "s3://bucket/a.mp4"})


def test_a_copy_says_nothing_of_when_its_object_was_written(facts, monkeypatch):
    """Of an object in a bucket the bytes are compared, as those of a file are that was written since."""
    elsewhere = {"uri": f"memory://bucket{facts['uri']}", "sha256": "0" * 64}
    monkeypatch.setattr(source, "opened", lambda uri: open(facts["uri"], "rb"))
    with pytest.raises(Unreadable, match="other bytes now"):
        read(facts | elsewhere, verify=False)
    assert read(facts | {"uri": elsewhere["uri"]}, verify=False) == b"abc"

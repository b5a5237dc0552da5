"""The shell round a job."""

import errno
import json
import os

import pytest

from jobs import spark
from jobs.errors import Transient
from jobs.lake import Lake
from jobs.run import execute
from schemas.loading import load


def test_work_outlives_a_disk_that_fills_up_at_the_end(tmp_path, monkeypatch):
    folder = tmp_path / "sources"
    folder.mkdir()
    (folder / "texts.jsonl").write_text(json.dumps({"text": "a quiet morning at the lake"}) + "\n")
    settings = load((f"runtime.lake={tmp_path / 'lake'}", f"runtime.sources={json.dumps([str(folder)])}", "runtime.progress=false"), env={})
    write_json = Lake.write_json

    def full(lake, facts, *parts):
        if parts[-1] == "manifest.json":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write_json(lake, facts, *parts)

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "write_json", full)
        with pytest.raises(Transient, match="the disk is full"):
            execute("collect", settings)
    assert Lake(settings.runtime.lake).current("collect") is None
    monkeypatch.setattr(spark, "each_task", lambda *_: pytest.fail("a task was done again"))
    assert execute("collect", settings).kept == 1

"""Kernels are compiled and kept wherever something can be written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import jobs
from jobs.cache import keep_kernels

CHILD = """
import os, pathlib, sys, tempfile
closed, real = sys.argv[1:], tempfile.TemporaryFile

def file(*words, **more):
    if any(pathlib.Path(more["dir"]).is_relative_to(folder) for folder in closed):
        raise PermissionError(13, "Permission denied", more["dir"])
    return real(*words, **more)

tempfile.TemporaryFile = file  # how numba and we find out whether a folder can be written; root can write whatever permissions say
from jobs.media.area import *
import jobs.dedup.graph
print(os.environ["NUMBA_CACHE_DIR"], any(pathlib.Path(os.environ["NUMBA_CACHE_DIR"]).rglob("*.nbi")))
"""


@pytest.mark.parametrize("cache_too", [False, True])
def test_kernels_are_there_where_neither_the_package_nor_the_home_can_be_written(cache_too: bool, tmp_path: Path) -> None:
    home, cache = tmp_path / "home", tmp_path / "cache"
    env = os.environ | {"HOME": str(home), "XDG_CACHE_HOME": str(home), "REELMILL_CACHE": str(cache), "TMPDIR": str(tmp_path)}
    env.pop("NUMBA_CACHE_DIR", None)
    closed = [str(Path(jobs.__file__).parent), str(home), *([str(cache)] if cache_too else [])]
    done = subprocess.run([sys.executable, "-c", CHILD, *closed], env=env, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    where, kept = done.stdout.split()
    assert kept == "True"
    assert (where == str(cache / "kernels")) is not cache_too
    assert Path(where).exists() is not cache_too, "a folder of one process goes with it"


def test_a_folder_that_is_named_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/somewhere")
    keep_kernels()
    assert os.environ["NUMBA_CACHE_DIR"] == "/somewhere"

"""What goes wrong ends in one clear sentence, the right exit code, and a lake that is as before."""

import json
import os
import shutil

import pytest


def only_line(said):
    lines = [line for line in said.splitlines() if line.strip()]
    assert len(lines) == 1, said
    return lines[0]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("build", "{tmp}/nowhere", "--lake", "{tmp}/lake"), "nowhere"),
        (("build", "{tmp}/empty", "--lake", "{tmp}/lake"), "empty"),
        (("build", "{tmp}/empty", "--lake", "{tmp}/lake", "--set", "dedup.treshold=0.7"), "dedup.threshold"),
        (("build", "{tmp}/empty", "--lake", "{tmp}/lake", "--set", "dedup.threshold=7"), "dedup.threshold = 7"),
        (("list", "--lake", "{tmp}/none"), "no lake here"),
        (("run", "polish"), "polish"),
        (("frobnicate",), "frobnicate"),
        (("run", "judge", "--lake", "{tmp}/none"), "no lake here"),
        (("generate", "--lake", "{tmp}/lake"), "--prompt"),
    ],
)
def test_a_wrong_command_is_terminal_and_leaves_no_lake(reelmill, tmp_path, words, names):
    (tmp_path / "empty").mkdir()
    code, out, said = reelmill(*(w.format(tmp=tmp_path) for w in words))
    assert code == 64
    assert out == ""
    assert names in only_line(said)
    assert not list((tmp_path / "lake").rglob("manifest.json"))


def test_a_lake_of_another_schema_version_is_refused_untouched(reelmill, tmp_path, tiny):
    lake = tmp_path / "lake"
    lake.mkdir()
    (lake / "lake.json").write_text('{"schema_version": 999}')
    code, _, said = reelmill("build", tiny, "--lake", lake)
    assert code == 64
    assert "999" in only_line(said)
    assert [p.name for p in lake.iterdir()] == ["lake.json"]


def test_a_second_build_on_the_same_lake_is_told_to_try_again(reelmill, tmp_path, tiny):
    lake = tmp_path / "lake"
    lake.mkdir()
    (lake / "_lock.json").write_text(
        json.dumps({"token": "t", "host": os.uname().nodename, "pid": os.getpid(), "what": "`reelmill build`", "since": "just now"})
    )
    code, _, said = reelmill("build", tiny, "--lake", lake)
    assert code == 75
    assert f"process {os.getpid()}" in only_line(said)
    assert [p.name for p in lake.iterdir()] == ["_lock.json"]


@pytest.mark.spark
@pytest.mark.heavy
def test_a_build_that_keeps_nothing_is_not_a_success(reelmill, tmp_path):
    folder = tmp_path / "sources"
    folder.mkdir()
    (folder / "a.mp4").write_bytes(b"")
    (folder / "b.mp4").write_bytes(b"\0" * 5000)
    code, _, said = reelmill("build", folder, "--lake", tmp_path / "lake")
    assert code == 64
    assert "kept nothing of 2" in said


@pytest.mark.spark
@pytest.mark.heavy
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small file system")
def test_a_full_disk_is_worth_another_try_and_leaves_the_lake_as_before(reelmill, tmp_path, tiny, built):
    import subprocess

    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", small], check=False, capture_output=True).returncode:
        pytest.skip("this machine does not let root mount a file system")
    try:
        lake = small / "lake"
        shutil.copytree(built, lake, ignore=lambda d, names: [n for n in names if n in ("samples", "releases")])
        (lake / "_current" / "fuse.json").unlink()
        free = shutil.disk_usage(small).free
        (small / "ballast").write_bytes(b"\0" * max(0, free - 20_000))
        before = {str(p.relative_to(lake)) for p in lake.rglob("*") if p.is_file()}
        code, _, said = reelmill("run", "fuse", "--lake", lake)
        assert code == 75, said
        assert "disk is full" in said
        assert {str(p.relative_to(lake)) for p in lake.rglob("*") if p.is_file()} == before
    finally:
        subprocess.run(["umount", small], check=True)

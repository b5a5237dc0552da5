import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobs.errors import Terminal
from jobs.generate import compose
from jobs.publish import job
from jobs.publish.job import work
from jobs.publish.target import load as target_of
from jobs.publish.target import target_root
from schemas import PUBLICATIONS
from schemas.loading import load
from schemas.settings import Settings

Quick = Callable[..., Settings]


@pytest.fixture
def composes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts how often a video is composed."""
    calls: list[int] = []
    real = compose.compose
    monkeypatch.setattr(compose, "compose", lambda *a, **k: (calls.append(1), real(*a, **k))[1])
    return calls


def rows_of(part: Any) -> list[dict[str, Any]]:
    return part.tables["publications"].to_pylist() if "publications" in part.tables else []


def reject_of(part: Any) -> dict[str, Any]:
    assert (part.seen, part.kept) == (1, 0)
    (row,) = part.tables["rejects"].to_pylist()
    return dict(row)


@pytest.mark.parametrize("aspect", ["9:16", "16:9", "1:1"])
def test_a_prompt_becomes_a_published_video(quick: Quick, task: Any, tmp_path: Path, aspect: str) -> None:
    settings = quick(f"prompts.aspect={aspect}")
    part = work(task(settings), settings)
    (row,) = PUBLICATIONS.conform(part.tables["publications"]).to_pylist()
    file = tmp_path / "out" / row["uri"]
    assert file.is_file()
    across, down = (int(n) for n in aspect.split(":"))
    assert row["width"] * down == row["height"] * across
    assert abs(row["duration_s"] - row["audio_duration_s"]) <= 1 / 12
    assert row["loudness_lufs"] == pytest.approx(-16, abs=0.5)
    assert (row["visible_label"], row["c2pa"], row["test_key"], row["target"]) == ("AI生成", "Valid", True, "folder")
    assert json.loads(row["aigc"])["ProduceID"] == row["publication_id"]
    assert "".join(c["text"] for c in row["subtitles"]) == "今天去了西藏，风景真的很美。"
    assert row["title"] == "今天去了西藏，风景真的很美"


def test_a_retry_posts_nothing_twice_and_makes_the_same_row(
    quick: Quick, task: Any, tmp_path: Path, composes: list[int]
) -> None:
    settings = quick()
    wanted = task(settings)
    first = work(wanted, settings)
    (file,) = (tmp_path / "out").glob("*.mp4")
    before = (file.read_bytes(), file.stat().st_mtime_ns)
    second = work(wanted, settings)
    assert len(composes) == 1
    assert (file.read_bytes(), file.stat().st_mtime_ns) == before
    assert first.tables["publications"].equals(second.tables["publications"])
    assert len(list((tmp_path / "out").glob("*.mp4"))) == 1


def test_rows_are_the_same_in_another_place_though_signatures_differ(quick: Quick, task: Any, tmp_path: Path) -> None:
    one, two = quick(), quick(f"runtime.out={tmp_path / 'elsewhere'}")
    wanted = task(one)
    first, second = work(wanted, one), work(wanted, two)
    assert first.tables["publications"].equals(second.tables["publications"])
    uri = rows_of(first)[0]["uri"]
    assert (tmp_path / "out" / uri).read_bytes() != (tmp_path / "elsewhere" / uri).read_bytes()


def test_killed_between_the_video_and_its_note_the_retry_writes_the_note(
    quick: Quick, task: Any, tmp_path: Path, composes: list[int]
) -> None:
    settings = quick()
    wanted = task(settings)
    work(wanted, settings)
    (note,) = (tmp_path / "out").glob("*.json")
    note.unlink()
    work(wanted, settings)
    assert note.is_file()
    assert len(composes) == 1


def test_a_published_file_that_was_changed_is_refused_and_left_alone(quick: Quick, task: Any, tmp_path: Path) -> None:
    settings = quick()
    wanted = task(settings)
    work(wanted, settings)
    (file,) = (tmp_path / "out").glob("*.mp4")
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))
    reject = reject_of(work(wanted, settings))
    assert (reject["reason"], file.name in reject["detail"]) == ("unlabelled", True)
    assert file.read_bytes() == bytes(data)


def test_another_video_under_the_same_name_is_refused(quick: Quick, task: Any, tmp_path: Path) -> None:
    settings = quick()
    mine, other = task(settings), task(settings, "风景真的很美。")
    key = rows_of(work(mine, settings))[0]["publication_id"]
    stranger = rows_of(work(other, settings))[0]["publication_id"]
    (tmp_path / "out" / f"{stranger}.mp4").replace(tmp_path / "out" / f"{key}.mp4")
    assert "another video" in reject_of(work(task(settings), settings))["detail"]


def test_a_file_without_marks_is_never_posted(quick: Quick, task: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from jobs.publish import mark

    monkeypatch.setattr(mark, "signed", lambda video, *a: video)
    settings = quick()
    assert reject_of(work(task(settings), settings))["reason"] == "unlabelled"
    assert not list((tmp_path / "out").glob("*.mp4"))


@pytest.mark.parametrize(("more", "text", "lang", "without", "reason"), [
    (("publish.label_zh=AI𠮷成",), "今天去了西藏。", "", (), "missing_glyphs"), ((), "今天去了西藏。", "fr", (), "unspoken"),
    ((), "今天去了西藏，风景真的很美，我想和朋友们分享这个时刻。", "", (1,), "generation_failed"),
])
def test_what_cannot_be_finished_is_a_reject(
    quick: Quick, task: Any, tmp_path: Path, more: tuple[str, ...], text: str, lang: str, without: tuple[int, ...], reason: str
) -> None:
    settings = quick(*more)
    reject = reject_of(work(task(settings, text, lang, without), settings))
    assert reject["reason"] == reason
    assert reject["detail"]
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").glob("*.mp4"))


def test_another_font_or_music_at_the_same_path_and_another_signer_are_another_video(tmp_path: Path) -> None:
    music = tmp_path / "bed.wav"
    music.write_bytes(b"one")
    settings, prompt = load([f"publish.music={music}", "runtime.out=/x"], env={}), {"prompt_id": "p"}
    before = job.outside(settings), job.key_of(prompt, ["a"], settings, "folder")
    assert (job.outside(settings), job.key_of(prompt, ["a"], settings, "folder")) == before
    music.write_bytes(b"two")
    after = job.outside(settings), job.key_of(prompt, ["a"], settings, "folder")
    assert before[0] != after[0]
    assert before[1] != after[1]
    music.unlink()
    with pytest.raises(Terminal, match="publish.music"):
        job.outside(settings)


def test_the_key_changes_with_what_the_video_is_made_of_and_not_with_its_place() -> None:
    base, prompt = load([], env={}), {"prompt_id": "p"}
    key = job.key_of(prompt, ["a", "b"], base, "folder")
    assert key == job.key_of(prompt, ["a", "b"], load(["runtime.out=/x", "publish.approval=true"], env={}), "folder")
    others = [
        job.key_of({"prompt_id": "q"}, ["a", "b"], base, "folder"),
        job.key_of(prompt, ["b", "a"], base, "folder"),
        job.key_of(prompt, ["a", "b"], load(["publish.fps=25"], env={}), "folder"),
        job.key_of(prompt, ["a", "b"], base, "s3"),
    ]
    assert len({key, *others}) == 5


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("今天去了西藏。很美。", "今天去了西藏"),
        (
            "We left the city before dawn, when the towers were still dark and cold.",
            "We left the city before dawn, when the towers…",
        ),
        ("山" * 60, "山" * 48 + "…"),
        ("Short!", "Short"),
    ],
)
def test_titles(text: str, title: str) -> None:
    assert job.title_of(text) == title


def test_where_videos_go(tmp_path: Path) -> None:
    assert target_root(load([f"runtime.lake={tmp_path}"], env={})) == str(tmp_path / "videos")
    assert target_root(load(["runtime.out=/x/y"], env={})) == "/x/y"
    assert job.outside(load([f"runtime.lake={tmp_path}"], env={})) == job.outside(load(["runtime.lake=/other"], env={}))
    with pytest.raises(Terminal, match="--out"):
        target_root(load(["runtime.lake=s3://bucket/lake"], env={}))


@pytest.mark.parametrize(("spec", "out", "says"), [
    ("nowhere", "/x", "no target 'nowhere'"), ("folder", "s3://b/p", "s3:bucket/prefix"), ("s3", "/x", "has no place"),
])
def test_a_wrong_target_says_what_to_do(spec: str, out: str, says: str) -> None:
    with pytest.raises(Terminal, match=says):
        target_of(spec, load([f"runtime.out={out}"], env={}))


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(Terminal, match="it is a file"):
        target_of("folder", load([f"runtime.out={tmp_path / 'x'}"], env={}))

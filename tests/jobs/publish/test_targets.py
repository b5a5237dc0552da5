import html.parser
import json
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as Xml

import pytest

from jobs.publish.target import Item
from jobs.publish.targets.folder import Folder
from jobs.publish.targets.s3 import Bucket
from schemas.loading import load
from schemas.settings import SettingsError

NASTY = '<script>alert("x")</script> & \' " ]]> 标题'


def item(key: str = "k1", title: str = NASTY) -> Item:
    return Item(key, title, NASTY, "zh", "9:16", 720, 1280, 9.17, "AI生成", "Valid", True)


def video(folder: Path, data: bytes = b"video") -> Path:
    file = folder / "made.mp4"
    file.write_bytes(data)
    return file


class Page(html.parser.HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.videos: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        self.videos += [v for k, v in attrs if tag == "video" and k == "src"]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_folder_keeps_a_video_once_and_gives_it_back(tmp_path: Path) -> None:
    out = Folder(tmp_path / "out")
    assert out.fetch("k1", tmp_path) is None
    assert not out.has("k1")
    assert out.post(item(), video(tmp_path)) == "k1.mp4"
    assert out.post(item(), video(tmp_path, b"another")) == "k1.mp4"
    assert out.has("k1")
    found = out.fetch("k1", tmp_path)
    assert found is not None
    assert found.read_bytes() == b"video"
    out.finish()
    assert sorted(p.name for p in out.root.iterdir()) == ["feed.json", "feed.xml", "index.html", "k1.json", "k1.mp4"]


def test_a_video_of_other_bytes_is_not_there_and_an_empty_one_is_posted_anew(tmp_path: Path) -> None:
    """One that holds something is given back: its marks say whose it is."""
    out = Folder(tmp_path / "out")
    out.post(item(), video(tmp_path))
    (out.root / "k1.mp4").write_bytes(b"vid")
    assert not out.has("k1")
    assert out.fetch("k1", tmp_path) == out.root / "k1.mp4"
    (out.root / "k1.mp4").write_bytes(b"")
    assert not out.has("k1")
    assert out.fetch("k1", tmp_path) is None
    out.post(item(), video(tmp_path, b"made anew"))
    assert out.has("k1")
    assert [(e.item.key, e.size_bytes) for e in out.entries()] == [("k1", 9)]
    (out.root / "k1.json").unlink()
    assert out.has("k1"), "a run that was killed before the note"


def test_every_text_is_escaped_on_the_page_and_in_the_feeds(tmp_path: Path) -> None:
    out = Folder(tmp_path / "out")
    out.post(item(), video(tmp_path))
    out.finish()
    page = Page((out.root / "index.html").read_text(encoding="utf-8"))
    assert "script" not in page.tags
    assert NASTY in page.text
    assert page.videos == ["k1.mp4"]
    assert "AI生成" in page.text
    assert "test key" in page.text
    feed = json.loads((out.root / "feed.json").read_text(encoding="utf-8"))
    assert feed["items"][0]["title"] == NASTY
    assert feed["items"][0]["attachments"][0] == {
        "url": (out.root / "k1.mp4").as_uri(),
        "mime_type": "video/mp4",
        "size_in_bytes": 5,
        "duration_in_seconds": 9.17,
    }
    rss = Xml.parse(out.root / "feed.xml").getroot()
    assert [e.text for e in rss.iter("title")] == ["Reelmill", NASTY]
    assert [e.get("length") for e in rss.iter("enclosure")] == ["5"]


@pytest.mark.parametrize("served", ["", "https://videos.example.org/a%20b/"])
def test_every_link_of_the_feeds_is_absolute_and_leads_to_a_file_of_the_folder(tmp_path: Path, served: str) -> None:
    out = Folder(tmp_path / "für alle", served)
    out.post(item(), video(tmp_path))
    out.finish()
    feed = json.loads((out.root / "feed.json").read_text(encoding="utf-8"))
    rss = Xml.parse(out.root / "feed.xml").getroot()
    found = [feed["home_page_url"], feed["feed_url"], *(i["url"] for i in feed["items"]), feed["items"][0]["attachments"][0]["url"],
             *(e.text or "" for e in rss.iter("link")), *(e.get("href") or "" for e in rss.iter("{http://www.w3.org/2005/Atom}link")),
             *(e.get("url") or "" for e in rss.iter("enclosure"))]
    base = (served or out.root.as_uri()).rstrip("/")
    assert len(found) == 8
    assert all(urlsplit(link).scheme in ("file", "https") and link.isascii() for link in found)
    assert {link.removeprefix(base) for link in found} == {"/index.html", "/feed.json", "/feed.xml", "/k1.mp4"}
    assert all((out.root / link.removeprefix(base)[1:]).is_file() for link in found)


@pytest.mark.parametrize("address", ["videos.example.org", "ftp://a/b", "https://a b", "https://a/?q", "javascript:alert(1)"])
def test_what_is_no_address_of_the_web_is_refused_as_the_public_one(address: str) -> None:
    with pytest.raises(SettingsError, match="public_url"):
        load([f"runtime.public_url={address}"])


def test_what_is_no_note_of_a_video_is_left_out(tmp_path: Path) -> None:
    out = Folder(tmp_path)
    out.post(item("a"), video(tmp_path))
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "b.json").write_text((tmp_path / "a.json").read_text())  # its video is not there
    (tmp_path / "c.json").write_text('{"key": "c", "note": "of another program"}')
    (tmp_path / "c.mp4").write_bytes(b"c")
    out.finish()
    out.finish()
    assert [e.item.key for e in out.entries()] == ["a"]


def test_an_empty_folder_has_an_empty_page(tmp_path: Path) -> None:
    Folder(tmp_path).finish()
    assert Page((tmp_path / "index.html").read_text()).videos == []


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A local S3 server."""
    import boto3
    from moto.server import ThreadedMotoServer

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    for name, value in (
        ("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}"),
        ("AWS_ACCESS_KEY_ID", "x"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ):
        monkeypatch.setenv(name, value)
    boto3.client("s3", endpoint_url=f"http://127.0.0.1:{port}").create_bucket(Bucket="videos")
    yield Bucket("videos/reels")
    server.stop()


def test_a_bucket_keeps_a_video_once_and_gives_it_back(bucket: Bucket, tmp_path: Path) -> None:
    assert bucket.fetch("k1", tmp_path) is None
    assert not bucket.has("k1")
    assert bucket.post(item(), video(tmp_path)) == "k1.mp4"
    bucket.post(item(), video(tmp_path, b"another"))
    assert bucket.has("k1")
    found = bucket.fetch("k1", tmp_path)
    assert found is not None
    assert found.read_bytes() == b"video"
    bucket._put("k1.mp4", b"vid")
    assert not bucket.has("k1")
    bucket._put("k1.mp4", b"")
    assert bucket.fetch("k1", tmp_path) is None
    bucket.post(item(), video(tmp_path, b"made anew"))
    assert bucket.has("k1")
    bucket._put("broken.json", b"{")
    bucket._put("c.json", b'{"key": "c", "note": "of another program"}')
    bucket.finish()
    bucket.finish()
    feed = json.loads(bucket._fs.cat_file("videos/reels/feed.json"))
    assert [i["url"] for i in feed["items"]] == ["s3://videos/reels/k1.mp4"]
    page = Page(bucket._fs.cat_file("videos/reels/index.html").decode())
    assert page.videos == ["k1.mp4"]
    assert "script" not in page.tags
    assert bucket._fs.info("videos/reels/k1.mp4")["ContentType"] == "video/mp4"


def test_killed_between_a_bucket_s_video_and_its_note_the_retry_posts_the_note_alone(
    bucket: Bucket, quick: Any, task: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from jobs.generate import compose
    from jobs.publish.job import work

    settings = quick('publish.targets=["s3:videos/killed"]')
    wanted, real, put = task(settings), compose.compose, Bucket._put
    composed: list[int] = []
    monkeypatch.setattr(compose, "compose", lambda *a, **k: (composed.append(1), real(*a, **k))[1])

    def killed(self: Bucket, name: str, data: bytes) -> None:
        if name.endswith(".json"):
            raise KeyboardInterrupt
        put(self, name, data)

    with monkeypatch.context() as dying, pytest.raises(KeyboardInterrupt):
        dying.setattr(Bucket, "_put", killed)
        work(wanted, settings)
    bucket._fs.invalidate_cache()
    (video,) = bucket._fs.ls("videos/killed", detail=True)
    (row,) = work(wanted, settings).tables["publications"].to_pylist()
    bucket._fs.invalidate_cache()
    after = {f["Key"]: f for f in bucket._fs.ls("videos/killed", detail=True)}
    assert sorted(after) == [f"videos/killed/{row['publication_id']}.json", f"videos/killed/{row['uri']}"]
    assert after[video["Key"]]["LastModified"] == video["LastModified"]
    assert after[video["Key"]]["ETag"] == video["ETag"]
    assert composed == [1]

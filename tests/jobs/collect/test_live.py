"""Live streams: every segment once, whole files, breaks respected, and nothing reached that was not named."""

import json
from pathlib import Path

import httpx
import pytest

from jobs.collect import live
from jobs.collect.live import Wanted, plain, record
from jobs.errors import Terminal, Transient

HOST = "https://live.example"


class Stage:
    """A server of playlists that move on each time they are asked for; `pages` by path: a list is walked, its last entry stays."""

    def __init__(self, **pages) -> None:
        self.pages, self.asked, self.slept = {f"/{k}": v for k, v in pages.items()}, [], []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        page = self.pages.get(request.url.path, f"[{request.url.path}]")
        if isinstance(page, list):
            page = page.pop(0) if len(page) > 1 else page[0]
        if isinstance(page, int):
            return httpx.Response(page)
        if isinstance(page, httpx.Response):
            return page
        return httpx.Response(200, content=page if isinstance(page, bytes) else page.encode())

    def record(self, folder: Path, url=f"{HOST}/a.m3u8?token=secret", **more):
        """Time passes as it is slept, and a second with each request."""
        client = httpx.Client(transport=httpx.MockTransport(self), follow_redirects=True)
        given = {"seconds": 1e6, "file_s": 4.0} | more
        return record(Wanted(url, folder, **given), client=client, sleep=self.slept.append, clock=lambda: sum(self.slept) + len(self.asked))


def playlist(first: int, *names: str, end=False, target=2) -> str:
    """Segments of two seconds; a name with `!` before it comes behind a discontinuity, one with `+` behind a map."""
    lines = ["#EXTM3U", f"#EXT-X-TARGETDURATION:{target}", f"#EXT-X-MEDIA-SEQUENCE:{first}"]
    for name in names:
        if name.startswith("#"):
            lines.append(name)
            continue
        if name.startswith("!"):
            lines.append("#EXT-X-DISCONTINUITY")
        lines += ["#EXTINF:2.0,", name.lstrip("!")]
    return "\n".join([*lines, "#EXT-X-ENDLIST" if end else ""])


def texts(done) -> list[str]:
    return [Path(f).read_text() for f in done.files]


def test_every_segment_is_taken_once_though_playlists_overlap(tmp_path):
    stage = Stage(**{"a.m3u8": [playlist(5, "s5", "s6"), playlist(6, "s6", "s7"), playlist(6, "s6", "s7"), playlist(8, "s8", end=True)]})
    done = stage.record(tmp_path)
    assert texts(done) == ["[/s5][/s6]", "[/s7][/s8]"]
    assert (done.seconds, done.breaks, done.ended) == (8.0, 0, "end of stream")
    assert len([u for u in stage.asked if "/s6" in u]) == 1


def test_it_ends_when_enough_is_recorded(tmp_path):
    endless = Stage(**{"a.m3u8": [playlist(i, f"s{i}") for i in range(100)]})
    done = endless.record(tmp_path, seconds=6)
    assert (done.seconds, done.ended) == (6.0, "recorded")


def test_a_break_and_a_gap_begin_a_new_file(tmp_path):
    stage = Stage(**{"a.m3u8": [playlist(0, "s0", "!s1"), playlist(7, "s7", end=True)]})
    done = stage.record(tmp_path, file_s=100)
    assert texts(done) == ["[/s0]", "[/s1]", "[/s7]"]
    assert done.breaks == 2


@pytest.mark.parametrize(("target", "still_s"), [(2, 60), (30, 300), (10**9, 220)])
def test_a_stream_that_stands_still_ends(tmp_path, target, still_s):
    """A playlist that no longer grows was asked for 5,001 times."""
    stage = Stage(**{"a.m3u8": [playlist(0, "s0", target=target), playlist(0, "s0", "s1", target=target)]})
    done = stage.record(tmp_path, seconds=100 if target > 100 else 1e6, file_s=100)
    assert texts(done) == ["[/s0][/s1]"]
    assert ("stands still" in done.ended) == (target < 100)
    assert still_s <= sum(stage.slept) <= still_s + 2 * max(stage.slept)
    assert max(stage.slept) <= 10


@pytest.mark.parametrize("length", ["0", "-1", "nan", "inf"])
def test_segments_without_a_length_are_refused(tmp_path, length):
    """Of `#EXTINF:0` sixty seconds were never recorded, however many came."""
    endless = Stage(**{"a.m3u8": [playlist(i, f"s{i}").replace("2.0", length if i > 3 else "2.0") for i in range(99)]})
    done = endless.record(tmp_path, file_s=100)
    assert texts(done) == ["[/s0][/s1][/s2][/s3]"]
    assert "a segment of" in done.ended
    with pytest.raises(Terminal, match="a segment of"):
        Stage(**{"a.m3u8": playlist(0, "s0").replace("2.0", length)}).record(tmp_path)


def test_a_recording_takes_no_longer_than_twice_its_length_and_a_minute(tmp_path):
    endless = Stage(**{"a.m3u8": [playlist(i, f"s{i}").replace("2.0", "0.001") for i in range(999)]})
    done = endless.record(tmp_path, seconds=20)
    assert "not recorded after 100 s" in done.ended
    assert len(texts(done)[0].split("][")) == pytest.approx(100 / 3, abs=2)  # two requests and a pause of one second each

    def drops():
        while len(dripping.slept) < 999:
            dripping.slept.append(9)
            yield b"x"

    dripping = Stage(**{"a.m3u8": [playlist(0, "s0"), playlist(0, "s0", "s1")], "s1": httpx.Response(200, content=drops())})
    assert "not recorded after 100 s" in dripping.record(tmp_path, seconds=20).ended


def test_a_file_ends_before_it_is_too_large_to_collect(tmp_path, monkeypatch):
    monkeypatch.setattr(live, "FILE_BYTES", 8)
    stage = Stage(**{"a.m3u8": playlist(0, "s0", "s1", "s2", "s3", end=True)})
    assert texts(stage.record(tmp_path, file_s=1e6)) == ["[/s0][/s1]", "[/s2][/s3]"]


def test_an_encoder_that_was_started_again_is_followed(tmp_path):
    stage = Stage(**{"a.m3u8": [playlist(900, "s900"), playlist(0, "n0"), playlist(1, "n1", end=True)]})
    assert texts(stage.record(tmp_path, file_s=100)) == ["[/s900][/n0][/n1]"]


def test_fragments_carry_what_their_decoder_must_be_told(tmp_path):
    stage = Stage(**{"a.m3u8": playlist(0, '#EXT-X-MAP:URI="init.mp4"', "s0", "s1", "s2", end=True)})
    done = stage.record(tmp_path)
    assert texts(done) == ["[/init.mp4][/s0][/s1]", "[/init.mp4][/s2]"]
    assert all(f.endswith(".mp4") for f in done.files)
    assert len([u for u in stage.asked if "init" in u]) == 1


def test_of_several_renditions_the_one_with_the_most_bits(tmp_path):
    master = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=100\nlow/b.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=900\nhigh/b.m3u8\n"
    stage = Stage(**{"a.m3u8": master, "high/b.m3u8": playlist(0, "s0", end=True)})
    assert texts(stage.record(tmp_path)) == ["[/high/s0]"]


def test_beside_every_file_stands_where_it_came_from_and_no_secret(tmp_path):
    stage = Stage(**{"a.m3u8": playlist(0, "s0", end=True)})
    done = stage.record(tmp_path, url="https://user:pass@live.example/a.m3u8?token=secret", licence="CC0-1.0", consent="written")
    file, = done.files
    facts = json.loads(Path(file).with_suffix(".json").read_text())
    assert facts["stream"] == done.url == f"{HOST}/a.m3u8"
    assert (facts["licence"], facts["consent"], facts["seconds"]) == ("CC0-1.0", "written", 2.0)
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


@pytest.mark.parametrize(("page", "words"), [
    (playlist(0, "http://169.254.169.254/latest/meta-data", end=True), "169.254.169.254, which was not named"),
    (playlist(0, "file:///etc/passwd", end=True), "file://"),
    (playlist(0, "ftp://live.example/x", end=True), "ftp://"),
    (playlist(0, '#EXT-X-KEY:METHOD=AES-128,URI="key"', "s0", end=True), "encrypted (AES-128)"),
    (playlist(0, "#EXT-X-BYTERANGE:10@0", "s0", end=True), "ranges of one file"),
    ("<html>not found</html>", "not an HLS playlist"),
    ("#EXTM3U\n#EXTINF:abc,\ns0\n", "broken playlist"),
    (b"\xff\xfe\x00\x01", "not an HLS playlist"),
    ("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\n", "more than 3 deep"),
    (403, "refused (403"),
    (httpx.Response(302, headers={"location": "http://127.0.0.1/a.m3u8"}), "127.0.0.1, which was not named"),
])
def test_what_cannot_or_must_not_be_recorded_is_named(tmp_path, page, words):
    with pytest.raises(Terminal, match=r"(?s).*") as said:
        Stage(**{"a.m3u8": page}).record(tmp_path)
    assert words in str(said.value)
    assert "secret" not in str(said.value)
    assert list(tmp_path.iterdir()) == []


def test_hosts_that_were_named_are_reached(tmp_path):
    stage = Stage(**{"a.m3u8": playlist(0, "https://cdn.example/s0", end=True)})
    assert texts(stage.record(tmp_path, hosts=("cdn.example",))) == ["[/s0]"]


def test_a_stream_that_does_not_answer_is_tried_again(tmp_path):
    stage = Stage(**{"a.m3u8": [503, playlist(0, "s0", end=True)], "s0": [500, b"ok"]})
    assert texts(stage.record(tmp_path)) == ["ok"]
    with pytest.raises(Transient, match="did not answer 5 times"):
        Stage(**{"a.m3u8": 503}).record(tmp_path)
    with pytest.raises(Transient, match="ended before anything"):
        Stage(**{"a.m3u8": playlist(0, end=True)}).record(tmp_path)


def test_what_was_recorded_before_a_fault_stands(tmp_path):
    stage = Stage(**{"a.m3u8": [playlist(0, "s0", "s1"), playlist(2, "s2")], "s2": 503})
    done = stage.record(tmp_path, file_s=100)
    assert texts(done) == ["[/s0][/s1]"]
    assert "did not answer" in done.ended


@pytest.mark.parametrize("url", ["rtmp://live.example/a", "file:///etc/passwd", "live.m3u8", ""])
def test_other_protocols_are_refused_before_anything_is_asked(tmp_path, url):
    with pytest.raises(Terminal, match="over http and https"):
        Stage().record(tmp_path, url=url)


def test_an_address_is_shown_without_what_may_be_secret():
    assert plain("https://u:p@h.example:8443/x/y.m3u8?sig=1#z") == "https://h.example:8443/x/y.m3u8"


def test_streams_that_differ_in_their_query_alone_are_recorded_apart(tmp_path):
    """Several are recorded at once: within one second they would write the same file."""
    stages = [Stage(**{"a.m3u8": playlist(0, name, end=True)}) for name in ("one", "two")]
    done = [stage.record(tmp_path, url=f"{HOST}/a.m3u8?id={i}") for i, stage in enumerate(stages)]
    assert [texts(d) for d in done] == [["[/one]"], ["[/two]"]]
    assert len({f for d in done for f in d.files}) == 2

"""A real HLS stream off a real server becomes files that decode, and exit codes that mean something."""

import json
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import av
import numpy as np
import pytest

from jobs.__main__ import main


@pytest.fixture
def served(tmp_path):
    """Address of a folder with `live.m3u8`: 48 frames in segments of half a second."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *words) -> None:
            pass

    folder = tmp_path / "site"
    folder.mkdir()
    options = {"hls_time": "0.5", "hls_list_size": "0"}
    with av.open(str(folder / "live.m3u8"), "w", format="hls", options=options) as out:
        stream = out.add_stream("h264", rate=24, options={"g": "12"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for i in range(48):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((64, 64, 3), 40 + 3 * i, np.uint8), format="rgb24")))
        out.mux(stream.encode(None))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_stream_becomes_files_that_decode(served, tmp_path, capsys):
    landing = tmp_path / "landing"
    words = ["capture", f"{served}/live.m3u8", "--out", str(landing), "--set", "capture.file_s=1", "--set", "capture.licence=CC0-1.0", "--json"]
    assert main(words) == 0
    recorded, = json.loads(capsys.readouterr().out)
    assert recorded["ended"] == "end of stream"
    assert recorded["seconds"] == pytest.approx(2.0, abs=0.1)
    assert len(recorded["files"]) == 2
    frames = 0
    for file in recorded["files"]:
        with av.open(file) as opened:
            frames += sum(1 for _ in opened.decode(video=0))
    assert frames == 48
    assert {p.suffix for p in landing.iterdir()} == {".ts", ".json"}


def test_the_streams_that_work_are_recorded_beside_one_that_does_not(served, tmp_path, capsys):
    (tmp_path / "site" / "page.html").write_text("<html>")
    words = ["capture", f"{served}/live.m3u8", f"{served}/page.html", "rtmp://127.0.0.1/x", "--out", str(tmp_path / "landing")]
    assert main(words) == 64
    told = capsys.readouterr()
    assert "2 of 3 streams were not recorded" in told.err
    assert "rtmp" in told.err
    assert "2.0 s in 1 files" in told.out


def test_where_nothing_was_recorded_nothing_is_printed_as_a_result(tmp_path, capsys):
    assert main(["capture", "rtmp://127.0.0.1/x", "--out", str(tmp_path)]) == 64
    assert capsys.readouterr().out == ""


def test_without_streams_the_way_out_is_named(capsys):
    assert main(["capture"]) == 64
    assert "reelmill capture https://" in capsys.readouterr().err


def test_a_url_is_no_landing_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["capture", "http://127.0.0.1:1/live.m3u8", "--out", "s3://bucket/landing"]) == 64
    assert "a folder of this machine" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())

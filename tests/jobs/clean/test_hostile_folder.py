"""One folder with everything that is broken, hostile or odd, through collect and measure as they are run: every object ends as clips or
as a reject with its own reason, and what the folder tries to reach is nowhere in the lake."""

import gzip
import io
import os
import struct
import wave
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from jobs.lake import Lake
from jobs.run import execute
from schemas import CLIPS, REJECTS, SOURCES
from schemas.reasons import REASONS
from schemas.settings import Settings
from tests.jobs.clean.test_measures_hostile import MALFORMED, MEDIA, png_bomb, video

pytestmark = pytest.mark.spark

SECRET = "the-secret-of-this-machine-5f2a9c"


def with_subtitles(movie: bytes, text: bytes) -> bytes:
    """An AVI whose last stream is a GAB2 subtitle that holds `text`: demuxers have opened it as a file of its own, a playlist too."""
    body = b"GAB2\0" + struct.pack("<HIHI", 2, 0, 4, len(text)) + text
    chunk = b"00tx" + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)
    header = struct.pack("<4s4sIHHIIIIIIIIHHHH", b"txts", b"\0\0\0\0", 0, 0, 0, 0, 1, 1000, 0, 1, 0, 0, 0, 0, 0, 0, 0)
    strl = b"strl" + b"strh" + struct.pack("<I", len(header)) + header + b"strf" + struct.pack("<I", 0)
    main = struct.pack("<14I", 40_000, 0, 0, 0, 1, 0, 1, 0, 64, 64, 0, 0, 0, 0)
    hdrl = b"hdrl" + b"avih" + struct.pack("<I", len(main)) + main + b"LIST" + struct.pack("<I", len(strl)) + strl
    movi = b"movi" + chunk
    return_ = b"AVI LIST" + struct.pack("<I", len(hdrl)) + hdrl + b"LIST" + struct.pack("<I", len(movi)) + movi
    return b"RIFF" + struct.pack("<I", len(return_)) + return_


def billion_frames() -> bytes:
    data = bytearray(video(sound=False))
    at = data.find(b"stts")
    data[at + 12:at + 16] = struct.pack(">I", 1_000_000_000)
    return bytes(data)


def of_a_wrong_length(data: bytes) -> bytes:
    """An MP4 that states ten times its length everywhere."""
    changed = bytearray(data)
    for box, offset in ((b"mvhd", 20), (b"tkhd", 24), (b"mdhd", 20), (b"elst", 12)):
        at = 0
        while (at := changed.find(box, at)) >= 0:
            (value,) = struct.unpack(">I", changed[at + offset:at + offset + 4])
            changed[at + offset:at + offset + 4] = struct.pack(">I", value * 10)
            at += 4
    return bytes(changed)


def of_an_hour(data: bytes) -> bytes:
    """A Matroska file that states an hour."""
    changed = bytearray(data)
    at = changed.find(b"\x44\x89\x88") + 3
    assert at > 3
    changed[at:at + 8] = struct.pack(">d", 3_600_000.0)
    return bytes(changed)


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", 8 + len(body)) + kind + body


def referring(data: bytes, address: str) -> bytes:
    """An MP4 whose media lie elsewhere, by the data reference of its first track."""
    changed = bytearray(data)
    at = changed.find(b"url \0\0\0\1")
    name = address.encode() + b"\0"
    changed[at + 8:at + 8] = name
    changed[at - 4:at + 8] = struct.pack(">I", 12 + len(name)) + b"url \0\0\0\0"
    for kind in (b"dref", b"dinf", b"minf", b"mdia", b"trak", b"moov"):
        place = changed.rfind(kind, 0, at)
        (size,) = struct.unpack(">I", changed[place - 4:place])
        changed[place - 4:place] = struct.pack(">I", size + len(name))
    return bytes(changed)


def reference_movie(address: str) -> bytes:
    """A QuickTime movie that is nothing but the address of another."""
    name = address.encode() + b"\0"
    there = box(b"rdrf", b"\0\0\0\0url " + struct.pack(">I", len(name)) + name)
    return box(b"ftyp", b"qt  \0\0\0\0qt  ") + box(b"moov", box(b"rmra", box(b"rmda", there)))


def element(name: str, body: bytes) -> bytes:
    return bytes.fromhex(name) + struct.pack(">Q", len(body) | 1 << 56) + body


def with_elements(data: bytes, elements: bytes) -> bytes:
    """A Matroska file with more in its segment, which then has no stated size."""
    segment, tracks = data.find(bytes.fromhex("18538067")), data.find(bytes.fromhex("1654AE6B"))
    return data[:segment + 4] + b"\x01" + b"\xff" * 7 + data[segment + 12:tracks] + elements + data[tracks:]


def chaptered(secret: Path) -> bytes:
    """Ordered chapters and links to other files, and attachments by names that lead out."""
    name = str(secret).encode()
    links = element("1549A966", element("3EB923", bytes(16)) + element("3E83BB", name) + element("3C83AB", name))
    chapter = element("B6", element("73C4", b"\1") + element("91", b"\0") + element("6E67", bytes(16)))
    attached = element("61A7", element("466E", b"../../evil.sh") + element("4660", b"text/plain") + element("465C", b"#!/bin/sh") + element("46AE", b"\7"))
    return with_elements(video(container="matroska"), links + element("1043A770", element("45B9", element("45DD", b"\1") + chapter)) + element("1941A469", attached))


def sideways(data: bytes) -> bytes:
    """An MP4 whose edit list begins behind its last frame."""
    changed = bytearray(data)
    at = changed.find(b"elst")
    changed[at + 16:at + 20] = struct.pack(">i", 0x7FFFFFF0)
    return bytes(changed)


def ten_streams() -> bytes:
    out = io.BytesIO()
    with av.open(out, "w", format="matroska") as target:
        streams: list[Any] = [target.add_stream("mpeg4", rate=25) for _ in range(5)]
        for stream in streams:
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        streams += [target.add_stream("aac", rate=48_000, layout="mono") for _ in range(5)]
        for i in range(50):
            for stream in streams[:5]:
                target.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((48, 64, 3), 4 * i, np.uint8), format="rgb24")))
        for stream in streams[5:]:
            for at in range(0, 96_000, 1024):
                frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
                frame.sample_rate, frame.pts = 48_000, at
                target.mux(stream.encode(frame))
        for stream in streams:
            target.mux(stream.encode(None))
    return out.getvalue()


def short_wave(stated: int) -> bytes:
    """A WAV that states so many bytes of sound and has one second."""
    out = io.BytesIO()
    with wave.open(out, "wb") as target:
        target.setparams((1, 2, 8000, 0, "NONE", ""))
        target.writeframes(b"\0\1" * 8000)
    data = bytearray(out.getvalue())
    data[40:44] = struct.pack("<I", stated)
    return bytes(data)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, set[str]]]:
    """The folder, and for every object what it may end as: modality of its clips, or reason."""
    top = tmp_path_factory.mktemp("hostile")
    root, outside = top / "in", top / "outside"
    root.mkdir()
    outside.mkdir()
    secret = outside / "secret.txt"
    secret.write_text(SECRET * 50)
    movie, list_ = video(), f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{secret}\n#EXT-X-ENDLIST\n"
    files: dict[str, tuple[bytes, set[str]]] = {
        "hls.mp4": (list_.encode(), {"playlist"}),
        "hls with a mark.mp4": (b"\xef\xbb\xbf\n" + list_.encode(), {"playlist"}),
        "concat.mp4": (f"ffconcat version 1.0\nfile '{secret}'\n".encode(), {"playlist"}),
        "dash.mp4": (f"<?xml version='1.0'?><MPD><Period><BaseURL>{secret}</BaseURL></Period></MPD>".encode(), {"playlist"}),
        "quoted.srt": (f"1\n00:00:00,000 --> 00:00:01,000\nfile://{secret}\n".encode(), {"unknown_format"}),
        "vector.png": (f"<svg xmlns='http://www.w3.org/2000/svg'><image href='{secret}'/></svg>".encode(), {"wrong_extension"}),
        "subtitled.avi": (with_subtitles(movie, list_.encode()), {"no_media", "undecodable"}),
        "bomb.png": (png_bomb(16_384), {"too_many_pixels"}),
        "billion.mp4": (billion_frames(), {"too_many_frames"}),
        "liar.mkv": (of_an_hour(video(container="matroska")), {"partly_undecodable"}),
        # nothing is missing of these: what is there counts, and recorders that cannot seek back write such sounds
        "liar.mp4": (of_a_wrong_length(movie), {"video"}),
        "liar.wav": (short_wave(0x7FFFFFFF), {"audio"}),
        "half.mp4": (movie[:len(movie) // 2], {"undecodable", "partly_undecodable"}),
        "ten.mkv": (ten_streams(), {"video"}),
        "empty.mp4": (b"", {"empty_file"}),
        "noise.mp4": (np.random.default_rng(3).bytes(9999), {"unknown_format"}),
        "zeros.mp4": (bytes(9999), {"unknown_format"}),
        "picture.mp4": (png_bomb(64), {"wrong_extension"}),
        # what these name is not opened: the bytes of a track are looked for in its own file, a movie of references has none
        "elsewhere.mp4": (referring(movie, f"file://{secret}"), {"video", "undecodable"}),
        "reference.mov": (reference_movie(f"file://{secret}"), {"no_media"}),
        "chapters.mkv": (chaptered(secret), {"video"}),
        "plain.m3u8": (f"{secret}\n".encode(), {"playlist"}),
        "session.mp4": (b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n", {"playlist"}),
        "script.png": (f"%!PS-Adobe-3.0 EPSF-3.0\n({secret}) (r) file\n".encode(), {"wrong_extension"}),
        "sideways.mp4": (sideways(movie), {"undecodable"}),
        "torn.ts": (video(codec="mpeg2video", container="mpegts")[77:], {"video"}),
        "wide.bmp": (b"BM" + struct.pack("<IHHIIiiHHIIiiII", 58, 0, 0, 54, 40, -320, 240, 1, 24, 0, 4, 0, 0, 0, 0) + bytes(4), {"too_many_pixels"}),
        "shard.tar": (b"a.png".ljust(257, b"\0") + b"ustar\0" + bytes(761), {"unknown_format"}),
        "clip.mp4.gz": (gzip.compress(movie), {"unknown_format"}),
        "video.jpg": (movie, {"wrong_extension"}),
        "good.mp4": (movie, {"video"}),
        "quote'\";--.mp4": (movie, {"video"}),
        "new\nline\ttab.mp4": (movie, {"video"}),
        "emoji 😀 ‮gpj.mp4": (movie, {"video"}),
        "-rf.mp4": (movie, {"video"}),
        "concat:a|b.mp4": (movie, {"video"}),
        "%03d.mp4": (movie, {"video"}),
        "a" * 240 + ".mp4": (movie, {"video"}),
    }
    for name, (data, _) in files.items():
        (root / name).write_bytes(data)
    expected = {name: ends for name, (_, ends) in files.items()}
    os.symlink(secret, root / "link.mp4")
    os.symlink(outside, root / "linked")
    os.symlink("link2.mp4", root / "link2.mp4")
    os.symlink(".", root / "loop")
    os.symlink("/dev/zero", root / "zeros.mkv")
    os.mkfifo(root / "pipe.mp4")
    expected |= {"link.mp4": {"outside_root"}, "linked": {"outside_root"}, "link2.mp4": {"missing_file", "unreadable"},
                 "pipe.mp4": {"not_regular_file"}, "loop": {"not_regular_file"}, "zeros.mkv": {"outside_root"}}
    with open(root / "giant.mp4", "wb") as file:
        file.write(movie)
        file.truncate(60 << 30)
    with open(root / "endless.mkv", "wb") as file:
        file.truncate(1 << 40)
    expected |= {"giant.mp4": {"hollow"}, "endless.mkv": {"too_large"}}
    if MEDIA.is_dir():
        for name, ends in MALFORMED.items():
            (root / name).write_bytes((MEDIA / "malformed" / name).read_bytes())
            expected[name] = ends | {"wrong_extension"} if name == "wrong_extension.aac" else ends
    return root, expected


@pytest.fixture(scope="module")
def lake(folder: tuple[Path, dict[str, set[str]]], tmp_path_factory: pytest.TempPathFactory) -> Lake:
    given = Settings.model_validate({"runtime": {"lake": str(tmp_path_factory.mktemp("lake")), "sources": [str(folder[0])], "progress": False,
                                                 "master": "local[2]"}})
    for job in ("collect", "measure"):
        execute(job, given)
    return Lake(given.runtime.lake)


def rows(lake: Lake, table: Any, job: str) -> list[dict[str, Any]]:
    version = lake.version(table, lake.current(job))
    assert version is not None
    return list(version.read(None).to_pylist())


def test_every_object_ends_as_clips_or_with_its_own_reason(folder: tuple[Path, dict[str, set[str]]], lake: Lake) -> None:
    names = {row["source_id"]: row["rel_path"] for row in rows(lake, SOURCES, "collect")}
    ended = {names[clip["source_id"]]: clip["modality"] for clip in rows(lake, CLIPS, "measure")}
    said = {names[row["source_id"]]: row for row in rows(lake, REJECTS, "measure")}
    assert not set(ended) & set(said)
    assert all(clip["end_s"] < 30 for clip in rows(lake, CLIPS, "measure"))
    ended |= {name: row["reason"] for name, row in said.items()}
    assert set(names.values()) == set(folder[1])
    assert {name: end for name, end in ended.items() if end not in folder[1][name]} == {}
    assert set(ended) == set(folder[1])
    for name, row in said.items():
        detail = row["detail"] or REASONS[row["reason"]][0]
        assert "Traceback" not in detail, name
        assert "0x" not in detail, name
        assert len(detail.split()) >= 4, (name, detail)


def test_what_the_folder_points_at_is_nowhere_in_the_lake(lake: Lake) -> None:
    for table, job in ((SOURCES, "collect"), (REJECTS, "measure"), (CLIPS, "measure")):
        assert SECRET not in str(rows(lake, table, job))
    for path in Path(lake.root).rglob("*"):
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes()

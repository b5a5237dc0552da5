"""Recognition by content: what a file is called never matters."""

import io
import os
import wave
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from jobs.clean.measure import measure_file
from jobs.media.encode import encode_audio, encode_video
from jobs.media.probe import NotRegular, probe, regular
from jobs.media.sniff import HEAD_BYTES, contradicts, extension_kind, sniff, sniffed
from schemas.settings import Measure


def frames(count: int = 5, width: int = 64, height: int = 48) -> np.ndarray:
    ramp = np.linspace(0, 255, width * height * 3).astype(np.uint8).reshape(height, width, 3)
    return np.stack([np.roll(ramp, i, axis=1) for i in range(count)])


def picture(format_: str, mode: str = "RGB", **options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(frames(1)[0]).convert(mode).save(out, format_, **options)
    return out.getvalue()


def animation(format_: str) -> bytes:
    out = io.BytesIO()
    images = [Image.fromarray(f) for f in frames(3)]
    images[0].save(out, format_, save_all=True, append_images=images[1:], duration=100, loop=0)
    return out.getvalue()


def remuxed(container: str) -> bytes:
    """A small MPEG-4 or VP8 video in another container, with sound where it fits."""
    out = io.BytesIO()
    codec = {"webm": "libvpx", "ogg": "libvpx", "mpegts": "mpeg2video", "flv": "flv", "asf": "wmv2"}.get(container, "mpeg4")
    with av.open(out, "w", format=container) as target:
        stream = target.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for f in frames(25):
            target.mux(stream.encode(av.VideoFrame.from_ndarray(f, format="rgb24")))
        target.mux(stream.encode(None))
    return out.getvalue()


def sound(container: str, codec: str) -> bytes:
    out = io.BytesIO()
    tone = (np.sin(np.arange(24_000) / 9) * 8000).astype(np.int16)[None]
    with av.open(out, "w", format=container) as target:
        stream = target.add_stream(codec, rate=48_000, layout="mono")
        resampler = av.AudioResampler(format=stream.codec_context.format, layout="mono", rate=48_000)
        frame = av.AudioFrame.from_ndarray(tone, format="s16", layout="mono")
        frame.sample_rate = 48_000
        fifo = av.AudioFifo()
        for part in resampler.resample(frame):
            fifo.write(part)
        size = stream.codec_context.frame_size or 1024
        while (piece := fifo.read(size, partial=True)) is not None:
            target.mux(stream.encode(piece))
        target.mux(stream.encode(None))
    return out.getvalue()


def wav() -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(2)
        target.setframerate(8000)
        target.writeframes(b"\0\1" * 800)
    return out.getvalue()


def tagged(data: bytes, tag_bytes: int, footer: bool = False) -> bytes:
    """With an ID3v2.4 tag before it that holds nothing."""
    size = bytes(tag_bytes >> shift & 0x7F for shift in (21, 14, 7, 0))
    end = b"3DI\4\0\x10" + size if footer else b""
    return b"ID3\4\0" + (b"\x10" if footer else b"\0") + size + bytes(tag_bytes) + end + data


TAGGED = [("mp3", "libmp3lame", "mp3"), ("flac", "flac", "flac"), ("adts", "aac", "aac"), ("tta", "tta", "tta"), ("ac3", "ac3", "ac3"),
          ("wv", "wavpack", "wavpack"), ("wav", "pcm_s16le", "wav")]
"""What bears ID3 tags, by its norm or by custom: packed audio of HLS is ADTS or AC-3 behind one."""
KNOWN = [
    pytest.param(lambda: encode_video(frames(), 25), "video", "mp4", id="mp4"),
    pytest.param(lambda: encode_audio(np.zeros(4800, np.float32), 48_000), "audio", "m4a", id="m4a"),
    *(pytest.param(lambda c=c: remuxed(c), "video", name, id=c) for c, name in
      [("matroska", "matroska"), ("webm", "webm"), ("avi", "avi"), ("mpegts", "mpegts"), ("flv", "flv"), ("asf", "asf")]),
    *(pytest.param(lambda c=c, codec=codec: sound(c, codec), "audio", name, id=f"{c}-{codec}") for c, codec, name in
      [("mp3", "libmp3lame", "mp3"), ("flac", "flac", "flac"), ("ogg", "libopus", "ogg"), ("adts", "aac", "aac"),
       ("aiff", "pcm_s16be", "aiff"), ("caf", "pcm_s16le", "caf")]),
    *(pytest.param(lambda c=c, codec=codec: tagged(sound(c, codec), 300), "audio", name, id=f"tagged-{c}") for c, codec, name in TAGGED),
    pytest.param(lambda: tagged(tagged(sound("flac", "flac"), 20), 300, footer=True), "audio", "flac", id="tagged-twice"),
    pytest.param(lambda: remuxed("mpegts")[77:], "video", "mpegts", id="mpegts-from-within-a-packet"),
    pytest.param(lambda: remuxed("m4v"), "video", "m4v", id="m4v"),
    pytest.param(wav, "audio", "wav", id="wav"),
    *(pytest.param(lambda f=f, m=m: picture(f, m), "image", name, id=f) for f, m, name in
      [("JPEG", "RGB", "jpeg"), ("PNG", "RGBA", "png"), ("BMP", "RGB", "bmp"), ("TIFF", "RGB", "tiff"), ("WEBP", "RGB", "webp"),
       ("GIF", "P", "gif"), ("PPM", "RGB", "pnm"), ("AVIF", "RGB", "avif")]),
    *(pytest.param(lambda f=f: animation(f), "video", name, id=f"animated-{f}") for f, name in
      [("GIF", "gif"), ("WEBP", "webp"), ("PNG", "apng")]),
    pytest.param(lambda: "天气很好\nsecond line".encode(), "text", "plain", id="text"),
    pytest.param(lambda: b'{"text": "x"}\n', "text", "json", id="jsonl"),
    pytest.param(lambda: (b"x" * 100 + b"G" + b"y" * 87) * 8, "text", "plain", id="text-with-a-few-Gs"),
    pytest.param(lambda: bytes(range(256)) * 4, "unknown", "", id="noise"),
    pytest.param(lambda: b"", "unknown", "", id="empty"),
]


@pytest.mark.parametrize(("make", "modality", "container"), KNOWN)
def test_content_is_recognised(make, modality, container) -> None:
    kind = sniff(make()[:HEAD_BYTES], "lies.txt")
    assert (kind.modality, kind.container) == (modality, container)


@pytest.mark.parametrize(("container", "codec", "name"), TAGGED)
@pytest.mark.parametrize("tag_bytes", [300, 200_000])
def test_sound_behind_a_tag_is_heard(container: str, codec: str, name: str, tag_bytes: int, tmp_path: Path) -> None:
    """A tag with a cover in it is longer than what is sniffed."""
    plain, path = sound(container, codec), tmp_path / "tagged.mp3"
    path.write_bytes(tagged(tagged(plain, tag_bytes), 20))
    with path.open("rb") as file:
        assert sniffed(file) == sniff(plain[:HEAD_BYTES])
        found, bare = probe(file), probe(io.BytesIO(plain))
    assert (found.container, found.audio_codec) == (bare.container, bare.audio_codec) == (name, bare.audio_codec)
    (tmp_path / "plain").write_bytes(plain)
    heard, expected = (measure_file(str(p), "audio", Measure().model_dump())["clips"] for p in (path, tmp_path / "plain"))
    assert [(c["duration_s"], c["loudness_lufs"]) for c in heard] == [(c["duration_s"], c["loudness_lufs"]) for c in expected]


@pytest.mark.parametrize("behind", [b"", b"\xff" * 9000, b"#EXTM3U\n", sound("mp3", "libmp3lame")[:50]])
@pytest.mark.parametrize("tag_bytes", [300, 200_000])
def test_what_says_nothing_of_itself_behind_a_tag_is_mp3(behind: bytes, tag_bytes: int) -> None:
    assert sniffed(io.BytesIO(tagged(behind, tag_bytes))).container == "mp3"


@pytest.mark.parametrize("text", [
    pytest.param(b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n", id="hls"),
    pytest.param(b"\xef\xbb\xbf\n #EXTM3U\n", id="hls-after-a-mark"),
    pytest.param(b"ffconcat version 1.0\nfile '/etc/passwd'\n", id="ffconcat"),
    pytest.param(b"file '/etc/passwd'\nfile '/etc/hosts'\n", id="ffconcat-bare"),
    pytest.param(b"[playlist]\nFile1=/etc/passwd\n", id="pls"),
    pytest.param(b"<?xml version='1.0'?>\n<MPD xmlns='urn:mpeg:dash:schema:mpd:2011'></MPD>", id="dash"),
    pytest.param(b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n", id="sdp"),
])
def test_playlists_are_playlists_whatever_their_name(text: bytes) -> None:
    assert sniff(text, "holiday.mp4").modality == "playlist"


@pytest.mark.parametrize("text", [
    b"file\tcaption\nclip1.mp4\ta dog\n", b"file\nclip1.mp4\nclip2.mp4\n", b"File systems\nare made of files.\n", b"MAC lipstick in ten colours\n",
    b"The wide river flows through a green valley.\n", b"Our free day in town\n", b"the skip of a heart\n", b"BMW i3 parked\n", b"P1 2024 neon street\n",
    b"P5 12 30 255 people walk\n", b"GIF89a is a format\n", b"OggS begins a page\n", b"RIFF or WAVE?\n", b"FORM of AIFF\n", b"DKIF\n", b"ID3 tags hold a title\n", b"P3 players are old\n", b"P1 is the first lap\n", b"[Reference] Smith, 2020\n"])
def test_a_text_that_begins_like_something_else_is_a_text(text: bytes) -> None:
    assert sniff(text, "notes.tsv").modality == "text"


@pytest.mark.parametrize("data", [
    b"P1\n# a bitmap\n2 2\n0 1\n1 0\n", b"P2 2 1 255 10 200\n", b"P3 1 1 255 1 2 3", b"P4\n8 1\nA", b"P5\n3 2\n255\nABCDEF", b"P6\n1 1\n255\nABC",
    b"P5\n# grey\n640 480\n255\n" + b"d" * 5000])
def test_a_picture_of_nothing_but_letters_is_a_picture(data: bytes) -> None:
    assert sniff(data[:HEAD_BYTES]).container == "pnm"


@pytest.mark.parametrize(("name", "modality", "wrong"), [
    ("a.mp4", "video", False), ("a.mp4", "audio", False), ("a.mp4", "image", True), ("a.jpg", "video", True),
    ("a.gif", "video", False), ("a.webp", "video", False), ("a.mp3", "video", True), ("a.aac", "audio", False),
    ("a.ts", "text", True), ("noname", "video", False), ("a.jpg", "unknown", False), ("a.PNG", "image", False)])
def test_a_name_contradicts_only_another_modality(name: str, modality: str, wrong: bool) -> None:
    assert contradicts(name, modality) is wrong


def test_extensions_say_what_they_claim() -> None:
    assert [extension_kind(n) for n in ("x.MKV", "x.heic", "x.opus", "x.srt", "x.m3u8", "x")] == [
        "video", "image", "audio", "text", "playlist", "unknown"]


def test_a_header_is_read_without_decoding(tmp_path: Path) -> None:
    path = tmp_path / "odd name\n'\"😀.bin"
    path.write_bytes(encode_video(frames(50), 25, audio=(np.zeros((96_000, 2), np.float32), 48_000)))
    with regular(path) as file:
        facts = probe(file)
    assert (facts.modality, facts.container, facts.width, facts.height, facts.fps) == ("video", "mp4", 64, 48, 25.0)
    assert (facts.video_codec, facts.audio_codec, facts.sample_rate_hz, facts.channels) == ("h264", "aac", 48_000, 2)
    assert facts.duration_s == pytest.approx(2.0, abs=0.05)


def test_a_pipe_is_refused_and_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(NotRegular):
        regular(tmp_path / "pipe.mp4").__enter__()

"""Cuts out of files that seeking, clocks and lists of edits make hard: what is measured is what comes out."""

import io
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from jobs.clean.measure import measure_file
from jobs.media.cut import cut_file
from schemas.settings import Measure
from tests.jobs.media.test_encode_cut import decoded, number_of, numbered, source

SETTINGS = Measure().model_dump()
PICTURES = numbered(256)


def boxes(data: bytes, start: int, end: int) -> dict[bytes, tuple[int, int]]:
    found, at = {}, start
    while at < end:
        size = struct.unpack(">I", data[at:at + 4])[0]
        found.setdefault(data[at + 4:at + 8], (at, at + size))
        at += size
    return found


def edited(path: Path, spans: list[tuple[float, float]]) -> None:
    """Give the picture of an MP4 whose index lies at its end this list of edits, seconds of the medium."""
    data = bytearray(path.read_bytes())
    inside, start, end, way = (0, len(data)), 0, 0, []
    for name in (b"moov", b"trak", b"edts", b"elst"):
        start, end = boxes(bytes(data), *inside)[name]
        way.append(start)
        inside = (start + 8, end)
    moov = way[0] + 8
    movie_hz = struct.unpack(">I", data[moov + 20:moov + 24])[0]
    track = boxes(bytes(data), way[1] + 8, len(data))
    mdhd = boxes(bytes(data), track[b"mdia"][0] + 8, track[b"mdia"][1])[b"mdhd"][0]
    medium_hz = struct.unpack(">I", data[mdhd + 20:mdhd + 24])[0]
    delay = struct.unpack(">i", data[start + 20:start + 24])[0]
    entries = b"".join(struct.pack(">IiI", round((b - a) * movie_hz), delay + round(a * medium_hz), 1 << 16) for a, b in spans)
    new = struct.pack(">I4sII", 16 + len(entries), b"elst", 0, len(spans)) + entries
    for box in way[:-1]:
        size = struct.unpack(">I", data[box:box + 4])[0]
        data[box:box + 4] = struct.pack(">I", size + len(new) - (end - start))
    path.write_bytes(bytes(data[:start]) + new + bytes(data[end:]))


def seen(path: Path) -> list[tuple[float, int]]:
    with av.open(str(path)) as container:
        frames = [f for f in container.decode(video=0) if f.pts is not None]
        origin = container.start_time / 1e6
    return [(float(f.time) - origin, number_of(f)) for f in frames]


@pytest.mark.parametrize("bframes", [0, 2])
@pytest.mark.parametrize("spans", [[(0.0, 2.0), (4.0, 6.0)], [(1.0, 5.0)], [(0.0, 2.0), (0.0, 2.0)]], ids=["gap", "ends", "twice"])
def test_frames_that_a_list_of_edits_hides_do_not_come_out(tmp_path: Path, bframes: int, spans: list[tuple[float, float]]) -> None:
    path = source(tmp_path, 10, 150, bframes, audio=False)
    edited(path, spans)
    made = measure_file(str(path), "video", SETTINGS)
    wanted = [(t, n) for t, n in seen(path) if 0.5 - 1e-6 <= t < 3.0 - 1e-6]
    assert len(wanted) > 55
    assert made["duration_s"] == pytest.approx(4.0, abs=0.1)
    times, numbers = decoded(cut_file(str(path), 0.5, 3.0, "smart", 16)["video"])
    assert numbers == [n for _, n in wanted]
    assert times == [pytest.approx(t - wanted[0][0], abs=2e-3) for t, _ in wanted]


@pytest.mark.parametrize("more", [b"", b"N50.1 E008.6"], ids=["bare", "with-a-place"])
def test_frames_that_edits_hide_are_not_stored_with_the_whole_of_a_film(tmp_path: Path, more: bytes) -> None:
    path = source(tmp_path, 10, 150, 2, audio=False)
    edited(path, [(0.0, 2.0), (4.0, 6.0)])
    path.write_bytes(path.read_bytes() + more)
    wanted = [n for _, n in seen(path)]
    made = cut_file(str(path), 0.0, 4.0, "smart", 16)["video"]
    assert decoded(made)[1] == wanted
    assert len(wanted) == pytest.approx(100, abs=2)
    with av.open(io.BytesIO(made), options={"ignore_editlist": "1"}) as container:
        assert [number_of(f) for f in container.decode(video=0)] == wanted


@pytest.mark.parametrize("of", ["picture", "sound"])
def test_one_wrong_time_costs_one_packet(tmp_path: Path, of: str) -> None:
    path = source(tmp_path, 10, 100, 0, "ts")
    data = bytearray(path.read_bytes())
    begins = [at for at in range(0, len(data), 188) if data[at + 1] & 0x40]
    with av.open(str(path)) as container:
        pid = next(s.id for s in container.streams if s.type == ("video" if of == "picture" else "audio"))
    mine = [at for at in begins if (data[at + 1] & 0x1F) << 8 | data[at + 2] == pid]
    at = mine[len(mine) // 3]
    pes = at + 4 + (1 + data[at + 4] if data[at + 3] & 0x20 else 0)
    assert data[pes:pes + 3] == b"\0\0\1"
    data[pes + 10] ^= 1  # 2^22 ticks of 90 kHz, 46 seconds
    path.write_bytes(bytes(data))
    _, numbers = decoded(cut_file(str(path), 0.5, 3.5, "smart", 16)["video"])
    assert len(numbers) >= 73
    assert numbers == sorted(numbers)


def test_a_stream_that_comes_up_on_the_way_does_not_end_the_cut(tmp_path: Path) -> None:
    """A recorder that was switched on before its microphone: the beginning announces no sound."""
    rng = np.random.default_rng(0)
    parts = []
    for sound in (False, True):
        out = io.BytesIO()
        with av.open(out, "w", format="mpegts", options={"output_ts_offset": "8" if sound else "0"}) as target:
            stream = target.add_stream("mpeg2video", rate=25, options={"b": "16M", "qmin": "1"})
            stream.width, stream.height, stream.pix_fmt = 640, 480, "yuv420p"
            audio = target.add_stream("aac", rate=48_000, layout="mono") if sound else None
            for i in range(50 if sound else 200):
                frame = av.VideoFrame.from_ndarray(rng.integers(0, 255, (480, 640, 3), np.uint8), format="rgb24").reformat(format="yuv420p")
                frame.pts, frame.time_base = i, Fraction(1, 25)
                target.mux(stream.encode(frame))
                if audio is not None:
                    heard = av.AudioFrame.from_ndarray(np.full((1, 1920), 0.1, np.float32), format="fltp", layout="mono")
                    heard.sample_rate, heard.pts, heard.time_base = 48_000, i * 1920, Fraction(1, 48_000)
                    target.mux(audio.encode(heard))
            for one in (stream, *([audio] if audio is not None else [])):
                target.mux(one.encode(None))
        parts.append(out.getvalue())
    assert len(parts[0]) > 6_000_000
    path = tmp_path / "late.ts"
    path.write_bytes(b"".join(parts))
    made = cut_file(str(path), 0.0, 10.5, "encode", 30)
    with av.open(io.BytesIO(made["video"])) as container:
        assert sum(1 for _ in container.decode(video=0)) >= 240


@pytest.mark.parametrize(("codec", "bframes"), [("mpeg4", 2), ("mpeg4", 1), ("mpeg4", 0), ("libx264", 2)])
@pytest.mark.parametrize("start_s", [0.0, 2.0, 3.0, 3.48, 20.0])
def test_frames_of_an_avi_stand_where_they_are_shown_after_a_seek(tmp_path: Path, codec: str, bframes: int, start_s: float) -> None:
    path = tmp_path / "a.avi"
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=25, options={"bf": str(bframes), "g": "12", "b_strategy": "0", "qmin": "2", "qmax": "4"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for i in range(600):
            frame = av.VideoFrame.from_ndarray(PICTURES[i % 256], format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = i, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    with av.open(str(path)) as container:
        shown = sorted(p.pts / 25 for p in container.demux(video=0) if p.size)
    with av.open(str(path)) as container:
        forward = list(zip(shown, map(number_of, container.decode(video=0)), strict=True))
    _, numbers = decoded(cut_file(str(path), start_s, start_s + 1.0, "encode", 16)["video"])
    assert numbers == [n for t, n in forward if start_s - 1e-6 <= t < start_s + 1 - 1e-6]


def test_segments_that_were_joined_with_an_overlap_are_encoded(tmp_path: Path) -> None:
    path = source(tmp_path, 25, 100, 0, "ts", audio=False)
    data = path.read_bytes()
    begins = [at for at in range(0, len(data), 188) if data[at + 1] & 0x40 and data[at + 3] & 0x20 and data[at + 5] & 0x40]
    assert len(begins) == 4
    path.write_bytes(data[:begins[2]] + data[begins[1]:])
    made = cut_file(str(path), 0.3, 3.9, "smart", 16)
    _, numbers = decoded(made["video"])
    assert (made["cut"], numbers) == ("encode", list(range(8, 98)))


@pytest.mark.parametrize("turned", [0, 90])
def test_hdr_stays_hdr(tmp_path: Path, turned: int) -> None:
    """Ten bits and the tags of its light: shown as BT.709 it would be grey and flat."""
    path = tmp_path / "hdr.mp4"
    ramp = np.repeat(np.linspace(64, 940, 192).astype(np.uint16)[None], 128, axis=0)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx265", rate=25, options={"x265-params": "log-level=none:qp=10"})
        stream.width, stream.height, stream.pix_fmt = 192, 128, "yuv420p10le"
        context = stream.codec_context
        context.colorspace, context.color_trc, context.color_primaries, context.color_range = 9, 16, 9, 1
        for i in range(50):
            frame = av.VideoFrame(192, 128, "yuv420p10le")
            for plane, values in zip(frame.planes, (ramp, np.full((64, 96), 512, np.uint16), np.full((64, 96), 512, np.uint16)), strict=True):
                lines = np.zeros((values.shape[0], plane.line_size // 2), np.uint16)
                lines[:, :values.shape[1]] = values
                plane.update(lines.tobytes())
            frame.pts, frame.time_base = i, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    if turned:
        data = path.read_bytes()
        at = data.index(b"tkhd") + 4 + 40
        path.write_bytes(data[:at] + struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30) + data[at + 36:])
    made = cut_file(str(path), 0.5, 1.5, "smart", 10)
    with av.open(io.BytesIO(made["video"])) as container:
        context = container.streams.video[0].codec_context
        assert context.extradata[-3] & 7 == context.extradata[-2] & 7 == 2
        frames = list(container.decode(video=0))
    assert len(frames) == 25
    first = frames[0]
    assert (first.format.name, int(first.colorspace), int(first.color_trc), int(first.color_primaries)) == ("yuv420p10le", 9, 16, 9)
    luma = np.frombuffer(first.planes[0], np.uint16).reshape(first.height, -1)[:, :first.width]
    shown = np.rot90(ramp, -1) if turned else ramp
    assert luma.shape == shown.shape
    assert np.abs(luma.astype(int) - shown).mean() < 4


@pytest.mark.parametrize("format_", ["GIF", "PNG", "WEBP"])
def test_colours_of_an_animation_are_those_of_bt709_and_say_so(tmp_path: Path, format_: str) -> None:
    path = tmp_path / "moving"
    frames = [Image.new("RGB", (640, 360), (200, 40, 40)) for _ in range(4)]
    for i, frame in enumerate(frames):
        frame.paste((30, 60, 210), (40 * i, 0, 40 * i + 40, 360))
    frames[0].save(path, format_, save_all=True, append_images=frames[1:], duration=250, loop=0, lossless=True)
    with av.open(io.BytesIO(cut_file(str(path), 0.0, 1.0, "encode", 10)["video"])) as container:
        frame = next(container.decode(video=0))
    assert (int(frame.colorspace), int(frame.color_range)) == (1, 1)
    y, cb, cr = (int(np.frombuffer(plane, np.uint8).reshape(plane.height, -1)[plane.height // 2, plane.width - 20]) for plane in frame.planes)
    r, g, b = 200 / 255, 40 / 255, 40 / 255
    light = 0.2126 * r + 0.7152 * g + 0.0722 * b  # ITU-R BT.709, 3.2 and 3.4
    assert (y, cb, cr) == (pytest.approx(16 + 219 * light, abs=3), pytest.approx(128 + 224 * (b - light) / 1.8556, abs=3),
                           pytest.approx(128 + 224 * (r - light) / 1.5748, abs=3))


@pytest.mark.parametrize("mode", ["smart", "copy", "encode"])
def test_an_flv_whose_sound_comes_first_is_cut_from_its_start(tmp_path: Path, mode: str) -> None:
    """There is nothing of its picture at 0 to seek to, and FFmpeg calls that not permitted: the first clip of each such file was lost."""
    path = tmp_path / "film.flv"
    with av.open(str(path), "w") as target:
        sound = target.add_stream("libmp3lame", rate=44100)
        picture = target.add_stream("flv", rate=24)
        picture.width, picture.height, picture.pix_fmt = 320, 240, "yuv420p"
        for i in range(72):
            frame = av.VideoFrame.from_ndarray(np.full((240, 320, 3), 60 + 2 * i, np.uint8), format="rgb24")
            target.mux(picture.encode(frame))
            tone = (0.2 * np.sin(np.arange(i * 1837, (i + 1) * 1837) / 20)).astype(np.float32)
            part = av.AudioFrame.from_ndarray(tone[None], format="fltp", layout="mono")
            part.sample_rate, part.pts = 44100, i * 1837
            target.mux(sound.encode(part))
        target.mux(picture.encode(None))
        target.mux(sound.encode(None))
    with av.open(str(path)) as source_:
        assert source_.streams.video[0].start_time > 0, "else it proves nothing"
    found = cut_file(str(path), 0.025, 2.5, mode, 23)
    with av.open(io.BytesIO(found["video"])) as cut:
        assert 55 <= sum(1 for _ in cut.decode(video=0)) <= 62

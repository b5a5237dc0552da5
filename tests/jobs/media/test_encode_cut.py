"""Cut clips hold exactly the frames of their span, in step with their sound, whatever the source."""

import io
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from jobs.clean.measure import measure_file
from jobs.media import avc, smart, track
from jobs.media.cut import cut_clip, cut_file
from jobs.media.encode import encode_audio, encode_video
from jobs.media.faults import MissingFile, Uncuttable
from jobs.media.probe import turn
from jobs.media.track import encode_frames
from jobs.media.window import frames
from schemas.settings import Measure

RATE = 48_000


def numbered(count: int, width: int = 96, height: int = 64) -> np.ndarray:
    """Frames that carry their number in brightness bars, so that each can be told from its neighbours after coding."""
    frames = np.full((count, height, width, 3), 60, np.uint8)
    for i in range(count):
        for bit in range(8):
            frames[i, 8:56, bit * 12 + 1:bit * 12 + 11] = 220 if i >> bit & 1 else 30
    return frames


def number_of(frame: Any) -> int:
    grey = frame.to_ndarray(format="gray")
    grey = grey[:, :: max(1, grey.shape[1] // 96)]
    middle = grey[grey.shape[0] // 3: 2 * grey.shape[0] // 3].mean(axis=0)
    return sum(1 << bit for bit in range(8) if middle[bit * 12 + 3:bit * 12 + 9].mean() > 125)


def clicks(seconds: float) -> np.ndarray:
    """A click at every full half second: where the sound is, is heard."""
    sound = np.zeros(int(seconds * RATE), np.float32)
    for at in range(0, sound.size, RATE // 2):
        sound[at:at + 240] = 0.8
    return sound


def decoded(data: bytes) -> tuple[list[float], list[int]]:
    with av.open(io.BytesIO(data)) as container:
        frames = [(f.time, number_of(f), f.is_corrupt) for f in container.decode(video=0)]
    assert not any(corrupt for _, _, corrupt in frames)
    return [t for t, _, _ in frames], [n for _, n, _ in frames]


def heard_clicks(data: bytes) -> list[float]:
    with av.open(io.BytesIO(data)) as container:
        parts, start = [], None
        for frame in container.decode(audio=0):
            start = frame.time if start is None else start
            parts.append(frame.to_ndarray()[0])
    line = np.abs(np.concatenate(parts))
    loud = np.flatnonzero(line > 0.3)
    firsts = loud[np.concatenate([[True], np.diff(loud) > RATE // 4])]
    return [float(start + at / RATE) for at in firsts]


def source(tmp_path: Path, gop: int, count: int = 100, bframes: int = 2, container: str = "mp4", audio: bool = True,
           crf: int = 16) -> Path:
    """An x264 video of known groups of pictures."""
    path = tmp_path / f"source.{container}"
    with av.open(str(path), "w", format={"mkv": "matroska", "ts": "mpegts"}.get(container, container)) as out:
        stream = out.add_stream("libx264", rate=25, options={
            "crf": str(crf), "x264-params": f"keyint={gop}:min-keyint={gop}:scenecut=0:bframes={bframes}:threads=1"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        sound = out.add_stream("aac", rate=RATE, layout="mono") if audio else None
        for i, pixels in enumerate(numbered(count)):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = i, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        if sound is not None:
            line = clicks(count / 25)
            for at in range(0, line.size, 1024):
                frame = av.AudioFrame.from_ndarray(line[None, at:at + 1024], format="fltp", layout="mono")
                frame.sample_rate, frame.pts, frame.time_base = RATE, at, Fraction(1, RATE)
                out.mux(sound.encode(frame))
            out.mux(sound.encode(None))
    return path


@pytest.mark.parametrize(("gop", "bframes", "container", "how"), [
    pytest.param(10, 2, "mp4", "smart", id="short-groups"),
    pytest.param(10, 0, "mp4", "smart", id="no-b-frames"),
    pytest.param(12, 3, "mkv", "smart", id="matroska"),
    pytest.param(12, 2, "ts", "smart", id="annex-b-in-mpegts"),
    pytest.param(250, 2, "mp4", "encode", id="one-group-only"),
])
def test_a_smart_cut_holds_exactly_its_frames(tmp_path: Path, gop: int, bframes: int, container: str, how: str) -> None:
    path = source(tmp_path, gop, 100, bframes, container)
    cut = cut_clip(path, 0.9, 3.3, "smart")
    assert cut.cut == how
    times, numbers = decoded(cut.video)
    first = 22 if container == "ts" else 23  # A transport stream begins with its sound, 21 ms before the picture.
    assert cut.start_s == pytest.approx(first / 25, abs=0.025)
    assert numbers == list(range(first, first + len(numbers)))
    assert len(numbers) == 60
    assert times == [pytest.approx(i / 25, abs=2e-3) for i in range(60)]


def test_what_is_coded_without_loss_is_not_copied_between_lossy_ends(tmp_path: Path) -> None:
    """FFmpeg's decoder does not go from one to the other within a track: the copied pictures were noise."""
    cut = cut_clip(source(tmp_path, 10, crf=0), 0.9, 3.3, "smart")
    assert (cut.cut, decoded(cut.video)[1]) == ("encode", list(range(23, 83)))


@pytest.mark.parametrize(("codec", "form"), [("libx264", "h264"), ("libx265", "hevc")])
def test_a_bare_stream_is_cut_by_the_rate_that_stands_in_it(tmp_path: Path, codec: str, form: str) -> None:
    path = tmp_path / "bare"
    with av.open(str(path), "w", format=form) as out:
        stream = out.add_stream(codec, rate=20, options={"x265-params": "log-level=none"} if codec == "libx265" else {})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for i, picture in enumerate(numbered(60)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
            frame.pts = i
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    made = measure_file(str(path), "video", Measure().model_dump())
    assert (made["frames"], made["duration_s"]) == (60, pytest.approx(3.0))
    cut = cut_clip(path, 0.95, 2.0, "smart")
    times, numbers = decoded(cut.video)
    assert (cut.start_s, numbers) == (pytest.approx(0.95), list(range(19, 40)))
    assert times == [pytest.approx(i / 20, abs=2e-3) for i in range(21)]


@pytest.mark.parametrize("mode", ["smart", "encode", "copy"])
def test_sound_stays_in_step(tmp_path: Path, mode: str) -> None:
    path = source(tmp_path, 10)
    cut = cut_clip(path, 0.9, 3.3, mode)
    wanted = [t - cut.start_s for t in (0.5, 1.0, 1.5, 2.0, 2.5, 3.0) if t >= cut.start_s]
    for data in (cut.video, cut.audio):
        assert heard_clicks(data) == [pytest.approx(t, abs=0.01) for t in wanted]
    times, numbers = decoded(cut.video)
    assert times[0] == pytest.approx(0.0, abs=1e-3)
    assert numbers[0] == round(cut.start_s * 25)
    assert (cut.media_type, cut.audio_type) == ("video/mp4", "audio/mp4")


def test_a_copy_begins_at_the_keyframe_before_and_says_so(tmp_path: Path) -> None:
    cut = cut_clip(source(tmp_path, 10), 0.9, 2.0, "copy")
    assert (cut.cut, cut.start_s) == ("copy", pytest.approx(0.8))
    assert decoded(cut.video)[1][0] == 20


@pytest.mark.parametrize("container", ["mp4", "webm"])
def test_a_whole_source_that_says_where_it_was_filmed_goes_out_without(tmp_path: Path, container: str) -> None:
    plain, path = source(tmp_path, 12), tmp_path / f"placed.{container}"
    key, stored = {"mp4": ("location", b"loci"), "webm": ("RECORDING_LOCATION", b"29.6516")}[container]
    with av.open(str(plain)) as read, av.open(str(path), "w", format=container) as out:
        out.metadata[key] = "+29.6516+091.1175/"
        if container == "mp4":
            stream = out.add_stream_from_template(read.streams.video[0])
            for packet in read.demux(video=0):
                if packet.size:
                    packet.stream = stream
                    out.mux(packet)
        else:
            stream = out.add_stream("libvpx", rate=25)
            stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 96, 64, "yuv420p", 2_000_000
            for frame in read.decode(video=0):
                frame.pict_type = 0
                out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
    assert stored in path.read_bytes()
    cut = cut_clip(path, 0.0, 100 / 25)
    assert cut.cut == {"mp4": "copy", "webm": "encode"}[container]
    assert stored not in cut.video
    assert decoded(cut.video)[1] == list(range(100))


def box(name: bytes, body: bytes) -> bytes:
    return (8 + len(body)).to_bytes(4, "big") + name + body


@pytest.mark.parametrize("told", [
    pytest.param(box(b"uuid", b"\xbe\x7a\xcf\xcb\x97\xa9\x42\xe8<exif:GPSLatitude>29,39.1N"), id="xmp"),
    pytest.param(box(b"free", b"freeGPS N50.1 E008.6"), id="of-a-dash-cam"),
    pytest.param(box(b"moov", box(b"udta", box(b"\xa9xyz", b"\0\x12\x15\xc7+29.6516+091.1175/"))), id="another-index"),
    pytest.param(b"N50.1 E008.6", id="no-box"),
])
def test_a_film_with_parts_that_are_no_film_goes_out_without(tmp_path: Path, told: bytes) -> None:
    path = source(tmp_path, 12)
    path.write_bytes(path.read_bytes() + told)
    cut = cut_clip(path, 0.0, 4.0)
    assert cut.cut == "copy"
    assert told[-12:] not in cut.video
    assert decoded(cut.video)[1] == list(range(100))
    assert cut_clip(path, 0.0, 4.0).video == cut.video


@pytest.mark.parametrize(("container", "codec", "options"), [
    ("mp4", "libx264", {"movflags": "faststart"}), ("mp4", "libx264", {"movflags": "frag_keyframe+empty_moov"}),
    ("mp4", "libx264", {"moov_size": "20000"}), ("webm", "libvpx", {}), ("webm", "libvpx", {"live": "1"}),
    ("webm", "libvpx-vp9", {"cues_to_front": "1", "reserve_index_space": "5000"}),
])
def test_films_as_programs_write_them_go_out_as_they_are(tmp_path: Path, container: str, codec: str, options: dict[str, str]) -> None:
    path = tmp_path / f"a.{container}"
    with av.open(str(path), "w", format=container, options=options) as out:
        stream = out.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for pixels in numbered(30):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        out.mux(stream.encode(None))
    cut = cut_clip(path, 0.0, 1.2)
    assert (cut.cut, cut.video) == ("whole", path.read_bytes())
    void, free = b"\xec\x8cN50.1 E008.6", box(b"skip", b"N50.1 E008.6")
    path.write_bytes(path.read_bytes() + (void if container == "webm" else free))
    cut = cut_clip(path, 0.0, 1.2)
    assert cut.cut == ("encode" if codec == "libvpx" else "copy")
    assert b"N50.1 E008.6" not in cut.video


def test_the_whole_source_goes_out_as_it_is(tmp_path: Path) -> None:
    path = source(tmp_path, 10)
    cut = cut_clip(path, 0.0, 4.0, "smart")
    assert cut.cut == "whole"
    assert cut.video == path.read_bytes()
    assert cut_clip(path, 0.0, 3.9, "smart").cut == "smart"


def test_a_range_cuts_nothing() -> None:
    cut = cut_clip("nowhere.mp4", 1.0, 2.0, "range")
    assert (cut.video, cut.audio, cut.cut, cut.start_s) == (None, None, "range", 1.0)


def test_variable_frame_rates_keep_their_times(tmp_path: Path) -> None:
    path = tmp_path / "vfr.mp4"
    ticks = np.cumsum(np.random.default_rng(3).integers(20, 120, 60))
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"x264-params": "keyint=8:min-keyint=8:scenecut=0"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for i, pixels in enumerate(numbered(60)):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = int(ticks[i] - ticks[0]), Fraction(1, 1000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    shown = (ticks - ticks[0]) / 1000
    for mode in ("smart", "encode"):
        cut = cut_clip(path, float(shown[10]), float(shown[50]), mode)
        times, numbers = decoded(cut.video)
        assert numbers == list(range(10, 50))
        assert times == [pytest.approx(float(t - shown[10]), abs=2e-3) for t in shown[10:50]]


def test_a_turned_picture_comes_out_upright_when_encoded(tmp_path: Path) -> None:
    path = tmp_path / "turned.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.set_display_rotation(-90)
        frame_pixels = np.zeros((64, 96, 3), np.uint8)
        frame_pixels[:, :48] = 255
        for i in range(30):
            frame = av.VideoFrame.from_ndarray(frame_pixels, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = i, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    cut = cut_clip(path, 0.2, 0.8, "encode")
    with av.open(io.BytesIO(cut.video)) as container:
        frame = next(container.decode(video=0))
        picture = frame.to_ndarray(format="gray")
    assert (frame.rotation, picture.shape) == (0, (96, 64))
    assert picture[:40].mean() > 200
    assert picture[56:].mean() < 50


def test_an_animation_is_cut_like_a_video(tmp_path: Path) -> None:
    from PIL import Image

    first, *others = (Image.fromarray(frame) for frame in numbered(12))
    first.save(tmp_path / "a.webp", save_all=True, append_images=others, duration=[40, 120] * 6, lossless=True)
    starts = np.cumsum([0] + [0.04, 0.12] * 6)[:12]
    cut = cut_clip(tmp_path / "a.webp", 0.3, 0.7)
    inside = [i for i, t in enumerate(starts) if 0.3 <= t < 0.7]
    times, numbers = decoded(cut.video)
    assert (cut.cut, numbers) == ("encode", inside)
    assert times == pytest.approx([starts[i] - starts[inside[0]] for i in inside], abs=1e-3)
    assert cut.start_s == pytest.approx(starts[inside[0]], abs=1e-9)
    with pytest.raises(Uncuttable):
        cut_clip(tmp_path / "a.webp", 5.0, 6.0)


def test_sound_alone_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "sound.m4a"
    path.write_bytes(encode_audio(clicks(4), RATE))
    cut = cut_clip(path, 0.75, 2.75)
    assert cut.video is None
    assert heard_clicks(cut.audio) == [pytest.approx(t, abs=0.01) for t in (0.25, 0.75, 1.25, 1.75)]


def test_what_cannot_be_cut_says_why(tmp_path: Path) -> None:
    with pytest.raises(Uncuttable, match="between 90"):
        cut_clip(source(tmp_path, 10), 90.0, 91.0)
    with pytest.raises(MissingFile):
        cut_clip(tmp_path / "none.mp4", 0.0, 1.0)
    with pytest.raises(ValueError, match="empty"):
        cut_clip(tmp_path / "none.mp4", 1.0, 1.0)


@pytest.mark.parametrize("size", [(64, 48), (360, 202), (420, 236), (121, 91)])
def test_equal_frames_give_equal_bytes(size: tuple[int, int]) -> None:
    random = np.random.default_rng(0)
    frames = random.integers(0, 255, (12, size[1], size[0], 3), dtype=np.uint8)
    sound = random.normal(0, 0.1, (RATE, 2)).astype(np.float32).clip(-1, 1)
    made = {encode_video(frames, 24, audio=(sound, RATE)) for _ in range(4)}
    assert len(made) == 1
    with av.open(io.BytesIO(made.pop())) as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == (size[0] // 2 * 2, size[1] // 2 * 2)
        assert sum(1 for _ in container.decode(video=0)) == 12


def test_a_cut_gives_equal_bytes_twice(tmp_path: Path) -> None:
    path = str(source(tmp_path, 10))
    assert cut_file(path, 0.9, 3.3, "smart", 20) == cut_file(path, 0.9, 3.3, "smart", 20)


@pytest.mark.parametrize("frames", [np.zeros((0, 8, 8, 3), np.uint8), np.zeros((2, 1, 8, 3), np.uint8)])
def test_what_is_no_video_is_refused(frames: np.ndarray) -> None:
    with pytest.raises(ValueError, match="encode_video"):
        encode_video(frames, 25)


def test_parameter_sets_survive_both_layouts() -> None:
    data = encode_video(numbered(3), 25)
    with av.open(io.BytesIO(data)) as container:
        extradata = container.streams.video[0].codec_context.extradata
    sets = avc.parameter_sets(extradata)
    assert sets.length_size == 4
    assert avc.parameter_sets(avc.avcc(sets)).sps == sets.sps
    annex_b = b"".join(b"\0\0\0\1" + unit for unit in (*sets.sps, *sets.pps))
    assert avc.parameter_sets(annex_b).pps == sets.pps
    assert avc.set_number(sets.sps[0]) == 0
    assert avc.free_number(sets) == 1
    with pytest.raises(avc.AvcError):
        avc.parameter_sets(b"\1abc")


def test_a_picture_of_rgb_says_by_which_matrix_it_was_made_yuv(tmp_path: Path) -> None:
    """Matrix 0 stands for RGB itself, and H.264 has it with 4:4:4 alone."""
    path = tmp_path / "rgb.mkv"
    with av.open(str(path), "w", format="matroska") as out:
        stream = out.add_stream("libx264rgb", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "rgb24"
        for i in range(50):
            pixels = np.full((64, 96, 3), (200, 40, 40), np.uint8)
            pixels[:, i:i + 20] = (30, 60, 210)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = i, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    made = cut_clip(path, 0.0, 1.0, "encode").video
    assert made is not None
    with av.open(io.BytesIO(made)) as container:
        frame = next(container.decode(video=0))
    assert int(frame.colorspace) == 1
    assert np.abs(frame.to_ndarray(format="rgb24").astype(int)[40, 80] - (200, 40, 40)).max() < 12


def test_a_frame_is_not_kept_by_what_was_asked_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame whose side data were read is part of a cycle: it goes when rubbish is collected, some 160 frames later, and those of 4K are 2 GB."""
    asked: list[Any] = []
    monkeypatch.setattr(track, "turn", lambda frame: (asked.append(frame.pts), turn(frame))[1])
    assert cut_file(str(source(tmp_path, 250)), 0.5, 3.0, "encode", 30)["video"]
    assert len(asked) == 1


def test_the_ends_of_a_clip_are_encoded_while_they_are_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two ends of ten seconds of 4K are 6 GB of pictures."""
    shown: list[float] = []
    ahead: list[int] = []

    def counted(*arguments: Any) -> Any:
        for t, frame in frames(*arguments):
            shown.append(t)
            yield t, frame

    def encoded(given: Any, *rest: Any) -> Any:
        ahead.append(len(shown))
        return encode_frames(given, *rest)

    monkeypatch.setattr(smart, "frames", counted)
    monkeypatch.setattr(smart, "encode_frames", encoded)
    assert cut_file(str(source(tmp_path, 40)), 0.5, 3.5, "smart", 30)["cut"] == "smart"
    assert ahead == [1, ahead[-1]]
    assert ahead[-1] > 2
    assert len(shown) > ahead[-1] + 2

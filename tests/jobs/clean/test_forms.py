"""Forms that files have in the wild: order and offset of streams, display matrices, clocks, pictures of every orientation."""

import io
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data as pictures

from jobs.clean.found import Measured
from jobs.clean.measure import measure_file
from jobs.media.cut import cut_file
from jobs.media.faults import BrokenClock, PartlyUndecodable, Undecodable
from jobs.media.probe import probe
from schemas.settings import Measure

SETTINGS = Measure().model_dump()
FPS, RATE = 25, 48_000


def corners(width: int = 96, height: int = 64) -> np.ndarray:
    """A picture of which no turn and no reflection is another: four corners of four colours."""
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[: height // 2, : width // 2] = (230, 40, 40)
    rgb[: height // 2, width // 2 :] = (40, 200, 40)
    rgb[height // 2 :, : width // 2] = (40, 40, 230)
    rgb[height // 2 :, width // 2 :] = (220, 220, 60)
    return rgb


def film(container: str, order: str = "va", sound_s: float = 0.0, picture_s: float = 0.0, seconds: float = 2.0, codec: str = "libx264",
         turned: tuple[float, bool] | None = None, base: np.ndarray | None = None) -> bytes:
    """A moving picture with B-frames and a tone, the streams in the order given and begun at the times given."""
    out = io.BytesIO()
    if base is None:
        base = cv2.resize(pictures.astronaut(), (160, 96), interpolation=cv2.INTER_AREA)
    with av.open(out, "w", format=container, options={"avoid_negative_ts": "disabled"}) as target:
        streams: dict[str, Any] = {}
        for kind in order:
            if kind == "v":
                stream = target.add_stream(codec, rate=FPS, options={"bf": "2", "g": "10", "crf": "12"})
                stream.width, stream.height, stream.pix_fmt = base.shape[1], base.shape[0], "yuv420p"
                if turned is not None:
                    stream.set_display_rotation(turned[0], hflip=turned[1])
            else:
                stream = target.add_stream("mp2" if container == "mpegts" else "aac", rate=RATE, layout="mono")
            streams[kind] = stream
        packets = []
        for i in range(int(seconds * FPS)):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(np.roll(base, 2 * i if turned is None else 0, axis=1)), format="rgb24")
            frame.pts, frame.time_base = i + round(picture_s * FPS), Fraction(1, FPS)
            packets += streams["v"].encode(frame.reformat(format="yuv420p"))
        packets += streams["v"].encode(None)
        if "a" in order:
            line = (0.3 * np.sin(np.arange(int(seconds * RATE)) / 15)).astype(np.float32)[None]
            frame = av.AudioFrame.from_ndarray(line, format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = RATE, round(sound_s * RATE), Fraction(1, RATE)
            context = streams["a"].codec_context
            for piece in av.AudioResampler(context.format, "mono", RATE, context.frame_size or 1024).resample(frame):
                packets += streams["a"].encode(piece)
            packets += streams["a"].encode(None)
        for packet in sorted(packets, key=lambda p: float(p.dts * p.time_base)):
            target.mux(packet)
    return out.getvalue()


def measured(tmp_path: Path, data: bytes) -> Measured:
    path = tmp_path / "film"
    path.write_bytes(data)
    return Measured(**measure_file(str(path), "video", SETTINGS))


def shown(jpeg: bytes) -> np.ndarray:
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


@pytest.mark.parametrize("container", ["mp4", "matroska", "mpegts"])
@pytest.mark.parametrize("order", ["va", "av"])
def test_every_frame_is_seen_wherever_the_picture_stands_among_the_streams(tmp_path: Path, container: str, order: str) -> None:
    made = measured(tmp_path, film(container, order))
    assert (made.frames, made.damage, made.clips[0]["frame_count"]) == (50, 0.0, 50)


@pytest.mark.parametrize("container", ["mp4", "matroska"])
@pytest.mark.parametrize(("sound_s", "picture_s"), [(0.7, 0.0), (0.0, 0.7)], ids=["sound late", "picture late"])
def test_a_stream_that_begins_late_is_no_missing_part(tmp_path: Path, container: str, sound_s: float, picture_s: float) -> None:
    (clip,) = measured(tmp_path, film(container, sound_s=sound_s, picture_s=picture_s)).clips
    assert clip["start_s"] == pytest.approx(picture_s, abs=0.03)
    assert clip["end_s"] == pytest.approx(picture_s + 2.0, abs=0.03)
    assert clip["has_audio"]


@pytest.mark.parametrize("container", ["mp4", "matroska", "mpegts"])
def test_a_recording_that_was_on_for_an_hour_begins_at_zero(tmp_path: Path, container: str) -> None:
    (clip,) = measured(tmp_path, film(container, sound_s=3600.0, picture_s=3600.0)).clips
    assert (clip["start_s"], clip["end_s"]) == (pytest.approx(0.0, abs=0.1), pytest.approx(2.0, abs=0.1))


def test_recordings_that_were_joined_say_that_their_clock_starts_anew(tmp_path: Path) -> None:
    data = film("mpegts", "v")
    with pytest.raises(BrokenClock, match=r"49 of 100 frames .* joined"):
        measured(tmp_path, data + data)


def test_a_little_of_another_clock_is_left_out(tmp_path: Path) -> None:
    made = measured(tmp_path, film("mpegts", "v", seconds=20.0) + film("mpegts", "v", seconds=1.0))
    assert (made.frames, made.duration_s) == (500, pytest.approx(20.0, abs=0.1))


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_picture_stands_as_its_display_matrix_says(tmp_path: Path, degrees: int, mirrored: bool) -> None:
    wanted = np.rot90(corners(), degrees // 90)
    wanted = wanted[:, ::-1] if mirrored else wanted  # mirrored after the turn, as PyAV writes it
    (clip,) = measured(tmp_path, film("mp4", "v", turned=(degrees, mirrored), base=corners())).clips
    assert (clip["height"], clip["width"]) == wanted.shape[:2]
    assert np.abs(shown(clip["frames"][0]["jpeg"]).astype(int) - wanted).mean() < 6
    with av.open(io.BytesIO(cut_file(str(tmp_path / "film"), 0.3, 1.5, "encode", 10)["video"])) as container:
        frame = next(container.decode(video=0))
        assert frame.rotation == 0
        assert np.abs(frame.to_ndarray(format="rgb24").astype(int) - wanted).mean() < 6


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_still_stands_as_its_exif_says(tmp_path: Path, format_: str, orientation: int) -> None:
    undo = {2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
            5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_270}
    upright = Image.fromarray(corners())
    stored = upright.transpose(undo[orientation]) if orientation in undo else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "still", format_, exif=exif, quality=95)
    (clip,) = measure_file(str(tmp_path / "still"), "image", SETTINGS)["clips"]
    assert (clip["height"], clip["width"]) == (64, 96)
    assert np.abs(shown(clip["frames"][0]["jpeg"]).astype(int) - corners()).mean() < 6
    mirrored = np.asarray(stored)[:, ::-1] if orientation in (2, 4, 5, 7) else np.asarray(stored)
    assert (np.rot90(mirrored, -clip["rotation_deg"] // 90) == corners()).all()


@pytest.mark.parametrize(("name", "pixels"), [
    ("colour.png", np.full((64, 96, 3), 40_000, np.uint16)),
    ("clear.png", np.full((64, 96, 4), 40_000, np.uint16)),
    ("grey.png", np.full((64, 96), 40_000, np.uint16)),
    ("colour.tif", np.full((64, 96, 3), 40_000, np.uint16)),
])
def test_sixteen_bits_are_told_of_pictures_that_are_read_with_eight(tmp_path: Path, name: str, pixels: np.ndarray) -> None:
    cv2.imwrite(str(tmp_path / name), pixels)
    (clip,) = measure_file(str(tmp_path / name), "image", SETTINGS)["clips"]
    assert clip["bit_depth"] == 16


def test_a_grey_picture_of_twelve_bits_is_as_bright_as_it_was(tmp_path: Path) -> None:
    pixels = bytes.fromhex("c80c80") * (96 * 64 // 2)  # two of 0xc80, of which the top is 0xfff
    tags = [(256, 3, 96), (257, 3, 64), (258, 3, 12), (259, 3, 1), (262, 3, 1), (273, 4, 122), (277, 3, 1), (278, 3, 64), (279, 4, len(pixels))]
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags) + bytes(4)
    (tmp_path / "a.tif").write_bytes(struct.pack("<2sHI", b"II", 42, 8) + directory + pixels)
    (clip,) = measure_file(str(tmp_path / "a.tif"), "image", SETTINGS)["clips"]
    assert (clip["bit_depth"], clip["luma_mean"]) == (12, pytest.approx(200, abs=1))


@pytest.mark.parametrize("format_", ["GIF", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("loop", [{"loop": 0}, {}], ids=["endless", "once"])
def test_an_animation_has_all_its_frames_and_can_be_cut(tmp_path: Path, format_: str, loop: dict[str, int]) -> None:
    frames = [Image.fromarray(np.roll(corners(), 9 * i, axis=1)) for i in range(8)]
    path = tmp_path / "moving"
    frames[0].save(path, format_, save_all=True, append_images=frames[1:], duration=250, **loop)
    made = measure_file(str(path), "image", SETTINGS)
    assert (made["modality"], made["frames"], made["duration_s"]) == ("video", 8, pytest.approx(2.0, abs=0.01))
    with av.open(io.BytesIO(cut_file(str(path), 0.5, 1.5, "smart", 20)["video"])) as container:
        assert sum(1 for _ in container.decode(video=0)) == 4


def test_an_animated_png_lies_on_white_and_leaves_out_its_picture_for_other_programs(tmp_path: Path) -> None:
    clear, red = Image.new("RGBA", (96, 64), (0, 0, 0, 0)), Image.new("RGBA", (96, 64), (255, 0, 0, 255))
    spot = clear.copy()
    spot.putpixel((9, 9), (255, 255, 255, 255))
    red.save(tmp_path / "a.png", save_all=True, append_images=[clear, spot], default_image=True, duration=500)
    made = measure_file(str(tmp_path / "a.png"), "image", SETTINGS)
    assert (made["modality"], made["frames"], made["duration_s"]) == ("video", 2, pytest.approx(1.0))
    assert made["clips"][0]["luma_mean"] == pytest.approx(255, abs=1)


def longer_beside(container: str, beside: str, seconds: float) -> bytes:
    """Two seconds of film with another track that goes on: subtitles, or a commentary of one channel."""
    out = io.BytesIO()
    with av.open(io.BytesIO(film("mp4", "va"))) as source, av.open(out, "w", format=container) as target:
        to = {stream.index: target.add_stream_from_template(stream) for stream in source.streams}
        if beside == "subrip":
            more = target.add_mux_stream("subrip")
            line = av.Packet(b"the end")
            line.pts = line.dts = 500
            line.duration, line.time_base = round(1000 * seconds) - 500, Fraction(1, 1000)
            packets = [line]
        else:
            more = target.add_stream("aac", rate=RATE, layout="mono")
            sound = av.AudioFrame.from_ndarray(np.zeros((1, int(RATE * seconds)), np.float32), format="fltp", layout="mono")
            sound.sample_rate = RATE
            packets = [*more.encode(sound), *more.encode(None)]
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = to[packet.stream.index]
                target.mux(packet)
        for packet in packets:
            packet.stream = more
            target.mux(packet)
    return out.getvalue()


@pytest.mark.parametrize(("container", "beside"), [("matroska", "subrip"), ("matroska", "aac"), ("mp4", "aac")])
def test_a_film_is_not_cut_off_because_another_track_of_it_is_longer(container: str, beside: str, tmp_path: Path) -> None:
    (tmp_path / "film").write_bytes(longer_beside(container, beside, 4.0))
    made = measure_file(str(tmp_path / "film"), "video", SETTINGS)
    assert (made["modality"], made["duration_s"]) == ("video", pytest.approx(2.0, abs=0.1))
    (tmp_path / "film").write_bytes((whole := film(container, "va"))[: len(whole) * 6 // 10])
    if container == "matroska":  # a cut MP4 has no index
        with pytest.raises(PartlyUndecodable, match="of what the header promises"):
            measure_file(str(tmp_path / "film"), "video", SETTINGS)


def test_a_sticker_lies_on_white_in_every_format(tmp_path: Path) -> None:
    """A dark square of a twelfth of the picture, on nothing: AVIF keeps its transparency in a second stream."""
    frames = []
    for i in range(8):
        frames.append(Image.new("RGBA", (96, 64), (0, 0, 0, 0)))
        frames[-1].paste((0, 0, 0, 255), (8 * i, 20, 8 * i + 32, 36))
    for format_ in ("GIF", "PNG", "WEBP", "AVIF"):
        frames[0].save(tmp_path / "sticker", format_, save_all=True, append_images=frames[1:], duration=250, loop=0, disposal=2)
        made = measure_file(str(tmp_path / "sticker"), "image", SETTINGS)
        assert (made["modality"], made["frames"]) == ("video", 8), format_
        assert probe(io.BytesIO((tmp_path / "sticker").read_bytes())).alpha, format_
        assert made["clips"][0]["luma_mean"] == pytest.approx(255 * 11 / 12, abs=3), format_


def test_coding_blocks_are_seen_in_stills(tmp_path: Path) -> None:
    found = []
    for quality in (95, 5):
        Image.fromarray(pictures.coffee()).save(tmp_path / "still.jpg", quality=quality)
        found.append(measure_file(str(tmp_path / "still.jpg"), "image", SETTINGS)["clips"][0]["blockiness"])
    assert 0.8 < found[0] < 1.2
    assert found[1] > 1.5


def test_a_gif_of_one_frame_is_a_picture(tmp_path: Path) -> None:
    Image.fromarray(corners()).save(tmp_path / "still.gif", loop=0)
    made = measure_file(str(tmp_path / "still.gif"), "image", SETTINGS)
    assert made["modality"] == "image"
    assert [(c["start_s"], c["duration_s"], c["fps"]) for c in made["clips"]] == [(0.0, 0.0, None)]


def test_a_long_wave_file_is_heard(tmp_path: Path) -> None:
    path = tmp_path / "sound"
    with av.open(str(path), "w", format="w64") as out:
        stream = out.add_stream("pcm_s24le", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray((np.sin(np.arange(2 * RATE) / 15) * 2**30).astype(np.int32)[None], format="s32", layout="mono")
        frame.sample_rate = RATE
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    made = measure_file(str(path), "audio", SETTINGS)
    assert (made["modality"], made["clips"][0]["audio_codec"]) == ("audio", "pcm_s24le")
    assert made["clips"][0]["duration_s"] == pytest.approx(2.0, abs=0.02)


@pytest.mark.parametrize(("pixels", "bits"), [("yuv420p", 8), ("yuv420p10le", 10)])
@pytest.mark.parametrize(("transfer", "hdr"), [(1, False), (16, True), (18, True)])
def test_depth_and_transfer_of_an_avif_are_those_of_its_boxes(tmp_path: Path, pixels: str, bits: int, transfer: int, hdr: bool) -> None:
    path = tmp_path / "still.avif"
    with av.open(str(path), "w", format="avif") as target:
        stream = target.add_stream("libsvtav1", rate=1)
        stream.width, stream.height, stream.pix_fmt = 192, 128, pixels
        stream.codec_context.color_trc, stream.codec_context.color_primaries, stream.codec_context.colorspace = transfer, 9, 9
        picture = av.VideoFrame.from_ndarray(cv2.resize(corners(), (192, 128)), format="rgb24").reformat(format=pixels)
        for packet in [*stream.encode(picture), *stream.encode(None)]:
            target.mux(packet)
    (clip,) = measure_file(str(path), "image", SETTINGS)["clips"]
    assert (clip["bit_depth"], clip["hdr"]) == (bits, hdr)


ADOBE = np.array([[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]])
"""Adobe RGB (1998) to XYZ at D50, with a gamma of 2.2."""


def wide_profile() -> bytes:
    """A matrix profile of Adobe RGB, ICC version 2."""
    def tagged(kind: bytes, *numbers: float) -> bytes:
        return kind + bytes(4) + b"".join(round(n * 65536).to_bytes(4, "big", signed=True) for n in numbers)

    gamma = b"curv" + bytes(4) + (1).to_bytes(4, "big") + round(2.2 * 256).to_bytes(2, "big") + bytes(2)
    text = b"desc" + bytes(4) + (5).to_bytes(4, "big") + b"wide\0" + bytes(78)
    tags = {b"desc": text, b"cprt": b"text" + bytes(4) + b"none\0\0\0\0", b"wtpt": tagged(b"XYZ ", 0.9642, 1.0, 0.8249),
            **{name + b"XYZ": tagged(b"XYZ ", *ADOBE[:, i]) for i, name in enumerate((b"r", b"g", b"b"))},
            **{name + b"TRC": gamma for name in (b"r", b"g", b"b")}}
    table, body, at = len(tags).to_bytes(4, "big"), b"", 132 + 12 * len(tags)
    for name, data in tags.items():
        data += bytes(-len(data) % 4)
        table += name + (at + len(body)).to_bytes(4, "big") + len(data).to_bytes(4, "big")
        body += data
    head = bytes(4) + b"lcms" + bytes.fromhex("02100000") + b"mntrRGB XYZ " + bytes(12) + b"acsp" + bytes(28)
    head += b"".join(round(n * 65536).to_bytes(4, "big") for n in (0.9642, 1.0, 0.8249))
    whole = head.ljust(128, b"\0") + table + body
    return len(whole).to_bytes(4, "big") + whole[4:]


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_a_colour_profile_is_heeded_and_a_broken_one_is_not(tmp_path: Path, format_: str) -> None:
    colour = np.array([110, 160, 90])
    to_srgb = np.linalg.inv(np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]]))
    linear = np.clip(to_srgb @ ADOBE @ (colour / 255) ** 2.2, 0, 1)
    wanted = 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    assert np.abs(wanted - colour).max() > 15
    image = Image.fromarray(np.full((64, 96, 3), colour, np.uint8))
    for profile, expected in ((wide_profile(), wanted), (wide_profile()[:90] + b"nonsense", colour), (b"", colour)):
        image.save(tmp_path / "still", format_, quality=100, icc_profile=profile)
        (clip,) = measure_file(str(tmp_path / "still"), "image", SETTINGS)["clips"]
        assert np.abs(shown(clip["frames"][0]["jpeg"]).mean(axis=(0, 1)) - expected).max() < 5


def avi(codec: str, b_frames: int, times: list[int]) -> bytes:
    """A moving picture whose frames are shown at these places; an AVI keeps a place that has no frame as an empty packet."""
    out, base = io.BytesIO(), cv2.resize(pictures.astronaut(), (160, 96), interpolation=cv2.INTER_AREA)
    with av.open(out, "w", format="avi") as target:
        stream = target.add_stream(codec, rate=FPS, options={"bf": str(b_frames), "b_strategy": "0", "g": "20"} if codec == "libx264" else {})
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for i, at in enumerate(times):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(np.roll(base, 2 * i, axis=1)), format="rgb24").reformat(format=stream.pix_fmt)
            frame.pts, frame.time_base = at, Fraction(1, FPS)
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return out.getvalue()


@pytest.mark.parametrize("b_frames", [0, 3])
@pytest.mark.parametrize("mode", ["smart", "copy", "encode"])
def test_frames_of_an_avi_come_evenly_and_all_though_it_knows_only_how_they_are_decoded(tmp_path: Path, b_frames: int, mode: str) -> None:
    (clip,) = measured(tmp_path, avi("libx264", b_frames, list(range(60)))).clips
    assert (clip["frame_count"], clip["fps"], clip["vfr"]) == (60, pytest.approx(FPS), False)
    cut = cut_file(str(tmp_path / "film"), clip["start_s"] + 0.4, clip["start_s"] + 1.4, mode, 23)
    with av.open(io.BytesIO(cut["video"])) as made:
        times = np.array([float(frame.pts * frame.time_base) for frame in made.decode(video=0)])
    assert len(times) >= FPS
    assert np.diff(times) == pytest.approx(1 / FPS, abs=2e-3)


@pytest.mark.parametrize("codec", ["mpeg4", "mjpeg", "ffv1"])
def test_an_avi_that_leaves_frames_out_is_whole(tmp_path: Path, codec: str) -> None:
    assert len(measured(tmp_path, avi(codec, 0, list(range(0, 80, 2)))).clips) == 1


def test_half_an_avi_is_still_told(tmp_path: Path) -> None:
    whole = avi("mjpeg", 0, list(range(100)))
    with pytest.raises(PartlyUndecodable, match="of what the header promises"):
        measured(tmp_path, whole[: len(whole) // 2])


def test_a_picture_that_nothing_decodes_is_no_sound(tmp_path: Path) -> None:
    damaged = film("mp4").replace(b"avc1", b"avk1")
    with pytest.raises(Undecodable, match="no decoder for its picture"):
        measured(tmp_path, damaged)
    with (tmp_path / "film").open("rb") as file:
        assert probe(file).modality == "video"


def test_a_screen_that_stands_still_is_frozen_and_loses_no_clip(tmp_path: Path) -> None:
    """As a recorder of a browser writes a page on which nothing happens: a frame only where something changes."""
    out = io.BytesIO()
    with av.open(out, "w", format="matroska") as target:
        stream = target.add_stream("libx264", rate=FPS, options={"bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        for i, at in enumerate([*range(50), 50 + 40 * FPS, 51 + 40 * FPS]):
            base = cv2.resize(pictures.astronaut(), (160, 96), interpolation=cv2.INTER_AREA)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(np.roll(base, 2 * min(i, 49), axis=1)), format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = at, Fraction(1, FPS)
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    clips = measured(tmp_path, out.getvalue()).clips
    assert all(clip["luma_mean"] is not None and clip["frames"] for clip in clips)
    assert sum(clip["duration_s"] for clip in clips) == pytest.approx(42.1, abs=0.5)
    assert sum((clip["freeze_share"] or 0) * clip["duration_s"] for clip in clips) == pytest.approx(40, abs=1)


@pytest.mark.parametrize(("codec", "pixels", "container"), [("qtrle", "rgb555be", "mov"), ("rawvideo", "rgb555le", "avi"), ("rawvideo", "monob", "avi")])
def test_pixels_of_few_bits_are_measured_as_others_are(tmp_path: Path, codec: str, pixels: str, container: str) -> None:
    out, base = io.BytesIO(), cv2.resize(pictures.astronaut(), (192, 144), interpolation=cv2.INTER_AREA)
    with av.open(out, "w", format=container) as target:
        stream = target.add_stream(codec, rate=FPS)
        stream.width, stream.height, stream.pix_fmt = 192, 144, pixels
        for i in range(50):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(np.roll(base, 2 * i, axis=1)), format="rgb24").reformat(format=pixels)
            frame.pts, frame.time_base = i, Fraction(1, FPS)
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    (clip,) = measured(tmp_path, out.getvalue()).clips
    assert clip["luma_mean"] == pytest.approx(float(cv2.cvtColor(base, cv2.COLOR_RGB2GRAY).mean()), abs=14)


def test_sound_is_as_long_as_a_picture_whose_last_frame_stands(tmp_path: Path) -> None:
    out, base = io.BytesIO(), cv2.resize(pictures.astronaut(), (160, 96), interpolation=cv2.INTER_AREA)
    with av.open(out, "w", format="matroska") as target:
        stream, sound = target.add_stream("libx264", rate=FPS, options={"bf": "0"}), target.add_stream("aac", rate=RATE, layout="mono")
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        packets = []
        for i in range(125):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(np.roll(base, 2 * i, axis=1)), format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = i, Fraction(1, FPS)
            packets += stream.encode(frame)
        packets += stream.encode(None)
        packets[-1].duration = round(3 / packets[-1].time_base)
        line = (0.3 * np.sin(np.arange(round(7.96 * RATE)) / 15)).astype(np.float32)[None]
        tone = av.AudioFrame.from_ndarray(line, format="fltp", layout="mono")
        tone.sample_rate, tone.pts, tone.time_base = RATE, 0, Fraction(1, RATE)
        for piece in av.AudioResampler("fltp", "mono", RATE, 1024).resample(tone):
            packets += sound.encode(piece)
        packets += sound.encode(None)
        for packet in sorted(packets, key=lambda p: float(p.dts * p.time_base)):
            target.mux(packet)
    assert all(abs(clip["av_skew_s"]) < 0.1 for clip in measured(tmp_path, out.getvalue()).clips)


@pytest.mark.parametrize(("values", "brightest"), [((0.0, 1.0), 255), ((0.0, 1.02), 255), ((0.0, 4.0, 0.3), 255), ((0.0, 200.0), 200), ((0.0, 3.0), 3), ((0.0, 1.0, np.inf), 255)])
def test_a_picture_of_floats_is_as_bright_as_they_mean(tmp_path: Path, values: tuple[float, ...], brightest: int) -> None:
    from jobs.media.picture import open_picture, rgb

    Image.fromarray(np.array([values] * 8, np.float32)).save(tmp_path / "film", "TIFF")
    with (tmp_path / "film").open("rb") as file:
        assert rgb(open_picture(file)).max() == brightest

"""Every measurement against a reference implementation, or against what was put into the picture."""

import io
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data as pictures

from jobs.clean.filters import text_area
from jobs.clean.found import Measured
from jobs.clean.measure import measure_file
from jobs.clean.measures import Picture, coarse_size, colour, freeze, measurements, motion, phash, sharpness
from jobs.clean.measures import blockiness as blockiness_of
from jobs.clean.seen import TOGETHER
from jobs.media.area import means
from jobs.media.encode import encode_video
from jobs.media.planes import SKETCH
from schemas.clips import CLIPS
from schemas.settings import Measure

RATE = 48_000
SETTINGS = Measure().model_dump()


@pytest.fixture
def measured(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """The first clip of a video made of frames."""
    def measure(frames: Any, fps: float = 25, sound: np.ndarray | None = None, crf: int = 12) -> dict[str, Any]:
        path = tmp_path / "made.mp4"
        path.write_bytes(encode_video(frames, fps, crf, (sound, RATE) if sound is not None else None))
        return Measured(**measure_file(str(path), "video", SETTINGS)).clips[0]
    return measure


def photo(width: int = 480, height: int = 270) -> np.ndarray:
    return cv2.resize(pictures.astronaut(), (width, height), interpolation=cv2.INTER_AREA)


def panning(seconds: float, speed_px: float, fps: int = 25, width: int = 480, height: int = 270) -> list[np.ndarray]:
    """A picture that moves sideways at so many pixels a second."""
    world = np.concatenate(
        [cv2.resize(pictures.astronaut(), (width, height)), cv2.resize(pictures.coffee(), (width, height))] * 3, axis=1
    )
    out = []
    for i in range(int(seconds * fps)):
        move = np.float32([[1, 0, -speed_px * i / fps], [0, 1, 0]])
        out.append(cv2.warpAffine(world, move, (width, height), flags=cv2.INTER_LINEAR))
    return out


def as_picture(rgb: np.ndarray) -> Picture:
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24").reformat(
        format="yuvj420p", dst_color_range="JPEG"
    )
    planes = []
    for plane in frame.planes:
        planes.append(
            np.ascontiguousarray(np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width])
        )
    y, u, v = planes
    half = cv2.resize(y, (y.shape[1] // 2, y.shape[0] // 2), interpolation=cv2.INTER_AREA)
    return Picture(0.0, y, u, v, half, y, 8, True, coarse=means(y, y.shape[1], *coarse_size(*half.shape[::-1]), 0.0, 1.0))


def test_every_measurement_fills_columns_of_the_contract_and_none_twice() -> None:
    names = [column for m in measurements().values() for column in m.columns]
    assert len(names) == len(set(names))
    assert set(names) <= set(CLIPS.schema.names)
    assert all(m.version >= 1 for m in measurements().values())


# pictures

def test_luma_and_contrast_are_those_of_the_picture(measured: Callable[..., dict[str, Any]]) -> None:
    rgb = photo()
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float64)
    clip = measured([rgb] * 30)
    luma709 = rgb.astype(np.float64) @ [0.2126, 0.7152, 0.0722]
    assert clip["luma_mean"] == pytest.approx(luma709.mean(), abs=1.5)
    assert clip["luma_std"] == pytest.approx(grey.std(), rel=0.06)


def test_sharpness_is_the_variance_of_opencvs_laplacian() -> None:
    for rgb in (photo(398, 224), np.ascontiguousarray(photo(398, 224)[:7, :9])):
        y = as_picture(rgb[:rgb.shape[0] // 2 * 2, :rgb.shape[1] // 2 * 2]).y
        assert sharpness.variance(y) == pytest.approx(cv2.Laplacian(y, cv2.CV_64F).var(), rel=1e-9)


def test_blur_lowers_sharpness_step_by_step(measured: Callable[..., dict[str, Any]]) -> None:
    rgb = photo()
    values = [
        measured([rgb if sigma == 0 else cv2.GaussianBlur(rgb, (0, 0), sigma)] * 12)["sharpness"] for sigma in (0, 1.5, 3, 6)
    ]
    assert values == sorted(values, reverse=True)
    assert values[1] < 0.5 * values[0]


def test_colourfulness_is_that_of_hasler_and_suesstrunk() -> None:
    for rgb in (photo(), cv2.resize(pictures.coffee(), (300, 200)), np.repeat(photo()[..., :1], 3, axis=2)):
        r, g, b = (rgb[..., i].astype(np.float64) for i in range(3))
        rg, yb = r - g, (r + g) / 2 - b
        wanted = math.hypot(rg.std(), yb.std()) + 0.3 * math.hypot(rg.mean(), yb.mean())
        assert colour.look(as_picture(rgb))[0] == pytest.approx(wanted, rel=0.06, abs=1.5)


@pytest.mark.parametrize("speed", [5.0, 27.0, 135.0, 400.0])
def test_motion_is_the_speed_in_short_sides_a_second(measured: Callable[..., dict[str, Any]], speed: float) -> None:
    clip = measured(panning(2, speed))
    assert clip["motion"] == pytest.approx(speed / 270, rel=0.2, abs=0.01)
    assert clip["camera_motion"] == pytest.approx(speed / 270, rel=0.25, abs=0.01)
    assert clip["object_motion"] < 0.35 * clip["motion"] + 0.01


def test_motion_depends_neither_on_size_nor_on_frame_rate(measured: Callable[..., dict[str, Any]]) -> None:
    large = measured(panning(2, 270.0, 50, 960, 540), 50)["motion"]
    small = measured(panning(2, 135.0, 25, 480, 270), 25)["motion"]
    slow = measured(panning(2, 135.0, 10, 480, 270), 10)["motion"]
    assert [large, slow] == [pytest.approx(small, rel=0.2)] * 2


def test_an_object_moves_and_the_camera_does_not(measured: Callable[..., dict[str, Any]]) -> None:
    frames = []
    for i in range(50):
        frame = photo().copy()
        cv2.circle(frame, (60 + 6 * i, 135), 40, (250, 240, 20), -1)
        frames.append(frame)
    clip = measured(frames)
    assert clip["object_motion"] > 2 * clip["camera_motion"]


def test_the_similarity_fit_takes_out_a_zoom_and_a_turn() -> None:
    y, x = np.mgrid[0:112, 0:200].astype(np.float32)
    flow = np.stack([0.02 * (x - 90) - 0.01 * (y - 50) + 1, 0.02 * (y - 50) + 0.01 * (x - 90) - 2], axis=-1).astype(np.float32)
    noise = np.random.default_rng(0).integers(0, 255, (112, 200)).astype(np.uint8)
    whole, camera, left, right, down, zoom = motion._split(flow, noise)
    assert left == pytest.approx(0, abs=1e-5)
    assert camera == pytest.approx(whole, rel=1e-5)
    assert (right, down, zoom) == pytest.approx((0.02 * 9.5 - 0.01 * 5.5 + 1, 0.02 * 5.5 + 0.01 * 9.5 - 2, 0.02), rel=1e-4)


def test_what_moves_on_less_than_half_of_the_picture_does_not_bend_the_camera() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (112, 200)).astype(np.uint8)
    flow = np.zeros((112, 200, 2), np.float32)
    flow[:, :80] = (1.5, 0.5)
    _, camera, left, *_ = motion._split(flow, noise)
    assert camera < 0.02
    assert left == pytest.approx(0.4 * np.hypot(1.5, 0.5), rel=0.05)


def test_flow_of_a_plain_ground_is_not_believed() -> None:
    """A pan over a wall: DIS sees the edges move and the wall stand still."""
    luma = np.full((112, 200), 90, np.uint8)
    luma[:, :70] = np.random.default_rng(0).integers(0, 255, (112, 70))
    flow = np.zeros((112, 200, 2), np.float32)
    flow[:, :72] = (2, 0)
    _, camera, left, right, *_ = motion._split(flow, luma)
    assert (camera, left, right) == pytest.approx((2, 0, 2), abs=0.02)


def test_motion_does_not_depend_on_what_was_measured_before() -> None:
    """OpenCV's flow changes its own scales for good at a picture that is too small for them."""
    large, small = ([as_picture(f) for f in panning(0.2, 60, width=w, height=h)] for w, h in ((398, 224), (64, 48)))
    before = motion.compare(large[0], large[2].coarse, 0.08)
    motion.compare(small[0], small[2].coarse, 0.08)
    assert motion.compare(large[0], large[2].coarse, 0.08) == before


def test_frozen_and_repeated_frames_are_counted(measured: Callable[..., dict[str, Any]]) -> None:
    moving = panning(2, 120)
    still = measured(moving[:25] + [moving[25]] * 75)
    assert still["freeze_share"] == pytest.approx(0.75, abs=0.05)
    assert still["duplicate_frame_share"] == pytest.approx(0.75, abs=0.06)
    repeated = measured([f for f in moving for _ in range(2)], 50)
    assert repeated["duplicate_frame_share"] == pytest.approx(0.5, abs=0.05)
    assert repeated["freeze_share"] == 0
    assert measured(moving)["duplicate_frame_share"] == 0


def test_groups_of_sketches_and_their_differences_are_those_of_their_formulas() -> None:
    random = np.random.default_rng(2)
    sketches = random.integers(0, 256, (4 * 7 + 3, SKETCH)).astype(np.uint8)
    averages, variances = freeze._groups(sketches, 4)
    luma = sketches[:28, :192].reshape(7, 4, 192).astype(float)
    assert averages == pytest.approx(luma.mean(axis=1))
    assert variances == pytest.approx(luma.var(axis=1, ddof=1))
    usual = averages.mean(axis=0)
    left = [np.abs(one - np.polyval(np.polyfit(usual, one, 1), usual)) for one in averages]
    assert freeze._differences(averages) == pytest.approx(np.max(left, axis=0))


@pytest.mark.parametrize(("top", "left", "wide", "still"), [(0, 12, 4, True), (10, 0, 16, True), (5, 5, 4, False), (0, 8, 8, True), (5, 12, 4, False)])
def test_a_picture_stands_still_but_for_a_corner_or_a_strip(top: int, left: int, wide: int, still: bool) -> None:
    random = np.random.default_rng(3)
    picture = np.repeat(random.integers(20, 230, (1, 12, 16)), 10, axis=0).astype(float)
    picture[5:, top:top + 2, left:left + wide] += 20
    assert freeze._is_one(picture.reshape(10, -1), np.zeros((10, 192))) == still


def test_samples_that_fill_the_last_batch_are_all_measured(measured: Callable[..., dict[str, Any]]) -> None:
    found = measured(panning(TOGETHER / SETTINGS["samples_per_second"], 40, fps=5, width=96, height=72), fps=5)
    assert len(found["phashes"]) == 3 * TOGETHER


def test_black_frames_are_counted(measured: Callable[..., dict[str, Any]]) -> None:
    lit = panning(2, 60)
    assert measured([np.zeros_like(lit[0])] * 50)["black_share"] == 1
    assert measured(lit)["black_share"] == 0


def test_flicker_is_the_second_difference_of_brightness(measured: Callable[..., dict[str, Any]]) -> None:
    grey = [np.full((180, 320, 3), 120 + 5 * (i % 2), np.uint8) for i in range(50)]
    assert measured(grey)["flicker"] == pytest.approx(10, abs=1.0)
    ramp = [np.full((180, 320, 3), 60 + 2 * i, np.uint8) for i in range(50)]
    assert measured(ramp)["flicker"] < 1.2


@pytest.mark.parametrize(("bars", "letterbox", "pillarbox"), [((0, 0), 0, 0), ((36, 0), 72 / 270, 0), ((0, 60), 0, 120 / 480),
                                                              ((30, 48), 60 / 270, 96 / 480)])
def test_bars_are_measured(
    measured: Callable[..., dict[str, Any]], bars: tuple[int, int], letterbox: float, pillarbox: float
) -> None:
    frames = [f.copy() for f in panning(2, 60)]
    for frame in frames:
        frame[:bars[0]] = frame[270 - bars[0]:] = 0
        frame[:, :bars[1]] = frame[:, 480 - bars[1]:] = 0
    clip = measured(frames)
    assert clip["letterbox_share"] == pytest.approx(letterbox, abs=0.02)
    assert clip["pillarbox_share"] == pytest.approx(pillarbox, abs=0.02)


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_bars_are_told_as_a_player_shows_them(tmp_path: Path, rotation: int) -> None:
    """Above and below in a film that its container turns to the side: left and right."""
    frames = [f.copy() for f in panning(2, 60)]
    for frame in frames:
        frame[:36] = frame[234:] = 0
    path = tmp_path / "turned.mp4"
    with av.open(io.BytesIO(encode_video(frames, 25, 12))) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        stream.set_display_rotation(rotation)
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    clip = Measured(**measure_file(str(path), "video", SETTINGS)).clips[0]
    assert clip["rotation_deg"] % 180 == rotation % 180
    across, beside = ("letterbox_share", "pillarbox_share") if rotation == 180 else ("pillarbox_share", "letterbox_share")
    assert clip[across] == pytest.approx(72 / 270, abs=0.02)
    assert clip[beside] == 0


@pytest.mark.parametrize("turn", [False, True])
def test_one_bright_line_makes_no_bars(turn: bool) -> None:
    """No row, or no column, is bright on average: nothing can be said of bars, least of all that they cover the picture twice."""
    rgb = np.zeros((224, 398, 3), np.uint8)
    rgb[100:104] = 255
    look = measurements()["bars"].look
    assert look is not None
    assert np.isnan(look(as_picture(np.ascontiguousarray(rgb.transpose(1, 0, 2)) if turn else rgb))).all()


def test_blockiness_shows_coding_blocks() -> None:
    rgb = cv2.resize(pictures.coffee(), (600, 400))
    values = []
    for quality in (95, 30, 5):
        coded = cv2.imdecode(cv2.imencode(".jpg", rgb, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)
        values.append(blockiness_of.look(as_picture(coded))[0])
    assert values == sorted(values)
    assert 0.8 < values[0] < 1.2
    assert values[2] > 1.5


def test_a_few_edges_that_lie_on_block_borders_are_no_coding_blocks() -> None:
    """Stripes of 80 pixels, as in a test picture; the same picture in blocks is seen."""
    stripes = np.repeat(np.linspace(20, 230, 8).astype(np.uint8), 80)[None, :, None].repeat(360, axis=0).repeat(3, axis=2)
    assert blockiness_of.look(as_picture(stripes))[0] < 1.2
    blocks = np.random.default_rng(1).integers(0, 12, (45, 80, 1), dtype=np.uint8).repeat(8, axis=0).repeat(8, axis=1)
    assert blockiness_of.look(as_picture(stripes + blocks))[0] > 4


@pytest.mark.parametrize("size", [8, 16])
def test_large_pixels_are_no_coding_blocks_and_blocks_of_one_shade_are(size: int) -> None:
    small = cv2.resize(pictures.coffee(), (480 // size, 272 // size), interpolation=cv2.INTER_AREA) // 48 * 48
    enlarged = small.repeat(size, axis=0).repeat(size, axis=1)
    assert np.isnan(blockiness_of.look(as_picture(enlarged))[0])
    soft = cv2.GaussianBlur(cv2.resize(pictures.coffee(), (480, 272)), (0, 0), 6)
    coded = cv2.imdecode(cv2.imencode(".jpg", soft, [cv2.IMWRITE_JPEG_QUALITY, 1])[1], cv2.IMREAD_COLOR)
    assert blockiness_of.look(as_picture(coded))[0] > 4


def test_text_area_tells_pages_from_pictures() -> None:
    text = measurements()["text"]
    page = np.full((224, 398, 3), 250, np.uint8)
    for line in range(6):
        cv2.putText(page, "the quick brown fox jumps over", (8, 30 + 34 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (20, 20, 20), 2)
    assert text.look is not None
    assert text.look(as_picture(page))[0] > 0.25
    for rgb in (photo(398, 224), cv2.resize(pictures.coffee(), (336, 224)), cv2.resize(pictures.chelsea(), (336, 224))):
        assert text.look(as_picture(rgb))[0] < 0.05


@pytest.mark.parametrize("background", [pictures.astronaut, pictures.coffee, pictures.rocket])
def test_text_is_seen_over_a_picture(background: Callable[[], np.ndarray]) -> None:
    """Edges of the picture behind run into the letters: what counts is how thin a stroke is."""
    rgb = cv2.resize(background(), (398, 224), interpolation=cv2.INTER_AREA)
    look = measurements()["text"].look
    assert look is not None
    bare = look(as_picture(rgb))[0]
    for line in range(7):
        for thick, ink in ((5, (0, 0, 0)), (2, (255, 255, 255))):
            cv2.putText(rgb, "LIMITED OFFER call us today now", (6, 28 + 30 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.7, ink, thick, cv2.LINE_AA)
    assert bare < 0.06
    assert look(as_picture(rgb))[0] > text_area.Config().max_share


def test_perceptual_hashes_survive_coding_scaling_and_bars(measured: Callable[..., dict[str, Any]]) -> None:
    frames = panning(2, 60)
    bars = {"top": 40, "bottom": 40, "left": 0, "right": 0, "borderType": cv2.BORDER_CONSTANT}
    first = measured(frames)["phashes"]
    small = measured([cv2.resize(f, (320, 180), interpolation=cv2.INTER_AREA) for f in frames], crf=32)["phashes"]
    barred = [cv2.copyMakeBorder(f, **bars) for f in frames]
    stamped = [cv2.rectangle(f.copy(), (420, 10), (470, 30), (255, 255, 255), -1) for f in barred]
    other = measured([cv2.flip(f, 1) for f in frames])["phashes"]

    def apart(these: list[int], those: list[int], which: int) -> float:
        return float(np.median([(a ^ b).bit_count() for a, b in zip(these[which::phash.VIEWS], those[which::phash.VIEWS], strict=True)]))

    assert apart(first, small, 0) <= 6
    assert apart(first, small, 1) <= 6
    assert apart(first, measured(barred)["phashes"], 0) <= 8
    assert apart(measured(barred)["phashes"], measured(stamped)["phashes"], 1) <= 8
    assert apart(first, other, 0) >= 16
    assert apart(first, other, 1) >= 16
    cropped = measured([np.ascontiguousarray(f[f.shape[0] // 20:-(f.shape[0] // 20), f.shape[1] // 20:-(f.shape[1] // 20)]) for f in frames])["phashes"]
    middle_against_inside = [(a ^ b).bit_count() for a, b in zip(first[2::phash.VIEWS], cropped[::phash.VIEWS], strict=True)]
    assert np.median(middle_against_inside) <= 6 < apart(first, cropped, 0)


def test_a_picture_with_nothing_but_a_logo_has_no_hash_as_a_whole() -> None:
    black = np.zeros((112, 200), np.uint8)
    black[8:16, 170:190] = 255
    assert phash.hashes(black)[1] == 0
    assert phash.hashes(as_picture(photo(256, 256)).half)[1] != 0


def test_the_hash_is_the_sign_of_low_frequencies() -> None:
    luma = as_picture(photo(256, 256)).half
    small = cv2.resize(luma, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float64)
    k = np.arange(32)
    basis = np.cos(np.pi * (2 * k[None] + 1) * k[:, None] / 64)
    basis = basis * np.where(k[:, None] == 0, math.sqrt(1 / 32), math.sqrt(2 / 32))
    low = (basis @ small @ basis.T)[:8, :8]
    low[0, 0] = 0
    bits = (low > np.median(low)).ravel()
    assert phash.hashes(luma)[0] == int("".join("1" if b else "0" for b in bits), 2)


def test_form_and_times_are_told(measured: Callable[..., dict[str, Any]]) -> None:
    clip = measured(panning(3, 60))
    assert (clip["width"], clip["height"], clip["rotation_deg"], clip["sar"], clip["bit_depth"]) == (480, 270, 0, 1.0, 8)
    assert (clip["frame_count"], clip["fps"], clip["vfr"], clip["interlaced"], clip["alpha"], clip["hdr"]) == (
        75,
        25.0,
        False,
        False,
        False,
        False,
    )
    assert (clip["start_s"], clip["end_s"], clip["video_codec"], clip["has_audio"]) == (0.0, 3.0, "h264", False)
    assert clip["phash_times_s"] == [pytest.approx(t, abs=0.021) for t in (0, 0.5, 1, 1.5, 2, 2.5) for _ in range(phash.VIEWS)]
    assert clip["loudness_lufs"] is None


def test_stored_frames_cover_the_clip_and_are_small(measured: Callable[..., dict[str, Any]]) -> None:
    frames = measured(panning(8, 30))["frames"]
    assert [f["t_s"] for f in frames] == [pytest.approx(t, abs=0.3) for t in (1, 3, 5, 7)]
    for stored, truth in zip(frames, (1, 3, 5, 7), strict=True):
        image = np.asarray(Image.open(io.BytesIO(stored["jpeg"])))
        assert image.shape == (224, 398, 3)
        want = cv2.resize(panning(8, 30)[round(stored["t_s"] * 25)], (398, 224), interpolation=cv2.INTER_AREA)
        assert np.abs(image.astype(int) - want).mean() < 6, truth


@pytest.mark.parametrize("pix_fmt", ["yuv420p10le", "yuv422p", "yuv444p", "gray", "rgb24", "yuva420p", "nv12"])
def test_pixel_formats_measure_alike(tmp_path: Path, pix_fmt: str) -> None:
    path = tmp_path / "made.mkv"
    codec = {"yuva420p": "ffv1", "nv12": "libx264", "yuv420p10le": "ffv1", "gray": "ffv1"}.get(pix_fmt, "ffv1")
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=25)
        stream.width, stream.height = 480, 270
        stream.pix_fmt = {"rgb24": "bgr0"}.get(pix_fmt, pix_fmt)
        for f in panning(1, 60):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(f, format="rgb24").reformat(format=stream.pix_fmt)))
        out.mux(stream.encode(None))
    clip = measure_file(str(path), "video", SETTINGS)["clips"][0]
    grey = np.mean([cv2.cvtColor(f, cv2.COLOR_RGB2GRAY).mean() for f in panning(1, 60)])
    assert clip["luma_mean"] == pytest.approx(grey, abs=4)
    assert clip["motion"] == pytest.approx(60 / 270, rel=0.25)
    assert clip["bit_depth"] == (10 if "10" in pix_fmt else 8)
    assert clip["alpha"] == ("yuva" in pix_fmt)


def test_equal_bytes_give_equal_rows(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    tone = (0.2 * np.sin(np.arange(3 * RATE) / 30)).astype(np.float32)
    path.write_bytes(encode_video(panning(3, 90), 25, audio=(tone, RATE)))
    assert measure_file(str(path), "video", SETTINGS) == measure_file(str(path), "video", SETTINGS)


# stills

@pytest.mark.parametrize(
    ("mode", "format_"),
    [
        ("RGB", "PNG"),
        ("L", "PNG"),
        ("P", "PNG"),
        ("RGBA", "PNG"),
        ("CMYK", "JPEG"),
        ("I;16", "PNG"),
        ("1", "PNG"),
        ("LA", "PNG"),
        ("RGB", "WEBP"),
        ("RGB", "BMP"),
    ],
)
def test_stills_of_every_mode_are_one_clip(tmp_path: Path, mode: str, format_: str) -> None:
    image = Image.fromarray(photo())
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    else:
        image = image.convert(mode)
    path = tmp_path / "still"
    image.save(path, format_)
    made = measure_file(str(path), "image", SETTINGS)
    clip = made["clips"][0]
    assert (made["modality"], len(made["clips"]), clip["start_s"], clip["end_s"], len(clip["frames"])) == (
        "image",
        1,
        0.0,
        0.0,
        1,
    )
    assert (clip["width"], clip["height"], clip["frame_count"], clip["motion"], clip["fps"]) == (480, 270, 1, None, None)
    assert clip["luma_mean"] == pytest.approx(cv2.cvtColor(photo(), cv2.COLOR_RGB2GRAY).mean(), abs=8)
    assert clip["alpha"] == (mode in ("RGBA", "LA"))


def test_a_still_stands_upright(tmp_path: Path) -> None:
    image = Image.fromarray(photo())
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "turned.jpg", exif=exif)
    clip = measure_file(str(tmp_path / "turned.jpg"), "image", SETTINGS)["clips"][0]
    assert (clip["width"], clip["height"]) == (270, 480)


def test_transparency_is_laid_over_white(tmp_path: Path) -> None:
    Image.new("RGBA", (64, 64), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    assert measure_file(str(tmp_path / "clear.png"), "image", SETTINGS)["clips"][0]["luma_mean"] == pytest.approx(255, abs=1)


def test_an_animation_is_a_video_with_its_own_clock(tmp_path: Path) -> None:
    frames = [Image.fromarray(f) for f in panning(1, 60, fps=8)]
    for name in ("a.webp", "a.gif"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], duration=250, loop=0)
        made = measure_file(str(tmp_path / name), "image", SETTINGS)
        assert (made["modality"], made["frames"]) == ("video", 8)
        assert made["duration_s"] == pytest.approx(2.0, abs=0.01)


def test_the_skew_of_sound_and_picture_is_told(measured: Callable[..., dict[str, Any]]) -> None:
    clip = measured(panning(3, 60), sound=np.zeros(RATE * 2, np.float32) + 0.1)
    assert clip["av_skew_s"] == pytest.approx(-1.0, abs=0.05)
    assert (clip["has_audio"], clip["audio_codec"], clip["sample_rate_hz"], clip["channels"]) == (True, "aac", RATE, 1)


@pytest.mark.parametrize(("rotation", "mirrored"), [(90, False), (180, False), (270, True)])
def test_a_film_turned_by_its_container_hashes_like_one_turned_for_good(rotation, mirrored):
    luma = np.ascontiguousarray(photo(160, 112)[:, :, 1])
    picture = replace(as_picture(photo(320, 224)), half=luma, rotation_deg=rotation, mirrored=mirrored)
    shown = np.rot90(luma[:, ::-1] if mirrored else luma, -rotation // 90)
    assert phash.look(picture) == [float(half) for h in phash.hashes(np.ascontiguousarray(shown)) for half in (h >> 32, h & 0xFFFFFFFF)]

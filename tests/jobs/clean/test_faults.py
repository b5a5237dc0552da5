"""Faults in other dress: bars that are not black, blur behind a subtitle, sound that was clipped and made quieter, combs without a flag,
and what looks like them and is none."""

import gc
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from skimage import data as pictures

from jobs import generate
from jobs.clean import policy
from jobs.clean.measure import measure_file
from jobs.clean.measures import Picture, Span, combing, level
from jobs.media.encode import encode_audio, encode_video
from jobs.train.world import TIMES, Scene, render
from schemas.settings import Measure, Policy

MEDIA = Path(__file__).parents[4] / "shared" / "media" / "video"
RATE, SETTINGS = 48_000, Measure().model_dump()
W, H = 480, 270


def world(seconds: float = 2.0, fps: int = 25) -> list[np.ndarray]:
    """A photograph that moves slowly behind the frame."""
    rgb = cv2.resize(pictures.astronaut(), (W + 120, H + 80), interpolation=cv2.INTER_AREA)
    return [np.ascontiguousarray(rgb[10 + i // 2:10 + i // 2 + H, 10 + i:10 + i + W]) for i in range(int(seconds * fps))]


@pytest.fixture
def clip(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    def measure(frames: Any, fps: float = 25, crf: int = 20) -> dict[str, Any]:
        path = tmp_path / "made.mp4"
        path.write_bytes(encode_video(frames, fps, crf))
        found: dict[str, Any] = measure_file(str(path), "video", SETTINGS)["clips"][0]
        return found
    return measure


def reasons(clip: dict[str, Any]) -> set[str]:
    checks = policy.resolve(Policy())
    row = {**dict.fromkeys(policy.columns(checks)), **clip, "modality": "video"}
    return {why.code for _, why in policy.judge(row, checks).stops}


def barred(frame: np.ndarray, shade: int | str, sides: bool, text: bool = False) -> np.ndarray:
    ground = cv2.GaussianBlur(frame, (0, 0), 18) if shade == "blurred" else np.full_like(frame, shade)
    y, x = (0, W // 4) if sides else (H // 8, 0)
    ground[y:H - y, x:W - x] = cv2.resize(frame, (W - 2 * x, H - 2 * y), interpolation=cv2.INTER_AREA)
    if text:
        cv2.putText(ground, "what they said to us", (130, H - 12), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255), 2, cv2.LINE_AA)
    return ground


@pytest.mark.parametrize("shade", [0, 40, 128, 192, 255, "blurred"])
@pytest.mark.parametrize("sides", [True, False])
def test_bars_of_any_shade_are_seen(clip: Callable[..., dict[str, Any]], shade: int | str, sides: bool) -> None:
    found = clip([barred(f, shade, sides) for f in world()])
    assert found["pillarbox_share" if sides else "letterbox_share"] == pytest.approx(0.5 if sides else 0.25, abs=0.02)
    assert found["letterbox_share" if sides else "pillarbox_share"] < 0.05
    assert "letterboxed" in reasons(found)


def test_a_subtitle_on_the_lower_bar_hides_none(clip: Callable[..., dict[str, Any]]) -> None:
    assert clip([barred(f, 0, False, text=True) for f in world()])["letterbox_share"] == pytest.approx(0.25, abs=0.02)


def plain_ground(i: int) -> np.ndarray:
    picture = np.full((H, W, 3), 150, np.uint8)
    cv2.ellipse(picture, (W // 2 + int(4 * np.sin(i / 6)), 150), (60, 80), 0, 0, 360, (90, 110, 200), -1, cv2.LINE_AA)
    return picture


def spotlight(i: int) -> np.ndarray:
    y, x = np.mgrid[:H, :W]
    light = np.exp(-((x - W / 2 - 10 * np.sin(i / 9)) ** 2 + (y - 150) ** 2) / 4000)[..., None]
    return (cv2.resize(pictures.astronaut(), (W, H)) * light).astype(np.uint8)


def studio(i: int) -> np.ndarray:
    """A person in light that falls off to black within a sixth of the width."""
    y, x = np.mgrid[:H, :W]
    light = np.clip(1.5 * np.exp(-((x - W / 2) / (0.16 * W)) ** 4 - ((y - 150) / 300) ** 4), 0, 1)[..., None]
    return (cv2.resize(pictures.astronaut(), (W + 60, H))[:, i:i + W] * light + 3).astype(np.uint8)


def doorway(i: int) -> np.ndarray:
    """Filmed through a door whose dark frame is out of focus."""
    inside = cv2.GaussianBlur(np.pad(np.ones((H, W - 200), np.float32), ((0, 0), (100, 100))), (0, 0), 5)[..., None]
    return (cv2.resize(pictures.astronaut(), (W + 60, H))[:, i:i + W] * inside + 20 * (1 - inside)).astype(np.uint8)


@pytest.mark.parametrize("picture", [plain_ground, spotlight, studio, doorway])
def test_a_bare_ground_is_no_bar(clip: Callable[..., dict[str, Any]], picture: Callable[[int], np.ndarray]) -> None:
    assert "letterboxed" not in reasons(clip([picture(i) for i in range(50)]))


@pytest.mark.parametrize(("height", "frames_a_turn"), [(0.6, 57), (0.9, 57), (0.9, 190), (1.0, 190)])
def test_a_card_that_turns_before_black_has_no_bars(clip: Callable[..., dict[str, Any]], height: float, frames_a_turn: int) -> None:
    """Of 57 frames: when bars are looked for it has nearly its full width, or hardly any."""
    shown, frames = int(height * H), []
    for i in range(75):
        wide, frame = int(0.8 * shown * max(abs(np.cos(i / frames_a_turn * np.pi)), 0.15)), np.full((H, W, 3), 2, np.uint8)
        y, x = (H - shown) // 2, (W - wide) // 2
        frame[y:y + shown, x:x + wide] = cv2.resize(pictures.astronaut(), (wide, shown), interpolation=cv2.INTER_AREA)
        frames.append(frame)
    found = clip(frames)
    assert (found["letterbox_share"], found["pillarbox_share"]) == (0, 0)


@pytest.mark.parametrize("where", [(120, H - 20), (380, 28)])
def test_a_blur_is_seen_behind_sharp_letters(clip: Callable[..., dict[str, Any]], where: tuple[int, int]) -> None:
    def lettered(frames: list[np.ndarray]) -> list[np.ndarray]:
        return [cv2.putText(f.copy(), "REEL TV", where, cv2.FONT_HERSHEY_SIMPLEX, 0.7, (255, 255, 255), 2, cv2.LINE_AA) for f in frames]

    assert "blurred" not in reasons(clip(lettered(world())))
    assert "blurred" in reasons(clip(lettered([cv2.GaussianBlur(f, (0, 0), 0.015 * H) for f in world()])))


def test_chinese_in_columns_is_text(clip: Callable[..., dict[str, Any]]) -> None:
    font = ImageFont.truetype(str(next((Path(generate.__file__).parent / "fonts").glob("*.otf"))), 20)
    sheet = Image.new("L", (W * 2, H), 240)
    for column in range(28):
        for row in range(11):
            ImageDraw.Draw(sheet).text((12 + 34 * column, 8 + 23 * row), "今天我们来看一看这座城市的历史"[(column + row) % 15], font=font, fill=20)
    page = np.repeat(np.asarray(sheet)[..., None], 3, axis=2)
    found = clip([np.ascontiguousarray(page[:, 2 * i:2 * i + W]) for i in range(50)])
    assert "text_heavy" in reasons(found)
    assert "text_heavy" not in reasons(clip([cv2.blur(np.ascontiguousarray(page[:, 2 * i:2 * i + W]), (1, 41)) for i in range(50)]))


@pytest.mark.parametrize("time", TIMES)
def test_windows_of_towers_are_no_text_in_columns(clip: Callable[..., dict[str, Any]], time: str) -> None:
    frames = list(render(Scene(place="city", time=time, weather="clear", camera="right"), width=640, height=360, frames=50, seed=12))
    assert "text_heavy" not in reasons(clip(frames))


def test_frames_shown_again_are_repeats_though_the_codec_refines_them(clip: Callable[..., dict[str, Any]]) -> None:
    random = np.random.default_rng(4)
    frames = [np.clip(f + random.normal(0, 4, f.shape), 0, 255).astype(np.uint8) for f in world()]
    slow = [frames[i // 6 * 6] for i in range(len(frames))]
    found = clip(slow, crf=28)
    assert found["duplicate_frame_share"] == pytest.approx(5 / 6, abs=0.06)
    assert reasons(found) & {"low_fps", "slideshow"}
    assert clip(frames, crf=28)["duplicate_frame_share"] < 0.1


@pytest.mark.parametrize(("codec", "rate"), [("mpeg4", 600_000), ("mpeg2video", 800_000)])
def test_frames_shown_again_are_repeats_though_few_bits_refine_them_for_long(tmp_path: Path, codec: str, rate: int) -> None:
    """Five new pictures a second at sixty: at so few bits every other repeat is refined, by up to a seventh of what a new picture changes."""
    big = cv2.resize(pictures.chelsea(), (1200, 800), interpolation=cv2.INTER_AREA)
    for per, wanted in ((12, True), (4, False)):
        path = tmp_path / f"{per}.mkv"
        with av.open(str(path), "w") as out:
            stream = out.add_stream(codec, rate=60, width=W, height=H, pix_fmt="yuv420p", bit_rate=rate)
            for i in range(180):
                at = i // per * per
                out.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(big[at // 2:at // 2 + H, at:at + W]), "rgb24")))
            out.mux(stream.encode())
        found = measure_file(str(path), "video", SETTINGS)["clips"][0]
        assert found["duplicate_frame_share"] == pytest.approx(1 - 1 / per, abs=0.03)
        assert bool(reasons(found) & {"low_fps", "slideshow"}) == wanted


def test_a_still_in_a_light_that_breathes_is_frozen_and_a_slow_zoom_is_not(clip: Callable[..., dict[str, Any]]) -> None:
    still = (world(1.0)[0] * 0.9).astype(np.uint8)
    found = clip([np.clip(still * (1 + 0.05 * np.sin(i / 5)), 0, 255).astype(np.uint8) for i in range(100)])
    assert (found["freeze_share"], "frozen" in reasons(found)) == (1.0, True)
    zoomed = [cv2.warpAffine(still, cv2.getRotationMatrix2D((W / 2, H / 2), 0, 1 + 0.0006 * i), (W, H), borderMode=cv2.BORDER_REFLECT) for i in range(100)]
    assert clip(zoomed)["freeze_share"] < 0.5


def grainy(still: np.ndarray, i: int) -> np.ndarray:
    return np.clip(still + np.random.default_rng(i).normal(0, 8, (H, W, 1)), 0, 255).astype(np.uint8)


def test_a_second_of_a_still_under_grain_is_frozen_and_of_a_slow_zoom_is_not(clip: Callable[..., dict[str, Any]]) -> None:
    still = world(1.0)[0]
    assert "frozen" in reasons(clip([grainy(still, i) for i in range(30)], crf=24))
    zoomed = [cv2.warpAffine(still, cv2.getRotationMatrix2D((W / 2, H / 2), 0, 1 + 0.0012 * i), (W, H), borderMode=cv2.BORDER_REFLECT) for i in range(30)]
    assert "frozen" not in reasons(clip([grainy(f, i) for i, f in enumerate(zoomed)], crf=24))


def with_a_logo_that_turns(still: np.ndarray, i: int) -> np.ndarray:
    return cv2.ellipse(still.copy(), (W - 40, 36), (20, 20), 0, 15 * i, 15 * i + 120, (255, 255, 255), -1, cv2.LINE_AA)


def with_a_bar_that_fills(still: np.ndarray, i: int) -> np.ndarray:
    return cv2.rectangle(still.copy(), (0, H - 8), (i * W // 100, H - 1), (230, 20, 30), -1)


def with_words_that_run_and_a_clock(still: np.ndarray, i: int) -> np.ndarray:
    picture = cv2.putText(still.copy(), f"{i:04}", (W - 90, 30), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (255, 255, 255), 2, cv2.LINE_AA)
    picture[H - 28:] = (20, 30, 120)
    return cv2.putText(picture, "what was said today and what was not said " * 4, (-2 * i, H - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (255, 255, 255), 2, cv2.LINE_AA)


def with_a_ball_that_rolls(still: np.ndarray, i: int) -> np.ndarray:
    return cv2.circle(still.copy(), (100 + 2 * i, H // 2), 12, (255, 255, 255), -1, cv2.LINE_AA)


def swaying(still: np.ndarray, i: int) -> np.ndarray:
    y, x = np.mgrid[:H, :W].astype(np.float32)
    there = np.exp(-((x - 130) / 75) ** 2 - ((y - 140) / 60) ** 2)
    return cv2.remap(still, (x + 3 * there * np.sin(i / 8)).astype(np.float32), y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


@pytest.mark.parametrize(("change", "frozen"), [
    (grainy, True), (with_a_logo_that_turns, True), (with_a_bar_that_fills, True), (with_words_that_run_and_a_clock, True), (with_a_ball_that_rolls, False), (swaying, False)])
def test_grain_and_a_logo_do_not_move_a_still_and_a_tree_in_the_wind_does(clip: Callable[..., dict[str, Any]], change: Any, frozen: bool) -> None:
    still = world(1.0)[0]
    assert ("frozen" in reasons(clip([change(still, i) for i in range(100)], crf=26))) == frozen


@pytest.mark.parametrize(("moving", "frozen"), [(25, True), (75, False)])
def test_a_bar_that_fills_hides_no_film_that_stands_for_the_rest(clip: Callable[..., dict[str, Any]], moving: int, frozen: bool) -> None:
    frames = [*world(moving / 25), *[world(moving / 25)[-1]] * (100 - moving)]
    found = clip([with_a_bar_that_fills(f, i) for i, f in enumerate(frames)])
    assert ("frozen" in reasons(found)) == frozen


# sound

def heard(tmp_path: Path, sound: np.ndarray) -> dict[str, Any]:
    path = tmp_path / "sound.m4a"
    path.write_bytes(encode_audio(sound.astype(np.float32), RATE))
    found: dict[str, Any] = measure_file(str(path), "audio", SETTINGS)["clips"][0]
    return found


def speech() -> np.ndarray:
    with av.open(str(MEDIA.parent / "audio" / "jfk.flac")) as container:
        line = np.concatenate([p.to_ndarray()[0] for f in container.decode(audio=0)
                               for p in av.AudioResampler("fltp", "mono", RATE).resample(f)])
    return line / np.abs(line).max()


@pytest.mark.parametrize("gain", [1.0, 0.5, 0.2])
def test_clipped_sound_that_was_made_quieter_is_clipped(tmp_path: Path, gain: float) -> None:
    whole = speech()
    assert heard(tmp_path, whole * gain)["clipping_share"] < 0.002
    hot = (whole * 10 ** (14 / 20)).clip(-1, 1)
    assert heard(tmp_path, hot * gain)["clipping_share"] == pytest.approx(float((np.abs(hot) == 1).mean()), rel=0.6)


@pytest.mark.parametrize("sign", [1, -1])
def test_sound_clipped_on_one_side_is_clipped(tmp_path: Path, sign: int) -> None:
    hot = sign * (speech() * 10 ** (16 / 20)).clip(None, 1)
    level_there = float(np.abs(hot).max())
    assert heard(tmp_path, hot / level_there)["clipping_share"] == pytest.approx(float((sign * hot == 1).mean()), rel=0.6)


def chip_tune(decay: float) -> np.ndarray:
    """Sixteen notes of a square wave in four seconds, each of which dies away at this rate."""
    t = np.arange(RATE // 4) / RATE
    return 0.5 * np.concatenate([np.sign(np.sin(2 * np.pi * 220.3 * 2 ** (n * 7 % 12 / 12) * t)) * np.exp(-decay * t) for n in range(16)])


@pytest.mark.parametrize("wave", [np.sin(2 * np.pi * 220 * np.arange(4 * RATE) / RATE) * 0.5, chip_tune(0), chip_tune(6)], ids=["sine", "square", "fading"])
def test_a_sine_and_square_waves_below_full_scale_are_not_clipped(tmp_path: Path, wave: np.ndarray) -> None:
    rows = level.hear(RATE, ["FC"])(wave[None].astype(np.float32), np.arange(0, wave.size + 1, RATE // 10))
    assert level.reduce(type("Span", (), {"sounds": {"level": rows}})())["clipping_share"] == 0
    assert heard(tmp_path, wave)["clipping_share"] < 0.002


def test_an_offset_is_not_sound(tmp_path: Path) -> None:
    assert heard(tmp_path, np.full(2 * RATE, 0.1))["silence_share"] == pytest.approx(1.0, abs=0.06)


# interlacing

def grey_frames(name: str, count: int = 80) -> list[np.ndarray]:
    frames = []
    with av.open(str(MEDIA / name)) as container:
        for frame in container.decode(video=0):
            picture = frame.to_ndarray(format="gray")
            frames.append(np.ascontiguousarray(picture[:picture.shape[0] // 2 * 2, :picture.shape[1] // 2 * 2]))
            if len(frames) == count:
                break
    return frames


def woven(frames: list[np.ndarray]) -> list[np.ndarray]:
    """Two frames in one, as FFmpeg's `tinterlace` in its mode interleave_top does."""
    out = [top.copy() for top in frames[::2]]
    for picture, bottom in zip(out, frames[1::2], strict=False):
        picture[1::2] = bottom[1::2]
    return out


def idet(frames: list[np.ndarray]) -> float:
    """Share of frames that FFmpeg's `idet` takes for interlaced, of those it is sure of."""
    graph = av.filter.Graph()
    source = graph.add_buffer(width=frames[0].shape[1], height=frames[0].shape[0], format="gray", time_base=Fraction(1, 25))
    detect, sink = graph.add("idet"), graph.add("buffersink")
    source.link_to(detect)
    detect.link_to(sink)
    graph.configure()
    before = av.logging.get_level()
    av.logging.set_level(av.logging.INFO)
    try:
        with av.logging.Capture() as lines:
            for number, picture in enumerate(frames):
                frame = av.VideoFrame.from_ndarray(picture, format="gray")
                frame.pts, frame.time_base = number, Fraction(1, 25)
                graph.push(frame)
            graph.push(None)
            while True:
                try:
                    graph.pull()
                except (av.error.EOFError, av.error.BlockingIOError):
                    break
            del source, detect, sink, graph
            gc.collect()
    finally:
        av.logging.set_level(before)
    counts = re.search(r"Multi frame detection: TFF:\s*(\d+) BFF:\s*(\d+) Progressive:\s*(\d+)", " ".join(line[2] for line in lines))
    assert counts is not None
    top, bottom, progressive = map(int, counts.groups())
    return (top + bottom) / max(top + bottom + progressive, 1)


@pytest.mark.parametrize("name", ["MVI_4823.AVI", "bear-vp9.webm", "bikes.mp4", "chaplin.mp4", "crystal.mp4", "elf.webm", "example2.mp4",
                                  "fire2.mp4", "video4.mp4", "bigbuckbunny.mp4"])
def test_combs_are_seen_where_idet_sees_interlacing(name: str) -> None:
    frames = grey_frames(name)
    for made in (frames, woven(frames)):
        seen = np.mean([combing.look(Picture(0.0, p, p, p, p, p))[0] for p in made[::3]])
        assert (seen > 0.1) == (idet(made) > 0.5)
        if made is frames:
            assert seen == 0


def test_combs_without_a_flag_are_told(clip: Callable[..., dict[str, Any]]) -> None:
    frames = world(4.0, 20)
    assert clip(frames)["combing"] == 0
    found = clip(woven(frames))
    assert (found["interlaced"], found["combing"] > 0.5) == (False, True)


def test_fine_print_that_stands_still_is_no_comb(clip: Callable[..., dict[str, Any]]) -> None:
    page = world(1.0)[0].copy()
    page[60:300:2, 100:500] = 255 - page[60:300:2, 100:500] // 2
    frames = [page.copy() for _ in range(100)]
    for i in range(25, 50):
        cv2.circle(frames[i], (560 + i, 40), 12, (255, 255, 255), -1, cv2.LINE_AA)
    assert np.mean([combing.look(Picture(0.0, p, p, p, p, p))[0] for p in (np.ascontiguousarray(f[..., 1]) for f in frames[::25])]) == 1
    assert clip(frames)["combing"] < 0.1


@pytest.mark.parametrize("bits", [8, 10])
def test_stripes_and_fine_lines_are_not_combs(bits: int) -> None:
    y = np.full((H, W), 40 << (bits - 8), np.uint16 if bits > 8 else np.uint8)
    y[20:200:3], y[100:140:7] = 200 << (bits - 8), 90 << (bits - 8)
    assert combing.look(Picture(0.0, y, y, y, y, y, bits))[0] == 0


@pytest.mark.parametrize(("combed", "share"), [([1.0, 0.0, 0.0, 0.0, np.nan], 0.0), ([1.0, 0.0], 0.5), ([1.0, 1.0, 0.0, 0.0], 0.5), ([np.nan], None)])
def test_one_combed_picture_among_many_is_an_accident(combed: list[float], share: float | None) -> None:
    times = np.arange(len(combed), dtype=float)
    span = Span(0, len(combed), times, {"held": np.zeros(len(combed), np.float32)}, times, {"combing": np.array(combed)[:, None]}, {}, {}, False, {})
    assert combing.reduce(span) == {"combing": share}

import io
from fractions import Fraction
from itertools import pairwise
from typing import Any

import av
import numpy as np
import pytest

from jobs.generate import asset, audio, compose, mp4
from jobs.generate.compose import Canvas, Scene
from jobs.generate.narrator import Cue, Speech


def flat(*colours: tuple[int, int, int], side: int = 64, frames: int = 4) -> list[Scene]:
    """A scene of one colour each, with a bright square that moves so that it is no still."""
    scenes = []
    for colour in colours:
        clip = np.full((frames, side, side, 3), colour, np.uint8)
        for t in range(frames):
            clip[t, 4:12, 4 + 8 * t:12 + 8 * t] = 255
        scenes.append(Scene(clip, 4.0))
    return scenes


def opened(video: bytes) -> Any:
    return av.open(io.BytesIO(video))


def pictures(video: bytes) -> list[Any]:
    with opened(video) as container:
        return [f.to_ndarray(format="rgb24") for f in container.decode(video=0)]


@pytest.fixture(scope="module")
def module_beeps() -> Speech:
    rate = 22050
    t = np.arange(int(2.5 * rate)) / rate
    on = ((t > 0.2) & (t < 0.8)) | ((t > 1.2) & (t < 2.2))
    sound = np.where(on, 0.3 * np.sin(2 * np.pi * 440 * t), 0).astype(np.float32)
    return Speech(sound, rate, (Cue(0.2, 0.8, "第一句，", 0), Cue(1.2, 2.2, "the {second} line.", 1)), (0.0, 1.0, 2.5))


@pytest.fixture(scope="module")
def video(module_beeps: Speech) -> bytes:
    return compose.compose(
        flat((200, 30, 30), (30, 30, 200)),
        module_beeps,
        Canvas("9:16", 360, 24),
        metadata={"AIGC": '{"Label": "1"}', "title": "标题"},
    )


def test_words_stay_until_the_next_ones_where_only_a_breath_is_between() -> None:
    cues = (Cue(0.2, 0.8, "a", 0), Cue(0.85, 1.5, "b", 0), Cue(1.9, 2.5, "c", 1))
    assert [(c.start_s, c.end_s) for c in compose.held(cues)] == [(0.2, 0.85), (0.85, 1.5), (1.9, 2.5)]
    assert compose.held(()) == ()


def test_the_file_is_what_it_should_be(video: bytes) -> None:
    with opened(video) as container:
        picture, sound, words = container.streams.video[0], container.streams.audio[0], container.streams.subtitles[0]
        context = picture.codec_context
        assert (context.name, sound.codec_context.name, words.codec_context.name) == ("h264", "aac", "mov_text")
        assert (picture.width, picture.height) == (360, 640)
        assert (context.colorspace, context.color_primaries, context.color_trc, context.color_range) == (1, 1, 1, 1)
        assert (context.pix_fmt, float(picture.average_rate), picture.frames) == ("yuv420p", 24.0, 60)
        assert (sound.rate, sound.layout.name) == (48000, "stereo")
        assert (words.metadata["language"], sound.metadata["language"]) == ("chi", "chi")
        assert (container.metadata["AIGC"], container.metadata["title"]) == ('{"Label": "1"}', "标题")
        times = [float(f.time) for f in container.decode(video=0)]
    assert times == pytest.approx([n / 24 for n in range(60)], abs=1e-4)
    assert video.index(b"moov") < video.index(b"mdat")


@pytest.mark.parametrize(
    ("aspect", "short", "size"),
    [
        ("9:16", 720, (720, 1280)),
        ("16:9", 720, (1280, 720)),
        ("1:1", 720, (720, 720)),
        ("9:16", 1080, (1080, 1920)),
        ("16:9", 481, (832, 468)),
        ("1:1", 481, (480, 480)),
    ],
)
def test_the_shape_is_exactly_the_aspect(aspect: str, short: int, size: tuple[int, int]) -> None:
    assert Canvas(aspect, short, 24).size == size
    across, down = (int(n) for n in aspect.split(":"))
    assert size[0] * down == size[1] * across
    assert size[0] % 2 == size[1] % 2 == 0


@pytest.mark.parametrize("seconds", [1.0, 1.37, 2.041, 3.3333])
def test_sound_and_picture_end_together(seconds: float) -> None:
    rate = 22050
    sound = np.sin(np.arange(round(seconds * rate)) * 0.1).astype(np.float32) * 0.2
    speech = Speech(sound, rate, (), (0.0, len(sound) / rate))
    made = compose.compose(flat((90, 90, 90)), speech, Canvas("1:1", 240, 24))
    with opened(made) as container:
        picture, heard = container.streams.video[0], container.streams.audio[0]
        lengths = float(picture.duration * picture.time_base), float(heard.duration * heard.time_base)
    with opened(made) as container:
        samples = sum(f.samples for f in container.decode(audio=0))
    assert lengths[0] == pytest.approx(np.ceil(seconds * 24) / 24, abs=1e-3)
    assert abs(lengths[0] - lengths[1]) < 1 / 24
    assert abs(samples / 48000 - lengths[0]) < 1 / 24


def test_each_shot_shows_its_scene_and_the_cross_fade_lies_on_the_border(video: bytes) -> None:
    middle = [p[300:340, 20:340].reshape(-1, 3).mean(0) for p in pictures(video)]
    red, blue = np.array([m[0] for m in middle]), np.array([m[2] for m in middle])
    assert (red[:18] > blue[:18] + 100).all()
    assert (blue[31:] > red[31:] + 100).all()
    at = int(np.argmax(blue > red))
    assert abs(at / 24 - 1.0) <= 2 / 24
    between = ((red > 60) & (blue > 60)).sum()
    assert 3 <= between <= 10


def test_cues_are_burned_in_and_in_the_track_at_their_times(video: bytes) -> None:
    canvas = Canvas("9:16", 360, 24)
    overlay = compose.subtitle("第一句，", canvas)
    h, w = overlay.core.shape
    bright = [float((p[overlay.y:overlay.y + h, overlay.x:overlay.x + w][overlay.core] > 200).mean()) for p in pictures(video)]
    assert all(b > 0.8 for b in bright[5:19])
    assert all(b < 0.2 for b in bright[:4] + bright[20:28])
    with opened(video) as container:
        stream = container.streams.subtitles[0]
        found = [(float(p.pts * p.time_base), float((p.pts + p.duration) * p.time_base), bytes(p)[2:].decode())
                 for p in container.demux(stream) if p.size > 2]
    assert [(round(a, 2), round(b, 2)) for a, b, _ in found] == [(0.2, 0.8), (1.2, 2.2)]
    assert [t for *_, t in found] == ["第一句，", "the {second} line."]


@pytest.mark.parametrize("text", ["C:\\new\\Notes \\h is {\\an8}here", "two\nlines", "山" * 30_000])
def test_the_track_has_the_words_as_they_are(text: str) -> None:
    """Also a cue of more bytes than its length can say: it ends at a character."""
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as container:
        stream = container.add_stream("mov_text")
        stream.time_base, stream.codec_context.subtitle_header = Fraction(1, 1000), mp4._ASS_HEADER
        for packet in mp4._subtitles(stream, [Cue(0.2, 0.8, text, 0)]):
            container.mux(packet)
    with opened(target.getvalue()) as container:
        _, packet = (bytes(p) for p in container.demux(container.streams.subtitles[0]) if p.size)
    assert packet[2:].decode() == text[:21_845]
    assert int.from_bytes(packet[:2], "big") == len(packet) - 2


def test_the_same_input_gives_the_same_bytes(module_beeps: Speech) -> None:
    made = [compose.compose(flat((9, 99, 9), (99, 9, 9)), module_beeps, Canvas("1:1", 240, 12)) for _ in range(2)]
    assert made[0] == made[1]


def test_the_finished_sound_has_the_loudness_and_no_peak(video: bytes, tmp_path: Any) -> None:
    (tmp_path / "v.mp4").write_bytes(video)
    sound = audio.read(tmp_path / "v.mp4")
    assert audio.loudness_lufs(sound) == pytest.approx(-16, abs=0.5)
    assert audio.true_peak_dbtp(sound) <= -1.0


def test_a_still_picture_moves() -> None:
    rng = np.random.default_rng(0)
    picture = np.kron(rng.integers(0, 255, (20, 20, 3)), np.ones((16, 16, 1))).astype(np.uint8)
    still = compose.look(Scene(picture[None], 8.0), Canvas("16:9", 360, 24, "crop"), 3.0, 0)
    first, middle, last = (compose.split(still.at(t))[0].astype(float) for t in (0.0, 1.5, 3.0))
    assert first.shape == (360, 640)
    assert np.abs(first - last).mean() > np.abs(first - middle).mean() > 5
    assert not (first[:, -1] <= 16).all()


def test_a_short_clip_is_slowed_down_then_played_back_and_forth(good: Any) -> None:
    canvas = Canvas("1:1", 240, 24)
    native_s = (len(good) - 1) / 8.0
    slow = compose.Moving(Scene(good, 8.0), canvas, 1.5 * native_s)
    assert np.array_equal(slow.at(1.5 * native_s - 1e-9).copy(), slow.at(1.5 * native_s + 1e-9))
    last = compose.planes(compose.fitted(good[-1], canvas.size, "blur"))
    assert np.abs(slow.at(1.5 * native_s).astype(int) - last).mean() < 1
    bounced = compose.Moving(Scene(good, 8.0), canvas, 10 * native_s)
    assert np.abs(bounced.at(4 * native_s).astype(int) - bounced.at(0)).mean() < 1
    seen = [bounced.at(t).astype(int) for t in np.arange(0, 6 * native_s, 1 / 24)]
    steps = [np.abs(a - b).mean() for a, b in pairwise(seen)]
    assert max(steps) < 25


@pytest.mark.parametrize("fill", ["blur", "crop"])
@pytest.mark.parametrize("size", [(240, 426), (426, 240), (240, 240)])
def test_a_picture_fills_a_frame_of_any_shape(fill: str, size: tuple[int, int], good: Any) -> None:
    made = compose.fitted(good[0], size, fill)
    assert made.shape == (size[1], size[0], 3)
    centre = made[size[1] // 2 - 60:size[1] // 2 + 60, size[0] // 2 - 60:size[0] // 2 + 60]
    assert centre.std() > 15
    if fill == "blur" and size != (240, 240):
        edge = made[:8] if size[1] > size[0] else made[:, :8]
        assert edge.mean() < made.mean()
        assert edge.std() < centre.std()


def test_wrong_numbers_of_scenes_are_refused(module_beeps: Speech) -> None:
    with pytest.raises(ValueError, match="1 scenes for 2 shots"):
        compose.compose(flat((1, 1, 1)), module_beeps, Canvas("1:1", 240, 24))
    with pytest.raises(ValueError, match="with frames"):
        compose.compose([*flat((1, 1, 1)), Scene(np.zeros((0, 8, 8, 3), np.uint8), 8.0)], module_beeps, Canvas("1:1", 240, 24))


def test_an_error_while_drawing_reaches_the_caller(module_beeps: Speech) -> None:
    broken = [*flat((1, 1, 1)), Scene(np.zeros((2, 8, 8), np.uint8), 8.0)]
    with pytest.raises(Exception):  # noqa: B017
        compose.compose(broken, module_beeps, Canvas("1:1", 240, 24))


def test_an_asset_says_that_it_is_generated_and_can_be_read_again(good: Any) -> None:
    data = asset.encoded(good, 8.0, {"AIGC": asset.aigc("reelmill", "x1")})
    assert data == asset.encoded(good, 8.0, {"AIGC": asset.aigc("reelmill", "x1")})
    again, fps = asset.decoded(data)
    assert (again.shape, fps) == (good.shape, 8.0)
    assert np.abs(again.astype(int) - good).mean() < 3
    with opened(data) as container:
        assert '"Label": "1"' in container.metadata["AIGC"]
    one, _ = asset.decoded(asset.encoded(good[:1], 8.0, {}))
    assert len(one) == 1
    assert asset.thumbnail(good)[:2] == b"\xff\xd8"

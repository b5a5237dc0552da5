"""Measurements against FFmpeg's filters, on films and sound of the collection and on some made here."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from skimage import data as pictures

from jobs.clean.measure import measure_file
from jobs.media.encode import encode_audio, encode_video
from schemas.settings import Measure

MEDIA = Path(__file__).parents[4] / "shared" / "media"
SETTINGS = Measure().model_dump()
RATE = 48_000


def filtered(path: Path, kind: str, name: str, options: str = "") -> Iterator[Any]:
    """Frames of the first stream of this kind, behind a filter of FFmpeg, with what it says of them in their metadata."""
    graph = av.filter.Graph()
    with av.open(str(path)) as container:
        stream = container.streams.get({kind: 0})[0]
        source = graph.add_buffer(template=stream) if kind == "video" else graph.add_abuffer(template=stream)
        stage, sink = graph.add(name, options), graph.add("buffersink" if kind == "video" else "abuffersink")
        source.link_to(stage)
        stage.link_to(sink)
        graph.configure()
        for frame in [*container.decode(stream), None]:
            graph.push(frame)
            while True:
                try:
                    yield graph.pull()
                except (av.error.EOFError, av.error.BlockingIOError):
                    break


def stretches(path: Path, kind: str, name: str, options: str, word: str, end_s: float) -> float:
    """Seconds between the starts and ends that a filter tells."""
    found = [(key, float(value)) for frame in filtered(path, kind, name, options) for key, value in frame.metadata.items()]
    starts = [value for key, value in found if key.startswith(f"lavfi.{word}_start")]
    ends = [value for key, value in found if key.startswith(f"lavfi.{word}_end")]
    return sum(end - start for start, end in zip(starts, [*ends, end_s], strict=False))


def clip(path: Path, kind: str) -> dict[str, Any]:
    made: dict[str, Any] = measure_file(str(path), kind, SETTINGS | {"max_clip_s": 600.0})["clips"][0]
    return made


def footage(seconds: float) -> list[np.ndarray]:
    picture = cv2.resize(pictures.astronaut(), (480, 480), interpolation=cv2.INTER_AREA)
    return [np.ascontiguousarray(picture[i // 2:i // 2 + 272, i:i + 360]) for i in range(int(25 * seconds))]


@pytest.mark.parametrize("name", ["carphone_pristine.mp4", "chaplin.mp4", "crystal.mp4", "roadtrip-vp92-10bit.webm"])
def test_luma_is_that_of_signalstats(name: str) -> None:
    frames = [frame.metadata for frame in filtered(MEDIA / "video" / name, "video", "signalstats")]
    depth = int(frames[0]["lavfi.signalstats.YBITDEPTH"])
    limited = np.array([float(m["lavfi.signalstats.YAVG"]) for m in frames]) / (1 << (depth - 8))
    found: Any = measure_file(str(MEDIA / "video" / name), "video", SETTINGS)["clips"]
    mean = np.average([c["luma_mean"] for c in found], weights=[c["end_s"] - c["start_s"] for c in found])
    assert mean == pytest.approx(((limited - 16) * 255 / 219).mean(), abs=2.5)


@pytest.mark.parametrize("black_s", [0.0, 1.0, 2.4])
def test_black_share_is_that_of_blackdetect(tmp_path: Path, black_s: float) -> None:
    frames = footage(4.0)
    for i in range(25, 25 + int(25 * black_s)):
        frames[i] = frames[i] // 40
    (tmp_path / "film.mp4").write_bytes(encode_video(frames, 25, 18))
    wanted = stretches(tmp_path / "film.mp4", "video", "blackdetect", "d=0.1:pix_th=0.10:pic_th=0.98", "black", 4.0)
    shares = [(c["black_share"], c["frame_count"]) for c in measure_file(str(tmp_path / "film.mp4"), "video", SETTINGS)["clips"]]
    assert sum(share * count for share, count in shares) / sum(count for _, count in shares) == pytest.approx(wanted / 4, abs=0.02)
    assert wanted == pytest.approx(black_s, abs=0.05)


@pytest.mark.parametrize("held_s", [0.0, 1.0, 2.4])
def test_freeze_share_is_that_of_freezedetect(tmp_path: Path, held_s: float) -> None:
    frames = footage(4.0)
    held = int(25 * held_s)
    frames = frames[:25] + [frames[24]] * held + frames[25:100 - held]
    (tmp_path / "film.mp4").write_bytes(encode_video(frames, 25, 18))
    wanted = stretches(tmp_path / "film.mp4", "video", "freezedetect", "n=0.003:d=0.5", "freezedetect.freeze", 4.0)
    found = clip(tmp_path / "film.mp4", "video")
    assert found["freeze_share"] == pytest.approx(wanted / 4, abs=0.03)
    assert wanted == pytest.approx(held_s, abs=0.1)


@pytest.mark.parametrize("size", [32, 96])
def test_coding_blocks_are_seen_where_blockdetect_sees_them(tmp_path: Path, size: int) -> None:
    blocks: dict[str, list[float]] = {"ours": [], "theirs": []}
    for quality in (2, 12, 31):
        path = tmp_path / "film.avi"
        with av.open(str(path), "w") as target:
            stream = target.add_stream("mjpeg", rate=25, options={"qmin": str(quality), "qmax": str(quality)})
            stream.width, stream.height, stream.pix_fmt = 8 * size, 6 * size, "yuvj420p"
            for picture in footage(1.0)[:10]:
                scaled = cv2.resize(picture, (8 * size, 6 * size), interpolation=cv2.INTER_AREA)
                target.mux(stream.encode(av.VideoFrame.from_ndarray(scaled, format="rgb24")))
            target.mux(stream.encode(None))
        blocks["theirs"].append(np.mean([float(f.metadata["lavfi.block"]) for f in filtered(path, "video", "blockdetect", "period_min=8:period_max=8")]))
        blocks["ours"].append(clip(path, "video")["blockiness"])
    assert np.argsort(blocks["ours"]).tolist() == np.argsort(blocks["theirs"]).tolist() == [0, 1, 2]


@pytest.mark.parametrize("name", ["jfk.flac", "LJ001-0006.flac", "sorohanro_-_solo-trumpet-06.ogg", "198-209-0000.ogg"])
def test_loudness_and_true_peak_are_those_of_ebur128(name: str) -> None:
    path = MEDIA / "audio" / name
    told: dict[str, str] = {}
    for frame in filtered(path, "audio", "ebur128", "metadata=1:peak=true"):
        told |= frame.metadata
    found = clip(path, "audio")
    assert found["loudness_lufs"] == pytest.approx(float(told["lavfi.r128.I"]), abs=0.3)
    peaks = [20 * np.log10(float(value)) for key, value in told.items() if key.startswith("lavfi.r128.true_peaks_ch") or key == "lavfi.r128.true_peak"]
    assert found["true_peak_dbtp"] == pytest.approx(max(peaks), abs=0.3)


@pytest.fixture
def paused(tmp_path: Path) -> Callable[[float], Path]:
    def make(quiet_s: float) -> Path:
        t = np.arange(6 * RATE) / RATE
        tone = 0.3 * np.sin(2 * np.pi * 330 * t)
        tone[RATE:RATE + int(quiet_s * RATE)] *= 1e-3
        (tmp_path / "tone.m4a").write_bytes(encode_audio(tone.astype(np.float32), RATE))
        return tmp_path / "tone.m4a"
    return make


@pytest.mark.parametrize("quiet_s", [0.0, 1.3, 4.0])
def test_silence_share_is_that_of_silencedetect(paused: Callable[[float], Path], quiet_s: float) -> None:
    path = paused(quiet_s)
    wanted = stretches(path, "audio", "silencedetect", "n=-50dB:d=0.1", "silence", 6.0)
    assert clip(path, "audio")["silence_share"] == pytest.approx(wanted / 6, abs=0.03)
    assert wanted == pytest.approx(quiet_s, abs=0.1)


@pytest.mark.parametrize("name", ["carphone_pristine.mp4", "crystal.mp4", "smpte-2997.mp4", "bikes.mp4"])
def test_frames_are_counted_as_the_container_says(name: str) -> None:
    with av.open(str(MEDIA / "video" / name)) as container:
        count, rate = sum(1 for _ in container.decode(video=0)), float(container.streams.video[0].average_rate)
    found: Any = measure_file(str(MEDIA / "video" / name), "video", SETTINGS)["clips"]
    assert sum(c["frame_count"] for c in found) <= count
    for c in found:
        assert c["fps"] == pytest.approx(rate, rel=0.03)
        assert c["vfr"] is False


def test_nothing_moves_on_a_test_card() -> None:
    """Both pictures that motion is found between are made alike: scaled in two ways, they would seem to move by part of a pixel."""
    found: Any = measure_file(str(MEDIA / "video" / "smpte-2997.mp4"), "video", SETTINGS)["clips"]
    assert all(clip["motion"] < 0.01 for clip in found)


@pytest.mark.parametrize("layout", ["mono", "stereo", "2.1", "3.0", "3.1", "quad", "4.0", "4.1", "5.0", "5.1", "5.1(side)", "hexagonal", "6.1", "7.1", "7.1(wide)"])
def test_channels_weigh_what_they_weigh_to_ebur128(tmp_path: Path, layout: str) -> None:
    """Every channel is as loud as all others; a deep one that counted, or one behind that did not count more, would be heard."""
    count = av.AudioLayout(layout).nb_channels
    sound = np.random.default_rng(3).normal(0, 0.05, (RATE * 3, count)) * np.linspace(0.4, 1.6, count)
    path = tmp_path / "tones.wav"
    with av.open(str(path), "w") as target:
        stream = target.add_stream("pcm_s16le", rate=RATE, layout=layout)
        frame = av.AudioFrame.from_ndarray((sound * 32_767).astype(np.int16).reshape(1, -1), format="s16", layout=layout)
        frame.sample_rate = RATE
        target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    told: dict[str, str] = {}
    for heard in filtered(path, "audio", "ebur128", "metadata=1"):
        told |= heard.metadata
    assert clip(path, "audio")["loudness_lufs"] == pytest.approx(float(told["lavfi.r128.I"]), abs=0.1)


def rewritten(path: Path, into: Path, codec: str, pixels: str, size: tuple[int, int], **options: str) -> Path:
    """The first two seconds of a film in another form."""
    with av.open(str(path)) as source, av.open(str(into), "w") as target:
        stream = target.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = *size, pixels
        for frame, _ in zip(source.decode(video=0), range(50), strict=False):
            full = "JPEG" if pixels.startswith("yuvj") else "MPEG"
            made = frame.reformat(*size, pixels, dst_color_range=full)
            made.pts, made.color_range = None, 2 if full == "JPEG" else 1
            target.mux(stream.encode(made))
        target.mux(stream.encode(None))
    return into


FORMS = [("libx264", "yuv444p", (321, 241)), ("libx264", "yuvj420p", (640, 360)), ("ffv1", "yuv422p10le", (480, 360)), ("ffv1", "gray", (470, 350)),
         ("ffv1", "bgr0", (402, 302))]


@pytest.mark.parametrize("name", ["elf.webm", "video4.mp4", "bigbuckbunny.mp4"])
@pytest.mark.parametrize(("codec", "pixels", "size"), FORMS, ids=[form[1] for form in FORMS])
def test_a_picture_measures_as_to_opencv_whatever_its_form(tmp_path: Path, name: str, codec: str, pixels: str, size: tuple[int, int]) -> None:
    path = rewritten(MEDIA / "video" / name, tmp_path / "film.mkv", codec, pixels, size, **({"crf": "18"} if codec == "libx264" else {}))
    with av.open(str(path)) as container:
        frames = [frame for i, frame in enumerate(container.decode(video=0)) if i in (0, 13, 25, 38)]
    small = (round(size[0] * 224 / min(size)), round(size[1] * 224 / min(size)))
    rgbs = [cv2.resize(f.to_ndarray(format="rgb24"), small, interpolation=cv2.INTER_AREA).astype(float) for f in frames]
    greys = [f.reformat(*small, "gray", interpolation="AREA", dst_color_range="JPEG").to_ndarray() for f in frames]
    found = clip(path, "video")
    lumas = [cv2.cvtColor(rgb.round().astype(np.uint8), cv2.COLOR_RGB2GRAY) for rgb in rgbs]
    assert found["luma_mean"] == pytest.approx(np.mean([y.mean() for y in lumas]), abs=2.5)
    assert found["luma_std"] == pytest.approx(np.mean([y.std() for y in lumas]), abs=2.5)
    assert found["sharpness"] == pytest.approx(np.percentile([cv2.Laplacian(y, cv2.CV_64F).var() for y in greys], 75), rel=0.2)
    rg, yb = [x[..., 0] - x[..., 1] for x in rgbs], [(x[..., 0] + x[..., 1]) / 2 - x[..., 2] for x in rgbs]
    colours = [np.hypot(a.std(), b.std()) + 0.3 * np.hypot(a.mean(), b.mean()) for a, b in zip(rg, yb, strict=True)]
    assert found["colourfulness"] == pytest.approx(np.mean(colours), rel=0.08, abs=1)

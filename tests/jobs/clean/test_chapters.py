"""A source that is read in parts gives the rows of one pass, whatever its codec, clock and damage; where it cannot, it is read in one go."""

import io
import math
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from jobs.clean import cuts, dissolves
from jobs.clean.chapters import CHAPTER_S, Begin, begins
from jobs.clean.found import Found, joined, misfit
from jobs.clean.heard import Heard, step
from jobs.clean.measures import MONO_BLOCK_S, NATIVE_BLOCK_S
from jobs.clean.sandboxed import measure_parts, measure_source, read_part
from jobs.media import sandbox
from jobs.media.faults import MediaFault, PartlyUndecodable, TooManyFrames
from jobs.media.signals import SIGNALS
from schemas.settings import Measure

MEDIA = Path(__file__).parents[4] / "shared" / "media"
SETTINGS = Measure()
CHAPTER = 7.0
"""Seconds of a chapter here; that of the product is much longer."""
FPS, RATE, SECONDS = 24, 48_000, 30


@pytest.fixture(scope="module", autouse=True)
def _end() -> Iterator[None]:
    yield
    sandbox.close()


def pictures(seconds: float = SECONDS) -> Iterator[np.ndarray]:
    """Scenes of some seconds, hard cuts between them, some still, a dissolve, black once."""
    random = np.random.default_rng(5)
    scenes = [cv2.GaussianBlur(random.integers(0, 255, (120, 400, 3), dtype=np.uint8), (0, 0), 3) for _ in range(8)]
    scenes = [np.clip((s.astype(np.float32) - 128) * 4 + 128, 0, 255).astype(np.uint8) for s in scenes]
    for i in range(round(seconds * FPS)):
        t = i / FPS
        scene = int(t // 3.7) % 8
        shift = 0 if scene % 3 == 2 else round(30 * t)
        frame = np.roll(scenes[scene], shift, axis=1)[:, :160]
        if 12 <= t < 13:
            frame = np.zeros_like(frame)
        yield np.ascontiguousarray(frame)


def sound(seconds: float = SECONDS, rate: int = RATE) -> np.ndarray:
    """A tone that swells, with breaks."""
    t = np.arange(round(seconds * rate)) / rate
    return (0.3 * np.sin(2 * np.pi * 440 * t) * (1 + np.sin(2 * np.pi * 0.7 * t)) / 2 * ((t % 5) < 4.2)).astype(np.float32)


def film(path: Path, codec: str = "libx264", options: dict[str, str] | None = None, audio: str | None = "aac", clock: Any = None,
         offset: int = 0, late: float = 0.0, rate: int = RATE, container: dict[str, str] | None = None) -> Path:
    """The scenes in one stream and the tone in another."""
    with av.open(str(path), "w", container_options=container or {}) as out:
        stream = out.add_stream(codec, rate=FPS, options={"threads": "1", **(options or {})})
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        track = out.add_stream(audio, rate=rate) if audio else None
        if track is not None:
            track.layout = "mono"
        line, at = sound(rate=rate), 0
        for i, picture in enumerate(pictures()):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
            t = clock(i) if clock else i / FPS
            frame.pts, frame.time_base = offset + round(1000 * t), Fraction(1, 1000)
            out.mux(stream.encode(frame))
            while track is not None and at / rate <= t and at < len(line):
                block = av.AudioFrame.from_ndarray(line[None, at:at + 1024], format="fltp", layout="mono")
                block.sample_rate, block.pts, block.time_base = rate, at + round((late + offset / 1000) * rate), Fraction(1, rate)
                out.mux(track.encode(block))
                at += 1024
        for s in (stream, track):
            if s is not None:
                out.mux(s.encode(None))
    return path


def split(path: Path, of: int, settings: Measure = SETTINGS, chapter_s: float = CHAPTER) -> tuple[Any, int]:
    """The source measured in so many parts, and how many chapters it has."""
    with open(path, "rb") as file:
        parts = [read_part(file, i, of, settings, chapter_s) for i in range(of)]
    return measure_parts(parts, settings), parts[-1].found["of"]


def differences(one: Any, other: Any, path: str = "") -> list[tuple[str, Any, Any]]:
    if isinstance(one, dict):
        return [d for name in one for d in differences(one[name], other[name], f"{path}.{name}")]
    if isinstance(one, list):
        if len(one) != len(other):
            return [(path, len(one), len(other))]
        return [d for i, pair in enumerate(zip(one, other, strict=True)) for d in differences(*pair, f"{path}[{i}]")]
    return [] if one == other or (one != one and other != other) else [(path, one, other)]


EXACT = (None, "flac", "pcm_s16le")
"""Codecs of sound whose decoders keep nothing. Others make up noise from a generator that runs on from the first packet (AAC, Opus), or
add in an order that depends on it (MP3)."""
NOISY = ("loudness_lufs", "true_peak_dbtp", "snr_db")
"""Columns that this bears on, beside single bits of fingerprints."""


def near(name: str, one: Any, other: Any) -> bool:
    """A hundredth of a decibel, or two bits of a word."""
    if ".audio_fingerprint[" in name:
        return (one ^ other).bit_count() <= 2
    return name.endswith(NOISY) and bool(one == pytest.approx(other, abs=0.01))


def assert_equal(path: Path, counts: tuple[int, ...] = (2, 5), least: int = 3, chapter_s: float = CHAPTER) -> None:
    """Bit by bit, every column of every clip, the stored pictures too; but for what the decoders of sound make up."""
    whole = measure_source(path, "video", SETTINGS, chapter_s)
    for count in counts:
        made, chapters = split(path, count, chapter_s=chapter_s)
        assert chapters >= least, "there is nothing to split"
        assert made is not None, "the parts do not fit together"
        exact = whole.clips[0]["audio_codec"] in EXACT
        assert [d for d in differences(vars(whole), vars(made)) if exact or not near(*d)] == [], count


FILMS: dict[str, dict[str, Any]] = {
    "B-frames.mp4": {"options": {"g": "40", "bf": "3"}},
    "open GOP.mp4": {"options": {"g": "40", "bf": "3", "x264-params": "open-gop=1:scenecut=0"}},
    "all keyframes.mp4": {"codec": "mpeg4", "options": {"g": "1"}},
    "hevc.mp4": {"codec": "libx265", "options": {"x265-params": "log-level=none:keyint=40:open-gop=1"}},
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"g": "40", "deadline": "realtime", "cpu-used": "8"}, "audio": "libopus"},
    "vp8.mkv": {"codec": "libvpx", "options": {"g": "40", "deadline": "realtime", "cpu-used": "8"}, "audio": "flac"},
    "pcm.mov": {"options": {"g": "40"}, "audio": "pcm_s16le", "rate": 44_100},
    "flac at an odd rate.mkv": {"options": {"g": "40"}, "audio": "flac", "rate": 22_222},
    "mp3.mkv": {"options": {"g": "40", "bf": "2"}, "audio": "libmp3lame"},
    "silent.mp4": {"options": {"g": "40"}, "audio": None},
    "late sound.mp4": {"options": {"g": "40"}, "late": 1.3},
    "an offset.mkv": {"options": {"g": "40", "bf": "2"}, "offset": 7_300},
    "variable rate.mp4": {"options": {"g": "40", "bf": "2"}, "clock": lambda i: i / FPS + 0.4 * math.sin(i / 40) / 8},
    "a hole.mp4": {"options": {"g": "40"}, "clock": lambda i: i / FPS + 3 * (i > 300)},
}


@pytest.mark.parametrize("name", FILMS)
def test_parts_make_what_one_pass_makes(tmp_path: Path, name: str) -> None:
    assert_equal(film(tmp_path / name, **FILMS[name]))


@pytest.mark.parametrize("name", [
    "bikes.mp4", "cursed-vfr.mp4", "sample_iPod.m4v", "smpte-2997.mp4", "transparent.webm", "roadtrip-vp92-10bit.webm", "video11.mp4",
    "world.mp4",
])
def test_real_files_in_parts_make_what_one_pass_makes(name: str) -> None:
    path = MEDIA / "video" / name
    if not path.exists():
        pytest.skip("the shared media are not here")
    assert_equal(path, least=2, chapter_s=0.5)


def test_all_frames_are_there_once_and_at_their_times(tmp_path: Path) -> None:
    """Against a plain decode: open GOP has leading pictures that a decoder which begins at a keyframe throws away."""
    path = film(tmp_path / "a.mp4", **FILMS["open GOP.mp4"])
    with av.open(str(path)) as container:
        times = [float(f.pts * f.time_base) for f in container.decode(video=0)]
    with open(path, "rb") as file:
        parts = [read_part(file, i, 4, SETTINGS, CHAPTER) for i in range(4)]
    found = np.concatenate([n["times"] for p in parts for n in p.numbers if "times" in n])
    assert found.tolist() == pytest.approx(times, abs=1e-9)


@pytest.mark.parametrize("order", [("video", "audio"), ("audio", "video")])
def test_the_last_frames_are_there_whichever_stream_comes_first(tmp_path: Path, order: tuple[str, str]) -> None:
    """Packets without data, which say stream 0 whatever they flush, bring the frames that a decoder of B-frames still holds."""
    path = tmp_path / "order.mkv"
    with av.open(str(film(tmp_path / "a.mp4"))) as source, av.open(str(path), "w") as out:
        tracks = {name: out.add_stream_from_template(getattr(source.streams, name)[0]) for name in order}
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = tracks[packet.stream.type]
                out.mux(packet)
    with av.open(str(path)) as container:
        assert [s.type for s in container.streams] == list(order)
    assert measure_source(path, "video", SETTINGS).frames == SECONDS * FPS


class Far(io.BytesIO):
    """A file that no system call can read, and how much of it was read."""

    count = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.count += len(data)
        return data


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_part_of_a_file_that_is_far_away_reads_what_it_needs_and_gives_the_same(tmp_path: Path, name: str) -> None:
    path = film(tmp_path / name, options={"g": "24", "crf": "1"})
    far = [Far(path.read_bytes()) for _ in range(4)]
    parts = [read_part(file, i, 4, SETTINGS, CHAPTER) for i, file in enumerate(far)]
    made, _ = split(path, 4)
    assert differences(vars(measure_parts(parts, SETTINGS)), vars(made)) == []
    size = path.stat().st_size
    assert size > 1_000_000, "else a buffer holds all of it"
    assert [file.count / size for file in far if file.count > 0.8 * size] == [], "its head, its run-in, its chapter"
    assert sum(file.count for file in far) / size < 3


def outcome(work: Any) -> Any:
    """What it makes, or reason and detail of the fault."""
    try:
        return work()
    except MediaFault as fault:
        return fault.reason, fault.detail


def damaged(source: Path, target: Path, places: range) -> Path:
    data = bytearray(source.read_bytes())
    for at in places:
        data[at] ^= 0xFF
    target.write_bytes(data)
    return target


@pytest.mark.parametrize("spacing", [1_000, 9_000])
@pytest.mark.parametrize("name", ["open GOP.mp4", "vp9.webm", "pcm.mov", "mp3.mkv"])
def test_damage_ends_the_same_way_in_parts(tmp_path: Path, name: str, spacing: int) -> None:
    """As a measured source, as a reject with the same reason and detail, or as one that is measured in one go: what a decoder shows in
    place of a picture that it lost may come from further back than the run-in."""
    whole = film(tmp_path / name, **FILMS[name])
    path = damaged(whole, tmp_path / ("damaged " + name), range(8_000, whole.stat().st_size - 20_000, spacing))

    one = outcome(lambda: measure_source(path, "video", SETTINGS, CHAPTER))
    made = outcome(lambda: split(path, 3)[0])
    if made is None:
        return
    if isinstance(one, tuple) or isinstance(made, tuple):
        assert one == made
    else:
        exact = one.clips[0]["audio_codec"] in EXACT
        assert [d for d in differences(vars(one), vars(made)) if exact or not near(*d)] == []


def test_a_film_that_is_cut_off_is_rejected_in_parts_with_the_same_words(tmp_path: Path) -> None:
    whole = film(tmp_path / "a.mp4", options={"g": "40"}, container={"movflags": "faststart"})
    path = tmp_path / "cut.mp4"
    path.write_bytes(whole.read_bytes()[:whole.stat().st_size // 2])
    with pytest.raises(PartlyUndecodable) as one:
        measure_source(path, "video", SETTINGS, CHAPTER)
    assert outcome(lambda: split(path, 3)[0]) in (None, (one.value.reason, one.value.detail))


def test_a_limit_of_frames_holds_for_the_source_and_not_for_a_part(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mkv", options={"g": "40"}, audio=None)
    few = Measure(max_frames=SECONDS * FPS - 1)
    for work in (lambda: measure_source(path, "video", few, CHAPTER), lambda: split(path, 4, few)):
        with pytest.raises(TooManyFrames, match=f"more than {few.max_frames} frames"):
            work()


def test_an_ordinary_short_film_has_one_chapter_and_empty_parts(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", options={"g": "40"})
    made, chapters = split(path, 3, chapter_s=CHAPTER_S)
    assert chapters == 1
    assert differences(vars(measure_source(path, "video", SETTINGS)), vars(made)) == []


def test_chapters_change_what_is_measured_but_little(tmp_path: Path) -> None:
    """Clips are the same; of the numbers that samples bear on some are taken at other moments."""
    path = film(tmp_path / "a.mp4", options={"g": "40"})
    one, many = measure_source(path, "video", SETTINGS), measure_source(path, "video", SETTINGS, CHAPTER)
    assert [(c["start_s"], c["end_s"]) for c in one.clips] == [(c["start_s"], c["end_s"]) for c in many.clips]
    for name, near in (("loudness_lufs", 0.05), ("speech_share", 0.05), ("black_share", 0.0), ("silence_share", 0.01), ("luma_mean", 5.0)):
        for a, b in zip(one.clips, many.clips, strict=True):
            assert a[name] == pytest.approx(b[name], abs=near), name
    assert all(abs(len(a["frames"]) - len(b["frames"])) <= 1 for a, b in zip(one.clips, many.clips, strict=True))


def test_a_source_without_an_index_is_one_part_and_yet_read_in_chapters(tmp_path: Path) -> None:
    path = film(tmp_path / "a.ts", options={"g": "40"}, audio="aac")
    made, chapters = split(path, 3)
    assert chapters == 1
    assert differences(vars(measure_source(path, "video", SETTINGS, CHAPTER)), vars(made)) == []
    assert [(c["start_s"], c["end_s"]) for c in made.clips] == [
        (c["start_s"], c["end_s"]) for c in measure_source(path, "video", SETTINGS).clips]


def test_an_index_that_lies_sends_the_source_through_one_pass(tmp_path: Path) -> None:
    """Frames called keyframes that are none: what is decoded from them is not what a pass from the beginning sees."""
    path = film(tmp_path / "a.mp4", options={"g": "400", "x264-params": "scenecut=0:keyint=400", "bf": "0"}, audio=None)
    data = bytearray(path.read_bytes())
    at = data.index(b"stss")
    count = int.from_bytes(data[at + 8:at + 12], "big")
    data[at:at + 4] = b"free"  # without this table every sample is a keyframe
    assert count >= 1
    path.write_bytes(data)
    made, chapters = split(path, 3)
    assert chapters > 1
    assert made is None
    assert len(measure_source(path, "video", SETTINGS, CHAPTER).clips) > 3


def test_columns_that_are_refreshed_in_turn_give_the_same_or_go_through_one_pass(tmp_path: Path) -> None:
    """No picture of such a stream is whole by itself: what is called a keyframe is where the columns begin anew."""
    path = film(tmp_path / "a.mp4", options={"x264-params": "intra-refresh=1:keyint=40:scenecut=0"}, audio=None)
    made, chapters = split(path, 3)
    assert chapters > 1
    assert made is None or differences(vars(measure_source(path, "video", SETTINGS, CHAPTER)), vars(made)) == []


def entries(*stamps: int) -> Any:
    class Entries(list):
        def search_timestamp(self, stamp: int, *, backward: bool = True) -> int:
            fits = [i for i, e in enumerate(self) if (e.timestamp <= stamp if backward else e.timestamp >= stamp)]
            return -1 if not fits else fits[-1] if backward else fits[0]

    class Entry:
        is_keyframe = True

        def __init__(self, stamp: int) -> None:
            self.timestamp = stamp

    return Entries(Entry(s) for s in stamps)


def test_a_chapter_begins_at_the_first_keyframe_after_its_length() -> None:
    """Keyframes at these seconds; the run-in begins at least a second before."""
    assert begins(entries(0, 3, 9, 10, 14, 21, 22, 30), 1.0, 31, 10) == (Begin(10, 9), Begin(21, 14))
    assert begins(entries(0, 20, 29), 1.0, 31, 10) == (Begin(20, 0),)


def test_an_index_of_the_beginning_only_is_not_trusted() -> None:
    assert begins(entries(0, 10, 20, 30), 1.0, 3_000, 10) == ()


def test_keyframes_that_are_far_apart_begin_no_chapter() -> None:
    assert begins(entries(0, 100, 105, 200, 210, 214), 1.0, 215, 10) == (Begin(210, 200),)


def test_parts_fit_together_only_if_all_are_there_and_agree() -> None:
    parts = [Found((0, 1), 3, whole=True, seam_out=[3.0, 7, 5]), Found((1, 2), 3, whole=True, seam_in=[3.0, 7, 5], seam_out=[6.0, 9, 1]),
             Found((2, 3), 3, whole=True, seam_in=[6.0, 9, 1])]
    assert misfit(parts) == ""
    assert "missing" in misfit(parts[:2])
    assert "ends early" in misfit([replace(parts[0], whole=False), *parts[1:]])
    assert "picture" in misfit([*parts[:2], replace(parts[2], seam_in=[6.0, 9, 2])])
    loud = [replace(parts[0], lead_out=np.array([0, 0.1])), replace(parts[1], lead_in=np.array([0, 0.2])), parts[2]]
    assert "sound" in misfit(loud)
    assert misfit([replace(loud[0], lead_out=np.array([0, 0.19])), *loud[1:]]) == ""


def test_counts_of_parts_are_added() -> None:
    whole = joined([Found((0, 1), 2, good_frames=3, bad_sound=1, first_t=0.5, last_t=1.0, facts={"a": 1}, sound_s=2.0, sound_start_s=0.1),
                    Found((1, 2), 2, good_frames=4, first_t=2.0, last_t=9.0, facts={"a": 2, "b": 3}, sound_s=4.0, sound_start_s=0.1)])
    assert (whole.good_frames, whole.bad_sound, whole.first_t, whole.last_t, whole.sound_s) == (7, 1, 0.5, 9.0, 4.0)
    assert whole.facts == {"a": 1, "b": 3}


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000, 96_000, 22_222, 11_111])
def test_chapters_of_sound_begin_where_all_blocks_do(rate: int) -> None:
    assert (step(rate) / rate / NATIVE_BLOCK_S) % 1 == pytest.approx(0, abs=1e-9)
    assert (step(rate) / rate / MONO_BLOCK_S) % 1 == pytest.approx(0, abs=1e-9)
    assert step(rate) * 16_000 % rate == 0


@pytest.mark.parametrize("rate", [44_100, 48_000, 11_111])
def test_sound_heard_from_a_chapter_on_is_the_sound_of_the_whole(rate: int) -> None:
    """Against one that heard everything: filters, resampler and detector know of what was before as much as matters."""
    line = (0.3 * np.random.default_rng(0).normal(size=rate * 40) * np.sin(np.arange(rate * 40) / rate)).astype(np.float32)
    whole, part = Heard(rate, ["FC"], 0.0), Heard(rate, ["FC"], 0.0, 2 * step(rate) if rate % 5 == 0 else step(rate))
    for start in range(0, len(line), 1_000):
        for heard in (whole, part):
            frame = av.AudioFrame.from_ndarray(line[None, start:start + 1_000], format="flt", layout="mono")
            frame.sample_rate = rate
            if start + frame.samples > heard.base:
                heard.hear(frame, start)
    all_, some = whole.finish(), part.finish()
    for name, rows in some.rows.items():
        expected = all_.rows[name][len(all_.rows[name]) - len(rows):]
        assert len(rows) > (18 if name == "bandwidth" else 90)
        if name in ("speech", "fingerprint"):
            assert (np.abs(rows - expected) > 0.02).mean() < 0.01, name
        else:
            np.testing.assert_allclose(rows, expected, rtol=1e-5, atol=1e-9, err_msg=name)
    assert some.native_at[0] == round(part.first / rate / NATIVE_BLOCK_S)
    assert all_.native_at[-1] == some.native_at[-1]
    assert all_.mono_at[-1] == some.mono_at[-1]


@pytest.mark.parametrize("channels", [2, 6])
def test_one_channel_is_heard_as_several_alike(channels: int) -> None:
    """At a rate at which blocks end within frames and pieces."""
    rate = 11_111
    line = (0.3 * np.random.default_rng(0).normal(size=rate * 10) * np.sin(np.arange(rate * 10) / rate)).astype(np.float32)
    found = []
    for lines, layout in ((1, "mono"), (channels, {2: "stereo", 6: "5.1"}[channels])):
        heard = Heard(rate, ["FC"] * lines, 0.0)
        for start in range(0, len(line), 1_000):
            frame = av.AudioFrame.from_ndarray(np.repeat(line[None, start:start + 1_000], lines, axis=0), format="fltp", layout=layout)
            frame.sample_rate = rate
            heard.hear(frame, start)
        found.append(heard.finish().rows)
    one, several = found
    np.testing.assert_allclose(one["speech"], several["speech"], atol=1e-5)
    np.testing.assert_allclose(one["bandwidth"], several["bandwidth"], rtol=1e-5, atol=1e-9)
    assert (one["fingerprint"] != several["fingerprint"]).mean() < 1e-3
    np.testing.assert_allclose(one["loudness"][:, 1], several["loudness"][:, 1])
    np.testing.assert_allclose(one["level"], several["level"], atol=1e-9)


def test_sound_whose_sample_format_changes_on_the_way_is_heard_through() -> None:
    line = np.round(20_000 * np.sin(np.arange(44_100 * 5) / 30)).astype(np.int16)
    found = []
    for formats in (("s16p",), ("s16p", "flt", "s16p")):
        heard = Heard(44_100, ["FC"], 0.0)
        for i, start in enumerate(range(0, len(line), 1_000)):
            name = formats[i * len(formats) * 1_000 // len(line)]
            part = line[None, start:start + 1_000]
            frame = av.AudioFrame.from_ndarray(part if name == "s16p" else (part / np.float32(32_768)).astype(np.float32), format=name, layout="mono")
            frame.sample_rate = 44_100
            assert heard.hear(frame, start) == start + part.size
        found.append(heard.finish().rows)
    assert len(found[0]["level"]) == 50
    for name, rows in found[0].items():
        np.testing.assert_allclose(found[1][name], rows, atol=1e-6, err_msg=name)


def test_dissolves_of_a_long_film_are_looked_for_in_blocks_and_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    scenes, times = random.integers(0, 255, (40, 72)), np.cumsum(random.uniform(0.02, 0.05, 3_000))
    share = np.clip((np.arange(3_000) % 100 - 60) / 30, 0, 1)[:, None]
    thumbs = (scenes[np.arange(3_000) // 100] * (1 - share) + scenes[np.arange(3_000) // 100 + 1] * share).astype(np.uint8)
    signals = np.zeros((3_000, len(SIGNALS)), np.float32)
    signals[:, cuts.COLUMN["spread"]] = thumbs[:, :48].std(axis=1)
    whole = dissolves.dissolves(times, signals, thumbs)
    monkeypatch.setattr(dissolves, "BLOCK", 500)
    monkeypatch.setattr(dissolves, "BLOCK_MARGIN", 200)
    assert dissolves.dissolves(times, signals, thumbs) == whole
    assert len(whole) == 30

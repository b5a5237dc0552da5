"""Broken and hostile input: every file ends as clips or as a fault with a reason, never as anything else."""

import io
import os
import struct
import zlib
from collections import Counter
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from jobs.clean.found import Measured
from jobs.clean.measure import measure_file
from jobs.clean.sandboxed import measure_source
from jobs.media import child, sandbox
from jobs.media.encode import encode_audio, encode_video
from jobs.media.faults import MediaFault, TooManyFrames
from jobs.media.probe import probe
from schemas.clips import CLIPS
from schemas.reasons import REASONS
from schemas.settings import Measure

MEDIA = Path(__file__).parents[4] / "shared" / "media"
SETTINGS = Measure(max_clip_s=5)


def outcome(path: Path, settings: Measure = SETTINGS) -> str:
    """`video`, `image`, `audio`, or the reason code."""
    try:
        made = measure_source(path, "video", settings)
    except MediaFault as fault:
        return explained(fault)
    well_formed(made)
    return made.modality


def explained(fault: MediaFault) -> str:
    """Its reason: a word of the vocabulary, with a sentence that holds no address of the moment."""
    assert fault.reason in REASONS
    assert fault.detail
    assert "0x" not in fault.detail
    return fault.reason


def well_formed(made: Measured) -> None:
    text = {
        "title",
        "caption",
        "lang",
        "transcript",
        "licence",
        "text",
        "text_chars",
        "text_words",
        "repetition_share",
        "symbol_share",
        "markup_share",
        "boilerplate_share",
        "lang_detected",
        "lang_score",
        "pii_count",
    }
    expected = set(CLIPS.schema.names) - text - {"clip_id", "source_id", "modality", "source_sha256", "source_bytes", "source_bytes_per_s", "source_fetched_at"}
    assert made.clips
    for clip in made.clips:
        assert set(clip) == expected
        assert clip["duration_s"] == pytest.approx(clip["end_s"] - clip["start_s"])
        for name, value in clip.items():
            assert not isinstance(value, float) or np.isfinite(value), name
            if name.endswith("_share") and value is not None:
                assert -1e-9 <= value <= 1 + 1e-9, (name, value)


def video(seconds: float = 2.0, codec: str = "libx264", container: str = "mp4", sound: bool = True) -> bytes:
    out = io.BytesIO()
    random = np.random.default_rng(1)
    base = random.integers(0, 255, (90, 120, 3), dtype=np.uint8)
    with av.open(out, "w", format=container) as target:
        stream = target.add_stream(codec, rate=20)
        stream.width, stream.height, stream.pix_fmt = 120, 90, "yuv420p"
        tone = (
            target.add_stream(
                "libopus" if container in ("webm", "ogg") else "mp2" if container == "mpegts" else "aac",
                rate=48_000,
                layout="mono",
            )
            if sound
            else None
        )
        for i in range(int(seconds * 20)):
            target.mux(stream.encode(av.VideoFrame.from_ndarray(np.roll(base, 3 * i, axis=1), format="rgb24")))
        target.mux(stream.encode(None))
        if tone is not None:
            resampler = av.AudioResampler(format=tone.codec_context.format, layout="mono", rate=48_000,
                                          frame_size=tone.codec_context.frame_size or 1024)
            line = (np.sin(np.arange(int(seconds * 48_000)) / 20) * 9000).astype(np.int16)[None]
            frame = av.AudioFrame.from_ndarray(line, format="s16", layout="mono")
            frame.sample_rate = 48_000
            for piece in resampler.resample(frame):
                target.mux(tone.encode(piece))
            target.mux(tone.encode(None))
    return out.getvalue()


def picture(format_: str) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(2).integers(0, 255, (60, 80, 3), dtype=np.uint8)).save(out, format_)
    return out.getvalue()


def sources() -> dict[str, bytes]:
    tone = (0.3 * np.sin(np.arange(48_000) / 15)).astype(np.float32)
    return {
        "a.mp4": video(),
        "a.mkv": video(container="matroska"),
        "a.webm": video(codec="libvpx", container="webm"),
        "a.ts": video(codec="mpeg2video", container="mpegts"),
        "a.avi": video(codec="mpeg4", container="avi", sound=False),
        "a.flv": video(codec="flv", container="flv", sound=False),
        "a.m4a": encode_audio(tone, 48_000),
        "a.jpg": picture("JPEG"),
        "a.png": picture("PNG"),
        "a.webp": picture("WEBP"),
        "a.gif": picture("GIF"),
        "a.tif": picture("TIFF"),
    }


def mutated(data: bytes, others: list[bytes], random: np.random.Generator) -> bytes:
    """One of: bit flips, truncation, a hole, a spliced header, a repeated part, random bytes in the header."""
    broken = bytearray(data)
    kind = int(random.integers(6))
    if kind == 0:
        for at in random.integers(0, len(broken), int(random.integers(1, 60))):
            broken[at] ^= 1 << int(random.integers(8))
    elif kind == 1:
        del broken[int(random.integers(0, len(broken))):]
    elif kind == 2:
        at = int(random.integers(0, len(broken)))
        del broken[at:at + int(random.integers(1, 3000))]
    elif kind == 3:
        other = others[int(random.integers(len(others)))]
        size = int(random.integers(8, 600))
        broken[:size] = other[:size]
    elif kind == 4:
        at, size = int(random.integers(0, len(broken))), int(random.integers(1, 2000))
        broken[at:at] = broken[at:at + size]
    else:
        for at in random.integers(0, min(400, len(broken)), int(random.integers(1, 8))):
            broken[at] = int(random.integers(256))
    return bytes(broken)


def mutate(tmp_path: Path, count: int, seed: int, made: dict[str, bytes]) -> Counter[str]:
    random = np.random.default_rng(seed)
    names = sorted(made)
    seen: Counter[str] = Counter()
    for number in range(count):
        name = names[number % len(names)]
        suffix = Path(names[int(random.integers(len(names)))] if random.random() < 0.1 else name).suffix
        path = tmp_path / f"m{number}{suffix}"
        path.write_bytes(mutated(made[name], list(made.values()), random))
        seen[outcome(path)] += 1
        path.unlink()
    return seen


def test_a_clock_of_years_between_frames_makes_no_millions_of_clips(tmp_path: Path) -> None:
    """The rate of an AVI is a fraction in its header: one flipped bit made 11/2048498074 of it, and the last frame five years long."""
    broken = bytearray(video(codec="mpeg4", container="avi", sound=False))
    at = broken.index(b"strh") + 8 + 20  # scale and rate of the stream
    broken[at:at + 8] = struct.pack("<II", 2_048_498_074, 11)
    path = tmp_path / "slow.avi"
    path.write_bytes(broken)
    made = measure_source(path, "video", SETTINGS)
    assert made.frames == 40
    assert len(made.clips) <= 40
    assert all(clip["duration_s"] <= 1 for clip in made.clips)


def test_sound_files_are_what_they_are(tmp_path: Path) -> None:
    kinds = {}
    for name, data in sources().items():
        (tmp_path / name).write_bytes(data)
        kinds[name] = outcome(tmp_path / name)
    assert kinds == {
        n: "image" if n[2:] in ("jpg", "png", "webp", "gif", "tif") else "audio" if n == "a.m4a" else "video" for n in kinds
    }


def test_two_hundred_mutations_all_end_well(tmp_path: Path) -> None:
    seen = mutate(tmp_path, 240, 1, sources())
    assert sum(seen.values()) == 240
    assert seen["decode_crash"] == 0, seen
    assert seen["decode_timeout"] == 0, seen


@pytest.mark.heavy
def test_two_thousand_mutations_all_end_well(tmp_path: Path) -> None:
    made = sources()
    for path in sorted(MEDIA.glob("video/*")) if MEDIA.is_dir() else []:
        if path.stat().st_size < 400_000:
            made[path.name] = path.read_bytes()
    seen = mutate(tmp_path, 2000, 7, made)
    assert sum(seen.values()) == 2000
    assert seen["decode_crash"] == 0, seen
    assert seen["decode_timeout"] == 0, seen


def test_a_playlist_never_reaches_a_local_secret(tmp_path: Path) -> None:
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(video())
    for name, text in {
        "hls.mp4": f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{secret}\n#EXT-X-ENDLIST\n",
        "concat.mp4": f"ffconcat version 1.0\nfile '{secret}'\n",
        "dash.mp4": f"<MPD><Period><AdaptationSet><BaseURL>{secret}</BaseURL></AdaptationSet></Period></MPD>",
        "pls.mp4": f"[playlist]\nFile1={secret}\n",
    }.items():
        (tmp_path / name).write_text(text)
        assert outcome(tmp_path / name) == "playlist", name


def test_a_movie_that_refers_to_another_file_does_not_reach_it(tmp_path: Path) -> None:
    """The data reference of an MP4 track names a file: it must not be opened."""
    data = video(sound=False)
    at = data.find(b"url \0\0\0\1")
    secret = tmp_path / "s"
    secret.write_bytes(data)
    name = b"file:s\0"
    changed = bytearray(data)
    changed[at + 4:at + 8] = b"\0\0\0\0"
    assert at > 0
    path = tmp_path / "reference.mp4"
    path.write_bytes(bytes(changed) + name)
    opened = sandbox._child("jobs.clean.measure").process.pid
    outcome(path)
    links = [
        os.readlink(f"/proc/{opened}/fd/{fd}")
        for fd in os.listdir(f"/proc/{opened}/fd")
        if os.path.exists(f"/proc/{opened}/fd/{fd}")
    ]
    assert str(secret) not in links


def slow(gap_s: float, count: int, sound_s: float = 0.0) -> bytes:
    """Some frames stamped far apart, beside sound."""
    out = io.BytesIO()
    with av.open(out, "w", format="matroska") as target:
        stream = target.add_stream("mpeg4", rate=20)
        stream.width, stream.height, stream.pix_fmt = 120, 90, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 20)
        tone = target.add_stream("pcm_s16le", rate=8000, layout="mono")
        for i in range(count):
            frame = av.VideoFrame.from_ndarray(np.full((90, 120, 3), 40 + i, np.uint8), format="rgb24")
            frame.pts, frame.time_base = round(i * gap_s * 20), Fraction(1, 20)
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
        for start in range(0, int(sound_s * 8000), 8000):
            line = (np.sin(np.arange(start, start + 8000) / 20) * 9000).astype(np.int16)[None]
            piece = av.AudioFrame.from_ndarray(line, format="s16", layout="mono")
            piece.sample_rate, piece.pts, piece.time_base = 8000, start, Fraction(1, 8000)
            target.mux(tone.encode(piece))
    return out.getvalue()


@pytest.mark.parametrize(("gap_s", "count", "sound_s", "least", "most"), [(50.0, 64, 0.0, 60, 64), (0.1, 64, 0.0, 6, 6.4), (0.1, 1, 200.0, 150, 200)],
                         ids=["frames that claim an hour", "a video", "a still with sound"])
def test_the_time_limit_grows_with_what_was_decoded_not_with_what_is_claimed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gap_s: float, count: int, sound_s: float, least: float, most: float,
) -> None:
    (tmp_path / "slow.mkv").write_bytes(slow(gap_s, count, sound_s))
    told: list[float] = []
    monkeypatch.setattr(child, "progress", told.append)
    measure_file(str(tmp_path / "slow.mkv"), "video", SETTINGS.model_dump())
    assert least <= max(told) <= most


def png_bomb(side: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = zlib.compressobj(9)
    body = b"".join(rows.compress(b"\0" * (side // 8 + 1)) for _ in range(side)) + rows.flush()
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0))
        + chunk(b"IDAT", body)
        + chunk(b"IEND", b"")
    )


def test_a_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    (tmp_path / "bomb.png").write_bytes(png_bomb(16_384))
    assert outcome(tmp_path / "bomb.png") == "too_many_pixels"


def test_a_chunk_that_claims_gigabytes_is_not_given_them(tmp_path: Path) -> None:
    whole = bytearray(picture("png"))
    at = whole.index(b"IDAT")
    whole[at - 4:at] = struct.pack(">I", 3_200_000_000)
    (tmp_path / "claim.png").write_bytes(whole)
    assert outcome(tmp_path / "claim.png") in ("image", "partly_undecodable", "undecodable")


def test_a_header_of_a_billion_frames_is_refused(tmp_path: Path) -> None:
    data = bytearray(video(sound=False))
    at = data.find(b"stts")
    assert struct.unpack(">II", data[at + 8:at + 16])[0] == 1
    data[at + 12:at + 16] = struct.pack(">I", 1_000_000_000)
    (tmp_path / "frames.mp4").write_bytes(bytes(data))
    assert outcome(tmp_path / "frames.mp4") == "too_many_frames"


@pytest.mark.parametrize("sound", [True, False])
def test_a_video_that_shows_none_of_its_frames_is_no_sound(tmp_path: Path, sound: bool) -> None:
    """Its edit list begins behind the last frame: it was kept as the sound beside it, and the picture was lost without a word."""
    data = bytearray(video(sound=sound))
    at = data.find(b"elst")
    data[at + 16:at + 20] = struct.pack(">i", 0x7FFFFFF0)
    (tmp_path / "a.mp4").write_bytes(bytes(data))
    assert outcome(tmp_path / "a.mp4") == "undecodable"


def test_a_bomb_in_the_text_of_a_picture_is_told_without_names_of_a_library(tmp_path: Path) -> None:
    whole = picture("png")
    body = b"Comment\0\0" + zlib.compress(bytes(64 << 20), 9)
    chunk = struct.pack(">I", len(body)) + b"zTXt" + body + struct.pack(">I", zlib.crc32(b"zTXt" + body))
    (tmp_path / "bomb.png").write_bytes(whole[:33] + chunk + whole[33:])
    with pytest.raises(MediaFault, match="unpacks to megabytes") as fault:
        measure_source(tmp_path / "bomb.png", "image", SETTINGS)
    assert "Plugin" not in fault.value.detail


@pytest.mark.parametrize("rate", [1, 100, 2_000_000_000])
@pytest.mark.parametrize("container", ["wav", "avi"])
def test_sound_at_a_rate_that_nothing_has_is_none(tmp_path: Path, rate: int, container: str) -> None:
    """A WAV of 280 kB that claims 1 Hz lasts two days, and the time that its measuring may take grows with them."""
    data = io.BytesIO()
    with av.open(data, "w", format=container) as target:
        shown = target.add_stream("mpeg4", rate=25) if container == "avi" else None
        sound = target.add_stream("pcm_s16le", rate=48_000, layout="mono")
        if shown is not None:
            shown.width, shown.height, shown.pix_fmt = 64, 48, "yuv420p"
            for i in range(50):
                target.mux(shown.encode(av.VideoFrame.from_ndarray(np.full((48, 64, 3), 4 * i, np.uint8), format="rgb24")))
            target.mux(shown.encode(None))
        frame = av.AudioFrame.from_ndarray(np.full((1, 96_000), 500, np.int16), format="s16", layout="mono")
        frame.sample_rate = 48_000
        target.mux(sound.encode(frame))
        target.mux(sound.encode(None))
    changed = bytearray(data.getvalue())
    at = changed.rfind(struct.pack("<HI", 1, 48_000))  # channels and rate of the wave format
    changed[at + 2:at + 6] = struct.pack("<I", rate)
    path = tmp_path / f"a.{container}"
    path.write_bytes(changed)
    if container == "wav":
        with pytest.raises(MediaFault, match=f"claims {rate} Hz") as fault:
            measure_source(path, "audio", SETTINGS)
        assert fault.value.reason == "undecodable"
    else:
        made = measure_source(path, "video", SETTINGS)
        assert made.frames == 50
        assert not made.clips[0]["has_audio"]


def test_more_frames_than_the_limit_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(video())
    assert outcome(tmp_path / "a.mp4", Measure(max_frames=10)) == "too_many_frames"
    (tmp_path / "a.ts").write_bytes(video(codec="mpeg2video", container="mpegts"))
    assert outcome(tmp_path / "a.ts", Measure(max_frames=10)) == "too_many_frames"


def still_gif(side: int, frames: int) -> bytes:
    """An animation of which every frame states one pixel of a large picture, in 23 bytes."""
    image = io.BytesIO()
    Image.new("P", (1, 1)).save(image, "GIF")
    pixel = image.getvalue()[image.getvalue().index(b",") + 10:-1]  # what is behind the head of its picture
    frame = b"!\xf9\4\4\2\0\0\0," + struct.pack("<4H", 0, 0, 1, 1) + b"\0" + pixel
    colours = bytes(3 * 256)
    return b"GIF89a" + struct.pack("<HH", side, side) + b"\xf7\0\0" + colours + b"!\xff\x0bNETSCAPE2.0\3\1\0\0\0" + frame * frames + b";"


def test_an_animation_of_few_bytes_and_billions_of_pixels_is_not_decoded_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "bomb.gif"
    path.write_bytes(still_gif(6000, 1000))
    with pytest.raises(TooManyFrames, match=rf"more than 138 frames of 6000 x 6000 in {path.stat().st_size} bytes"):
        measure_source(path, "video", SETTINGS)
    path.write_bytes(still_gif(300, 1000))
    assert measure_source(path, "video", SETTINGS).frames == 1000


def test_a_cut_off_file_is_partly_undecodable(tmp_path: Path) -> None:
    data = encode_video(np.random.default_rng(0).integers(0, 255, (60, 64, 64, 3), dtype=np.uint8), 20)
    (tmp_path / "half.mp4").write_bytes(data[:len(data) // 2])
    assert outcome(tmp_path / "half.mp4") == "partly_undecodable"


def test_ten_streams_give_one_picture_and_one_sound(tmp_path: Path) -> None:
    path = tmp_path / "ten.mkv"
    with av.open(str(path), "w", format="matroska") as out:
        streams = []
        for i in range(5):
            stream = out.add_stream("mpeg4", rate=10)
            stream.width, stream.height, stream.pix_fmt = 64 + 16 * i, 48, "yuv420p"
            streams.append(stream)
        sounds = [out.add_stream("aac", rate=48_000, layout="stereo" if i == 3 else "mono") for i in range(5)]
        for i in range(20):
            for stream in streams:
                pixels = np.full((48, stream.width, 3), 10 * i, np.uint8)
                out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        for i, sound in enumerate(sounds):
            for at in range(0, 96_000, 1024):
                frame = av.AudioFrame.from_ndarray(np.zeros((2 if i == 3 else 1, 1024), np.float32), format="fltp",
                                                   layout="stereo" if i == 3 else "mono")
                frame.sample_rate, frame.pts = 48_000, at
                out.mux(sound.encode(frame))
        for stream in [*streams, *sounds]:
            out.mux(stream.encode(None))
    made = measure_source(path, "video", SETTINGS)
    assert made.modality == "video"
    assert made.clips[0]["frame_count"] == 20
    assert made.clips[0]["width"] in (64, 128)
    assert made.clips[0]["has_audio"]


def test_cover_art_is_not_a_video(tmp_path: Path) -> None:
    """A sound file with an attached picture is a sound."""
    art = picture("JPEG")
    body = b"\0image/jpeg\0\3\0" + art
    tag = b"APIC" + struct.pack(">I", len(body)) + b"\0\0" + body
    size = len(tag)
    header = b"ID3\3\0\0" + bytes([size >> 21 & 127, size >> 14 & 127, size >> 7 & 127, size & 127])
    out = io.BytesIO()
    with av.open(out, "w", format="mp3") as target:
        stream = target.add_stream("libmp3lame", rate=44_100, layout="mono")
        for at in range(0, 44_100, 1152):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1152), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 44_100, at
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    sound = out.getvalue()
    path = tmp_path / "song.mp3"
    path.write_bytes(header + tag + sound[sound.find(b"\xff\xfb"):])
    with av.open(str(path)) as container:
        assert container.streams.video
    assert outcome(path) == "audio"


@pytest.mark.parametrize(("pictures", "modality"), [(1, "audio"), (3, "video")])
def test_a_picture_of_one_frame_beside_sound_is_cover_art(tmp_path: Path, pictures: int, modality: str) -> None:
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w", format="mp4", options={"movflags": "frag_keyframe"} if pictures > 1 else {}) as out:
        cover, stream = out.add_stream("mjpeg", rate=25, width=64, height=48, pix_fmt="yuvj420p"), out.add_stream("aac", rate=48_000, layout="mono")
        for i in range(pictures):
            out.mux(cover.encode(av.VideoFrame.from_ndarray(np.full((48, 64, 3), 90 + i, np.uint8), format="rgb24")))
        for at in range(0, 96_000, 1024):
            sound = av.AudioFrame.from_ndarray(np.sin(np.arange(at, at + 1024, dtype=np.float32)[None] / 20), format="fltp", layout="mono")
            sound.sample_rate, sound.pts = 48_000, at
            out.mux(stream.encode(sound))
        for made in (cover, stream):
            out.mux(made.encode(None))
    made = measure_source(path, "video", SETTINGS)
    assert made.modality == probe(io.BytesIO(path.read_bytes())).modality == modality
    if modality == "audio":
        (clip,) = made.clips
        assert clip["duration_s"] == pytest.approx(2.0, abs=0.05)
        assert clip["has_audio"]
        assert (clip["width"], clip["frames"]) == (None, None)


@pytest.mark.parametrize(("container", "kept", "said"), [
    ("mp4", 0.5, "the mp4 has no index (moov), as a recording or a download that was not finished"), ("matroska", 200, "the matroska ends within its header")])
def test_a_file_that_ends_too_soon_is_said_to_in_plain_words(tmp_path: Path, container: str, kept: float, said: str) -> None:
    data = video(container=container)
    path = tmp_path / "cut"
    path.write_bytes(data[:int(kept * len(data)) if kept < 1 else int(kept)])
    with pytest.raises(MediaFault) as caught:
        measure_source(path, "video", SETTINGS)
    assert (caught.value.reason, caught.value.detail) == ("undecodable", said)


def test_names_do_not_matter(tmp_path: Path) -> None:
    data = encode_video(np.zeros((10, 32, 32, 3), np.uint8), 10)
    for name in ("quote'\"s.mp4", "new\nline.mp4", "emoji 😀.mp4", "-rf.mp4", "concat:a|b.mp4", "%03d.mp4", "http:x.mp4"):
        (tmp_path / name.replace("/", "_")).write_bytes(data)
        assert outcome(tmp_path / name) == "video", name


MALFORMED = {
    "AudioVideoInterleave.avi": {"undecodable"},
    "BlueSquare_truncated.jpg": {"partly_undecodable"},
    "Mpeg4.mp4": {"no_media"},
    "annex-b.mp4": {"partly_undecodable"},
    "block_ends_beyond_cluster.mkv": {"partly_undecodable", "undecodable"},
    "broken_data_stream.png": {"undecodable", "partly_undecodable"},
    "invalid-bitstream.webm": {"undecodable"},
    "invalid_vp9_bitstream-bug_1416.webm": {"too_many_pixels", "undecodable"},
    "primarychromaticity_fieldtoolarge.webm": {"undecodable"},
    "test1_empty.wav": {"undecodable"},
    "truncated_image.png": {"partly_undecodable"},
    "zero_byte.ts": {"empty_file"},
    "webm.webm": {"partly_undecodable"},
    "hopper_bad_exif.jpg": {"image"},
    "corrupt_metadata.ogg": {"audio"},
    "wrong_extension.aac": {"audio"},
    "sample_mdat_too_long.mp4": {"video"},
    "transparency-faulty.webm": {"video"},
    "video_with_failing_audio.mp4": {"video"},
    "0.ts": {"video", "partly_undecodable"},
    "corrupted.jpg": {"image"},
    "truncated_app14.jpg": {"image"},
    "png-truncated.png": {"image", "undecodable", "partly_undecodable"},
}


@pytest.mark.skipif(not MEDIA.is_dir(), reason="the collection of real media is not there")
def test_every_malformed_file_of_the_collection_has_its_reason() -> None:
    seen = {path.name: outcome(path) for path in sorted((MEDIA / "malformed").iterdir())}
    assert {name: got for name, got in seen.items() if got not in MALFORMED.get(name, {got})} == {}


@pytest.mark.heavy
@pytest.mark.skipif(not MEDIA.is_dir(), reason="the collection of real media is not there")
def test_every_sound_file_of_the_collection_is_measured() -> None:
    wrong = {}
    cannot = {
        "multipage_rgb.tif",
        "alac_file.m4a",
    }  # No decoder at hand reads the first; the second is cut off after its header.
    for folder in ("video", "image", "audio"):
        for path in sorted((MEDIA / folder).iterdir()):
            got = outcome(path)
            if got not in ("video", "image", "audio") and path.name not in cannot:
                wrong[path.name] = got
    assert wrong == {}


def test_a_start_that_the_container_rounds_is_not_before_the_beginning(tmp_path):
    """An MP3 of 44.1 kHz starts after 1105 samples, 25.0567 ms, which its container calls 25.057 ms."""
    path = tmp_path / "tone.mp3"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libmp3lame", rate=44_100, layout="mono")
        sound = (0.3 * np.sin(np.arange(44_100 * 2) * 0.05)).astype(np.float32)[None]
        frame = av.AudioFrame.from_ndarray(sound, format="fltp", layout="mono")
        frame.sample_rate = 44_100
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    clip, = measure_source(str(path), "audio", Measure()).clips
    assert clip["start_s"] == 0
    assert clip["end_s"] == pytest.approx(2, abs=0.06)


def test_a_stream_that_comes_up_on_the_way_does_not_end_the_pass(tmp_path: Path) -> None:
    """Sound of a transport stream moves to PIDs that no table announces: PyAV then stumbles over streams it does not know."""
    packets = bytearray(video(codec="mpeg2video", container="mpegts"))
    starts = [i for i in range(100 * 188, len(packets), 188) if packets[i + 1] & 0x5F == 0x41 and packets[i + 2] == 1]
    for number, at in enumerate(starts[-5:]):
        packets[at + 2] = 0x81 + number
    (tmp_path / "late.ts").write_bytes(bytes(packets))
    assert outcome(tmp_path / "late.ts") in ("video", "partly_undecodable")


def test_a_broken_second_page_does_not_cost_the_first(tmp_path: Path) -> None:
    out = io.BytesIO()
    page = Image.fromarray(np.random.default_rng(2).integers(0, 255, (60, 80, 3), dtype=np.uint8))
    page.save(out, "TIFF", save_all=True, append_images=[page])
    data = bytearray(out.getvalue())
    second = data.rfind(struct.pack("<HHI", 256, 4, 1)) if data.count(struct.pack("<HHI", 256, 4, 1)) > 1 else -1
    second = max(second, data.rfind(struct.pack("<HHI", 256, 3, 1)))
    data[second:second + 2] = b"\1\0"
    (tmp_path / "pages.tif").write_bytes(bytes(data))
    with Image.open(tmp_path / "pages.tif") as image, pytest.raises(TypeError):
        image.seek(1)
    assert outcome(tmp_path / "pages.tif") == "image"

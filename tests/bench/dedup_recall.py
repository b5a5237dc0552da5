"""Recall of near copies by transform, and what is merged wrongly, over a folder of real media; writes `dedup_recall.md` beside it.

    python tests/bench/dedup_recall.py FOLDER [video] [image] [audio] [drawn]

FOLDER has video/, image/ and audio/. Every file is put through each transform, coded again, and held against itself by dedup's own
functions with default settings: it counts as found when the two would meet and would be proven. Hashes, samples (two a second,
luma, short side 112), sketches, stored frames, all in colour, and fingerprints are made as the decode pass makes them; a file is taken as one clip,
at a height of 270 or less. Where a start was cut off, the copy must be told to begin within .25 s of it. Then all pairs of different files that would be
merged; and in `drawn`, all pairs of films of different scenes of one drawn world.
"""

import io
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import cv2
import numpy as np
from dedup_copies import (
    RECIPE,
    WHOLE_S,
    Change,
    Clip,
    Found,
    Rendered,
    bars,
    crop,
    decoded,
    encoded,
    kept,
    logo,
    look,
    merged,
    page,
    same,
    scale,
    some,
    subtitle,
    tried,
    views,
)

from jobs.clean.measures import MONO_BLOCK, MONO_RATE_HZ, fingerprint
from jobs.dedup import audio
from jobs.train import world

SHIFT_S, SECONDS, HEIGHT, SCENES = 1.3, 6.0, 270, 100
TURNED = RECIPE.model_copy(update={"turned": True})
TURNS: dict[str, Change] = {"mirrored": lambda f: np.ascontiguousarray(f[:, ::-1]), "turned by 90": lambda f: np.ascontiguousarray(np.rot90(f)),
                            "turned by 180": lambda f: np.ascontiguousarray(f[::-1, ::-1])}


PICTURES: dict[str, Change] = {
    "h264 crf 28": lambda f: f, "half size": scale(0.5), "quarter size": scale(0.25),
    "stretched to 4:3": lambda f: cv2.resize(f, (f.shape[0] * 4 // 3, f.shape[0])),
    "crop 3 %": crop(0.03), "crop 6 %": crop(0.06), "crop 10 %": crop(0.1), "letterbox": bars(0.15, 0), "pillarbox": bars(0, 0.2),
    "brighter by 30": lambda f: cv2.convertScaleAbs(f, beta=30), "darker, x 0.7": lambda f: cv2.convertScaleAbs(f, alpha=0.7),
    "contrast x 1.3": lambda f: np.clip((f.astype("f4") - 128) * 1.3 + 128, 0, 255).astype("u1"),
    "gamma 1.6": lambda f: (255 * (f / 255.0) ** 1.6).astype("u1"), "gamma 0.6": lambda f: (255 * (f / 255.0) ** 0.6).astype("u1"),
    "logo 10 x 6 %": logo(0.1, 0.06), "logo 17 x 10 %": logo(0.17, 0.1), "subtitle": subtitle,
    "grey": lambda f: cv2.cvtColor(cv2.cvtColor(f, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR),
    "blur": lambda f: cv2.GaussianBlur(f, (0, 0), f.shape[0] / 150),
}


# ---- video


def copies(fps: int) -> Iterator[tuple[str, float, float, Change, float, dict[str, str]]]:
    """Every transform: name, seconds cut off at the start, and at the end, or less than none: how long the copy is; change, frames a second,
    options of the code."""
    for name, change in PICTURES.items():
        yield name, 0, 0, change, fps, {"crf": "28"}
    yield "h264 crf 40", 0, 0, nothing, fps, {"crf": "40"}
    yield "mpeg4 in avi", 0, 0, nothing, fps, {"codec": "mpeg4", "form": "avi"}
    yield "vp8 in webm", 0, 0, nothing, fps, {"codec": "libvpx", "form": "webm", "deadline": "realtime"}
    for rate in (12, 15, 24):
        yield f"{rate} frames a second", 0, 0, nothing, rate, {}
    for start in (0.3, 0.55, 0.75, 1.3, 1.9, 3):
        yield f"first {start} s cut off", start, 0, nothing, fps, {"crf": "23"}
    yield "last 1.1 s cut off", 0, 1.1, nothing, fps, {"crf": "23"}
    for start, end in ((0.4, 0.7), (1.15, 0.9)):
        yield f"first {start}, last {end} s cut off, half size, crf 35", start, end, scale(0.5), fps, {"crf": "35"}
    yield "first 0.65 s cut off, crop 6 %", 0.65, 0, crop(0.06), fps, {"crf": "28"}
    yield "first 0.65 s cut off, logo 10 x 6 %, 15 frames a second", 0.65, 0, logo(0.1, 0.06), 15, {"crf": "28"}
    yield "2 s out of the middle", 1.5, -2, nothing, fps, {"crf": "28"}
    yield "2 s out of the middle, 12 frames a second", 1.5, -2, nothing, 12, {"crf": "28"}
    for name, change in TURNS.items():
        yield f"{name} (dedup.turned)", 0, 0, change, fps, {"crf": "28"}


def nothing(f: np.ndarray) -> np.ndarray:
    return f


def copied(frames: list[np.ndarray], fps: int, start: float, end: float, change: Change, rate: float, options: dict[str, str]) -> Clip | None:
    """What is known of a copy; None where less than a second and a half would be left."""
    left = frames[round(start * fps):]
    left = left[:len(left) - round(end * fps)] if end >= 0 else left[:round(-end * fps)]
    if len(left) <= 1.5 * fps:
        return None
    shown = [change(left[int(i * fps / rate)]) for i in range(int(len(left) * rate / fps))]
    return look(decoded(encoded(shown, round(rate), **options), WHOLE_S))


def rendered(path: Path) -> Rendered | None:
    """The first SECONDS of a file; None where it is shorter than a second or flat."""
    with av.open(str(path), metadata_errors="replace") as container:
        fps = max(1, min(60, round(float(container.streams.video[0].average_rate or 25))))
    frames = [f for _, f in decoded(str(path), SECONDS, HEIGHT)]
    given = look((i / fps, f) for i, f in enumerate(frames))
    if len(frames) < fps or not some(given):
        return None
    made = {name: (round(start * fps) / fps, copied(frames, fps, start, *ways)) for name, start, *ways in copies(fps)}
    return Rendered(given, views(frames), fps, {name: of for name, of in made.items() if of[1] is not None})


def whole(path: Path) -> Clip:
    return look(decoded(str(path), WHOLE_S, HEIGHT))


def videos(folder: Path) -> tuple[Found, list[str]]:
    found, known = defaultdict(list), {}
    for path in sorted(p for p in folder.iterdir() if p.is_file()):
        try:
            known[path.name] = kept(whole, path)
            film = kept(rendered, path)
        except (av.error.FFmpegError, IndexError) as error:
            print(f"{path.name}: {error}", file=sys.stderr)
            continue
        if film is None:
            print(f"{path.name}: shorter than a second or flat; no transforms", file=sys.stderr)
        else:
            tried(path.name, film, found, lambda what: TURNED if "turned" in what else RECIPE)
    return found, merged(known, "pictures")


# ---- pictures


def jpeg(quality: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda f: cv2.imdecode(cv2.imencode(".jpg", f, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)


def pictures(folder: Path) -> tuple[Found, list[str]]:
    found, whole = defaultdict(list), {}

    def seen(f: np.ndarray) -> Clip:
        return look([(0.0, np.ascontiguousarray(f))], "image")

    for path in sorted(p for p in folder.iterdir() if p.is_file()):
        picture = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
        if picture is None or min(picture.shape[:2]) < 32 or not some(given := seen(picture)):
            print(f"{path.name}: unreadable here, tiny or flat; no transforms", file=sys.stderr)
            continue
        whole[path.name] = given
        for name, change in PICTURES.items():
            if "h264" not in name:
                found[name].append((path.name, same("stills", given, seen(jpeg(85)(change(picture))))[0]))
        for quality in (60, 20):
            found[f"JPEG at {quality}"].append((path.name, same("stills", given, seen(jpeg(quality)(picture)))[0]))
        for name, turn in TURNS.items():
            copy = seen(jpeg(85)(np.ascontiguousarray(turn(picture))))
            found[f"{name} (dedup.turned)"].append((path.name, same("stills", given, copy, TURNED)[0]))
    return found, merged(whole, "stills")


# ---- sound


def heard(samples: np.ndarray) -> np.ndarray:
    """The fingerprint of mono sound."""
    blocks = samples[:len(samples) // MONO_BLOCK * MONO_BLOCK].astype("f4").reshape(-1, MONO_BLOCK)
    return fingerprint.hear(MONO_RATE_HZ, ["FC"])(blocks).ravel().astype(np.uint32) if len(blocks) else np.empty(0, np.uint32)


def sound(source: object, seconds: float) -> np.ndarray:
    """Mono samples."""
    resampler, parts, left = av.AudioResampler("flt", "mono", MONO_RATE_HZ), [], int(seconds * MONO_RATE_HZ)
    with av.open(source, metadata_errors="replace") as container:
        for frame in container.decode(container.streams.audio[0]):
            parts += [f.to_ndarray()[0] for f in resampler.resample(frame)]
            if sum(map(len, parts)) >= left:
                break
    return np.concatenate([np.empty(0, "f4"), *parts])[:left]


def recoded(samples: np.ndarray, codec: str, form: str, rate: int, bit_rate: int, layout: str = "mono") -> np.ndarray:
    made = io.BytesIO()
    with av.open(made, "w", format=form) as container:
        stream = container.add_stream(codec, rate=rate, layout=layout, options={"strict": "experimental"})
        stream.bit_rate = bit_rate
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None], "f4"), "flt", "mono")
        frame.sample_rate = MONO_RATE_HZ
        resampler = av.AudioResampler(stream.format, layout, rate, frame_size=stream.codec_context.frame_size or None)
        for f in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(f))
        container.mux(stream.encode())
    made.seek(0)
    return sound(made, WHOLE_S)


SOUNDS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "12 dB quieter": lambda s: s / 4, "6 dB louder, clipped": lambda s: np.clip(2 * s, -1, 1),
    "MP3 at 64 kbit/s": lambda s: recoded(s, "mp3", "mp3", 44_100, 64_000),
    "AAC at 48 kbit/s": lambda s: recoded(s, "aac", "adts", 44_100, 48_000),
    "Opus at 24 kbit/s": lambda s: recoded(s, "libopus", "ogg", 48_000, 24_000),
    "MP3 at 32 kbit/s, 12 dB quieter": lambda s: recoded(s / 4, "mp3", "mp3", 22_050, 32_000),
    f"first {SHIFT_S} s cut off": lambda s: s[int(SHIFT_S * MONO_RATE_HZ):],
    "noise at 20 dB": lambda s: s + np.random.default_rng(1).normal(size=len(s)).astype("f4") * s.std() / 10,
}


def sounds(folder: Path) -> tuple[Found, list[str]]:
    found, whole = defaultdict(list), {}

    def clip(samples: np.ndarray) -> Clip | None:
        words = heard(samples)
        return {"audio_fingerprint": words, "start_s": 0.0, "duration_s": len(samples) / MONO_RATE_HZ} if audio.telling(words) else None

    for path in sorted(p for p in folder.iterdir() if p.is_file()):
        try:
            samples = sound(str(path), WHOLE_S)
        except (av.error.FFmpegError, IndexError) as error:
            print(f"{path.name}: {error}", file=sys.stderr)
            continue
        if (given := clip(samples)) is None:
            print(f"{path.name}: silent, steady or shorter than two seconds; no transforms", file=sys.stderr)
            continue
        whole[path.name] = given
        for name, change in SOUNDS.items():
            if (copy := clip(change(samples))) is not None:
                found[name].append((path.name, same("sound", given, copy)[0]))
    return found, merged(whole, "sound")


# ---- one drawn world


def scene(i: int) -> Clip:
    frames = world.render(world.scenes()[i], width=256, height=144, frames=25, seed=1)
    return look((k / 8, f[:, :, ::-1]) for k, f in enumerate(frames))


def drawn(folder: Path) -> tuple[Found, list[str]]:
    """Films of three seconds of different scenes, drawn by the same hand, eight pictures a second."""
    rng, scenes = np.random.default_rng(4), world.scenes()
    films = {}
    for i in rng.choice(len(scenes), SCENES, replace=False):
        films[scenes[i].name] = kept(scene, int(i))
    wrong = merged(films, "pictures")
    print(f"drawn: {len(wrong)} of {SCENES * (SCENES - 1) // 2} pairs", file=sys.stderr)
    return {}, wrong


PARTS = {"video": videos, "image": pictures, "audio": sounds, "drawn": drawn}


if __name__ == "__main__":
    cv2.setNumThreads(1)
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    target = Path(__file__).with_suffix(".md")
    parts = dict(p.split("\n", 1) for p in target.read_text().split("\n## ")[1:]) if target.exists() else {}
    for kind in sys.argv[2:] or PARTS:
        parts[kind] = page(*PARTS[kind](Path(sys.argv[1]) / kind)) + "\n"
        target.write_text("# Recall of near copies by transform\n\nWritten by `python tests/bench/dedup_recall.py FOLDER`, see there.\n"
                          + "".join(f"\n## {name}\n\n{parts[name].strip()}\n" for name in PARTS if name in parts))
    print(target.read_text())

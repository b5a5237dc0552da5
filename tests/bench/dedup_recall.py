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
from collections.abc import Callable, Iterable, Iterator
from itertools import combinations
from pathlib import Path

import av
import cv2
import numpy as np
import pyarrow as pa

from jobs.clean.measures import MONO_BLOCK, MONO_RATE_HZ, fingerprint
from jobs.clean.measures.phash import VIEWS, hashes
from jobs.clean.measures.sketch import RATE_HZ
from jobs.dedup import audio
from jobs.dedup.match import KINDS
from jobs.media.planes import SKETCH, Grid
from jobs.media.signals import SIGNALS, THUMB
from jobs.train import world
from schemas import CLIPS
from schemas.settings import Dedup

RECIPE = Dedup()
SHIFT_S, SECONDS, WHOLE_S, HEIGHT = 1.3, 6.0, 60.0, 270
CUTS = {"first 0.3 s cut off": (0.3, 0), "first 0.55 s cut off": (0.55, 0), "first 0.75 s cut off": (0.75, 0), "first 1.3 s cut off": (1.3, 0),
        "first 1.9 s cut off": (1.9, 0), "first 3 s cut off": (3, 0), "last 1.1 s cut off": (0, 1.1)}
BOTH = {"first 0.4, last 0.7 s cut off, half size, crf 35": (0.4, 0.7), "first 1.15, last 0.9 s cut off, half size, crf 35": (1.15, 0.9)}
"""Seconds cut off at the start and at the end."""
TURNED = RECIPE.model_copy(update={"turned": True})
STORED, SCENES = 4, 100
CUT_PLACED = "of these at their true offset"
Found = dict[str, list[tuple[str, bool]]]
Clip = dict[str, object]


def crop(share: float) -> Callable[[np.ndarray], np.ndarray]:
    def cut(f: np.ndarray) -> np.ndarray:
        y, x = int(f.shape[0] * share / 2), int(f.shape[1] * share / 2)
        return f[y:f.shape[0] - y, x:f.shape[1] - x]
    return cut


def scale(share: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda f: cv2.resize(f, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)


def bars(y: float, x: float) -> Callable[[np.ndarray], np.ndarray]:
    def add(f: np.ndarray) -> np.ndarray:
        h, w = int(f.shape[0] * y), int(f.shape[1] * x)
        return cv2.copyMakeBorder(f, h, h, w, w, cv2.BORDER_CONSTANT)
    return add


def logo(width: float, height: float) -> Callable[[np.ndarray], np.ndarray]:
    def stamp(f: np.ndarray) -> np.ndarray:
        h, w = f.shape[:2]
        out = f.copy()
        cv2.rectangle(out, (int(w * (0.97 - width)), int(h * 0.05)), (int(w * 0.97), int(h * (0.05 + height))), (255, 255, 255), -1)
        return out
    return stamp


def subtitle(f: np.ndarray) -> np.ndarray:
    h, w = f.shape[:2]
    return cv2.putText(f.copy(), "subtitle text here", (int(w * 0.2), int(h * 0.92)), 0, h / 300, (255, 255, 255), 2)


PICTURES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
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


def look(frames: Iterable[tuple[float, np.ndarray]], modality: str = "video") -> Clip:
    """What the decode pass would know of BGR frames and their times."""
    hashed, times, spread, stored, sketched, sketch_times = [], [], [], [], [], []
    grid, due, sketch_due = Grid(), None, None
    for t, f in frames:
        if sketch_due is None or t >= sketch_due - 1e-6:
            sketch_due = due_after(sketch_due, t, 1 / RATE_HZ)
            grid.reduce(av.VideoFrame.from_ndarray(np.ascontiguousarray(f), format="bgr24").reformat(format="yuv420p"),
                        np.zeros(len(SIGNALS), np.float32), np.zeros(THUMB, np.uint8))
            sketched.append(np.zeros(SKETCH, np.uint8))
            grid.sketch(sketched[-1])
            sketch_times.append(t)
        if due is not None and t < due - 1e-6:
            continue
        due = due_after(due, t, 0.5)
        luma = cv2.cvtColor(np.ascontiguousarray(f), cv2.COLOR_BGR2GRAY)
        small = shrunk(luma, 112)
        hashed += hashes(small)
        times += [t] * VIEWS
        spread.append(float(small.std()))
        stored.append({"t_s": t, "jpeg": cv2.imencode(".jpg", shrunk(f, 224), [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()})
    at = np.array([f["t_s"] for f in stored])
    count = min(STORED, len(stored))
    span = at[-1] + 0.5 - at[0] if count else 0.0
    picks = sorted({int(np.abs(at - at[0] - span * (i + 0.5) / count).argmin()) for i in range(count)})
    return {"modality": modality, "phashes": hashed, "phash_times_s": times, "luma_std": float(np.mean(spread)) if spread else 0.0,
            "frames": [stored[i] for i in picks], "sketches": b"".join(s.tobytes() for s in sketched), "sketch_times_s": sketch_times}


def due_after(due: float | None, t: float, step: float) -> float:
    return t + step if due is None else due + step * (1 + int((t - due) / step + 1e-9))


def shrunk(f: np.ndarray, short: int) -> np.ndarray:
    share = short / min(f.shape[:2])
    return np.ascontiguousarray(cv2.resize(f, None, fx=share, fy=share, interpolation=cv2.INTER_AREA) if share < 1 else f)


def same(kind: str, a: Clip, b: Clip, recipe: Dedup = RECIPE) -> tuple[bool, float]:
    """Whether dedup would find and prove the pair, and the shift it tells."""
    kind_, one, two = KINDS[kind], np.array([0]), np.array([1])
    names = sorted({*kind_.columns, *kind_.proof})
    clips = pa.table([pa.array([a.get(n), b.get(n)], CLIPS.schema.field(n).type) for n in names], names)
    rows = kind_.file(clips, np.array([0, 1]), recipe)
    if not len(kind_.meet(rows, recipe)[0]):
        return False, float("nan")
    score, shift = kind_.prove(kind_.keep(clips, recipe), one, two, recipe)
    return bool(score[0] >= kind_.threshold(recipe)), float(shift[0])


def decoded(source: object, seconds: float, height: int = 10_000) -> Iterator[tuple[float, np.ndarray]]:
    with av.open(source, metadata_errors="replace") as container:
        stream = container.streams.video[0]
        start = None
        for frame in container.decode(stream):
            t = float((frame.pts or 0) * stream.time_base)
            start = t if start is None else start
            if t - start > seconds:
                return
            share = min(1.0, height / frame.height)
            yield t, frame.reformat(round(frame.width * share / 2) * 2, round(frame.height * share / 2) * 2, "bgr24", interpolation="AREA").to_ndarray()


def encoded(frames: list[np.ndarray], fps: int, codec: str = "libx264", form: str = "mp4", **options: str) -> io.BytesIO:
    made = io.BytesIO()
    with av.open(made, "w", format=form) as container:
        h, w = (n - n % 2 for n in frames[0].shape[:2])
        stream = container.add_stream(codec, rate=fps)
        stream.width, stream.height, stream.pix_fmt, stream.options = w, h, "yuv420p", options
        stream.bit_rate = 600_000 if codec != "libx264" else 0
        for f in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(f[:h, :w]), format="bgr24")))
        container.mux(stream.encode())
    made.seek(0)
    return made


def copies(frames: list[np.ndarray], fps: int) -> Iterator[tuple[str, io.BytesIO]]:
    """The clip under every transform."""
    fast = {"preset": "ultrafast"}
    for name, change in PICTURES.items():
        yield name, encoded([change(f) for f in frames], fps, crf="28", **fast)
    yield "h264 crf 40", encoded(frames, fps, crf="40", **fast)
    yield "mpeg4 in avi", encoded(frames, fps, "mpeg4", "avi")
    yield "vp8 in webm", encoded(frames, fps, "libvpx", "webm", deadline="realtime")
    for rate in (12, 15, 24):
        yield f"{rate} frames a second", encoded([frames[int(i * fps / rate)] for i in range(int(len(frames) * rate / fps))], rate, **fast)


def cut_copies(frames: list[np.ndarray], fps: int) -> Iterator[tuple[str, float, io.BytesIO]]:
    """The clip without some of its start and end, where a second and a half is left, and where the copy begins."""
    for name, (start, end) in {**CUTS, **BOTH}.items():
        if len(left := frames[round(start * fps):len(frames) - round(end * fps)]) > 1.5 * fps:
            left, crf = ([scale(0.5)(f) for f in left], "35") if name in BOTH else (left, "23")
            yield name, round(start * fps) / fps, encoded(left, fps, crf=crf, preset="ultrafast")


def merged(whole: dict[str, Clip], kind: str) -> list[str]:
    """Pairs of different files that would be merged."""
    return [f"{a} and {b}, {shift:+.2f} s" for a, b in combinations(whole, 2) for ok, shift in [same(kind, whole[a], whole[b])] if ok]


TURNS = {"mirrored": lambda f: f[:, ::-1], "turned by 90": np.rot90, "turned by 180": lambda f: f[::-1, ::-1]}


def some(clip: Clip) -> bool:
    """Whether anything is filed of it."""
    return len(KINDS["pictures"].file(pa.table([pa.array([clip[n]], CLIPS.schema.field(n).type) for n in KINDS["pictures"].columns],
                                               list(KINDS["pictures"].columns)), np.array([0]), RECIPE)) > 0


# ---- video


def videos(folder: Path) -> tuple[Found, list[str]]:
    found, whole = defaultdict(list), {}
    for path in sorted(p for p in folder.iterdir() if p.is_file()):
        try:
            clip = look(decoded(str(path), WHOLE_S, HEIGHT))
            with av.open(str(path), metadata_errors="replace") as container:
                fps = max(1, min(60, round(float(container.streams.video[0].average_rate or 25))))
            frames = [f for _, f in decoded(str(path), SECONDS, HEIGHT)]
        except (av.error.FFmpegError, IndexError) as error:
            print(f"{path.name}: {error}", file=sys.stderr)
            continue
        whole[path.name] = clip
        if len(frames) < fps or not some(clip):
            print(f"{path.name}: shorter than a second or flat; no transforms", file=sys.stderr)
            continue
        given = look((i / fps, f) for i, f in enumerate(frames))
        for name, copy in copies(frames, fps):
            found[name].append((path.name, same("pictures", given, look(decoded(copy, WHOLE_S)))[0]))
        for name, start, copy in cut_copies(frames, fps):
            ok, shift = same("pictures", given, look(decoded(copy, WHOLE_S)))
            found[name].append((path.name, ok))
            found[f"... {CUT_PLACED}"].append((f"{path.name} ({name})", ok and placed(frames, round(start * fps), shift * fps, fps)))
        for name, turn in TURNS.items():
            copy = encoded([np.ascontiguousarray(turn(f)) for f in frames], fps, crf="28", preset="ultrafast")
            found[f"{name} (dedup.turned)"].append((path.name, same("pictures", given, look(decoded(copy, WHOLE_S)), TURNED)[0]))
        if (first := int(1.5 * fps)) + 2 * fps < len(frames):
            inner = frames[first:first + 2 * fps]
            for rate in (fps, 12):
                copy = encoded([inner[int(i * fps / rate)] for i in range(2 * rate)], rate, crf="28", preset="ultrafast")
                ok, shift = same("pictures", given, look(decoded(copy, WHOLE_S)))
                what = "2 s out of the middle" + (", 12 frames a second" if rate != fps else "")
                found[what].append((path.name, ok))
                found[f"... at its true offset{what[21:]}"].append((path.name, ok and placed(frames, first, shift * fps, fps)))
        missed = [name for name, rows in found.items() if rows[-1] == (path.name, False)]
        print(f"{path.name}: {', '.join(missed) or 'all'} {'missed' if missed else 'found'}", file=sys.stderr, flush=True)
    return found, merged(whole, "pictures")


def placed(frames: list[np.ndarray], first: int, told: float, fps: int) -> bool:
    """Whether an offset is within a quarter of a second of the true one, or the pictures there are the same (nothing moves)."""
    there = frames[min(max(round(told), 0), len(frames) - 1)]
    return abs(told - first) <= fps / 4 or float(np.abs(there.astype(np.int16) - frames[first]).mean()) < 2


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
    return fingerprint.hear(MONO_RATE_HZ, 1)(blocks).ravel().astype(np.uint32) if len(blocks) else np.empty(0, np.uint32)


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


def drawn(folder: Path) -> tuple[Found, list[str]]:
    """Films of three seconds of different scenes, drawn by the same hand, eight pictures a second."""
    rng, scenes = np.random.default_rng(4), world.scenes()
    films = {}
    for i in rng.choice(len(scenes), SCENES, replace=False):
        frames = world.render(scenes[i], width=256, height=144, frames=25, seed=1)
        films[scenes[i].name] = look((k / 8, f[:, :, ::-1]) for k, f in enumerate(frames))
    wrong = merged(films, "pictures")
    print(f"drawn: {len(wrong)} of {SCENES * (SCENES - 1) // 2} pairs", file=sys.stderr)
    return {}, wrong


PARTS = {"video": videos, "image": pictures, "audio": sounds, "drawn": drawn}


def page(found: Found, wrong: list[str]) -> str:
    """Markdown."""
    lines = ["| transform | files | recall | missed |", "|---|---|---|---|"]
    for name, rows in found.items():
        missed = [n for n, ok in rows if not ok]
        lines.append(f"| {name} | {len(rows)} | {1 - len(missed) / len(rows):.3f} | {', '.join(missed)} |")
    return "\n".join([*lines, "", "Different files that would be merged, and their shift: " + ("; ".join(wrong) or "none") + "."])


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

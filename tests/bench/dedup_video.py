"""Recall of perceptual duplicates by transform: every video of a folder, re-encoded under each transform, against itself.

    python tests/bench/dedup_video.py FOLDER [SECONDS]

Samples are taken as the decode pass takes them: two a second, luma, short side 112, hashed by `jobs.clean.measures.phash`.
Also prints every pair of different files of the folder that would be merged.
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

from jobs.clean.measures.phash import phash
from jobs.dedup import perceptual
from schemas.settings import Dedup

RECIPE = Dedup()
SHIFT_S = 1.3


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
    "logo 10 x 6 %": logo(0.1, 0.06), "logo 17 x 10 %": logo(0.17, 0.1), "subtitle": subtitle,
    "grey": lambda f: cv2.cvtColor(cv2.cvtColor(f, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR),
    "blur": lambda f: cv2.GaussianBlur(f, (0, 0), f.shape[0] / 150),
}


def samples(frames: Iterable[tuple[float, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Telling hashes of luma frames and their times."""
    hashes, times, spread, due = [], [], [], None
    for t, luma in frames:
        if due is not None and t < due - 1e-6:
            continue
        due = t + 0.5 if due is None else due + 0.5 * (1 + int((t - due) / 0.5))
        share = 112 / min(luma.shape)
        small = cv2.resize(luma, None, fx=share, fy=share, interpolation=cv2.INTER_AREA) if share < 1 else luma
        hashes.append(phash(small))
        times.append(t)
        spread.append(float(small.std()))
    made = np.array(hashes, np.uint64)
    good = perceptual.telling(made, float(np.mean(spread)) if spread else 0.0)
    return made[good], np.array(times)[good]


def decoded(source: object, seconds: float, form: str = "gray") -> Iterator[tuple[float, np.ndarray]]:
    with av.open(source, metadata_errors="replace") as container:
        stream = container.streams.video[0]
        start = None
        for frame in container.decode(stream):
            t = float((frame.pts or 0) * stream.time_base)
            start = t if start is None else start
            if t - start > seconds:
                return
            yield t, frame.reformat(format=form).to_ndarray()


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
    yield "15 frames a second", encoded([frames[int(i * fps / 15)] for i in range(int(len(frames) * 15 / fps))], 15, **fast)
    if len(frames) > (SHIFT_S + 2) * fps:
        yield f"first {SHIFT_S} s cut off", encoded(frames[int(SHIFT_S * fps):], fps, **fast)


def same(a: tuple[np.ndarray, np.ndarray], b: tuple[np.ndarray, np.ndarray]) -> tuple[bool, float]:
    """Whether dedup would find and prove the pair, and the shift it tells."""
    if not (len(a[0]) and len(b[0])):
        return False, float("nan")
    value = np.concatenate([a[0], b[0]])
    node = np.repeat([0, 1], [len(a[0]), len(b[0])])
    keys = perceptual.buckets(value)
    met, _ = perceptual.near(keys.ravel(), np.repeat(value, keys.shape[1]), np.repeat(node, keys.shape[1]),
                             RECIPE.hamming + perceptual.ANCHOR)
    share, shift = perceptual.same(*a, *b, RECIPE.hamming, RECIPE.phash_share)
    return bool(len(met)) and share >= RECIPE.phash_share, shift


def main(folder: Path, seconds: float) -> None:
    found: dict[str, list[tuple[str, bool]]] = defaultdict(list)
    whole = {}
    for path in sorted(p for p in folder.iterdir() if p.is_file()):
        try:
            whole[path.name] = samples(decoded(str(path), 60))
            with av.open(str(path), metadata_errors="replace") as container:
                fps = max(1, min(60, round(float(container.streams.video[0].average_rate or 25))))
            frames = [f if f.shape[0] <= 360 else cv2.resize(f, (f.shape[1] * 360 // f.shape[0], 360)) for _, f in
                      decoded(str(path), seconds, "bgr24")]
        except (av.error.FFmpegError, IndexError) as error:
            print(f"{path.name}: {error}")
            continue
        if len(frames) < fps or not len(whole[path.name][0]):
            print(f"{path.name}: shorter than a second or flat; no transforms")
            continue
        given = samples((i / fps, cv2.cvtColor(f, cv2.COLOR_BGR2GRAY)) for i, f in enumerate(frames))
        for name, copy in copies(frames, fps):
            found[name].append((path.name, same(given, samples(decoded(copy, 60)))[0]))
        print(f"{path.name}: done", file=sys.stderr, flush=True)
    print(f"{'transform':<22}{'clips':>6}{'recall':>8}  missed")
    for name, rows in found.items():
        missed = [n for n, ok in rows if not ok]
        print(f"{name:<22}{len(rows):>6}{1 - len(missed) / len(rows):>8.3f}  {', '.join(missed)}")
    print("pairs of different files that would be merged:")
    for a, b in combinations(whole, 2):
        if (verdict := same(whole[a], whole[b]))[0]:
            print(f"  {a} {b} shift {verdict[1]:.2f} s")


if __name__ == "__main__":
    cv2.setNumThreads(1)
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 5.0)

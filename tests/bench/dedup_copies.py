"""What the benches of dedup share: what the decode pass would know of frames, files coded again, and pairs held against each other.

Hashes, samples (two a second, luma, short side 112), sketches, stored frames, all in colour, are made as the decode pass makes them; a
clip is at a height of HEIGHT or less. What is known of a clip is kept in a folder, so that a second run compares only.
"""

import hashlib
import io
import os
import pickle
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from typing import NamedTuple, TypeVar

import av
import cv2
import numpy as np
import pyarrow as pa

from jobs.clean.measures import phash, sketch
from jobs.dedup.match import KINDS
from jobs.media.planes import SKETCH, Grid
from jobs.media.signals import SIGNALS, THUMB
from schemas import CLIPS
from schemas.settings import Dedup

RECIPE = Dedup()
WHOLE_S, HEIGHT, STORED = 60.0, 270, 4
KEPT = Path(os.environ.get("REELMILL_CACHE", tempfile.gettempdir())) / "bench-dedup"
EDITION = 1
"""To be raised with every change to what is rendered, here or in a bench."""
VIEW = (64, 36)
"""Width and height of the small pictures by which `placed` sees whether anything moves."""
Found = dict[str, list[tuple[str, bool]]]
Clip = dict[str, object]
Change = Callable[[np.ndarray], np.ndarray]
PLACED = "... of those with a cut start, at their true offset"
Made = TypeVar("Made")


class Rendered(NamedTuple):
    """What is known of a film and of its copies.

    Attributes:
        given: The film.
        small: Small pictures of its frames, for `placed`.
        fps: Frames a second.
        copies: By transform, seconds cut off at the start and what is known of the copy.
    """

    given: Clip
    small: np.ndarray
    fps: int
    copies: dict[str, tuple[float, Clip]]


def kept(make: Callable[..., Made], *given: object) -> Made:
    """What `make` gives of some path and arguments, or gave before; kept in a folder by these, `EDITION` and the versions of the measures."""
    size = [p.stat().st_size for p in given if isinstance(p, Path)]
    name = hashlib.sha256(repr((EDITION, phash.MEASURE.version, sketch.MEASURE.version, make.__qualname__, given, size)).encode()).hexdigest()
    if not (path := KEPT / name).exists():
        made = make(*given)
        KEPT.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".part").write_bytes(pickle.dumps(made))
        path.with_suffix(".part").rename(path)
    return pickle.loads(path.read_bytes())


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


def look(frames: Iterable[tuple[float, np.ndarray]], modality: str = "video") -> Clip:
    """What the decode pass would know of BGR frames and their times."""
    hashed, times, spread, stored, sketched, sketch_times = [], [], [], [], [], []
    grid, due, sketch_due = Grid(), None, None
    for t, f in frames:
        if sketch_due is None or t >= sketch_due - 1e-6:
            sketch_due = due_after(sketch_due, t, 1 / sketch.RATE_HZ)
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
        hashed += phash.hashes(small)
        times += [t] * phash.VIEWS
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


class Pairs:
    """Clips that may be held against one another by dedup's own functions.

    Attributes:
        rows: What each files in the buckets.
    """

    def __init__(self, kind: str, clips: Sequence[Clip], recipe: Dedup = RECIPE):
        self.kind, self.recipe = KINDS[kind], recipe
        names = sorted({*self.kind.columns, *self.kind.proof})
        table = pa.table([pa.array([c.get(n) for c in clips], CLIPS.schema.field(n).type) for n in names], names)
        self.rows = [self.kind.file(table.slice(i, 1), np.array([i]), recipe) for i in range(len(clips))]
        self.known = self.kind.keep(table, recipe)

    def same(self, i: int, j: int) -> tuple[bool, float]:
        """Whether dedup would find and prove a pair, and the shift it tells; NaN where they do not meet."""
        if not len(self.kind.meet(np.concatenate([self.rows[i], self.rows[j]]), self.recipe)[0]):
            return False, float("nan")
        score, shift = self.kind.prove(self.known.take([i, j]), np.array([0]), np.array([1]), self.recipe)
        return bool(score[0] >= self.kind.threshold(self.recipe)), float(shift[0])


def same(kind: str, a: Clip, b: Clip, recipe: Dedup = RECIPE) -> tuple[bool, float]:
    """As `Pairs.same`, of two clips."""
    return Pairs(kind, [a, b], recipe).same(0, 1)


def merged(whole: dict[str, Clip], kind: str) -> list[str]:
    """Pairs of different clips that would be merged."""
    names, pairs = list(whole), Pairs(kind, list(whole.values()))
    found = ((names[i], names[j], *pairs.same(i, j)) for i, j in combinations(range(len(names)), 2))
    return [f"{a} and {b}, {shift:+.2f} s" for a, b, ok, shift in found if ok]


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


def encoded(frames: list[np.ndarray], fps: float, codec: str = "libx264", form: str = "mp4", **options: str) -> io.BytesIO:
    made = io.BytesIO()
    options = ({"preset": "ultrafast"} if codec == "libx264" else {}) | options
    with av.open(made, "w", format=form) as container:
        h, w = (n - n % 2 for n in frames[0].shape[:2])
        stream = container.add_stream(codec, rate=Fraction(fps).limit_denominator(1000))
        stream.width, stream.height, stream.pix_fmt, stream.options = w, h, "yuv420p", options
        stream.bit_rate = 600_000 if codec != "libx264" else 0
        for f in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(f[:h, :w]), format="bgr24")))
        container.mux(stream.encode())
    made.seek(0)
    return made


def views(frames: Iterable[np.ndarray]) -> np.ndarray:
    """Small pictures for `placed`."""
    return np.stack([cv2.resize(f, VIEW, interpolation=cv2.INTER_AREA) for f in frames])


def placed(small: np.ndarray, first: int, told: float, fps: int) -> bool:
    """Whether an offset is within a quarter of a second of the true one, or the pictures there are the same (nothing moves)."""
    there = small[min(max(round(told), 0), len(small) - 1)]
    return abs(told - first) <= fps / 4 or float(np.abs(there.astype(np.int16) - small[first]).mean()) < 2


def some(clip: Clip) -> bool:
    """Whether anything is filed of it."""
    return len(Pairs("pictures", [clip]).rows[0]) > 0


def tried(name: str, film: Rendered, found: Found, recipes: Callable[[str], Dedup] = lambda _: RECIPE) -> None:
    """Hold each copy of a film against it, and say what was missed."""
    for what, (start, copy) in film.copies.items():
        ok, shift = same("pictures", film.given, copy, recipes(what))
        found[what].append((name, ok))
        if start:
            there = ok and placed(film.small, round(start * film.fps), shift * film.fps, film.fps)
            found[PLACED].append((f"{name} ({what})", there))
    missed = [what for what, rows in found.items() if rows[-1] == (name, False)]
    print(f"{name}: {', '.join(missed) or 'all'} {'missed' if missed else 'found'}", file=sys.stderr, flush=True)


def page(found: Found, wrong: list[str]) -> str:
    """Markdown."""
    lines = ["| transform | files | recall | missed |", "|---|---|---|---|"]
    for name, rows in found.items():
        missed = [n for n, ok in rows if not ok]
        lines.append(f"| {name} | {len(rows)} | {1 - len(missed) / len(rows):.3f} | {', '.join(missed)} |")
    return "\n".join([*(lines if found else []), "", "Different files that would be merged, and their shift: " + ("; ".join(wrong) or "none") + "."])

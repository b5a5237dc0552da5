"""Recall and false merges on clips that no threshold was fitted to; writes `dedup_fresh.md` beside it.

    python tests/bench/dedup_fresh.py FOLDER

FOLDER has video/ and image/. Clips are made of FFmpeg's drawn sources, of parts of real films other than those of `dedup_recall`, of
travels over photographs, of slides, title cards and typed texts. Each is put through mixes of transforms at other strengths, coded again,
and held against itself; then all pairs of different clips, and consecutive parts of one shot, are held against one another. Counted and
looked at as in `dedup_recall`.
"""

import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from av.filter import Graph
from dedup_copies import (
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
    look,
    merged,
    page,
    same,
    scale,
    some,
    tried,
    views,
)

WIDTH, HEIGHT, FPS = 384, 216, 25
Frames = list[np.ndarray]

# ---- clips


def drawn(source: str, options: str, seconds: float, fps: int = FPS) -> tuple[Frames, int]:
    """A drawn source of FFmpeg."""
    graph = Graph()
    chain = [graph.add(source, f"size={WIDTH}x{HEIGHT}:rate={fps}{options}"), graph.add("format", "yuv420p"), graph.add("buffersink")]
    for one, next_ in zip(chain, chain[1:], strict=False):
        one.link_to(next_)
    graph.configure()
    return [graph.pull().reformat(format="bgr24").to_ndarray() for _ in range(int(seconds * fps))], fps


def film(path: Path, start: float, seconds: float) -> tuple[Frames, int]:
    """A part of a real film, of 30 frames a second at most."""
    part = [(t, f) for t, f in decoded(str(path), start + seconds, HEIGHT)]
    part = [(t, f) for t, f in part if t - part[0][0] >= start]
    fps = max(1, round((len(part) - 1) / max(part[-1][0] - part[0][0], 1e-3))) if len(part) > 1 else 1
    return ([f for _, f in part][::2], round(fps / 2)) if fps > 30 else ([f for _, f in part], fps)


def travel(path: Path, begin: tuple[float, float, float], end: tuple[float, float, float]) -> tuple[Frames, int]:
    """Six seconds over a photograph: place (x, y, 0..1) and share of it that is seen, at the beginning and at the end."""
    picture = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    height, width = picture.shape[:2]
    frames = []
    for u in np.linspace(0, 1, 6 * FPS):
        x, y, share = (a + (b - a) * u for a, b in zip(begin, end, strict=True))
        seen = min(width, height * WIDTH / HEIGHT) * share
        k = WIDTH / seen
        at = np.array([[k, 0, -k * (width - seen) * x], [0, k, -k * (height - seen * HEIGHT / WIDTH) * y]])
        frames.append(cv2.warpAffine(picture, at, (WIDTH, HEIGHT), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT))
    return frames, FPS


def written(lines: list[tuple[str, float, int, int]], ground: tuple[int, int, int], ink: tuple[int, int, int]) -> np.ndarray:
    picture = np.full((HEIGHT, WIDTH, 3), ground, np.uint8)
    for text, size, x, y in lines:
        cv2.putText(picture, text, (x, y), cv2.FONT_HERSHEY_DUPLEX, size, ink, 1, cv2.LINE_AA)
    return picture


SLIDES = {"Quarterly results": ("Revenue grew by 12 %", "Costs fell in Q3", "New office in Lyon", "Outlook unchanged"),
          "Roadmap for spring": ("Ship the new parser", "Retire the old API", "Hire two engineers", "Review in May"),
          "Safety training": ("Wear your helmet", "Report near misses", "Know the exits", "Call 112 first"),
          "Lecture 7: Graphs": ("Nodes and edges", "Depth-first search", "Strong components", "Exercises 7.1 to 7.4")}
TITLES = ("The Beginning", "One Year Later", "Part Two", "Directed by Ann", "Many thanks")
WORDS = ("def", "return", "import", "for", "in", "range", "print", "open", "read", "write", "lambda", "class", "self", "None", "True", "yield",
         "with", "as", "try", "except")


def typed(seed: int) -> tuple[Frames, int]:
    """A text that is typed in seven seconds."""
    rng = np.random.default_rng(seed)
    lines, frames = [" ".join(rng.choice(WORDS, rng.integers(2, 7))) for _ in range(13)], []
    total = sum(map(len, lines))
    for i in range(7 * 15):
        left, shown = int(total * (0.3 + 0.7 * i / 105)), []
        for k, line in enumerate(lines):
            shown.append((line[:max(left, 0)], 0.4, 6, 28 + 15 * k))
            left -= len(line)
        frames.append(written(shown, (36, 30, 30), (200, 220, 200)))
    return frames, 15


FILMS = {"crystal.mp4": 8, "video4.mp4": 7, "fire2.mp4": 1, "art-critic.mp4": 20, "sample_iTunes.mov": 30, "big_buck_bunny_0_30.webm": 14,
         "scene_cuts.mp4": 0, "video11.mp4": 5, "elf.webm": 4, "pigs_in_a_polka.gif": 2, "ftyp3gp5.mp4": 1, "portrait_4k60.mp4": 0, "video3.mp4": 6}
TRAVELS = {"coffee.png": ((0, 0, 0.6), (1, 1, 0.6)), "chelsea.png": ((0, 0.5, 0.5), (1, 0.5, 0.5)), "astronaut.png": ((0.5, 0.1, 1), (0.5, 0.3, 0.4)),
           "red-panda-landscape.jpg": ((1, 0.5, 0.7), (0, 0.5, 0.7)), "kodim03.png": ((0, 1, 0.5), (1, 0, 0.8)),
           "larch.jpg": ((0.5, 0.5, 0.35), (0.5, 0.5, 0.9)),
           "iss634.webp": ((0, 0.3, 0.6), (1, 0.6, 0.6)), "rocket.jpg": ((0.5, 1, 0.7), (0.5, 0, 0.7)),
           "hubble_deep_field.jpg": ((0, 0, 0.3), (1, 1, 0.3)),
           "DSCN0010.jpg": ((0, 0.5, 0.7), (1, 0.5, 0.7)), "flower2.webp": ((0.5, 0.5, 1), (0.5, 0.5, 0.5)), "football.jpg": ((0, 0, 0.8), (1, 1, 0.8)),
           "camera.png": ((0, 0.3, 0.7), (1, 0.3, 0.5)), "dinosaur.jpg": ((0, 0.5, 0.7), (1, 0.5, 0.7)), "blueberries.jpg": ((0, 0.2, 0.5), (1, 0.8, 0.5))}
TAKES = {"art-critic.mp4": (4, 4), "MVI_4823.AVI": (0, 3), "rabbit320.mp4": (0, 3.6), "carphone_pristine.mp4": (0, 2), "video-h265.mp4": (0, 4.5),
         "world.mp4": (0, 4), "annex-b-avc.mkv": (0, 5), "video_desks.3gp": (0, 3), "crystal.mp4": (0, 4)}
"""Shots without a cut: where the first part begins, and how long each is."""


def clips(folder: Path) -> Iterator[tuple[str, Callable[[], tuple[Frames, int]]]]:
    for i, way in enumerate((":start_scale=3:end_scale=0.3:end_pts=160", ":start_x=-0.1:start_y=-0.9:start_scale=1:end_scale=0.01:end_pts=170")):
        yield f"mandelbrot {i}", partial(drawn, "mandelbrot", way, 6.8)
    for seed in (11, 12, 13):
        colours = "life_color=0x40d0ff:death_color=0x302010:mold_color=0x805020"
        yield f"life {seed}", partial(drawn, "life", f":seed={seed}:ratio=0.3:mold=10:{colours}", 7.5, 12)
    for rule in (110, 18, 30):
        yield f"cellauto {rule}", partial(drawn, "cellauto", f":rule={rule}:seed={rule}", 6.8)
    for seed in (5, 6, 7):
        yield f"gradients {seed}", partial(drawn, "gradients", f":seed={seed}:speed=0.02:nb_colors=5", 6.8)
    for kind in ("carpet", "triangle"):
        yield f"sierpinski {kind}", partial(drawn, "sierpinski", f":type={kind}:seed=9", 6.8)
    for source in ("testsrc", "testsrc2", "smptehdbars", "smptebars"):
        yield source, partial(drawn, source, "", 4 if "bars" in source else 6.8)
    for name, start in FILMS.items():
        yield f"{name} from {start} s", partial(film, folder / "video" / name, start, 5.5)
    for name, way in TRAVELS.items():
        yield f"over {name}", partial(travel, folder / "image" / name, *way)
    for title, lines in SLIDES.items():
        words = [(title, 0.9, 24, 38), *(("- " + line, 0.55, 34, 80 + 30 * i) for i, line in enumerate(lines))]
        slide = written(words, (240, 245, 245), (90, 40, 30))
        yield f"slide {title}", partial(lambda s: ([s] * 125, FPS), slide)
    for title in TITLES:
        card = written([(title, 1.1, 192 - 10 * len(title), 118)], (0, 0, 0), (255, 255, 255))
        yield f"card {title}", partial(lambda s: ([s] * 125, FPS), card)
    for seed in (100, 101, 102):
        yield f"typed {seed}", partial(typed, seed)


# ---- copies


def label(width: float, height: float, x: float, y: float) -> Change:
    def stamp(f: np.ndarray) -> np.ndarray:
        h, w = f.shape[:2]
        low, high = (int(w * x), int(h * y)), (int(w * (x + width)), int(h * (y + height)))
        out = cv2.rectangle(f.copy(), low, high, (40, 60, 230), -1)
        return cv2.putText(out, "TV5", (low[0] + 2, high[1] - 4), 0, h * height / 40, (255, 255, 255), 2)
    return stamp


def spoken(f: np.ndarray) -> np.ndarray:
    h, w = f.shape[:2]
    return cv2.putText(f.copy(), "what did you say?", (int(w * 0.25), int(h * 0.93)), 0, h / 350, (60, 240, 255), 2)


def portrait(f: np.ndarray) -> np.ndarray:
    """9:16, the picture across the middle and blurred behind it."""
    h, w = f.shape[:2]
    wide, high = w // 2, w * 8 // 9
    behind = cv2.GaussianBlur(cv2.resize(f, None, fx=high / h, fy=high / h), (0, 0), 12)
    made = behind[:high, (behind.shape[1] - wide) // 2:][:, :wide].copy()
    front = cv2.resize(f, (wide, h * wide // w), interpolation=cv2.INTER_AREA)
    made[(high - len(front)) // 2:][:len(front)] = front
    return made


def paler(f: np.ndarray) -> np.ndarray:
    yuv = (cv2.cvtColor(f, cv2.COLOR_BGR2YCrCb).astype("f4") - 128) * (0.75, 0.5, 0.5) + 128
    return cv2.cvtColor(np.clip(yuv, 0, 255).astype("u1"), cv2.COLOR_YCrCb2BGR)


def grey(f: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(cv2.cvtColor(f, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)


def retimed(frames: Frames, fps: float, rate: float) -> Frames:
    return [frames[min(int(i * fps / rate), len(frames) - 1)] for i in range(int(len(frames) * rate / fps))]


def copies(frames: Frames, fps: int) -> Iterator[tuple[str, float, object]]:
    """Name, seconds cut off at the start, file."""
    mixes: dict[str, tuple[float, float, Change, float]] = {
        "crop 8 %, 12.5 frames a second": (0, 0, crop(0.08), 12.5),
        "letterbox 10 %, logo 12 x 8 %": (0, 0, lambda f: bars(0.1, 0)(label(0.12, 0.08, 0.04, 0.85)(f)), fps),
        "first 0.9 s cut off, scale 0.4": (0.9, 0, scale(0.4), fps),
        "first 1.7, last 0.6 s cut off": (1.7, 0.6, lambda f: f, fps),
        "gamma 1.3, 4 % cut off at the left and the top": (
            0, 0, lambda f: (255 * (f[len(f) // 25:, f.shape[1] // 25:] / 255) ** 1.3).astype("u1"), fps),
        "first 0.35 s cut off, 10 frames a second": (0.35, 0, lambda f: f, 10),
        "logo 15 x 9 %, subtitle": (0, 0, lambda f: spoken(label(0.15, 0.09, 0.03, 0.04)(f)), fps),
        "pillarbox 12 %, grey": (0, 0, lambda f: bars(0, 0.12)(grey(f)), fps),
        "2.4 s out of the middle, scale 0.6, 20 frames a second": (1.15, -2.4, scale(0.6), 20),
        "contrast 0.75, saturation 0.5": (0, 0, paler, fps),
        "first 2.2 s cut off, logo 10 x 7 %, crop 5 %": (2.2, 0, lambda f: crop(0.05)(label(0.1, 0.07, 0.85, 0.04)(f)), fps),
        "last 1.4 s cut off, quarter size": (0, 1.4, scale(0.25), fps),
        "darker by 25": (0, 0, lambda f: np.clip(f.astype("i2") - 25, 0, 255).astype("u1"), fps),
        "portrait with blurred fill (out of scope)": (0, 0, portrait, fps)}
    """Seconds cut off at the start and at the end, or less than none: how long the copy is; change; frames a second."""
    for name, (start, end, change, rate) in mixes.items():
        left = frames[round(start * fps):]
        left = left[:len(left) - round(end * fps)] if end >= 0 else left[:round(-end * fps)]
        if len(left) > 1.2 * fps:
            yield name, round(start * fps) / fps, encoded([change(f) for f in retimed(left, fps, rate)], rate, crf="32")
    yield "mpeg4 in avi", 0, encoded(frames, fps, "mpeg4", "avi")
    yield "1.05 times faster (out of scope)", 0, encoded(retimed(frames, fps * 1.05, fps), fps, crf="28")


def rendered(name: str, folder: Path) -> Rendered | None:
    """A clip and its copies; None where it is shorter than two seconds and a half or flat."""
    frames, fps = dict(clips(folder))[name]()
    given = look((i / fps, f) for i, f in enumerate(frames))
    if len(frames) < 2.5 * fps or not some(given):
        return None
    made = {what: (start, look(decoded(copy, WHOLE_S))) for what, start, copy in copies(frames, fps)}
    return Rendered(given, views(frames), fps, made)


def take(path: Path, start: float, seconds: float) -> Clip:
    frames, fps = film(path, start, seconds)
    return look((i / fps, f) for i, f in enumerate(frames))


def main(folder: Path) -> str:
    found: Found = defaultdict(list)
    known: dict[str, Clip] = {"black": look((i / 8, np.zeros((HEIGHT, WIDTH, 3), np.uint8)) for i in range(32))}
    for name, _ in clips(folder):
        if (made := kept(rendered, name, folder)) is None:
            print(f"{name}: too short or flat", file=sys.stderr)
        else:
            known[name] = made.given
            tried(name, made, found)
    wrong = merged(known, "pictures")
    parts = {f"{name} {i + 1}": kept(take, folder / "video" / name, start + i * seconds, seconds)
             for name, (start, seconds) in TAKES.items() for i in range(2)}
    takes = [a for a, b in zip(list(parts)[::2], list(parts)[1::2], strict=True) if same("pictures", parts[a], parts[b])[0]]
    pairs = len(known) * (len(known) - 1) // 2
    return (f"{page(found, wrong)}\n\nOf {pairs} pairs of different clips {len(wrong)} would be merged; of {len(TAKES)} pairs of consecutive parts "
            f"of one shot {len(takes)}: {', '.join(takes) or 'none'}.\n")


if __name__ == "__main__":
    cv2.setNumThreads(1)
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    text = "# Recall on clips that nothing was fitted to\n\nWritten by `python tests/bench/dedup_fresh.py FOLDER`, see there.\n\n" + main(Path(sys.argv[1]))
    Path(__file__).with_suffix(".md").write_text(text)
    print(text)

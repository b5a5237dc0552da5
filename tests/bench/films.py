"""Films with known transitions, of content and forms the rules were not made on: footage, photographs, FFmpeg's test sources,
flat drawings, night, grey, hectic hand-held scenes, views of one and the same place; in several codecs, rates and sizes.

Every world is a function of time that never cuts by itself. A film joins pieces of worlds by cuts, dissolves and fades (to black,
to white) and knows where.
"""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]
World = Callable[[float], Picture]
W, H = 320, 180
MEDIA = Path(__file__).parents[3] / "shared" / "media"
FOOTAGE = ("MVI_4823.AVI", "bear-vp9.webm", "bigbuckbunny.mp4", "carphone_pristine.mp4", "chaplin.mp4", "crystal.mp4", "elf.webm",
           "example2.mp4", "rabbit320.mp4", "video11.mp4", "video4.mp4", "world.mp4")
"""Takes without a transition in them, as looked at."""


def shift(world: Picture, x: float, y: float, zoom: float = 1.0, turn: float = 0.0) -> Picture:
    move = cv2.getRotationMatrix2D((0, 0), turn, 1 / zoom)
    move[:, 2] = (W / 2 - x, H / 2 - y)
    return cv2.warpAffine(world, move, (W, H), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT).astype(np.float32)


def _to_and_fro(where: Any) -> Any:
    """A place inside the picture: what reaches an edge turns back."""
    size = np.array([W, H])
    return size - np.abs(where % (2 * size) - size)


def photograph(random: np.random.Generator, picture: Picture) -> World:
    """A slow pan and zoom over a photograph."""
    h, w = picture.shape[:2]
    at, speed = random.uniform(0.35, 0.65, 2) * [w, h], random.normal(0, 14, 2)
    zoom, rate = random.uniform(0.8, 1.2) * min(w / W, h / H) * 0.7, random.normal(0, 0.04)
    return lambda t: shift(picture, *(at + speed * t), zoom=zoom * float(np.exp(rate * t)))


def footage(random: np.random.Generator, take: list[Picture]) -> World:
    """A real take, played to and fro where it is short."""
    begin, count = int(random.integers(len(take))), len(take)
    mirror = bool(random.random() < 0.3)

    def at(t: float) -> Picture:
        place = (begin + round(t * 25)) % (2 * count - 2)
        picture = take[place if place < count else 2 * count - 2 - place]
        return picture[:, ::-1] if mirror else picture

    return at


def drawing(random: np.random.Generator) -> World:
    """Flat shapes that move over a flat ground."""
    ground = random.uniform(0, 255, 3)
    shapes: list[Any] = []
    while len(shapes) < 4:
        ink = random.uniform(0, 255, 3)
        if abs(float((ink - ground).mean())) > 40:
            shapes.append((random.uniform(0, [W, H]), random.normal(0, 50, 2), random.uniform(15, 60), ink, int(random.integers(3))))

    def at(t: float) -> Picture:
        picture = np.empty((H, W, 3), np.float32)
        picture[:] = ground
        for place, speed, size, colour, kind in shapes:
            x, y = (int(v) for v in _to_and_fro(place + speed * t))
            ink, s = tuple(float(c) for c in colour), int(size)
            if kind == 0:
                cv2.circle(picture, (x, y), s, ink, -1, cv2.LINE_AA)
            elif kind == 1:
                cv2.rectangle(picture, (x - s, y - s // 2), (x + s, y + s // 2), ink, -1)
            else:
                cv2.fillPoly(picture, [np.array([[x, y - s], [x - s, y + s], [x + s, y + s]])], ink, cv2.LINE_AA)
        return picture

    return at


def place(random: np.random.Generator, seed: int | None = None, shaken: float = 1.0) -> World:
    """A textured place seen by a hand-held camera, with things that move in it and sensor noise."""
    made = np.random.default_rng(int(random.integers(1 << 30)) if seed is None else seed)
    base = made.uniform(30, 200, 3)
    coarse, fine = (cv2.resize(made.normal(0, 1, (n * 6, n * 9, 3)).astype(np.float32), (W * 3, H * 3),
                               interpolation=cv2.INTER_CUBIC) for n in (1, 12))
    world = np.clip(base + coarse * made.uniform(20, 50) + fine * made.uniform(5, 20), 0, 255).astype(np.float32)
    for _ in range(30):
        x, y = (int(v) for v in made.uniform(0, [W * 3, H * 3]))
        cv2.ellipse(world, (x, y), (int(made.uniform(8, 60)), int(made.uniform(8, 60))), made.uniform(0, 180), 0, 360,
                    tuple(float(c) for c in made.uniform(0, 255, 3)), -1)
    at0, speed = random.uniform(0.2, 0.8, 2) * [W * 3, H * 3], random.normal(0, 10, 2) * shaken
    wobble, noise = random.uniform(1, 3) * shaken, random.uniform(1, 5)
    things = [(random.uniform(0, [W, H]), random.normal(0, 50, 2) * shaken, random.uniform(8, 35), random.uniform(0, 255, 3))
              for _ in range(3)]

    def at(t: float) -> Picture:
        x, y = at0 + speed * t + wobble * np.array([np.sin(6.1 * t), np.cos(4.7 * t)])
        picture = shift(world, x, y, turn=wobble * np.sin(1.7 * t) * 0.5)
        for centre, pace, size, colour in things:
            where = _to_and_fro(centre + pace * t)
            cv2.circle(picture, (int(where[0]), int(where[1])), int(size), tuple(float(c) for c in colour), -1)
        return picture + random.normal(0, noise, picture.shape).astype(np.float32)

    return at


SOURCES = ("testsrc2", "mandelbrot=end_scale=0.3:maxiter=200", "smptehdbars", "gradients=speed=0.01:seed={}", "rgbtestsrc",
           "colorspectrum", "zoneplate=kx2=300:ky2=300:kt=8", "testsrc", "yuvtestsrc", "perlin=random_mode=seed:seed={}", "haldclutsrc=level=4", "life=seed={}:r=12")


def source(random: np.random.Generator, text: str) -> World:
    """One of FFmpeg's test sources."""
    graph = av.filter.Graph()
    name, _, options = text.format(int(random.integers(1000))).partition("=")
    sized = "" if name == "haldclutsrc" else f"size={W}x{H}:"
    sourced = graph.add(name, f"{sized}rate=25" + (f":{options}" if options else ""))
    scale, sink = graph.add("scale", f"{W}:{H}"), graph.add("buffersink")
    sourced.link_to(scale)
    scale.link_to(sink)
    graph.configure()
    pulled: list[Picture] = []

    def at(t: float) -> Picture:
        while len(pulled) <= round(t * 25):
            pulled.append(graph.pull().to_ndarray(format="bgr24").astype(np.float32))
        return pulled[round(t * 25)]

    return at


def photographs(least_px: int = 180) -> list[Picture]:
    """Those of the collection whose short side has as many pixels."""
    found = []
    for path in sorted((MEDIA / "image").iterdir()):
        picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if picture is not None and min(picture.shape[:2]) >= least_px and picture.mean() > 40:
            scale = 400 / min(picture.shape[:2])
            found.append(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.float32))
    return found


def takes() -> list[list[Picture]]:
    """The footage of the collection, scaled to one size, 150 frames of each at most."""
    found = []
    for name in FOOTAGE:
        with av.open(str(MEDIA / "video" / name)) as container:
            frames = []
            for frame in container.decode(video=0):
                frames.append(cv2.resize(frame.to_ndarray(format="bgr24"), (W, H), interpolation=cv2.INTER_AREA))
                if len(frames) == 150:
                    break
            found.append([f.astype(np.float32) for f in frames[2:]])
    return found


@dataclass
class Film:
    """Frames with their times and the truth about them, seconds; a cut is where its new shot begins."""

    name: str
    frames: list[NDArray[np.uint8]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    cuts: list[float] = field(default_factory=list)
    gradual: list[float] = field(default_factory=list)
    form: str = ""
    """How it is written: one of FORMS, or plainly."""


FORMS = ("interlaced", "anamorphic", "rotated", "edit list", "sound first")
"""Two moments woven into a frame; pixels that are not square; turned by the display matrix; begun by an edit list behind a second of
something else; with sound that begins 0.7 s before the picture."""


def joined(name: str, random: np.random.Generator, worlds: Iterator[World], kinds: str, fps: float, varies: bool = False,
           count: int = 9, look: Callable[[Picture], Picture] = lambda p: p) -> Film:
    """Worlds one after the other: c cut, d dissolve, b through black, w through white, o out of and into black."""
    film, t, started, world = Film(name), 0.0, 0.0, next(worlds)

    def show(picture: Picture, seconds: float) -> None:
        nonlocal t
        film.frames.append(np.clip(look(picture), 0, 255).astype(np.uint8))
        film.times.append(t)
        t += seconds

    def step() -> float:
        return float(random.choice([1, 1, 2, 3])) / fps if varies else 1 / fps

    for number in range(count):
        until = t + random.uniform(1.5, 4.0)
        while t < until:
            show(world(t - started), step())
        if number == count - 1:
            break
        following, kind, begun = next(worlds), kinds[int(random.integers(len(kinds)))], t
        if kind == "c":
            film.cuts.append(t)
            world, started = following, t
            continue
        length = float(random.uniform(0.4, 1.6))
        if kind == "d":
            while t < begun + length:
                share = (t - begun + 0.5 / fps) / length
                show(world(t - started) * (1 - share) + following(t - begun) * share, step())
            film.gradual.append(begun + length / 2)
        else:
            colour, hold = 255.0 if kind == "w" else 0.0, float(random.uniform(0, 0.4))
            while t < begun + length + hold:
                into = t - begun
                out = into < (length + hold) / 2
                share = max(0.0, 1 - into / (length / 2)) if out else max(0.0, (into - hold - length / 2) / (length / 2))
                show((world(t - started) if out else following(t - begun)) * share + colour * (1 - share), step())
            film.gradual.append(begun + (length + hold) / 2)
        world, started = following, begun
    return film


def films(seed: int, only: Sequence[str] = ()) -> Iterator[Film]:
    """One film of every family, or of those named; each is the same whichever others are made."""
    random = np.random.default_rng(seed)
    stills, footages = photographs(), takes()

    def wanted(name: str) -> bool:
        nonlocal random
        random = np.random.default_rng([seed, *name.encode()])
        return not only or name in only

    def each(make: Callable[[np.random.Generator, Any], World], of: Sequence[Any]) -> Iterator[World]:
        """Never the same one twice in a row."""
        while True:
            yield from (make(random, of[i]) for i in random.permutation(len(of)))

    def endless(make: Callable[[], World]) -> Iterator[World]:
        while True:
            yield make()

    shared = int(random.integers(1 << 30))
    if wanted("footage"):
        yield joined("footage", random, each(footage, footages), "ccdb", 25)
    if wanted("photographs"):
        yield joined("photographs", random, each(photograph, stills), "ccdbw", 30)
    if wanted("test sources"):
        yield joined("test sources", random, each(source, SOURCES), "ccb", 25)
    if wanted("drawings"):
        yield joined("drawings", random, endless(lambda: drawing(random)), "ccdb", 24)
    if wanted("places"):
        yield joined("places", random, endless(lambda: place(random)), "ccdbw", 50)
    if wanted("hectic"):
        yield joined("hectic", random, endless(lambda: place(random, shaken=5.0)), "cccb", 30)
    if wanted("one place"):
        yield joined("one place", random, endless(lambda: place(random, seed=shared)), "c", 25)
    if wanted("night"):
        yield joined("night", random, each(footage, footages), "ccd", 25, look=lambda p: p * 0.22)
    if wanted("grey"):
        yield joined("grey", random, each(photograph, stills), "ccdb", 12.5,
                     look=lambda p: np.repeat(p.mean(axis=2, keepdims=True), 3, axis=2))
    if wanted("varying rate"):
        yield joined("varying rate", random, each(footage, footages), "ccdb", 30, varies=True)
    if wanted("low rate"):
        yield joined("low rate", random, endless(lambda: place(random)), "cc", 8)
    for number, form in ((n, f) for n, f in enumerate(FORMS) if wanted(f)):
        worlds = (each(footage, footages), endless(lambda: place(random)), each(photograph, stills))[(number + seed) % 3]
        film = joined(form, random, worlds, "ccdb", 50 if form == "interlaced" else 25)
        film.form = form
        yield film


CODECS = (("libx264", {"crf": "23", "preset": "veryfast"}, "mp4", "yuv420p"), ("libx264", {"crf": "34", "preset": "veryfast"}, "mp4", "yuv420p"),
          ("libx265", {"crf": "26", "preset": "ultrafast", "x265-params": "log-level=none"}, "mp4", "yuv420p10le"),
          ("libvpx-vp9", {"crf": "36", "b": "0", "cpu-used": "8", "deadline": "realtime"}, "webm", "yuv420p"),
          ("mpeg4", {"qscale": "5"}, "matroska", "yuv420p"), ("mjpeg", {"qscale": "4"}, "matroska", "yuvj420p"))
SIZES = ((320, 180), (640, 360), (426, 240), (854, 480), (180, 320))


def pictures(film: Film, size: tuple[int, int]) -> Iterator[tuple[NDArray[np.uint8], float]]:
    """Frames of the film at their size, as its form has them, and their times."""
    scaled = [cv2.resize(f, size, interpolation=cv2.INTER_LINEAR) for f in film.frames]
    if film.form == "interlaced":
        for top, bottom, t in zip(scaled[::2], scaled[1::2], film.times[::2], strict=False):
            woven = top.copy()
            woven[1::2] = bottom[1::2]
            yield woven, t
        return
    if film.form == "edit list":
        yield from ((255 - scaled[-1], i / 25 - 1) for i in range(25))
    for picture, t in zip(scaled, film.times, strict=True):
        yield (np.ascontiguousarray(np.rot90(picture)) if film.form == "rotated" else picture), t


def encoded(film: Film, codec: int, size: tuple[int, int]) -> bytes:
    """The film as a file; times are kept to a thousandth of a second."""
    from fractions import Fraction

    name, options, container, pixels = CODECS[codec % (2 if film.form else len(CODECS))]
    wide, late = film.form == "rotated", 0.7 if film.form == "sound first" else 0.0
    size = (size[0] * 3 // 4 // 2 * 2, size[1]) if film.form == "anamorphic" else size
    out = io.BytesIO()
    with av.open(out, "w", format=container, options={"avoid_negative_ts": "disabled"} if film.form == "edit list" else {}) as target:
        stream = target.add_stream(name, rate=1000)
        stream.width, stream.height, stream.pix_fmt, stream.options = *(size[::-1] if wide else size), pixels, options
        stream.codec_context.time_base = stream.time_base = Fraction(1, 1000)
        stream.codec_context.gop_size = 100
        if wide:
            stream.set_display_rotation(-90)
        if film.form == "anamorphic":
            stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        if film.form == "interlaced":
            stream.options = {**options, "flags": "+ildct+ilme", "x264opts": "tff=1"}
        sound = target.add_stream("aac", rate=48_000, layout="mono") if late else None
        packets = []
        for picture, t in pictures(film, size):
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts, frame.time_base = round((t + late) * 1000), Fraction(1, 1000)
            packets += stream.encode(frame)
        packets += stream.encode(None)
        if sound is not None:
            tone = np.sin(np.arange(int((film.times[-1] + late) * 48_000)) / 15).astype(np.float32)[None] * np.float32(0.2)
            frame = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 48_000, 0, Fraction(1, 48_000)
            for piece in av.AudioResampler("fltp", "mono", 48_000, 1024).resample(frame):
                packets += sound.encode(piece)
            packets += sound.encode(None)
        for packet in sorted(packets, key=lambda p: float(p.dts * p.time_base)):
            target.mux(packet)
    return out.getvalue()

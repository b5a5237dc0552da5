"""Forms of faults and of sound footage that the rules were not made on: other footage, other fonts, other generators than those of
`films.py` and `faults.py`. Each is named with the reasons that it may be dropped for; none where it must be kept."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from films import MEDIA
from PIL import Image, ImageDraw, ImageFont

Pixels = np.ndarray
Clip = tuple[list[Pixels], np.ndarray, float, tuple[int, int]]
W, H, FPS, RATE, SECONDS = 640, 360, 24, 48_000, 4.0
TAKES = (("art-critic.mp4", 30, 110), ("fire2.mp4", 0, 25), ("sample.flv", 0, 30), ("ftyp3gp5.mp4", 2, 39), ("video3.mp4", 50, 100))
"""Names and frames without a cut."""
FONTS = sorted(str(p) for p in Path("/usr/share/fonts").rglob("*") if p.suffix in (".ttf", ".ttc", ".otf") and "Mono" not in p.name
               and any(word in p.name for word in ("CJK", "Liberation", "DejaVu")))
FONTS += [] if any("CJK" in name for name in FONTS) else [str(p) for p in Path(__file__).parents[2].glob("jobs/generate/fonts/*CJK*.otf")]
EN = (["the", "river", "rises", "in", "the", "hills", "north", "of", "the", "town", "and", "joins", "the", "sea", "after", "forty", "miles"]
      + ["each", "spring", "the", "people", "who", "live", "along", "its", "banks", "gather", "to", "mend", "what", "the", "winter", "has", "broken"])
ZH = "清晨的阳光洒在古老的城墙上街道两旁的小店陆续开门老人们在公园里打太极孩子们背着书包走向学校远处传来卖豆浆的吆喝声"


def takes() -> list[list[Pixels]]:
    """Footage of the collection that `films.py` leaves alone."""
    return footage(TAKES)


def footage(spans: Iterable[tuple[str, int, int]]) -> list[list[Pixels]]:
    """Frames of films of the collection, from one number to before another, cut to fill one size."""
    found = []
    for name, first, after in spans:
        with av.open(str(MEDIA / "video" / name)) as container:
            frames = []
            for frame in itertools.islice(container.decode(video=0), first, after):
                picture = frame.to_ndarray(format="bgr24")
                side = min(picture.shape[0] / H, picture.shape[1] / W)
                h, w = int(H * side), int(W * side)
                top, left = (picture.shape[0] - h) // 2, (picture.shape[1] - w) // 2
                frames.append(cv2.resize(picture[top:top + h, left:left + w], (W, H), interpolation=cv2.INTER_AREA))
        found.append(frames)
    return found


def played(take: list[Pixels], begin: int) -> Callable[[float], Pixels]:
    """A take to and fro, under a hand-held camera whose tremor is a sum of three sines."""
    def at(t: float) -> Pixels:
        place = (begin + round(t * FPS)) % (2 * len(take) - 2)
        picture = take[place if place < len(take) else 2 * len(take) - 2 - place]
        x, y = 3 * np.sin(2.1 * t) + 1.5 * np.sin(5.3 * t + 1), 2 * np.cos(1.7 * t) + np.sin(7.1 * t)
        move = np.array([[1.04, 0, x - 0.02 * W], [0, 1.04, y - 0.02 * H]])
        return cv2.warpAffine(picture, move, (W, H), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)

    return at


def flight(random: np.random.Generator) -> Callable[[float], Pixels]:
    """A flight over rendered hills: columns of a height map in perspective (voxel space), with haze."""
    size = 512
    height = sum(cv2.resize(random.random((n, n)).astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC) * 90 / n ** 0.8
                 for n in (4, 8, 16, 32, 64))
    tint = np.stack([40 + 0.3 * height, 80 + 0.9 * height, 60 + 0.7 * height], axis=-1) + random.normal(0, 9, (size, size, 3))
    height, tint = height * 1.2, np.clip(tint, 0, 255)

    def at(t: float) -> Pixels:
        w, h = W // 2, H // 2
        picture = np.empty((h, w, 3))
        picture[:] = np.linspace(230, 170, h)[:, None, None] * np.array([1.0, 0.85, 0.7])
        lowest = np.full(w, h)
        across = (np.arange(w) - w / 2) / w
        rows = np.arange(h)[:, None]
        for z in np.geomspace(6, 240, 70):
            x = (256 + 30 * np.sin(0.4 * t) + across * z * 1.3).astype(int) % size
            y = int(40 * t + z) % size
            top = np.clip((200 - height[y, x]) / z * 55 + h * 0.35, 0, h).astype(int)
            drawn = (rows >= top) & (rows < lowest)
            haze = min(z / 260, 1.0)
            picture = np.where(drawn[..., None], tint[y, x][None] * (1 - haze) + 190 * haze, picture)
            lowest = np.minimum(lowest, top)
        return cv2.resize(np.clip(picture, 0, 255).astype(np.uint8), (W, H), interpolation=cv2.INTER_CUBIC)

    return at


def grain(random: np.random.Generator, picture: Pixels, sigma: float) -> Pixels:
    return np.clip(picture + random.normal(0, sigma, picture.shape), 0, 255).astype(np.uint8)


def written(picture: Pixels, lines: list[str], font: str, size: int, at: tuple[int, int], ink: int = 255, edge: int | None = 0) -> Pixels:
    image = Image.fromarray(picture[..., ::-1].copy())
    draw, face = ImageDraw.Draw(image), ImageFont.truetype(font, size)
    for number, line in enumerate(lines):
        draw.text((at[0], at[1] + number * int(size * 1.3)), line, font=face, fill=(ink,) * 3,
                  **({} if edge is None else {"stroke_width": max(1, size // 14), "stroke_fill": (edge,) * 3}))
    return np.asarray(image)[..., ::-1].copy()


def sentence(random: np.random.Generator, zh: bool, length: int) -> str:
    if zh:
        begin = int(random.integers(len(ZH) - 1))
        return (ZH[begin:] + ZH * 3)[:length]
    begin = int(random.integers(len(EN)))
    text = ""
    for word in itertools.chain(EN[begin:], itertools.cycle(EN)):
        if len(text) + len(word) > length:
            return text.strip()
        text += word + " "
    raise AssertionError


def fonts(random: np.random.Generator, zh: bool) -> str:
    fitting = [f for f in FONTS if ("CJK" in f) == zh and "ExtraLight" not in f]
    return fitting[int(random.integers(len(fitting)))]


def disc(radius: float) -> Any:
    r = int(np.ceil(radius))
    y, x = np.mgrid[-r:r + 1, -r:r + 1]
    kernel = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1)
    return kernel / kernel.sum()


def page(random: np.random.Generator, zh: bool, dark: bool, code: bool = False, columns: int = 1) -> Pixels:
    """Twice the height of the picture, full of text."""
    paper, ink = (int(random.integers(10, 40)), int(random.integers(200, 250))) if dark else (int(random.integers(225, 255)), int(random.integers(10, 70)))
    image = Image.new("RGB", (2 * W, 4 * H), (paper,) * 3)
    draw, size = ImageDraw.Draw(image), int(random.integers(22, 44))
    if code:
        size, font = int(random.integers(20, 30)), "/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf"
    else:
        font = fonts(random, zh)
    face, y = ImageFont.truetype(font, size), 20
    while y < 4 * H - size:
        if code:
            depth = int(random.integers(0, 4))
            words = [EN[int(random.integers(len(EN)))] for _ in range(int(random.integers(1, 7)))]
            draw.text((60 + depth * 2 * size, y), f"{'_'.join(words[:2])}({', '.join(words[2:])}):" if words[2:] else "return " + words[0], font=face,
                      fill=tuple(int(v) for v in np.clip(np.array([ink] * 3) + random.integers(-80, 80, 3), 0, 255)))
        else:
            for c in range(columns):
                draw.text((40 + c * 2 * W // columns, y), sentence(random, zh, int(2 * W / columns / size * (0.9 if zh else 1.6))), font=face, fill=(ink,) * 3)
        y += int(size * random.uniform(1.3, 1.7))
    return np.asarray(image)[..., ::-1].copy()


def sounds(random: np.random.Generator) -> dict[str, np.ndarray]:
    """Of four seconds: speech and music that `faults.py` does not use, and sounds made here."""
    found = {}
    for kind, name in (("speech", "198-209-0000.ogg"), ("speech two", "5703-47212-0000.ogg"), ("waltz", "147793__setuniman__sweet-waltz-0i-22mi.ogg"),
                       ("bird", "456440__inspectorj__bird-whistling-robin-single-13.ogg"), ("rain", "rain.mp3"), ("crunch", "crunching.mp3")):
        with av.open(str(MEDIA / "audio" / name)) as container:
            resampler = av.AudioResampler("fltp", "mono", RATE)
            line = np.concatenate([piece.to_ndarray()[0] for frame in container.decode(audio=0) for piece in resampler.resample(frame)])
        line = np.tile(line, int(np.ceil(6 * RATE / line.size)))[RATE // 2:RATE // 2 + int(SECONDS * RATE)]
        found[kind] = 0.5 * line / np.abs(line).max()
    t = np.arange(int(SECONDS * RATE)) / RATE
    knocks = np.zeros(t.size)
    for at in (0.7, 2.9):
        n = int(0.06 * RATE)
        knocks[int(at * RATE):int(at * RATE) + n] += random.normal(0, 0.3, n) * np.exp(-np.arange(n) / (0.01 * RATE))
    found["knocks"] = knocks
    # a note of a square wave, as in an old game: loud, with flat tops that were meant
    found["chip tune"] = 0.25 * np.sign(np.sin(2 * np.pi * np.repeat(random.choice([262, 330, 392, 523], 16), t.size // 16) * t[:t.size // 16 * 16]))
    found["chip tune"] = np.pad(found["chip tune"], (0, t.size - found["chip tune"].size))
    return found


def forms(random: np.random.Generator, number: int) -> Iterator[tuple[str, frozenset[str], Clip]]:
    """Name, the reasons of which one must be given (none: it must be kept), the clip."""
    for name, reasons, clip in _forms(random, number):
        yield name, frozenset(reasons.split()), clip


def _forms(random: np.random.Generator, number: int) -> Iterator[tuple[str, str, Clip]]:
    all_takes = _takes()
    scene = flight(random) if number % 4 == 3 else played(all_takes[int(random.integers(len(all_takes)))], int(random.integers(100)))
    heard = sounds(random)
    sound = heard[("speech", "waltz", "speech two", "bird", "crunch")[number % 5]]
    count, size, full = int(FPS * SECONDS), (W, H), (1280, 720)
    zh = bool(random.random() < 0.5)
    frames = [scene(i / FPS) for i in range(count)]
    still = frames[0]

    def each(change: Callable[[Pixels, int], Pixels], of: list[Pixels] = frames) -> list[Pixels]:
        return [change(f, i) for i, f in enumerate(of)]

    def shot(fps: float) -> list[Pixels]:
        return [scene(i / fps) for i in range(int(fps * SECONDS))]

    def clip(of: list[Pixels], heard: np.ndarray = sound, fps: float = FPS, shape: tuple[int, int] = size) -> Clip:
        return of, heard, fps, shape

    yield "kept: as it is", "", clip(frames)
    yield "kept: night", "", clip(each(lambda f, i: grain(random, cv2.circle((f * 0.16).astype(np.uint8), (150 + i, 90), 5, (180, 220, 255), -1, cv2.LINE_AA), 3)))
    yield "kept: fog", "", clip(each(lambda f, i: (f * 0.22 + 150).astype(np.uint8)))
    flakes = random.uniform(0, [W, H], (260, 2))
    fall = random.uniform([-20, 40], [20, 160], (260, 2))

    def snow(f: Pixels, i: int) -> Pixels:
        f = (f * 0.3 + 165).astype(np.uint8)
        for x, y in (flakes + fall * i / FPS) % [W, H]:
            cv2.circle(f, (int(x), int(y)), 2, (255, 255, 255), -1, cv2.LINE_AA)
        return f

    yield "kept: snow", "", clip(each(snow))
    soft = cv2.GaussianBlur(still, (0, 0), 14)
    sharp = np.clip(1.6 - np.hypot(*(np.mgrid[0:H, 0:W] - np.array([H / 2, W / 2])[:, None, None])) / 110, 0, 1)[..., None]
    macro = (still * sharp + soft * (1 - sharp)).astype(np.uint8)
    yield "kept: slow macro", "", clip([cv2.warpAffine(macro, cv2.getRotationMatrix2D((W / 2, H / 2), 0.4 * i / FPS, 1 + 0.012 * i / FPS), (W, H),
                                                        flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT) for i in range(count)])

    def concert(i: int) -> Pixels:
        f = np.zeros((H, W, 3))
        for beam in range(4):
            colour = np.array([(255, 60, 120), (40, 200, 255), (255, 255, 80), (80, 80, 255)][beam], float)
            foot, tip = W * (0.15 + 0.23 * beam), W * (0.5 + 0.45 * np.sin(1.1 * i / FPS * (1 + 0.3 * beam) + beam))
            y, x = np.mgrid[0:H, 0:W]
            off = np.abs(x - (foot + (tip - foot) * y / H)) / (12 + 0.12 * y)
            f += np.exp(-off ** 2)[..., None] * colour * 0.55 * (0.6 + 0.4 * np.sin(7 * i / FPS + beam))
        for lamp in range(9):
            cv2.circle(f, (40 + 70 * lamp, 34), 5, (255.0, 250.0, 230.0), -1, cv2.LINE_AA)
        x = int(W / 2 + 60 * np.sin(0.8 * i / FPS))
        cv2.ellipse(f, (x, 250), (26, 60), 0, 0, 360, (70.0, 40.0, 90.0), -1, cv2.LINE_AA)
        cv2.circle(f, (x, 172), 17, (110.0, 150.0, 210.0), -1, cv2.LINE_AA)
        cv2.line(f, (x + 4, 190), (x + 40, 150 + int(15 * np.sin(6 * i / FPS))), (200.0, 200.0, 210.0), 4, cv2.LINE_AA)
        for head in range(14):
            cv2.circle(f, (int(W * head / 13), int(H * 0.92 + 6 * np.sin(5 * i / FPS + head))), 26, (4, 4, 6), -1)
        return grain(random, np.clip(f, 0, 255).astype(np.uint8), 4)

    yield "kept: concert", "", clip([concert(i) for i in range(count)])
    hues = [tuple(int(v) for v in random.integers(40, 240, 3)) for _ in range(4)]

    def cartoon(i: int) -> Pixels:
        f = np.full((H, W, 3), 0, np.uint8)
        f[:230], f[230:] = hues[0], hues[1]
        x, y = int(120 + 90 * i / FPS), int(200 - 40 * abs(np.sin(3 * i / FPS)))
        cv2.ellipse(f, (x, y), (40, 55), 0, 0, 360, hues[2], -1, cv2.LINE_AA)
        cv2.ellipse(f, (x, y), (40, 55), 0, 0, 360, (20, 20, 20), 3, cv2.LINE_AA)
        cv2.circle(f, (x, y - 75), 30, hues[3], -1, cv2.LINE_AA)
        cv2.circle(f, (x, y - 75), 30, (20, 20, 20), 3, cv2.LINE_AA)
        cv2.line(f, (x + 35, y - 10), (x + 70, y - 30 + int(20 * np.sin(8 * i / FPS))), (20, 20, 20), 5, cv2.LINE_AA)
        return f

    yield "kept: cartoon on twos", "", clip([cartoon(i // 2 * 2) for i in range(count)])
    yield "kept: cartoon on threes", "", clip([cartoon(i // 3 * 3) for i in range(count)])

    def interview(i: int) -> Pixels:
        f = np.full((H, W, 3), (120, 110, 100), np.uint8)
        t = i / FPS
        x, y = int(W / 2 + 5 * np.sin(1.3 * t)), int(170 + 3 * np.sin(2.1 * t))
        cv2.ellipse(f, (W // 2, H + 40), (150, 130), 0, 0, 360, (90, 60, 40), -1, cv2.LINE_AA)
        cv2.ellipse(f, (x, y), (58, 78), 0, 0, 360, (140, 170, 215), -1, cv2.LINE_AA)
        cv2.ellipse(f, (x, y - 40), (62, 50), 0, 180, 360, (30, 40, 60), -1, cv2.LINE_AA)
        for side in (-22, 22):
            cv2.circle(f, (x + side, y - 8), 6, (40, 30, 30), -1, cv2.LINE_AA)
        cv2.ellipse(f, (x, y + 36), (20, 2 + int(9 * abs(np.sin(6 * t)))), 0, 0, 360, (50, 40, 120), -1, cv2.LINE_AA)
        return grain(random, f, 2)

    yield "kept: interview", "", clip([interview(i) for i in range(count)], heard["speech"])
    y, x = np.mgrid[0:H, 0:W].astype(np.float32)
    there = np.exp(-((x - W * 0.3) / (W * 0.16)) ** 2 - ((y - H * 0.5) / (H * 0.22)) ** 2)
    yield "kept: a tree sways", "", clip([cv2.remap(still, (x + 4 * there * np.sin(i / 8)).astype(np.float32), y, cv2.INTER_LINEAR) for i in range(count)])
    light = np.clip(1.5 * np.exp(-((x - W / 2) / (0.18 * W)) ** 4 - ((y - 0.55 * H) / (0.5 * H)) ** 4), 0, 1)[..., None]
    yield "kept: studio", "", clip(each(lambda f, i: (f * light + 3).astype(np.uint8)))
    yield "kept: quiet rain", "", clip(frames, heard["rain"] * 0.05)
    yield "kept: two knocks", "", clip(frames, heard["knocks"])
    yield "kept: chip tune", "", clip(frames, heard["chip tune"])
    yield "kept: loud music", "", clip(frames, np.tanh(heard["waltz"] * 2.2) * 0.98)
    font, line, other = fonts(random, zh), sentence(random, zh, 16 if zh else 38), sentence(random, zh, 14 if zh else 30)
    yield "kept: subtitle", "", clip(each(lambda f, i: written(f, [line if i < 50 else other], font, 22, (90, 320))))
    yield "kept: two subtitles", "", clip(each(lambda f, i: written(f, [line, other], font, 20, (80, 292))))
    yield "kept: two languages", "", clip(each(lambda f, i: written(written(f, [sentence(np.random.default_rng(number), True, 14)], fonts(np.random.default_rng(number), True),
                                                                                   20, (150, 292)), [sentence(np.random.default_rng(number), False, 44)], fonts(np.random.default_rng(number), False), 15, (120, 325))))
    ticker = sentence(random, zh, 90 if zh else 170)

    def news(f: Pixels, i: int) -> Pixels:
        f = f.copy()
        f[322:350] = (120, 30, 20)
        return written(f, [ticker], font, 18, (W - 3 * i - 200, 324), 245, None)

    yield "kept: news ticker", "", clip(each(news))
    yield "kept: logo", "", clip(each(lambda f, i: written(f, ["REELTV"], fonts(np.random.default_rng(number), False), 24, (520, 16))))
    yield "kept: 10 fps in 60", "", clip([f for f in shot(10) for _ in range(6)], fps=60)
    yield "kept: 12 fps in 30", "", clip([scene(int(i * 12 / 30) / 12) for i in range(int(30 * SECONDS))], fps=30)
    yield "kept: fades in", "", clip(each(lambda f, i: (f * min(1.0, i / 20)).astype(np.uint8)))
    # black
    noise = [random.normal(0, 9, (H, W, 1)).clip(-30, 30) for _ in range(8)]
    yield "black: sensor noise", "black", clip([np.clip(8 + noise[i % 8] + np.zeros(3), 0, 255).astype(np.uint8) for i in range(count)])
    yield "black: logo", "black too_dark frozen static", clip([written(np.zeros_like(still), ["REELTV"], fonts(np.random.default_rng(number), False), 24, (520, 16))] * count)
    yield "black: lens cap, level 20", "black too_dark", clip([grain(random, np.full_like(still, 14), 3) for _ in range(count)])
    # frozen

    def clock(i: int) -> Pixels:
        return written(still, [f"12:04:{i // FPS:02d}"], fonts(np.random.default_rng(number), False), 26, (20, 16))

    yield "frozen: clock", "frozen static", clip([clock(i) for i in range(count)])
    yield "frozen: grain", "frozen static", clip([grain(random, still, 4) for _ in range(count)])
    yield "frozen: heavy grain", "frozen static", clip([grain(random, still, 9) for _ in range(count)])
    yield "frozen: breathing light", "frozen static", clip([np.clip(still * (1 + 0.03 * np.sin(i / 5)), 0, 255).astype(np.uint8) for i in range(count)])
    yield "frozen: logo turns", "frozen static", clip([cv2.ellipse(still.copy(), (590, 40), (22, 22), 0, 15 * i, 15 * i + 120, (255, 255, 255), 3, cv2.LINE_AA) for i in range(count)])
    yield "frozen: 70 %", "frozen", clip(frames[:28] + [frames[28]] * (count - 28))
    # blur
    for share in (0.01, 0.02, 0.04):
        yield from _blurred(random, frames, share, line, font, sound)
    yield "blurred: upscaled from 64 x 36", "blurred", clip(each(lambda f, i: cv2.resize(cv2.resize(f, (64, 36), interpolation=cv2.INTER_AREA), size, interpolation=cv2.INTER_CUBIC)))
    # bars

    def barred(level: Any, share: float, sides: bool, window: bool = False) -> list[Pixels]:
        def one(f: Pixels, i: int) -> Pixels:
            y, x = (int(H * share / 2) if not sides or window else 0), (int(W * share / 2) if sides or window else 0)
            ground = cv2.resize(cv2.GaussianBlur(f, (0, 0), 25), size) if level is None else np.full_like(f, level)
            ground[y:H - y, x:W - x] = cv2.resize(f, (W - 2 * x, H - 2 * y), interpolation=cv2.INTER_AREA)
            return ground
        return each(one)

    for name, level in (("black", 0), ("dark grey", 32), ("grey", 90), ("white", 255), ("colour", (140, 70, 30)), ("blurred fill", None)):
        yield f"bars: letterbox {name}", "letterboxed", clip(barred(level, 0.25, False))
        yield f"bars: vertical in {name}", "letterboxed", clip(barred(level, 0.684, True))
    yield "bars: windowbox", "letterboxed", clip(barred(0, 0.2, False, window=True))
    yield "bars: letterbox with subtitle on it", "letterboxed", clip([written(f, [line], font, 18, (120, 328)) for f in barred(0, 0.25, False)])
    yield "bars: letterbox with logo on it", "letterboxed", clip([written(f, ["REELTV"], FONTS[0], 20, (540, 10)) for f in barred(0, 0.25, False)])
    yield "bars: noisy letterbox", "letterboxed", clip([grain(random, f, 3) for f in barred(4, 0.25, False)])
    shades = (np.linspace(0, 1, W)[None, :, None] * random.uniform(0, 255, 3) + np.zeros((H, 1, 1))).astype(np.uint8)
    yield "bars: letterbox in a gradient", "letterboxed", clip(each(lambda f, i: np.concatenate([shades[:46], f[46:H - 46], shades[:46]])))
    # sound
    hiss = random.normal(0, 1, sound.size)
    t = np.arange(sound.size) / RATE
    yield "silent: hiss -70 dB", "silent", clip(frames, hiss * 10 ** (-70 / 20))
    yield "silent: hiss -55 dB", "silent", clip(frames, hiss * 10 ** (-55 / 20))
    yield "silent: offset", "silent", clip(frames, np.full(sound.size, 0.02) + hiss * 1e-4)
    yield "silent: hum -60 dB", "silent", clip(frames, 10 ** (-60 / 20) * np.sin(2 * np.pi * 50 * t))
    yield "silent: a click at the start", "silent", clip(frames, np.where(np.arange(sound.size) < 40, 0.1, 0.0))
    for gain in (10, 16, 24):
        hot = (sound * 2 * 10 ** (gain / 20)).clip(-1, 1)
        yield f"clipped: {gain} dB", "clipped_audio", clip(frames, hot)
        yield f"clipped: {gain} dB, then -6 dB", "clipped_audio", clip(frames, hot * 0.5)
        yield f"clipped: {gain} dB, then -14 dB", "clipped_audio", clip(frames, hot * 0.2)
    yield "clipped: 24 dB into a soft limiter", "clipped_audio", clip(frames, np.tanh(sound * 2 * 10 ** (24 / 20)))
    yield "clipped: 16 dB, one side", "clipped_audio", clip(frames, (sound * 2 * 10 ** (16 / 20)).clip(-10, 1) / 6)
    # slides and rates
    slides = [all_takes[(number + k) % len(all_takes)][int(random.integers(20))] for k in range(4)]

    def fading(i: int, seconds: float, length: float) -> Pixels:
        place, into = divmod(i / FPS, seconds)
        share = np.clip((into - seconds + length) / length, 0, 1)
        return cv2.addWeighted(slides[int(place) % 4], 1 - share, slides[(int(place) + 1) % 4], share, 0)

    yield "slides: hard, 1 s", "slideshow frozen", clip([slides[i // FPS % 4] for i in range(count)])
    yield "slides: hard, 0.4 s", "slideshow frozen too_short low_fps", clip([slides[int(i / FPS / 0.4) % 4] for i in range(count)])
    yield "slides: cross-fades", "slideshow frozen static", clip([fading(i, 2.0, 0.6) for i in range(count)])
    yield "slides: pushed in", "slideshow frozen static too_short", clip([np.roll(slides[i // 32], -W * max(i % 32 - 20, 0) // 12, axis=1) for i in range(count)])
    yield "slides: slow cross-fades", "slideshow frozen static", clip([fading(i, 2.0, 1.2) for i in range(count)])
    for slow, rate in ((5, 24), (5, 30), (6, 30), (5, 60), (6, 60), (4, 25)):
        yield f"low fps: {slow} in {rate}", "low_fps slideshow", clip([scene(int(i * slow / rate) / slow) for i in range(int(rate * SECONDS))], fps=rate)
    yield "low fps: 5 plain", "low_fps", clip(shot(5), fps=5)
    yield "low fps: 5 in 30, grain", "low_fps slideshow", clip([grain(random, scene(int(i / 6) / 5), 2) for i in range(int(30 * SECONDS))], fps=30)
    # text
    for kind, options in (("Chinese", {"zh": True, "dark": False}), ("English", {"zh": False, "dark": False}), ("Chinese on black", {"zh": True, "dark": True}),
                          ("English on black", {"zh": False, "dark": True}), ("code", {"zh": False, "dark": True, "code": True}),
                          ("code on white", {"zh": False, "dark": False, "code": True}), ("two columns", {"zh": zh, "dark": False, "columns": 2})):
        sheet = page(random, **options)
        yield f"text: {kind}", "text_heavy", clip([cv2.resize(sheet[3 * i:3 * i + 2 * H], full) for i in range(count)], shape=full)
    columns = np.full((H, 2 * W, 3), 240, np.uint8)
    for column in range(2 * W // 36):
        columns = written(columns, list(sentence(random, True, 12)), fonts(random, True), 22, (10 + 36 * column, 6), 20, None)
    yield "text: Chinese in columns", "text_heavy", clip([columns[:, 2 * i:2 * i + W] for i in range(count)])
    names = np.zeros((3 * H, W, 3), np.uint8)
    face = fonts(random, zh)
    names = written(names, [sentence(random, zh, 7 if zh else 16) + "    " + sentence(random, zh, 5 if zh else 18) for _ in range(38)], face, 20, (170, 20), 235, None)
    yield "text: credits", "text_heavy", clip([names[3 * i:3 * i + H] for i in range(count)])
    shout = [sentence(random, zh, 14 if zh else 26) for _ in range(6)]
    yield "text: poster over footage", "text_heavy", clip(each(lambda f, i: written(f, shout, font, 40, (20, 10))))
    yield "text: lyrics", "text_heavy", clip(each(lambda f, i: written(f, [sentence(np.random.default_rng(k + i // 48), zh, 12 if zh else 28) for k in range(7)], font, 30, (60, 40), 250, 30)))


def _blurred(random: np.random.Generator, frames: list[Pixels], share: float, line: str, font: str, sound: np.ndarray) -> Iterator[tuple[str, str, Clip]]:
    px, shaken = share * H, np.zeros((int(8 * share * H) | 1,) * 2)
    cv2.line(shaken, (0, shaken.shape[0] // 3), (shaken.shape[1] - 1, 2 * shaken.shape[0] // 3), 1.0, 1, cv2.LINE_AA)
    soft, out = ([change(f) for f in frames] for change in (lambda f: cv2.GaussianBlur(f, (0, 0), px), lambda f: cv2.filter2D(f, -1, disc(2 * px))))
    large = [cv2.GaussianBlur(cv2.resize(f, (2 * W, 2 * H), interpolation=cv2.INTER_CUBIC), (0, 0), 2 * px) for f in frames]
    for name, of, shape in (
            ("gaussian", soft, (W, H)), ("disc", out, (W, H)), ("shaken", [cv2.filter2D(f, -1, shaken / shaken.sum()) for f in frames], (W, H)),
            ("disc and noise", [grain(random, f, 5) for f in out], (W, H)),
            ("gaussian, subtitle", [written(f, [line], font, 22, (90, 320)) for f in soft], (W, H)),
            ("gaussian, logo", [written(f, ["REELTV"], FONTS[0], 24, (520, 16)) for f in soft], (W, H)), ("gaussian, 720p", large, (2 * W, 2 * H))):
        yield f"blurred: {name} {share:.0%}", "blurred", (of, sound, FPS, shape)


_cached: list[list[Pixels]] = []


def _takes() -> list[list[Pixels]]:
    if not _cached:
        _cached.extend(takes())
    return _cached

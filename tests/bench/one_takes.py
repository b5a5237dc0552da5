"""One takes: nothing is cut in them, however much happens. Worlds of `films.py`, a desktop, pages that turn on a screen, and pictures whose
light swings while the camera zooms."""

from collections.abc import Iterator

import cv2
import numpy as np
from films import Film, H, Picture, W, World, drawing, footage, photograph, photographs, place, shift, takes


def one_take(name: str, random: np.random.Generator, world: World, seconds: float = 20.0, fps: float = 25.0) -> Film:
    """A world without any transition, in which much happens: rack focus, flashes, whip pans, exposure, something that passes
    close before the camera, a knock against the tripod, and a light that is switched off and on."""
    film, moved = Film(name), 0.0
    events = [(3.0 * i + 1.0, int(kind)) for i, kind in enumerate(random.permutation(7)[:max(1, int(seconds / 3))])]
    long = [float(random.uniform(0.25, 0.5)) for _ in events]
    for i in range(int(seconds * fps)):
        t = i / fps
        picture = world(t)
        for (start, kind), length in zip(events, long, strict=True):
            into = t - start
            if kind == 0 and 0 <= into < 2:
                picture = cv2.GaussianBlur(picture, (0, 0), 0.3 + 7 * np.sin(np.pi * into / 2))
            elif kind == 1 and 0 <= into < round(length * 10) / fps:
                picture = picture * 0.3 + 185
            elif kind == 2 and 0 <= into < length:
                speed = 6 * W / length * np.sin(np.pi * into / length) / fps * 0.5
                moved += speed
                picture = cv2.blur(np.roll(picture, int(moved), axis=1), (max(1, int(speed)), 1))
            elif kind == 3 and 0 <= into < 1.5:
                picture = picture * (1 + 0.5 * np.sin(np.pi * into / 1.5))
            elif kind == 4 and 0 <= into < length:
                at = int((into / length * 1.6 - 0.3) * W)
                picture = picture.copy()
                picture[:, max(0, at - 60):max(0, at + 60)] = 40
            elif kind == 5 and 0 <= into < length:
                picture = np.roll(picture, int(14 * np.sin(40 * into) * (1 - into / length)), axis=0)
            elif kind == 6 and 0 <= into < length:
                picture = picture * 0.25
        film.frames.append(np.clip(picture, 0, 255).astype(np.uint8))
        film.times.append(t)
    return film


def screen(random: np.random.Generator) -> World:
    """A desktop: text that is typed and scrolled, windows that open and close, a pointer."""
    page = np.full((4 * H, W, 3), 248, np.float32)
    for y in range(6, 4 * H - 8, 9):
        x = 8
        while x < W - 30 and random.random() < 0.95:
            width = int(random.uniform(6, 34))
            page[y:y + 4, x:x + width] = random.uniform(20, 110)
            x += width + 5
    windows = [(3 + 4 * i, int(random.uniform(10, W - 130)), int(random.uniform(15, H - 80)), random.uniform(150, 250, 3))
               for i in range(6)]

    def at(t: float) -> Picture:
        top = int(min(3 * H - 1, 25 * t + 50 * np.floor(t / 5)))
        picture = page[top:top + H].copy()
        for opened, x, y, colour in windows:
            if opened <= t < opened + 2.5:
                picture[y:y + 70, x:x + 110] = colour
                picture[y:y + 8, x:x + 110] = 60
                picture[y + 14:y + 16, x + 8:x + 8 + int(40 * (t - opened))] = 30
        px, py = (np.array([W, H]) / 2 + [90 * np.sin(0.9 * t), 60 * np.cos(1.3 * t)]).astype(int)
        picture[py:py + 7, px:px + 5] = 0
        picture[:9] = 45
        return picture

    return at


def pages(random: np.random.Generator) -> World:
    """A screen whose pages turn: another text on the same ground, below the same bar."""
    shown = []
    for _ in range(6):
        page = np.full((H, W, 3), 244, np.float32)
        page[:12], page[12:, :18] = 150, 225
        for y in range(22, H - 8, 10):
            x = 26
            while x < W * 0.8 and random.random() < 0.93:
                width = int(random.uniform(6, 34))
                page[y:y + 5, x:x + width] = random.uniform(20, 90)
                x += width + 5
        shown.append(page)
    return lambda t: shown[int(t / 2.3) % 6]


def swings(random: np.random.Generator, picture: Picture) -> World:
    """A picture that is zoomed and tilted over while its light and white balance swing, and flashes that go out slowly."""
    h, w = picture.shape[:2]
    middle, near, rate, slow = np.array([w, h]) / 2, min(w / W, h / H) * 0.6, random.uniform(0.5, 0.9), random.uniform(0.1, 0.2, 3)
    flashes = np.arange(2.0, 60.0, 3.7) + random.uniform(0, 1.5, 16)

    def at(t: float) -> Picture:
        phase = 6.28 * rate * t
        seen = shift(picture, *(middle + [30 * np.sin(phase / 3), 40 * np.sin(phase / 2)]), zoom=near * float(np.exp(0.25 * np.sin(phase))))
        light = np.exp(0.5 * np.sin(phase) + 0.3 * np.sin(6.28 * slow * t))
        since = t - flashes[flashes <= t].max(initial=-9.0)
        flash = max(0.0, 1 - since / 0.5) ** 2
        return np.clip(seen * light, 0, 255).astype(np.float32) * (1 - 0.7 * flash) + 230 * np.float32(flash)

    return at


def one_takes(seed: int) -> Iterator[Film]:
    """One take of every kind."""
    random = np.random.default_rng(seed)
    stills, footages = photographs(), takes()
    yield one_take("footage", random, footage(random, max(footages, key=len)))
    for _ in range(2):
        yield one_take("footage", random, footage(random, footages[int(random.integers(len(footages)))]))
        yield one_take("photographs", random, photograph(random, stills[int(random.integers(len(stills)))]))
        yield one_take("places", random, place(random))
    yield one_take("hectic", random, place(random, shaken=5.0), fps=30)
    yield one_take("drawings", random, drawing(random), fps=24)
    for name, shown, fps, count in (("screen-cast", screen(random), 15, 400), ("pages", pages(random), 10, 200),
                                    *(("swings", swings(random, stills[int(random.integers(len(stills)))]), 25, 500) for _ in range(2))):
        times = [i / fps for i in range(count)]
        yield Film(name, [np.clip(shown(t), 0, 255).astype(np.uint8) for t in times], times)

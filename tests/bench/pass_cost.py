"""CPU cost of the decode pass over bare decoding of the same streams, and over PySceneDetect's ContentDetector.

    python tests/bench/pass_cost.py [--rounds 5] [--bill] [--out tests/bench/pass_cost.md] FILE...

Decoding, the pass and the detector alternate in one process, one thread each; a ratio is the median of the ratios of neighbours,
so a machine that is busy with others slows both; it does not slow them alike (what others push out of the caches hits the pass more
often than the decoder), so the ratio of the least of either stands beside it; the ratios of a class are those of its sums. Goals: 1.25
at 720p and above, 1.6 below 480p, and below 1 of the detector, which finds cuts alone. `--bill` says where the time of the pass goes, by a timer around every part (which itself costs a little).
"""

import argparse
import os
import resource
import statistics
from collections import Counter
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from time import thread_time
from typing import Any

from jobs.media.child import ONE_THREAD

os.environ.update(dict.fromkeys(ONE_THREAD, "1"))  # before NumPy is loaded, as in the decoder process


CLASSES = (("720p and above", 720), ("480p to 719p", 480), ("less than 480p", 0))
"""Of short sides, the least of each: goals are told for the first and the last."""


def cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def timed(work: Callable[[], object]) -> float:
    before = cpu_s()
    work()
    return cpu_s() - before


def decode(path: str) -> tuple[str, int, int, float]:
    """Codecs, frames, short side and seconds: every frame of picture and sound, decoded by one thread and dropped."""
    from jobs.media.probe import open_media, picture_stream, regular, sound_stream
    from jobs.media.sniff import HEAD_BYTES, sniff

    with regular(path) as file:
        kind = sniff(file.read(HEAD_BYTES))
        file.seek(0)
        with open_media(file, kind) as container:
            video, audio = picture_stream(container), sound_stream(container)
            video.thread_type, video.codec_context.thread_count = "NONE", 1
            wanted = [s for s in (video, audio) if s is not None]
            count = 0
            for frame in container.decode(wanted):
                count += hasattr(frame, "width")
            codecs = " + ".join(s.codec_context.codec.canonical_name for s in wanted)
            return codecs, count, min(video.codec_context.height, video.codec_context.width), (container.duration or 0) / 1e6


def measured(path: str) -> None:
    from jobs.clean.measure import measure_file
    from schemas.settings import Measure

    measure_file(path, "video", Measure().model_dump())


def detected(path: str) -> None:
    import scenedetect

    scenedetect.detect(path, scenedetect.ContentDetector())


class Bill:
    """CPU seconds of the parts of the pass."""

    def __init__(self) -> None:
        from jobs.clean import seen
        from jobs.clean.heard import Heard
        from jobs.clean.ledger import Ledger
        from jobs.clean.measures import measurements
        from jobs.media.planes import Grid

        self.spent: Counter[str] = Counter()
        self.inside: list[float] = []
        for m in measurements().values():
            for part in ("look", "compare"):
                if getattr(m, part) is not None:
                    object.__setattr__(m, part, self.timer(m.name, getattr(m, part)))
            if m.hear is not None:
                object.__setattr__(m, "hear", lambda *form, hear=m.hear, name=m.name: self.timer(name, hear(*form)))
        for owner, name, called in (
            (Grid, "reduce", "signals of every frame"), (seen.Seen, "_picture", "scaling of samples"),
            (seen.Seen, "_coarse", "small pictures for motion"), (seen.Seen, "_pair", "samples, the rest"),
            (seen.Seen, "_sample", "samples, the rest"), (seen, "_jpeg", "JPEG"),
            (Heard, "_mono", "resampling to 16 kHz"), (Heard, "_feed", "sound, the rest"), (Ledger, "clip", "rows of clips, without JPEG"),
        ):
            setattr(owner, name, self.timer(called, getattr(owner, name)))

    def timer(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """`work`, whose time without that of timers inside it is added to `name`."""

        @wraps(work)
        def counted(*args: Any, **kwargs: Any) -> Any:
            self.inside.append(0.0)
            before = thread_time()
            try:
                return work(*args, **kwargs)
            finally:
                took = thread_time() - before
                self.spent[name] += took - self.inside.pop()
                if self.inside:
                    self.inside[-1] += took

        return counted


def bill(paths: list[str], rounds: int) -> list[str]:
    """Lines of a table: milliseconds of CPU per second of video, for every part."""
    bare = {path: statistics.median(timed(lambda p=path: decode(p)) for _ in range(rounds)) for path in paths}
    parts = Bill()
    found: dict[str, Counter[str]] = {}
    for path in paths:
        runs = []
        for _ in range(rounds):
            parts.spent.clear()
            before = thread_time()
            measured(path)
            runs.append(Counter(parts.spent) | Counter({"whole pass": thread_time() - before}))
        names = {name for run in runs for name in run}
        mine = found[path] = Counter({name: statistics.median(run[name] for run in runs) for name in names})
        mine["decoding"] = bare[path]
        mine["everything else: the loop over packets and frames, shots"] = mine["whole pass"] - sum(
            value for name, value in mine.items() if name != "whole pass")
    names = sorted({name for of in found.values() for name in of}, key=lambda name: -sum(of[name] for of in found.values()))
    lines = [f"| ms of CPU a second of video | {' | '.join(Path(path).name for path in paths)} |", "|---|" + "---:|" * len(paths)]
    for name in names:
        cells = (f"{1000 * found[path][name] / decode(path)[3]:.2f}" for path in paths)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--bill", action="store_true")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    import cv2

    from jobs.clean.measure import warm

    warm()
    cv2.setNumThreads(1)
    lines = ["| file | codecs | frames | short side | seconds | decoding, CPU s | the pass, CPU s | ratio | of the least | ContentDetector, CPU s | ratio |",
             "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|"]
    print(*lines, sep="\n", flush=True)
    totals: dict[str, list[float]] = {name: [0.0, 0.0, 0.0] for name, _ in CLASSES}
    for path in options.files:
        codecs, frames, short, seconds = decode(path)
        rounds = [tuple(timed(lambda w=work, p=path: w(p)) for work in (decode, measured, detected)) for _ in range(options.rounds)]
        bare, whole, detector = (statistics.median(column) for column in zip(*rounds, strict=True))
        over_bare = statistics.median(b / a for a, b, _ in rounds)
        least = min(b for _, b, _ in rounds) / min(a for a, _, _ in rounds)
        over_detector = statistics.median(b / c for _, b, c in rounds)
        lines.append(f"| {Path(path).name} | {codecs} | {frames} | {short} | {seconds:.0f} | {bare:.3f} | {whole:.3f} | {over_bare:.2f} | {least:.2f} "
                     f"| {detector:.3f} | {over_detector:.2f} |")
        print(lines[-1], flush=True)
        own = totals[next(name for name, least in CLASSES if short >= least)]
        own[:] = (total + value for total, value in zip(own, (bare, whole, detector), strict=True))
    for name, (bare, whole, detector) in totals.items():
        if bare:
            lines.append(f"| all of {name} | | | | | {bare:.3f} | {whole:.3f} | {whole / bare:.2f} | | {detector:.3f} | {whole / detector:.2f} |")
            print(lines[-1], flush=True)
    files_and_totals = len(lines)
    if options.bill:
        lines += ["", *bill(options.files, options.rounds)]
        print("\n".join(lines[files_and_totals:]))
    if options.out:
        options.out.write_text("\n".join(["# What the decode pass costs", "", *__doc__.splitlines()[4:], "",
                                          f"{options.rounds} rounds, medians.", "", *lines, ""]))


if __name__ == "__main__":
    main()

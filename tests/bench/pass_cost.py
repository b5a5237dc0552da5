"""CPU cost of the decode pass over bare decoding of the same streams, and of the parts of the pass.

    python tests/bench/pass_cost.py [--rounds 5] FILE...

Decoding and the pass alternate in one process, one thread each; the ratio is the median of the ratios of neighbours, so a
machine that is busy with others slows both. Goals: 1.25 at 720p and above, 1.6 below 480p.
"""

import argparse
import resource
import statistics
from collections.abc import Callable
from pathlib import Path

from jobs.clean.measure import measure_file, warm
from jobs.media.probe import HEAD_BYTES, open_media, picture_stream, regular, sniff, sound_stream
from schemas.settings import Measure


def cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def timed(work: Callable[[], object]) -> float:
    before = cpu_s()
    work()
    return cpu_s() - before


def decode(path: str) -> tuple[int, int]:
    """Frames and height: every frame of picture and sound, decoded by one thread and dropped."""
    with regular(path) as file:
        kind = sniff(file.read(HEAD_BYTES))
        file.seek(0)
        with open_media(file, kind) as container:
            video, audio = picture_stream(container), sound_stream(container)
            video.thread_type, video.codec_context.thread_count = "NONE", 1
            count = 0
            for frame in container.decode([s for s in (video, audio) if s is not None]):
                count += hasattr(frame, "width")
            return count, min(video.codec_context.height, video.codec_context.width)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    warm()
    settings = Measure().model_dump()
    print(f"{'file':28} {'frames':>6} {'short':>5} {'decode s':>8} {'pass s':>7} {'ratio':>6}")
    for path in options.files:
        frames, short = decode(path)
        pairs = [(timed(lambda p=path: decode(p)), timed(lambda p=path: measure_file(p, "video", settings)))
                 for _ in range(options.rounds)]
        ratio = statistics.median(measured / bare for bare, measured in pairs)
        bare, measured = (statistics.median(pair[i] for pair in pairs) for i in (0, 1))
        print(f"{Path(path).name[:28]:28} {frames:6} {short:5} {bare:8.3f} {measured:7.3f} {ratio:6.2f}", flush=True)


if __name__ == "__main__":
    main()

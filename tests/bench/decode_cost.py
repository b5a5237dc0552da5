"""CPU seconds of the pass for real files, beside what `jobs.clean.cost` predicts from their headers.

    python tests/bench/decode_cost.py [--out tests/bench/decode_cost.md] FOLDER...

Each file is measured in this process, on one thread, after a start; small ones twice, the better counts.
"""

import argparse
import os
import time
from pathlib import Path

import pyarrow as pa

from jobs.clean.cost import cost_s
from jobs.media.child import ONE_THREAD
from jobs.media.faults import MediaFault
from jobs.media.probe import probe, regular
from schemas import SOURCES

FACTS = ("modality", "size_bytes", "duration_s", "width", "height", "fps", "video_codec", "audio_codec")
SMALL_BYTES = 3_000_000


def row(file: Path) -> str | None:
    """A line of the table; None for what the pass refuses."""
    import av

    from jobs.clean.measure import measure_file
    from schemas.settings import Measure

    try:
        with regular(file) as opened:
            facts = {**vars(probe(opened)), "size_bytes": file.stat().st_size}
        spent = []
        for _ in range(2 if file.stat().st_size < SMALL_BYTES else 1):
            before = time.process_time()
            measure_file(str(file), facts["modality"], Measure().model_dump())
            spent.append(time.process_time() - before)
    except (MediaFault, ValueError, OSError, av.error.FFmpegError):
        return None
    told = ("" if facts[name] is None else f"{facts[name]:.6g}" if isinstance(facts[name], float) else str(facts[name]) for name in FACTS)
    told_s = float(cost_s(pa.table({n: pa.array([facts[n]], SOURCES.schema.field(n).type) for n in FACTS}))[0])
    return f"| {file.name} | {' | '.join(told)} | {min(spent):.3f} | {told_s:.3f} | {told_s / min(spent):.2f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))  # before NumPy is there
    import av

    from jobs.clean.measure import warm

    av.logging.set_level(av.logging.PANIC)
    warm()
    names = ("file", *FACTS, "CPU s", "predicted", "ratio")
    lines = [f"| {' | '.join(names)} |", "|" + "---|" * len(names)]
    for file in (file for folder in options.folders for file in sorted(folder.iterdir())):
        line = row(file)
        if line is not None:
            lines.append(line)
            print(line, flush=True)
    if options.out:
        options.out.write_text("\n".join(["# What measuring costs, and what is predicted", "", *__doc__.splitlines()[4:], "", *lines, ""]))


if __name__ == "__main__":
    main()

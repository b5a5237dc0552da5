"""Does the cost of a build grow in step with its input? CPU seconds and peak memory of every stage at 1x, 4x and 16x.

    bash infra/run bench build_growth

The corpus is rendered: per unit four videos of 6 s (two shots each), two pictures, one sound and four texts, all different.
CPU seconds are user + system of every process of the stage (last reading of each, ten a second), memory is the peak of the
sum of their proportional set sizes. The last column divides the CPU seconds of one more source at the large end by those at
the small end, which takes the fixed cost (start of Python and Spark) out of it; 1.0 is linear.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from jobs.cli.common import table
from jobs.job import CORPUS

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def corpus(folder: Path, units: int) -> int:
    """Render `units` units of different sources; returns the number of sources."""
    from PIL import Image

    from jobs.demo.corpus import resized
    from jobs.demo.sound import RATE, music, sound_file
    from jobs.media.encode import encode_video
    from jobs.train.world import render, scenes

    folder.mkdir(parents=True)
    every = scenes()
    pick = np.random.default_rng(0).permutation(len(every))
    for unit in range(units):
        for i in range(4):
            a, b = (every[pick[(unit * 8 + i * 2 + k) % len(every)]] for k in (0, 1))
            small = [render(s, width=160, height=90, frames=36, seed=unit) for s in (a, b)]
            frames = resized(np.concatenate(small), 480, 270)
            (folder / f"video-{unit:03d}-{i}.mp4").write_bytes(
                encode_video(frames, 12, 20, audio=(music(6.0, key=unit % 12 + i), RATE))
            )
        for i in range(2):
            picture = resized(render(every[pick[-1 - unit * 2 - i]], width=160, height=90, frames=1, seed=unit), 640, 360)[0]
            Image.fromarray(picture).save(folder / f"picture-{unit:03d}-{i}.jpg")
        (folder / f"sound-{unit:03d}.ogg").write_bytes(sound_file(music(5.0, key=unit % 24), "ogg", "libopus"))
        words = np.random.default_rng(unit).choice(WORDS, (4, 40))
        (folder / f"texts-{unit:03d}.jsonl").write_text("".join(json.dumps({"text": " ".join(w)}) + "\n" for w in words))
    return units * 12


WORDS = [
    a + b
    for a in ("ri", "mo", "ta", "ken", "su", "la", "vor", "pe", "ni", "gal")
    for b in ("ver", "nt", "sh", "lo", "dim", "ra", "st", "by")
]


def measured(words: list[str]) -> tuple[float, float]:
    """Run a command in a session of its own: (CPU seconds, peak MB) of all its processes."""
    child = subprocess.Popen(words, start_new_session=True, stdout=subprocess.DEVNULL)
    seconds: dict[int, float] = {}
    peak = 0.0
    while child.poll() is None:
        now = 0.0
        for pid in _session(child.pid):
            try:
                stat = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
                seconds[pid] = (int(stat[11]) + int(stat[12])) / TICKS_A_SECOND
                smaps = Path(f"/proc/{pid}/smaps_rollup").read_text()
                now += next(int(line.split()[1]) for line in smaps.splitlines() if line.startswith("Pss:")) / 1024
            except (OSError, StopIteration, ValueError):
                continue
        peak = max(peak, now)
        time.sleep(0.1)
    if child.returncode:
        raise SystemExit(f"{' '.join(words)} ended with {child.returncode}")
    return sum(seconds.values()), peak


def _session(leader: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if int((path / "stat").read_text().rsplit(")", 1)[1].split()[3]) == leader:
                found.append(int(path.name))
        except (OSError, ValueError):
            continue
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="1,4,16")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    sizes = [int(s) for s in args.sizes.split(",")]
    cost: dict[str, dict[int, tuple[float, float]]] = {name: {} for name in CORPUS}
    count = {}
    with tempfile.TemporaryDirectory() as scratch:
        for size in sizes:
            sources = Path(scratch) / f"x{size}"
            count[size] = corpus(sources, size)
            for name in CORPUS:
                words = [sys.executable, "-m", "jobs", "run", name, "--lake", f"{scratch}/lake{size}", "--json"]
                cost[name][size] = measured(words + (["--source", str(sources)] if name == "collect" else []))
    if args.json:
        print(json.dumps({"sources": count, "cost": cost}))
        return
    rows = []
    for name in CORPUS:
        cpu = [cost[name][s][0] for s in sizes]
        marginal = [(b - a) / (count[t] - count[s]) for a, b, s, t in zip(cpu, cpu[1:], sizes, sizes[1:], strict=False)]
        growth = f"{marginal[-1] / marginal[0]:.2f}" if len(marginal) > 1 and marginal[0] > 0.005 else "flat"
        rows.append([name, *(f"{c:.1f}" for c in cpu), *(f"{cost[name][s][1]:.0f}" for s in sizes), growth])
    head = ["stage", *(f"CPU s, {count[s]} sources" for s in sizes), *(f"MB, {count[s]}" for s in sizes), "growth"]
    print(table(rows, head))


if __name__ == "__main__":
    main()

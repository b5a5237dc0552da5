"""Seconds of a finished video by part, from the command line as a user calls it. Run by hand:

    python tests/bench/film_parts.py [--aspect 9:16] [--model PATH] [--texts N]

Prints seconds of the wall for one video, and for a second of video, by part. `the rest` is starting Python and Spark, the gates,
writing tables, and reading the marks of the finished file again; it is spent once a run for the most part. On a busy machine only
the second table tells anything: seconds of the CPU that the tasks of each job took, from the manifests.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

TEXTS = (
    "今天去了西藏，风景真的很美，我想和朋友们分享这个时刻。",
    "We reached the sea at last, and sat on the warm sand with old friends.",
    "清晨的湖边非常安静，雪山倒映在水里，我们慢慢地走了一圈。",
    "At night we came back to the city. Rain was falling on the neon signs.",
)
PARTS = {
    "generate": {"load_seconds": "load the model", "seconds": "generate", "judge_seconds": "encode, measure, judge"},
    "publish": {"narrate_seconds": "narrate", "compose_seconds": "sound and composition", "sign_seconds": "sign"},
}


def manifest(lake: Path, job: str) -> dict[str, Any]:
    """Of a job's current version."""
    fingerprint = json.loads((lake / "_current" / f"{job}.json").read_text())["fingerprint"]
    found: dict[str, Any] = json.loads(next(iter(sorted(lake.glob(f"*/{fingerprint}/manifest.json")))).read_text())
    return found


def main() -> None:
    """Film and print."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--aspect", default="9:16")
    words.add_argument("--model", default="embedded")
    words.add_argument("--texts", type=int, default=2)
    asked = words.parse_args()
    with tempfile.TemporaryDirectory() as name:
        lake = Path(name) / "lake"
        command = [sys.executable, "-m", "jobs", "generate", "--lake", str(lake), "--aspect", asked.aspect, "--json",
                   "--set", f"generate.model={asked.model}"]
        started = time.perf_counter()
        done = subprocess.run([*command, *(w for text in TEXTS[: asked.texts] for w in ("--prompt", text))], capture_output=True, check=True)
        total = time.perf_counter() - started
        videos = json.loads(done.stdout)["videos"]
        long_s = sum(v["duration_s"] for v in videos)
        spent = {title: sum(m.get(key, 0.0) for m in manifest(lake, job)["measured"]) for job, keys in PARTS.items() for key, title in keys.items()}
        jobs = {job: float(manifest(lake, job)["cost"]["cpu_s"]) for job in ("prompts", "generate", "publish")}
    spent |= {"the rest": total - sum(spent.values()), "together": total}
    print(f"{len(videos)} videos of {long_s:.1f} s, {asked.aspect}, {asked.model}, load {os.getloadavg()[0]:.1f}")
    print(f"{'part':<24} {'s a video':>10} {'s a second of it':>18}")
    for title, seconds in spent.items():
        print(f"{title:<24} {seconds / len(videos):>10.2f} {seconds / long_s:>18.3f}")
    print(f"{'job':<24} {'CPU s':>10} {'a second of video':>18}")
    for title, seconds in jobs.items():
        print(f"{title:<24} {seconds:>10.2f} {seconds / long_s:>18.3f}")


if __name__ == "__main__":
    main()

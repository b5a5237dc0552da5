"""CPU seconds of Data-Juicer and of the decode pass on the same videos and the same checks.

    python tests/bench/peers.py --peer VENV/bin/python [--rounds 2] [--limit 120] [--out tests/bench/peers.md] FILE...

Data-Juicer (its own environment: `pip install torch==2.13.0 py-data-juicer==1.6.1 aiohttp av==13.1.0 opencv-python-headless
scenedetect ffmpeg-python`, and static builds of `ffmpeg` and `ffprobe` beside the interpreter) runs with one process: split by scene, duration,
resolution, aspect ratio, motion score on a short side of 120 pixels, exact duplicates. The pass runs as a task of `measure` does,
decoder process included, with everything that it measures, SHA-256, and a table of the clips in a lake, then the default policy as a
task of `judge` does: it stores spans, where Data-Juicer encodes clips. Both are whole process trees (user + system). Start-up is each on one tiny video; what the
`ffmpeg` processes of Data-Juicer took is timed by a wrapper in their place. What `collect` and `clean` cost on
Spark, with its own start, is said below the table. A film that Data-Juicer does not come through with, or for which it takes longer than
the limit, is left out for both. Not compared: operators of Data-Juicer that need a model, its GPU paths, Ray,
and more than one process; its optical flow at full size, its default, which went past 10 GB in an earlier trial.
"""

import argparse
import contextlib
import ctypes
import json
import os
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

WRAPPER = """#!/bin/bash
TIMEFORMAT='%U %S'
{{ time {ffmpeg} "$@" 1>&3 2>&4; }} 3>&1 4>&2 2>>{log}
"""
RECIPE = {
    "np": 1, "text_keys": "text", "executor_type": "default", "open_tracer": False, "open_monitor": False, "use_cache": False,
    "process": [
        {"video_split_by_scene_mapper": {}},
        {"video_duration_filter": {"min_duration": 0, "max_duration": 1e6}},
        {"video_resolution_filter": {"min_width": 1, "min_height": 1}},
        {"video_aspect_ratio_filter": {"min_ratio": "1/100", "max_ratio": "100/1"}},
        {"video_motion_score_filter": {"min_score": -1, "size": 120}},
        {"video_deduplicator": {}},
    ],
}
PR_SET_CHILD_SUBREAPER = 36
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def spent(command: Sequence[str], limit_s: float | None = None, **environment: str) -> float:
    """CPU seconds of a command and of everything that it starts: what outlives its parent is ours to wait for.

    Raises:
        subprocess.CalledProcessError: it failed; its output is shown.
        subprocess.TimeoutExpired: it took longer than the limit, by the clock, and was ended.
    """
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, env={**os.environ, **ONE_THREAD, **environment}, stdout=said, stderr=subprocess.STDOUT,
                                   start_new_session=True)
        try:
            process.wait(limit_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        if process.returncode:
            said.seek(0)
            print(said.read()[-4000:], file=sys.stderr)
            raise subprocess.CalledProcessError(process.returncode, command)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def hanging(python: Path, files: Sequence[Path], limit_s: float) -> list[str]:
    """Names of the files that Data-Juicer needs longer for than the limit when it has only one."""
    found = []
    for file in files:
        try:
            juicer(python, [file], limit_s)
        except subprocess.TimeoutExpired:
            found.append(file.name)
    return found


def juicer(python: Path, files: Sequence[Path], limit_s: float, only: str | None = None) -> tuple[float, float, int, set[str]]:
    """CPU seconds of Data-Juicer, those of its ffmpeg processes among them, the clips that it made, and the names of the files that came
    through.

    Raises:
        subprocess.TimeoutExpired: it took longer than the limit for every file.
    """
    with tempfile.TemporaryDirectory() as folder:
        at = Path(folder)
        (at / "bin").mkdir()
        (at / "log").touch()
        wrapper = at / "bin" / "ffmpeg"
        wrapper.write_text(WRAPPER.format(ffmpeg=(python.parent / "ffmpeg").resolve(), log=at / "log"))
        wrapper.chmod(0o755)
        copies = [Path(shutil.copy(file, at)) for file in files]
        (at / "in.jsonl").write_text("\n".join(json.dumps({"text": "<__dj__video>", "videos": [str(copy)], "name": copy.name}) for copy in copies))
        process = [{name: {**of, "num_proc": 1} for name, of in step.items()} for step in RECIPE["process"] if only in (None, *step)]
        (at / "recipe.json").write_text(json.dumps(
            {**RECIPE, "process": process, "dataset_path": str(at / "in.jsonl"), "export_path": str(at / "out" / "out.jsonl")}))
        cpu_s = spent([str(python.parent / "dj-process"), "--config", str(at / "recipe.json")], limit_s * len(files),
                      PATH=f"{at / 'bin'}:{python.parent}:{os.environ['PATH']}", HF_HUB_OFFLINE="1", DATA_JUICER_CACHE_HOME=str(at / "cache"),
                      HF_HOME=str(at / "hf"), HOME=str(at), PYTHONPATH="")
        encoding = sum(float(part) for line in (at / "log").read_text().splitlines()
                       if len(line.split()) == 2 and line.replace(".", "").replace(" ", "").isdigit() for part in line.split())
        rows = [json.loads(line) for line in (at / "out" / "out.jsonl").read_text().splitlines()]
        return cpu_s, encoding, sum(len(row["videos"]) for row in rows), {row["name"] for row in rows if row["videos"]}


def ours(files: Sequence[Path]) -> tuple[float, int]:
    """CPU seconds of the pass over the files in a process of its own, and the clips found."""
    with tempfile.TemporaryDirectory() as folder:
        cpu_s = spent([sys.executable, __file__, "--measure", folder, *map(str, files)])
        import pyarrow.parquet as pq

        return cpu_s, sum(pq.read_metadata(file).num_rows for file in Path(folder).glob("clips/bench/*.parquet"))


def engine(files: Sequence[Path]) -> float:
    """CPU seconds of the jobs collect and clean on Spark."""
    with tempfile.TemporaryDirectory() as folder:
        at = Path(folder)
        (at / "in").mkdir()
        for file in files:
            shutil.copy(file, at / "in")
        command = [sys.executable, "-m", "jobs", "run"]
        return (spent([*command, "collect", "--lake", str(at / "lake"), "--source", str(at / "in")])
                + spent([*command, "clean", "--lake", str(at / "lake")]))


def measure(lake: Path, files: Sequence[str]) -> None:
    """The work of a task of `measure` and of one of `judge` on some files, as a worker does it, into a lake."""
    import hashlib

    import numpy as np

    from jobs.clean.job import judge_task, measure_task
    from jobs.clean.plan import Task
    from jobs.lake import Lake, Slice
    from jobs.rows import Rows
    from jobs.run import work_off
    from schemas import SOURCES
    from schemas.settings import Settings

    settings = Settings()
    sources = []
    for i, file in enumerate(files):
        with open(file, "rb") as opened:
            sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
        sources.append({
            "source_id": f"{i:016x}", "modality": "video", "uri": file, "rel_path": file, "connector": "file", "sha256": sha256,
            "size_bytes": Path(file).stat().st_size, "pii_count": 0})
    Lake(str(lake)).write_part(SOURCES, "bench", "sources.parquet", SOURCES.rows(sources))
    table = Slice(str(lake), str(lake / "sources" / "bench" / "sources.parquet"), (0,), len(sources))
    work_off(str(lake), "measure", "bench", 0, Task((Rows(table, np.arange(len(sources), dtype=np.int32)),), (), "", ""), measure_task, settings)
    slices = tuple(Slice(str(lake), str(file), (0,), 0) for file in sorted(lake.glob("clips/bench/*.parquet")))
    work_off(str(lake), "judge", "bench", 0, Task((), slices, "", ""), judge_task, settings)


def length(file: Path) -> str:
    import av

    with av.open(str(file)) as container:
        stream = container.streams.video[0]
        return f"{stream.codec_context.name}, {stream.width} x {stream.height}, {(container.duration or 0) / 1e6:.0f} s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--peer", type=Path, help="the interpreter of the environment with Data-Juicer in it")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--limit", type=float, default=120.0, help="seconds by the clock that Data-Juicer may take for a file")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.measure, [str(file) for file in options.files])
        return
    tiny = min(options.files, key=lambda file: file.stat().st_size)
    files = [file for file in options.files if file != tiny]
    ours([tiny])  # whatever is compiled or cached once
    failed: list[str] = []
    rounds: list[tuple[float, ...]] = []
    while len(rounds) < options.rounds:
        try:
            theirs, encoding, their_clips, through = juicer(options.peer, files, options.limit)
            lost = [file.name for file in files if file.name not in through]
        except subprocess.TimeoutExpired:
            lost = hanging(options.peer, files, options.limit)
            if not lost:
                raise
        if lost:
            failed += lost
            print("not through Data-Juicer:", *failed, flush=True)
            if len(failed) > len(files) / 2:
                raise RuntimeError("a step of Data-Juicer failed (is ffprobe there?)")
            files = [file for file in files if file.name not in lost]
            continue
        their_start, _, _, _ = juicer(options.peer, [tiny], options.limit, only="video_duration_filter")
        mine, my_clips = ours(files)
        my_start, _ = ours([tiny])
        rounds.append((theirs, encoding, their_start, mine, my_start))
        print(rounds[-1], their_clips, my_clips, flush=True)
    spark = engine(files)
    theirs, encoding, their_start, mine, my_start = (statistics.median(column) for column in zip(*rounds, strict=True))
    rest, work = theirs - encoding - their_start, mine - my_start
    table = [
        "| CPU seconds | Data-Juicer 1.6.1 | the pass | ratio |", "|---|---|---|---|",
        f"| whole run | {theirs:.1f} | {mine:.2f} | {theirs / mine:.1f} |",
        f"| start-up, on one tiny video | {their_start:.1f} | {my_start:.2f} | |",
        f"| without start-up | {theirs - their_start:.1f} | {work:.2f} | {(theirs - their_start) / work:.1f} |",
        f"| its `ffmpeg` processes | {encoding:.1f} | – | |",
        f"| without start-up and encoding | {rest:.1f} | {work:.2f} | {rest / work:.1f} |",
        f"| clips | {their_clips} | {my_clips} | |", "",
        f"`collect` and `clean` as jobs on Spark, its start included (once): {spark:.1f} CPU seconds for the same videos "
        f"({theirs / spark:.1f} times less than Data-Juicer).", "",
        f"Left out for both, since they did not come through Data-Juicer: {', '.join(failed) or 'none'}.",
    ]
    print("\n".join(table))
    if options.out:
        notes = [f"- {file.name}: {length(file)}" for file in files]
        options.out.write_text("\n".join(["# Data-Juicer and the pass on the same videos", "", *__doc__.splitlines()[4:], "",
                                          f"Medians of {options.rounds} rounds.", "", *table, "", *notes, ""]))


if __name__ == "__main__":
    main()

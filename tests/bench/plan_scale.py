"""What a driver spends on planning: CPU seconds and memory of the plan of every job, and of a gate, for corpora of growing size.

    python tests/bench/plan_scale.py [--clips 100000 400000]

The tables are made up: as many sources as clips, a caption each, three labels a clip, a tenth rejected, one clip in twenty the duplicate of another.
A plan reads them as a job does and ends where the tasks would start; the gate is that of the labels. Each has a process of its own. Memory is that which the plan
added at its greatest. What a million clips more cost is taken from the last two sizes, so what every process costs is not in it.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from jobs.cli.common import table
from jobs.job import ORDER, job, maker
from jobs.lake import MANIFEST, Lake
from jobs.run import Run
from schemas import CLIPS, DUPLICATES, LABELS, REJECTS, SCHEMA_VERSION, SOURCES, Table
from schemas.settings import Settings

ROWS_A_FILE = 5_000
CAPTION = "a person walks along a street at dusk while the camera follows from behind, number {}"
GATE = "check labels"
PLANS = ("collect", "measure", "judge", "dedup", "label", "fuse", GATE)


def ids(prefix: str, first: int, last: int) -> pa.Array:
    """Ids as long as those of a lake, in no order."""
    mixed = (np.arange(first, last, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)).tolist()
    return pa.array([f"{prefix}{i:031x}" for i in mixed])


def rows(of: Table, known: dict[str, object], count: int) -> pa.Table:
    """Rows of a table; columns that are not given are null, or nothing where they may not be."""
    nothing = {pa.string(): "", pa.bool_(): True}
    made = [known[f.name] if f.name in known else pa.nulls(count, f.type) if f.nullable
            else pa.array([nothing.get(f.type, 0)] * count, f.type) for f in of.schema]
    return of.conform(pa.table(dict(zip(of.schema.names, made, strict=True))))


def parts(first: int, last: int) -> Iterator[tuple[Table, str, pa.Table]]:
    """What every job writes of these clips."""
    count, sources, clips = last - first, ids("a", first, last), ids("b", first, last)
    draw = np.random.default_rng(first)
    seconds = pa.array(draw.gamma(2.0, 8.0, count) + 2)
    texts = pa.array([CAPTION.format(i) for i in range(first, last)])
    video = pa.array(["video"] * count)
    common = {"source_id": sources, "modality": video, "duration_s": seconds, "caption": texts, "title": texts, "lang": pa.array(["en"] * count)}
    about = {"uri": pa.array([f"s3://bucket/videos/2026/11/{i:012d}.mp4" for i in range(first, last)]), "sha256": ids("c", first, last),
             "size_bytes": pa.array((np.asarray(seconds) * 3e5).astype(np.int64)), "fps": pa.array([30.0] * count),
             "width": pa.array([1280] * count, pa.int32()), "height": pa.array([720] * count, pa.int32()), "video_codec": pa.array(["h264"] * count)}
    yield SOURCES, "collect", rows(SOURCES, common | about, count)
    yield CLIPS, "measure", rows(CLIPS, common | {"clip_id": clips, "source_sha256": about["sha256"], "end_s": seconds}, count)
    tenth = clips.take(pa.array(np.arange(0, count, 10)))
    yield REJECTS, "judge", rows(REJECTS, {"sample_id": tenth, "stage": pa.array(["judge"] * len(tenth)), "reason": pa.array(["static"] * len(tenth))}, len(tenth))
    losers, keepers = (clips.take(pa.array(np.arange(start, count - 1, 20))) for start in (1, 2))
    yield DUPLICATES, "dedup", rows(DUPLICATES, {"loser_id": losers, "keeper_id": keepers}, len(losers))
    thrice = pa.array(np.repeat(np.arange(count), 3))
    yield LABELS, "label", rows(LABELS, {"clip_id": clips.take(thrice), "labeler": pa.array(["clip_tags"] * 3 * count), "labeler_version": pa.array([1] * 3 * count, pa.int32()),
                                         "key": pa.array(["scene/sea", "time/dusk", "action/walking"] * count), "score": pa.array([0.5] * 3 * count)}, 3 * count)


def fill(lake: Lake, clips: int) -> None:
    """A lake in which every job before has run."""
    lake.open(create=True)
    files: dict[tuple[str, str], list[dict[str, object]]] = {}
    for first in range(0, clips, ROWS_A_FILE):
        for of, by, data in parts(first, min(clips, first + ROWS_A_FILE)):
            files.setdefault((of.name, by), []).append(lake.write_part(of, by, f"{by}-{first:09d}.parquet", data))
    for by in ("collect", "measure", "dedup", "label"):  # rejects are carried along
        files.setdefault((REJECTS.name, by), [])
    files[REJECTS.name, "label"] = files[REJECTS.name, "dedup"] = []
    for (name, by), made in files.items():
        facts = {"fingerprint": by, "job": by, "code": job(by).code, "schema_version": SCHEMA_VERSION, "recipe": {},
                 "parents": {"clips@measure": "older", "rejects@judge": "judge"} if by == "label" else {},
                 "rows": sum(int(str(f["rows"])) for f in made), "files": made}
        lake.write_json(facts, name, by, MANIFEST)
        lake.write_json({"fingerprint": by}, "_current", f"{by}.json")
    shutil.copytree(lake.path(CLIPS.name, "measure"), lake.path(CLIPS.name, "older"))  # what the standing labels saw
    lake.write_json((lake.read_json(CLIPS.name, "measure", MANIFEST) or {}) | {"fingerprint": "older"}, CLIPS.name, "older", MANIFEST)


def plan_of(name: str, run: Run) -> int:
    """Do what the driver of a job does before its tasks; the number of tasks."""
    from jobs.clean.plan import grouped
    from jobs.clean.plan import plan as measuring
    from jobs.collect.job import batches
    from jobs.collect.job import plan as collect_plan
    from jobs.collect.source import Found
    from jobs.dedup.nodes import nodes_of
    from jobs.fuse import job as fuse
    from jobs.label import job as label
    from jobs.label.labeler import cast

    def collecting() -> list[object]:
        count = int(json.loads(Path(run.lake.path(SOURCES.name, "collect", MANIFEST)).read_text())["rows"])
        found = [Found(f"2026/11/{i:012d}.mp4", f"s3://bucket/videos/2026/11/{i:012d}.mp4", 10**6, f"etag-{i:032d}", 10**15 + i, "s3") for i in range(count)]
        return list(batches(list(collect_plan(found, 5))))

    plans: dict[str, Callable[[], object]] = {
        "collect": collecting,
        "measure": lambda: measuring(run)[0],
        "judge": lambda: list(grouped(run.input(CLIPS).slices())),
        "dedup": lambda: nodes_of(run.input(CLIPS), run.input(REJECTS), run.settings.recipe.dedup).cuts(np.arange(10)),
        "label": lambda: label.plan(run, cast(run.settings.recipe.label)),
        "fuse": lambda: fuse.plan(run),
    }
    return len(plans[name]())  # type: ignore[arg-type]


def measure(name: str, root: str) -> dict[str, float]:
    """In a process of its own."""
    before, cpu, wall = peak_mb(), time.process_time(), time.monotonic()
    tasks = gated(Lake(root)) if name == GATE else planned(name, root)
    return {"cpu_s": time.process_time() - cpu, "wall_s": time.monotonic() - wall, "mb": peak_mb() - before, "tasks": tasks}


def peak_mb() -> float:
    """Of this program alone: what `getrusage` tells begins with what the process that started it has held."""
    return next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")) / 1024


def gated(lake: Lake) -> int:
    """The gate of the labels; 1, for it is one task."""
    from quality.run import gate_of, judged

    version = lake.version(LABELS, "label")
    assert version is not None
    verdict = judged(gate_of(LABELS.name), version)
    assert verdict.ok, verdict.lines()
    return 1


def planned(name: str, root: str) -> int:
    """The plan of a job; the number of tasks."""
    lake, made = Lake(root), job(name)
    parents = {}
    for of in made.reads:
        version = lake.version(of, str(maker(of, name)))
        if version is not None:
            parents[of.name] = version
    run = Run(made, Settings.model_validate({"runtime": {"lake": root}}), lake, parents, "plan")
    return plan_of(name, run)


def main() -> None:
    """Fill, plan, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, nargs="+", default=[100_000, 400_000])
    parser.add_argument("--plans", nargs="+", choices=PLANS, default=PLANS)
    parser.add_argument("--one", nargs=2, metavar=("JOB", "LAKE"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(*given.one)))
        return
    found: dict[tuple[str, int], dict[str, float]] = {}
    for clips in given.clips:
        with tempfile.TemporaryDirectory(prefix="reelmill-plan-") as folder:
            fill(Lake(folder), clips)
            for name in given.plans:
                done = subprocess.run([sys.executable, __file__, "--one", name, folder], stdout=subprocess.PIPE, check=True, text=True)
                found[name, clips] = json.loads(done.stdout.splitlines()[-1])
                print(name, clips, found[name, clips], file=sys.stderr, flush=True)
    print(table(list(lines(found, given.clips)), ["plan", "clips", "tasks", "CPU s", "MB", "CPU s of a million more", "GB of a million more"]))


def lines(found: dict[tuple[str, int], dict[str, float]], sizes: list[int]) -> Iterator[list[object]]:
    """The table."""
    for name in [n for n in (*ORDER, GATE) if (n, sizes[-1]) in found]:
        last = found[name, sizes[-1]]
        less = found[name, sizes[-2]] if len(sizes) > 1 else {"cpu_s": 0.0, "mb": 0.0}
        millions = (sizes[-1] - (sizes[-2] if len(sizes) > 1 else 0)) / 1e6
        yield [name, sizes[-1], int(last["tasks"]), round(last["cpu_s"], 1), round(last["mb"]), round((last["cpu_s"] - less["cpu_s"]) / millions, 1),
               round((last["mb"] - less["mb"]) / 1024 / millions, 2)]


if __name__ == "__main__":
    main()

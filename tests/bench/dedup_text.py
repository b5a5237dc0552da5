"""Near text: kernels against datasketch, and the whole job on Spark, in CPU seconds.

    python tests/bench/dedup_text.py kernels|hot|job [TEXTS...]

CPU seconds are user + system of this process and everything it started, the peak is the greatest sum of their resident
sets; the start of Spark is left out.
"""

import os
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from jobs.dedup import job as dedup_job
from jobs.dedup import minhash
from jobs.job import Part
from jobs.lake import Lake, Version
from jobs.run import Run
from schemas import CLIPS, REJECTS
from schemas.settings import load

sys.path.insert(0, str(Path(__file__).parent))
from dedup_corpus import texts


class Meter:
    """CPU seconds and peak memory of this process and its descendants."""

    def __enter__(self) -> "Meter":
        self.seen: dict[int, float] = {}
        self.peak = 0
        self._stop = threading.Event()
        self._sample()
        self._start = sum(self.seen.values())
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._sample()
        self.cpu_s = sum(self.seen.values()) - self._start

    def _watch(self) -> None:
        while not self._stop.wait(0.3):
            self._sample()

    def _sample(self) -> None:
        parents, used = {}, {}
        for name in os.listdir("/proc"):
            if name.isdigit():
                try:
                    fields = Path(f"/proc/{name}/stat").read_text().rsplit(")", 1)[1].split()
                except OSError:
                    continue
                parents[int(name)] = int(fields[1])
                used[int(name)] = ((int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), int(fields[21]) * 4096)
        mine, grown = {os.getpid()}, True
        while grown:
            more = {p for p, parent in parents.items() if parent in mine} - mine
            mine |= more
            grown = bool(more)
        memory = 0
        for pid in mine & set(used):
            self.seen[pid], size = used[pid]
            memory += size
        self.peak = max(self.peak, memory)


def lake_of(n: int, hot: int = 0) -> Run:
    """A run of dedup over a fresh lake of `n` texts."""
    lake = Lake(tempfile.mkdtemp(prefix="reelmill-bench-"))
    files, first = [], 0
    for batch in texts(n, hot=hot):
        ids = [f"{(first + i + 1) * 0x9E3779B97F4A7C15 % 2**64:016x}{first + i:016x}" for i in range(len(batch))]
        given = {"clip_id": ids, "source_id": ids, "source_sha256": ids, "modality": ["text"] * len(batch),
                 **{name: [0.0] * len(batch) for name in ("start_s", "end_s", "duration_s")}, "text": batch}
        table = pa.table([pa.array(given[f.name], f.type) if f.name in given else pa.nulls(len(batch), f.type)
                          for f in CLIPS.schema], schema=CLIPS.schema)
        files.append(lake.write_part(CLIPS, "given", f"{first:09d}.parquet", table))
        first += len(batch)
    clips = Version(lake, CLIPS, "given", {"rows": n, "files": files})
    return Run(dedup_job.DEDUP, load(["runtime.master=local[2]", "runtime.progress=false"]), lake,
               {"clips": clips, "rejects": Version(lake, REJECTS, "none", {"rows": 0, "files": []})}, "bench")


def deduped(run: Run) -> list[Part]:
    parts: list[Part] = []
    run.put = parts.append  # type: ignore[method-assign]
    dedup_job.dedup(run)
    return parts


def kernels(n: int = 20_000) -> None:
    """Rates of the kernels and of datasketch on the same texts."""
    from datasketch import MinHash

    made = pa.array([t for batch in texts(n) for t in batch])
    minhash.signatures(*minhash.shingles(made[:100], 3)[:2], 128)

    def rate(title: str, work: object) -> float:
        spent = []
        for _ in range(3):
            start = time.process_time()
            result = work()  # type: ignore[operator]
            spent.append(time.process_time() - start)
        print(f"{title:<44}{n / sorted(spent)[1]:>12,.0f} texts per CPU s")
        rate.last = result  # type: ignore[attr-defined]
        return n / sorted(spent)[1]

    def bulk() -> object:
        return MinHash.bulk(([h.tobytes() for h in one] for one in sets), num_perm=128)

    rate("texts -> shingles", lambda: minhash.shingles(made, 3))
    found = minhash.shingles(made, 3)
    sets = np.split(found.hashes, found.offsets[1:-1])
    print(f"shingles per text: mean {len(found.hashes) / n:.0f}")
    ours = rate("shingles -> signatures", lambda: minhash.signatures(found.hashes, found.offsets, 128))
    whole = rate("texts -> signatures", lambda: minhash.signatures(*minhash.shingles(made, 3)[:2], 128))
    theirs = rate("shingles -> signatures, datasketch bulk", bulk)
    print(f"ratio from shingles {ours / theirs:.0f}, from raw text {whole / theirs:.0f} (datasketch: tokens ready made)")


def job(sizes: Sequence[int], hot: int = 0) -> None:
    """The whole job, small inputs forced onto Spark as well."""
    from jobs.spark import session

    dedup_job.SMALL = 0
    for n in sizes:
        run = lake_of(n, hot)
        session(run.settings.runtime).range(2).mapInArrow(lambda batches: batches, "id long").count()
        start = time.time()
        with Meter() as meter:
            parts = deduped(run)
        kept = sum(p.kept for p in parts)
        print(f"{n:>9,} texts{f', {hot:,} hot' if hot else ''}: {meter.cpu_s:7.1f} CPU s, {n / meter.cpu_s:9,.0f} per CPU s, "
              f"wall {time.time() - start:6.1f} s, peak {meter.peak / 2**30:.2f} GB, kept {kept:,}", flush=True)


if __name__ == "__main__":
    what, *numbers = sys.argv[1:] or ["kernels"]
    sizes = [int(x) for x in numbers]
    if what == "kernels":
        kernels(*sizes)
    elif what == "job":
        job(sizes or [100_000, 1_000_000])
    elif what == "hot":
        n = (sizes or [300_000])[0]
        job([n])
        job([n], hot=50_000)
    else:
        sys.exit(f"no bench {what!r}: kernels, hot or job")

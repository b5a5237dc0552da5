"""Near text: kernels against datasketch, and the whole job on Spark, in CPU seconds.

    python tests/bench/dedup_text.py kernels|exact|found|hot|job|batch [TEXTS...]

`exact` holds the job against all pairs of TEXTS that share a shingle, at two thresholds, for Chinese, captions of three words and
English apart; `found` does so on texts that lie on this machine (`dedup_found.py`). The pairs are counted by Python over words,
not by the kernels. `hot` puts 50,000 equal texts, and 50,000 of one template, among as many. `batch` holds a tenth more texts against the index of TEXTS, and dedup of all of them at once beside it. Figures
as measured last: `dedup_text.md`.

CPU seconds are user + system of this process and everything it started, the peak is the greatest sum of their resident
sets (pages that processes share count for each of them, so it is an upper bound); the start of Spark is left out, and so is what
`job` spends on its first size for the first time.
"""

import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_matrix

from jobs.dedup import index, minhash
from jobs.dedup import job as dedup_job
from jobs.dedup.match import KINDS
from jobs.job import Part
from jobs.lake import Lake, Version
from jobs.run import Run
from schemas import CLIPS, REJECTS
from schemas.loading import load

sys.path.insert(0, str(Path(__file__).parent))
from dedup_corpus import BOILERPLATE, TEMPLATES, texts
from dedup_found import found_texts, words_of


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


def lake_of(n: int, hot: int = 0, template: str = BOILERPLATE) -> Run:
    """A run of dedup over a fresh lake of `n` texts."""
    return run_of(Lake(tempfile.mkdtemp(prefix="reelmill-bench-")), "given", texts(n, hot=hot, template=template))


def run_of(lake: Lake, name: str, batches: Iterable[list[str]], *sets: str, prefix: str = "") -> Run:
    """A run of dedup over a version of clips."""
    files, first = [], 0
    for batch in batches:
        ids = [f"{prefix}{(first + i + 1) * 0x9E3779B97F4A7C15 % 2**64:016x}{first + i:016x}" for i in range(len(batch))]
        given = {"clip_id": ids, "source_id": ids, "source_sha256": ids, "modality": ["text"] * len(batch),
                 **{name: [0.0] * len(batch) for name in ("start_s", "end_s", "duration_s")}, "text": batch}
        table = pa.table([pa.array(given[f.name], f.type) if f.name in given else pa.nulls(len(batch), f.type)
                          for f in CLIPS.schema], schema=CLIPS.schema)
        files.append(lake.write_part(CLIPS, name, f"{first:09d}.parquet", table))
        first += len(batch)
    clips = Version(lake, CLIPS, name, {"rows": first, "files": files})
    return Run(dedup_job.DEDUP, load(["runtime.master=local[2]", "runtime.progress=false", *sets]), lake,
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
    cut = minhash.shingles(made, 3)
    sets = np.split(cut.hashes, cut.offsets[1:-1])
    print(f"shingles per text: mean {len(cut.hashes) / n:.0f}")
    ours = rate("shingles -> signatures", lambda: minhash.signatures(cut.hashes, cut.offsets, 128))
    whole = rate("texts -> signatures", lambda: minhash.signatures(*minhash.shingles(made, 3)[:2], 128))
    theirs = rate("shingles -> signatures, datasketch bulk", bulk)
    print(f"ratio from shingles {ours / theirs:.0f}, from raw text {whole / theirs:.0f} (datasketch: tokens ready made)")


KINDS_OF_TEXT = {"Chinese": lambda t: not t.isascii(), "captions of three words": lambda t: t.isascii() and t.count(" ") == 2,
                 "English": lambda t: t.isascii() and t.count(" ") > 2}


def exact(n: int = 20_000) -> None:
    """The job against all pairs of drawn texts."""
    for name, is_one in KINDS_OF_TEXT.items():
        against_all(name, list(islice((t for batch in texts(20 * n) for t in batch if is_one(t)), n)))


def found(n: int = 20_000) -> None:
    """The job against all pairs of texts that lie on this machine, and of edited copies of them."""
    for name, given in found_texts(n).items():
        against_all(name, given)


def against_all(name: str, given: list[str]) -> None:
    """Pairs and removals of the job against true Jaccard similarity of all pairs that share a shingle."""
    n, shingle = len(given), load([]).recipe.dedup.shingle
    place: dict[tuple[str, ...], int] = {}
    columns, offsets = [], [0]
    for text in given:
        words = words_of(text)
        grams = {tuple(words[i:i + shingle]) for i in range(max(1, len(words) - shingle + 1))} if words else {(text.strip(),)}  # signs alone
        columns += sorted(place.setdefault(g, len(place)) for g in grams)
        offsets.append(len(columns))
    sets = csr_matrix((np.ones(len(columns), np.int32), columns, offsets), (n, len(place)))
    size = np.diff(offsets)
    for threshold in (0.7, 0.8):
        gold = set()
        for first in range(0, n, 500):
            common = (sets[first:first + 500] @ sets.T).tocoo()
            x, y = common.row + first, common.col
            near = (x < y) & (common.data >= threshold * (size[x] + size[y] - common.data))
            gold |= set(zip(x[near].tolist(), y[near].tolist(), strict=True))
        run = run_of(Lake(tempfile.mkdtemp(prefix="reelmill-bench-")), "given", [given], f"dedup.threshold={threshold}")
        row = {c: i for i, c in enumerate(run.parents["clips"].read(["clip_id"])["clip_id"].to_pylist())}
        nodes = dedup_job.nodes_of(run.parents["clips"], run.parents["rejects"], run.settings.recipe.dedup)
        of = np.array([row[c] for c in nodes.clips["clip_id"].to_pylist()])
        head = dedup_job.equal(nodes, dedup_job.here, 1)
        proofs = dedup_job.proven(KINDS["text"], nodes, head, run.settings.recipe.dedup, dedup_job.here, 1)
        met = {tuple(sorted(p)) for p in zip(of[proofs["src"].to_numpy()].tolist(), of[proofs["dst"].to_numpy()].tolist(), strict=True)}
        first_of = dict(zip(of.tolist(), of[head].tolist(), strict=True))  # equal texts are one node
        asked = [(first_of[x], first_of[y]) for x, y in gold]
        other = [p for p in asked if p[0] != p[1]]
        hit = sum(tuple(sorted(p)) in met for p in other)
        went = {row[r["loser_id"]]: row[r["keeper_id"]] for p in deduped(run) if p.tables for r in p.tables["duplicates"].to_pylist()}
        wrong = sum(tuple(sorted(p)) not in gold for p in went.items())
        left = sum(x not in went and y not in went for x, y in gold)
        print(f"{name}, {n:,} at {threshold}: {len(gold):,} near pairs, recall {(len(gold) - len(other) + hit) / max(1, len(gold)):.4f}; "
              f"between different texts {len(other):,}, recall {hit / max(1, len(other)):.4f}; of {len(met):,} pairs proven "
              f"{len(met - gold)} are not near; {len(went):,} texts go, {wrong} of them wrongly, {left} near pairs stay", flush=True)


def job(sizes: Sequence[int], hot: int = 0, templates: Sequence[str] = (BOILERPLATE,)) -> None:
    """The whole job, small inputs forced onto Spark as well; the first size runs twice, as Java compiles in its first run."""
    from jobs.spark import session

    dedup_job.SMALL = 0
    for n, template in [(sizes[0], ""), *((n, t) for n in sizes for t in templates)]:
        run = lake_of(n, hot if template else 0, template)
        session(run.settings.runtime).range(2).mapInArrow(lambda batches: batches, "id long").count()
        start = time.time()
        with Meter() as meter:
            parts = deduped(run)
        kept = sum(p.kept for p in parts)
        print(f"{n:>9,} texts{f', {hot:,} of {template[:40]!r}' if hot and template else ''}: {meter.cpu_s:7.1f} CPU s, "
              f"{n / meter.cpu_s:9,.0f} per CPU s, wall {time.time() - start:6.1f} s, peak {meter.peak / 2**30:.2f} GB, kept {kept:,}"
              f"{'' if template else ' (first run)'}", flush=True)
        shutil.rmtree(run.lake.root)


def batch(n: int) -> None:
    """A tenth more texts against a standing index, and all of them at once."""
    from jobs.spark import session

    dedup_job.SMALL = 0
    lake, sets = Lake(tempfile.mkdtemp(prefix="reelmill-bench-")), ('dedup.keep=["earliest"]', "dedup.across_releases=true")
    made = list(texts(n + n // 10, batch=10_000))
    old, new = made[:n // 10_000], made[n // 10_000:]
    both = run_of(lake, "both", old, *sets, prefix="a"), run_of(lake, "more", new, *sets, prefix="b")
    session(both[0].settings.runtime).range(2).mapInArrow(lambda batches: batches, "id long").count()

    def losers(parts: list[Part]) -> dict[str, str]:
        tables = [p.tables["duplicates"] for p in parts if p.tables]
        return {row["loser_id"]: row["keeper_id"] for t in tables for row in t.to_pylist()}

    first, second = both
    before = losers(deduped(first))
    rejects = REJECTS.rows([{"sample_id": i, "stage": "dedup", "check": "minhash", "reason": "duplicate", "decisive": True,
                             "policy_hash": "0", "run_id": "r"} for i in sorted(before)])
    gone = Version(lake, REJECTS, "gone", {"rows": len(before), "files": [lake.write_part(REJECTS, "gone", "p.parquet", rejects)]})
    with Meter() as meter:
        dedup_job.remember(lake, "r", first.parents["clips"], gone, first.settings.recipe.dedup)
    lake.write_json({}, index.RELEASES, "r", index.RELEASE)
    size = sum(lake.fs.du(lake.path(index.FOLDER, "r"), total=False).values())
    print(f"index of {n:,} texts: {meter.cpu_s:.1f} CPU s, {size / n:.0f} bytes a text", flush=True)
    with Meter() as meter:
        after = losers(deduped(second))
    print(f"{n // 10:,} more against it: {meter.cpu_s:.1f} CPU s, {len(after):,} go", flush=True)
    files = first.parents["clips"].manifest["files"]
    for file in second.parents["clips"].manifest["files"]:
        lake.put(lake.fs.cat_file(lake.path(CLIPS.name, "more", file["path"])), CLIPS.name, "both", f"b-{file['path']}")
        files = [*files, {**file, "path": f"b-{file['path']}"}]
    whole = run_of(lake, "none", [], *sets)
    lake.remove(index.FOLDER)
    whole.parents = {**whole.parents, "clips": Version(lake, CLIPS, "both", {"rows": n + n // 10, "files": files})}
    with Meter() as again:
        at_once = {k: v for k, v in losers(deduped(whole)).items() if k.startswith("b")}
    same = sum(after.get(k) == v for k, v in at_once.items())
    print(f"all {n + n // 10:,} at once: {again.cpu_s:.1f} CPU s; the batch costs {meter.cpu_s / again.cpu_s:.2f} of that; "
          f"decisions about its {n // 10:,} texts that are the same: "
          f"{1 - len(set(after) ^ set(at_once)) / (n // 10):.5f}, keepers the same: {same / max(1, len(at_once)):.5f}")


if __name__ == "__main__":
    what, *numbers = sys.argv[1:] or ["kernels"]
    sizes = [int(x) for x in numbers]
    if what == "kernels":
        kernels(*sizes)
    elif what == "exact":
        exact(*sizes)
    elif what == "found":
        found(*sizes)
    elif what == "job":
        job(sizes or [100_000, 1_000_000])
    elif what == "batch":
        batch((sizes or [500_000])[0])
    elif what == "hot":
        n = (sizes or [300_000])[0]
        job([n])
        job([n], 50_000, TEMPLATES)
    else:
        sys.exit(f"no bench {what!r}: kernels, exact, found, hot, job or batch")

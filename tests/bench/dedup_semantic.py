"""Semantic dedup of clip embeddings: the job's own search, in CPU seconds, and its recall against all pairs.

    python tests/bench/dedup_semantic.py [CLIPS] [WIDTH] [here|spark] [topics]

On Spark the vectors are cut into cells however few they are. Vectors are Gaussian round a common mean (two unrelated ones have a
cosine of 0.42), a fifth are copies of others at a cosine of 0.93 to 1. That is the hardest case for cells: unrelated vectors lie in no
clusters. Recall is measured over the pairs of 4,000 clips with all. With `topics` unrelated vectors of one of 300 topics have a cosine of
0.85, as pictures of one subject do. CPU seconds as in `dedup_text.py`; on Spark its start is left out.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from jobs.dedup import embeddings, semantic
from jobs.dedup import job as dedup_job
from jobs.lake import Lake, Version
from schemas import CLIPS, REJECTS
from schemas.loading import load

sys.path.insert(0, str(Path(__file__).parent))
from dedup_text import Meter

THRESHOLD, ASKED = 0.95, 4000


def vectors(n: int, width: int, seed: int = 3, topics: int = 0) -> np.ndarray:
    """Unit vectors with planted copies, in the 16-bit floats that are stored."""
    rng = np.random.default_rng(seed)
    mean = rng.normal(size=width).astype("f4")
    made = 0.65 * mean / np.linalg.norm(mean) + 0.76 * rng.normal(size=(n, width)).astype("f4") / np.sqrt(width)
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    if topics:
        made = made[rng.zipf(1.5, n) % topics] + 0.42 * rng.normal(size=(n, width)).astype("f4") / np.sqrt(width)
        made /= np.linalg.norm(made, axis=1, keepdims=True)
    copies = rng.choice(n, n // 5, replace=False)
    model = made[rng.integers(0, n, len(copies))]
    aside = rng.normal(size=model.shape).astype("f4")
    aside -= (aside * model).sum(axis=1, keepdims=True) * model
    cosine = rng.uniform(0.93, 1, (len(copies), 1)).astype("f4")
    made[copies] = cosine * model + np.sqrt(1 - cosine**2) * aside / np.linalg.norm(aside, axis=1, keepdims=True)
    return made.astype("f2")


def nodes_of(made: np.ndarray) -> dedup_job.Nodes:
    """Clips with those vectors in a lake of their own."""
    lake, step, files = Lake(tempfile.mkdtemp(prefix="reelmill-bench-")), 20_000, []
    for first in range(0, len(made), step):
        ids = [f"{i:08d}" for i in range(first, min(first + step, len(made)))]
        given = {"clip_id": ids, "source_id": ids, "source_sha256": ids, "modality": ["video"] * len(ids),
                 **{name: [0.0] * len(ids) for name in ("start_s", "end_s", "duration_s")}}
        files.append(lake.write_part(CLIPS, "given", f"{first:09d}.parquet", pa.table(
            [pa.array(given[f.name], f.type) if f.name in given else pa.nulls(len(ids), f.type) for f in CLIPS.schema], CLIPS.schema)))
    clips = Version(lake, CLIPS, "given", {"rows": len(made), "files": files})
    at = 0
    for piece in clips.slices():
        part = made[at:at + piece.rows]
        at += piece.rows
        column = pa.ListArray.from_arrays(np.arange(len(part) + 1, dtype="i4") * part.shape[1], pa.array(part.ravel()))
        sink = pa.BufferOutputStream()
        pq.write_table(pa.table([column], embeddings.SCHEMA), sink)
        lake.put(sink.getvalue().to_pybytes(), embeddings.FOLDER, "given", embeddings._name(piece))
    nodes = dedup_job.nodes_of(clips, Version(lake, REJECTS, "none", {"rows": 0, "files": []}), load([]).recipe.dedup)
    return dedup_job.replace(nodes, embeddings="given")


def main(n: int, width: int, where: str, topics: int = 0) -> None:
    settings = load([f"dedup.cosine={THRESHOLD}", "runtime.master=local[2]"])
    made = vectors(n, width, topics=topics)
    nodes = nodes_of(made)
    exchange, parts = dedup_job.here, 1
    if where == "spark":
        from jobs.spark import session

        spark = session(settings.runtime)
        spark.range(2).mapInArrow(lambda batches: batches, "id long").count()
        exchange, parts, semantic.HERE = dedup_job.on_spark(spark), 8, 0
        semantic.EXACT = 0
    with Meter() as meter:
        proofs = dedup_job.alike_in_meaning(nodes, np.arange(n), settings.recipe.dedup, exchange, parts)
    row = np.array([int(i) for i in nodes.clips["clip_id"].to_pylist()])
    found = np.sort(row[proofs["src"].to_numpy()] * n + row[proofs["dst"].to_numpy()])
    unit = made.astype("f4")
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    true = hit = 0
    for some in np.array_split(np.sort(np.random.default_rng(0).choice(n, min(n, ASKED), replace=False)), 8):
        a, b = np.nonzero(unit[some] @ unit.T >= THRESHOLD)
        a = some[a]
        pairs = np.minimum(a, b)[a != b] * n + np.maximum(a, b)[a != b]
        swapped = np.maximum(a, b)[a != b] * n + np.minimum(a, b)[a != b]
        true += len(pairs)
        hit += int((np.isin(pairs, found) | np.isin(swapped, found)).sum())
    wrong = int((np.einsum("ij,ij->i", unit[found // n], unit[found % n]) < THRESHOLD - semantic.ROUNDING).sum())
    print(f"{n:,} x {width} at {THRESHOLD}, {where}{f', {topics} topics' if topics else ''}: {meter.cpu_s:.1f} CPU s, {proofs.num_rows:,} pairs, {wrong} of them wrong, "
          f"recall {hit / max(1, true):.4f} of {true:,}, peak {meter.peak / 2**30:.2f} GB")


if __name__ == "__main__":
    numbers = [int(x) for x in sys.argv[1:] if x.isdigit()]
    main(*(numbers + [100_000, 512][len(numbers):]), "spark" if "spark" in sys.argv else "here", 300 if "topics" in sys.argv else 0)

"""Dedup as a job: clips and what was rejected so far in, duplicates and their rejects out. All the Spark of it is here.

The driver holds, per clip, its id, its source and its place in the keep order (about 100 bytes), and the candidate pairs
(16 bytes each); texts, hashes and fingerprints stay on the workers and never pass through the JVM as rows: what is
shuffled is packed bytes. Up to `SMALL` clips the same passes run without Spark.
"""

import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from jobs.dedup import embeddings, graph, index, keeper, passes, semantic
from jobs.dedup.match import KINDS, Kind
from jobs.dedup.nodes import Nodes, nodes_of
from jobs.job import Job, Part, maker
from jobs.lake import Lake, Version
from jobs.parents import generation
from jobs.run import Run
from schemas import CLIPS, DUPLICATES, REJECTS
from schemas.settings import Dedup, Label, Recipe, Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SMALL = 20_000
"""Clips up to which a shuffle would cost more to plan than to do."""
BYTES_PER_PART = 64 << 20
"""Rows of buckets that make one part of a shuffle; to sort and compare them takes several times as much."""
TEXT_BYTES, CLIP_BYTES, BYTES_PER_S = 400, 8_000, 4_600
"""Bytes of such rows: of a text or caption in bands; of a picture, by 11 hashes in 28 buckets; of a second of sound or film, of which that
has two samples of three hashes."""
PAIRS_PER_SHARE = 200_000
"""Pairs that one task proves, fewer of kinds of greater weight."""
KNOWN_PER_CLIP = 20
"""Clips of an index that cost as much as a new one."""
BUNDLES_PER_CORE = 3
"""Tasks of Spark a core and map phase: each costs some 0.1 CPU seconds before it starts, however little it does."""
LOSERS_PER_PART = 500_000
DRIVER_PAIRS = 50_000_000
"""Pairs up to which the driver finds components itself (scipy, about 1.5 us and 60 bytes a pair): far cheaper than Spark's."""

Map = Callable[[Any], passes.Blobs]
Reduce = Callable[[int, Sequence[bytes]], pa.Table]
Exchange = Callable[[Sequence[Any], Map, Reduce, int, pa.Schema], pa.Table]
"""Tasks through a map function, their bytes to their parts, every part through a reduce function."""


# ---- moving bytes


def here(tasks: Sequence[Any], map_: Map, reduce_: Reduce, parts: int, schema: pa.Schema) -> pa.Table:
    """An Exchange in this process."""
    held: dict[int, list[bytes]] = {}
    for task in tasks:
        for part, blob in map_(task):
            held.setdefault(part, []).append(blob)
    return pa.concat_tables([schema.empty_table(), *(reduce_(p, held.pop(p)) for p in sorted(held))])


def on_spark(spark: "SparkSession") -> Exchange:
    """An Exchange on Spark."""

    def exchange(tasks: Sequence[Any], map_: Map, reduce_: Reduce, parts: int, schema: pa.Schema) -> pa.Table:
        from pyspark.sql.pandas.types import from_arrow_schema

        def mapped(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in batches:
                for task in batch["task"]:
                    blobs = list(map_(pickle.loads(task.as_py())))
                    columns = [pa.array([p for p, _ in blobs], pa.int32()), pa.array([b for _, b in blobs], pa.binary())]
                    yield pa.record_batch(columns, names=["part", "blob"])

        def reduced(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            held: dict[int, list[bytes]] = {}
            for batch in batches:
                for part, blob in zip(batch["part"].to_pylist(), batch["blob"].to_pylist(), strict=True):
                    held.setdefault(part, []).append(blob)
            for part in sorted(held):
                yield from reduce_(part, held.pop(part)).cast(schema).to_batches()

        if not tasks:
            return schema.empty_table()
        packed = pa.array([pickle.dumps(t) for t in tasks], pa.binary())
        bundles = min(len(tasks), BUNDLES_PER_CORE * spark.sparkContext.defaultParallelism)
        plan = pa.table({"task": packed, "at": np.arange(len(tasks), dtype="i4") % bundles})
        blobs = spark.createDataFrame(plan).repartitionById(bundles, "at").mapInArrow(mapped, "part int, blob binary")
        made = blobs.repartitionById(parts, "part").mapInArrow(reduced, from_arrow_schema(schema))
        return made.toArrow().cast(schema)

    return exchange


def components_by(settings: Settings) -> graph.Components:
    """`graph.components`, on Spark beyond DRIVER_PAIRS."""

    def components(src: NDArray[np.int64], dst: NDArray[np.int64]) -> graph.Pairs:
        if len(src) <= DRIVER_PAIRS:
            return graph.components(src, dst)
        from jobs.spark import session

        return components_on_spark(session(settings.runtime), src, dst)

    return components


def components_on_spark(spark: "SparkSession", src: NDArray[np.int64], dst: NDArray[np.int64]) -> graph.Pairs:
    """`graph.components` on Spark: large-star and small-star in turn (Kiveris et al. 2014) until nothing changes.

    Edges are contracted within each partition first; the driver holds the edges and the result, no working memory.
    """
    from pyspark.sql import DataFrame
    from pyspark.sql import functions as F

    def contract(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        rows = pa.Table.from_batches(list(batches), pa.schema([("a", pa.int64()), ("b", pa.int64())]))
        node, least = graph.components(rows["a"].to_numpy(), rows["b"].to_numpy())
        yield pa.record_batch([pa.array(node), pa.array(least)], names=["a", "b"])

    def stars(edges: DataFrame, large: bool) -> DataFrame:
        """Join the greater (large star) or the lesser neighbours of every node `a`, and itself, to the least of them."""
        both = edges.union(edges.select(F.col("b").alias("a"), F.col("a").alias("b"))) if large else edges
        least = both.groupBy("a").agg(F.min("b").alias("m")).withColumn("m", F.least("a", "m"))
        joined = both.join(least, "a")
        far = joined.where("b > a") if large else joined
        found = far.select(F.col("b").alias("a"), F.col("m").alias("b"))
        if not large:
            found = found.union(least.select("a", F.col("m").alias("b")))
        return found.where("a <> b").select(F.greatest("a", "b").alias("a"), F.least("a", "b").alias("b")).distinct()

    given = spark.createDataFrame(pa.table({"a": src, "b": dst}))
    edges = given.mapInArrow(contract, "a long, b long").where("a <> b").distinct().localCheckpoint()
    before = None
    while True:
        state = edges.agg(F.count("*"), F.sum(F.xxhash64("a", "b").cast("decimal(38,0)"))).first()
        if state == before:
            break
        before, edges = state, stars(stars(edges, large=True), large=False).localCheckpoint()
    found = edges.toArrow()
    node, least = found["a"].to_numpy(), found["b"].to_numpy()
    roots = np.setdiff1d(np.concatenate([src, dst]), node)
    node, least = np.concatenate([node, roots]), np.concatenate([least, roots])
    order = np.argsort(node)
    return node[order], least[order]


# ---- the passes


def equal(nodes: Nodes, exchange: Exchange, parts: int) -> NDArray[np.int64]:
    """The least node of equal content, of every node."""
    head = np.arange(len(nodes))
    text = nodes.of("text")
    for texts, of in ((True, np.flatnonzero(text)), (False, np.flatnonzero(~text))):
        found = exchange(nodes.cuts(of[of >= nodes.known]),
                         partial(passes.map_rows, rows=partial(passes.key_rows, texts=texts), parts=parts),
                         partial(passes.reduce_keys, texts=texts, known=nodes.shelves), parts, passes.HEADS)
        head[found["node"].to_numpy()] = found["head"].to_numpy()
    return head


def proven(kind: Kind, nodes: Nodes, head: NDArray[np.int64], dedup: Dedup, exchange: Exchange, parts: int,
           components: graph.Components = graph.components) -> pa.Table:
    """PROOFS of one kind, in order."""
    wanted = nodes.of(*kind.modalities)
    asked = np.flatnonzero(wanted & (head == np.arange(len(nodes)))) if kind.whole else np.flatnonzero(wanted)
    if len(asked) < 2:
        return passes.PROOFS.empty_table()
    known = np.arange(nodes.known)
    unasked = known[head[:nodes.known] != known] if kind.whole else known[:0]
    met = exchange(nodes.cuts(asked[asked >= nodes.known]),
                   partial(passes.map_rows, rows=partial(passes.bucket_rows, kind=kind.name, dedup=dedup), parts=parts),
                   partial(passes.reduce_buckets, kind=kind.name, dedup=dedup, known=nodes.shelves,
                           known_nodes=nodes.known, unasked=unasked), parts, passes.PAIRS)
    src, dst = graph.unique(met["src"].to_numpy(), met["dst"].to_numpy())
    may = nodes.may_be_same(src, dst)
    src, dst = src[may], dst[may]
    if not len(src):
        return passes.PROOFS.empty_table()
    share, (needed, needed_in) = graph.shares(src, dst, max(1, PAIRS_PER_SHARE // kind.weight), components)
    order = np.argsort(share, kind="stable")
    ends = np.cumsum(np.bincount(share))[:-1].tolist()
    asks = [passes.Ask(s, src[of], dst[of]) for s, of in enumerate(np.split(order, ends))]
    proofs = exchange([*nodes.cuts(needed, needed_in), *asks], partial(passes.map_evidence, kind=kind.name, dedup=dedup),
                      partial(passes.reduce_evidence, kind=kind.name, dedup=dedup), len(asks), passes.PROOFS)
    return proofs.sort_by([("src", "ascending"), ("dst", "ascending")])


def embedded(nodes: Nodes, settings: Settings) -> Nodes:
    """The same nodes with the vectors of all pictures and videos in reach; those that stand nowhere are made."""
    nodes = replace(nodes, embeddings=embeddings.home(nodes.version, settings.recipe.label))
    new = np.flatnonzero(nodes.of(*KINDS["semantic"].modalities) & (np.arange(len(nodes)) >= nodes.known))
    cuts = [cut for cut in nodes.cuts(new) if isinstance(cut, passes.Cut)]
    tasks = embeddings.missing(nodes.version.lake, nodes.version, cuts, settings.recipe.label)
    exchange: Exchange = here
    if len(tasks) > 1:  # a model is worth a core of its own, however few clips there are
        from jobs.spark import session

        exchange = on_spark(session(settings.runtime))
    exchange(tasks, partial(embeddings.make, settings=settings), embeddings.count, 1, embeddings.MADE)
    return nodes


def alike_in_meaning(nodes: Nodes, head: NDArray[np.int64], dedup: Dedup, exchange: Exchange, parts: int) -> pa.Table:
    """PROOFS of pairs whose embeddings are close; those of one modality in order, one after another."""
    asked = [np.flatnonzero(nodes.of(modality) & (head == np.arange(len(nodes)))) for modality in KINDS["semantic"].modalities]
    return pa.concat_tables([_alike_in_meaning(nodes, of, dedup, exchange, parts) for of in asked])


def _alike_in_meaning(nodes: Nodes, asked: NDArray[np.int64], dedup: Dedup, exchange: Exchange, parts: int) -> pa.Table:
    from threadpoolctl import threadpool_limits

    cuts, cells = nodes.cuts(asked), semantic.cells(len(asked))
    if len(asked) <= semantic.HERE:
        exchange, parts = here, 1
    centres = np.zeros((0, 0), np.float32)
    with threadpool_limits(1, "blas"):  # its threads wait busily for one another: twice the CPU seconds beside other work
        if cells > 1:
            rng = np.random.default_rng(semantic.SEED)
            some = np.sort(rng.choice(asked, min(len(asked), semantic.SAMPLE * cells), replace=False))
            sample = exchange(nodes.cuts(some), partial(passes.map_sample, dedup=dedup), passes.reduce_sample, 1, passes.VECTORS)
            centres = semantic.learn(semantic.unit(semantic.matrix(sample["vector"], sample["node"].to_numpy())[0]), cells)
        found = exchange([(cut, nodes.source[cut.nodes]) for cut in cuts], partial(passes.map_cells, centres=centres, dedup=dedup, parts=parts),
                         partial(passes.reduce_cells, dedup=dedup, known=nodes.known), parts, passes.PROOFS)
    src, dst = found["src"].to_numpy(), found["dst"].to_numpy()
    order = np.lexsort((dst, src))
    order = order[np.flatnonzero(np.diff(src[order], prepend=-1) | np.diff(dst[order], prepend=-1))]
    return found.take(pa.array(order))


def edges_of(nodes: Nodes, head: NDArray[np.int64], dedup: Dedup, exchange: Exchange, parts: int,
             components: graph.Components = graph.components) -> keeper.Edges:
    """All proven pairs of the methods in force."""
    found = [(i, kind, proven(kind, nodes, head, dedup, exchange, parts, components) if kind.file is not None
              else alike_in_meaning(nodes, head, dedup, exchange, parts))
             for i, kind in enumerate(KINDS.values()) if kind.method in dedup.methods]
    proofs = pa.concat_tables([passes.PROOFS.empty_table(), *(p for _, _, p in found)])
    return keeper.Edges(
        src=proofs["src"].to_numpy(), dst=proofs["dst"].to_numpy(), shift=proofs["shift"].to_numpy(),
        kind=np.concatenate([np.empty(0, np.int8), *(np.full(p.num_rows, i, np.int8) for i, _, p in found)]),
        score=proofs["score"].to_numpy(),
        whole=np.concatenate([np.empty(0, bool), *(np.full(p.num_rows, k.whole) for _, k, p in found)]),
    )


# ---- the rows


def verdicts(nodes: Nodes, head: NDArray[np.int64], edges: keeper.Edges, run: Run) -> Iterator[Part]:
    """Parts of `duplicates` and `rejects` in the order of the losers' ids; the last one counts the clips that stay."""
    dedup = run.settings.recipe.dedup
    stays, proof = keeper.settle(head, nodes.source, nodes.lasts, edges, nodes.known)
    losers = np.flatnonzero(stays >= 0)
    ids = nodes.clips["clip_id"]
    losers = losers[np.asarray(pc.sort_indices(ids.take(pa.array(losers))))]
    label, least_id = _clusters(ids, head, edges, components_by(run.settings))
    thresholds = np.array([kind.threshold(dedup) for kind in KINDS.values()])
    left = len(nodes) - nodes.known
    for first in range(0, len(losers), LOSERS_PER_PART):
        x = losers[first:first + LOSERS_PER_PART]
        k, e = stays[x], proof[x]
        methods, scores = _methods(e, edges)
        loser_ids, keeper_ids = ids.take(pa.array(x)), ids.take(pa.array(k))
        duplicates = pa.table({
            "loser_id": loser_ids, "keeper_id": keeper_ids, "method": methods, "score": scores,
            "cluster_id": least_id.take(pa.array(label[x])),
            "offset_s": pa.array(_offsets(x, k, e, head, edges, nodes), from_pandas=True),
            "matched_in": nodes.clips["matched_in"].take(pa.array(k)),
            "evidence": _evidence(x, k, e, head, edges, ids),
        })
        rejects = run.rejects([
            {"sample_id": loser, "source_id": source, "check": method, "value": score, "op": ">=", "threshold": threshold,
             "reason": "duplicate", "detail": f"keeper {kept}"}
            for loser, source, method, score, threshold, kept in zip(
                loser_ids.to_pylist(), nodes.clips["source_id"].take(pa.array(x)).to_pylist(), methods, scores.tolist(),
                np.where(e < 0, 1.0, thresholds[edges.kind[e]] if len(edges.kind) else 1.0).tolist(), keeper_ids.to_pylist(),
                strict=True)
        ])
        last = first + LOSERS_PER_PART >= len(losers)
        seen = left if last else len(x)
        left -= seen
        yield Part({DUPLICATES.name: DUPLICATES.conform(duplicates), REJECTS.name: rejects}, seen=seen, kept=seen - len(x))
    if left:
        yield Part({}, seen=left, kept=left)


def _methods(proof: NDArray[np.int64], edges: keeper.Edges) -> tuple[list[str], NDArray[np.float64]]:
    names = [kind.method for kind in KINDS.values()]
    return (["exact" if e < 0 else names[edges.kind[e]] for e in proof.tolist()],
            np.where(proof < 0, 1.0, edges.score[proof] if len(edges.score) else 1.0))


def _clusters(ids: pa.ChunkedArray, head: NDArray[np.int64], edges: keeper.Edges, components: graph.Components,
              ) -> tuple[NDArray[np.int64], pa.Array]:
    """The component of every node, as a place in the second result: the least clip id of each component."""
    alone = np.flatnonzero(head != np.arange(len(head)))
    members, of = components(np.concatenate([alone, edges.src]), np.concatenate([head[alone], edges.dst]))
    label = np.full(len(head), -1)
    label[members] = np.unique(of, return_inverse=True)[1]
    least = pa.table({"label": label[members], "id": ids.take(pa.array(members))}).group_by("label").aggregate([("id", "min")])
    return label, least.sort_by("label")["id_min"]


def _offsets(x: NDArray[np.int64], k: NDArray[np.int64], proof: NDArray[np.int64], head: NDArray[np.int64],
             edges: keeper.Edges, nodes: Nodes) -> NDArray[np.float64]:
    """Loser time minus keeper time in the presentation times of their sources; NaN where unknown or without time."""
    start = nodes.clips["start_s"].to_numpy()
    out = start[x] - start[k]
    near = np.flatnonzero(proof >= 0)
    if len(near):
        e = proof[near]
        a, b = _compared(x, head, proof, edges)[near], _compared(k, head, proof, edges)[near]
        shift = np.where(edges.src[e] == a, edges.shift[e], -edges.shift[e])
        out[near] = shift + (start[x[near]] - start[a]) - (start[k[near]] - start[b])
    return np.where(nodes.of("video", "audio")[x], np.round(out, 6) + 0.0, np.nan)


def _compared(of: NDArray[np.int64], head: NDArray[np.int64], proof: NDArray[np.int64], edges: keeper.Edges) -> NDArray[np.int64]:
    """The clips that were compared for some clips: their heads where the proof is of content."""
    if not len(edges.whole):
        return of
    return np.where((proof >= 0) & edges.whole[proof], head[of], of)


def _evidence(x: NDArray[np.int64], k: NDArray[np.int64], proof: NDArray[np.int64], head: NDArray[np.int64],
              edges: keeper.Edges, ids: pa.ChunkedArray) -> pa.ChunkedArray:
    """The chain of each loser: through the clips of equal content that were compared for the two, where they were others."""
    methods, scores = _methods(proof, edges)
    values, at = np.unique(scores, return_inverse=True)
    near = pc.binary_join_element_wise(pa.array(methods), pa.array([f"{v:.4g}" for v in values]).take(pa.array(at)), " ")
    a, b = _compared(x, head, proof, edges), _compared(k, head, proof, edges)

    def name(of: NDArray[np.int64], unless: NDArray[np.int64] | None = None) -> pa.Array:
        named = ids.take(pa.array(of)).cast(pa.string()).combine_chunks()
        return named if unless is None else pc.if_else(pa.array(of == unless), None, named)

    return pc.binary_join_element_wise(
        name(x), pc.binary_join_element_wise(" -exact 1- ", name(a, x), ""), pc.binary_join_element_wise(" -", near, "- ", ""),
        name(b), pc.binary_join_element_wise(" -exact 1- ", name(k, b), ""), "", null_handling="skip")


def parts_of(nodes: Nodes, dedup: Dedup) -> int:
    """Into how many parts the rows of all buckets go."""
    seen = ~nodes.of("text")
    seconds = float(nodes.lasts[seen].sum())
    seen_bytes = (CLIP_BYTES * int(seen.sum()) + BYTES_PER_S * seconds) * (8 if dedup.turned else 1)
    return 1 + int((TEXT_BYTES * len(nodes) + seen_bytes) // BYTES_PER_PART)


def moved(nodes: Nodes, settings: Settings) -> tuple[Exchange, int]:
    """How bytes move for the clips that take part, and into how many parts."""
    parts = parts_of(nodes, settings.recipe.dedup)
    if len(nodes) - nodes.known + nodes.known // KNOWN_PER_CLIP <= SMALL:
        return here, parts
    from jobs.spark import session

    return on_spark(session(settings.runtime)), parts


def dedup(run: Run) -> None:
    """Find the duplicates among the clips that nothing rejected so far."""
    recipe, label = run.settings.recipe.dedup, run.settings.recipe.label
    clips = run.input(CLIPS)
    meaning = embeddings.identity(label) if "semantic" in recipe.methods else None
    known = index.standing(run.lake, recipe, clips.fingerprint, meaning) if recipe.across_releases else ()
    nodes = nodes_of(clips, run.input(REJECTS), recipe, known)
    if meaning:
        nodes = embedded(nodes, run.settings)
    exchange, parts = moved(nodes, run.settings)
    head = equal(nodes, exchange, parts) if "exact" in recipe.methods else np.arange(len(nodes))
    for part in verdicts(nodes, head, edges_of(nodes, head, recipe, exchange, parts, components_by(run.settings)), run):
        run.put(part)


def remember(lake: Lake, release: str, clips: Version, rejects: Version, dedup: Dedup, label: Label | None = None) -> None:
    """Write the index of a release: of the clips that are not among the rejects, with their vectors if dedup compared these.

    `label` names the model of the vectors; it is needed with `semantic` alone.
    """
    nodes, settings = nodes_of(clips, rejects, dedup), Settings(recipe=Recipe(dedup=dedup, label=label or Label()))
    meaning = None
    if "semantic" in dedup.methods and label is not None:
        meaning = embeddings.identity(label)
        nodes = embedded(nodes, settings)
    exchange, parts = moved(nodes, settings)
    writer, tasks, first = index.Writer(lake.root, release, dedup, parts), [], 0
    for i, cut in enumerate(cut for cut in nodes.cuts(np.arange(len(nodes))) if isinstance(cut, passes.Cut)):
        tasks.append((f"{i:05d}", replace(cut, nodes=np.arange(first, first + len(cut.rows_)))))
        first += len(cut.rows_)
    shelved = exchange(tasks, writer.map, writer.reduce, parts * len(index.SHELVES), index.SHELVED)
    index.finish(lake, release, clips.fingerprint, [name for name, _ in tasks], shelved, writer, meaning)


def _outside(settings: Settings) -> Mapping[str, str]:
    """The model of the vectors and the state of the index bear identity where they are asked for."""
    dedup, facts = settings.recipe.dedup, {}
    if "semantic" in dedup.methods:
        facts["embedding"] = embeddings.identity(settings.recipe.label)
    if dedup.across_releases:
        lake, by = Lake(settings.runtime.lake), maker(CLIPS, "dedup")
        facts |= index.state(lake, generation(DEDUP, lake).get(by) if by else None)
    return facts


DEDUP = Job("dedup", reads=(CLIPS, REJECTS), writes=(DUPLICATES, REJECTS), code=10, recipe=("dedup",), run=dedup,
            outside=_outside)

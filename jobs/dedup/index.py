"""What dedup remembers of a release, so that a later batch is matched against it without its texts or media.

`_dedup_index/<release>/` of the lake holds, for every part of the clips that the release kept, who they are and what proves
pairs of them; and on shelves, by ranges of buckets and in their order, all rows of their keys of equality and of each kind of
evidence. A later batch reads of the shelves what its own buckets may meet, and nothing of the index is shuffled.
`index.json` is written last and names the parameters that all of it depends on; an index written with others is refused. A
source that was taken down is named there too and takes no part any more. The index of a release that is gone counts no more
and is removed with the next one that is written. A clip that several releases hold counts once, for the first of them.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from jobs.clean.measures import measurements
from jobs.dedup import audio, graph, match, minhash, passes, perceptual, stills
from jobs.dedup.match import KINDS, Rows
from jobs.errors import Terminal
from jobs.lake import Lake
from jobs.version import digest
from schemas.settings import Dedup

FOLDER, FACTS = "_dedup_index", "index.json"
RELEASES, RELEASE = "releases", "release.json"
"""Where a release says that it stands (`jobs.fuse.release`)."""
ENTRIES = pa.schema([("clip_id", pa.string()), ("source_id", pa.string()), ("modality", pa.string()),
                     ("start_s", pa.float64()), ("duration_s", pa.float64())])
LAYOUT = 6
"""Raised when the files of an index hold something else."""
SHELVES = ("text-keys", "media-keys", *(f"{kind.name}.rows" for kind in KINDS.values() if kind.file is not None))
ROWS_PER_GROUP, CLIPS_PER_GROUP = 1 << 16, 1 << 8
"""Rows of a shelf and clips of a part that are read together: about a megabyte, or of four pictures a clip ten."""
SHELVED = pa.schema([("shelf", pa.string()), ("part", pa.int64())])


def parameters(dedup: Dedup, embedding: str | None = None) -> dict[str, object]:
    """All that bucket rows and evidence depend on; `embedding` as `jobs.dedup.embeddings.identity` names it, None without."""
    bands, rows = minhash.banding(dedup.threshold, dedup.permutations, dedup.recall_weight)
    return {
        "layout": LAYOUT, "scheme": "affine32", "seed": minhash.SEED, "tokeniser": minhash.TOKENISER, "permutations": dedup.permutations,
        "bands": bands, "rows": rows, "shingle": dedup.shingle, "caption_shingle": match.caption_shingle(dedup),
        "min_caption_words": dedup.min_caption_words, "phash_blocks": len(perceptual.BLOCK_PAIRS), "phash": measurements()["phash"].version, "turned": dedup.turned, "still_quality": stills.QUALITY,
        "sketch": measurements()["sketch"].version, "fingerprint": measurements()["fingerprint"].version, "audio_keys": audio.KEYS, "embedding": embedding,
    }


@dataclass(frozen=True)
class Known:
    """Clips of one part of an index (see `passes.Clips`): their places in it and their nodes."""

    root: str
    release: str
    name: str
    entries: NDArray[np.int64]
    nodes: NDArray[np.int64]
    shares: NDArray[np.int64] | None = None

    def evidence(self, kind: str, dedup: Dedup) -> pa.Table:
        lake = Lake(self.root)
        with lake.parquet(lake.path(FOLDER, self.release, f"{self.name}.{kind}.evidence.parquet")) as file:
            of, at = np.unique(self.entries // CLIPS_PER_GROUP, return_inverse=True)
            found = file.read_row_groups(of.tolist())
        return found.take(pa.array(at * CLIPS_PER_GROUP + self.entries % CLIPS_PER_GROUP))


@dataclass(frozen=True)
class Shelves:
    """The rows of one release, to be read from anywhere.

    Attributes:
        root, release: Which.
        filed: Of each shelf its parts that have rows, and how many parts there are.
        first: Node of the first clip of the release that takes part.
        absent: Entries of the release that take none, ascending.
    """

    root: str
    release: str
    filed: Mapping[str, Sequence[int]]
    parts: int
    first: int
    absent: NDArray[np.int64]

    def rows(self, shelf: str, buckets: NDArray[np.uint64], at: int) -> Rows:
        """Rows whose first word is one of `buckets` (ascending, each once), with nodes in column `at`."""
        lake, found = Lake(self.root), []
        asked = np.unique(passes.part_of(buckets, self.parts))
        for part in sorted({*asked.tolist()} & {*self.filed.get(shelf, ())}):
            with lake.parquet(lake.path(FOLDER, self.release, f"{shelf}.{part:05d}.parquet")) as file:
                if not file.metadata.num_rows:  # all of it was erased
                    continue
                ranges = [file.metadata.row_group(g).column(0).statistics for g in range(file.metadata.num_row_groups)]
                first = np.searchsorted(buckets, np.array([r.min for r in ranges], np.uint64))
                last = np.searchsorted(buckets, np.array([r.max for r in ranges], np.uint64), side="right")
                for group in np.flatnonzero(first < last).tolist():
                    words = file.read_row_group(group).columns
                    met = np.flatnonzero(graph.among(words[0].to_numpy(), buckets[first[group]:last[group]]))
                    found.append(np.column_stack([word.to_numpy()[met] for word in words]).astype(np.uint64))
        if not found:
            return np.empty((0, at + 1), np.uint64)
        rows = np.concatenate(found)
        entry = rows[:, at].astype(np.int64)
        before = np.searchsorted(self.absent, entry)
        rows[:, at] = (self.first + entry - before).astype(np.uint64)
        there = self.absent[np.minimum(before, len(self.absent) - 1)] != entry if len(self.absent) else np.ones(len(entry), bool)
        return np.asarray(rows[there])


@dataclass(frozen=True)
class Standing:
    """One part of an index that stands: its clips, and which of them still take part.

    Attributes:
        root, release, name: Which.
        clips: ENTRIES.
        taking_part: Rows of these.
        first: Number of the first of them among the entries of the release.
        filed, parts: As of `Shelves`.
    """

    root: str
    release: str
    name: str
    clips: pa.Table
    taking_part: NDArray[np.int64]
    first: int
    filed: Mapping[str, Sequence[int]]
    parts: int


def shelves(standing: Sequence[Standing]) -> tuple[Shelves, ...]:
    """The rows of all releases of which parts stand, whose nodes follow one another."""
    found, base = [], 0
    for _, run in groupby(standing, key=lambda part: part.release):
        of = list(run)
        there = np.concatenate([part.first + part.taking_part for part in of])
        absent = np.setdiff1d(np.arange(of[-1].first + of[-1].clips.num_rows), there, assume_unique=True)
        found.append(Shelves(of[0].root, of[0].release, of[0].filed, of[0].parts, base, absent))
        base += len(there)
    return tuple(found)


def standing(lake: Lake, dedup: Dedup, clips: str | None = None, embedding: str | None = None) -> list[Standing]:
    """All parts of the releases that stand, oldest name first.

    Args:
        lake: Where.
        dedup: Settings in force.
        clips: A version of `clips` whose own releases do not count: they are no earlier ones.
        embedding: Identity of the vectors that are compared; None where none are, and an index may hold any.

    Raises:
        Terminal: an index was written with other parameters; the message says which differ.
    """
    found: list[Standing] = []
    for release, facts in _indexes(lake, clips).items():
        wanted = json.loads(json.dumps(parameters(dedup, embedding or facts["parameters"].get("embedding"))))
        if differ := sorted(k for k in {*wanted, *facts["parameters"]} if wanted.get(k) != facts["parameters"].get(k)):
            words = ", ".join(f"{k} is {facts['parameters'].get(k)!r} there and {wanted.get(k)!r} here" for k in differ)
            raise Terminal(f"the dedup index of release {release} was written with other parameters: {words}; run with the same "
                           f"settings, or remove {lake.url(FOLDER, release)} and match against that release no more")
        first = 0
        for name in facts["parts"]:
            entries = _read(lake, release, f"{name}.entries")
            gone = pc.or_(pc.is_in(entries["source_id"], value_set=pa.array(facts["gone"], pa.string())), pc.is_null(entries["clip_id"]))
            found.append(Standing(lake.root, release, name, entries, np.flatnonzero(~np.asarray(gone)), first,
                                  facts["filed"], facts["shelf_parts"]))
            first += entries.num_rows
    return _each_once(found)


def _each_once(parts: Sequence[Standing]) -> list[Standing]:
    """Clips that take part in several parts take part in the first alone."""
    if not parts:
        return []
    ids = [part.clips["clip_id"].take(pa.array(part.taking_part)) for part in parts]
    every = pa.chunked_array([c for i in ids for c in i.chunks], pa.string()).cast(pa.large_string()).dictionary_encode()
    codes = np.concatenate([np.empty(0, np.int32), *(np.asarray(chunk.indices) for chunk in every.chunks)])
    first = np.zeros(len(codes), bool)
    first[np.unique(codes, return_index=True)[1]] = True
    ends = np.cumsum([len(i) for i in ids])[:-1].tolist()
    return [replace(part, taking_part=part.taking_part[mine]) for part, mine in zip(parts, np.split(first, ends), strict=True)]


def state(lake: Lake, clips: str | None = None) -> Mapping[str, str]:
    """What the index holds, for the identity of a version that was matched against it; `clips` as for `standing`."""
    return {f"index@{release}": digest(facts)[:12] for release, facts in _indexes(lake, clips).items()}


def _indexes(lake: Lake, clips: str | None) -> dict[str, dict[str, Any]]:
    """Facts of the index of every release that stands and was not made of these clips."""
    found = {release: lake.read_json(FOLDER, release, FACTS) for release in lake.names(FOLDER)
             if lake.read_json(RELEASES, release, RELEASE) is not None}
    return {release: facts for release, facts in found.items() if facts is not None and (clips is None or facts["clips"] != clips)}


@dataclass(frozen=True)
class Writer:
    """Writes the index of a release: `map` the parts, `reduce` the shelves (`jobs.dedup.job.Exchange`).

    Attributes:
        root, release: Where.
        dedup: Settings in force.
        parts: Of each shelf.
    """

    root: str
    release: str
    dedup: Dedup
    parts: int

    def map(self, task: tuple[str, passes.Cut]) -> passes.Blobs:
        """Write one part, of a cut whose nodes are the numbers of its entries; its rows are sent to their shelves."""
        name, cut = task
        entries = cut.read(ENTRIES.names).select(ENTRIES.names).cast(ENTRIES)
        modality = np.asarray(entries["modality"].to_pylist(), object)

        def some(which: NDArray[np.bool_]) -> passes.Cut:
            return replace(cut, rows_=cut.rows_[which], nodes=cut.nodes[which])

        self._put(f"{name}.entries", entries, CLIPS_PER_GROUP)
        made = {}
        for texts in (True, False):
            part = some((modality == "text") == texts)
            if len(part.nodes):
                made[passes.keys_of(texts)] = part.keys(texts=texts)
        for kind in KINDS.values():
            part = some(np.isin(modality, kind.modalities))
            if not len(part.nodes) or ("vector" in kind.proof and cut.embeddings is None):
                continue  # nobody will ask
            self._put(f"{name}.{kind.name}.evidence", cut.evidence(kind.name, self.dedup), CLIPS_PER_GROUP)
            if kind.file is not None:
                made[f"{kind.name}.rows"] = part.rows(kind.name, self.dedup)
        for shelf, rows in made.items():
            for at, blob in passes.spread(rows, self.parts):
                yield SHELVES.index(shelf) * self.parts + at, blob

    def reduce(self, part: int, blobs: Sequence[bytes]) -> pa.Table:
        """Write one part of one shelf: its rows in the order of their buckets. SHELVED: which."""
        shelf, at = SHELVES[part // self.parts], part % self.parts
        rows = passes.gather(blobs, 3 if shelf.endswith("keys") else KINDS[shelf.removesuffix(".rows")].width)
        rows = rows[np.lexsort(rows.T[::-1])]
        self._put(f"{shelf}.{at:05d}", pa.table({f"w{i}": np.ascontiguousarray(rows[:, i]) for i in range(rows.shape[1])}), ROWS_PER_GROUP)
        return pa.table([[shelf], [at]], schema=SHELVED)

    def _put(self, what: str, table: pa.Table, group: int) -> None:
        _put(Lake(self.root), self.release, what, table, group)


def finish(lake: Lake, release: str, clips: str, parts: Sequence[str], shelved: pa.Table, writer: Writer, embedding: str | None = None) -> None:
    """Let an index stand that a Writer wrote: of a version of `clips`, its parts by name, SHELVED; `embedding` is the identity of
    the vectors, None where there are none. What is left of releases that are gone is removed."""
    for other in lake.names(FOLDER):
        if other != release and lake.read_json(RELEASES, other, RELEASE) is None:
            drop(lake, other)
    filed: dict[str, list[int]] = {}
    for row in shelved.sort_by([("shelf", "ascending"), ("part", "ascending")]).to_pylist():
        filed.setdefault(row["shelf"], []).append(row["part"])
    lake.write_json({"parameters": parameters(writer.dedup, embedding), "parts": list(parts), "filed": filed, "shelf_parts": writer.parts,
                     "gone": [], "clips": clips}, FOLDER, release, FACTS)


def stands(lake: Lake, release: str) -> bool:
    """Whether a release has its index."""
    return lake.read_json(FOLDER, release, FACTS) is not None


def drop(lake: Lake, release: str) -> None:
    """Forget a release."""
    lake.remove(FOLDER, release, FACTS)
    lake.remove(FOLDER, release)


def forget(lake: Lake, sources: Collection[str], *, erase: bool = False) -> list[str]:
    """Forget sources that were taken down; with `erase` nothing of them is left in any file.

    Returns:
        The releases that knew any of them.
    """
    touched = []
    for release in lake.names(FOLDER):
        facts = lake.read_json(FOLDER, release, FACTS)
        if facts is None:
            continue
        held = {name: np.flatnonzero(pc.is_in(_read(lake, release, f"{name}.entries")["source_id"], value_set=pa.array(sorted(sources), pa.string())))
                for name in facts["parts"]}
        if not any(map(len, held.values())):
            continue
        gone = {s for name, at in held.items() for s in _read(lake, release, f"{name}.entries")["source_id"].take(pa.array(at)).to_pylist()}
        if erase or gone - set(facts["gone"]):
            lake.write_json(facts | {"gone": sorted({*facts["gone"], *gone})}, FOLDER, release, FACTS)
            touched.append(release)
        if erase:
            _erase(lake, release, facts, held)
    return touched


def _erase(lake: Lake, release: str, facts: Mapping[str, Any], held: Mapping[str, NDArray[np.int64]]) -> None:
    """Take some rows of each part, and what is on the shelves of them, out of the files; places stay, with nothing in them. Entries
    last: they tell what is left to do if this is cut short."""
    first, entries = 0, []
    for name, at in held.items():
        entries.append(first + at)
        first += _read(lake, release, f"{name}.entries").num_rows
    wanted = np.concatenate(entries)
    for shelf, parts in facts["filed"].items():
        for part in parts:
            rows = _read(lake, release, f"{shelf}.{part:05d}")
            entry = rows.column(2 if shelf.endswith("keys") else 1)
            if (left := ~np.isin(entry.to_numpy(), wanted)).all():
                continue
            _put(lake, release, f"{shelf}.{part:05d}", rows.filter(pa.array(left)), ROWS_PER_GROUP)
    for what in (*(f"{kind}.evidence" for kind in KINDS), "entries"):
        for name, at in held.items():
            if len(at) and lake.fs.exists(lake.path(FOLDER, release, f"{name}.{what}.parquet")):
                table = _read(lake, release, f"{name}.{what}")
                places = np.arange(table.num_rows)
                kept = pa.array(places, mask=np.isin(places, at))
                filled = [column if field.nullable else pc.fill_null(column, pa.scalar(0, field.type))  # times, which may not be missing
                          for field, column in zip(table.schema, table.take(kept).columns, strict=True)]
                _put(lake, release, f"{name}.{what}", pa.table(filled, schema=table.schema), CLIPS_PER_GROUP)


def _put(lake: Lake, release: str, what: str, table: pa.Table, group: int) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, row_group_size=group, compression="zstd" if what.endswith("entries") else "none", use_dictionary=False)
    lake.put(sink.getvalue().to_pybytes(), FOLDER, release, f"{what}.parquet")


def _read(lake: Lake, release: str, what: str) -> pa.Table:
    with lake.parquet(lake.path(FOLDER, release, f"{what}.parquet")) as file:
        return file.read()

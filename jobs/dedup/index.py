"""What dedup remembers of a release, so that a later batch is matched against it without its texts or media.

`_dedup_index/<release>/` of the lake holds, for every part of the clips that the release kept: who they are, their keys of
equality, and for each kind of evidence its bucket rows and what proves a pair. `index.json` is written last and names the
parameters that all of it depends on; an index written with others is refused. A source that was taken down is named
there too and takes no part any more. The index of a release that is gone counts no more and is removed with the next one
that is written. A clip that several releases hold counts once, for the first of them.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from jobs.dedup import audio, match, minhash, passes, perceptual, stills
from jobs.dedup.match import KINDS, Rows
from jobs.errors import Terminal
from jobs.lake import Lake
from jobs.version import digest
from schemas.settings import Dedup

FOLDER, FACTS = "_dedup_index", "index.json"
RELEASES, RELEASE = "releases", "release.json"
"""Where a release says that it stands (`jobs.fuse.release`)."""
ENTRIES = pa.schema([("clip_id", pa.string()), ("source_id", pa.string()), ("modality", pa.string()),
                     ("start_s", pa.float64())])


def parameters(dedup: Dedup, embedding: str | None = None) -> dict[str, object]:
    """All that bucket rows and evidence depend on; `embedding` as `jobs.dedup.embeddings.identity` names it, None without."""
    bands, rows = minhash.banding(dedup.threshold, dedup.permutations, dedup.recall_weight)
    return {
        "scheme": "affine32", "seed": minhash.SEED, "tokeniser": minhash.TOKENISER, "permutations": dedup.permutations,
        "bands": bands, "rows": rows, "shingle": dedup.shingle, "caption_shingle": match.caption_shingle(dedup),
        "min_caption_words": dedup.min_caption_words, "phash_blocks": len(perceptual.BLOCK_PAIRS), "turned": dedup.turned, "still_side": stills.SIDE,
        "audio_keys": len(audio.KEEP_BYTES), "embedding": embedding,
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

    def keys(self, *, texts: bool) -> Rows:
        return self._numbered(_read(self.root, self.release, self.name, _keys(texts)))

    def rows(self, kind: str, dedup: Dedup) -> Rows:
        return self._numbered(_read(self.root, self.release, self.name, f"{kind}.rows"), at=1)

    def evidence(self, kind: str, dedup: Dedup) -> pa.Table:
        return _read(self.root, self.release, self.name, f"{kind}.evidence").take(pa.array(self.entries))

    def _numbered(self, table: pa.Table, at: int = 2) -> Rows:
        """Rows with entries replaced by nodes; those that take no part are left out."""
        rows = np.column_stack([column.to_numpy() for column in table.columns]).astype(np.uint64)
        if not len(rows):
            return rows
        node = np.full(max(int(rows[:, at].max()), int(self.entries.max(initial=0))) + 1, -1)
        node[self.entries] = self.nodes
        nodes = node[rows[:, at].astype(np.int64)]
        rows[:, at] = nodes.astype(np.uint64)
        return rows[nodes >= 0]


@dataclass(frozen=True)
class Standing:
    """One part of an index that stands: its clips, and which of them still take part."""

    root: str
    release: str
    name: str
    clips: pa.Table
    taking_part: NDArray[np.int64]


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
        for name in facts["parts"]:
            entries = _read(lake.root, release, name, "entries")
            gone = pc.is_in(entries["source_id"], value_set=pa.array(facts["gone"], pa.string()))
            found.append(Standing(lake.root, release, name, entries, np.flatnonzero(~np.asarray(gone))))
    return _each_once(found)


def _each_once(parts: Sequence[Standing]) -> list[Standing]:
    """Clips that take part in several parts take part in the first alone."""
    if not parts:
        return []
    ids = [part.clips["clip_id"].take(pa.array(part.taking_part)) for part in parts]
    codes = np.asarray(pa.chunked_array([c for i in ids for c in i.chunks], pa.string()).combine_chunks().dictionary_encode().indices)
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


def write(lake: Lake, release: str, clips: str, parts: Sequence[tuple[passes.Cut, pa.Table]], dedup: Dedup,
          embedding: str | None = None) -> None:
    """Remember the clips of a release: of a version of `clips`, cuts of them, and ENTRIES of each cut; `embedding` is the
    identity of their vectors, None where they have none.

    Writing a release again replaces it; what is left of releases that are gone is removed.
    """
    for other in lake.names(FOLDER):
        if lake.read_json(RELEASES, other, RELEASE) is None:
            drop(lake, other)
    for i, (cut, entries) in enumerate(parts):
        _write_part(lake, release, f"{i:05d}", cut, entries, dedup)
    lake.write_json({"parameters": parameters(dedup, embedding), "parts": [f"{i:05d}" for i in range(len(parts))], "gone": [], "clips": clips},
                    FOLDER, release, FACTS)


def stands(lake: Lake, release: str) -> bool:
    """Whether a release has its index."""
    return lake.read_json(FOLDER, release, FACTS) is not None


def drop(lake: Lake, release: str) -> None:
    """Forget a release."""
    lake.remove(FOLDER, release, FACTS)
    lake.remove(FOLDER, release)


def forget(lake: Lake, sources: Collection[str]) -> list[str]:
    """Forget sources that were taken down; returns the releases that knew any of them."""
    touched = []
    for release in lake.names(FOLDER):
        facts = lake.read_json(FOLDER, release, FACTS)
        if facts is None:
            continue
        held = {s for name in facts["parts"] for s in _read(lake.root, release, name, "entries")["source_id"].to_pylist()}
        if gone := (held & set(sources)) - set(facts["gone"]):
            lake.write_json(facts | {"gone": sorted({*facts["gone"], *gone})}, FOLDER, release, FACTS)
            touched.append(release)
    return touched


def _write_part(lake: Lake, release: str, name: str, cut: passes.Cut, entries: pa.Table, dedup: Dedup) -> None:
    numbered = replace(cut, nodes=np.arange(len(cut.rows_)))
    modality = np.asarray(entries["modality"].to_pylist(), object)

    def some(which: NDArray[np.bool_]) -> passes.Cut:
        return replace(cut, rows_=numbered.rows_[which], nodes=numbered.nodes[which])

    tables = {"entries": entries.cast(ENTRIES)}
    for texts in (True, False):
        part = some((modality == "text") == texts)
        if len(part.nodes):
            tables[_keys(texts)] = _table(part.keys(texts=texts))
    for kind in KINDS.values():
        part = some(np.isin(modality, kind.modalities))
        if not len(part.nodes) or ("vector" in kind.columns and cut.embeddings is None):
            continue  # nobody will ask
        tables[f"{kind.name}.evidence"] = numbered.evidence(kind.name, dedup)
        if kind.file is not None:
            tables[f"{kind.name}.rows"] = _table(part.rows(kind.name, dedup))
    for what, table in tables.items():
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd", use_dictionary=False)
        lake.put(sink.getvalue().to_pybytes(), FOLDER, release, f"{name}.{what}.parquet")


def _table(rows: Rows) -> pa.Table:
    return pa.table({f"w{i}": np.ascontiguousarray(rows[:, i]) for i in range(rows.shape[1])})


def _keys(texts: bool) -> str:
    return "text-keys" if texts else "media-keys"


def _read(root: str, release: str, name: str, what: str) -> pa.Table:
    lake = Lake(root)
    with lake.fs.open(lake.path(FOLDER, release, f"{name}.{what}.parquet")) as file:
        return pq.ParquetFile(file).read()

"""What dedup remembers of a release, so that a later batch is matched against it without its texts or media.

`_dedup_index/<release>/` of the lake holds, for every part of the clips that the release kept: who they are, their keys of
equality, and for each kind of evidence its bucket rows and what proves a pair. `index.json` is written last and names the
parameters that all of it depends on; an index written with others is refused. A source that was taken down is named
there too and takes no part any more; dropping a release removes its folder.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from jobs.dedup import audio, match, minhash, passes, perceptual
from jobs.dedup.match import KINDS, Rows
from jobs.errors import Terminal
from jobs.lake import Lake
from jobs.version import digest
from schemas.settings import Dedup

FOLDER, FACTS = "_dedup_index", "index.json"
ENTRIES = pa.schema([("clip_id", pa.string()), ("source_id", pa.string()), ("modality", pa.string()),
                     ("start_s", pa.float64())])


def parameters(dedup: Dedup) -> dict[str, object]:
    """All that bucket rows and evidence depend on."""
    bands, rows = minhash.banding(dedup.threshold, dedup.permutations, dedup.recall_weight)
    return {
        "scheme": "affine32", "seed": minhash.SEED, "tokeniser": minhash.TOKENISER, "permutations": dedup.permutations,
        "bands": bands, "rows": rows, "shingle": dedup.shingle, "caption_shingle": match.caption_shingle(dedup),
        "min_caption_words": dedup.min_caption_words, "phash_blocks": len(perceptual.BLOCK_PAIRS), "turned": dedup.turned,
        "audio_keys": len(audio.KEEP_BYTES),
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


def standing(lake: Lake, dedup: Dedup) -> list[Standing]:
    """All parts of all releases, oldest name first.

    Raises:
        Terminal: an index was written with other parameters; the message says which differ.
    """
    found = []
    for release in lake.names(FOLDER):
        facts = lake.read_json(FOLDER, release, FACTS)
        if facts is None:
            continue
        wanted = json.loads(json.dumps(parameters(dedup)))
        if differ := sorted(k for k in {*wanted, *facts["parameters"]} if wanted.get(k) != facts["parameters"].get(k)):
            words = ", ".join(f"{k} is {facts['parameters'].get(k)!r} there and {wanted.get(k)!r} here" for k in differ)
            raise Terminal(f"the dedup index of release {release} was written with other parameters: {words}; "
                           "run with the same settings or write the index of that release again")
        for name in facts["parts"]:
            clips = _read(lake.root, release, name, "entries")
            gone = np.isin(np.asarray(clips["source_id"].to_pylist(), object), facts["gone"])
            found.append(Standing(lake.root, release, name, clips, np.flatnonzero(~gone)))
    return found


def state(lake: Lake) -> Mapping[str, str]:
    """What the index holds, for the identity of a version that was matched against it."""
    return {f"index@{r}": digest(facts)[:12] for r in lake.names(FOLDER) if (facts := lake.read_json(FOLDER, r, FACTS))}


def write(lake: Lake, release: str, parts: Sequence[tuple[passes.Cut, pa.Table]], dedup: Dedup) -> None:
    """Remember the clips of a release: cuts of them, and ENTRIES of each cut. Writing a release again replaces it."""
    drop(lake, release)
    for i, (cut, entries) in enumerate(parts):
        _write_part(lake, release, f"{i:05d}", cut, entries, dedup)
    lake.write_json({"parameters": parameters(dedup), "parts": [f"{i:05d}" for i in range(len(parts))], "gone": []},
                    FOLDER, release, FACTS)


def drop(lake: Lake, release: str) -> None:
    """Forget a release."""
    lake.remove(FOLDER, release, FACTS)
    lake.remove(FOLDER, release)


def forget(lake: Lake, source_id: str) -> list[str]:
    """Forget a source that was taken down; returns the releases that knew it."""
    touched = []
    for release in lake.names(FOLDER):
        facts = lake.read_json(FOLDER, release, FACTS)
        if facts is None or source_id in facts["gone"]:
            continue
        if any(source_id in _read(lake.root, release, name, "entries")["source_id"].to_pylist() for name in facts["parts"]):
            lake.write_json(facts | {"gone": sorted([*facts["gone"], source_id])}, FOLDER, release, FACTS)
            touched.append(release)
    return touched


def _write_part(lake: Lake, release: str, name: str, cut: passes.Cut, entries: pa.Table, dedup: Dedup) -> None:
    numbered = passes.Cut(cut.slice, cut.rows_, np.arange(len(cut.rows_)))
    modality = np.asarray(entries["modality"].to_pylist(), object)

    def some(which: NDArray[np.bool_]) -> passes.Cut:
        return passes.Cut(cut.slice, numbered.rows_[which], numbered.nodes[which])

    tables = {"entries": entries.cast(ENTRIES)}
    for texts in (True, False):
        part = some((modality == "text") == texts)
        tables[_keys(texts)] = _table(part.keys(texts=texts) if len(part.nodes) else np.empty((0, 3), np.uint64))
    for kind in KINDS.values():
        part = some(np.isin(modality, kind.modalities))
        rows = part.rows(kind.name, dedup) if len(part.nodes) else np.empty((0, kind.width), np.uint64)
        tables[f"{kind.name}.rows"] = _table(rows)
        tables[f"{kind.name}.evidence"] = numbered.evidence(kind.name, dedup)
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

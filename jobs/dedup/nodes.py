"""The clips that take part, as numbers: a clip's node is its place in the keep order."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from jobs.dedup import index, keeper, passes
from jobs.lake import Version
from jobs.rows import floats, whole
from schemas.settings import Dedup


@dataclass(frozen=True)
class Nodes:
    """The clips that take part, in keep order: a clip's node is its place.

    Attributes:
        clips: clip_id, source_id, start_s, duration_s, matched_in (the release of a known clip) in that order.
        source, modality: Codes, equal for the same.
        modalities: Names of the modality codes.
        place: Row in the table of clips, of the nodes from `known` on.
        version: That table.
        earlier: Parts of the index; their clips are the first `known` nodes, part by part.
        embeddings: Folder of the vectors of the others, where they are asked for.
    """

    clips: pa.Table
    source: NDArray[np.int32]
    modality: NDArray[np.int32]
    modalities: tuple[str, ...]
    place: NDArray[np.int64]
    version: Version
    earlier: tuple[index.Standing, ...] = ()
    embeddings: str | None = None

    def __len__(self) -> int:
        return self.known + len(self.place)

    @property
    def known(self) -> int:
        """How many are of earlier releases."""
        return sum(len(part.taking_part) for part in self.earlier)

    @property
    def lasts(self) -> NDArray[np.float64]:
        """How long each clip lasts, in seconds; 0 for what has no time."""
        return floats(self.clips, "duration_s")

    @cached_property
    def shelves(self) -> tuple[index.Shelves, ...]:
        """Where the rows of the known ones are."""
        return index.shelves(self.earlier)

    def of(self, *modalities: str) -> NDArray[np.bool_]:
        """Which clips are of one of those modalities."""
        return np.isin(self.modality, [i for i, name in enumerate(self.modalities) if name in modalities])

    def may_be_same(self, src: NDArray[np.int64], dst: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which pairs are of two sources and one modality, and not both of earlier releases."""
        alike = (self.source[src] != self.source[dst]) & (self.modality[src] == self.modality[dst]) & (dst >= self.known)
        return np.asarray(alike, bool)

    def cuts(self, nodes: NDArray[np.int64], shares: NDArray[np.int64] | None = None) -> list[passes.Cut | index.Known]:
        """Where those nodes (each once per share) are to be read."""
        found: list[passes.Cut | index.Known] = []
        by = np.argsort(nodes, kind="stable")
        bases = np.cumsum([0, *(len(part.taking_part) for part in self.earlier)])
        ends = np.searchsorted(nodes, bases, sorter=by)
        for part, base, first, last in zip(self.earlier, bases.tolist(), ends, ends[1:], strict=False):
            if first < last:
                here = by[first:last]
                of = None if shares is None else shares[here]
                entries = part.taking_part[nodes[here] - base]
                found.append(index.Known(part.root, part.release, part.name, entries, nodes[here], of))
        new = by[ends[-1]:]
        order = new[np.argsort(self.place[nodes[new] - self.known], kind="stable")]
        at, start = self.place[nodes[order] - self.known], 0
        for piece in self.version.slices():
            first, last = np.searchsorted(at, [start, start + piece.rows])
            if first < last:
                of = None if shares is None else shares[order[first:last]]
                found.append(passes.Cut(piece, at[first:last] - start, nodes[order[first:last]], of, self.embeddings))
            start += piece.rows
        return found


def nodes_of(version: Version, rejects: Version, dedup: Dedup, known: Sequence[index.Standing] = ()) -> Nodes:
    """Clips that nothing rejected so far, in keep order, after those of earlier releases."""
    clips = version.read(list(dict.fromkeys((*keeper.FACTS, *index.ENTRIES.names))))
    clips = clips.cast(_large(clips.schema))
    rejected = pc.unique(whole(rejects.read(["sample_id"])["sample_id"]))
    left = np.flatnonzero(~np.asarray(pc.is_in(clips["clip_id"], value_set=rejected)))
    place = left[keeper.order(clips.take(pa.array(left)), dedup.keep)]
    entries = _large(index.ENTRIES)
    new = clips.select(entries.names).take(pa.array(place)).cast(entries)
    new = new.append_column("matched_in", pa.nulls(new.num_rows, pa.large_string()))
    earlier = [part.clips.take(pa.array(part.taking_part)).cast(entries).append_column(
        "matched_in", pa.array([part.release] * len(part.taking_part), pa.large_string())) for part in known]
    every = pa.concat_tables([*earlier, new]).combine_chunks()
    source, modality = (whole(every[name]).dictionary_encode() for name in ("source_id", "modality"))
    return Nodes(every.drop_columns("modality"), np.asarray(source.indices), np.asarray(modality.indices),
                 tuple(modality.dictionary.to_pylist()), place, version, tuple(known))


def _large(schema: pa.Schema) -> pa.Schema:
    """The same with texts that may take more than 2 GiB together."""
    return pa.schema([f.with_type(pa.large_string()) if pa.types.is_string(f.type) else f for f in schema])

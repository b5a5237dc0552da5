"""Takedown: a source leaves the release and never comes back; only the shards that held it are written again.

The new version has the fingerprint that fuse itself would give it (its parents and the tombstones), so a later `run fuse` stands.
"""

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from jobs.errors import Terminal
from jobs.fuse import erase as erasing
from jobs.fuse.erase import versions
from jobs.fuse.release import make_release, releases
from jobs.fuse.tombstones import buried, bury, stones_of, tombstones
from jobs.lake import Lake, Version
from jobs.run import reject_rows
from jobs.version import digest
from schemas import CLIPS, DUPLICATES, GENERATIONS, PROMPTS, PUBLICATIONS, REJECTS, SAMPLES, SOURCES, Table


def takedown(lake: Lake, source: str, reason: str = "", *, erase: bool = False) -> dict[str, Any]:
    """Take a source down.

    Args:
        source: Its id, its uri, its path, or its path below the source folder.
        reason: For the tombstone.
        erase: Also empty what a person may be recognised by in every version of every table (`jobs.fuse.erase`), remove the touched
            shards of all earlier versions, whose releases stay listed but can no longer be read whole, and whatever dedup
            remembers of the source: its hashes, buckets, evidence and embeddings.

    Returns:
        source_id, samples removed, the new release (None if no sample of the current one was touched), its shards rewritten and kept, new releases
        of other batches of the lake, releases that still hold the source (`erase` takes it out of them), near copies that stay, generations and publications that came from it, shards erased, and rows emptied by table.

    Raises:
        Terminal: no such source, one that only says something about others, or a release whose samples do not stand.
        Transient: another command is writing to the lake.
    """
    row = _source(lake, source)
    with lake.lock(f"`reelmill takedown {source}`"):
        made_before = releases(lake)
        if made_before and ((name := lake.current("fuse")) is None or lake.version(SAMPLES, name) is None):
            raise Terminal(f"{lake.root}: the samples of release {made_before[-1]['name']} do not stand, their manifest is gone; `reelmill run fuse` makes it anew, then take down again")
        bury(lake, row, reason)
        lake.disown("fuse")  # no run that is under way may draw from samples of before
        erasing.unfinished_samples(lake, {facts["fingerprint"] for facts in made_before})
        mine = _forget(lake, row, erase)
        fingerprint = lake.current("fuse")
        samples = lake.version(SAMPLES, fingerprint) if fingerprint else None
        known = {facts["name"] for facts in made_before}
        made = _rewritten(lake, samples) if samples else None
        if made:
            lake.make_current("fuse", made["fingerprint"])
        release = _released(lake)
        others = _other_batches(lake, mine)
        gone = sorted({name for one in (*([made] if made else []), *others) for name in one["gone"]})
        ids = _ever(lake, mine)
        report = {
            "source_id": row["source_id"],
            "uri": row["uri"],
            "samples": gone,
            "near_copies": _near_copies(lake, samples, mine),
            "release": release if release not in known else None,
            "rewritten": made["rewritten"] if made else [],
            "kept": made["kept"] if made else [],
            "other_releases": [one["release"] for one in others],
            **_descendants(lake, ids),
        }
        report["held_in"] = [] if erase else _holding(lake, mine)
        report["erased"] = erasing.shards(lake, mine, keep=lake.current("fuse")) if erase else []
        report["emptied"] = erasing.erase(lake, mine, tombstones(lake)) if erase else {}
    return report


def _released(lake: Lake) -> str | None:
    """The name of the release of the current samples, which is made if a run was killed before it."""
    fingerprint = lake.current("fuse")
    samples = lake.version(SAMPLES, fingerprint) if fingerprint else None
    return make_release(lake, samples)["name"] if samples else None


def _forget(lake: Lake, source: Mapping[str, Any], erase: bool) -> set[str]:
    """What was taken down, also under another name, is no keeper of later batches. Ids of this source, by all its names."""
    from jobs.dedup import embeddings, index

    every, own = tombstones(lake), stones_of([source])
    mine = {name for version in versions(lake, SOURCES) for name in own.ids(version)}
    index.forget(lake, {name for version in versions(lake, SOURCES) for name in every.ids(version)})
    if erase:
        index.forget(lake, mine, erase=True)
        embeddings.erase(lake, mine)
    return mine


def _source(lake: Lake, source: str) -> Mapping[str, Any]:
    stones = buried(lake)
    names = {source} if "://" in source or not source else {source, os.path.realpath(source)}
    hits: list[dict[str, Any]] = [stone for stone in stones if names & {stone["source_id"], stone["uri"]}]  # it may be erased elsewhere
    for version in versions(lake, SOURCES):  # also earlier ones: what was taken down may be gone from the folder
        rows = version.read(["source_id", "uri", "rel_path", "sha256", "modality"])
        hits += rows.filter(pc.or_(pc.or_(pc.equal(rows["source_id"], source), pc.is_in(rows["uri"], value_set=pa.array(sorted(names)))), pc.equal(rows["rel_path"], source))).to_pylist()
    hits = hits or [stone for stone in stones if str(stone["uri"]).endswith(f"/{source}")]  # by its path, which an erasure took away
    if len({hit["source_id"] for hit in hits}) > 1:
        raise Terminal(f"{source!r} names other bytes at other times or in other folders; name one of them by id: "
                       f"{', '.join(sorted({h['source_id'] for h in hits}))}")
    if not hits:
        raise Terminal(f"{lake.root}: no source has the id, the address or the path {source!r}; `uri` in the samples names it")
    if hits[0].get("modality") == "sidecar":
        lines = f", or one of its lines ({hits[0]['rel_path']}#L1)" if hits[0]["rel_path"] in _collections(lake) else ""
        raise Terminal(f"{hits[0]['uri']} is no sample itself, it is read for what it says: name the file that it speaks of{lines}")
    return hits[0]


def _collections(lake: Lake) -> set[str]:
    """Paths of the files that are collections of texts."""
    return {line.rpartition("#L")[0] for version in versions(lake, SOURCES) for line in version.read(["rel_path"])["rel_path"].to_pylist() if line and "#L" in line}


def _rewritten(lake: Lake, samples: Version) -> dict[str, Any] | None:
    """The version of samples without what was taken down; None if it holds none of it."""
    collected = next(fp for name, fp in samples.manifest["parents"].items() if name.startswith(f"{SOURCES.name}@"))
    sources = lake.version(SOURCES, collected)
    stones = tombstones(lake)
    buried = pa.array(sorted(stones.ids(sources)) if sources else [], pa.string())
    parents = {**samples.manifest["parents"], **stones.facts}
    facts = {k: samples.manifest[k] for k in ("job", "code", "recipe")}
    fingerprint = digest({**facts, "parents": parents})[:12]
    if fingerprint == samples.fingerprint:  # made with the same tombstones: what was taken down is out of it already
        return None
    files, touched, gone = [], [], []
    for file, path in zip(samples.manifest["files"], samples.files(), strict=True):
        with lake.parquet(path) as opened:
            whose = opened.read(columns=["sample_id", "source_id"])
        lost = whose.filter(pc.is_in(whose["source_id"], value_set=buried))
        if not lost.num_rows:
            lake.copy(path, SAMPLES.name, fingerprint, file["path"])
            files.append(file)
            continue
        touched.append(file["path"])
        gone += lost.to_pylist()
        with lake.parquet(path) as opened:
            data = opened.read()
        left = data.filter(pc.invert(pc.is_in(data["source_id"], value_set=buried)))
        if left.num_rows:
            files.append(lake.write_part(SAMPLES, fingerprint, file["path"], left, samples.manifest["recipe"]["fuse"]["row_group_bytes"]))
    if not gone:
        lake.remove(SAMPLES.name, fingerprint)
        return None
    manifest = {
        **samples.manifest,
        "fingerprint": fingerprint,
        "parents": parents,
        "kept": samples.manifest["kept"] - len(gone),
        "rejected": {**samples.manifest["rejected"], "taken_down": samples.manifest["rejected"].get("taken_down", 0) + len(gone)},
        "started": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "finished": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }
    _rejects(lake, samples, manifest, gone)
    lake.write_json(
        {**manifest, "table": SAMPLES.name, "rows": sum(f["rows"] for f in files), "files": files},
        SAMPLES.name,
        fingerprint,
        "manifest.json",
    )
    return {
        "fingerprint": fingerprint,
        "gone": [g["sample_id"] for g in gone],
        "rewritten": touched,
        "kept": [f["path"] for f in files if f["path"] not in touched],
    }


def _other_batches(lake: Lake, sources: Collection[str]) -> list[dict[str, Any]]:
    """Releases without these sources in the place of those that hold them and, in the same shards, samples that no other release has: of a
    lake into which batches are built one after the other, of which the last alone is current."""
    made = []
    standing = [samples for facts in releases(lake) if (samples := lake.version(SAMPLES, facts["fingerprint"])) is not None]
    for samples in reversed(standing):
        beside = _beside(lake, samples, sources)
        for other in standing:
            beside -= _untouched(lake, other, sources, beside) if beside else set()
        if beside and (one := _rewritten(lake, samples)):
            successor = lake.version(SAMPLES, one["fingerprint"])
            assert successor is not None
            standing.append(successor)
            made.append({**one, "release": make_release(lake, successor)["name"]})
    return made


def _shards(lake: Lake, samples: Version) -> Iterator[pa.Table]:
    """Whose samples there are, of the shards that stand."""
    for path in samples.files():
        if lake.fs.exists(path):
            with lake.parquet(path) as file:
                yield file.read(columns=["sample_id", "source_id"])


def _of(rows: pa.Table, sources: Collection[str]) -> Any:
    return pc.is_in(rows["source_id"], value_set=pa.array(sorted(sources), pa.string()))


def _beside(lake: Lake, samples: Version, sources: Collection[str]) -> set[str]:
    """Samples of others in the shards that hold these sources."""
    return {name for rows in _shards(lake, samples) if pc.any(held := _of(rows, sources)).as_py()
            for name in rows.filter(pc.invert(held))["sample_id"].to_pylist()}


def _untouched(lake: Lake, samples: Version, sources: Collection[str], wanted: Collection[str]) -> set[str]:
    """Those of the wanted samples that are in shards that hold none of these sources."""
    names = pa.array(sorted(wanted), pa.string())
    return {name for rows in _shards(lake, samples) if not pc.any(_of(rows, sources)).as_py()
            for name in rows.filter(pc.is_in(rows["sample_id"], value_set=names))["sample_id"].to_pylist()}


def _holding(lake: Lake, sources: Collection[str]) -> list[str]:
    """Names of the releases that hold these sources."""
    found = ((facts["name"], lake.version(SAMPLES, facts["fingerprint"])) for facts in releases(lake))
    return [name for name, samples in found if samples and any(pc.any(_of(rows, sources)).as_py() for rows in _shards(lake, samples))]


def _rejects(lake: Lake, samples: Version, manifest: Mapping[str, Any], gone: Sequence[Mapping[str, Any]]) -> None:
    """The rejects of the old version and one more part."""
    fingerprint = manifest["fingerprint"]
    before = lake.version(REJECTS, samples.fingerprint)
    files = []
    for file, path in zip(before.manifest["files"], before.files(), strict=True) if before else ():
        lake.copy(path, REJECTS.name, fingerprint, file["path"])
        files.append(file)
    rows = [{**g, "check": "takedown", "reason": "taken_down"} for g in sorted(gone, key=lambda g: str(g["sample_id"]))]
    policy = digest(manifest["recipe"])[:12]
    part = reject_rows(rows, "fuse", policy, f"fuse-{fingerprint}")
    files.append(lake.write_part(REJECTS, fingerprint, f"takedown-{fingerprint}.parquet", part))
    lake.write_json(
        {**manifest, "table": REJECTS.name, "rows": sum(f["rows"] for f in files), "files": files},
        REJECTS.name,
        fingerprint,
        "manifest.json",
    )


def _ever(lake: Lake, sources: Collection[str]) -> set[str]:
    """Samples of these sources in any release."""
    wanted = pa.array(sorted(sources), pa.string())
    found: set[str] = set()
    for release in releases(lake):
        for shard in release["shards"]:
            if lake.fs.exists(lake.path(shard["path"])):
                with lake.parquet(lake.path(shard["path"])) as file:
                    table = file.read(columns=["sample_id", "source_id"])
                found |= set(table.filter(pc.is_in(table["source_id"], value_set=wanted))["sample_id"].to_pylist())
    return found


def _near_copies(lake: Lake, samples: Version | None, sources: Collection[str]) -> list[str]:
    """Clips of other sources that dedup found alike, those for which a clip of these went among them: a person decides about them."""
    parents = samples.manifest["parents"] if samples else {}

    def made_from(table: Table) -> Version | None:
        return next((lake.version(table, fp) for name, fp in parents.items() if name.startswith(f"{table.name}@")), None)

    duplicates, clips = made_from(DUPLICATES), made_from(CLIPS)
    if duplicates is None or clips is None:
        return []
    known = clips.read(["clip_id", "source_id"])
    mine = set(known.filter(pc.is_in(known["source_id"], value_set=pa.array(sorted(sources), pa.string())))["clip_id"].to_pylist())
    pairs, of_mine = duplicates.read(["loser_id", "keeper_id"]), pa.array(sorted(mine), pa.string())
    near = pairs.filter(pc.or_(*(pc.is_in(pairs[name], value_set=of_mine) for name in pairs.schema.names)))
    return sorted({name for column in near.columns for name in column.to_pylist()} - mine)


def _descendants(lake: Lake, ids: set[str]) -> dict[str, list[str]]:
    """Generated clips and published videos whose prompts were drawn from these samples, in every version that stands."""
    prompts = {
        r["prompt_id"]
        for v in versions(lake, PROMPTS)
        for r in v.read(["prompt_id", "sample_ids"]).to_pylist()
        if ids & set(r["sample_ids"])
    }
    made = {
        r["generation_id"]
        for v in versions(lake, GENERATIONS)
        for r in v.read(["generation_id", "prompt_id"]).to_pylist()
        if r["prompt_id"] in prompts
    }
    out = {
        f"{r['target']}:{r['uri']}"
        for v in versions(lake, PUBLICATIONS)
        for r in v.read(["prompt_id", "generation_ids", "sample_ids", "target", "uri"]).to_pylist()
        if r["prompt_id"] in prompts or made & set(r["generation_ids"]) or ids & set(r["sample_ids"])
    }
    return {"prompts": sorted(prompts), "generations": sorted(made), "publications": sorted(out)}

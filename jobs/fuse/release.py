"""Releases: what a version of `samples` is, written down once and never changed; what lies between two; and the ways out.

A release is `releases/<YYYY.MM.DD>-<fingerprint>/release.json` in the lake. It names its shards by path below the lake root and by
sha256. Its day is the day on which the samples were finished, so a fingerprint keeps its name.
"""

import io
import json
import re
import tarfile
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from jobs.errors import Terminal
from jobs.fuse.tombstones import tombstones
from jobs.lake import Lake, Version
from jobs.rows import whole
from jobs.version import digest
from schemas import CLIPS, LABELS, REJECTS, SAMPLES, SOURCES, TABLES
from schemas.release import ModelInForce, Release, Shard
from schemas.settings import Dedup, Label, Settings

FOLDER = "releases"
FILE = "release.json"
TAR = re.compile(r"(train|validation|mixed)-(video|image|audio|text)(-[a-z0-9]{2,9}){0,3}-\d{5,}\.tar")
"""Names of exported shards."""
EXPORTED = "reelmill-export.json"
"""In the folder of an export: which release it is of, and which tars it wrote."""
EXTENSIONS = {
    "video/mp4": "mp4",
    "video/webm": "webm",
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/gif": "gif",
    "audio/mp4": "m4a",
}


def release(lake: Lake, settings: Settings | None = None) -> dict[str, Any]:
    """The release of the current samples, written unless it stands.

    Returns:
        The facts of `release.json` and `path`, that of its folder.

    Raises:
        Terminal: there are no samples, or a release of this name says something else.
    """
    fingerprint = lake.current("fuse")
    samples = lake.version(SAMPLES, fingerprint) if fingerprint else None
    if samples is None:
        raise Terminal(f"{lake.root}: there are no samples yet; run `reelmill run fuse` first")
    return make_release(lake, samples)


def make_release(lake: Lake, samples: Version) -> dict[str, Any]:
    """Write the release of a version of `samples`, or confirm that it stands; samples that were lost and made again are the same.

    Before it stands, dedup remembers what it holds, so that no later batch misses it.
    """
    facts = describe(lake, samples)
    standing = lake.read_json(FOLDER, facts.name, FILE)
    said = facts.model_dump(mode="json")
    changed = sorted(k for k in said if said[k] != standing.get(k) and k != "made") if standing is not None else []
    if changed:
        raise Terminal(
            f"{lake.url(FOLDER, facts.name, FILE)} says otherwise about {', '.join(changed)}; a release never changes: "
            "remove what was changed by hand, or build into a new lake"
        )
    _remember(lake, samples, facts)
    if standing is None:
        lake.write_json(said, FOLDER, facts.name, FILE)
    return {**(standing or said), "path": lake.url(FOLDER, facts.name)}


def _remember(lake: Lake, samples: Version, facts: Release) -> None:
    """Write the dedup index of a release unless it stands, by the settings of the dedup that it came from."""
    from jobs.dedup import index
    from jobs.dedup.job import remember

    measured = next((fp for name, fp in facts.parents.items() if name.startswith(f"{CLIPS.name}@")), None)
    clips = lake.version(CLIPS, measured) if measured else None
    rejects, section = lake.version(REJECTS, samples.fingerprint), facts.recipe.get("dedup.dedup")
    if clips is not None and rejects is not None and section is not None and not index.stands(lake, facts.name):
        label = facts.recipe.get("label.label")
        remember(lake, facts.name, clips, rejects, Dedup.model_validate(section), Label.model_validate(label) if label else None)


def describe(lake: Lake, samples: Version) -> Release:
    """What the release of these samples says."""
    manifest = samples.manifest
    shards, rows, hours = [], defaultdict[str, Counter[str]](Counter), defaultdict[str, float](float)
    for file, facts in zip(manifest["files"], samples.each(_counts, ["split", "modality", "duration_s"]), strict=True):
        for split, modality, count, seconds in facts:
            rows[modality][split] += count
            hours[modality] += seconds / 3600
        splits = {split for split, *_ in facts}
        shards.append(
            Shard(
                path=f"{SAMPLES.name}/{samples.fingerprint}/{file['path']}",
                sha256=file["sha256"],
                bytes=file["bytes"],
                rows=file["rows"],
                split=splits.pop() if len(splits) == 1 else "mixed",
            )
        )
    parents, recipe = ancestry(lake, samples)
    return Release(
        name=f"{manifest['finished'][:10].replace('-', '.')}-{samples.fingerprint}",
        fingerprint=samples.fingerprint,
        made=manifest["finished"],
        schema_version=manifest["schema_version"],
        schema_sha256=digest([[f.name, str(f.type), f.nullable] for f in SAMPLES.schema]),
        policy_sha256=digest(recipe),
        rows={m: dict(sorted(rows[m].items())) for m in sorted(rows)},
        hours={m: round(hours[m], 6) for m in sorted(hours)},
        shards=shards,
        models=models(lake, parents),
        parents=parents,
        recipe=recipe,
        seen=manifest["seen"],
        rejected=manifest["rejected"],
    )


def _counts(samples: pa.Table) -> list[tuple[str, str, int, float]]:
    """Split, modality, how many and how many seconds, in the order in which they come."""
    found = samples.group_by(["split", "modality"], use_threads=False).aggregate([([], "count_all"), ("duration_s", "sum")])
    return [(r["split"], r["modality"], r["count_all"], r["duration_s_sum"]) for r in found.to_pylist()]


def ancestry(lake: Lake, version: Version) -> tuple[dict[str, str], dict[str, dict[str, object]]]:
    """Every table that a version came from, as `table@job` -> fingerprint, and every recipe section in force, as `job.section`."""
    tables = {t.name: t for t in TABLES}
    parents: dict[str, str] = {}
    recipe: dict[str, dict[str, object]] = {}
    todo = [version]
    while todo:
        now = todo.pop()
        recipe |= {f"{now.manifest['job']}.{section}": facts for section, facts in now.manifest["recipe"].items()}
        for name, fingerprint in now.manifest["parents"].items():
            table = tables.get(name.split("@")[0])
            if table is None or name in parents:
                continue
            parents[name] = fingerprint
            if (above := lake.version(table, fingerprint)) is not None:
                todo.append(above)
    return dict(sorted(parents.items())), dict(sorted(recipe.items()))


def models(lake: Lake, parents: Mapping[str, str]) -> list[ModelInForce]:
    """The models behind the labels, each once."""
    found: set[tuple[str, int, str | None, str | None]] = set()
    for name, fingerprint in parents.items():
        labels = lake.version(LABELS, fingerprint) if name.split("@")[0] == LABELS.name else None
        names = ["labeler", "labeler_version", "model", "revision"]
        for rows in labels.each(lambda part: part.group_by(part.schema.names).aggregate([]).to_pylist(), names) if labels else ():
            found |= {tuple(row.values()) for row in rows}
    return [
        ModelInForce(labeler=a, labeler_version=b, model=c, revision=d)
        for a, b, c, d in sorted(found, key=lambda f: tuple(str(x) for x in f))
    ]


def releases(lake: Lake) -> list[dict[str, Any]]:
    """All releases, oldest first, each with `path`."""
    found = [
        {**facts, "path": lake.url(FOLDER, name)}
        for name in lake.names(FOLDER)
        if (facts := lake.read_json(FOLDER, name, FILE)) is not None
    ]
    for facts in found:
        if lacking := {"name", "made", "fingerprint", "shards", "parents"} - facts.keys():
            raise Terminal(f"{facts['path']}/{FILE}: is no release, it lacks {min(lacking)!r}; remove it, or restore it if it was damaged")
    return sorted(found, key=lambda facts: (facts["made"], facts["name"]))


def find(lake: Lake, name: str) -> dict[str, Any]:
    """A release by name, by the beginning of its fingerprint, or `latest`: that of the current samples, which the last build or takedown made
    or confirmed, and only where these have none the one that was made last.

    Raises:
        Terminal: none, or several.
    """
    known = releases(lake)
    if name == "latest" and known:
        current = lake.current("fuse")
        return next((r for r in reversed(known) if r["fingerprint"] == current), known[-1])
    hits = [r for r in known if name and (r["name"] == name or r["fingerprint"].startswith(name))]
    if len(hits) != 1:
        names = ", ".join(r["name"] for r in known) or "none"
        raise Terminal(f"{'no' if not hits else 'more than one'} release is called {name!r} in {lake.root}; there are: {names}")
    return hits[0]


def verify(lake: Lake, facts: Mapping[str, Any]) -> list[str]:
    """What is wrong with the shards of a release: missing, of another size or of other bytes; nothing if all is well."""
    def wrong(shard: Mapping[str, Any]) -> str | None:
        try:
            with lake.fs.open(lake.path(shard["path"])) as file:
                found = file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            return f"{shard['path']}: missing"
        return None if found == shard["sha256"] else f"{shard['path']}: other bytes than released"

    return [line for line in lake.spread(wrong, facts["shards"]) if line]


def _all_there(lake: Lake, facts: Mapping[str, Any]) -> None:
    """Make sure that all shards of a release are there.

    Raises:
        Terminal: one is not.
    """
    there = lake.spread(lake.fs.exists, [lake.path(shard["path"]) for shard in facts["shards"]])
    gone = [shard["path"] for shard, stands in zip(facts["shards"], there, strict=True) if not stands]
    if gone:
        raise Terminal(
            f"release {facts['name']} can no longer be read whole: {len(gone)} of its {len(facts['shards'])} shards are gone, {gone[0]} for one; "
            "`takedown --erase` removes shards of earlier releases, use a later one"
        )


def diff(lake: Lake, before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """What lies between two releases: ids of samples added, removed and changed (any column), settings and models that differ.

    Raises:
        Terminal: a shard of one of them is gone.
    """
    for facts in (before, after):
        _all_there(lake, facts)
    was, now = (_ids(lake, facts) for facts in (before, after))
    both = was.filter(pc.is_in(was, value_set=now))
    old, new = _digests(lake, before, after, both), _digests(lake, after, before, both)
    return {
        "added": sorted(now.filter(pc.invert(pc.is_in(now, value_set=was))).to_pylist()),
        "removed": sorted(was.filter(pc.invert(pc.is_in(was, value_set=now))).to_pylist()),
        "changed": sorted(i for i in set(old) & set(new) if old[i] != new[i]),
        "settings": _settings_changed(before["recipe"], after["recipe"]),
        "models": {
            "removed": [m for m in before["models"] if m not in after["models"]],
            "added": [m for m in after["models"] if m not in before["models"]],
        },
    }


def _ids(lake: Lake, facts: Mapping[str, Any]) -> pa.LargeStringArray:
    def of(shard: Mapping[str, Any]) -> pa.LargeStringArray:
        with lake.parquet(lake.path(shard["path"])) as file:
            return whole(file.read(columns=["sample_id"])["sample_id"])

    return pa.concat_arrays([*lake.spread(of, facts["shards"]), pa.array([], pa.large_string())])


def _digests(lake: Lake, facts: Mapping[str, Any], other: Mapping[str, Any], wanted: pa.LargeStringArray) -> dict[str, str]:
    """Digest of every wanted row that lies in a shard which the other release does not hold with the same bytes, by sample id; row groups
    without any are not read."""
    theirs, found = {s["sha256"] for s in other["shards"]}, dict[str, str]()
    for shard in (s for s in facts["shards"] if s["sha256"] not in theirs):
        with lake.parquet(lake.path(shard["path"])) as file:
            for group in range(file.num_row_groups):
                mine = pc.is_in(whole(file.read_row_group(group, columns=["sample_id"])["sample_id"]), value_set=wanted)
                for batch in file.read_row_group(group).filter(mine).to_batches(64) if pc.any(mine).as_py() else ():
                    found |= {row["sample_id"]: sha256(repr(sorted(row.items())).encode()).hexdigest() for row in batch.to_pylist()}
    return found


def _settings_changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, list[Any]]:
    old, new = (
        {f"{section}.{name}": value for section, values in facts.items() for name, value in values.items()} for facts in (before, after)
    )
    return {name: [old.get(name), new.get(name)] for name in sorted(set(old) | set(new)) if old.get(name) != new.get(name)}


def withdrawn(lake: Lake, facts: Mapping[str, Any]) -> frozenset[str]:
    """Ids of the sources in a release that were taken down since it was made, also under another name; its shards hold them still."""
    stones = tombstones(lake)
    collected = next((fp for name, fp in facts["parents"].items() if name.startswith(f"{SOURCES.name}@")), None)
    sources = lake.version(SOURCES, collected) if collected and stones.facts else None
    buried = pa.array(sorted(stones.source_ids | (stones.ids(sources) if sources else set())), pa.string())

    def of(shard: Mapping[str, Any]) -> set[str]:
        if not lake.fs.exists(lake.path(shard["path"])):  # erased, and whatever it held with it
            return set()
        with lake.parquet(lake.path(shard["path"])) as file:
            whose = file.read(columns=["source_id"])["source_id"]
        return set(whose.filter(pc.is_in(whose, value_set=buried)).to_pylist())

    return frozenset[str]().union(*lake.spread(of, facts["shards"] if len(buried) else ()))


def export_webdataset(lake: Lake, facts: Mapping[str, Any], out: Path) -> list[Path]:
    """Tars in WebDataset form, for each shard one of each modality and kinds of members that it holds (`train-video-mp4-m4a-thumbnail-00000.tar`):
    `<sample_id>.<ext>` for media, `.txt` for the caption (empty where there is none), `.json` for all else. So all samples of a tar have the same members.
    They are for readers of WebDataset; `datasets`, which guesses the columns of `.json` from five samples, reads the Parquet shards.

    The same release gives the same bytes, less what was taken down since. What an earlier export wrote into the folder (EXPORTED says so) is replaced, and
    removed where the release has fewer.

    Raises:
        Terminal: a shard is gone, or the folder holds a file of such a name that no export wrote.
    """
    _all_there(lake, facts)
    before = _exported(out)
    gone = pa.array(sorted(withdrawn(lake, facts)), pa.string())
    out.mkdir(parents=True, exist_ok=True)
    made: list[Path] = []
    counts: Counter[str] = Counter()
    for shard in facts["shards"]:
        with lake.parquet(lake.path(shard["path"])) as file, ExitStack() as opened:
            tars: dict[str, tarfile.TarFile] = {}
            for batch in file.iter_batches(batch_size=16):
                for row in batch.filter(pc.invert(pc.is_in(batch["source_id"], value_set=gone))).to_pylist():
                    members = list(_members(row))
                    media = [name.split(".")[1] for name, _ in members if not name.endswith((".txt", ".json"))]
                    kind = "-".join((shard["split"], row["modality"], *media))
                    if kind not in tars:
                        made.append(out / f"{kind}-{counts[kind]:05d}.tar")
                        if made[-1].exists() and made[-1].name not in before:
                            raise Terminal(f"{made[-1]}: is there already and is no earlier export; give --out another folder")
                        _note(out, facts, before := before | {made[-1].name})
                        counts[kind] += 1
                        tars[kind] = opened.enter_context(_passing(made[-1]))
                    for name, data in members:
                        info = tarfile.TarInfo(name)
                        info.size = len(data)
                        tars[kind].addfile(info, io.BytesIO(data))
    for name in before - {tar.name for tar in made}:
        for old in (out / name, (out / name).with_suffix(".tmp")):
            old.unlink(missing_ok=True)
    _note(out, facts, {tar.name for tar in made})
    return made


def _exported(out: Path) -> frozenset[str]:
    """Names of the tars that an earlier export says it wrote into a folder."""
    try:
        told = json.loads((out / EXPORTED).read_text(encoding="utf-8"))["tars"]
        return frozenset(name for name in told if isinstance(name, str) and TAR.fullmatch(name))
    except (OSError, ValueError, LookupError, TypeError):
        return frozenset()


def _note(out: Path, facts: Mapping[str, Any], tars: Collection[str]) -> None:
    (out / EXPORTED).write_text(json.dumps({"release": facts["name"], "tars": sorted(tars)}, indent=2) + "\n", encoding="utf-8")


@contextmanager
def _passing(target: Path) -> Iterator[tarfile.TarFile]:
    """A tar that stands under its name once all of it is written."""
    passing = target.with_suffix(".tmp")
    try:
        with tarfile.open(passing, "w", format=tarfile.USTAR_FORMAT) as tar:
            yield tar
        passing.replace(target)
    finally:
        passing.unlink(missing_ok=True)


def _members(row: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    key = row["sample_id"]
    if row["video"] is not None:
        yield f"{key}.{EXTENSIONS.get(row['media_type'], 'bin')}", row["video"]
    if row["image"] is not None:
        yield f"{key}.{EXTENSIONS.get(row['media_type'], 'bin')}", row["image"]
    if row["audio"] is not None:
        yield f"{key}.{EXTENSIONS.get(row['audio_type'], 'bin')}", row["audio"]
    if row["thumbnail"] is not None:
        yield f"{key}.thumbnail.jpg", row["thumbnail"]
    yield f"{key}.txt", (row["caption"] or row["text"] or row["title"] or "").encode()
    rest = {k: v for k, v in row.items() if k not in ("video", "image", "audio", "thumbnail")}
    if rest["embedding"] is not None:
        rest["embedding"] = [float(x) for x in rest["embedding"]]
    yield f"{key}.json", json.dumps(rest, ensure_ascii=False, sort_keys=True).encode()


def card(facts: Mapping[str, Any]) -> str:
    """The dataset card of a release, in Markdown with the front matter that the Hugging Face hub reads."""
    splits = sorted({split for counts in facts["rows"].values() for split in counts})
    files = "\n".join(
        f"  - split: {split}\n    path:\n" + "\n".join(f"    - {s['path']}" for s in facts["shards"] if s["split"] == split)
        for split in splits
    )
    counts = "\n".join(
        f"| {m} | " + " | ".join(str(c.get(s, 0)) for s in splits) + f" | {facts['hours'].get(m, 0.0):.3f} |"
        for m, c in facts["rows"].items()
    )
    named = "\n".join(
        f"| {m['labeler']} | {m['labeler_version']} | {m['model'] or 'rules'} | {m['revision'] or ''} |" for m in facts["models"]
    )
    dropped = "\n".join(f"| {reason} | {count} |" for reason, count in facts["rejected"].items()) or "| none | 0 |"
    size = sum(s["bytes"] for s in facts["shards"])
    return f"""---
configs:
- config_name: default
  data_files:
{files}
---
# Release {facts["name"]}

{sum(s["rows"] for s in facts["shards"])} samples in {len(facts["shards"])} Parquet shards, {size / 1e6:.1f} MB. Splits never divide a
source or a cluster of duplicates.

| modality | {" | ".join(splits)} | hours |
|---|{"---|" * len(splits)}---|
{counts}

## Labels

| labeler | version | model | revision |
|---|---|---|---|
{named}

## What fuse left out

| reason | samples |
|---|---|
{dropped}

## Provenance

Policy {facts["policy_sha256"][:12]}, schema {facts["schema_sha256"][:12]} (version {facts["schema_version"]}), samples
`{facts["fingerprint"]}` finished {facts["made"]}. Parents: {", ".join(f"`{t}` {fp}" for t, fp in facts["parents"].items())}.
"""

"""What the report page shows of a lake: numbers and a bounded number of examples, read without any video or sound."""

import base64
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from quality.charts import Floats, Limit
from quality.reader import Made, Standing, find, one_in, sample
from schemas.reasons import REASONS

MAX_ROWS = 200_000
"""Rows per table that the page looks at. Of larger tables it is an even share by an id, the same of all that are held against one another, and
what is counted is multiplied."""
MAX_WORDS = 160
"""Signs of a text that stands where a picture would."""
CLIP = ("source_id", "start_s", "end_s", "frames", "title", "caption", "text")
"""Columns of a clip that is shown."""
MAX_JPEG = 200_000
"""Larger stored pictures are left out, bytes."""
MEASURES = ("duration_s", "sharpness", "acutance", "motion", "camera_motion", "luma_mean", "luma_std", "black_share", "freeze_share",
            "duplicate_frame_share", "flicker", "blockiness", "residual_cut", "text_area_share", "letterbox_share", "pillarbox_share",
            "fps", "height", "loudness_lufs", "silence_share", "speech_share", "clipping_share", "bandwidth_hz", "snr_db", "av_skew_s",
            "text_words", "repetition_share", "symbol_share", "lang_score")
"""Measurements of clips that get a histogram where they have values."""


OF_VIDEOS = frozenset({"prompts", "generations", "publications"})
"""Tables of the jobs that make videos; their rejects do not continue those of the corpus."""


@dataclass(frozen=True)
class Shown:
    """A reject with what a person needs to judge the judgement."""

    sample_id: str
    stage: str
    check: str
    reason: str
    value: float | None
    op: str | None
    threshold: float | None
    detail: str
    where: str
    picture: str = ""
    words: str = ""


@dataclass(frozen=True)
class Group:
    """Rejects of one reason."""

    reason: str
    english: str
    chinese: str
    count: int
    examples: tuple[Shown, ...]


@dataclass(frozen=True)
class Twin:
    """A clip of a duplicate cluster."""

    clip_id: str
    where: str
    picture: str
    words: str = ""
    method: str = ""
    score: float | None = None
    matched_in: str = ""


@dataclass(frozen=True)
class Cluster:
    """A keeper and its losers."""

    keeper: Twin
    losers: tuple[Twin, ...]
    more: int


@dataclass(frozen=True)
class Yield:
    """What one folder gave."""

    name: str
    sources: int
    clips: int
    samples: int
    seconds: float
    why: tuple[tuple[str, int], ...] = ()
    """Its most frequent reasons for leaving."""


@dataclass(frozen=True)
class Video:
    """A generated clip or a published video."""

    title: str
    prompt: str
    verdict: str
    poster: str
    href: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)
    why: str = ""
    """Reason of a rejected one."""


def latest(jobs: Sequence[Made]) -> dict[str, Standing]:
    """The version of each table that was made last; rejects of the corpus, not of the videos."""
    found: dict[str, Standing] = {}
    for made in jobs:
        for name, version in made.versions.items():
            if name != "rejects" or not OF_VIDEOS & made.versions.keys():
                found[name] = version
    return found


def looked_at(versions: Iterable[Standing]) -> int:
    """One row in how many the page looks at, of tables that are held against one another."""
    return max((one_in(version, MAX_ROWS) for version in versions), default=1)


def reject_versions(jobs: Sequence[Made]) -> list[Standing]:
    """Rejects of all jobs, once each."""
    last = [latest(jobs).get("rejects"), *(m.versions["rejects"] for m in jobs if "rejects" in m.versions)]
    return list({v.fingerprint: v for v in last if v is not None}.values())


def rejects(jobs: Sequence[Made], every: int, by: str = "sample_id") -> pa.Table | None:
    """Rejects of all jobs, of one sample (or source) in `every`, once each."""
    columns = ["sample_id", "source_id", "stage", "check", "value", "op", "threshold", "reason", "decisive", "detail"]
    parts = [sample(v, columns, every, by) for v in reject_versions(jobs)]
    if not parts:
        return None
    rows = pa.concat_tables(parts)
    return rows.group_by(columns).aggregate([]).sort_by([(name, "ascending") for name in ("sample_id", "stage", "check")])


def picture(frames: Sequence[Mapping[str, Any]] | None) -> str:
    """The middle one of the stored frames as a data URI; empty where there is none."""
    if not frames:
        return ""
    return jpeg(frames[len(frames) // 2]["jpeg"])


def jpeg(data: bytes | None) -> str:
    """A JPEG as a data URI; empty for anything else or anything large."""
    if not data or len(data) > MAX_JPEG or not data.startswith(b"\xff\xd8\xff"):
        return ""
    return "data:image/jpeg;base64," + base64.b64encode(data).decode()


def words(clip: Mapping[str, Any] | None) -> str:
    """The beginning of a clip's text, caption or title."""
    said = next((str(clip[name]) for name in ("text", "caption", "title") if clip[name]), "") if clip else ""
    return said[:MAX_WORDS] + ("…" if len(said) > MAX_WORDS else "")


def reject_groups(rows: pa.Table, jobs: Sequence[Made], tables: Mapping[str, Standing], groups: int, each: int) -> tuple[Group, ...]:
    """Decisive rejects by reason, most first, as the jobs counted them, with examples."""
    decisive = rows.filter(rows["decisive"])
    counts: Counter[str] = sum((Counter(m.manifest["rejected"]) for m in jobs), Counter())
    chosen: dict[str, list[dict[str, Any]]] = {}
    for reason, _ in sorted(counts.items(), key=lambda c: (-c[1], c[0]))[:groups]:
        chosen[reason] = decisive.filter(pc.equal(decisive["reason"], reason)).slice(0, each).to_pylist()
    wanted = [row for picked in chosen.values() for row in picked]
    clips = _looked_up(tables, "clips", [r["sample_id"] for r in wanted], CLIP)
    parents = [r["source_id"] or clips.get(r["sample_id"], r)["source_id"] or r["sample_id"] for r in wanted]
    sources = _looked_up(tables, "sources", parents, ["rel_path"])
    return tuple(Group(reason, *REASONS.get(reason, (reason, "")), counts[reason],
                       tuple(_shown(row, clips.get(row["sample_id"]), sources) for row in picked))
                 for reason, picked in chosen.items())


def _looked_up(tables: Mapping[str, Standing], name: str, ids: Sequence[str],
               columns: Sequence[str]) -> dict[str, dict[str, Any]]:
    return find(tables[name], ids, columns) if name in tables and ids else {}


def _shown(row: Mapping[str, Any], clip: Mapping[str, Any] | None, sources: Mapping[str, Mapping[str, Any]]) -> Shown:
    source = sources.get(row["source_id"] or (clip or row)["source_id"] or row["sample_id"], {})
    return Shown(row["sample_id"], row["stage"], row["check"], row["reason"], row["value"], row["op"], row["threshold"],
                 row["detail"] or "", place(source.get("rel_path"), clip), picture(clip["frames"]) if clip else "", words(clip))


def place(path: str | None, clip: Mapping[str, Any] | None) -> str:
    """Where a clip lies, for people."""
    if not clip or clip["end_s"] is None or clip["end_s"] <= 0:
        return path or ""
    return f"{path or clip['source_id'][:12]} · {clip['start_s']:.2f}–{clip['end_s']:.2f} s"


def clusters(tables: Mapping[str, Standing], most: int, each: int) -> tuple[tuple[Cluster, ...], int]:
    """Duplicate clusters, largest first, and how many there are; every kind of evidence is shown before one is shown twice."""
    if "duplicates" not in tables:
        return (), 0
    every = looked_at([tables["duplicates"]])
    rows = sample(tables["duplicates"], ["loser_id", "keeper_id", "method", "score", "cluster_id", "matched_in"], every, "keeper_id")
    by_keeper: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows.to_pylist():
        by_keeper[row["keeper_id"]].append(row)
    ranked = sorted(by_keeper.items(), key=lambda item: (-len(item[1]), item[0]))
    first = dict.fromkeys(next(k for k, losers in ranked if any(r["method"] == method for r in losers))
                          for method in sorted({row["method"] for row in rows.to_pylist()}))
    order = [*first, *(k for k, _ in ranked if k not in first)][:most]
    ids = [i for k in order for i in (k, *(r["loser_id"] for r in by_keeper[k][:each]))]
    clips = _looked_up(tables, "clips", ids, CLIP)
    sources = _looked_up(tables, "sources", [c["source_id"] for c in clips.values()], ["rel_path"])

    def twin(clip_id: str, **facts: Any) -> Twin:
        clip = clips.get(clip_id)
        path = sources.get(clip["source_id"], {}).get("rel_path") if clip else None
        return Twin(clip_id, place(path, clip), picture(clip["frames"]) if clip else "", words(clip), **facts)

    def loser(row: Mapping[str, Any]) -> Twin:
        return twin(row["loser_id"], method=row["method"], score=row["score"], matched_in=row["matched_in"] or "")

    made = (Cluster(twin(k), tuple(map(loser, by_keeper[k][:each])), max(0, len(by_keeper[k]) - each)) for k in order)
    return tuple(made), every * len(by_keeper)


NO_FOLDER = "in no folder"
"""Where what lies in the source folder itself, and no folder below it, is counted."""


def yields(tables: Mapping[str, Standing], rejected: pa.Table | None, most: int, every: int) -> tuple[Yield, ...]:
    """Sources, clips, samples, seconds and reasons for leaving by first folder of the path, most sources first: those of one source in
    `every`, multiplied."""
    if "sources" not in tables:
        return ()
    rows = sample(tables["sources"], ["source_id", "rel_path"], every).to_pylist()
    folder = {r["source_id"]: r["rel_path"].split("/")[0] if "/" in r["rel_path"] else NO_FOLDER for r in rows}
    counted: dict[str, list[float]] = defaultdict(lambda: [0, 0, 0, 0.0])
    for name in folder.values():
        counted[name][0] += every
    for table, index in (("clips", 1), ("samples", 2)):
        if table in tables:
            found = sample(tables[table], ["source_id", "duration_s"], every, "source_id")
            for source, seconds in zip(found["source_id"].to_pylist(), found["duration_s"].to_pylist(), strict=True):
                if source in folder:
                    counted[folder[source]][index] += every
                    counted[folder[source]][3] += every * seconds if table == "samples" else 0
    why: dict[str, Counter[str]] = defaultdict(Counter)
    if rejected is not None:
        gone = rejected.filter(rejected["decisive"])
        for source, reason in zip(*(gone[n].to_pylist() for n in ("source_id", "reason")), strict=True):
            if source in folder:
                why[folder[source]][reason] += every
    ranked = sorted(counted.items(), key=lambda item: (-item[1][0], item[0]))[:most]
    return tuple(Yield(name, int(c[0]), int(c[1]), int(c[2]), c[3], tuple(why[name].most_common(3))) for name, c in ranked)


def measures(tables: Mapping[str, Standing], rows: pa.Table | None, every: int) -> dict[str, tuple[Floats, Floats]]:
    """Values of each measurement in one clip in `every`: of clips that stay, and of clips that go."""
    if "clips" not in tables:
        return {}
    clips = sample(tables["clips"], ["clip_id", *MEASURES], every)
    gone = pa.array(dropped_ids(rows), pa.string())
    lost = pc.is_in(clips["clip_id"], value_set=gone)
    kept, dropped = clips.filter(pc.invert(lost)), clips.filter(lost)
    found = {name: (_values(kept, name), _values(dropped, name)) for name in MEASURES}
    a, b = found["duration_s"]
    found["duration_s"] = a[a > 0], b[b > 0]  # texts and pictures have no length
    return {name: (a, b) for name, (a, b) in found.items() if len(a) + len(b) >= 2}


def dropped_ids(rows: pa.Table | None) -> list[str]:
    """Everything that left the funnel."""
    return [] if rows is None else list(rows.filter(rows["decisive"])["sample_id"].to_pylist())


def _values(rows: pa.Table, name: str) -> Floats:
    values = np.asarray(pc.cast(rows[name].drop_null(), pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
    return values[np.isfinite(values)]


def limits_of(tables: Mapping[str, Standing], rows: pa.Table | None) -> tuple[Limit, ...]:
    """Thresholds as the rejects of the policy name them, on the one measurement whose values theirs are; an ambiguous one is left out."""
    if rows is None or "clips" not in tables:
        return ()
    rows = rows.filter(pc.equal(rows["stage"], "judge"))
    judged = rows.filter(pc.and_(pc.is_in(rows["op"], value_set=pa.array(["<", ">"])), pc.is_valid(rows["threshold"])))
    groups: dict[tuple[str, str, float], list[dict[str, Any]]] = defaultdict(list)
    for row in judged.to_pylist():
        groups[row["reason"], row["op"], row["threshold"]].append(row)
    picked = {key: found[:20] for key, found in groups.items()}
    clips = _looked_up(tables, "clips", [r["sample_id"] for found in picked.values() for r in found], MEASURES)
    limits = []
    for (reason, op, threshold), found in sorted(picked.items()):
        known = [(r["value"], clips[r["sample_id"]]) for r in found if r["sample_id"] in clips and r["value"] is not None]
        fits = [c for c in MEASURES if known and all(_same(clip[c], value) for value, clip in known)]
        if len(fits) == 1:
            limits.append(Limit(fits[0], op, threshold, reason))
    return tuple(limits)


def _same(measured: float | None, value: float) -> bool:
    return measured is not None and abs(measured - value) <= 1e-3 * max(1.0, abs(value))


def mixes(tables: Mapping[str, Standing], most: int) -> dict[str, list[tuple[str, int]]]:
    """Samples by modality, split, language, licence, cut, and, where they have one, height."""
    if "samples" not in tables:
        return {}
    every = looked_at([tables["samples"]])
    rows = sample(tables["samples"], ["modality", "lang", "licence", "split", "height", "cut"], every)
    heights = Counter(h for h in rows["height"].to_pylist() if h is not None)
    found = {name: [(str(v) if v is not None else "unknown", every * n) for v, n in Counter(rows[name].to_pylist()).most_common(most)]
             for name in ("modality", "split", "lang", "licence", "cut")}
    return found | ({"height": [(f"{h} px", every * n) for h, n in heights.most_common(most)]} if heights else {})


def videos(tables: Mapping[str, Standing], rejected: pa.Table | None, prefix: str | None, most: int) -> tuple[Video, ...]:
    """Published videos, then generated clips, accepted or not; `prefix` is where published files lie, seen from the page."""
    prompts = {r["prompt_id"]: r["text"] for r in sample(tables["prompts"], ["prompt_id", "text"], looked_at([tables["prompts"]])).to_pylist()
               } if "prompts" in tables else {}
    why = dict(zip(rejected["sample_id"].to_pylist(), rejected["reason"].to_pylist(), strict=True)) if rejected is not None else {}
    found: list[Video] = []
    clips = _generations(tables, most)
    if "publications" in tables:
        columns = ["publication_id", "prompt_id", "generation_ids", "title", "aspect", "width", "height", "duration_s", "lang",
                   "visible_label", "c2pa", "test_key", "target", "uri", "loudness_lufs"]
        for row in sample(tables["publications"], columns, looked_at([tables["publications"]])).to_pylist()[:most]:
            mine = [clips[g] for g in row["generation_ids"] if g in clips]
            href = f"{prefix}/{row['uri']}" if prefix is not None and SAFE_URI.match(row["uri"]) else ""
            facts = {"size": f"{row['width']}×{row['height']}", "aspect": row["aspect"], "length": f"{row['duration_s']:.1f} s",
                     "label": row["visible_label"], "C2PA": row["c2pa"] + (" (test key)" if row["test_key"] else ""),
                     "target": row["target"], "clips": str(len(row["generation_ids"]))}
            found.append(Video(row["title"], prompts.get(row["prompt_id"], ""), "published",
                               jpeg(mine[0]["thumbnail"]) if mine else "", href, facts))
    for row in list(clips.values())[: max(0, most - len(found))]:
        facts = {"model": f"{row['model']} {row['revision'][:12]}", "seed": str(row["seed"]),
                 "attempt": str(row["attempt"] + 1), "size": f"{row['width']}×{row['height']}×{row['frames']}"}
        scores = {s["name"]: s["value"] for s in row["scores"] if s["value"] is not None}
        scores = {name: scores[name] for name in [*(n for n in FIRST_SCORES if n in scores), *sorted(scores.keys() - {*FIRST_SCORES})]}
        found.append(Video(f"Shot {row['shot'] + 1}", row["prompt"], row["verdict"], jpeg(row["thumbnail"]), "", facts, scores,
                           why.get(row["generation_id"], "")))
    return tuple(found)


FIRST_SCORES = ("similarity", "motion", "sharpness", "flicker")
"""Scores of a generated clip that are shown at once: what it shows, that it moves, how clear and how steady it is."""
SAFE_URI = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9_.-]*\.mp4$")
"""Published files that the page links to: a plain name, nothing that leads elsewhere."""


def _generations(tables: Mapping[str, Standing], most: int) -> dict[str, dict[str, Any]]:
    if "generations" not in tables:
        return {}
    version = tables["generations"]
    ids = sample(version, ["generation_id", "prompt_id", "shot", "attempt"], looked_at([version])).sort_by(
        [("prompt_id", "ascending"), ("shot", "ascending"), ("attempt", "ascending")])["generation_id"].to_pylist()[: most * 4]
    rows = find(version, ids, [n for n in version.table.schema.names if n != "video"])
    return {i: rows[i] for i in ids if i in rows}

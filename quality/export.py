"""The static quality page of a lake: one HTML file that opens offline, asks for nothing and runs no script.

Everything that came from media or manifests is escaped, pictures are embedded as checked JPEGs, and a content security
policy forbids whatever else a value could try.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from markupsafe import Markup

from quality import charts, labelled
from quality.charts import Limit
from quality.drift import Drift
from quality.exhibits import (
    OF_VIDEOS,
    clusters,
    dropped_ids,
    latest,
    limits_of,
    looked_at,
    measures,
    mixes,
    reject_groups,
    reject_versions,
    rejects,
    videos,
    yields,
)
from quality.funnel import StageLine, funnel
from quality.reader import Files, Made, Standing, made
from quality.run import GATED, Verdict, verdict_of
from schemas import CLIPS
from schemas.reasons import REASONS

GROUPS, EACH, CLUSTERS, LOSERS, FOLDERS, WORDS, VIDEOS = 12, 4, 8, 4, 20, 8, 12
"""Examples on the page: it stays a few MB however large the lake is."""


def write_report(lake: Files, out: Path, *, limits: Sequence[Limit] = (), videos_at: Path | None = None) -> None:
    """Write the page of what stands in a lake, whole or not at all.

    Args:
        lake: `jobs.lake.Lake`.
        out: HTML file.
        limits: Thresholds in force, for the histograms; those that rejects name are found without.
        videos_at: Folder of published videos; by default `videos` beside the tables or beside the lake, where it exists.
    """
    page = report(lake, limits=limits, videos_at=_relative(lake, out, videos_at))
    out.parent.mkdir(parents=True, exist_ok=True)
    passing = out.with_name(f"{out.name}.{os.getpid()}.tmp")
    passing.write_text(page, encoding="utf-8")
    os.replace(passing, out)


def report(lake: Files, *, limits: Sequence[Limit] = (), videos_at: str | None = None) -> str:
    """The page. `videos_at` is the address of the folder of published videos as seen from the page."""
    jobs = [m for m in made(lake) if not m.stale]
    tables = latest(jobs)
    every = looked_at([*(tables[name] for name in ("sources", "clips", "samples") if name in tables), *reject_versions(jobs)])
    of_labels = max(every, looked_at([tables["labels"]] if "labels" in tables else []))
    rows = rejects(jobs, every)
    said, clusters_shown = labelled.read(tables, of_labels), clusters(tables, CLUSTERS, LOSERS)
    hours = sum(tables["samples"].each(_seconds, ["duration_s"])) / 3600 if "samples" in tables else 0.0
    facts = {
        "name": _name(lake), "hours": hours, "tiles": _tiles(tables, jobs, hours), "release": _release(tables, jobs), "reasons": REASONS,
        "funnels": _funnels(jobs),
        "groups": reject_groups(rows, jobs, tables, GROUPS, EACH) if rows is not None else (),
        "clusters": clusters_shown[0], "cluster_count": clusters_shown[1], "every": every, "of_labels": of_labels,
        "yields": yields(tables, rejects(jobs, every, "source_id"), FOLDERS, every),
        "labelers": labelled.lines(tables, said, of_labels), "words": labelled.words(said, WORDS, of_labels),
        "tokens": labelled.tokens(said, of_labels),
        "scores": [_figure(name, "", kept, gone, [limit for limit in limits if limit.column == name])
                   for name, kept, gone in labelled.scores(said, dropped_ids(rows))],
        "mixes": mixes(tables, 8), "videos": videos(tables, rows, videos_at, VIDEOS),
        "histograms": list(_histograms(tables, rows, every, limits)), "verdicts": _verdicts(jobs), "runs": [_run(m, hours) for m in jobs],
        "drift": _drift(tables), "css": Markup((Path(__file__).parent / "report.css").read_text(encoding="utf-8")),
        "tables": tables, "samples_checked": "samples" in tables and verdict_of(tables["samples"]) is not None,
    }
    return str(_template().render(facts))


@cache
def _template() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    pages = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined,
                        trim_blocks=True, lstrip_blocks=True)
    pages.filters |= {"number": charts.number, "size": charts.size, "duration": charts.duration,
                      "percent": lambda share: f"{share:.1%}" if share is not None else "–"}
    return pages.get_template("report.html")


def _relative(lake: Files, out: Path, given: Path | None) -> str | None:
    root = getattr(lake, "root", "")
    guesses = [given] if given else [Path(root) / "videos", Path(root).parent / "videos"] if root and "://" not in root else []
    for folder in guesses:
        if folder is not None and folder.is_dir():
            return quote(os.fsencode(os.path.relpath(folder.resolve(), out.parent.resolve())))
    return None


def _seconds(samples: pa.Table) -> float:
    return pc.sum(samples["duration_s"]).as_py() or 0.0


def _name(lake: Files) -> str:
    parts = [part for part in str(getattr(lake, "root", "")).split("/") if part and part != "."]
    return "/".join(parts[-2:]) or "lake"


def _tiles(tables: Mapping[str, Standing], jobs: Sequence[Made], hours: float) -> list[tuple[str, str, str]]:
    """Label, figure and remark of each tile."""
    by_job = {m.job: m.manifest for m in jobs}
    tiles: list[tuple[str, str, str]] = []
    for table, label in (("sources", "Sources collected"), ("clips", "Clips measured"), ("samples", "Samples released")):
        if table in tables:
            manifest = tables[table].manifest
            tiles.append((label, f"{manifest['rows']:,}", f"a table of {charts.size(sum(f['bytes'] for f in manifest['files']))}"))
    if "samples" in tables:
        share = tables["samples"].manifest["rows"] / (tables["clips"].manifest["rows"] or 1) if "clips" in tables else None
        remark = f"{share:.1%} of the clips" if share is not None else ""
        tiles.append(("Length released", charts.duration(hours * 3600), remark))
        cost = _corpus_cpu_s(jobs)
        if cost and hours:
            tiles.append(("CPU per released hour", charts.duration(cost / hours), f"{charts.duration(cost)} in all"))
    if "duplicates" in tables:
        seen = tables["duplicates"].manifest["seen"]
        count = tables["duplicates"].manifest["rows"]
        tiles.append(("Duplicates removed", f"{count:,}", f"{count / seen:.1%} of what came in" if seen else ""))
    if "generations" in tables:
        manifest = by_job.get("generate", tables["generations"].manifest)
        tiles.append(("Clips generated", f"{tables['generations'].manifest['rows']:,}", f"{manifest['kept']:,} shots accepted"))
    if "publications" in tables:
        tiles.append(("Videos published", f"{tables['publications'].manifest['rows']:,}", "labelled and signed"))
    return tiles


def _corpus_cpu_s(jobs: Sequence[Made]) -> float:
    return sum(_cpu_s(m.manifest) or 0.0 for m in jobs if not m.versions.keys() & OF_VIDEOS)


def _cpu_s(manifest: Mapping[str, Any]) -> float | None:
    """CPU seconds of a job as its manifest tells; None where it does not."""
    if (spent := manifest.get("cost", {}).get("cpu_s")) is not None:
        return float(spent)
    told = [float(m["cpu_s"]) for m in manifest.get("measured", ()) if isinstance(m, Mapping) and isinstance(m.get("cpu_s"), int | float)]
    return sum(told) if told else None


def _funnels(jobs: Sequence[Made]) -> list[tuple[str, tuple[StageLine, ...], int]]:
    """Title, lines and greatest number of the two chains: the corpus is counted in sources and clips, the rest in videos."""
    found = []
    for title, mine in (("Raw media to release", [m for m in jobs if not m.versions.keys() & OF_VIDEOS]),
                        ("Release to videos", [m for m in jobs if m.versions.keys() & OF_VIDEOS])):
        if lines := funnel(m.manifest for m in mine):
            found.append((title, lines, max(1, *(line.seen for line in lines))))
    return found


def _release(tables: Mapping[str, Standing], jobs: Sequence[Made]) -> dict[str, str]:
    version = tables.get("samples") or next(iter(reversed(list(tables.values()))), None)
    if version is None:
        return {}
    manifest = version.manifest
    name = next((n for n in version.lake.names("releases") if n.endswith(version.fingerprint)), None)
    facts = {**({"release": name} if name else {"table": version.table.name}), "version": version.fingerprint, "finished": f"{_when(manifest['finished'])} UTC",
             "schema": str(manifest["schema_version"])}
    presets = [m.manifest["recipe"]["policy"]["preset"] for m in jobs if "preset" in m.manifest["recipe"].get("policy", {})]
    return facts | ({"policy": str(presets[0])} if presets else {})


def _histograms(tables: Mapping[str, Standing], rows: Any, every: int, given: Sequence[Limit]) -> Iterator[dict[str, Any]]:
    found = {(limit.column, limit.reason, limit.op, limit.threshold): limit for limit in (*limits_of(tables, rows), *given)}
    docs = {f.name: f.metadata[b"doc"].decode() for f in CLIPS.schema}
    for name, (kept, dropped) in measures(tables, rows, every).items():
        mine = [limit for limit in found.values() if limit.column == name]
        if not mine and len(np.unique(np.concatenate([kept, dropped]))) < 2:
            continue  # one value everywhere: nothing to see
        yield _figure(name, docs[name], kept, dropped, mine)


def _figure(name: str, doc: str, kept: charts.Floats, dropped: charts.Floats, limits: Sequence[Limit]) -> dict[str, Any]:
    return {"name": name, "doc": doc, "kept": len(kept), "dropped": len(dropped), "limits": limits,
            "svg": charts.histogram(kept, dropped, limits, shares=name.endswith("_share"))}


def _verdicts(jobs: Sequence[Made]) -> list[tuple[str, str, Verdict | None]]:
    """Job, table and verdict (none: the gate was not asked yet) of every version that has a gate."""
    return [(m.job, name, verdict_of(version)) for m in jobs for name, version in m.versions.items() if name in GATED]


def _drift(tables: Mapping[str, Standing]) -> list[Drift]:
    verdict = verdict_of(tables["samples"]) if "samples" in tables else None
    facts = verdict.facts if verdict else {}
    names = [n.removeprefix("psi_") for n in facts if n.startswith("psi_")]
    lines = (Drift(n, *(float(facts[f"{fact}_{n}"] or 0.0) for fact in ("psi", "ks", "p"))) for n in names)
    return sorted(lines, key=lambda line: -line.psi)


def _run(one: Made, hours: float) -> dict[str, Any]:
    manifest = one.manifest
    files = [f for version in one.versions.values() for f in version.manifest["files"]]
    measured = [m for m in manifest.get("measured", ()) if isinstance(m, Mapping)]
    memory = [float(v) for m in measured for k, v in m.items() if k in ("peak_mb", "rss_mb", "memory_mb")]
    cpu_s, corpus = _cpu_s(manifest), not one.versions.keys() & OF_VIDEOS
    began, ended = (datetime.fromisoformat(manifest[name]) for name in ("started", "finished"))
    return {"job": one.job, "fingerprint": manifest["fingerprint"], "code": manifest["code"],
            "started": _when(manifest["started"]), "wall_s": (ended - began).total_seconds(),
            "cpu_s": cpu_s, "peak_mb": max([*memory, manifest.get("cost", {}).get("peak_mb", 0)]) or None,
            "per_hour_s": cpu_s / hours if cpu_s is not None and hours and corpus else None,
            "tables": {name: version.manifest["rows"] for name, version in one.versions.items()},
            "files": len(files), "bytes": sum(f["bytes"] for f in files)}


def _when(text: str) -> str:
    return datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M")

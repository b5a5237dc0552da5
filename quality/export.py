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

import numpy as np
from markupsafe import Markup

from quality import charts
from quality.charts import Limit
from quality.exhibits import (
    OF_VIDEOS,
    clusters,
    labels,
    latest,
    limits_of,
    measures,
    mixes,
    reject_groups,
    rejects,
    videos,
    yields,
)
from quality.funnel import StageLine, funnel
from quality.reader import Files, Made, Standing, made
from quality.run import GATED, Verdict, verdict_of
from schemas import CLIPS
from schemas.reasons import REASONS

GROUPS, EACH, CLUSTERS, LOSERS, FOLDERS, TAGS, VIDEOS = 12, 4, 8, 4, 20, 24, 12
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
    """The page. `videos_at` is the folder of published videos as seen from the page."""
    jobs = [m for m in made(lake) if not m.stale]
    tables = latest(jobs)
    rows = rejects(jobs)
    told, clusters_shown = labels(tables, TAGS), clusters(tables, CLUSTERS, LOSERS)
    facts = {
        "name": _name(lake), "tiles": _tiles(tables, jobs), "release": _release(tables, jobs), "reasons": REASONS,
        "funnels": _funnels(jobs),
        "groups": reject_groups(rows, tables, GROUPS, EACH) if rows is not None else (),
        "clusters": clusters_shown[0], "cluster_count": clusters_shown[1], "yields": yields(tables, FOLDERS),
        "labelers": told[0], "tags": told[1], "mixes": mixes(tables, 8), "videos": videos(tables, videos_at, VIDEOS),
        "histograms": list(_histograms(tables, rows, limits)), "verdicts": _verdicts(jobs), "runs": [_run(m) for m in jobs],
        "drift": _drift(tables), "css": Markup((Path(__file__).parent / "report.css").read_text(encoding="utf-8")),
        "tables": tables,
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
            return Path(os.path.relpath(folder.resolve(), out.parent.resolve())).as_posix()
    return None


def _name(lake: Files) -> str:
    parts = [part for part in str(getattr(lake, "root", "")).split("/") if part and part != "."]
    return "/".join(parts[-2:]) or "lake"


def _tiles(tables: Mapping[str, Standing], jobs: Sequence[Made]) -> list[tuple[str, str, str]]:
    """Label, figure and remark of each tile."""
    by_job = {m.job: m.manifest for m in jobs}
    tiles: list[tuple[str, str, str]] = []
    for table, label in (("sources", "Sources collected"), ("clips", "Clips measured"), ("samples", "Samples released")):
        if table in tables:
            manifest = tables[table].manifest
            tiles.append((label, f"{manifest['rows']:,}", charts.size(sum(f["bytes"] for f in manifest["files"]))))
    if "samples" in tables:
        lengths = tables["samples"].read(["duration_s"])["duration_s"].to_pylist()
        share = tables["samples"].manifest["rows"] / (tables["clips"].manifest["rows"] or 1) if "clips" in tables else None
        remark = f"{share:.1%} of the clips" if share is not None else ""
        tiles.append(("Length released", charts.duration(sum(lengths)), remark))
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
    facts = {"table": version.table.name, "version": version.fingerprint, "finished": _when(manifest["finished"]),
             "schema": str(manifest["schema_version"])}
    presets = [m.manifest["recipe"]["policy"]["preset"] for m in jobs if "preset" in m.manifest["recipe"].get("policy", {})]
    return facts | ({"policy": str(presets[0])} if presets else {})


def _histograms(tables: Mapping[str, Standing], rows: Any, given: Sequence[Limit]) -> Iterator[dict[str, Any]]:
    found = {(limit.column, limit.reason, limit.op, limit.threshold): limit for limit in (*limits_of(tables, rows), *given)}
    docs = {f.name: f.metadata[b"doc"].decode() for f in CLIPS.schema}
    for name, (kept, dropped) in measures(tables, rows).items():
        mine = [limit for limit in found.values() if limit.column == name]
        if not mine and len(np.unique(np.concatenate([kept, dropped]))) < 2:
            continue  # one value everywhere: nothing to see
        yield {"name": name, "doc": docs[name], "kept": len(kept), "dropped": len(dropped), "limits": mine,
               "svg": charts.histogram(kept, dropped, mine, shares=name.endswith("_share"))}


def _verdicts(jobs: Sequence[Made]) -> list[tuple[str, str, Verdict | None]]:
    """Job, table and verdict (none: the gate was not asked yet) of every version that has a gate."""
    return [(m.job, name, verdict_of(version)) for m in jobs for name, version in m.versions.items() if name in GATED]


def _drift(tables: Mapping[str, Standing]) -> list[dict[str, Any]]:
    verdict = verdict_of(tables["samples"]) if "samples" in tables else None
    if verdict is None:
        return []
    names = [n.removeprefix("psi_") for n in verdict.facts if n.startswith("psi_")]
    return sorted(({"column": n, "psi": verdict.facts[f"psi_{n}"], "ks": verdict.facts.get(f"ks_{n}")} for n in names),
                  key=lambda line: -(line["psi"] or 0))


def _run(one: Made) -> dict[str, Any]:
    manifest = one.manifest
    files = [f for version in one.versions.values() for f in version.manifest["files"]]
    measured = [m for m in manifest.get("measured", ()) if isinstance(m, Mapping)]
    cpu = [float(m["cpu_s"]) for m in measured if isinstance(m.get("cpu_s"), int | float)]
    memory = [float(v) for m in measured for k, v in m.items() if k in ("peak_mb", "rss_mb", "memory_mb")]
    began, ended = (datetime.fromisoformat(manifest[name]) for name in ("started", "finished"))
    return {"job": one.job, "fingerprint": manifest["fingerprint"], "code": manifest["code"],
            "started": _when(manifest["started"]), "wall_s": (ended - began).total_seconds(),
            "cpu_s": sum(cpu) if cpu else None, "peak_mb": max(memory, default=None),
            "tables": {name: version.manifest["rows"] for name, version in one.versions.items()},
            "files": len(files), "bytes": sum(f["bytes"] for f in files)}


def _when(text: str) -> str:
    return datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M UTC")

"""`reelmill demo`: renders a corpus with planted faults, runs both DAGs on it in Airflow, and holds the result against the truth."""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from jobs.cli.build import vars_of
from jobs.cli.common import json_word, nonempty, note, show, table
from jobs.cli.generate import published
from jobs.demo.corpus import render
from jobs.demo.truth import Finding, compare
from jobs.errors import RunError, Terminal, Transient
from jobs.lake import Lake
from jobs.progress import bar
from jobs.state import funnel_lines, made
from schemas.loading import load


def arguments(parser: argparse.ArgumentParser) -> None:
    """Words of the command."""
    parser.add_argument("--out", type=nonempty, default="demo", metavar="DIR", help="folder for the corpus, the lake and the videos (default ./demo)")
    json_word(parser)


def main(args: argparse.Namespace) -> int:
    """Run the demo; non-zero when the truth was missed."""
    started = time.monotonic()
    out = Path(args.out).absolute()
    out.mkdir(parents=True, exist_ok=True)
    with bar("render", 30, "file", not args.as_json) as done:
        truths = render(out / "sources", lambda n, total: done(n))
    if not args.as_json:
        note(f"corpus    {len(truths)} sources with known faults in {out / 'sources'}")
    conf = {
        "sources": [str(out / "sources")],
        "lake": str(out / "lake"),
        "settings": {"prompts": {"count": 2}, "runtime": {"out": str(out / "videos")}},
    }
    before = {name: m.manifest["finished"] for name, m in _made(out).items()}
    _run_dags(out, conf, quiet=args.as_json)
    settings = load([f"runtime.lake={json.dumps(str(out / 'lake'))}", f"runtime.out={json.dumps(str(out / 'videos'))}"])
    facts = _facts(out, Lake(settings.runtime.lake), compare(Lake(settings.runtime.lake), truths), before)
    facts["videos"] = published(Lake(settings.runtime.lake), settings)
    facts["seconds"] = round(time.monotonic() - started, 1)
    show(facts, args.as_json, _told(out, facts))
    return 0 if facts["ok"] else 1


def _made(out: Path) -> dict[str, Any]:
    return dict(made(Lake(str(out / "lake")))) if (out / "lake" / "lake.json").exists() else {}


def _run_dags(out: Path, conf: dict[str, Any], *, quiet: bool) -> None:
    """Both DAGs in one process of its own: jobs know nothing of Airflow."""
    words = [
        sys.executable,
        "-m",
        "dags.run_once",
        "build_corpus",
        "generate_videos",
        "--conf",
        json.dumps(conf),
        "--home",
        str(out / "airflow"),
    ]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    code = subprocess.run(words, stdout=sys.stderr, env=os.environ | {"PATH": path}, stderr=None, check=False).returncode
    if code:
        kind = {64: Terminal, 75: Transient}.get(code, RunError)
        raise kind(f"a DAG did not finish (exit code {code}); its tasks' last words are above")


def _facts(out: Path, lake: Lake, findings: list[Finding], before: dict[str, Any]) -> dict[str, Any]:
    from jobs.cli.report import limits
    from jobs.fuse.release import releases
    from quality.export import write_report
    from quality.funnel import breaks

    lines = funnel_lines(lake)
    report = out / "report.html"
    write_report(lake, report, limits=limits(lake))
    standing = made(lake)
    worked = [name for name, m in standing.items() if before.get(name) != m.manifest["finished"]]
    uneven = breaks(lines)
    wrong = [f for f in findings if not f.ok]
    return {
        "ok": not wrong and not uneven,
        "stages": [vars_of(s) for s in lines],
        "uneven": uneven,
        "worked": worked,
        "truth": [vars(f) for f in findings],
        "missed": [f.name for f in wrong if f.expected.startswith("dropped")],
        "wrongly_dropped": [f.name for f in wrong if f.expected.startswith("kept")],
        "release": releases(lake)[-1],
        "report": str(report),
    }


def _told(out: Path, facts: dict[str, Any]) -> str:
    from quality.funnel import table as funnel_text

    stages = funnel_text(funnel_lines(Lake(str(out / "lake"))))
    truth = table(
        [("ok" if f["ok"] else "WRONG", f["name"], f["expected"], f["found"]) for f in facts["truth"]], ("", "source", "planted", "found")
    )
    right = sum(f["ok"] for f in facts["truth"])
    again = "" if facts["worked"] else "\nEvery version stood already: nothing was decoded and no model was run."
    wrong = "".join(f"\nmissed: {n}" for n in facts["missed"]) + "".join(f"\nwrongly dropped: {n}" for n in facts["wrongly_dropped"])
    wrong += "".join(f"\n{n}" for n in facts["uneven"])
    videos = "\n".join(f"video    {v['path']}  ({v['aspect']}, {v['duration_s']:.1f} s, {v['label']})" for v in facts["videos"])
    return (
        f"{stages}\n\n{truth}\n\n{right} of {len(facts['truth'])} planted sources as they should be{wrong}{again}\n\n"
        f"release  {facts['release']['path']}\nreport   {facts['report']}\n{videos}\n{facts['seconds']:.0f} s"
    )

"""`reelmill report`: the quality page of a lake as one file that opens offline."""

import argparse
from typing import TYPE_CHECKING

from jobs.cli.common import json_word, lake_of, nonempty, page_to_write, settings_words, show
from jobs.lake import Lake
from schemas import REJECTS, SAMPLES
from schemas.settings import Policy

if TYPE_CHECKING:
    from quality.charts import Limit


def arguments(parser: argparse.ArgumentParser) -> None:
    """Words of the command."""
    parser.add_argument("--out", type=nonempty, default="report.html", metavar="FILE", help="page to write (default ./report.html)")
    settings_words(parser)
    json_word(parser)


def main(args: argparse.Namespace) -> int:
    """Write the page."""
    from quality.export import write_report

    out, lake = page_to_write(args.out), lake_of(args)
    write_report(lake, out, limits=limits(lake))
    show({"report": str(out), "bytes": out.stat().st_size}, args.as_json, str(out))
    return 0


def limits(lake: Lake) -> tuple["Limit", ...]:
    """Thresholds that what stands in the lake was judged by, whether anything broke them or not."""
    from jobs.clean.policy import resolve
    from quality.charts import Limit

    found = []
    if (judged := lake.current("judge")) and (version := lake.version(REJECTS, judged)):
        for check in resolve(Policy.model_validate(version.manifest["recipe"]["policy"])):
            for limit in check.filter.limits if check.config.severity == "stop" else ():
                threshold = getattr(check.config, limit.field)
                if isinstance(limit.value, str) and threshold is not None:
                    found.append(Limit(limit.value, limit.op, float(threshold), limit.code))
    if (fused := lake.current("fuse")) and (release := lake.version(SAMPLES, fused)):
        label = release.manifest["recipe"].get("label", {})
        for key in ("caption", "title"):
            if label.get("min_similarity") is not None:
                found.append(Limit(f"clip_text_similarity/{key}", "<", label["min_similarity"], "off_caption"))
        if label.get("min_consistency") is not None:
            found.append(Limit("clip_embedding/consistency", "<", label["min_consistency"], "missed_cut"))
        if label.get("max_unsafe") is not None:
            found.append(Limit("safety/unsafe", ">", label["max_unsafe"], "unsafe"))
    return tuple(found)

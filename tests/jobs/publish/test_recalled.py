"""A takedown between the draw of a prompt and the publication of its video."""

from collections.abc import Callable
from typing import Any

import pytest

from jobs.fuse.tombstones import bury
from jobs.lake import Lake, Version
from jobs.publish.job import PUBLISH, outside, run
from jobs.run import Run
from schemas import CLIPS, GENERATIONS, PROMPTS, REJECTS, SAMPLES, SOURCES, Table
from schemas.settings import Settings

DAY, NIGHT = "今天去了西藏，风景真的很美。", "晚上我们回到了拉萨，星星很亮。"


def row(table: Table, **facts: Any) -> dict[str, Any]:
    def blank(kind: str) -> Any:
        return [] if "list" in kind else "" if "string" in kind else b"" if "binary" in kind else False if kind == "bool" else 0

    return {f.name: None if f.nullable else blank(str(f.type)) for f in table.schema} | facts


def stand(lake: Lake, table: Table, job: str, rows: list[dict[str, Any]], **parents: str) -> Version:
    files = [lake.write_part(table, "v", f"{job}.parquet", table.rows(rows))] if rows else []
    lake.write_json({"job": job, "rows": len(rows), "files": files, "parents": {k.replace("_at_", "@"): v for k, v in parents.items()}},
                    table.name, "v", "manifest.json")
    lake.write_json({"fingerprint": "v"}, "_current", f"{job}.json")
    found = lake.version(table, "v")
    assert found is not None
    return found


def published(settings: Settings, lake: Lake, parents: dict[str, Version]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows of `publications` and of `rejects` of a run in this process."""
    made: dict[str, list[dict[str, Any]]] = {"publications": [], "rejects": []}

    def parts(tasks: Any, work: Any, *, weight: str = "") -> None:
        for one in tasks:
            for name, table in work(one, settings).tables.items():
                made[name] += table.to_pylist()

    now = Run(PUBLISH, settings, lake, parents, "v")
    now.parts = parts  # type: ignore[method-assign, assignment]
    run(now)
    return made["publications"], made["rejects"]


@pytest.mark.parametrize("erased", [False, True])
def test_a_video_of_what_was_taken_down_meanwhile_is_not_posted(quick: Callable[..., Settings], task: Any, tmp_path: Any, erased: bool) -> None:
    settings = quick()
    lake = Lake(str(tmp_path / "lake")).open(create=True)
    source = row(SOURCES, source_id="S", sha256="0" * 64, uri="/in/a.mp4")
    stand(lake, SOURCES, "collect", [source, row(SOURCES, source_id="T", sha256="1" * 64, uri="/in/b.mp4")])
    stand(lake, CLIPS, "measure", [row(CLIPS, clip_id="s1", source_id="S"), row(CLIPS, clip_id="t1", source_id="T")])
    stand(lake, SAMPLES, "fuse", [], sources_at_collect="v", clips_at_measure="v")
    told = [(task(settings, text), sample) for text, sample in ((DAY, "s1"), (NIGHT, "t1"))]
    clips = [made | {"prompt_id": one.prompt["prompt_id"], "generation_id": f"{one.prompt['prompt_id']}-{made['shot']}"}
             for one, _ in told for made in one.clips[0].part.read().to_pylist()[:len(one.clips)]]
    prompts = [one.prompt | {"sample_ids": [sample]} for one, sample in told]
    gone, left = (one["prompt_id"] for one in prompts)

    def parents() -> dict[str, Version]:
        return {"prompts": stand(lake, PROMPTS, "prompts", prompts, samples_at_fuse="v"), "generations": stand(lake, GENERATIONS, "generate", clips),
                "rejects": stand(lake, REJECTS, "generate", [])}

    parents()
    before = outside(settings)
    bury(lake, source, "asked for")
    prompts[0] |= {"text": "erased", "shots": []} if erased else {}
    rows, rejects = published(settings, lake, parents())
    assert [made["prompt_id"] for made in rows] == [left]
    assert len(list((tmp_path / "out").glob("*.mp4"))) == 1
    assert [(r["sample_id"], r["check"], r["reason"]) for r in rejects] == [(gone, "takedown", "taken_down")]
    after = outside(settings)
    assert after != before  # what was published before it is another version
    bury(lake, row(SOURCES, source_id="U", sha256="2" * 64, uri="/in/c.mp4"), "")
    assert outside(settings) == after  # no prompt came from that one

"""The report draws the thresholds that what stands was judged by, also those that nothing broke."""

from jobs.cli.report import limits
from jobs.lake import Lake
from quality.charts import Limit
from schemas import REJECTS, SAMPLES


def stand(lake, table, job, recipe):
    fingerprint = job.ljust(12, "0")
    facts = {"table": table.name, "fingerprint": fingerprint, "job": job, "schema_version": 1, "recipe": recipe, "rows": 0, "files": []}
    lake.write_json(facts, table.name, fingerprint, "manifest.json")
    lake.write_json({"fingerprint": fingerprint}, "_current", f"{job}.json")


def test_thresholds_come_from_what_judged_and_not_from_the_settings_of_today(tmp_path):
    lake = Lake(str(tmp_path)).open(create=True)
    assert limits(lake) == ()
    policy = {"preset": "pretrain", "filters": {"sharpness": {"min_variance": 42.0}, "still": {"severity": "warn"}}}
    stand(lake, REJECTS, "judge", {"policy": policy})
    found = limits(lake)
    assert Limit("sharpness", "<", 42.0, "blurred") in found
    assert {limit.column for limit in found} >= {"text_area_share", "black_share", "letterbox_share"}
    assert not [limit for limit in found if limit.reason == "static"]  # it warns and drops nothing
    stand(lake, SAMPLES, "fuse", {"label": {"min_similarity": 0.2, "max_unsafe": 0.5, "min_consistency": 0.8}})
    assert {
        Limit("clip_text_similarity/caption", "<", 0.2, "off_caption"),
        Limit("safety/unsafe", ">", 0.5, "unsafe"),
        Limit("clip_embedding/consistency", "<", 0.8, "missed_cut"),
    } <= set(limits(lake))

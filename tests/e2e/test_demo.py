"""The main job, as a user runs it: the planted truth of a rendered corpus, through both DAGs in Airflow."""

import json
from pathlib import Path

import pytest

pytestmark = [pytest.mark.heavy, pytest.mark.spark, pytest.mark.airflow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def out(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("demo") / "demo"


def test_every_planted_source_ends_as_it_should(reelmill, out):
    code, told, said = reelmill("demo", "--out", out, "--json", timeout=1700)
    assert code in (0, 1), said
    facts = json.loads(told)
    assert [f for f in facts["truth"] if not f["ok"]] == []
    assert {Path(f["name"]).name.split("#")[0] for f in facts["truth"]} == {p.name for p in (out / "sources").iterdir()}
    assert facts["uneven"] == []
    assert facts["ok"]
    assert code == 0
    assert all(Path(v["path"]).stat().st_size > 10_000 for v in facts["videos"])
    assert len(facts["videos"]) == facts["stages"][-1]["kept"] > 0


def test_the_second_time_nothing_is_worked_on(reelmill, out):
    code, told, said = reelmill("demo", "--out", out, "--json", timeout=1700)
    assert code == 0, said
    facts = json.loads(told)
    assert facts["worked"] == []
    assert all(f["ok"] for f in facts["truth"])

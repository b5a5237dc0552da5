"""The files for images and clusters name only what exists: Airflow's options, our settings, commands, plugins, pools and folders."""

import re
import shutil
from pathlib import Path

import pytest
import yaml

from dags.common.defaults import GPU_POOL
from schemas.loading import known_names

INFRA = Path(__file__).parents[1] / "infra"
COMPOSE = yaml.safe_load((INFRA / "compose.yaml").read_text())
VALUES = yaml.safe_load((INFRA / "helm" / "values.yaml").read_text())
DOCKERFILE = (INFRA / "image" / "Dockerfile").read_text()


def environment() -> set[str]:
    services = [dict(s.get("environment") or {}) for s in COMPOSE["services"].values() if s["image"] == "reelmill"]
    image = dict(re.findall(r"(\w+)=(\S+)", DOCKERFILE.split("ENV ", 1)[1].split("\n\n", 1)[0]))
    return {name for named in (*services, image) for name in named} | {e["name"] for e in VALUES["env"]}


@pytest.mark.airflow
def test_every_option_of_airflow_exists():
    from airflow.configuration import conf

    named = {tuple(n.removeprefix("AIRFLOW__").lower().split("__")) for n in environment() if n.startswith("AIRFLOW__")}
    named |= {(section, option) for section, options in VALUES["config"].items() for option in options}
    known = {(section, option) for section, options in conf.configuration_description.items() for option in options["options"]}
    assert named - known == set()
    assert ("core", "dags_folder") in named


def test_every_setting_of_ours_exists():
    ours = {n.removeprefix("REELMILL_").lower().replace("__", ".") for n in environment() if n.startswith("REELMILL_")}
    settings = {n for n in ours if n.startswith(("recipe.", "runtime."))}
    assert settings == {"runtime.lake", "runtime.master"}
    assert settings <= set(known_names())
    assert ours - settings == {"cache", "relabel_schedule"}


def test_what_the_containers_start_is_there():
    for name, service in COMPOSE["services"].items():
        if service["image"] == "reelmill":
            words = service["command"]
            assert shutil.which(words[0]) or words[0] == "bash", name
            if words[0] == "spark-class":
                assert words[1].startswith("org.apache.spark.deploy."), name
    assert f"airflow pools set {GPU_POOL} 1" in COMPOSE["services"]["init"]["command"][-1]


def test_what_the_image_copies_is_there():
    for source in re.findall(r"^COPY (.+) \S+$", DOCKERFILE, re.M):
        assert all((INFRA.parent / part).exists() for part in source.split()), source
    assert (INFRA / "airflow" / "plugins" / "reelmill_quality.py").exists()
    assert DOCKERFILE.rstrip().splitlines()[-3].startswith("USER ")

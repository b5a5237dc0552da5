"""The files for images and clusters name only what exists: Airflow's options, our settings, commands, plugins, pools and folders."""

import importlib
import json
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


def test_the_pool_of_the_gpu_is_made_wherever_the_database_is():
    """Tasks of a pool that is not there wait for ever."""
    for made in (COMPOSE["services"]["init"]["command"], VALUES["migrateDatabaseJob"]["args"]):
        assert f"airflow db migrate && airflow pools set {GPU_POOL} 1" in made[-1]


def test_what_containers_sign_and_seal_with_is_the_same_in_all_of_them():
    """Left out, each makes a key of its own: logs of tasks are forbidden, connections unreadable."""
    of_airflow = [s for s in COMPOSE["services"].values() if "AIRFLOW__CORE__EXECUTOR" in (s.get("environment") or {})]
    assert len(of_airflow) >= 5
    for service in of_airflow:
        keys = [service["environment"][n] for n in ("AIRFLOW__API__SECRET_KEY", "AIRFLOW__API_AUTH__JWT_SECRET", "AIRFLOW__CORE__FERNET_KEY")]
        assert all(key.startswith(("${AIRFLOW_SECRET", "${AIRFLOW_FERNET_KEY:?")) for key in keys)
        assert "logs:/opt/airflow/logs" in service["volumes"]
    assert "${AIRFLOW_SECRET:?" in json.dumps(COMPOSE)


@pytest.mark.airflow
def test_the_executors_and_the_auth_manager_are_installed():
    from airflow.executors.executor_loader import ExecutorLoader

    pinned = (INFRA / "constraints-py311.txt").read_text() + (INFRA / "image" / "kubernetes.txt").read_text()
    assert "-r infra/image/kubernetes.txt" in DOCKERFILE
    executors = {ExecutorLoader.executors[name] for name in (VALUES["executor"], COMPOSE["services"]["scheduler"]["environment"]["AIRFLOW__CORE__EXECUTOR"])}
    for path in (*executors, VALUES["config"]["core"]["auth_manager"]):
        module, name = path.rsplit(".", 1)
        if module.startswith("airflow.providers."):  # apart from the environment of everybody else
            provider = "-".join(module.removeprefix("airflow.providers.").split(".")[:2])
            assert f"\napache-airflow-providers-{provider}==" in pinned
        else:
            assert getattr(importlib.import_module(module), name)
    assert not VALUES["createUserJob"]["enabled"], "it knows no other auth manager than that of FAB"


def test_what_the_image_copies_is_there():
    for source in re.findall(r"^COPY (.+) \S+$", DOCKERFILE, re.M):
        assert all((INFRA.parent / part).exists() for part in source.split()), source
    assert (INFRA / "airflow" / "plugins" / "reelmill_quality.py").exists()
    assert DOCKERFILE.rstrip().splitlines()[-3].startswith("USER ")

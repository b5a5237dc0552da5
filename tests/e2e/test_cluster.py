"""The same build on a Spark cluster: a standalone master and a worker in processes of their own make the same bytes as one machine."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from jobs.job import CORPUS
from jobs.spark import java_home

pytestmark = [pytest.mark.heavy, pytest.mark.spark]


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture
def cluster(tmp_path):
    """Address of a master that has one worker with two cores; both end with the test."""
    import pyspark

    command = Path(pyspark.__file__).parent / "bin" / "spark-class"
    env = os.environ | {"JAVA_HOME": java_home(), "SPARK_LOCAL_IP": "127.0.0.1"}
    port = free_port()
    master = f"spark://127.0.0.1:{port}"
    deploy = "org.apache.spark.deploy"
    words = {
        "master": [f"{deploy}.master.Master", "--host", "127.0.0.1", "--port", str(port), "--webui-port", "0"],
        "worker": [f"{deploy}.worker.Worker", "--host", "127.0.0.1", "--webui-port", "0", "--cores", "2", "--memory", "2g",
                   "--work-dir", str(tmp_path / "work"), master],
    }
    started = []
    for name, said in words.items():
        log = open(tmp_path / f"{name}.log", "wb")
        started.append(subprocess.Popen([str(command), *said], env=env, stdout=log, stderr=log, start_new_session=True))
    patience = time.monotonic() + 120
    while "Successfully registered with master" not in (tmp_path / "worker.log").read_text():
        assert time.monotonic() < patience, (tmp_path / "worker.log").read_text()
        time.sleep(0.5)
    yield master
    for process in started:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_a_cluster_makes_the_same_bytes(cluster, tiny, built, reelmill, facts_of, tmp_path):
    lake = tmp_path / "lake"
    code, _, said = reelmill("build", tiny, "--lake", lake, "--set", f"master={cluster}", timeout=800)
    assert code == 0, said
    assert list((tmp_path / "work").glob("app-*/*")), "the worker ran no executor"
    for job in CORPUS:
        assert facts_of(lake, job) == facts_of(built, job), job

"""An Airflow of its own for the tests: a home in a temporary folder, SQLite, no examples. Set before Airflow is imported."""

import os
import tempfile
from pathlib import Path

import pytest

HOME = Path(tempfile.mkdtemp(prefix="reelmill-airflow-"))
ROOT = Path(__file__).resolve().parents[2]

from dags.run_once import environment, migrate  # noqa: E402

os.environ.update(environment(HOME))


@pytest.fixture(scope="session")
def airflow_home() -> Path:
    """Home of an Airflow whose database is made."""
    migrate(HOME)
    yield HOME
    import shutil

    shutil.rmtree(HOME, ignore_errors=True)


@pytest.fixture(scope="session")
def bag(airflow_home):
    """Our DAGs as Airflow reads them."""
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(str(ROOT / "dags"))

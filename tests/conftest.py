"""Fixtures that several folders share."""

import sys
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("fixed", derandomize=True, deadline=None)  # the first example may load a dictionary
settings.load_profile("fixed")

ROOT = Path(__file__).parents[1]

if sys.modules["__main__"].__spec__ is None and not hasattr(sys.modules["__main__"], "__file__"):
    sys.modules["__main__"].__file__ = __file__  # PySpark takes a worker of pytest-xdist for a doctest, and ends it


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--bless", action="store_true", help="write the golden files anew")


@pytest.fixture
def bless(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--bless"))


@pytest.fixture
def root() -> Path:
    return ROOT


@pytest.fixture
def media(root: Path) -> Path:
    """Real files, some malformed; not part of the repository."""
    folder = root.parent / "shared" / "media"
    if not folder.exists():
        pytest.skip("the folder of real media is not beside this checkout")
    return folder

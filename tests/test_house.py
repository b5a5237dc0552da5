"""The architecture as tests: whose names ours are, who may import what, and what the tracked files may hold."""

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("schemas", "quality", "jobs", "dags")
MODULES = sorted(p for name in PACKAGES for p in (ROOT / name).rglob("*.py"))
MAX_LINES = 600
MACHINE = re.compile(r"(?<![\w.])/(?:work|tmp/rw|root|home/\w+)/")
"""Paths of somebody's machine."""
WEIGHTS = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib")
"""Formats that run code when they are read."""


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def tracked() -> tuple[Path, ...]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:  # a source archive: everything that is not made by a run
        return tuple(p for p in ROOT.rglob("*") if p.is_file() and not {".venv", ".cache", "__pycache__"} & set(p.parts))
    return tuple(path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file())


@cache
def imports(path: Path) -> frozenset[str]:
    """Top-level names of the modules that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return frozenset(found)


def importers(package: str) -> set[str]:
    return {name_of(path) for path in MODULES if package in imports(path)}


@pytest.mark.parametrize("name", PACKAGES)
def test_our_generic_names_are_ours(name):
    assert Path(importlib.import_module(name).__file__).is_relative_to(ROOT)


def test_folders_only_look_down():
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]


def test_only_job_files_and_the_spark_file_know_spark():
    allowed = {name_of(p) for p in MODULES if re.fullmatch(r"jobs/(spark|\w+/job)\.py", name_of(p))}
    assert importers("pyspark") <= allowed


def test_only_dags_and_the_plugin_know_airflow():
    assert all(name.startswith("dags/") or name == "quality/plugin.py" for name in importers("airflow"))


def test_great_expectations_stays_in_the_gates():
    assert importers("great_expectations") == {"quality/expect.py"}


def test_what_is_imported_is_declared_and_not_only_brought_along_by_others():
    declared = {re.split(r"[\[<>=!~; ]", d)[0] for d in tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]}
    brought_by = packages_distributions()
    foreign = set().union(*map(imports, MODULES)) - set(PACKAGES) - sys.stdlib_module_names
    names = {module: {d.lower().replace("_", "-") for d in brought_by.get(module, ())} for module in foreign}
    assert {m for m, packages in names.items() if not any(p == d or p.startswith(f"{d}-") for p in packages for d in declared)} == set()


def test_a_dag_never_imports_a_job():
    assert not [name_of(p) for p in MODULES if p.is_relative_to(ROOT / "dags") and "jobs" in imports(p)]


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_says_what_it_is_for_and_stays_readable(path):
    text = path.read_text(encoding="utf-8")
    assert not text or ast.get_docstring(ast.parse(text)), "a module opens with a docstring"
    assert text.count("\n") <= MAX_LINES, f"longer than {MAX_LINES} lines"


def test_no_module_is_a_drawer_for_leftovers():
    drawers = {"utils", "util", "misc", "helpers", "manager", "base"}
    assert not [name_of(p) for p in MODULES if p.stem in drawers]
    shared = {name_of(p) for p in MODULES if "common" in (p.stem, p.parent.name)}
    assert all(name.startswith(("dags/common/", "jobs/cli/common")) for name in shared)


def test_no_tracked_text_names_a_machine():
    found = {}
    for path in tracked():
        data = path.read_bytes()
        if b"\0" in data[:8192] or path == Path(__file__).resolve():
            continue
        if lines := [n for n, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1) if MACHINE.search(line)]:
            found[name_of(path)] = lines
    assert found == {}


def test_no_tracked_file_is_a_format_that_runs_code_when_read():
    assert [name_of(p) for p in tracked() if p.suffix in WEIGHTS] == []


def test_names_of_dag_files_are_no_names_of_modules():
    """Airflow puts the dags folder itself on the path, so that `dags/x.py` is importable as `x`."""
    for path in (ROOT / "dags").glob("*.py"):
        if path.stem != "__init__":
            found = importlib.util.find_spec(path.stem)
            assert found is None or Path(found.origin).resolve() == path, path.stem

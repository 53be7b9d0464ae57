"""Which way imports run, and the name trap: read from the source, so that no import can hide in a branch."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = frozenset({"backend", "ingestion", "loaders", "stack", "tests", "benchmarks"})
MAY_IMPORT = {
    "backend": {"backend"},
    "loaders": {"loaders"},
    # settings, state with the ranges of a backfill, control totals, and the modules both sides stand on; never a loader
    "ingestion": {
        "ingestion",
        *(f"loaders.{m}" for m in ("config", "state_store", "backfill", "reconciliation")),
        *(f"loaders.{m}" for m in ("errors", "database", "command", "fail_point")),
    },
    "stack": {"stack", "loaders", "ingestion", "backend"},
    "airflow": {"ingestion", "loaders"},
    "benchmarks": {"benchmarks", "stack", "loaders", "ingestion", "backend"},
}


def sources(folder: str) -> list[Path]:
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files, f"{folder} holds no Python: this test would check nothing"
    return files


def imported(file: Path) -> set[str]:
    """Every module that a file imports, wherever the import stands."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def allowed(module: str, rules: set[str]) -> bool:
    return any(module == rule or module.startswith(f"{rule}.") for rule in rules)


@pytest.mark.parametrize("folder", sorted(MAY_IMPORT))
def test_each_folder_imports_only_what_the_design_allows(folder: str) -> None:
    wrong = {
        f"{file.relative_to(ROOT)} imports {module}"
        for file in sources(folder)
        for module in imported(file)
        if module.split(".")[0] in OURS and not allowed(module, MAY_IMPORT[folder])
    }
    assert wrong == set()


@pytest.mark.parametrize("folder", ["backend", "ingestion", "loaders", "stack"])
def test_only_the_dags_import_airflow(folder: str) -> None:
    wrong = {str(file) for file in sources(folder) if any(m.split(".")[0] == "airflow" for m in imported(file))}
    assert wrong == set()


def test_a_dag_imports_nothing_of_ours_while_it_is_parsed() -> None:
    for file in sources("airflow/dags"):
        top = [node for node in ast.parse(file.read_text(encoding="utf-8")).body if isinstance(node, ast.ImportFrom)]
        assert not [node.module for node in top if node.module and node.module.split(".")[0] in OURS]


@pytest.mark.parametrize("name", ["airflow", "dbt"])
def test_folders_named_like_installed_packages_are_no_packages(name: str) -> None:
    """With an `__init__.py` anywhere in them, `import airflow` would find the checkout and not Airflow."""
    assert list((ROOT / name).rglob("__init__.py")) == []
    assert not (ROOT / "tests" / name).exists()


def test_installed_airflow_and_dbt_win_over_our_folders() -> None:
    import airflow
    import dbt.version

    for module in (airflow, dbt.version):
        assert module.__file__ is not None
        assert ROOT not in Path(module.__file__).parents or ".venv" in module.__file__


def test_every_package_that_is_imported_is_named_in_requirements() -> None:
    """An import that only works because somebody else's dependency brought it breaks when they drop it."""
    lines = (ROOT / "requirements.in").read_text(encoding="utf-8").splitlines()
    named = {line.split("#")[0].split(";")[0].split("==")[0].strip().replace("-", "_") for line in lines}
    # starlette is a part of what fastapi publishes as its own interface
    known_as = {"psycopg2_binary": "psycopg2", "dbt_core": "dbt", "apache_airflow": "airflow"}
    provided = {known_as.get(name, name) for name in named} | {"starlette"} | set(sys.stdlib_module_names) | OURS
    wrong = {
        f"{file.relative_to(ROOT)} imports {module}"
        for folder in ("backend", "ingestion", "loaders", "stack")
        for file in sources(folder)
        for module in imported(file)
        if module.split(".")[0] not in provided
    }
    assert wrong == set()

"""Which way imports run, and the name trap: read from the source, so that no import can hide in a branch."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

from tests.product_files import product_files

ROOT = Path(__file__).parents[2]
# Each package, and which of ours it may import besides itself. By package, with no exceptions: what needs one more
# module of a floor above stands on the wrong floor. docs/architecture.md shows this table.
STAGES = {"ingestion", "loaders", "gold"}
MAY_IMPORT: dict[str, set[str]] = {
    "backend": set(),
    "medallion": set(),
    **{stage: {"medallion"} for stage in STAGES},
    "quality": {*STAGES, "medallion"},
    "report": {"medallion"},
    "dashboards": {"medallion"},
    "portal": {"report", "medallion"},
    "airflow": {"quality", *STAGES, "medallion"},
    "stack": {"backend", "dashboards", "quality", "portal", "report", *STAGES, "medallion"},
    "benchmarks": {"stack", "backend", "dashboards", "quality", "portal", "report", *STAGES, "medallion"},
}
OURS = frozenset({*MAY_IMPORT, "tests"}) - {"airflow"}  # `airflow` is the installed package: our folder is none
PACKAGES = sorted(OURS - {"tests", "benchmarks"})


def sources(folder: str) -> list[Path]:
    return product_files(folder)


def imported(file: Path) -> set[str]:
    """Every module that a file imports, wherever the import stands."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("folder", sorted(MAY_IMPORT))
def test_each_package_imports_only_what_the_design_allows(folder: str) -> None:
    wrong = {
        f"{file.relative_to(ROOT)} imports {module}"
        for file in sources(folder)
        for module in imported(file)
        if module.split(".")[0] in OURS - MAY_IMPORT[folder] - {folder}
    }
    assert wrong == set()


def test_the_documented_table_names_the_same_imports() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z]+)/` \|[^|]*\|([^|]*)\|$", text, re.MULTILINE)
    documented = {folder: set(re.findall(r"`([a-z_.]+)`", cell)) for folder, cell in rows if folder != "dbt"}
    assert documented == MAY_IMPORT


def modules() -> dict[str, Path]:
    """Every module of the platform, by the name under which it is imported."""
    files = [file for folder in (*PACKAGES, "benchmarks") for file in sources(folder)]
    ours = {".".join(file.relative_to(ROOT).with_suffix("").parts): file for file in files}
    return ours | {file.stem: file for file in sources("airflow/plugins")}


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Wherever the import stands: one inside a function hides a circle and does not end it."""
    ours = modules()
    needs = {name: {one for one in _stems(imported(file)) if one in ours} for name, file in ours.items()}
    assert _circles(needs) == []


def test_a_circle_is_found() -> None:
    assert _circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]


def test_no_rooms_of_a_package_need_each_other_in_a_circle() -> None:
    """A room is a folder within a package, or a module next to one. An import for a type counts, too."""
    ours = modules()
    needs = {name: {one for one in _stems(imported(file)) if one in ours} for name, file in ours.items()}
    packages = {name.rpartition(".")[0] for name in ours} - {""}
    circles = {package: _circles(_between_rooms(package, needs)) for package in sorted(packages)}
    assert {package: found for package, found in circles.items() if found} == {}


def _between_rooms(package: str, needs: dict[str, set[str]]) -> dict[str, set[str]]:
    """Which rooms of a package each of its rooms needs."""
    rooms: dict[str, set[str]] = {}
    for name, needed in needs.items():
        room = _room_of(package, name)
        if room:
            rooms.setdefault(room, set()).update(
                {other for one in needed if (other := _room_of(package, one))} - {room}
            )
    return rooms


def _room_of(package: str, module: str) -> str:
    return module.removeprefix(f"{package}.").partition(".")[0] if module.startswith(f"{package}.") else ""


def _stems(names: set[str]) -> set[str]:
    """Modules and what may be a name in one: `a.b` for an import of `c` from `a.b`."""
    return names | {name.rpartition(".")[0] for name in names}


def _circles(needs: dict[str, set[str]]) -> list[list[str]]:
    """Groups of modules each of which reaches all the others."""
    reached = {name: _reachable(name, needs) for name in needs}
    groups = {frozenset(other for other in reached[name] if name in reached[other]) for name in needs}
    return sorted(sorted(group) for group in groups if group)


def _reachable(name: str, needs: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [name]
    while waiting:
        new = needs.get(waiting.pop(), set()) - found
        found |= new
        waiting += new
    return found


@pytest.mark.parametrize("folder", PACKAGES)
def test_only_the_dags_import_airflow(folder: str) -> None:
    wrong = {str(file) for file in sources(folder) if any(m.split(".")[0] == "airflow" for m in imported(file))}
    assert wrong == set()


def test_a_dag_imports_only_the_table_of_steps_while_it_is_parsed() -> None:
    for file in [*sources("airflow/dags"), *sources("airflow/plugins")]:
        top = [node for node in ast.parse(file.read_text(encoding="utf-8")).body if isinstance(node, ast.ImportFrom)]
        ours = {node.module for node in top if node.module and node.module.split(".")[0] in OURS}
        assert ours <= {"medallion.process.steps"}, file


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
    """An import that works only by another package's dependency breaks when that package drops it."""
    lines = (ROOT / "requirements.in").read_text(encoding="utf-8").splitlines()
    named = {line.split("#")[0].split(";")[0].split("==")[0].strip().replace("-", "_") for line in lines}
    # starlette is a part of what fastapi publishes as its own interface
    known_as = {"psycopg2_binary": "psycopg2", "dbt_core": "dbt", "apache_airflow": "airflow", "pyyaml": "yaml"}
    provided = {known_as.get(name, name) for name in named} | {"starlette"} | set(sys.stdlib_module_names) | OURS
    wrong = {
        f"{file.relative_to(ROOT)} imports {module}"
        for folder in PACKAGES
        for file in sources(folder)
        for module in imported(file)
        if module.split(".")[0] not in provided
    }
    assert wrong == set()


def test_settings_and_state_are_also_known_by_their_first_names() -> None:
    import loaders.config
    import loaders.state_store
    import medallion.settings
    import medallion.state.watermarks

    assert loaders.config.load_settings is medallion.settings.load_settings
    assert loaders.state_store.advance_watermark is medallion.state.watermarks.advance_watermark
